//! What no event tells is asked of the contracts themselves, once, after the block in which it became so.
//!
//! The initializer of a stock app says nothing of some switches, the constructor of the tutorial's contract nothing at
//! all; and what an upgrade brought stands only in the code. Each answer is kept with its block and says nothing about
//! earlier ones. A node without old state is asked about the head instead: then the time before stays unknown.

use crate::{IndexError, Indexer, page::LOOKS};
use alloy_primitives::{Address, B256, Bytes, U256};
use devproof_chain::{ChainError, Look, Refusal};
use devproof_contracts::{
    About, Code, UPGRADED, app_event,
    stock::{DstackApp, LegacyAppAuth, TimelockAppAuth},
};
use devproof_primitives::{Action, BlockRef, Change, Event, Setting};
use devproof_store::{Contract, RawLog, Reading, Role};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::{BTreeMap, BTreeSet};

/// Words at the end of what a contract was created with that may be the hash its constructor allowed. The tutorial's
/// has three arguments; whoever added some has more.
const WORDS: usize = 12;

/// Apps whose births are read and written at a time.
const BIRTHS: usize = 512;

/// The most upgrades of one contract that are looked at: whoever upgrades in every block keeps nobody busy for ever.
const MOST_UPGRADES: usize = 100;

/// How often it is asked for state that it says it does not have, before the newest has to do.
const ATTEMPTS: u32 = 5;

/// Whether a node does not have what was asked for: it keeps no state so old.
pub(crate) const fn missing(error: &ChainError) -> bool {
    matches!(error, ChainError::Refused { why: Refusal::Missing, .. })
}

/// Answers being gathered, all after one block.
#[derive(Debug)]
struct Notes {
    block: BlockRef,
    readings: Vec<Reading>,
}

impl Notes {
    const fn after(block: BlockRef) -> Self {
        Self { block, readings: Vec::new() }
    }

    fn add(&mut self, about: About, value: impl Into<Bytes>) {
        self.add_of(about, &[], value);
    }

    fn add_of(&mut self, about: About, subject: &[u8], value: impl Into<Bytes>) {
        self.readings.push(Reading {
            block: self.block,
            what: about.word().to_owned(),
            subject: Bytes::copy_from_slice(subject),
            value: value.into(),
        });
    }

    fn set(&mut self, setting: Setting, value: B256) {
        self.add(About::Setting(setting), value);
    }
}

