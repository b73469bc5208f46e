//! Where folds stood. What is kept here is derived from the facts and only saves time: an answer is the fold that was
//! kept last, and the logs after it.

use crate::{
    Store, chains,
    conn::{Arg, Row, Tx, bound, int},
    contracts::must_hold,
    error::{Result, StoreError},
    ids::{self, blocks_from, on_fork},
    read::{block, contract_id, logs_of},
    readings::Reading,
    spoke::{Heights, heights},
    types::{BlockRef, Contract, RawLog},
};
use alloy_primitives::{Address, Bytes};

/// A fold of all canonical logs of a contract up to and including a block, written down by who folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFold {
    /// The block.
    pub number: u64,
    /// The fold. The store does not look into it.
    pub state: Vec<u8>,
}

/// All that an answer takes: the fold that was kept last, what came after it, and what was said beside the chain.
pub(crate) struct Since {
    pub(crate) kept: Option<KeptFold>,
    /// All of them, by block, then in the order of what was asked.
    pub(crate) readings: Vec<Reading>,
    /// In blocks that were reorged out, by height, block hash and place.
    pub(crate) orphaned: Vec<RawLog>,
    /// How often anything of the chain had been written ([`ChainStatus::writes`](crate::ChainStatus::writes)).
    pub(crate) writes: u64,
    /// In chain order; the first of them, if there are many.
    pub(crate) logs: Vec<RawLog>,
    /// The block from which on there may be more; `None` if these are all.
    pub(crate) last: Option<u64>,
}

/// The same before anybody went where it was said.
pub(crate) struct Outline {
    /// Without logs.
    pub(crate) since: Since,
    /// The number that the database gave to the contract.
    pub(crate) contract: i64,
    /// The ids of the blocks with its logs, in order.
    pub(crate) blocks: Vec<i64>,
}

/// The block of its fold of the version `$3` that was kept last up to block `$4`.
macro_rules! kept {
    () => {
        concat!(
            "(SELECT number FROM folds WHERE contract_id = ",
            contract_id!(),
            " AND version = $3 AND number <= $4 ORDER BY number DESC LIMIT 1)"
        )
    };
}

