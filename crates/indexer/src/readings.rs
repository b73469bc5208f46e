//! What no event tells is asked of the contracts themselves, once, after the block in which it became so.
//!
//! The initializer of a stock app says nothing of some switches, the constructor of the tutorial's contract nothing at
//! all; and what an upgrade brought stands only in the code. Each answer is kept with its block and says nothing about
//! earlier ones. A node without old state is asked about the head instead: then the time before stays unknown.

use crate::{
    IndexError, Indexer,
    births::{Notes, is_silent},
    page::LOOKS,
};
use alloy_primitives::Address;
use devproof_chain::{ChainError, Refusal};
use devproof_contracts::{About, Code, UPGRADED};
use devproof_primitives::BlockRef;
use devproof_store::{Contract, Reading, Role};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Apps whose births are read and written at a time.
const BIRTHS: usize = 512;

/// The most upgrades of one contract that are looked at: whoever upgrades in every block keeps nobody busy for ever.
const MOST_UPGRADES: usize = 100;

/// How often it is asked for state that it says it does not have, before the newest has to do.
pub(crate) const ATTEMPTS: u32 = 5;

/// Whether a node does not have what was asked for: it keeps no state so old.
pub(crate) const fn missing(error: &ChainError) -> bool {
    matches!(error, ChainError::Refused { why: Refusal::Missing, .. })
}

impl Indexer {
    /// Reads what is due: for new apps the state that they were born with, for upgrades what came with them, for app
    /// ids the contracts behind them. Costs nothing while nothing is new.
    pub(crate) async fn read_what_is_not_said(
        &self,
        head: BlockRef,
        rewound: bool,
    ) -> Result<(), IndexError> {
        let first = self.checks.is_first();
        if !first && !rewound && self.checks.unchecked.is_empty() {
            return Ok(());
        }
        let is_new = |address: &Address| first || self.checks.unchecked.contains(address);
        let chain_id = self.node.chain_id();
        let contracts = self.store.contracts(chain_id).await?;
        for kms in contracts.iter().filter(|c| c.role == Role::Kms && is_new(&c.address)) {
            // One of today has no ids to link, and perhaps very many registrations.
            let is_legacy = |c: &Contract| {
                c.named_by == Some(kms.address) && c.code_hash.is_some() && !is_its_own_id(c)
            };
            if !first && !contracts.iter().any(is_legacy) {
                continue;
            }
            self.link_app_ids(kms.address, &contracts, head).await?;
        }
        let mut unread: Vec<&Contract> = (contracts.iter())
            .filter(|c| is_silent(c) && !self.checks.is_born(c.address))
            .collect();
        if !unread.is_empty() {
            let births = self.store.answered(chain_id, About::Birth.word()).await?;
            let read: BTreeSet<Address> = births.into_iter().map(|(address, _)| address).collect();
            unread.retain(|app| !read.contains(&app.address));
        }
        for some in unread.chunks(BIRTHS) {
            self.read_births(some, head).await?;
        }
        let upgrades = if self.checks.may_lack_upgrades() {
            let every = (None, head.number);
            let logs = self.store.logs_mentioning(chain_id, UPGRADED, every, u32::MAX).await?;
            let upgrades = logs.iter().filter(|log| log.topics.first() == Some(&UPGRADED));
            // Of many most are known: each by itself would be asked for.
            let known: HashSet<(Address, BlockRef)> =
                self.store.answered(chain_id, About::CodeKind.word()).await?.into_iter().collect();
            let upgrades = upgrades.map(|log| (log.address, log.block));
            upgrades.filter(|upgrade| !known.contains(upgrade)).collect()
        } else {
            self.checks.upgrades()
        };
        self.read_upgrades(upgrades, &contracts, head).await
    }

    /// What came with some upgrades.
    async fn read_upgrades(
        &self,
        mut upgrades: Vec<(Address, BlockRef)>,
        contracts: &[Contract],
        head: BlockRef,
    ) -> Result<(), IndexError> {
        let known: BTreeMap<Address, &Contract> = (contracts.iter())
            .filter(|c| matches!(c.role, Role::App | Role::Kms))
            .map(|c| (c.address, c))
            .collect();
        // One of each contract at a time: what was found of it before counts.
        while !upgrades.is_empty() {
            let mut taken = BTreeMap::new();
            upgrades.retain(|(address, block)| {
                let waits = taken.contains_key(address) || taken.len() >= BIRTHS;
                if !waits && let Some(contract) = known.get(address) {
                    taken.insert(*address, ((*contract).clone(), *block));
                }
                waits
            });
            let notes: Vec<Option<(Address, Notes)>> = stream::iter(taken.into_values())
                .map(|(contract, block)| async move {
                    let notes = self.read_upgrade(&contract, block, head).await?;
                    Ok::<_, IndexError>(notes.map(|notes| (contract.address, notes)))
                })
                .buffered(LOOKS)
                .try_collect()
                .await?;
            let notes: Vec<(Address, Notes)> = notes.into_iter().flatten().collect();
            self.write_down(&notes, head).await?;
        }
        Ok(())
    }

