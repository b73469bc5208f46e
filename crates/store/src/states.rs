//! What an app's contract was like after a block: the one fold in `devproof-primitives`, over the facts here.
//!
//! A long history is not folded for every question. Where the fold stood is kept now and then, so that an answer costs
//! what it says, not what was ever said before it.

use crate::{KeptFold, RawLog, Reading, Store, error::StoreError, read::LogSteps, types::Contract};
use alloy_primitives::B256;
use devproof_contracts::{About, Code, app_event};
use devproof_primitives::{Action, BlockRef, Event, FoldError, Policy, Position, Rules, Step};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, iter::Peekable, vec::IntoIter};

/// The version of the fold and of how a state is written down. Any change of what [`Policy::apply`], [`app_event`] or
/// [`AppState`] mean needs another one: what was kept before is then not looked at any more.
const VERSION: u32 = 1;

/// Logs after which a state is kept, at least: fewer are folded faster than a state is read.
const EVERY: u64 = 24;

/// Bytes of a kept state that cost about as much to read as a log does to read and fold. A large state is kept more
/// rarely, so that what is kept never takes much more room than the facts.
const BYTES_PER_LOG: u64 = 64;

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The logs cannot be those of the contract.
    #[error(transparent)]
    Fold(#[from] FoldError),
}

/// An app after a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppState {
    /// What its logs fold to.
    pub policy: Policy,
    /// How many logs its contract had emitted.
    pub logs: u64,
    /// The settings that are as they were read by call, and the block after which they were.
    pub read: BTreeMap<String, BlockRef>,
}

impl AppState {
    /// An app that has said nothing yet.
    #[must_use]
    pub fn new(contract: &Contract) -> Self {
        Self { policy: Policy::new(rules(contract)), logs: 0, read: BTreeMap::new() }
    }

    /// Takes what was read by call after a block; it holds for the end of that block, so that it comes before the first
    /// log of a later one. Says whether it told anything new.
    ///
    /// # Errors
    /// [`FoldError`], as of a log.
    pub fn take(&mut self, reading: &Reading) -> Result<bool, FoldError> {
        let Some((event, setting, _)) = reading_event(reading) else { return Ok(false) };
        let before = self.policy.clone();
        self.policy.apply(read_at(reading.block), &event)?;
        let is_new = self.policy != before;
        if is_new {
            self.read.insert(setting.to_owned(), reading.block);
        }
        Ok(is_new)
    }

    /// Takes the next log, and says what it did; `None` if it says nothing new.
    ///
    /// # Errors
    /// [`FoldError`] if it cannot be the next one.
    pub fn apply(&mut self, log: &RawLog) -> Result<Option<Step>, FoldError> {
        self.logs = self.logs.saturating_add(1);
        let Some(event) = app_event(&log.topics, &log.data) else { return Ok(None) };
        let at = Position {
            block: log.block.number,
            log_index: log.log_index,
            timestamp: log.block.timestamp,
            transaction: log.tx_hash,
        };
        let step = self.policy.apply(at, &event)?;
        match (&step, &event) {
            (Some(step), _) if step.change.action == Action::Set => {
                self.read.remove(step.change.setting.name());
            }
            (_, Event::UpgradesDisabled) => {
                self.read.remove(UPGRADES_DISABLED);
            }
            _ => {}
        }
        Ok(step)
    }
}

/// What stands for the code that can never be replaced, among the names of settings.
const UPGRADES_DISABLED: &str = "upgrades_disabled";

/// The place of what was read by call: behind every log of its block.
pub const READ: u64 = u64::MAX;

/// Where what was read after a block stands.
#[must_use]
pub const fn read_at(block: BlockRef) -> Position {
    Position {
        block: block.number,
        log_index: READ,
        timestamp: block.timestamp,
        transaction: B256::ZERO,
    }
}

/// What a reading tells the fold: the event, the name of the setting, and its value. `None` for what is about the code.
#[must_use]
pub fn reading_event(reading: &Reading) -> Option<(Event, &'static str, B256)> {
    let word = |bytes: &[u8]| B256::try_from(bytes).ok();
    match About::from_word(&reading.what)? {
        About::UpgradesDisabled => {
            let yes = B256::with_last_byte(1);
            (word(&reading.value)? == yes).then_some((
                Event::UpgradesDisabled,
                UPGRADES_DISABLED,
                yes,
            ))
        }
        About::Setting(setting) => {
            let listed = !reading.subject.is_empty();
            let value = word(if listed { &reading.subject } else { &reading.value })?;
            Some((Event::Read { setting, value }, setting.name(), value))
        }
        _ => None,
    }
}

/// Readings that wait for their turn between logs.
struct Waiting(Peekable<IntoIter<Reading>>);

impl Waiting {
    /// Takes those of blocks before `number`.
    fn before(&mut self, number: u64, state: &mut AppState) -> Result<(), FoldError> {
        while let Some(reading) = self.0.next_if(|reading| reading.block.number < number) {
            state.take(&reading)?;
        }
        Ok(())
    }
}

