//! Checks a page against itself before a single row is written, and puts its parts in order.

use crate::{
    error::{Result, StoreError},
    types::{BlockRef, RawLog},
};
use alloy_primitives::{Address, B256};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// The parts of a page, sorted, each once. Sorted so that two writers take rows in the same order.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) chain_id: u64,
    /// By height.
    pub(crate) blocks: BTreeMap<u64, BlockRef>,
    /// By height and place.
    pub(crate) transactions: BTreeMap<(u64, u64), Spoken<'a>>,
    /// By height and place, to find two that claim the same.
    logs: BTreeMap<(u64, u64), &'a RawLog>,
    pub(crate) emitters: BTreeSet<Address>,
}

/// What followed contracts said in one transaction.
#[derive(Debug)]
pub(crate) struct Spoken<'a> {
    pub(crate) hash: B256,
    /// By place in the block.
    pub(crate) logs: BTreeMap<u64, &'a RawLog>,
}

impl<'a> Plan<'a> {
    pub(crate) const fn new(chain_id: u64) -> Self {
        Self {
            chain_id,
            blocks: BTreeMap::new(),
            transactions: BTreeMap::new(),
            logs: BTreeMap::new(),
            emitters: BTreeSet::new(),
        }
    }

    pub(crate) fn block(&mut self, block: BlockRef) -> Result<()> {
        match self.blocks.entry(block.number) {
            Entry::Occupied(known) if *known.get() != block => {
                Err(self.invalid(format!("it has two different blocks {}", block.number)))
            }
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(free) => {
                free.insert(block);
                Ok(())
            }
        }
    }

    /// Takes a log whose block must lie within `from..=to`.
    pub(crate) fn log(&mut self, log: &'a RawLog, from: u64, to: u64) -> Result<()> {
        let number = log.block.number;
        if number < from || number > to {
            return Err(self
                .invalid(format!("a log of block {number} is outside of blocks {from} to {to}")));
        }
        if log.topics.len() > 4 {
            return Err(
                self.invalid(format!("a log of block {number} has {} topics", log.topics.len()))
            );
        }
        self.block(log.block)?;
        if *self.logs.entry((number, log.log_index)).or_insert(log) != log {
            return Err(self.conflict(log, format!("log {}", log.log_index)));
        }
        let empty = || Spoken { hash: log.tx_hash, logs: BTreeMap::new() };
        let spoken = self.transactions.entry((number, log.tx_index)).or_insert_with(empty);
        spoken.logs.insert(log.log_index, log);
        if spoken.hash != log.tx_hash {
            return Err(self.conflict(log, format!("transaction {}", log.tx_index)));
        }
        self.emitters.insert(log.address);
        Ok(())
    }

    pub(crate) fn invalid(&self, why: String) -> StoreError {
        StoreError::InvalidPage { chain_id: self.chain_id, why }
    }

    fn conflict(&self, log: &RawLog, what: String) -> StoreError {
        StoreError::FactConflict { chain_id: self.chain_id, block: log.block.hash, what }
    }
}
