//! Chains, their checkpoint and the node's tags.

use crate::{
    Store,
    conn::{Arg, Row, Tx, int},
    error::{Result, StoreError},
    types::{BlockRef, ChainStatus, Tags},
};

/// Every column of a chain, in the order that [`status`] reads.
macro_rules! columns {
    () => {
        "chain_id, start_block, checkpoint_number, checkpoint_hash, checkpoint_time, \
         head_number, head_hash, head_time, safe_number, finalized_number, polled_at"
    };
}

/// Whether anything was observed on a chain, as the column behind those.
macro_rules! observed {
    () => {
        ", (SELECT COUNT(*) FROM (SELECT 1 FROM observed_instances i WHERE i.chain_id = chains.chain_id LIMIT 1) AS any_one)"
    };
}

impl Store {
    /// Begins to follow a chain from `start_block`, or returns where it stands.
    ///
    /// A later start than the stored one changes nothing, as more is known already. As long as nothing has been
    /// indexed, the start moves to the one asked for.
    ///
    /// # Errors
    /// [`StoreError::StartBlock`] if the chain was indexed from a later block, so that the blocks between would be
    /// missing.
    pub async fn ensure_chain(&self, chain_id: u64, start_block: u64) -> Result<ChainStatus> {
        let mut tx = self.begin_write().await?;
        let args =
            [Arg::Int(int("chain id", chain_id)?), Arg::Int(int("start block", start_block)?)];
        tx.execute("INSERT INTO chains (chain_id, start_block) VALUES ($1, $2) ON CONFLICT (chain_id) DO NOTHING", &args)
            .await?;
        let stored = lock(&mut tx, chain_id).await?;
        if stored.checkpoint.is_none() {
            tx.execute("UPDATE chains SET start_block = $2 WHERE chain_id = $1", &args).await?;
        } else if start_block < stored.start_block {
            return Err(StoreError::StartBlock {
                chain_id,
                stored: stored.start_block,
                asked: start_block,
            });
        }
        tx.commit().await?;
        self.chain(chain_id).await?.ok_or(StoreError::UnknownChain { chain_id })
    }

    /// Where a chain stands; `None` if it is not followed.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn chain(&self, chain_id: u64) -> Result<Option<ChainStatus>> {
        let args = [Arg::Int(int("chain id", chain_id)?)];
        let row = self
            .pool
            .row(
                concat!("SELECT ", columns!(), observed!(), " FROM chains WHERE chain_id = $1"),
                &args,
            )
            .await?;
        row.map(|row| status(&row)).transpose()
    }

    /// Every chain that is followed, by chain id.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn chains(&self) -> Result<Vec<ChainStatus>> {
        let rows = self
            .pool
            .rows(
                concat!("SELECT ", columns!(), observed!(), " FROM chains ORDER BY chain_id"),
                &[],
            )
            .await?;
        rows.iter().map(status).collect()
    }

    /// Remembers what the node said about its head, safe and finalized blocks.
    ///
    /// # Errors
    /// [`StoreError::UnknownChain`] before [`Store::ensure_chain`].
    pub async fn set_tags(&self, chain_id: u64, tags: &Tags) -> Result<()> {
        let mut tx = self.begin_write().await?;
        let changed = tx
            .execute(
                "UPDATE chains SET head_number = $2, head_hash = $3, head_time = $4, safe_number = $5,
                 finalized_number = $6, polled_at = $7 WHERE chain_id = $1",
                &[
                    Arg::Int(int("chain id", chain_id)?),
                    Arg::Int(int("block number", tags.head.number)?),
                    Arg::Bytes(tags.head.hash.as_slice()),
                    Arg::Int(int("timestamp", tags.head.timestamp)?),
                    Arg::MaybeInt(tags.safe.map(|n| int("block number", n)).transpose()?),
                    Arg::MaybeInt(tags.finalized.map(|n| int("block number", n)).transpose()?),
                    Arg::Int(int("timestamp", tags.polled_at)?),
                ],
            )
            .await?;
        if changed == 0 {
            return Err(StoreError::UnknownChain { chain_id });
        }
        tx.commit().await
    }
}

/// Reads a chain and keeps every other writer of it out until the transaction ends. An update that changes nothing,
/// because `FOR UPDATE` is not SQL that SQLite reads.
pub(crate) async fn lock(tx: &mut Tx, chain_id: u64) -> Result<ChainStatus> {
    let row = tx
        .row(
            concat!(
                "UPDATE chains SET start_block = start_block WHERE chain_id = $1 RETURNING ",
                columns!(),
                // Whoever writes does not ask.
                ", CAST(0 AS BIGINT)"
            ),
            &[Arg::Int(int("chain id", chain_id)?)],
        )
        .await?;
    status(&row.ok_or(StoreError::UnknownChain { chain_id })?)
}

/// Moves the checkpoint; the caller holds the lock.
pub(crate) async fn set_checkpoint(
    tx: &mut Tx,
    chain_id: u64,
    to: Option<&BlockRef>,
) -> Result<()> {
    tx.execute(
        "UPDATE chains SET checkpoint_number = $2, checkpoint_hash = $3, checkpoint_time = $4 WHERE chain_id = $1",
        &[
            Arg::Int(int("chain id", chain_id)?),
            Arg::MaybeInt(to.map(|b| int("block number", b.number)).transpose()?),
            Arg::MaybeBytes(to.map(|b| b.hash.as_slice())),
            Arg::MaybeInt(to.map(|b| int("timestamp", b.timestamp)).transpose()?),
        ],
    )
    .await?;
    Ok(())
}

fn status(row: &Row) -> Result<ChainStatus> {
    let tags = match (block(row, 5)?, row.maybe_number(10)?) {
        (Some(head), Some(polled_at)) => Some(Tags {
            head,
            safe: row.maybe_number(8)?,
            finalized: row.maybe_number(9)?,
            polled_at,
        }),
        _ => None,
    };
    Ok(ChainStatus {
        chain_id: row.number(0)?,
        start_block: row.number(1)?,
        checkpoint: block(row, 2)?,
        tags,
        is_observed: row.int(11)? > 0,
    })
}

/// Three columns, together or not at all.
fn block(row: &Row, first: usize) -> Result<Option<BlockRef>> {
    Ok(match (row.maybe_number(first)?, row.maybe_hash(first + 1)?, row.maybe_number(first + 2)?) {
        (Some(number), Some(hash), Some(timestamp)) => Some(BlockRef { number, hash, timestamp }),
        _ => None,
    })
}
