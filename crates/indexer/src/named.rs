//! Which apps KMS contracts and factories name.

use crate::{IndexError, page::LOOKS, reader::Reader};
use alloy_primitives::Address;
use devproof_chain::NodeLog;
use devproof_contracts::{factory_event, kms_event};
use devproof_primitives::KmsEvent;
use devproof_store::{Contract, Role};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::{BTreeMap, BTreeSet};

impl Reader {
    /// The apps that KMS contracts and factories name in these logs, and that are not followed yet or were known from
    /// a later block. Where several name one in a block, it is the one with the lowest address: which of them was read
    /// first must not matter.
    pub(crate) async fn named_in(
        &self,
        logs: &[NodeLog],
        known: &BTreeMap<Address, Contract>,
        at: u64,
    ) -> Result<Vec<Contract>, IndexError> {
        // Few of very many: nothing is looked up for each log in all that is followed.
        let name = |c: &&Contract| matches!(c.role, Role::Kms | Role::Factory);
        let who: BTreeMap<Address, &Contract> =
            known.values().filter(name).map(|c| (c.address, c)).collect();
        let events: Vec<_> =
            logs.iter().filter_map(|log| Some((log, *who.get(&log.address)?))).collect();
        // In the generation before DstackKms the id of an app is no contract; the KMS says which one decides.
        let mut deployed = BTreeMap::new();
        for (log, by) in &events {
            if by.role == Role::Kms
                && let Some(KmsEvent::AppDeployed { app, contract }) =
                    kms_event(&log.topics, &log.data)
            {
                deployed.insert((by.address, app), contract);
            }
        }
        let mut named = BTreeMap::new();
        for (log, by) in events {
            let app = match by.role {
                Role::Kms => match kms_event(&log.topics, &log.data) {
                    Some(KmsEvent::AppRegistered(app)) => {
                        deployed.get(&(by.address, app)).copied().unwrap_or(app)
                    }
                    Some(KmsEvent::AppDeployed { contract, .. }) => contract,
                    _ => continue,
                },
                Role::Factory => match factory_event(&log.topics, &log.data) {
                    Some(event) => event.app,
                    None => continue,
                },
                Role::App | Role::DeletionRegistry => continue,
            };
            let here = (log.block_number, by.address);
            named.entry(app).and_modify(|first| *first = here.min(*first)).or_insert(here);
        }
        if named.is_empty() {
            return Ok(Vec::new());
        }
        named.retain(|app, (block, by)| !is_known(known, *app, *block, *by));
        // Many at a time: each takes some questions to the node.
        let looked: Vec<Contract> = stream::iter(named.clone())
            .map(|(app, (block, by))| self.identify_once(app, Some(by), block, at))
            .buffered(LOOKS)
            .try_collect()
            .await?;
        let mut found: BTreeMap<Address, Contract> = BTreeMap::new();
        let mut of_today = BTreeSet::new();
        for contract in looked {
            let app = contract.address;
            let Some((block, by)) = named.get(&app).copied() else { continue };
            let is_kms = who.get(&by).is_some_and(|c| c.role == Role::Kms);
            let mut contract = Some(contract);
            if is_kms && contract.as_ref().is_some_and(|c| c.code_hash.is_none()) {
                let controller = match of_today.contains(&by) {
                    true => None,
                    false => self.controller_of(by, app, block, at).await?,
                };
                match controller {
                    Some(it) if is_known(known, it, block, by) => contract = None,
                    Some(it) => contract = Some(self.identify_once(it, Some(by), block, at).await?),
                    None => {
                        of_today.insert(by);
                    }
                }
            }
            let first = |c: &Contract| (c.found_at, c.named_by);
            if let Some(contract) = contract
                && found.get(&contract.address).is_none_or(|other| first(&contract) < first(other))
            {
                found.insert(contract.address, contract);
            }
        }
        Ok(found.into_values().collect())
    }
}

/// Whether a contract is followed already because of something before this log: the word of the configuration stands,
/// and that of an earlier log.
fn is_known(known: &BTreeMap<Address, Contract>, app: Address, block: u64, by: Address) -> bool {
    known
        .get(&app)
        .is_some_and(|c| c.named_by.is_none_or(|other| (c.found_at, other) <= (block, by)))
}

/// Contracts by their addresses.
pub(crate) fn by_address(contracts: Vec<Contract>) -> BTreeMap<Address, Contract> {
    contracts.into_iter().map(|contract| (contract.address, contract)).collect()
}
