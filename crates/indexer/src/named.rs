//! Which apps KMS contracts and factories name.

use crate::{IndexError, identify::Usual, page::LOOKS, reader::Reader};
use alloy_primitives::Address;
use devproof_chain::NodeLog;
use devproof_contracts::{factory_event, kms_event};
use devproof_primitives::KmsEvent;
use devproof_store::{Contract, Role};
use futures::{StreamExt as _, TryStreamExt as _, future::join, stream};
use std::collections::{BTreeMap, BTreeSet};

/// Apps that are named in some logs, and not followed yet or known from a later block: the block and by whom. Where several
/// name one in a block, it is the one with the lowest address: which of them was read first must not matter.
pub(crate) struct Named {
    by: BTreeMap<Address, (u64, Address)>,
    /// Those among whom name them that are KMS contracts.
    kms: BTreeSet<Address>,
    /// Where a KMS or factory says that it deployed a contract itself.
    deployed: BTreeSet<(Address, u64)>,
}

/// A contract that was named.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) contract: Contract,
    /// Whether it was created in the block in which it was named: there was no code before, and who named it says that they
    /// deployed it. A node that answers nothing is not enough to leave what came before unread.
    pub(crate) is_newborn: bool,
}

impl Named {
    /// Looks for what KMS contracts and factories that are known say in these logs.
    pub(crate) fn in_logs(logs: &[NodeLog], known: &BTreeMap<Address, Contract>) -> Self {
        // Few of very many: nothing is looked up for each log in all that is followed.
        let name = |c: &&Contract| matches!(c.role, Role::Kms | Role::Factory);
        let who: BTreeMap<Address, Role> =
            known.values().filter(name).map(|c| (c.address, c.role)).collect();
        let events: Vec<_> =
            logs.iter().filter_map(|log| Some((log, *who.get(&log.address)?))).collect();
        // In the generation before DstackKms the id of an app is no contract; the KMS says which one decides.
        let (mut decides, mut deployed) = (BTreeMap::new(), BTreeSet::new());
        for (log, role) in &events {
            if *role == Role::Kms
                && let Some(KmsEvent::AppDeployed { app, contract }) =
                    kms_event(&log.topics, &log.data)
            {
                decides.insert((log.address, app), contract);
                deployed.insert((contract, log.block_number));
            }
        }
        let mut named = BTreeMap::new();
        for (log, role) in events {
            let by = log.address;
            let app = match role {
                Role::Kms => match kms_event(&log.topics, &log.data) {
                    Some(KmsEvent::AppRegistered(app)) => {
                        decides.get(&(by, app)).copied().unwrap_or(app)
                    }
                    Some(KmsEvent::AppDeployed { contract, .. }) => contract,
                    _ => continue,
                },
                Role::Factory => match factory_event(&log.topics, &log.data) {
                    Some(event) => {
                        deployed.insert((event.app, log.block_number));
                        event.app
                    }
                    None => continue,
                },
                Role::App | Role::DeletionRegistry => continue,
            };
            let here = (log.block_number, by);
            named.entry(app).and_modify(|first| *first = here.min(*first)).or_insert(here);
        }
        named.retain(|app, (block, by)| !is_known(known, *app, *block, *by));
        let kms = who.into_iter().filter(|(_, role)| *role == Role::Kms).map(|(by, _)| by);
        Self { by: named, kms: kms.collect(), deployed }
    }

    /// What was named; most of these are the contracts that decide.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.by.keys().copied()
    }
}

impl Reader {
    /// The contracts behind what was named, as they were when it was; after block `at` where the node knows no more.
    pub(crate) async fn find(
        &self,
        named: Named,
        known: &BTreeMap<Address, Contract>,
        at: u64,
    ) -> Result<Vec<Found>, IndexError> {
        let Named { by: named, kms, deployed } = named;
        let is_deployed = |app, block| deployed.contains(&(app, block));
        // Many at a time: each takes some questions to the node.
        let looked: Vec<Found> = stream::iter(named.clone())
            .map(|(app, (block, by))| self.meet(app, (block, by), is_deployed(app, block), at))
            .buffered(LOOKS)
            .try_collect()
            .await?;
        let mut found: BTreeMap<Address, Found> = BTreeMap::new();
        let mut of_today = BTreeSet::new();
        for Found { contract, is_newborn } in looked {
            let app = contract.address;
            let Some((block, by)) = named.get(&app).copied() else { continue };
            let mut contract = Some(contract);
            if kms.contains(&by) && contract.as_ref().is_some_and(|c| c.code_hash.is_none()) {
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
                && found
                    .get(&contract.address)
                    .is_none_or(|other| first(&contract) < first(&other.contract))
            {
                let is_newborn = is_newborn && contract.address == app;
                found.insert(contract.address, Found { contract, is_newborn });
            }
        }
        Ok(found.into_values().collect())
    }

    /// Finds out what stands behind an app that was just named, and what will be asked about it.
    async fn meet(
        &self,
        app: Address,
        (block, by): (u64, Address),
        is_deployed: bool,
        later: u64,
    ) -> Result<Found, IndexError> {
        let foreseen = async {
            if let Some(Usual { code, .. }) = self.looks.usual(by) {
                self.foresee(app, code, block, is_deployed).await;
            }
        };
        let identified = self.identify_once(app, Some(by), block, later);
        let contract = join(identified, foreseen).await.0?;
        self.looks.named(by, &contract);
        // Known by now, if it is what was expected.
        let was_there = match contract.code_hash {
            Some(_) => self.foresee(app, contract.code(), contract.found_at, is_deployed).await,
            None => None,
        };
        let is_newborn = is_deployed && contract.code_hash.is_some() && was_there == Some(false);
        Ok(Found { contract, is_newborn })
    }

    /// The apps that these logs name, as [`Named`] and [`Reader::find`] say.
    pub(crate) async fn named_in(
        &self,
        logs: &[NodeLog],
        known: &BTreeMap<Address, Contract>,
        at: u64,
    ) -> Result<Vec<Contract>, IndexError> {
        let found = self.find(Named::in_logs(logs, known), known, at).await?;
        Ok(found.into_iter().map(|found| found.contract).collect())
    }
}

/// Whether a contract is followed already because of something before this log: the word of the configuration stands,
/// and that of an earlier log.
fn is_known(known: &BTreeMap<Address, Contract>, app: Address, block: u64, by: Address) -> bool {
    known
        .get(&app)
        .is_some_and(|c| c.named_by.is_none_or(|other| (c.found_at, other) <= (block, by)))
}

/// Whether a contract that was found is followed already, because of something at or before where it was named.
pub(crate) fn is_followed(known: &BTreeMap<Address, Contract>, found: &Contract) -> bool {
    found.named_by.is_some_and(|by| is_known(known, found.address, found.found_at, by))
}

/// Contracts by their addresses.
pub(crate) fn by_address(contracts: Vec<Contract>) -> BTreeMap<Address, Contract> {
    contracts.into_iter().map(|contract| (contract.address, contract)).collect()
}
