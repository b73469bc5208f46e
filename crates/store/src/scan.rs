//! Everything in a range, for those who check it.

use crate::{
    Store,
    conn::{Arg, Tx, bound, int},
    error::{Result, StoreError},
    packed::unpack,
    read::{block, raw},
    types::RawLog,
};
use alloy_primitives::Address;
use std::collections::HashMap;

/// Transactions read at a time.
const STEP: i64 = 4096;

impl Store {
    /// The canonical logs of every contract in the blocks `from..=to`, in chain order. All of them are held in memory:
    /// a range should be about as long as a page.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn logs_between(&self, chain_id: u64, from: u64, to: u64) -> Result<Vec<RawLog>> {
        let mut tx = self.pool.begin_read().await?;
        let mut scan = Scan::new(&mut tx, chain_id, from, to).await?;
        let mut found = Vec::new();
        while let Some(logs) = scan.next(&mut tx).await? {
            found.extend(logs);
        }
        tx.commit().await?;
        Ok(found)
    }
}

/// Reads the canonical logs of every contract in a range, in chain order, in pieces of whole blocks. What is read does
/// not go by the index of who spoke, but by the facts alone.
pub(crate) struct Scan {
    chain: i64,
    to: i64,
    /// Addresses by the numbers that the database gave them.
    addresses: HashMap<i64, Address>,
    /// The transaction that was read last; `None` once all were.
    last: Option<(i64, i64)>,
    /// The logs of a block that may go on.
    open: Vec<RawLog>,
}

impl Scan {
    pub(crate) async fn new(tx: &mut Tx, chain_id: u64, from: u64, to: u64) -> Result<Self> {
        let chain = int("chain id", chain_id)?;
        let mut addresses = HashMap::new();
        let sql = "SELECT id, address FROM contracts WHERE chain_id = $1";
        for row in tx.rows(sql, &[Arg::Int(chain)]).await? {
            addresses.insert(row.int(0)?, row.address(1)?);
        }
        let last = Some((bound(from).saturating_sub(1), i64::MAX));
        Ok(Self { chain, to: bound(to), addresses, last, open: Vec::new() })
    }

    /// The next logs; `None` after the last.
    pub(crate) async fn next(&mut self, tx: &mut Tx) -> Result<Option<Vec<RawLog>>> {
        let Some(last) = self.last else { return Ok(None) };
        let sql = "SELECT b.number, b.hash, b.unix_time, t.tx_index, t.hash, t.logs
             FROM transactions t
             JOIN blocks b ON b.chain_id = t.chain_id AND b.number = t.number AND b.fork = t.fork
             WHERE t.chain_id = $1 AND t.fork = 0 AND t.number <= $2 AND (t.number, t.tx_index) > ($3, $4)
             ORDER BY t.number, t.tx_index LIMIT $5";
        let args = [
            Arg::Int(self.chain),
            Arg::Int(self.to),
            Arg::Int(last.0),
            Arg::Int(last.1),
            Arg::Int(STEP),
        ];
        let rows = tx.rows(sql, &args).await?;
        let mut logs = std::mem::take(&mut self.open);
        for row in &rows {
            let (block, tx_index, tx_hash) = (block(row)?, row.number(3)?, row.hash(4)?);
            for log in unpack(row.bytes(5)?)? {
                let contract = log.contract;
                let address =
                    *self.addresses.get(&contract).ok_or_else(|| StoreError::Corrupt {
                        what: format!("a log of contract number {contract}, which there is not"),
                    })?;
                logs.push(raw(block, tx_index, tx_hash, address, log));
            }
        }
        logs.sort_by_key(|log| (log.block.number, log.log_index));
        self.last = match rows.last() {
            Some(row) if rows.len() as i64 == STEP => {
                // The last block may go on in the next step.
                let open = logs.last().map_or(0, |log| log.block.number);
                self.open = logs.split_off(logs.partition_point(|log| log.block.number < open));
                Some((row.int(0)?, row.int(3)?))
            }
            _ => None,
        };
        Ok(Some(logs))
    }
}
