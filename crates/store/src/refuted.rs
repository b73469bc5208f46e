//! Logs that turned out not to be on the chain.

use crate::{
    Store, chains,
    conn::{Arg, Row, Tx, int},
    contracts,
    error::{Result, StoreError},
    facts, folds,
    ids::{blocks_from, height},
    journal::{self, Weight},
    packed::unpack,
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
        let entry =
            journal::enter(&mut tx, &chain, chain.checkpoint.as_ref(), Weight::Facts).await?;
        let mut count = 0;
        for log in refuted {
            let put = put_aside(&mut tx, chain_id, log, (why, head.number), entry).await?;
            count += u64::from(put);
        }
        tx.commit().await?;
        Ok(count)
    }

    /// The logs of a contract that were refuted, in the order in which they were.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn refuted_logs(&self, chain_id: u64, address: Address) -> Result<Vec<RefutedLog>> {
        let sql = "SELECT r.number, r.block_hash, r.unix_time, r.log_index, r.tx_hash, r.tx_index, r.topics, r.data,
                 r.why, r.head
             FROM refuted_logs r JOIN contracts c ON c.id = r.contract_id
             WHERE c.chain_id = $1 AND c.address = $2 ORDER BY r.id";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Bytes(address.as_slice())];
        self.pool.rows(sql, &args).await?.iter().map(|row| refuted(row, address)).collect()
    }
}

async fn put_aside(
    tx: &mut Tx,
    chain_id: u64,
    log: &RawLog,
    (why, head): (&str, u64),
    entry: i64,
) -> Result<bool> {
    let chain = int("chain id", chain_id)?;
    let Ok(number) = height(log.block.number) else { return Ok(false) };
    let sql = concat!(
        "SELECT b.said, b.fork, c.id, b.recorded, b.id FROM blocks b JOIN contracts c ON c.chain_id = $1 AND c.address = $4
         WHERE substr(b.hash, 1, 4) = substr($3, 1, 4) AND b.hash = $3 AND b.place = ",
        blocks_from!(),
        " + $2"
    );
    let args = [
        Arg::Int(chain),
        Arg::Int(number),
        Arg::Bytes(log.block.hash.as_slice()),
        Arg::Bytes(log.address.as_slice()),
    ];
    let Some(stored) = tx.row(sql, &args).await? else { return Ok(false) };
    let (mut said, fork, contract) = (unpack(stored.bytes(0)?)?, stored.int(1)?, stored.int(2)?);
    let Some(transaction) = said.get_mut(&log.tx_index) else { return Ok(false) };
    if transaction.log(log.log_index).is_none_or(|held| held.contract != contract) {
        return Ok(false);
    }
    transaction.logs.retain(|(index, _)| *index != log.log_index);
    // The transaction may be as foreign as the log; whoever else is in it brings it back.
    said.retain(|_, transaction| !transaction.logs.is_empty());
    let since = believed_since(tx, contract, log).await?.unwrap_or(stored.int(3)?);
    let topics: Vec<u8> = log.topics.iter().flatten().copied().collect();
    tx.execute(
        "INSERT INTO refuted_logs
             (contract_id, number, block_hash, unix_time, log_index, tx_index, tx_hash, topics, data, why, head,
              since, recorded)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &[
            Arg::Int(contract),
            Arg::Int(number),
            Arg::Bytes(log.block.hash.as_slice()),
            Arg::Int(int("timestamp", log.block.timestamp)?),
            Arg::Int(int("log index", log.log_index)?),
            Arg::Int(int("transaction index", log.tx_index)?),
            Arg::Bytes(log.tx_hash.as_slice()),
            Arg::Bytes(&topics),
            Arg::Bytes(&log.data),
            Arg::Text(why),
            Arg::Int(int("block number", head)?),
            Arg::Int(since),
            Arg::Int(entry),
        ],
    )
    .await?;
    facts::say(tx, stored.int(4)?, &said).await?;
    if !said.values().any(|t| t.logs.iter().any(|(_, log)| log.contract == contract)) {
        facts::silence(tx, contract, (number, fork)).await?;
    }
    folds::forget(tx, contract, log.block.number).await?;
    tx.execute(
        "UPDATE contracts SET history_verified_at = NULL WHERE id = $1",
        &[Arg::Int(contract)],
    )
    .await?;
    Ok(true)
}

/// Forgets that a log came late, since another one may come in its place; gives the entry with which it did.
async fn believed_since(tx: &mut Tx, contract: i64, log: &RawLog) -> Result<Option<i64>> {
    let sql = "DELETE FROM late_logs WHERE contract_id = $1 AND number = $2 AND block_hash = $3 AND log_index = $4
         RETURNING recorded";
    let args = [
        Arg::Int(contract),
        Arg::Int(int("block number", log.block.number)?),
        Arg::Bytes(log.block.hash.as_slice()),
        Arg::Int(int("log index", log.log_index)?),
    ];
    tx.row(sql, &args).await?.map(|row| row.int(0)).transpose()
}

pub(crate) fn refuted(row: &Row, address: Address) -> Result<RefutedLog> {
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
