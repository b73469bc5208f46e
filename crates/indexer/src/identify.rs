//! What stands behind the addresses that are followed.

use crate::{IndexError, Indexer, reader::Reader, readings::missing};
use alloy_primitives::{Address, B256, U256};
use devproof_chain::{ChainError, Identity, Look};
use devproof_contracts::Code;
use devproof_primitives::BlockRef;
use devproof_store::{Contract, Role};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most looks that are remembered, some ten megabytes.
const MOST: usize = 8_192;

/// What was learned of contracts after some blocks since the node was last asked for its heads. What is written down for it
/// is written only if the newest block still stands then.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<Learned>);

#[derive(Debug, Default)]
struct Learned {
    looks: BTreeMap<(Address, u64), (Identity, Look)>,
    /// Whether there was code.
    codes: BTreeMap<(Address, u64), bool>,
    slots: BTreeMap<(Address, u64, u64), B256>,
    /// By who named it, what the last contract was that it named.
    usual: BTreeMap<Address, Usual>,
}

/// What a KMS or factory names: most of it is alike, so that it can be asked about before it is known what it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    pub(crate) code: Code,
    pub(crate) implementation: Option<Address>,
}

impl Looks {
    fn all(&self) -> MutexGuard<'_, Learned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all: the chain may be another one.
    pub(crate) fn forget(&self) {
        *self.all() = Learned::default();
    }

    /// What was learned of a contract after a block, if it was and is not forgotten.
    pub(crate) fn get(&self, address: Address, block: u64) -> Option<(Identity, Look)> {
        self.all().looks.get(&(address, block)).cloned()
    }

    /// What whoever this is usually names; `None` if it named nothing yet.
    pub(crate) fn usual(&self, by: Address) -> Option<Usual> {
        self.all().usual.get(&by).copied()
    }

    /// Remembers what somebody named.
    pub(crate) fn named(&self, by: Address, contract: &Contract) {
        let usual = Usual { code: contract.code(), implementation: contract.implementation };
        remember(&mut self.all().usual, by, usual);
    }
}

/// Remembers, unless that is too much.
fn remember<K: Ord, V>(all: &mut BTreeMap<K, V>, key: K, value: V) {
    if all.len() < MOST || all.contains_key(&key) {
        all.insert(key, value);
    }
}

impl Reader {
    /// What stands behind an address after a block, and what else was learned of it on the way; asked at once if it is a proxy
    /// of what is `likely`.
    pub(crate) async fn look(
        &self,
        address: Address,
        block: u64,
        likely: Option<Address>,
    ) -> Result<(Identity, Look), ChainError> {
        if let Some(found) = self.looks.get(address, block) {
            return Ok(found);
        }
        let found = self.node.identify_with_look(address, block, likely).await?;
        remember(&mut self.looks.all().looks, (address, block), found.clone());
        Ok(found)
    }

    /// Whether there was code at an address after a block.
    pub(crate) async fn is_there(&self, address: Address, block: u64) -> Result<bool, ChainError> {
        if let Some((identity, _)) = self.looks.get(address, block) {
            return Ok(identity.code_hash.is_some());
        }
        let key = (address, block);
        let known = self.looks.all().codes.get(&key).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let is_there = !self.node.code(address, block).await?.is_empty();
        remember(&mut self.looks.all().codes, key, is_there);
        Ok(is_there)
    }

    /// One of the first slots of a contract after a block.
    pub(crate) async fn slot(
        &self,
        address: Address,
        slot: u64,
        block: u64,
    ) -> Result<B256, ChainError> {
        let key = (address, slot, block);
        let known = self.looks.all().slots.get(&key).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let word = self.node.storage(address, U256::from(slot), block).await?;
        remember(&mut self.looks.all().slots, key, word);
        Ok(word)
    }

    /// Finds out what stands behind an address after a block.
    pub(crate) async fn identify(
        &self,
        address: Address,
        role: Role,
        named_by: Option<Address>,
        found_at: u64,
    ) -> Result<Contract, IndexError> {
        let likely = named_by.and_then(|by| self.looks.usual(by)?.implementation);
        let (identity, _) = self.look(address, found_at, likely).await?;
        Ok(Contract {
            chain_id: self.node.chain_id(),
            address,
            role,
            named_by,
            code_kind: identity.code.name().to_owned(),
            code_hash: identity.code_hash,
            implementation: identity.implementation,
            found_at,
            history_verified_at: None,
        })
    }

    /// Finds out what stood behind an app at a block that a log tells, and not at the end of the page that brought it:
    /// how pages are cut must not matter. A node that keeps no old state is asked about a later block instead.
    pub(crate) async fn identify_once(
        &self,
        app: Address,
        named_by: Option<Address>,
        block: u64,
        later: u64,
    ) -> Result<Contract, IndexError> {
        match self.identify(app, Role::App, named_by, block).await {
            Err(IndexError::Chain(error)) if missing(&error) && block < later => {
                let contract = self.identify(app, Role::App, named_by, later).await?;
                Ok(Contract { found_at: block, ..contract })
            }
            found => found,
        }
    }
}

impl Indexer {
    /// Identifies apps that had no code when they were named, and have spoken since. Anybody may register with a KMS an
    /// address at which somebody else is about to deploy: that must not make his app unknown for ever.
    pub(crate) async fn identify_the_born(&self, head: BlockRef) -> Result<(), IndexError> {
        let chain_id = self.node.chain_id();
        for contract in self.store.contracts(chain_id).await? {
            let app = contract.address;
            let is_new = self.checks.is_first() || self.checks.unchecked.contains(&app);
            if contract.role != Role::App || contract.code_hash.is_some() || !is_new {
                continue;
            }
            let logs = self.store.logs(chain_id, &[app], head.number).await?;
            let Some(log) = logs.iter().find(|log| log.block.number >= contract.found_at) else {
                continue;
            };
            let block = log.block;
            let found = self
                .reader
                .identify_once(app, contract.named_by, block.number, head.number)
                .await?;
            self.reader.must_hold(head).await?;
            if found.code_hash.is_some() {
                self.store.set_identity(&found, &block).await?;
            }
        }
        Ok(())
    }
}
