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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256};

    fn log(number: u64, tx_index: u64, log_index: u64) -> RawLog {
        RawLog {
            block: BlockRef { number, hash: B256::with_last_byte(number as u8), timestamp: number },
            log_index,
            tx_hash: B256::with_last_byte(tx_index as u8),
            tx_index,
            address: Address::ZERO,
            topics: Vec::new(),
            data: vec![log_index as u8].into(),
        }
    }

    fn planned(logs: &[RawLog]) -> Result<Vec<RawLog>> {
        let mut plan = Plan::new(1);
        for log in logs {
            plan.log(log, 0, 10)?;
        }
        Ok(plan.logs()?.into_iter().cloned().collect())
    }

    #[test]
    fn logs_come_in_order_and_once() {
        let mixed = [log(2, 1, 4), log(1, 0, 0), log(2, 0, 3), log(2, 1, 4), log(1, 0, 1)];
        let ordered = [log(1, 0, 0), log(1, 0, 1), log(2, 0, 3), log(2, 1, 4)];
        assert_eq!(planned(&mixed).unwrap(), ordered);
    }

    #[test]
    fn two_that_claim_one_place_are_refused() {
        let other = RawLog { data: vec![9].into(), ..log(2, 1, 4) };
        let elsewhere = log(2, 0, 4);
        let transaction = RawLog { tx_hash: B256::ZERO, ..log(2, 1, 5) };
        for (contradicts, what) in
            [(other, "log 4"), (elsewhere, "log 4"), (transaction, "transaction 1")]
        {
            for logs in [[log(2, 1, 4), contradicts.clone()], [contradicts.clone(), log(2, 1, 4)]] {
                let refused = planned(&logs);
                assert!(
                    matches!(&refused, Err(StoreError::FactConflict { what: said, .. }) if said == what),
                    "{what}: {refused:?}"
                );
            }
        }
        let mut block = log(2, 1, 5);
        block.block.hash = B256::ZERO;
        assert!(matches!(planned(&[log(2, 1, 4), block]), Err(StoreError::InvalidPage { .. })));
    }
}
