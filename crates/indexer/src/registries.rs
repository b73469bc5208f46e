//! What registries of deletions say must lead to the roots in their contracts.
//!
//! As of apps, with one difference: a registry that does not add up stops nobody, for what apps were allowed to run does not
//! depend on it. What it says is not called checked then.

use crate::{IndexError, Indexer, page::LOOKS};
use alloy_primitives::{Address, B256};
use devproof_contracts::{RegistryFault, RegistryHistory, RegistryPlace, registry_root_slot};
use devproof_primitives::BlockRef;
use devproof_store::{Contract, LogSteps, Role};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::BTreeMap;

/// How far the histories of registries were read.
#[derive(Debug, Default)]
pub(crate) struct Registries(BTreeMap<Address, Read>);

/// How far that of one was.
#[derive(Clone, Debug)]
struct Read {
    history: RegistryHistory,
    /// The block up to which it was.
    up_to: BlockRef,
    /// Whether it did not add up then, and reading it again did not help.
    is_wrong: bool,
}

/// What came of comparing.
#[derive(Debug, PartialEq, Eq)]
enum Compared {
    Agrees,
    Fault(RegistryFault),
    Root { app: Address, folded: B256, stored: B256 },
}

impl Indexer {
    /// Compares the histories that are due with the roots in their contracts, and records for those that agree that they
    /// were verified after `head`. Due are registries with new logs, and every so often all (`all`).
    pub(crate) async fn check_registries(
        &mut self,
        all: bool,
        head: BlockRef,
    ) -> Result<(), IndexError> {
        let chain_id = self.node.chain_id();
        let registries = self.store.contracts_of(chain_id, Role::DeletionRegistry).await?;
        let mut agreed = Vec::new();
        for registry in registries {
            let is_new = self.checks.unchecked.contains(&registry.address);
            if registry.code_hash.is_none()
                || !(all || is_new || registry.history_verified_at.is_none())
            {
                continue;
            }
            let was_wrong =
                self.registries.0.get(&registry.address).is_some_and(|read| read.is_wrong);
            if was_wrong && !is_new && !all {
                continue;
            }
            if self.check_registry(&registry, was_wrong, head).await? {
                agreed.push(registry.address);
            }
        }
        if agreed.is_empty() {
            return Ok(());
        }
        // The roots were asked for by number.
        self.reader.must_hold(head).await?;
        Ok(self.store.set_history_verified(chain_id, &agreed, &head).await?)
    }

    /// Whether the history of a registry leads to the roots in its contract. What does not is read again, once.
    async fn check_registry(
        &mut self,
        registry: &Contract,
        was_wrong: bool,
        head: BlockRef,
    ) -> Result<bool, IndexError> {
        let mut compared = self.compare(registry, head).await?;
        if compared != Compared::Agrees {
            // What was read before may have had a gap that was filled since, or stood on another branch.
            self.registries.0.remove(&registry.address);
            compared = self.compare(registry, head).await?;
        }
        if compared != Compared::Agrees && !was_wrong {
            self.pulse.counts.root_mismatch();
            tracing::warn!(registry = %registry.address, ?compared, "its history does not add up, reading it again");
            let range = self.options.start_block..=head.number;
            self.read_again(&[registry.address], range, head).await?;
            self.registries.0.remove(&registry.address);
            compared = self.compare(registry, head).await?;
        }
        let agrees = compared == Compared::Agrees;
        if !agrees && !was_wrong {
            tracing::warn!(
                registry = %registry.address,
                ?compared,
                "what it says is not complete, or not its own: the node left something out or made it up, or the index begins \
                 after the registry's first block. Deletions are shown as not checked"
            );
        }
        if let Some(read) = self.registries.0.get_mut(&registry.address) {
            read.is_wrong = !agrees;
        }
        Ok(agrees)
    }

    async fn compare(
        &mut self,
        registry: &Contract,
        head: BlockRef,
    ) -> Result<Compared, IndexError> {
        let address = registry.address;
        let (history, fault) = self.read_history(registry, head).await?;
        let roots: Vec<(Address, B256)> = history.roots().collect();
        let read = Read { history, up_to: head, is_wrong: false };
        self.registries.0.insert(address, read);
        if let Some(fault) = fault {
            return Ok(Compared::Fault(fault));
        }
        let node = &self.node;
        let ask = |(app, folded): (Address, B256)| async move {
            let stored = node.storage(address, registry_root_slot(app), head.number).await?;
            Ok::<_, IndexError>((app, folded, stored))
        };
        let mut asked = stream::iter(roots).map(ask).buffered(LOOKS);
        while let Some((app, folded, stored)) = asked.try_next().await? {
            if folded != stored {
                return Ok(Compared::Root { app, folded, stored });
            }
        }
        Ok(Compared::Agrees)
    }

    /// What a registry said up to a block, as far as it adds up.
    async fn read_history(
        &self,
        registry: &Contract,
        head: BlockRef,
    ) -> Result<(RegistryHistory, Option<RegistryFault>), IndexError> {
        let chain_id = self.node.chain_id();
        let mut after = None;
        let mut history = RegistryHistory::new(chain_id, registry.address);
        if let Some(read) = self.registries.0.get(&registry.address)
            && !read.is_wrong
            && self.store.block_by_hash(chain_id, read.up_to.hash).await?
                == Some((read.up_to, true))
        {
            (history, after) = (read.history.clone(), Some(read.up_to.number));
        }
        let mut steps = LogSteps::new(registry, after, head.number);
        while let Some(logs) = steps.next(&self.store).await? {
            for log in logs {
                let at = RegistryPlace {
                    block: log.block.number,
                    timestamp: log.block.timestamp,
                    log_index: log.log_index,
                };
                if let Err(fault) = history.apply(&log.topics, &log.data, at) {
                    return Ok((history, Some(fault)));
                }
            }
        }
        Ok((history, None))
    }
}