fn flag(on: bool) -> B256 {
    B256::with_last_byte(u8::from(on))
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
        let read: BTreeSet<Address> =
            self.store.answered(chain_id, About::Birth.word()).await?.into_iter().collect();
        let unread: Vec<&Contract> =
            contracts.iter().filter(|c| is_silent(c) && !read.contains(&c.address)).collect();
        for some in unread.chunks(BIRTHS) {
            self.read_births(some, head).await?;
        }
        let upgrades = if first {
            let every = (None, head.number);
            let logs = self.store.logs_mentioning(chain_id, UPGRADED, every, u32::MAX).await?;
            let upgrades = logs.iter().filter(|log| log.topics.first() == Some(&UPGRADED));
            upgrades.map(|log| (log.address, log.block)).collect()
        } else {
            self.checks.upgraded.clone()
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
        if notes.is_empty() {
            return Ok(());
        }
        self.must_hold(head).await?;
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
        let logs = match contract.code_kind.parse() {
            Ok(Code::TimelockAppAuth) => self.store.logs(chain_id, &[app], head.number).await?,
            Ok(_) => self.store.first_logs(chain_id, app, head.number).await?,
        };
        match self.notes_at_birth(contract, &logs, head).await {
            Err(IndexError::Chain(error)) if missing(&error) => {
                tracing::warn!(%app, %error, "its first state is not to be had, reading the newest");
                self.born_with(contract, &logs, head, false).await
            }
            notes => notes,
        }
    }

    async fn notes_at_birth(
        &self,
        contract: &Contract,
        logs: &[RawLog],
        head: BlockRef,
    ) -> Result<Notes, IndexError> {
        let mut attempt = 1;
        loop {
            let notes = async {
                let (number, exactly) = self.birth(contract, logs, head).await?;
                let block = self.block_of(number, logs).await?;
                self.born_with(contract, logs, block, exactly).await
            };
            match notes.await {
                // One backend of several may lack what the others have: what is kept is kept for good.
                Err(IndexError::Chain(error)) if missing(&error) && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                notes => return notes,
            }
        }
    }

    /// The block in which an app's code appeared, as far as the node can tell, and whether it is that block exactly: it
    /// may have been there before the index begins.
    async fn birth(
        &self,
        contract: &Contract,
        logs: &[RawLog],
        head: BlockRef,
    ) -> Result<(u64, bool), IndexError> {
        let start = self.options.start_block;
        let spoke = logs.first().map_or(contract.found_at, |log| log.block.number);
        let seen = spoke.min(contract.found_at.max(start)).min(head.number).max(start);
        let is_there = async |number: u64| -> Result<bool, IndexError> {
            if let Some((identity, _)) = self.looks.get(contract.address, number) {
                return Ok(identity.code_hash.is_some());
            }
            Ok(!self.node.code(contract.address, number).await?.is_empty())
        };
        // Where somebody named it before it was there, it appeared by the time it spoke.
        let mut high = if is_there(seen).await? { seen } else { spoke.max(seen) };
        if high == start {
            return Ok((high, start == 0));
        }
        if !is_there(high - 1).await? {
            return Ok((high, true));
        }
        if is_there(start).await? {
            return Ok((start, start == 0));
        }
        let mut low = start;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if is_there(middle).await? { high = middle } else { low = middle }
        }
        Ok((high, true))
    }

    async fn block_of(&self, number: u64, logs: &[RawLog]) -> Result<BlockRef, IndexError> {
        match logs.iter().find(|log| log.block.number == number) {
            Some(log) => Ok(log.block),
            None => self.held(number).await,
        }
    }

    async fn born_with(
        &self,
        contract: &Contract,
        logs: &[RawLog],
        block: BlockRef,
        exactly: bool,
    ) -> Result<Notes, IndexError> {
        let mut notes = Notes::after(block);
        let app = contract.address;
        let Ok(code): Result<Code, _> = contract.code_kind.parse();
        notes.add(About::Birth, flag(exactly));
        let look = match self.looks.get(app, block.number) {
            Some((_, look)) => look,
            None => Look::blind(app, block.number),
        };
        self.settings(&look, app, code, &mut notes).await?;
        if code == Code::TimelockAppAuth {
            self.first_compose_hash(app, logs, exactly, &mut notes).await?;
        }
        Ok(notes)
    }

    /// The settings that contracts of this kind do not always speak of.
    async fn settings(
        &self,
        look: &Look,
        app: Address,
        code: Code,
        notes: &mut Notes,
    ) -> Result<(), IndexError> {
        let node = &self.node;
        if let Some(owner) = look.asked(node, &DstackApp::ownerCall {}).await? {
            notes.set(Setting::Owner, owner.into_word());
        }
        let any = look.asked(node, &DstackApp::allowAnyDeviceCall {}).await?;
        if let Some(any) = any {
            notes.set(Setting::AnyDevice, flag(any));
        }
        // Which slot the switch without a getter stands in.
        let slot = match code {
            Code::DstackApp => {
                // Earlier ones have no such switch, and so no such requirement.
                let tcb = look.asked(node, &DstackApp::requireTcbUpToDateCall {}).await?;
                notes.set(Setting::TcbRequirement, flag(tcb.unwrap_or(false)));
                Some(1)
            }
            Code::LegacyAppAuth => {
                if let Some(id) = look.asked(node, &LegacyAppAuth::appIdCall {}).await? {
                    notes.add(About::AppId, id.into_word());
                }
                notes.set(Setting::TcbRequirement, flag(false));
                Some(2)
            }
            Code::TimelockAppAuth => {
                let notice = TimelockAppAuth::noticePeriodCall {};
                if let Some(seconds) = look.asked(node, &notice).await? {
                    notes.set(Setting::NoticePeriod, seconds.into());
                }
                notes.set(Setting::TcbRequirement, flag(false));
                notes.add(About::UpgradesDisabled, flag(true));
                None
            }
            Code::AppAuth | Code::AppAuthTest | Code::Unknown => None,
        };
        if let (Some(slot), Some(any)) = (slot, any) {
            let word = node.storage(app, U256::from(slot), notes.block.number).await?;
            // Two flags in one slot, one of them known: in any other layout this says nothing.
            let [rest @ .., second, lowest] = word.0;
            if rest == [0; 30] && second == u8::from(any) && lowest <= 1 {
                notes.add(About::UpgradesDisabled, flag(lowest == 1));
            }
        }
        Ok(())
    }

    /// Which compose hash a constructor allowed that says nothing: one that it was given, or that was removed without
    /// having been activated, and that the contract says is allowed.
    async fn first_compose_hash(
        &self,
        app: Address,
        logs: &[RawLog],
        exactly: bool,
        notes: &mut Notes,
    ) -> Result<(), IndexError> {
        let at = notes.block.number;
        let input = if exactly { self.node.creation_input(app, at).await? } else { None };
        let tail = input.iter().flat_map(|input| {
            let words = input.chunks_exact(32).count().min(WORDS) * 32;
            input.get(input.len() - words..).unwrap_or_default().chunks_exact(32)
        });
        let mut candidates: BTreeSet<B256> = tail.map(B256::from_slice).collect();
        let mut seen = BTreeSet::new();
        for log in logs {
            let event = app_event(&log.topics, &log.data);
            let (value, first) = match event {
                Some(Event::Stock(Change { action, setting: Setting::ComposeHash, value })) => {
                    (value, action == Action::Removed)
                }
                Some(Event::Timelocked { compose_hash, .. }) => (compose_hash, false),
                _ => continue,
            };
            if seen.insert(value) && first {
                candidates.insert(value);
            }
        }
        candidates.remove(&B256::ZERO);
        let mut first = None;
        for hash in candidates {
            let question = DstackApp::allowedComposeHashesCall { composeHash: hash };
            if self.node.asked(app, &question, at).await? == Some(true) {
                let setting = About::Setting(Setting::ComposeHash);
                notes.add_of(setting, hash.as_slice(), flag(true));
                first = Some(hash);
            }
        }
        // The last argument is zero: there was none to allow.
        let none = || input.as_ref().is_some_and(|input| input.ends_with(&[0; 32]));
        if let Some(hash) = first.or_else(|| none().then_some(B256::ZERO)) {
            notes.add(About::FirstComposeHash, hash);
        }
        Ok(())
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
            match self.look(address, block.number).await {
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
        notes.add(About::CodeKind, identity.code.name().as_bytes().to_vec());
        if let Some(implementation) = identity.implementation {
            notes.add(About::Implementation, implementation.into_word());
        }
        if let Some(hash) = identity.implementation_hash {
            notes.add(About::ImplementationHash, hash);
        }
        if contract.role == Role::App && !known(About::Birth) {
            self.settings(&look, address, identity.code, &mut notes).await?;
        }
        Ok(Some(notes))
    }
}

/// Whether code of this kind is asked by the id that its address is.
fn is_its_own_id(contract: &Contract) -> bool {
    let Ok(code): Result<Code, _> = contract.code_kind.parse();
    code.keeps_history() || code == Code::DstackApp
}

/// Whether an app keeps some of its state to itself. An AppAuth tells all, and that can be checked.
fn is_silent(contract: &Contract) -> bool {
    let Ok(code): Result<Code, _> = contract.code_kind.parse();
    let speaks = code.keeps_history() || code == Code::Unknown;
    contract.role == Role::App && contract.code_hash.is_some() && !speaks
}
