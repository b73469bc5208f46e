//! Questions. All but those that say so are about the canonical chain.

use crate::{
    Store,
    bulk::{pieces, within},
    conn::{Arg, Row, bound, int},
    error::Result,
    facts::prefix,
    packed::{PackedLog, visit},
    types::{BlockRef, Contract, RawLog},
};
use alloy_primitives::{Address, B256};

/// What was said in each block in which a contract spoke, in the order that [`spoken_logs`] reads. First where it spoke,
/// then what: left to itself, SQLite goes through all blocks of the chain and looks into each whether it did.
macro_rules! spoken {
    () => {
        "SELECT b.number, b.hash, b.unix_time, b.said, c.address, c.id
         FROM contracts c CROSS JOIN emitted e CROSS JOIN blocks b
         WHERE e.contract_id = c.id AND b.chain_id = c.chain_id AND b.number = e.number AND b.fork = e.fork AND "
    };
}

/// Blocks read at a time. In the text of a query rather than an argument: SQLite plans a statement anew each time its
/// limit is bound, which costs as much as the query.
macro_rules! step {
    () => {
        512
    };
}
pub(crate) use step;

/// The same as a number.
pub(crate) const STEP: i64 = step!();

/// The number of the contract of the chain `$1` with the address `$2`.
macro_rules! contract_id {
    () => {
        "(SELECT id FROM contracts WHERE chain_id = $1 AND address = $2)"
    };
}
pub(crate) use contract_id;

/// Reads the logs of one contract in pieces of whole blocks, so that a long history does not have to fit into memory.
#[derive(Debug)]
pub struct LogSteps<'a> {
    contract: &'a Contract,
    up_to: u64,
    /// The block that was read last; `None` once all were.
    last: Option<i64>,
}

impl<'a> LogSteps<'a> {
    /// The blocks after `after` up to and including `up_to`.
    #[must_use]
    pub fn new(contract: &'a Contract, after: Option<u64>, up_to: u64) -> Self {
        Self { contract, up_to, last: Some(after.map_or(-1, bound)) }
    }

    /// The next logs, in chain order; `None` after the last.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn next(&mut self, store: &Store) -> Result<Option<Vec<RawLog>>> {
        let Some(last) = self.last else { return Ok(None) };
        // First which blocks, then what is in them: left to itself, a server that has not counted its rows yet may begin
        // with all blocks of the chain, because they are in the right order, and take minutes.
        let sql = concat!(
            "SELECT b.number, b.hash, b.unix_time, b.said, c.address, c.id
             FROM (
                 SELECT contract_id, number, fork FROM emitted WHERE contract_id = ",
            contract_id!(),
            " AND fork = 0 AND number <= $3 AND number > $4
                 ORDER BY number LIMIT ",
            step!(),
            ") e
             JOIN contracts c ON c.id = e.contract_id
             JOIN blocks b ON b.chain_id = $1 AND b.number = e.number AND b.fork = e.fork"
        );
        let args = [
            Arg::Int(int("chain id", self.contract.chain_id)?),
            Arg::Bytes(self.contract.address.as_slice()),
            Arg::Int(bound(self.up_to)),
            Arg::Int(last),
        ];
        let rows = store.pool.rows(sql, &args).await?;
        let mut logs = Vec::new();
        self.last = None;
        for row in &rows {
            spoken_logs(row, &mut logs)?;
            if rows.len() as i64 == STEP {
                self.last = self.last.max(Some(row.int(0)?));
            }
        }
        logs.sort_by_key(|log| (log.block.number, log.log_index));
        Ok(Some(logs))
    }
}

