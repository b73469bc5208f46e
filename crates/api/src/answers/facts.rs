//! From logs to the fold.

use super::AnswerError;
use alloy_primitives::{Address, B256};
use devproof_contracts::{About, Code, app_event};
use devproof_primitives::{
    BlockRef, Event, FoldError, Policy, Position, Rules, Setting, Source, Step,
};
use devproof_store::{
    AppState, Contract, LogSteps, RawLog, Reading, Store, read_at, reading_event, rules,
};
use std::{collections::BTreeMap, ops::ControlFlow};

/// A line of the history.
#[derive(Debug)]
pub(super) struct Happening {
    pub(super) block: BlockRef,
    pub(super) what: What,
}

/// What a log did.
#[derive(Debug)]
pub(super) enum What {
    /// A step of the fold; of a proposal also the claim about its source.
    Step(Step, Option<Source>),
    /// No log did, but the contract said it when it was called.
    Read { at: Position, setting: &'static str, value: B256 },
    /// The code was replaced, or can no longer be: no step, but nothing matters more.
    Code { at: Position, setting: &'static str, value: B256 },
}

/// Where a walk begins: an app as it was after a block; `None` for what it was before all blocks.
pub(super) type Start = (AppState, Option<u64>);

/// An app before its first log.
pub(super) fn beginning(contract: &Contract) -> Start {
    (AppState::new(contract), None)
}

/// Folds on from `start` up to and including block `up_to`, and shows each line of the history to `visit`, until it has
/// enough: logs and readings in the order of blocks, for a reading tells the state at the end of its block. Only a step of
/// whole blocks is in memory at a time. Gives the app as it is then; where `visit` had enough, somewhat later than there.
pub(super) async fn walk(
    store: &Store,
    contract: &Contract,
    (mut state, after): Start,
    up_to: u64,
    mut visit: impl FnMut(Happening) -> ControlFlow<()>,
) -> Result<AppState, AnswerError> {
    let mut readings = store.readings(contract.chain_id, contract.address, up_to).await?;
    readings.retain(|reading| after.is_none_or(|after| reading.block.number > after));
    let mut readings = readings.into_iter().peekable();
    let mut steps = LogSteps::new(contract, after, up_to);
    let mut happenings = Vec::new();
    while let Some(logs) = steps.next(store).await? {
        for log in &logs {
            while let Some(reading) = readings.next_if(|r| r.block.number < log.block.number) {
                take_reading(&mut state, &mut happenings, &reading)?;
            }
            take_log(&mut state, &mut happenings, rules(contract), log)?;
        }
        if happenings.drain(..).try_for_each(&mut visit).is_break() {
            return Ok(state);
        }
    }
    for reading in readings {
        take_reading(&mut state, &mut happenings, &reading)?;
    }
    // What comes after the last log changes nothing that was told before it.
    let _ = happenings.into_iter().try_for_each(visit);
    Ok(state)
}

fn take_reading(
    state: &mut AppState,
    happenings: &mut Vec<Happening>,
    reading: &Reading,
) -> Result<(), FoldError> {
    if state.take(reading)?
        && let Some((_, setting, value)) = reading_event(reading)
    {
        let block = reading.block;
        happenings
            .push(Happening { block, what: What::Read { at: read_at(block), setting, value } });
    }
    Ok(())
}

fn take_log(
    state: &mut AppState,
    happenings: &mut Vec<Happening>,
    rules: Rules,
    log: &RawLog,
) -> Result<(), FoldError> {
    let step = state.apply(log)?;
    let Some(event) = app_event(&log.topics, &log.data) else { return Ok(()) };
    let at = Position {
        block: log.block.number,
        log_index: log.log_index,
        timestamp: log.block.timestamp,
        transaction: log.tx_hash,
    };
    let what = match (step, &event, rules) {
        (Some(step), ..) if step.change.setting == Setting::Source => {
            claim(happenings, at, &state.policy);
            return Ok(());
        }
        (Some(step), ..) => What::Step(step, None),
        (None, Event::Upgraded(to), Rules::AsEmitted) => {
            What::Code { at, setting: "implementation", value: to.into_word() }
        }
        (None, Event::UpgradesDisabled, Rules::AsEmitted) => {
            What::Code { at, setting: "upgrades_disabled", value: B256::with_last_byte(1) }
        }
        (None, Event::Attributed { setting, value, actor }, Rules::AsEmitted) => {
            attribute(happenings, at, *setting, *value, *actor);
            return Ok(());
        }
        _ => return Ok(()),
    };
    happenings.push(Happening { block: log.block, what });
    Ok(())
}

/// What was found out about an app beside its policy, by some block.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The block at which it was read first, and whether it was born in it.
    pub(super) birth: Option<(BlockRef, bool)>,
    /// Of the tutorial's contract: whether it is known which version its constructor allowed.
    pub(super) first_compose_hash: bool,
    /// For each implementation: the kind of code, and its hash.
    implementations: BTreeMap<Address, (Option<Code>, Option<B256>)>,
    /// The app id that the contract says it decides about.
    pub(super) app_id: Option<Address>,
}

impl Findings {
    pub(super) fn of(readings: &[Reading]) -> Self {
        let mut found = Self::default();
        let word = |reading: &Reading| B256::try_from(reading.value.as_ref()).unwrap_or_default();
        for reading in readings {
            match About::from_word(&reading.what) {
                Some(About::Birth) => {
                    found.birth = Some((reading.block, word(reading) == B256::with_last_byte(1)));
                }
                Some(About::FirstComposeHash) => found.first_compose_hash = true,
                Some(About::AppId) => found.app_id = Some(Address::from_word(word(reading))),
                Some(About::Implementation) => {
                    let of = |about: About| {
                        readings.iter().find(|r| r.block == reading.block && r.what == about.word())
                    };
                    let kind = of(About::CodeKind)
                        .and_then(|r| std::str::from_utf8(&r.value).ok())
                        .map(|name| name.parse().unwrap_or(Code::Unknown));
                    let hash = of(About::ImplementationHash).map(word);
                    let implementation = Address::from_word(word(reading));
                    found.implementations.insert(implementation, (kind, hash));
                }
                _ => {}
            }
        }
        found
    }

