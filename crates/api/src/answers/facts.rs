//! From logs to the fold.

use alloy_primitives::{Address, B256};
use devproof_contracts::{About, Code, app_event};
use devproof_primitives::{
    Action, BlockRef, Event, FoldError, Policy, Position, Rules, Setting, Source, Step,
};
use devproof_store::{Contract, RawLog, Reading};
use std::collections::BTreeMap;

/// The place of what was read by call: behind every log of its block.
pub(super) const READ: u64 = u64::MAX;

/// The fold of an app's logs, and what each of them did.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) policy: Policy,
    pub(super) happenings: Vec<Happening>,
    /// The settings that are as they were read by call, and where they were.
    pub(super) read: BTreeMap<&'static str, BlockRef>,
}

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

/// The code kind that the indexer found.
pub(super) fn kind(contract: &Contract) -> Code {
    let Ok(code) = contract.code_kind.parse();
    code
}

pub(super) fn rules(contract: &Contract) -> Rules {
    if kind(contract).keeps_history() {
        Rules::AppAuth { chain_id: contract.chain_id, app: contract.address }
    } else {
        Rules::AsEmitted
    }
}

/// Folds logs and readings, in the order of blocks: a reading tells the state at the end of its block.
pub(super) fn fold(
    contract: &Contract,
    logs: &[RawLog],
    readings: &[Reading],
) -> Result<Folded, FoldError> {
    let rules = rules(contract);
    let mut folded =
        Folded { policy: Policy::new(rules), happenings: Vec::new(), read: BTreeMap::new() };
    let mut readings = readings.iter().peekable();
    for log in logs {
        while let Some(reading) = readings.next_if(|r| r.block.number < log.block.number) {
            folded.take_reading(reading)?;
        }
        folded.take_log(rules, log)?;
    }
    for reading in readings {
        folded.take_reading(reading)?;
    }
    Ok(folded)
}

impl Folded {
    fn take_reading(&mut self, reading: &Reading) -> Result<(), FoldError> {
        let block = reading.block;
        let at = Position {
            block: block.number,
            log_index: READ,
            timestamp: block.timestamp,
            transaction: B256::ZERO,
        };
        let word = |bytes: &[u8]| B256::try_from(bytes).ok();
        let event = match About::from_word(&reading.what) {
            Some(About::UpgradesDisabled) => (word(&reading.value)
                == Some(B256::with_last_byte(1)))
            .then_some((Event::UpgradesDisabled, "upgrades_disabled"))
            .map(|(event, name)| (event, name, B256::with_last_byte(1))),
            Some(About::Setting(setting)) => {
                let listed = !reading.subject.is_empty();
                let value = word(if listed { &reading.subject } else { &reading.value });
                value.map(|value| (Event::Read { setting, value }, setting.name(), value))
            }
            _ => None,
        };
        let Some((event, setting, value)) = event else { return Ok(()) };
        let before = self.policy.clone();
        self.policy.apply(at, &event)?;
        if self.policy != before {
            self.read.insert(setting, block);
            self.happenings.push(Happening { block, what: What::Read { at, setting, value } });
        }
        Ok(())
    }

    fn take_log(&mut self, rules: Rules, log: &RawLog) -> Result<(), FoldError> {
        let Some(event) = app_event(&log.topics, &log.data) else { return Ok(()) };
        let at = Position {
            block: log.block.number,
            log_index: log.log_index,
            timestamp: log.block.timestamp,
            transaction: log.tx_hash,
        };
        let step = self.policy.apply(at, &event)?;
        let what = match (step, &event, rules) {
            (Some(step), ..) if step.change.setting == Setting::Source => {
                claim(&mut self.happenings, at, &self.policy);
                return Ok(());
            }
            (Some(step), ..) => {
                if step.change.action == Action::Set {
                    self.read.remove(step.change.setting.name());
                }
                What::Step(step, None)
            }
            (None, Event::Upgraded(to), Rules::AsEmitted) => {
                What::Code { at, setting: "implementation", value: to.into_word() }
            }
            (None, Event::UpgradesDisabled, Rules::AsEmitted) => {
                self.read.remove("upgrades_disabled");
                What::Code { at, setting: "upgrades_disabled", value: B256::with_last_byte(1) }
            }
            (None, Event::Attributed { setting, value, actor }, Rules::AsEmitted) => {
                attribute(&mut self.happenings, at, *setting, *value, *actor);
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.happenings.push(Happening { block: log.block, what });
        Ok(())
    }
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
