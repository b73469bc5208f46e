//! What an app's contract was like after a block: the one fold in `devproof-primitives`, over the facts here.
//!
//! A long history is not folded for every question. Where the fold stood is kept now and then, so that an answer costs
//! what it says, not what was ever said before it.

use crate::{
    KeptFold, RawLog, Reading, Store, error::StoreError, folds::Since, read::LogSteps,
    types::Contract,
};
use alloy_primitives::{Address, B256};
use devproof_contracts::{About, Code, app_event};
use devproof_primitives::{Action, BlockRef, Event, FoldError, Policy, Position, Rules, Step};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, iter::Peekable, vec::IntoIter};

/// The version of the fold and of how a state is written down. Any change of what [`Policy::apply`], [`app_event`] or
/// [`AppState`] mean needs another one: what was kept before is then not looked at any more.
const VERSION: u32 = 1;

/// Logs after which a state is kept, at least: fewer are folded faster than a state is read.
const EVERY: u64 = 12;

/// Bytes that kept states may take, for each log: a sixth of what the log itself does. A large state is kept more rarely, for
/// its room counts more than the microseconds in which some logs more are folded.
const BYTES_PER_LOG: u64 = 16;

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

/// The way from a kept state, or the beginning, to a block.
struct Folding<'a> {
    store: &'a Store,
    state: AppState,
    readings: Peekable<IntoIter<Reading>>,
    logs: Peekable<IntoIter<RawLog>>,
    rest: Option<LogSteps>,
}

impl<'a> Folding<'a> {
    async fn begin(
        store: &'a Store,
        contract: &'a Contract,
        version: Option<u32>,
        up_to: u64,
    ) -> Result<Self, StoreError> {
        let since = store.since_kept(contract, version, up_to).await?;
        Self::from(store, contract, since, up_to)
    }

    fn from(
        store: &'a Store,
        contract: &'a Contract,
        mut since: Since,
        up_to: u64,
    ) -> Result<Self, StoreError> {
        // What was read before is in the kept state.
        let after = since.kept.as_ref().map(|kept| kept.number);
        since.readings.retain(|reading| after.is_none_or(|after| reading.block.number > after));
        let state = match since.kept {
            None => AppState::new(contract),
            Some(kept) => postcard::from_bytes(&kept.state).map_err(|_| StoreError::Corrupt {
                what: format!(
                    "a state of {} at block {} that does not read",
                    contract.address, kept.number
                ),
            })?,
        };
        let (readings, logs) = (since.readings.into_iter(), since.logs.into_iter());
        let rest = since.last.map(|last| LogSteps::new(contract, Some(last), up_to));
        Ok(Self { store, state, readings: readings.peekable(), logs: logs.peekable(), rest })
    }

    /// The next block in which there is a log; `None` after the last.
    async fn next_block(&mut self) -> Result<Option<u64>, StoreError> {
        while self.logs.peek().is_none()
            && let Some(rest) = &mut self.rest
        {
            match rest.next(self.store).await? {
                Some(logs) => self.logs = logs.into_iter().peekable(),
                None => self.rest = None,
            }
        }
        Ok(self.logs.peek().map(|log| log.block.number))
    }

    /// Folds what there is of blocks up to and including `number`.
    async fn advance(&mut self, number: u64) -> Result<(), StateError> {
        while let Some(next) = self.next_block().await?.filter(|next| *next <= number) {
            // What was read after a block comes before the logs of the next.
            self.take(|reading| reading.block.number < next)?;
            while let Some(log) = self.logs.next_if(|log| log.block.number == next) {
                self.state.apply(&log)?;
            }
        }
        self.take(|reading| reading.block.number <= number)
    }

    fn take(&mut self, due: impl Fn(&Reading) -> bool) -> Result<(), StateError> {
        while let Some(reading) = self.readings.next_if(&due) {
            self.state.take(&reading)?;
        }
        Ok(())
    }
}

/// States that are kept for later, of apps after the block at which the index stands.
#[derive(Debug)]
pub struct StateKeeper<'a> {
    store: &'a Store,
    chain_id: u64,
    head: BlockRef,
    kept: Vec<(Address, u32, KeptFold)>,
    bytes: usize,
}

impl<'a> StateKeeper<'a> {
    /// Bytes of states that are written at a time: one transaction costs as much as many states do.
    const MOST: usize = 1 << 20;

    /// Keeps states as they are with the chain standing at `head`.
    pub const fn new(store: &'a Store, chain_id: u64, head: BlockRef) -> Self {
        Self { store, chain_id, head, kept: Vec::new(), bytes: 0 }
    }

    /// An app at the head, with states on the way that are to be kept. They are written now and then, and at the end.
    ///
    /// # Errors
    /// As [`Store::app_state`]; [`StoreError::Conflict`] if the index does not stand there any more.
    pub async fn keep(&mut self, contract: &Contract) -> Result<AppState, StateError> {
        let version = version(contract);
        let up_to = self.head.number;
        let mut folding = Folding::begin(self.store, contract, Some(version), up_to).await?;
        let mut last = (folding.state.logs, 0);
        while let Some(number) = folding.next_block().await? {
            folding.advance(number).await?;
            let since = folding.state.logs - last.0;
            if since >= EVERY.max(last.1 / BYTES_PER_LOG) {
                let state = write(&folding.state)?;
                last.1 = state.len() as u64;
                if since >= EVERY.max(last.1 / BYTES_PER_LOG) {
                    last.0 = folding.state.logs;
                    self.bytes += state.len();
                    self.kept.push((contract.address, version, KeptFold { number, state }));
                }
            }
            if self.bytes >= Self::MOST {
                self.write().await?;
            }
        }
        folding.advance(up_to).await?;
        Ok(folding.state)
    }

    /// Forgets what is not written yet, since it was folded from logs that turned out to be wrong.
    pub fn forget(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the index does not stand at the head any more.
    pub async fn end(mut self) -> Result<(), StoreError> {
        self.write().await
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        if !self.kept.is_empty() {
            self.store.keep_folds(self.chain_id, &self.kept, &self.head).await?;
        }
        self.forget();
        Ok(())
    }
}

fn write(state: &AppState) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(state).map_err(|error| StoreError::Corrupt {
        what: format!("a state that does not write ({error})"),
    })
}
