//! What apps were born with, and what is asked of them to find that out.

use crate::{
    IndexError,
    reader::Reader,
    readings::{ATTEMPTS, missing},
};
use alloy_primitives::{Address, B256, Bytes};
use devproof_chain::{Identity, Look};
use devproof_contracts::{
    About, Code, app_event,
    stock::{DstackApp, LegacyAppAuth, TimelockAppAuth},
};
use devproof_primitives::{Action, BlockRef, Change, Event, Setting};
use devproof_store::{Contract, RawLog, Reading, Role};
use futures::future::join;
use std::collections::BTreeSet;

/// Words at the end of what a contract was created with that may be the hash its constructor allowed. The tutorial's
/// has three arguments; whoever added some has more.
const WORDS: usize = 12;

/// Answers being gathered, all after one block.
#[derive(Debug)]
pub(crate) struct Notes {
    pub(crate) block: BlockRef,
    pub(crate) readings: Vec<Reading>,
}

impl Notes {
    pub(crate) const fn after(block: BlockRef) -> Self {
        Self { block, readings: Vec::new() }
    }

    pub(crate) fn add(&mut self, about: About, value: impl Into<Bytes>) {
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

    /// Which code it was that an upgrade brought.
    pub(crate) fn code(&mut self, identity: &Identity) {
        self.add(About::CodeKind, identity.code.name().as_bytes().to_vec());
        if let Some(implementation) = identity.implementation {
            self.add(About::Implementation, implementation.into_word());
        }
        if let Some(hash) = identity.implementation_hash {
            self.add(About::ImplementationHash, hash);
        }
    }

    fn set(&mut self, setting: Setting, value: B256) {
        self.add(About::Setting(setting), value);
    }
}

fn flag(on: bool) -> B256 {
    B256::with_last_byte(u8::from(on))
}

impl Reader {
    /// What an app was born with, found out from what it said first. A node may lack state so old.
    pub(crate) async fn notes_at_birth(
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
        let start = self.start_block;
        let spoke = logs.first().map_or(contract.found_at, |log| log.block.number);
        let seen = spoke.min(contract.found_at.max(start)).min(head.number).max(start);
        let is_there = async |number: u64| self.is_there(contract.address, number).await;
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

    /// Asks what will be asked of an app with this code that was born in the block in which it was named, as most are, so that
    /// it is known then; what cannot be had now is asked again. Tells whether there was code before that block, if it was asked:
    /// it is of those that keep some of their state to themselves, and where somebody says that they deployed it.
    pub(crate) async fn foresee(
        &self,
        app: Address,
        code: Code,
        block: u64,
        is_deployed: bool,
    ) -> Option<bool> {
        let is_silent = keeps_to_itself(code);
        let before = block.checked_sub(1).filter(|_| block > self.start_block)?;
        let was_there = async {
            let is_asked = is_silent || is_deployed;
            if is_asked { self.is_there(app, before).await.ok() } else { None }
        };
        let switch = async {
            if let Some(slot) = switch_slot(code).filter(|_| is_silent) {
                let _ = self.slot(app, slot, block).await;
            }
        };
        join(was_there, switch).await.0
    }

    async fn block_of(&self, number: u64, logs: &[RawLog]) -> Result<BlockRef, IndexError> {
        match logs.iter().find(|log| log.block.number == number) {
            Some(log) => Ok(log.block),
            None => self.held(number).await,
        }
    }

    /// What an app was born with in this block, or by then.
    pub(crate) async fn born_with(
        &self,
        contract: &Contract,
        logs: &[RawLog],
        block: BlockRef,
        exactly: bool,
    ) -> Result<Notes, IndexError> {
        let mut notes = Notes::after(block);
        let app = contract.address;
        let code = contract.code();
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
    pub(crate) async fn settings(
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
        match code {
            Code::DstackApp => {
                // Earlier ones have no such switch, and so no such requirement.
                let tcb = look.asked(node, &DstackApp::requireTcbUpToDateCall {}).await?;
                notes.set(Setting::TcbRequirement, flag(tcb.unwrap_or(false)));
            }
            Code::LegacyAppAuth => {
                if let Some(id) = look.asked(node, &LegacyAppAuth::appIdCall {}).await? {
                    notes.add(About::AppId, id.into_word());
                }
                notes.set(Setting::TcbRequirement, flag(false));
            }
            Code::TimelockAppAuth => {
                let notice = TimelockAppAuth::noticePeriodCall {};
                if let Some(seconds) = look.asked(node, &notice).await? {
                    notes.set(Setting::NoticePeriod, seconds.into());
                }
                notes.set(Setting::TcbRequirement, flag(false));
                notes.add(About::UpgradesDisabled, flag(true));
            }
            Code::AppAuth | Code::AppAuthTest | Code::Unknown => {}
        }
        if let (Some(slot), Some(any)) = (switch_slot(code), any) {
            let word = self.slot(app, slot, notes.block.number).await?;
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
}

/// Which slot the switch without a getter stands in.
const fn switch_slot(code: Code) -> Option<u64> {
    match code {
        Code::DstackApp => Some(1),
        Code::LegacyAppAuth => Some(2),
        _ => None,
    }
}

/// Whether an app keeps some of its state to itself. An AppAuth tells all, and that can be checked.
pub(crate) fn is_silent(contract: &Contract) -> bool {
    let is_app = contract.role == Role::App && contract.code_hash.is_some();
    is_app && keeps_to_itself(contract.code())
}

fn keeps_to_itself(code: Code) -> bool {
    !code.keeps_history() && code != Code::Unknown
}
