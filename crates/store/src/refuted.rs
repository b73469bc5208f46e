//! Logs that turned out not to be on the chain.

use crate::{
    Store, chains,
    conn::{Arg, Row, Tx, bound, int},
    contracts,
    error::{Result, StoreError},
    read::{log, logs},
    types::{BlockRef, RawLog},
};
use alloy_primitives::{Address, B256, Bytes};

/// A log that a node gave and the chain does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefutedLog {
    /// The log, as it was given.
    pub log: RawLog,
    /// What refuted it, in words.
    pub why: String,
    /// Where the index stood when it was.
    pub head: u64,
}

impl Store {
    /// The logs in canonical blocks from `from` to `to`, both included, of any contract, in chain order.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn logs_between(&self, chain_id: u64, from: u64, to: u64) -> Result<Vec<RawLog>> {
        let sql = concat!(
            logs!(),
            "b.chain_id = $1 AND b.canonical = 1 AND b.number >= $2 AND b.number <= $3 ORDER BY b.number, l.log_index"
        );
        let args =
            [Arg::Int(int("chain id", chain_id)?), Arg::Int(bound(from)), Arg::Int(bound(to))];
        self.pool.rows(sql, &args).await?.iter().map(log).collect()
    }

    /// Takes logs out of those that answer questions, and keeps them as refuted, all or nothing. `head` is a block that
    /// the caller saw to be on the chain that refutes them. A log that is not stored as it is given is left alone.
    ///
    /// What was verified of the contracts' histories is not so any more.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if `head` is not a canonical block of the store (any more);
    /// [`StoreError::UnknownChain`].
    pub async fn refute(
        &self,
        chain_id: u64,
        refuted: &[RawLog],
        why: &str,
        head: &BlockRef,
    ) -> Result<u64> {
        let mut tx = self.begin_write().await?;
        let chain = chains::lock(&mut tx, chain_id).await?;
        contracts::must_hold(&mut tx, &chain, head).await?;
        let mut count = 0;
        for log in refuted {
            count += u64::from(put_aside(&mut tx, chain_id, log, why, head.number).await?);
        }
        tx.commit().await?;
        Ok(count)
    }

    /// The logs of a contract that were refuted, in the order in which they were.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn refuted_logs(&self, chain_id: u64, address: Address) -> Result<Vec<RefutedLog>> {
        let sql = "SELECT b.number, b.hash, b.unix_time, r.log_index, r.tx_hash, r.tx_index, r.topics, r.data, r.why, r.head
             FROM refuted_logs r JOIN contracts c ON c.id = r.contract_id JOIN blocks b ON b.id = r.block_id
             WHERE c.chain_id = $1 AND c.address = $2 ORDER BY r.id";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Bytes(address.as_slice())];
        self.pool.rows(sql, &args).await?.iter().map(|row| refuted(row, address)).collect()
    }
}

async fn put_aside(tx: &mut Tx, chain_id: u64, log: &RawLog, why: &str, head: u64) -> Result<bool> {
    let index = int("log index", log.log_index)?;
    let args = [
        Arg::Int(int("chain id", chain_id)?),
        Arg::Bytes(log.block.hash.as_slice()),
        Arg::Int(index),
        Arg::Bytes(log.address.as_slice()),
    ];
    let stored = tx
        .row(
            "SELECT l.block_id, l.contract_id, l.tx_index, t.hash FROM logs l
             JOIN blocks b ON b.id = l.block_id
             JOIN contracts c ON c.id = l.contract_id
             JOIN transactions t ON t.block_id = l.block_id AND t.tx_index = l.tx_index
             WHERE b.chain_id = $1 AND b.hash = $2 AND l.log_index = $3 AND c.address = $4",
            &args,
        )
        .await?;
    let Some(stored) = stored else { return Ok(false) };
    let (block, contract, tx_index) = (stored.int(0)?, stored.int(1)?, stored.int(2)?);
    let topics: Vec<u8> = log.topics.iter().flatten().copied().collect();
    tx.execute(
        "INSERT INTO refuted_logs (block_id, contract_id, log_index, tx_index, tx_hash, topics, data, why, head)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            Arg::Int(block),
            Arg::Int(contract),
            Arg::Int(index),
            Arg::Int(tx_index),
            Arg::Bytes(stored.bytes(3)?),
            Arg::Bytes(&topics),
            Arg::Bytes(&log.data),
            Arg::Text(why),
            Arg::Int(int("block number", head)?),
        ],
    )
    .await?;
    tx.execute(
        "DELETE FROM logs WHERE block_id = $1 AND log_index = $2",
        &[Arg::Int(block), Arg::Int(index)],
    )
    .await?;
    // The transaction may be as foreign as the log; whoever else is in it brings it back.
    tx.execute(
        "DELETE FROM transactions WHERE block_id = $1 AND tx_index = $2
             AND NOT EXISTS (SELECT 1 FROM logs WHERE block_id = $1 AND tx_index = $2)",
        &[Arg::Int(block), Arg::Int(tx_index)],
    )
    .await?;
    tx.execute(
        "UPDATE contracts SET history_verified_at = NULL WHERE id = $1",
        &[Arg::Int(contract)],
    )
    .await?;
    Ok(true)
}

fn refuted(row: &Row, address: Address) -> Result<RefutedLog> {
    let topics = row.bytes(6)?;
    let (words, odd) = topics.as_chunks::<32>();
    if !odd.is_empty() {
        return Err(StoreError::Corrupt { what: format!("topics of {} bytes", topics.len()) });
    }
    Ok(RefutedLog {
        log: RawLog {
            block: BlockRef {
                number: row.number(0)?,
                hash: row.hash(1)?,
                timestamp: row.number(2)?,
            },
            log_index: row.number(3)?,
            tx_hash: row.hash(4)?,
            tx_index: row.number(5)?,
            address,
            topics: words.iter().map(B256::from).collect(),
            data: Bytes::copy_from_slice(row.bytes(7)?),
        },
        why: row.text(8)?.to_owned(),
        head: row.number(9)?,
    })
}