    /// The kind of an implementation, and the hash of its code, as far as somebody looked.
    pub(super) fn implementation(&self, address: Address) -> (Option<Code>, Option<B256>) {
        self.implementations.get(&address).copied().unwrap_or_default()
    }
}

/// The history's entry that commits to a source belongs to the proposal right before it.
fn claim(happenings: &mut [Happening], at: Position, policy: &Policy) {
    let last = happenings.iter_mut().rev().find_map(|h| match &mut h.what {
        What::Step(step, source) if step.at.transaction == at.transaction => Some((step, source)),
        _ => None,
    });
    if let Some((step, source)) = last {
        let proposal = policy.proposals.get(&(step.change.setting, step.change.value));
        *source = proposal.and_then(|p| p.source.clone());
    }
}

/// A stock contract says who did it in an event of its own, behind the one that says what.
fn attribute(
    happenings: &mut [Happening],
    at: Position,
    setting: Setting,
    value: B256,
    actor: Address,
) {
    let of_transaction = happenings.iter_mut().rev().map_while(|h| match &mut h.what {
        What::Step(step, _) => (step.at.transaction == at.transaction).then_some(Some(step)),
        What::Code { at: other, .. } | What::Read { at: other, .. } => {
            (other.transaction == at.transaction).then_some(None)
        }
    });
    let named = |step: &&mut Step| step.change.setting == setting && step.change.value == value;
    if let Some(step) = of_transaction.flatten().find(named) {
        step.actor.get_or_insert(actor);
    }
}

impl What {
    /// Where it happened.
    pub(super) const fn at(&self) -> Position {
        match self {
            Self::Step(step, _) => step.at,
            Self::Code { at, .. } | Self::Read { at, .. } => *at,
        }
    }
}
