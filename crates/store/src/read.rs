//! Questions. All but those that say so are about the canonical chain.

use crate::{
    Store,
    conn::{Arg, Row, bound, int},
    error::Result,
    ids::{self, blocks_from, chain_speaker, on_fork},
    packed::{PackedLog, visit},
    types::{BlockRef, Contract, RawLog},
    words,
};
use alloy_primitives::{Address, B256};

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
pub struct LogSteps {
    chain_id: u64,
    address: Address,
    up_to: u64,
    /// The block that was read last; `None` once all were.
    last: Option<i64>,
}

impl LogSteps {
    /// The blocks after `after` up to and including `up_to`.
    #[must_use]
    pub fn new(contract: &Contract, after: Option<u64>, up_to: u64) -> Self {
        let last = Some(after.map_or(-1, bound));
        let Contract { chain_id, address, .. } = *contract;
        Self { chain_id, address, up_to, last }
    }

    /// The next logs, in chain order; `None` after the last.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn next(&mut self, store: &Store) -> Result<Option<Vec<RawLog>>> {
        let Some((rows, contract)) = self.blocks(store).await? else { return Ok(None) };
        let mut logs = Vec::new();
        for row in &rows {
            logs_of(block(row)?, row.bytes(3)?, (self.address, contract), &mut logs)?;
        }
        logs.sort_by_key(|log| (log.block.number, log.log_index));
        Ok(Some(logs))
    }

    /// The next blocks, as [`Store::blocks_of_moment`] gives them, with the number of the contract.
    pub(crate) async fn blocks(&mut self, store: &Store) -> Result<Option<(Vec<Row>, i64)>> {
        let Some(last) = self.last else { return Ok(None) };
        loop {
            let spoke = store.spoke(self.chain_id, self.address, last, self.up_to).await?;
            let blocks = store.blocks_of_moment(self.chain_id, &spoke.blocks, spoke.writes);
            if let Some(rows) = blocks.await? {
                self.last = spoke.last.map(bound);
                return Ok(Some((rows, spoke.contract)));
            }
        }
    }
}

/// The highest block of the chain `$1` whose time is at or before `$2`. The largest height such that the first block at or above
/// it is one, bit by bit from the highest of 36; that block is the highest one.
const BY_TIME: &str = "
    WITH RECURSIVE search (bit, at, top) AS (
        SELECT 34359738368, blocks_from, blocks_from + 68719476736 FROM chains WHERE chain_id = $1
        UNION ALL
        SELECT s.bit / 2, s.at + CASE WHEN (
            SELECT b.unix_time FROM blocks b WHERE b.id >= s.at + s.bit AND b.id < s.top ORDER BY b.id LIMIT 1
        ) <= $2 THEN s.bit ELSE 0 END, s.top FROM search s WHERE s.bit > 0
    )
    SELECT number, hash, unix_time FROM (
        SELECT b.number, b.hash, b.unix_time FROM search s JOIN blocks b ON b.id >= s.at AND b.id < s.top
        WHERE s.bit = 0 ORDER BY b.id LIMIT 1
    ) AS first WHERE unix_time <= $2";

/// The blocks of the chain `$1` with the hash `$3`, whose word is `$2`, among the words of this table: the canonical one, then others.
macro_rules! by_hash {
    ($words:literal) => {
        concat!(
            "SELECT b.number, b.hash, b.unix_time, b.fork FROM ",
            $words,
            " AND m.word = $2 AND m.contract_id = ",
            chain_speaker!(),
            " AND b.id = ",
            blocks_from!(),
            " + m.number AND b.hash = $3
             UNION ALL
             SELECT b.number, b.hash, b.unix_time, b.fork FROM ",
            $words,
            " AND m.word = $2 AND m.contract_id = ",
            chain_speaker!(),
            " AND b.id >= 17592186044416 AND b.place = ",
            blocks_from!(),
            " + m.number AND b.hash = $3"
        )
    };
}

/// The block with a hash.
const BY_HASH: &str = concat!(
    by_hash!("mentions_new m CROSS JOIN blocks b WHERE m.chain_id = $1"),
    " UNION ALL ",
    by_hash!("mentions m CROSS JOIN blocks b WHERE true")
);

