//! Everything in a range, for those who check it.

use crate::{
    Store,
    conn::{Arg, Tx, int},
    error::{Result, StoreError},
    ids::{self, blocks_from},
    packed::unpack,
    read::{STEP, block, raw, step},
    types::RawLog,
};
use alloy_primitives::Address;
use std::collections::HashMap;

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
    /// The block that was read last; `None` once all were.
    last: Option<i64>,
}

impl Scan {
    pub(crate) async fn new(tx: &mut Tx, chain_id: u64, from: u64, to: u64) -> Result<Self> {
        let chain = int("chain id", chain_id)?;
        let mut addresses = HashMap::new();
        let sql = "SELECT id, address FROM contracts WHERE chain_id = $1";
        for row in tx.rows(sql, &[Arg::Int(chain)]).await? {
            addresses.insert(row.int(0)?, row.address(1)?);
        }
        Ok(Self {
            chain,
            to: ids::up_to(to),
            addresses,
            last: Some(ids::end(from).saturating_sub(1)),
        })
    }

    /// The next logs; `None` after the last.
    pub(crate) async fn next(&mut self, tx: &mut Tx) -> Result<Option<Vec<RawLog>>> {
        let Some(last) = self.last else { return Ok(None) };
        let sql = concat!(
            "SELECT number, hash, unix_time, said FROM blocks
             WHERE id <= ",
            blocks_from!(),
            " + $2 AND id > ",
            blocks_from!(),
            " + $3 ORDER BY id LIMIT ",
            step!()
        );
        let args = [Arg::Int(self.chain), Arg::Int(self.to), Arg::Int(last)];
        let rows = tx.rows(sql, &args).await?;
        let mut logs = Vec::new();
        for row in &rows {
            let begin = logs.len();
            let block = block(row)?;
            for (place, transaction) in unpack(row.bytes(3)?)? {
                for (index, log) in transaction.logs {
                    let contract = log.contract;
                    let address =
                        *self.addresses.get(&contract).ok_or_else(|| StoreError::Corrupt {
                            what: format!(
                                "a log of contract number {contract}, which there is not"
                            ),
                        })?;
                    logs.push(raw(block, (place, transaction.hash), address, (index, log)));
                }
            }
            logs.get_mut(begin..).unwrap_or_default().sort_by_key(|log| log.log_index);
        }
        let more = rows.len() as i64 == STEP;
        self.last = if more { rows.last().map(|row| row.int(0)).transpose()? } else { None };
        Ok(Some(logs))
    }
}
