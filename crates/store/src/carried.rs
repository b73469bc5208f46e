//! What a writer carries in memory from one page to the next, so that it need not ask for it again: the numbers that stand
//! for the addresses of contracts, and the ends of the heights at which they spoke.
//!
//! It is of one state of a chain, as [`ChainStatus::writes`] counts them. Whoever else writes to the chain adds one, in this process or
//! another, and so does what is written without looking here, as a reorg: then all of it is forgotten.

use crate::{spoke::Tails, types::ChainStatus};
use alloy_primitives::Address;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Contracts of which something is carried, some 150 bytes each; with more all are forgotten.
pub(crate) const MOST: usize = 1 << 17;

/// Of one chain.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    /// The numbers of canonical contracts.
    pub(crate) ids: HashMap<Address, i64>,
    /// Their last rows in `spoke`, by number.
    pub(crate) tails: Tails,
    /// How many words of the chain are among the newest, if they were counted.
    pub(crate) new_words: Option<u64>,
}

/// Of each chain, with the state that it is of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Luggage(Arc<Mutex<BTreeMap<u64, (u64, Carried)>>>);

impl Luggage {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, (u64, Carried)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is carried of a chain, whose state is that of a transaction which has locked it and not written yet.
    pub(crate) fn take(&self, locked: &ChainStatus) -> Carried {
        let carried = self.all().remove(&locked.chain_id);
        // To lock a chain counts as having written to it.
        let is_next = |(writes, _): &(u64, Carried)| writes.checked_add(1) == Some(locked.writes);
        carried.filter(is_next).map(|(_, carried)| carried).unwrap_or_default()
    }

    /// Carries on what there is, once a transaction is committed that locked the chain, so that it stands at this many `writes`, and changed
    /// nothing of what is carried.
    pub(crate) fn pass(&self, chain_id: u64, writes: u64) {
        if let Some((of, _)) = self.all().get_mut(&chain_id)
            && of.checked_add(1) == Some(writes)
        {
            *of = writes;
        }
    }

    /// Carries on what was taken, once that transaction is committed: what it wrote is the state now.
    pub(crate) fn put(&self, locked: &ChainStatus, mut carried: Carried) {
        if carried.ids.len() > MOST {
            carried.ids = HashMap::new();
        }
        self.all().insert(locked.chain_id, (locked.writes, carried));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_in_between_makes_it_forget() {
        let luggage = Luggage::default();
        let at = |writes| ChainStatus {
            chain_id: 1,
            start_block: 0,
            checkpoint: None,
            tags: None,
            writes,
        };
        let carried = || Carried { ids: HashMap::from([(Address::ZERO, 7)]), ..Carried::default() };
        luggage.put(&at(4), carried());
        assert_eq!(luggage.take(&at(5)).ids.len(), 1);
        assert_eq!(luggage.take(&at(5)).ids.len(), 0, "a transaction that failed put nothing back");
        luggage.put(&at(4), carried());
        luggage.pass(2, 5);
        luggage.pass(1, 5);
        luggage.pass(1, 7);
        assert_eq!(luggage.take(&at(6)).ids.len(), 1, "what changes nothing of it leaves it");
        for writes in [0, 4, 6] {
            luggage.put(&at(4), carried());
            assert_eq!(luggage.take(&at(writes)).ids.len(), 0, "{writes}");
        }
    }
}