impl Store {
    /// What a contract said in the first block in which it spoke, if that is not above block `up_to`, in chain order.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn first_logs(
        &self,
        chain_id: u64,
        address: Address,
        up_to: u64,
    ) -> Result<Vec<RawLog>> {
        loop {
            let spoke = self.spoke(chain_id, address, -1, up_to).await?;
            let first = spoke.blocks.get(..1).unwrap_or_default();
            let Some(rows) = self.blocks_of_moment(chain_id, first, spoke.writes).await? else {
                continue;
            };
            let mut logs = Vec::new();
            for row in &rows {
                logs_of(block(row)?, row.bytes(3)?, (address, spoke.contract), &mut logs)?;
            }
            logs.sort_by_key(|log| log.log_index);
            return Ok(logs);
        }
    }

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
        loop {
            let before = self.writes(chain_id).await?;
            let mut found = Vec::new();
            for &address in &addresses {
                let mut steps = LogSteps { chain_id, address, up_to, last: Some(-1) };
                while let Some(logs) = steps.next(self).await? {
                    found.extend(logs);
                }
            }
            if self.writes(chain_id).await? == before {
                found.sort_by_key(|log| (log.block.number, log.log_index));
                return Ok(found);
            }
        }
    }

    /// How often anything of a chain was written: what several queries found is of one moment if it is the same before and
    /// after them.
    pub(crate) async fn writes(&self, chain_id: u64) -> Result<Option<u64>> {
        let sql = "SELECT writes FROM chains WHERE chain_id = $1";
        let row = self.pool.row(sql, &[Arg::Int(int("chain id", chain_id)?)]).await?;
        row.map(|row| row.number(0)).transpose()
    }

    /// The logs of a contract in blocks that were reorged out, by height, block hash and place. They say nothing
    /// about the canonical chain; but something may have acted on them.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn orphaned_logs(&self, chain_id: u64, address: Address) -> Result<Vec<RawLog>> {
        let sql = concat!(
            "SELECT b.number, b.hash, b.unix_time, b.said, o.contract_id
             FROM spoke_aside o CROSS JOIN blocks b WHERE o.contract_id = ",
            contract_id!(),
            " AND b.id = ",
            on_fork!("o.number", "o.fork")
        );
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Bytes(address.as_slice())];
        let mut found = Vec::new();
        for row in self.pool.rows(sql, &args).await? {
            let of = (address, row.int(4)?);
            logs_of(block(&row)?, row.bytes(3)?, of, &mut found)?;
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
        let sql = concat!(
            "SELECT number, hash, unix_time FROM blocks WHERE id >= 17592186044416 AND place >= ",
            blocks_from!(),
            " + $2 AND place <= ",
            blocks_from!(),
            " + $3 ORDER BY number, hash"
        );
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(ids::end(from)),
            Arg::Int(ids::up_to(to)),
        ];
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
        let sql = concat!(
            "SELECT number, hash, unix_time FROM blocks WHERE id >= ",
            blocks_from!(),
            " AND id < ",
            blocks_from!(),
            " + $2 ORDER BY id DESC LIMIT $3"
        );
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(ids::end(number)),
            Arg::Int(i64::from(limit)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(block).collect()
    }

    /// The block at a height; `None` if it is not stored, as most are not that carry no fact.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn block_by_number(&self, chain_id: u64, number: u64) -> Result<Option<BlockRef>> {
        let Ok(height) = ids::height(number) else { return Ok(None) };
        let sql = concat!(
            "SELECT number, hash, unix_time FROM blocks WHERE id = ",
            blocks_from!(),
            " + $2"
        );
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Int(height)];
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
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(words::key(&hash)),
            Arg::Bytes(hash.as_slice()),
        ];
        let row = self.pool.row(BY_HASH, &args).await?;
        row.map(|row| Ok((block(&row)?, row.int(3)? == 0))).transpose()
    }

    /// The highest stored block whose time is at or before `unix_time` (seconds). Since blocks without facts need not
    /// be stored, the state after it is the state at that time, provided that the checkpoint is later.
    ///
    /// Along a chain time never goes back, so that the block is found by halving.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn last_block_at_or_before(
        &self,
        chain_id: u64,
        unix_time: u64,
    ) -> Result<Option<BlockRef>> {
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Int(bound(unix_time))];
        self.pool.row(BY_TIME, &args).await?.map(|row| block(&row)).transpose()
    }
}

pub(crate) fn block(row: &Row) -> Result<BlockRef> {
    Ok(BlockRef { number: row.number(0)?, hash: row.hash(1)?, timestamp: row.number(2)? })
}

/// Adds what a contract, address and number, said in a block, from all that was said there.
pub(crate) fn logs_of(
    block: BlockRef,
    said: &[u8],
    (address, contract): (Address, i64),
    to: &mut Vec<RawLog>,
) -> Result<()> {
    let is_it = |who| who == contract;
    visit(said, is_it, |tx_index, tx_hash, log_index, log| {
        to.push(raw(block, (tx_index, tx_hash), address, (log_index, log)));
    })
}

/// A log of a block, of the transaction with this place and hash, of a contract, with its index.
pub(crate) fn raw(
    block: BlockRef,
    (tx_index, tx_hash): (u64, B256),
    address: Address,
    (log_index, log): (u64, PackedLog<'_>),
) -> RawLog {
    let (topics, data) = (log.topics.into_owned(), log.data.into_owned().into());
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
        let by_key = |step: &&&str| step.contains("INTEGER PRIMARY KEY (rowid=?)");
        assert!(!blocks.is_empty() && blocks.iter().all(by_key), "{plan:#?}");
    }
}