/// Which events of a contract are to be believed, by the code that was found behind it.
#[must_use]
pub fn rules(contract: &Contract) -> Rules {
    let Ok(code) = contract.code_kind.parse::<Code>();
    if code.keeps_history() {
        Rules::AppAuth { chain_id: contract.chain_id, app: contract.address }
    } else {
        Rules::AsEmitted
    }
}

/// A contract that is found to be of another kind is folded by other rules.
fn version(contract: &Contract) -> u32 {
    VERSION * 2 + u32::from(rules(contract) != Rules::AsEmitted)
}

impl Store {
    /// An app after the last log of block `up_to`.
    ///
    /// # Errors
    /// [`StateError`]; [`StoreError::Corrupt`] if a kept state cannot be read.
    pub async fn app_state(&self, contract: &Contract, up_to: u64) -> Result<AppState, StateError> {
        let kept = self.kept_state(contract, up_to).await?;
        self.folded_from(contract, kept, up_to).await
    }

    /// The same, folded from the beginning, whatever was kept: to check what was.
    ///
    /// # Errors
    /// As [`Store::app_state`].
    pub async fn app_state_anew(
        &self,
        contract: &Contract,
        up_to: u64,
    ) -> Result<AppState, StateError> {
        self.folded_from(contract, (AppState::new(contract), None), up_to).await
    }

    async fn folded_from(
        &self,
        contract: &Contract,
        (mut state, after): (AppState, Option<u64>),
        up_to: u64,
    ) -> Result<AppState, StateError> {
        let mut waiting = self.waiting(contract, after, up_to).await?;
        let mut steps = LogSteps::new(contract, after, up_to);
        while let Some(logs) = steps.next(self).await? {
            for log in &logs {
                waiting.before(log.block.number, &mut state)?;
                state.apply(log)?;
            }
        }
        waiting.before(u64::MAX, &mut state)?;
        Ok(state)
    }

    /// An app after the last log of the block at which the index stands, with states on the way kept for later.
    ///
    /// # Errors
    /// As [`Store::app_state`]; [`StoreError::Conflict`] if the index does not stand there any more.
    pub async fn keep_app_states(
        &self,
        contract: &Contract,
        head: &BlockRef,
    ) -> Result<AppState, StateError> {
        let (mut state, after) = self.kept_state(contract, head.number).await?;
        let mut last = (state.logs, 0);
        let mut waiting = self.waiting(contract, after, head.number).await?;
        let mut steps = LogSteps::new(contract, after, head.number);
        while let Some(logs) = steps.next(self).await? {
            let mut kept = Vec::new();
            for block in logs.chunk_by(|a, b| a.block == b.block) {
                let Some(log) = block.last() else { continue };
                waiting.before(log.block.number, &mut state)?;
                block.iter().try_for_each(|log| state.apply(log).map(|_| ()))?;
                waiting.before(log.block.number.saturating_add(1), &mut state)?;
                let since = state.logs - last.0;
                if since >= EVERY.max(last.1 / BYTES_PER_LOG) {
                    let written = write(&state)?;
                    last.1 = written.len() as u64;
                    if since >= EVERY.max(last.1 / BYTES_PER_LOG) {
                        last.0 = state.logs;
                        kept.push(KeptFold { number: log.block.number, state: written });
                    }
                }
            }
            if !kept.is_empty() {
                let Contract { chain_id, address, .. } = *contract;
                self.keep_folds(chain_id, address, version(contract), &kept, head).await?;
            }
        }
        waiting.before(u64::MAX, &mut state)?;
        Ok(state)
    }

    /// What was read by call after the blocks behind `after`.
    async fn waiting(
        &self,
        contract: &Contract,
        after: Option<u64>,
        up_to: u64,
    ) -> Result<Waiting, StateError> {
        let mut readings = self.readings(contract.chain_id, contract.address, up_to).await?;
        readings.retain(|reading| after.is_none_or(|after| reading.block.number > after));
        Ok(Waiting(readings.into_iter().peekable()))
    }

    /// The last state that was kept, and the block it is of.
    async fn kept_state(
        &self,
        contract: &Contract,
        up_to: u64,
    ) -> Result<(AppState, Option<u64>), StateError> {
        let Contract { chain_id, address, .. } = *contract;
        let kept = self.kept_fold(chain_id, address, version(contract), up_to).await?;
        let Some(kept) = kept else { return Ok((AppState::new(contract), None)) };
        let state = postcard::from_bytes(&kept.state).map_err(|_| StoreError::Corrupt {
            what: format!("a state of {address} at block {} that does not read", kept.number),
        })?;
        Ok((state, Some(kept.number)))
    }
}

fn write(state: &AppState) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(state).map_err(|error| StoreError::Corrupt {
        what: format!("a state that does not write ({error})"),
    })
}
