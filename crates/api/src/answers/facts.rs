//! From logs to the fold.

use alloy_primitives::B256;
use devproof_contracts::{Code, app_event};
use devproof_primitives::{
    BlockRef, Event, FoldError, Policy, Position, Rules, Setting, Source, Step,
};
use devproof_store::{Contract, RawLog, rules};

/// The fold of an app's logs, and what each of them did.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) policy: Policy,
    pub(super) happenings: Vec<Happening>,
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
    /// The code was replaced, or can no longer be: no step, but nothing matters more.
    Code { at: Position, setting: &'static str, value: B256 },
}

/// The code kind that the indexer found.
pub(super) fn kind(contract: &Contract) -> Code {
    let Ok(code) = contract.code_kind.parse();
    code
}

pub(super) fn fold(contract: &Contract, logs: &[RawLog]) -> Result<Folded, FoldError> {
    let rules = rules(contract);
    let mut policy = Policy::new(rules);
    let mut happenings: Vec<Happening> = Vec::new();
    for log in logs {
        let Some(event) = app_event(&log.topics, &log.data) else { continue };
        let at = Position {
            block: log.block.number,
            log_index: log.log_index,
            timestamp: log.block.timestamp,
            transaction: log.tx_hash,
        };
        let step = policy.apply(at, &event)?;
        let what = match (step, &event, rules) {
            (Some(step), ..) if step.change.setting == Setting::Source => {
                claim(&mut happenings, at, &policy);
                continue;
            }
            (Some(step), ..) => What::Step(step, None),
            (None, Event::Upgraded(to), Rules::AsEmitted) => {
                What::Code { at, setting: "implementation", value: to.into_word() }
            }
            (None, Event::UpgradesDisabled, Rules::AsEmitted) => {
                What::Code { at, setting: "upgrades_disabled", value: B256::with_last_byte(1) }
            }
            (None, Event::Attributed { setting, value, actor }, Rules::AsEmitted) => {
                attribute(&mut happenings, at, *setting, *value, *actor);
                continue;
            }
            _ => continue,
        };
        happenings.push(Happening { block: log.block, what });
    }
    Ok(Folded { policy, happenings })
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
    actor: alloy_primitives::Address,
) {
    let of_transaction = happenings.iter_mut().rev().map_while(|h| match &mut h.what {
        What::Step(step, _) => (step.at.transaction == at.transaction).then_some(Some(step)),
        What::Code { at: other, .. } => (other.transaction == at.transaction).then_some(None),
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
            Self::Code { at, .. } => *at,
        }
    }
}
