//! Questions. All but those that say so are about the canonical chain.

use crate::{
    Store,
    bulk::{pieces, within},
    conn::{Arg, Row, bound, int},
    error::{Result, StoreError},
    types::{BlockRef, RawLog},
};
use alloy_primitives::{Address, B256, Bytes};

/// Every part of a log, in the order that [`log`] reads.
macro_rules! logs {
    () => {
        "SELECT b.number, b.hash, b.unix_time, l.log_index, t.hash, l.tx_index, c.address, s.topic, l.topics, l.data
         FROM logs l
         JOIN blocks b ON b.id = l.block_id
         JOIN transactions t ON t.block_id = l.block_id AND t.tx_index = l.tx_index
         JOIN contracts c ON c.id = l.contract_id
         LEFT JOIN signatures s ON s.id = l.signature_id
         WHERE "
    };
}
pub(crate) use logs;

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
                    logs!(),
                    "c.chain_id = $1 AND b.canonical = 1 AND b.number <= $2 AND c.address IN"
                ),
                3,
                piece.len(),
                "ORDER BY b.number, l.log_index",
            );
            for row in self.pool.rows(sql, &args).await? {
                found.push(log(&row)?);
            }
        }
        // One piece is in order already; several are runs that have to be merged.
        if addresses.len() > 1 {
            found.sort_by_key(|log| (log.block.number, log.log_index));
        }
        Ok(found)
    }

    /// The logs with this first topic, of any contract, up to and including block `up_to`, in chain order.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn logs_by_topic0(
        &self,
        chain_id: u64,
        topic0: B256,
        up_to: u64,
    ) -> Result<Vec<RawLog>> {
        // The chain is asked of the contract, not of the block: else SQLite walks every block of the chain, which is
        // in the right order, instead of the few logs with that topic.
        let sql = concat!(
            logs!(),
            "s.topic = $3 AND c.chain_id = $1 AND b.canonical = 1 AND b.number <= $2 ORDER BY b.number, l.log_index"
        );
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(bound(up_to)),
            Arg::Bytes(topic0.as_slice()),
        ];
        self.pool.rows(sql, &args).await?.iter().map(log).collect()
    }

    /// The logs of a contract in blocks that were reorged out, by height, block hash and place. They say nothing
    /// about the canonical chain; but something may have acted on them.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn orphaned_logs(&self, chain_id: u64, address: Address) -> Result<Vec<RawLog>> {
        let sql = concat!(
            logs!(),
            "c.chain_id = $1 AND c.address = $2 AND b.canonical = 0 ORDER BY b.number, b.hash, l.log_index"
        );
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Bytes(address.as_slice())];
        self.pool.rows(sql, &args).await?.iter().map(log).collect()
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
             WHERE chain_id = $1 AND canonical = 0 AND number >= $2 AND number <= $3 ORDER BY number, hash";
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
             WHERE chain_id = $1 AND canonical = 1 AND number < $2 ORDER BY number DESC LIMIT $3";
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
        let sql = "SELECT number, hash, unix_time FROM blocks WHERE chain_id = $1 AND canonical = 1 AND number = $2";
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
        let sql = "SELECT number, hash, unix_time, canonical FROM blocks WHERE chain_id = $1 AND hash = $2";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Bytes(hash.as_slice())];
        self.pool.row(sql, &args).await?.map(|row| Ok((block(&row)?, row.int(3)? == 1))).transpose()
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
             WHERE chain_id = $1 AND canonical = 1 AND unix_time <= $2
             ORDER BY unix_time DESC, number DESC LIMIT 1";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Int(bound(unix_time))];
        self.pool.row(sql, &args).await?.map(|row| block(&row)).transpose()
    }
}

fn block(row: &Row) -> Result<BlockRef> {
    Ok(BlockRef { number: row.number(0)?, hash: row.hash(1)?, timestamp: row.number(2)? })
}

pub(crate) fn log(row: &Row) -> Result<RawLog> {
    let rest = row.bytes(8)?;
    let (words, odd) = rest.as_chunks::<32>();
    if !odd.is_empty() {
        return Err(StoreError::Corrupt { what: format!("topics of {} bytes", rest.len()) });
    }
    Ok(RawLog {
        block: block(row)?,
        log_index: row.number(3)?,
        tx_hash: row.hash(4)?,
        tx_index: row.number(5)?,
        address: row.address(6)?,
        topics: row.maybe_hash(7)?.into_iter().chain(words.iter().map(B256::from)).collect(),
        data: Bytes::copy_from_slice(row.bytes(9)?),
    })
}