    /// Writes what contracts answered, if `head` still stands: they were asked by the numbers of blocks below it.
    async fn write_down(
        &self,
        notes: &[(Address, Notes)],
        head: BlockRef,
    ) -> Result<(), IndexError> {
        if !notes.is_empty() {
            self.reader.must_hold(head).await?;
        }
        self.keep_answers(notes, head).await
    }

    /// Writes what contracts answered while block `head` stood.
    pub(crate) async fn keep_answers(
        &self,
        notes: &[(Address, Notes)],
        head: BlockRef,
    ) -> Result<(), IndexError> {
        if notes.is_empty() {
            return Ok(());
        }
        let answers: Vec<(Address, &[Reading])> =
            notes.iter().map(|(address, notes)| (*address, notes.readings.as_slice())).collect();
        Ok(self.store.add_readings_of(self.node.chain_id(), &answers, &head).await?)
    }

    /// What some apps were born with.
    async fn read_births(&self, apps: &[&Contract], head: BlockRef) -> Result<(), IndexError> {
        let each = apps.iter().map(|app| (*app).clone()).collect::<Vec<_>>();
        let notes: Vec<(Address, Notes)> = stream::iter(each)
            .map(|app| async move {
                let notes = self.read_birth(&app, head).await?;
                Ok::<_, IndexError>((app.address, notes))
            })
            .buffered(LOOKS)
            .try_collect()
            .await?;
        self.write_down(&notes, head).await
    }

    async fn read_birth(&self, contract: &Contract, head: BlockRef) -> Result<Notes, IndexError> {
        let app = contract.address;
        let chain_id = self.node.chain_id();
        // Where it spoke first says when it was born. All that it said is looked at only of one whose constructor said nothing
        // of what it allowed.
        let logs = match contract.code() {
            Code::TimelockAppAuth => self.store.logs(chain_id, &[app], head.number).await?,
            _ => self.store.first_logs(chain_id, app, head.number).await?,
        };
        match self.reader.notes_at_birth(contract, &logs, head).await {
            Err(IndexError::Chain(error)) if missing(&error) => {
                tracing::warn!(%app, %error, "its first state is not to be had, reading the newest");
                self.reader.born_with(contract, &logs, head, false).await
            }
            notes => notes,
        }
    }

    /// What came with an upgrade: which code it was, and what it answers now. `None` where that is known, was looked at too
    /// often, or is not to be had.
    async fn read_upgrade(
        &self,
        contract: &Contract,
        block: BlockRef,
        head: BlockRef,
    ) -> Result<Option<Notes>, IndexError> {
        let chain_id = self.node.chain_id();
        let address = contract.address;
        // It may have gone since it was noted.
        let stands = self.store.block_by_hash(chain_id, block.hash).await?;
        if stands != Some((block, true)) {
            return Ok(None);
        }
        let readings = self.store.readings(chain_id, address, head.number).await?;
        let here = |reading: &&Reading| reading.block == block;
        let known = |about: About| readings.iter().filter(here).any(|r| r.what == about.word());
        let looked_at = readings.iter().filter(|r| r.what == About::CodeKind.word()).count();
        if known(About::CodeKind) || looked_at >= MOST_UPGRADES {
            return Ok(None);
        }
        // What a node without old state says about the head is true there; of the upgrade itself nothing is known.
        let mut attempt = 1;
        let (identity, look) = loop {
            match self.reader.look(address, block.number, None).await {
                Err(error) if missing(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) if missing(&error) => {
                    // Who lacks the newest state as well only lags.
                    self.node.code(address, head.number).await?;
                    return Ok(None);
                }
                found => break found?,
            }
        };
        let mut notes = Notes::after(block);
        notes.code(&identity);
        if contract.role == Role::App && !known(About::Birth) {
            self.reader.settings(&look, address, identity.code, &mut notes).await?;
        }
        Ok(Some(notes))
    }
}

/// Whether code of this kind is asked by the id that its address is.
fn is_its_own_id(contract: &Contract) -> bool {
    let code = contract.code();
    code.keeps_history() || code == Code::DstackApp
}
