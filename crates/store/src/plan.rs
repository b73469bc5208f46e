//! Checks a page against itself before a single row is written, and puts its parts in order.

use crate::{
    error::{Result, StoreError},
    types::{BlockRef, RawLog},
};
use std::collections::{BTreeMap, btree_map::Entry};

/// The parts of a page.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) chain_id: u64,
    /// By height.
    pub(crate) blocks: BTreeMap<u64, BlockRef>,
    /// As they came.
    logs: Vec<&'a RawLog>,
    last: Option<BlockRef>,
}

impl<'a> Plan<'a> {
    pub(crate) const fn new(chain_id: u64) -> Self {
        Self { chain_id, blocks: BTreeMap::new(), logs: Vec::new(), last: None }
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
        // Most are of the same block as the one before.
        if self.last != Some(log.block) {
            self.block(log.block)?;
            self.last = Some(log.block);
        }
        self.logs.push(log);
        Ok(())
    }

    /// The logs, each once, by height, place of the transaction and place in the block: sorted so that two writers take rows
    /// in the same order.
    ///
    /// # Errors
    /// [`StoreError::FactConflict`] if two claim the same place.
    pub(crate) fn logs(&self) -> Result<Vec<&'a RawLog>> {
        let mut logs = self.logs.clone();
        let place = |log: &&RawLog| (log.block.number, log.log_index);
        logs.sort_by_key(place);
        logs.dedup();
        for pair in logs.windows(2) {
            if let [one, other] = pair
                && place(one) == place(other)
            {
                return Err(self.conflict(other, format!("log {}", other.log_index)));
            }
        }
        let transaction = |log: &&RawLog| (log.block.number, log.tx_index);
        logs.sort_by_key(transaction);
        for pair in logs.windows(2) {
            if let [one, other] = pair
                && transaction(one) == transaction(other)
                && one.tx_hash != other.tx_hash
            {
                return Err(self.conflict(other, format!("transaction {}", other.tx_index)));
            }
        }
        Ok(logs)
    }

    pub(crate) fn invalid(&self, why: String) -> StoreError {
        StoreError::InvalidPage { chain_id: self.chain_id, why }
    }

    fn conflict(&self, log: &RawLog, what: String) -> StoreError {
        StoreError::FactConflict { chain_id: self.chain_id, block: log.block.hash, what }
    }
}
