//! What contracts answered to calls: the part of their state that no event told.

use crate::{
    Store, chains,
    conn::{Arg, Row, bound, int},
    contracts,
    error::{Result, StoreError},
    facts, folds,
    journal::{self, Weight},
    types::BlockRef,
};
use alloy_primitives::{Address, Bytes};

/// What a contract answered after a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The block after which it answered so.
    pub block: BlockRef,
    /// What was asked, in a word.
    pub what: String,
    /// About which value it was asked; empty where there is only one.
    pub subject: Bytes,
    /// The answer.
    pub value: Bytes,
}

impl Store {
    /// Writes what a contract answered, all or nothing, with `head` as the block that the caller saw to be on the same
    /// chain as those of the readings. What is there already stays.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if `head` is not a canonical block of the store (any more); [`StoreError::Fork`] if a
    /// block of them contradicts one; [`StoreError::InvalidPage`] for a block above the checkpoint;
    /// [`StoreError::UnknownContract`], [`StoreError::UnknownChain`].
    pub async fn add_readings(
        &self,
        chain_id: u64,
        address: Address,
        readings: &[Reading],
        head: &BlockRef,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        let chain = chains::lock(&mut tx, chain_id).await?;
        contracts::must_hold(&mut tx, &chain, head).await?;
        let above = |number| chain.checkpoint.is_none_or(|stands| number > stands.number);
        if let Some(reading) = readings.iter().find(|reading| above(reading.block.number)) {
            let why =
                format!("a reading of block {} is above the checkpoint", reading.block.number);
            return Err(StoreError::InvalidPage { chain_id, why });
        }
        let id = int("chain id", chain_id)?;
        let contract = tx
            .row(
                "SELECT id FROM contracts WHERE chain_id = $1 AND address = $2 AND canonical = 1",
                &[Arg::Int(id), Arg::Bytes(address.as_slice())],
            )
            .await?
            .ok_or(StoreError::UnknownContract { chain_id, address })?
            .int(0)?;
        let entry =
            journal::enter(&mut tx, &chain, chain.checkpoint.as_ref(), Weight::Facts).await?;
        for reading in readings {
            let BlockRef { number, hash, .. } = reading.block;
            facts::blocks(&mut tx, chain_id, &[reading.block], entry).await?;
            folds::forget(&mut tx, contract, number).await?;
            tx.execute(
                "INSERT INTO readings (contract_id, number, block_hash, what, subject, value, recorded)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                &[
                    Arg::Int(contract),
                    Arg::Int(int("block number", number)?),
                    Arg::Bytes(hash.as_slice()),
                    Arg::Text(&reading.what),
                    Arg::Bytes(&reading.subject),
                    Arg::Bytes(&reading.value),
                    Arg::Int(entry),
                ],
            )
            .await?;
        }
        tx.commit().await
    }

    /// What a contract answered after canonical blocks up to and including `up_to`, by block, then in the order of what
    /// was asked.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn readings(
        &self,
        chain_id: u64,
        address: Address,
        up_to: u64,
    ) -> Result<Vec<Reading>> {
        let sql = "SELECT b.number, b.hash, b.unix_time, r.what, r.subject, r.value
             FROM readings r JOIN contracts c ON c.id = r.contract_id
             JOIN blocks b ON b.chain_id = c.chain_id AND b.number = r.number AND b.fork = 0 AND b.hash = r.block_hash
             WHERE c.chain_id = $1 AND c.address = $2 AND b.number <= $3
             ORDER BY b.number, r.what, r.subject";
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Bytes(address.as_slice()),
            Arg::Int(bound(up_to)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(reading).collect()
    }

    /// Which contracts of a chain answered this about a subject, after canonical blocks: the contract, and the answer;
    /// by block, the newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn readings_about(
        &self,
        chain_id: u64,
        what: &str,
        subject: &[u8],
    ) -> Result<Vec<(Address, Reading)>> {
        let sql = "SELECT b.number, b.hash, b.unix_time, r.what, r.subject, r.value, c.address
             FROM readings r JOIN contracts c ON c.id = r.contract_id
             JOIN blocks b ON b.chain_id = c.chain_id AND b.number = r.number AND b.fork = 0 AND b.hash = r.block_hash
             WHERE r.subject = $3 AND r.what = $2 AND c.chain_id = $1 AND c.canonical = 1
             ORDER BY b.number DESC, c.address";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Text(what), Arg::Bytes(subject)];
        let rows = self.pool.rows(sql, &args).await?;
        rows.iter().map(|row| Ok((row.address(6)?, reading(row)?))).collect()
    }

    /// The contracts that answered this after some canonical block, each once.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn answered(&self, chain_id: u64, what: &str) -> Result<Vec<Address>> {
        let sql = "SELECT DISTINCT c.address FROM readings r
             JOIN contracts c ON c.id = r.contract_id
             JOIN blocks b ON b.chain_id = c.chain_id AND b.number = r.number AND b.fork = 0 AND b.hash = r.block_hash
             WHERE c.chain_id = $1 AND r.what = $2 AND c.canonical = 1";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Text(what)];
        self.pool.rows(sql, &args).await?.iter().map(|row| row.address(0)).collect()
    }
}

pub(crate) fn reading(row: &Row) -> Result<Reading> {
    Ok(Reading {
        block: BlockRef { number: row.number(0)?, hash: row.hash(1)?, timestamp: row.number(2)? },
        what: row.text(3)?.to_owned(),
        subject: Bytes::copy_from_slice(row.bytes(4)?),
        value: Bytes::copy_from_slice(row.bytes(5)?),
    })
}
