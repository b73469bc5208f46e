//! What contracts answered to calls: the part of their state that no event told.

use crate::{
    Store,
    bulk::insert,
    chains,
    conn::{Arg, Row, Tx, bound, int},
    contracts,
    error::{Result, StoreError},
    facts, folds,
    journal::{self, Weight},
    plan::Plan,
    read::block,
    types::BlockRef,
};
use alloy_primitives::{Address, Bytes};
use std::collections::{BTreeMap, HashMap};

/// First the contract, then what it answered, then the blocks: left to itself, SQLite begins with all blocks of the chain.
macro_rules! of_contract {
    () => {
        "SELECT b.number, b.hash, b.unix_time, r.what, r.subject, r.value
         FROM contracts c CROSS JOIN readings r CROSS JOIN blocks b
         WHERE c.chain_id = $1 AND c.address = $2 AND r.contract_id = c.id AND r.number <= $3
             AND b.id = (SELECT blocks_from FROM chains WHERE chain_id = $1) + r.number AND b.hash = r.block_hash
         ORDER BY b.number, r.what, r.subject"
    };
}

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
        self.add_readings_of(chain_id, &[(address, readings)], head).await
    }

    /// As [`Store::add_readings`], of many contracts, all or nothing.
    ///
    /// # Errors
    /// As there; [`StoreError::InvalidPage`] also for two blocks of one height.
    pub async fn add_readings_of(
        &self,
        chain_id: u64,
        answers: &[(Address, &[Reading])],
        head: &BlockRef,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        let chain = chains::lock(&mut tx, chain_id).await?;
        contracts::must_hold(&mut tx, &chain, head).await?;
        let mut plan = Plan::new(chain_id);
        for reading in answers.iter().flat_map(|(_, readings)| *readings) {
            let number = reading.block.number;
            if chain.checkpoint.is_none_or(|stands| number > stands.number) {
                let why = format!("a reading of block {number} is above the checkpoint");
                return Err(plan.invalid(why));
            }
            plan.block(reading.block)?;
        }
        let asked: Vec<Address> = answers.iter().map(|(address, _)| *address).collect();
        let contracts = facts::contract_ids(&mut tx, chain_id, &asked).await?;
        let entry =
            journal::enter(&mut tx, &chain, chain.checkpoint.as_ref(), Weight::Facts).await?;
        let blocks: Vec<BlockRef> = plan.blocks.values().copied().collect();
        facts::blocks(&mut tx, chain_id, &blocks, entry).await?;
        let all = answers.iter().flat_map(|(address, all)| all.iter().map(|one| (*address, one)));
        let all: Vec<(Address, &Reading)> = all.collect();
        write(&mut tx, chain_id, &all, (&contracts, entry)).await?;
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
        let sql = of_contract!();
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Bytes(address.as_slice()),
            Arg::Int(bound(up_to)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(reading).collect()
    }

    /// Which contracts of a chain answered this about a subject, which is not empty, after canonical blocks: the contract, and
    /// the answer; by block, the newest first.
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
             JOIN chains n ON n.chain_id = c.chain_id
             JOIN blocks b ON b.id = n.blocks_from + r.number AND b.hash = r.block_hash
             WHERE r.subject = $3 AND length(r.subject) > 0 AND r.what = $2 AND c.chain_id = $1 AND c.canonical = 1
             ORDER BY b.number DESC, c.address";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Text(what), Arg::Bytes(subject)];
        let rows = self.pool.rows(sql, &args).await?;
        rows.iter().map(|row| Ok((row.address(6)?, reading(row)?))).collect()
    }

    /// The contracts that answered this after some canonical block, with the block, each once.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn answered(&self, chain_id: u64, what: &str) -> Result<Vec<(Address, BlockRef)>> {
        let sql = "SELECT DISTINCT b.number, b.hash, b.unix_time, c.address FROM readings r
             JOIN contracts c ON c.id = r.contract_id
             JOIN chains n ON n.chain_id = c.chain_id
             JOIN blocks b ON b.id = n.blocks_from + r.number AND b.hash = r.block_hash
             WHERE c.chain_id = $1 AND r.what = $2 AND c.canonical = 1";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Text(what)];
        let rows = self.pool.rows(sql, &args).await?;
        rows.iter().map(|row| Ok((row.address(3)?, block(row)?))).collect()
    }
}

/// Writes what contracts with these numbers answered after blocks that are stored, under an entry of the journal. What is there
/// already stays. Folds that were kept lack it.
pub(crate) async fn write(
    tx: &mut Tx,
    chain_id: u64,
    answers: &[(Address, &Reading)],
    (contracts, entry): (&HashMap<Address, i64>, i64),
) -> Result<()> {
    let (mut rows, mut first) = (Vec::new(), BTreeMap::new());
    for &(address, reading) in answers {
        let contract = contracts.get(&address).copied();
        let contract = contract.ok_or(StoreError::UnknownContract { chain_id, address })?;
        let number = reading.block.number;
        first.entry(contract).and_modify(|first| *first = number.min(*first)).or_insert(number);
        rows.push([
            Arg::Int(contract),
            Arg::Int(int("block number", number)?),
            Arg::Bytes(reading.block.hash.as_slice()),
            Arg::Text(&reading.what),
            Arg::Bytes(&reading.subject),
            Arg::Bytes(&reading.value),
            Arg::Int(entry),
        ]);
    }
    for (contract, first) in first {
        folds::forget(tx, contract, first).await?;
    }
    let head = "INSERT INTO readings (contract_id, number, block_hash, what, subject, value, recorded) VALUES";
    tx.each(|rows| insert(head, rows, 7, "ON CONFLICT DO NOTHING"), &rows).await?;
    Ok(())
}

pub(crate) fn reading(row: &Row) -> Result<Reading> {
    Ok(Reading {
        block: block(row)?,
        what: row.text(3)?.to_owned(),
        subject: Bytes::copy_from_slice(row.bytes(4)?),
        value: Bytes::copy_from_slice(row.bytes(5)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_begins_with_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        let args = [Arg::Int(31_337), Arg::Bytes(&[0; 20]), Arg::Int(9)];
        let plan = store.pool.rows(concat!("EXPLAIN QUERY PLAN ", of_contract!()), &args).await;
        let plan = plan.unwrap();
        let plan: Vec<&str> = plan.iter().map(|row| row.text(3).unwrap()).collect();
        let tables: Vec<_> = plan.iter().take(3).map(|step| &step[..8]).collect();
        assert_eq!(tables, ["SEARCH c", "SEARCH r", "SEARCH b"], "{plan:#?}");
    }
}