impl Store {
    /// The logs of some contracts up to and including block `up_to`, in chain order. No address, no logs; an address
    /// counts once.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn logs(
        &self,
        chain_id: u64,
        addresses: &[Address],
        up_to: u64,
    ) -> Result<Vec<RawLog>> {
        let mut addresses = addresses.to_vec();
        addresses.sort_unstable();
        addresses.dedup();
        let mut found = Vec::new();
        for piece in pieces(&addresses) {
            let mut args = vec![Arg::Int(int("chain id", chain_id)?), Arg::Int(bound(up_to))];
            args.extend(piece.iter().map(|address| Arg::Bytes(address.as_slice())));
            let sql = within(
                concat!(
                    spoken!(),
                    "c.chain_id = $1 AND e.fork = 0 AND e.number <= $2 AND c.address IN"
                ),
                3,
                piece.len(),
                "",
            );
            for row in self.pool.rows(sql, &args).await? {
                spoken_logs(&row, &mut found)?;
            }
        }
        found.sort_by_key(|log| (log.block.number, log.log_index));
        Ok(found)
    }

    /// The logs of a contract in blocks that were reorged out, by height, block hash and place. They say nothing
    /// about the canonical chain; but something may have acted on them.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn orphaned_logs(&self, chain_id: u64, address: Address) -> Result<Vec<RawLog>> {
        let sql = concat!(spoken!(), "c.chain_id = $1 AND c.address = $2 AND e.fork > 0");
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Bytes(address.as_slice())];
        let mut found = Vec::new();
        for row in self.pool.rows(sql, &args).await? {
            spoken_logs(&row, &mut found)?;
        }
        found.sort_by_key(|log| (log.block.number, log.block.hash, log.log_index));
        Ok(found)
    }

    /// Stored blocks that were reorged out, from height `from` to `to`, both included, by height and hash.
    ///
    /// A page that goes back to a branch which had been left names the blocks that carry logs, but not others that
    /// once ended a page there; those stay marked as orphaned although they are on the chain again. A writer that
    /// finds some of them in the range of a page asks the node for their heights, and puts those that are back into
    /// [`Page::blocks`](crate::Page::blocks).
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn orphaned_blocks(
        &self,
        chain_id: u64,
        from: u64,
        to: u64,
    ) -> Result<Vec<BlockRef>> {
        let sql = "SELECT number, hash, unix_time FROM blocks
             WHERE chain_id = $1 AND fork > 0 AND number >= $2 AND number <= $3 ORDER BY number, hash";
        let args =
            [Arg::Int(int("chain id", chain_id)?), Arg::Int(bound(from)), Arg::Int(bound(to))];
        self.pool.rows(sql, &args).await?.iter().map(block).collect()
    }

    /// Stored blocks below a height, highest first, at most `limit`; to search for the common ancestor.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn canonical_blocks_below(
        &self,
        chain_id: u64,
        number: u64,
        limit: u32,
    ) -> Result<Vec<BlockRef>> {
        let sql = "SELECT number, hash, unix_time FROM blocks
             WHERE chain_id = $1 AND fork = 0 AND number < $2 ORDER BY number DESC LIMIT $3";
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(bound(number)),
            Arg::Int(i64::from(limit)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(block).collect()
    }

    /// The block at a height; `None` if it is not stored, as most are not that carry no fact.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn block_by_number(&self, chain_id: u64, number: u64) -> Result<Option<BlockRef>> {
        let sql = "SELECT number, hash, unix_time FROM blocks WHERE chain_id = $1 AND fork = 0 AND number = $2";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Int(bound(number))];
        self.pool.row(sql, &args).await?.map(|row| block(&row)).transpose()
    }

    /// The block with a hash, and whether it is on the canonical chain; orphaned blocks are found as well.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn block_by_hash(
        &self,
        chain_id: u64,
        hash: B256,
    ) -> Result<Option<(BlockRef, bool)>> {
        // The chain is not in the condition, as in `facts`.
        let sql = "SELECT number, hash, unix_time, fork, chain_id FROM blocks
             WHERE substr(hash, 1, 6) = $1 AND hash = $2";
        let args = [Arg::Bytes(prefix(&hash)), Arg::Bytes(hash.as_slice())];
        for row in self.pool.rows(sql, &args).await? {
            if row.number(4)? == chain_id {
                return Ok(Some((block(&row)?, row.int(3)? == 0)));
            }
        }
        Ok(None)
    }

    /// The highest stored block whose time is at or before `unix_time` (seconds). Since blocks without facts need not
    /// be stored, the state after it is the state at that time, provided that the checkpoint is later.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn last_block_at_or_before(
        &self,
        chain_id: u64,
        unix_time: u64,
    ) -> Result<Option<BlockRef>> {
        let sql = "SELECT number, hash, unix_time FROM blocks
             WHERE chain_id = $1 AND fork = 0 AND unix_time <= $2
             ORDER BY unix_time DESC, number DESC LIMIT 1";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Int(bound(unix_time))];
        self.pool.row(sql, &args).await?.map(|row| block(&row)).transpose()
    }
}

