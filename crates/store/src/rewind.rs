//! Steps back after a reorg.

use crate::{
    Store, chains,
    conn::{Arg, Tx, int},
    error::{Result, StoreError},
    facts,
    ids::{self, height},
    journal::{self, Weight},
    types::{BlockRef, Rewound},
};

/// Blocks put aside at a time.
const STEP: i64 = 1024;

impl Store {
    /// Goes back to `to`, a block known to be on the chain (`None`: to before the first page), all or nothing. Every
    /// canonical block above it, or at its height with another hash, is orphaned with its logs; so is every contract
    /// that was named there. What was verified above counts as verified up to the highest block that stays. The
    /// checkpoint is `to` afterwards. No row is deleted.
    ///
    /// # Errors
    /// [`StoreError::InvalidPage`] if `to` is above the checkpoint, [`StoreError::UnknownChain`].
    pub async fn rewind(&self, chain_id: u64, to: Option<&BlockRef>) -> Result<Rewound> {
        let mut tx = self.begin_write().await?;
        let chain = chains::lock(&mut tx, chain_id).await?;
        if let Some(to) = to
            && chain.checkpoint.is_none_or(|stands| to.number > stands.number)
        {
            let why = format!("a rewind to block {} would be a step forward", to.number);
            return Err(StoreError::InvalidPage { chain_id, why });
        }
        let entry = journal::enter(&mut tx, &chain, to, Weight::Facts).await?;
        let rewound = put_aside(&mut tx, chain_id, to, entry).await?;
        if let Some(to) = to {
            facts::blocks(&mut tx, chain_id, &[*to], entry).await?;
        }
        chains::set_checkpoint(&mut tx, chain_id, to).await?;
        tx.commit().await?;
        Ok(rewound)
    }
}

async fn put_aside(
    tx: &mut Tx,
    chain_id: u64,
    to: Option<&BlockRef>,
    entry: i64,
) -> Result<Rewound> {
    let chain = int("chain id", chain_id)?;
    // Before the first block nothing stays, whatever its hash.
    let keep = to.map_or(Ok(-1), |block| height(block.number))?;
    let hash = to.map_or(&[] as &[u8], |block| block.hash.as_slice());
    let (mut orphaned_blocks, mut orphaned_logs) = (0, 0);
    let lowest = drop_blocks(tx, chain_id, (keep, hash), entry, |logs| {
        orphaned_blocks += 1;
        orphaned_logs += logs;
    })
    .await?
    .unwrap_or(i64::MAX);
    // What was folded is folded again, from what stays.
    let sql = "DELETE FROM folds WHERE number >= $2 AND contract_id IN (SELECT id FROM contracts WHERE chain_id = $1)";
    tx.execute(sql, &[Arg::Int(chain), Arg::Int(lowest)]).await?;

    // What was only named in a block that is gone is not followed any more, and no page covers it meanwhile.
    let orphaned_contracts = tx
        .execute(
            "UPDATE contracts SET canonical = 0, scanned_from = NULL, history_verified_at = NULL
             WHERE chain_id = $1 AND canonical = 1 AND named_by IS NOT NULL AND (found_at > $2 OR found_at >= $3)",
            &[Arg::Int(chain), Arg::Int(keep), Arg::Int(lowest)],
        )
        .await?;
    // Nor is the code known of one that was deployed there, named before.
    tx.execute(
        "UPDATE contracts SET code_kind = 'unknown', code_hash = NULL, implementation = NULL, identified_at = NULL,
             history_verified_at = NULL
         WHERE chain_id = $1 AND canonical = 1 AND (identified_at > $2 OR identified_at >= $3)",
        &[Arg::Int(chain), Arg::Int(keep), Arg::Int(lowest)],
    )
    .await?;
    // The next page begins right above `to` and covers all that stay. Who was covered only above it is not covered at
    // all now, and it may be long until that page comes: the gap is there at once.
    let next = to.map(|_| keep.saturating_add(1));
    tx.execute(
        "UPDATE contracts SET scanned_from = $3 WHERE chain_id = $1 AND scanned_from > $2",
        &[Arg::Int(chain), Arg::Int(keep), Arg::MaybeInt(next)],
    )
    .await?;
    unverify(tx, chain_id).await?;
    Ok(Rewound { orphaned_blocks, orphaned_logs, orphaned_contracts })
}

/// Puts aside the canonical blocks above `keep`, and the one at `keep` if it has another hash; tells of each how many logs
/// are in it, and gives the lowest.
async fn drop_blocks(
    tx: &mut Tx,
    chain_id: u64,
    (keep, hash): (i64, &[u8]),
    entry: i64,
    mut told: impl FnMut(u64),
) -> Result<Option<i64>> {
    let (chain, first) = (int("chain id", chain_id)?, ids::first(tx, chain_id).await?);
    let sql = "SELECT b.number, (SELECT MAX(o.fork) FROM blocks o WHERE o.place = b.id AND o.id >= 17592186044416)
         FROM blocks b WHERE b.id >= $1 AND b.id < $2 AND (b.id > $1 OR b.hash <> $3) ORDER BY b.id LIMIT $4";
    let mut lowest = None;
    loop {
        let args = [
            // Before its first block there is another chain.
            Arg::Int(first + keep.max(0)),
            Arg::Int(first + ids::end(u64::MAX)),
            Arg::Bytes(hash),
            Arg::Int(STEP),
        ];
        let rows = tx.rows(sql, &args).await?;
        for row in &rows {
            let number = row.int(0)?;
            lowest.get_or_insert(number);
            let fork = row.maybe_int(1)?.unwrap_or_default().saturating_add(1);
            told(facts::move_block(tx, (chain, first), number, (0, fork), entry).await?);
        }
        if (rows.len() as i64) < STEP {
            return Ok(lowest);
        }
    }
}

/// Histories that were verified on what is gone: a root commits to every entry before it, so it has verified the blocks
/// that stay as well, but of these only those that were held then. `to` need not be one: a block that nobody stored
/// was not below the one that was verified, as far as we know.
async fn unverify(tx: &mut Tx, chain_id: u64) -> Result<()> {
    let chain = int("chain id", chain_id)?;
    let first = ids::first(tx, chain_id).await?;
    let highest = "SELECT MAX(id) FROM blocks WHERE id >= $1 AND id < $2";
    let args = [Arg::Int(first), Arg::Int(first + ids::end(u64::MAX))];
    let highest = tx.row(highest, &args).await?.map(|row| row.maybe_int(0)).transpose()?;
    let highest = highest.flatten().map(|id| id - first);
    tx.execute(
        "UPDATE contracts SET history_verified_at = $2 WHERE chain_id = $1 AND history_verified_at > $3",
        &[Arg::Int(chain), Arg::MaybeInt(highest), Arg::Int(highest.unwrap_or(-1))],
    )
    .await?;
    Ok(())
}