/// All of [`Since`]. What is asked for twice is written twice: SQLite goes there twice, which costs less than the table that
/// it would make of a name. And which comes first is said, for left to itself it may go through all blocks of the chain.
const SINCE: &str = concat!(
    "SELECT e.first, NULL, 0, e.more, e.contract_id, '', NULL, CAST(0 AS BIGINT)
     FROM (",
    heights!(contract_id!(), concat!("COALESCE(", kept!(), ", 0)")),
    ") e
     UNION ALL
     SELECT b.number, b.hash, b.unix_time, r.value, r.contract_id, r.what, r.subject, 1
     FROM readings r CROSS JOIN blocks b
     WHERE r.contract_id = ",
    contract_id!(),
    " AND r.number <= $4 AND b.id = ",
    blocks_from!(),
    " + r.number AND b.hash = r.block_hash
     UNION ALL
     SELECT number, NULL, 0, state, 0, '', NULL, 2 FROM folds
     WHERE contract_id = ",
    contract_id!(),
    " AND version = $3 AND number = ",
    kept!(),
    " UNION ALL
     SELECT b.number, b.hash, b.unix_time, b.said, o.contract_id, '', NULL, 3
     FROM spoke_aside o CROSS JOIN blocks b
     WHERE o.contract_id = ",
    contract_id!(),
    " AND o.number <= $4 AND b.id = ",
    on_fork!("o.number", "o.fork"),
    "
     UNION ALL
     SELECT writes, NULL, blocks_from, NULL, 0, '', NULL, 4 FROM chains WHERE chain_id = $1"
);

impl Store {
    /// What a contract said after the block of the fold that was kept last at or before `up_to`, up to and including
    /// `up_to`; after no block if none was kept under this version. And all that it was read to say up to there, and what it
    /// said in blocks that were reorged out.
    ///
    /// Asked again if anything of the chain was written in between, so that all of it is of one moment.
    pub(crate) async fn since_kept(
        &self,
        contract: &Contract,
        version: Option<u32>,
        up_to: u64,
    ) -> Result<Since> {
        loop {
            let Outline { mut since, contract: id, blocks } =
                self.outline(contract, version, up_to).await?;
            let read = self.blocks_of_moment(contract.chain_id, &blocks, bound(since.writes));
            let Some(rows) = read.await? else { continue };
            for row in &rows {
                logs_of(block(row)?, row.bytes(3)?, (contract.address, id), &mut since.logs)?;
            }
            since.logs.sort_by_key(|log| (log.block.number, log.log_index));
            return Ok(since);
        }
    }

    /// All of it but the logs, and where they are.
    pub(crate) async fn outline(
        &self,
        contract: &Contract,
        version: Option<u32>,
        up_to: u64,
    ) -> Result<Outline> {
        let args = [
            Arg::Int(int("chain id", contract.chain_id)?),
            Arg::Bytes(contract.address.as_slice()),
            // No state has this version.
            Arg::Int(version.map_or(-1, i64::from)),
            Arg::Int(ids::up_to(up_to)),
        ];
        let mut since = Since {
            kept: None,
            readings: Vec::new(),
            orphaned: Vec::new(),
            writes: 0,
            logs: Vec::new(),
            last: None,
        };
        let (mut heights, mut id, mut from) = (Heights::default(), 0, 0);
        for row in self.pool.rows(SINCE, &args).await? {
            match row.int(7)? {
                0 => {
                    id = row.int(4)?;
                    heights.row(row.int(0)?, row.bytes(3)?)?;
                }
                1 => since.readings.push(Reading {
                    block: block(&row)?,
                    what: row.text(5)?.to_owned(),
                    subject: Bytes::copy_from_slice(row.bytes(6)?),
                    value: Bytes::copy_from_slice(row.bytes(3)?),
                }),
                2 => since.kept = Some(kept_fold(&row, 0, 3)?),
                3 => {
                    let of = (contract.address, row.int(4)?);
                    logs_of(block(&row)?, row.bytes(3)?, of, &mut since.orphaned)?;
                }
                _ => (since.writes, from) = (row.number(0)?, row.int(2)?),
            }
        }
        since.orphaned.sort_by_key(|log| (log.block.number, log.block.hash, log.log_index));
        sort(&mut since.readings);
        let after = since.kept.as_ref().map_or(-1, |kept| bound(kept.number));
        let (heights, last) = heights.within(after, ids::up_to(up_to));
        since.last = last;
        let blocks = heights.iter().map(|height| from + height).collect();
        Ok(Outline { since, contract: id, blocks })
    }

    /// The folds of a contract that were kept under this version of blocks after `after`, by block; at most `limit`.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn kept_folds(
        &self,
        contract: &Contract,
        version: u32,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<KeptFold>> {
        let sql = "SELECT f.number, f.state FROM contracts c JOIN folds f ON f.contract_id = c.id
             WHERE c.chain_id = $1 AND c.address = $2 AND f.version = $3 AND f.number > $4
             ORDER BY f.number LIMIT $5";
        let args = [
            Arg::Int(int("chain id", contract.chain_id)?),
            Arg::Bytes(contract.address.as_slice()),
            Arg::Int(i64::from(version)),
            Arg::Int(after.map_or(-1, bound)),
            Arg::Int(i64::from(limit)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(|row| kept_fold(row, 0, 1)).collect()
    }

    /// Keeps folds of contracts' logs as they are with the chain standing at `at`, each with its version. One that was
    /// kept of the same block is replaced. All or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if `at` is not a canonical block of the store (any more), for then the folds may be
    /// those of another branch; [`StoreError::UnknownContract`], [`StoreError::UnknownChain`].
    pub(crate) async fn keep_folds(
        &self,
        chain_id: u64,
        folds: &[(Address, u32, KeptFold)],
        at: &BlockRef,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        // The lock keeps a rewind from coming between.
        let chain = chains::lock(&mut tx, chain_id).await?;
        must_hold(&mut tx, &chain, at).await?;
        let mut contract = None;
        for (address, version, fold) in folds {
            let id = match contract {
                Some((last, id)) if last == *address => id,
                _ => id_of(&mut tx, chain_id, *address).await?,
            };
            contract = Some((*address, id));
            let sql = "INSERT INTO folds (contract_id, number, version, state) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (contract_id, number) DO UPDATE SET version = excluded.version, state = excluded.state";
            let args = [
                Arg::Int(id),
                Arg::Int(int("block number", fold.number)?),
                Arg::Int(i64::from(*version)),
                Arg::Bytes(&fold.state),
            ];
            tx.execute(sql, &args).await?;
        }
        tx.commit().await
    }
}

/// By block, then in the order of what was asked.
pub(crate) fn sort(readings: &mut [Reading]) {
    readings.sort_by(|one, other| {
        let place = |r: &Reading| r.block.number;
        (place(one), &one.what, &one.subject).cmp(&(place(other), &other.what, &other.subject))
    });
}

async fn id_of(tx: &mut Tx, chain_id: u64, address: Address) -> Result<i64> {
    let sql = "SELECT id FROM contracts WHERE chain_id = $1 AND address = $2 AND canonical = 1";
    let args = [Arg::Int(int("chain id", chain_id)?), Arg::Bytes(address.as_slice())];
    let row = tx.row(sql, &args).await?;
    row.ok_or(StoreError::UnknownContract { chain_id, address })?.int(0)
}

fn kept_fold(row: &Row, number: usize, state: usize) -> Result<KeptFold> {
    Ok(KeptFold { number: row.number(number)?, state: row.bytes(state)?.to_vec() })
}

/// Forgets folds that facts which came late are not in: those of this contract from this block on.
pub(crate) async fn forget(tx: &mut Tx, contract: i64, from: u64) -> Result<()> {
    let sql = "DELETE FROM folds WHERE contract_id = $1 AND number >= $2";
    tx.execute(sql, &[Arg::Int(contract), Arg::Int(bound(from))]).await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_goes_straight_to_each_block() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        store.goes_straight(SINCE).await;
    }
}
