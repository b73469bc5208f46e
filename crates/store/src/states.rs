//! What an app's contract was like after a block: the one fold in `devproof-primitives`, over the facts here.
//!
//! A long history is not folded for every question. Where the fold stood is kept now and then, so that an answer costs
//! what it says, not what was ever said before it.

use crate::{
    KeptFold, RawLog, Reading, Store, error::StoreError, folding::Folding, types::Contract,
};
use alloy_primitives::B256;
use devproof_contracts::{About, app_event};
use devproof_primitives::{Action, BlockRef, Event, FoldError, Policy, Position, Rules, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the fold and of how a state is written down. Any change of what [`Policy::apply`], [`app_event`] or
/// [`AppState`] mean needs another one: what was kept before is then not looked at any more.
const VERSION: u32 = 1;

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

/// An app after a block, with all else that is told of it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppThen {
    /// What its logs and readings fold to.
    pub state: AppState,
    /// What it was read to say up to and including the block, by block, then in the order of what was asked.
    pub readings: Vec<Reading>,
    /// What it said up to there in blocks that were reorged out, by height, block hash and place.
    pub orphaned: Vec<RawLog>,
    /// How often anything of the chain had been written when all of this was read ([`ChainStatus::writes`]); `None` if it was
    /// not read at once.
    ///
    /// [`ChainStatus::writes`]: crate::ChainStatus::writes
    pub writes: Option<u64>,
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

/// Which events of a contract are to be believed, by the code that was found behind it.
#[must_use]
pub fn rules(contract: &Contract) -> Rules {
    if contract.code().keeps_history() {
        Rules::AppAuth { chain_id: contract.chain_id, app: contract.address }
    } else {
        Rules::AsEmitted
    }
}

/// A contract that is found to be of another kind is folded by other rules.
pub(crate) fn version(contract: &Contract) -> u32 {
    VERSION * 2 + u32::from(rules(contract) != Rules::AsEmitted)
}

impl Store {
    /// An app after the last log of block `up_to`.
    ///
    /// # Errors
    /// [`StateError`]; [`StoreError::Corrupt`] if a kept state cannot be read.
    pub async fn app_state(&self, contract: &Contract, up_to: u64) -> Result<AppState, StateError> {
        let mut folding = Folding::begin(self, contract, Some(version(contract)), up_to).await?;
        folding.advance(up_to).await?;
        Ok(folding.state)
    }

    /// The same, with what else is told of the app there: mostly in one query.
    ///
    /// # Errors
    /// As [`Store::app_state`].
    pub async fn app_then(&self, contract: &Contract, up_to: u64) -> Result<AppThen, StateError> {
        let since = self.since_kept(contract, Some(version(contract)), up_to).await?;
        let (readings, orphaned) = (since.readings.clone(), since.orphaned.clone());
        let writes = since.last.is_none().then_some(since.writes);
        let mut folding = Folding::from(self, contract, since, up_to)?;
        folding.advance(up_to).await?;
        Ok(AppThen { state: folding.state, readings, orphaned, writes })
    }

    /// Folds all logs of an app again, whatever was kept, and gives the lowest block of which a state is kept that is not
    /// what they fold to; `None` if there is none.
    ///
    /// # Errors
    /// As [`Store::app_state`].
    pub async fn wrong_kept_state(&self, contract: &Contract) -> Result<Option<u64>, StateError> {
        let mut folding = Folding::begin(self, contract, None, u64::MAX).await?;
        let mut last = None;
        loop {
            let kept = self.kept_folds(contract, version(contract), last, KEPT).await?;
            for fold in &kept {
                last = Some(fold.number);
                folding.advance(fold.number).await?;
                if write(&folding.state)? != fold.state {
                    return Ok(last);
                }
            }
            if kept.is_empty() {
                return folding.advance(u64::MAX).await.map(|()| None);
            }
        }
    }
}

/// Kept states that are read at a time, to check them.
const KEPT: u32 = 64;

/// The state that was written down as this, of a contract after a block.
pub(crate) fn read(contract: &Contract, kept: &KeptFold) -> Result<AppState, StoreError> {
    postcard::from_bytes(&kept.state).map_err(|_| StoreError::Corrupt {
        what: format!(
            "a state of {} at block {} that does not read",
            contract.address, kept.number
        ),
    })
}

/// Writes a state down.
pub(crate) fn write(state: &AppState) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(state).map_err(|error| StoreError::Corrupt {
        what: format!("a state that does not write ({error})"),
    })
}