pub(crate) fn block(row: &Row) -> Result<BlockRef> {
    Ok(BlockRef { number: row.number(0)?, hash: row.hash(1)?, timestamp: row.number(2)? })
}

/// Adds what the contract of a row of [`spoken`] said in its block.
pub(crate) fn spoken_logs(row: &Row, to: &mut Vec<RawLog>) -> Result<()> {
    logs_of(block(row)?, row.bytes(3)?, (row.address(4)?, row.int(5)?), to)
}

/// Adds what a contract, address and number, said in a block, from all that was said there.
pub(crate) fn logs_of(
    block: BlockRef,
    said: &[u8],
    (address, contract): (Address, i64),
    to: &mut Vec<RawLog>,
) -> Result<()> {
    visit(said, Some(contract), |tx_index, tx_hash, log_index, log| {
        to.push(raw(block, (tx_index, tx_hash), address, (log_index, log)));
    })
}

/// A log of a block, of the transaction with this place and hash, of a contract, with its index.
pub(crate) fn raw(
    block: BlockRef,
    (tx_index, tx_hash): (u64, B256),
    address: Address,
    (log_index, log): (u64, PackedLog),
) -> RawLog {
    let PackedLog { topics, data, .. } = log;
    RawLog { block, log_index, tx_hash, tx_index, address, topics, data }
}

#[cfg(test)]
impl Store {
    /// Of a question that the text does not bound: SQLite never goes through all blocks, all contracts, or a table that it
    /// makes for itself.
    pub(crate) async fn goes_straight(&self, sql: &'static str) {
        let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let plan = self.pool.rows(sql, &[Arg::Int(0); 6]).await.unwrap();
        let plan: Vec<&str> = plan.iter().map(|row| row.text(3).unwrap()).collect();
        // What comes out of the steps before it, block by block.
        let straight = |step: &&&str| !step.starts_with("SCAN") || **step == "SCAN e";
        assert!(plan.iter().all(|step| straight(&step)), "{plan:#?}");
        assert!(!plan.iter().any(|step| step.contains("MATERIALIZE")), "{plan:#?}");
        let blocks: Vec<_> = plan.iter().filter(|step| step.starts_with("SEARCH b ")).collect();
        assert!(
            !blocks.is_empty() && blocks.iter().all(|step| step.contains("number=? AND fork=?")),
            "{plan:#?}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_begins_with_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        let sql = concat!(
            "EXPLAIN QUERY PLAN ",
            spoken!(),
            "c.chain_id = $1 AND e.fork = 0 AND e.number <= $2 AND c.address IN ($3)"
        );
        let args = [Arg::Int(31_337), Arg::Int(9), Arg::Bytes(&[0; 20])];
        let plan = store.pool.rows(sql, &args).await.unwrap();
        let plan: Vec<&str> = plan.iter().map(|row| row.text(3).unwrap()).collect();
        let tables: Vec<_> = plan.iter().map(|step| &step[..8]).collect();
        assert_eq!(tables, ["SEARCH c", "SEARCH e", "SEARCH b"], "{plan:#?}");
        assert!(plan[2].contains("number=?"), "{plan:#?}");
    }
}
