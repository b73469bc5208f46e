//! A life at a glance: for each version when it was announced and when it was allowed, and what else changed meanwhile.

use super::{
    AnswerError, Scope, facts, moment,
    standing::{Standing, steadily},
};
use crate::Finality;
use alloy_primitives::{Address, B256};
use devproof_contracts::kms_event;
use devproof_primitives::{Action, BlockRef, KmsEvent, Position, Setting};
use devproof_store::{Contract, Role, Store};
use facts::{Happening, What};
use std::{
    collections::{BTreeMap, VecDeque},
    ops::ControlFlow,
};

/// Marks of one row; the newest are kept.
const MAX_MARKS: usize = 200;

/// Times of one version; the newest are kept.
const MAX_BARS: usize = 50;

/// The value with which versions are frozen.
const FROZEN_VERSIONS: B256 = B256::with_last_byte(Setting::ComposeHash as u8);

/// What a bar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarKind {
    /// From the announcement until it came into force, was withdrawn or died.
    Announced,
    /// From when it was in force until it was not any more.
    Allowed,
}

/// How a bar ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarEnd {
    /// It has not.
    Open,
    /// The version came into force.
    InForce,
    /// It was withdrawn, or announced anew.
    Withdrawn,
    /// Nobody activated it in time.
    Expired,
    /// It is no longer allowed.
    Removed,
}

/// A time in which a version was announced or allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which of the two.
    pub kind: BarKind,
    /// Where it begins.
    pub since: Position,
    /// Its last second and how it ends, Unix time; of one that is open the time that was asked about.
    pub until: u64,
    /// The block in which it ended; of one that is open or died by itself `None`.
    pub ended_in: Option<u64>,
    /// How it ends.
    pub end: BarEnd,
    /// Of an announcement: the first second of ripeness.
    pub ripe_at: Option<u64>,
}

/// A version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its compose hash.
    pub compose_hash: B256,
    /// Its times, oldest first.
    pub bars: Vec<Bar>,
}

/// Something else that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: BlockRef,
    /// What happened, as in the action of a history's entry.
    pub action: &'static str,
    /// To which setting.
    pub setting: &'static str,
    /// And to which value.
    pub value: B256,
}

/// A life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// The first second that is known of it, Unix time; `None` if nothing ever happened.
    pub begins: Option<u64>,
    /// The time up to which it is told.
    pub now: u64,
    /// The versions, the one of which something was heard last first.
    pub lanes: Vec<Lane>,
    /// How many older ones are left out.
    pub left_out: usize,
    /// What changed of devices, operating systems and the TCB.
    pub policy: Vec<Mark>,
    /// What changed of owner, guardian, notice and code.
    pub owner: Vec<Mark>,
    /// What the KMS contracts with which it is registered did to all apps.
    pub kms: Vec<Mark>,
}

/// The life of an app up to the last indexed block of the finality asked for, with at most `most` versions.
///
/// # Errors
/// [`AnswerError`]: never a part of it.
pub async fn lanes(
    store: &Store,
    chain_id: u64,
    app: Address,
    most: usize,
    min_finality: Finality,
) -> Result<Lanes, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let scope = Scope::open(store, standing, app).await?;
        let up_to = moment.block.number;
        scope.no_gap(store, &[scope.contract.address], up_to).await?;
        let mut drawing = Drawing::default();
        let start = facts::beginning(&scope.contract);
        facts::walk(store, &scope.contract, start, up_to, |line| {
            drawing.take(line);
            ControlFlow::Continue(())
        })
        .await?;
        let mut lanes = drawing.end(moment.now(), most);
        lanes.kms = kms_marks(store, standing, scope.app, up_to).await?;
        Ok(lanes)
    })
    .await
}

/// What the KMS contracts that registered an app did to all.
async fn kms_marks(
    store: &Store,
    standing: Standing,
    app: Address,
    up_to: u64,
) -> Result<Vec<Mark>, AnswerError> {
    let chain_id = standing.status.chain_id;
    let mut marks = VecDeque::new();
    let contracts: Vec<Contract> = store.contracts_of(chain_id, Role::Kms).await?;
    for contract in contracts {
        let (mut registered, mut theirs) = (false, VecDeque::new());
        for log in store.kms_then(&standing.status, &contract, app, up_to).await?.logs {
            match kms_event(&log.topics, &log.data) {
                Some(KmsEvent::AppRegistered(who)) => registered |= who == app,
                Some(KmsEvent::AppDeployed { .. }) | None => {}
                Some(event) => {
                    let (action, setting, value) = event.in_words();
                    push(&mut theirs, Mark { at: log.block, action, setting, value }, MAX_MARKS);
                }
            }
        }
        if registered {
            marks.extend(theirs);
        }
    }
    let mut marks: Vec<Mark> = marks.into();
    marks.sort_by_key(|mark| mark.at.number);
    Ok(marks)
}

fn push<T>(list: &mut VecDeque<T>, item: T, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(item);
}

/// A life as far as it was read.
#[derive(Default)]
struct Drawing {
    begins: Option<u64>,
    lanes: BTreeMap<B256, Drawn>,
    policy: VecDeque<Mark>,
    owner: VecDeque<Mark>,
    heard: u64,
}

#[derive(Default)]
struct Drawn {
    bars: VecDeque<Bar>,
    announced: Option<(Position, u64, u64)>,
    allowed: Option<Position>,
    /// When something was heard of it last, in the order of the history.
    heard: u64,
}

impl Drawing {
    fn take(&mut self, Happening { block, what }: Happening) {
        self.begins.get_or_insert(block.timestamp);
        self.heard += 1;
        let mark = |action, setting, value| Mark { at: block, action, setting, value };
        match what {
            What::Step(step, _) => {
                let (action, setting) = (step.change.action, step.change.setting);
                let value = step.change.value;
                if setting == Setting::ComposeHash {
                    let lane = self.lanes.entry(value).or_default();
                    lane.heard = self.heard;
                    lane.take(action, step.at, step.window, step.effective);
                } else {
                    if setting == Setting::Freeze && value == FROZEN_VERSIONS {
                        self.freeze(step.at.timestamp);
                    }
                    self.mark(setting.name(), mark(action.name(), setting.name(), value));
                }
            }
            What::Read { at, setting, value } if setting == Setting::ComposeHash.name() => {
                let lane = self.lanes.entry(value).or_default();
                lane.heard = self.heard;
                lane.take(Action::Set, at, None, true);
            }
            What::Read { setting, value, .. } | What::Code { setting, value, .. } => {
                self.mark(setting, mark(Action::Set.name(), setting, value));
            }
        }
    }

    /// What was announced can never come any more.
    fn freeze(&mut self, at: u64) {
        for (_, _, expires_at) in self.lanes.values_mut().filter_map(|it| it.announced.as_mut()) {
            *expires_at = at.min(*expires_at);
        }
    }

    fn mark(&mut self, setting: &str, mark: Mark) {
        let row = match setting {
            "device" | "any_device" | "tcb_requirement" | "os_image" | "any_os_image" => {
                &mut self.policy
            }
            _ => &mut self.owner,
        };
        push(row, mark, MAX_MARKS);
    }

    fn end(self, now: u64, most: usize) -> Lanes {
        let mut drawn: Vec<(u64, Lane)> = (self.lanes.into_iter())
            .map(|(compose_hash, drawn)| (drawn.heard, drawn.end(compose_hash, now)))
            .collect();
        drawn.sort_by_key(|(heard, _)| std::cmp::Reverse(*heard));
        let left_out = drawn.len().saturating_sub(most);
        drawn.truncate(most);
        Lanes {
            begins: self.begins,
            now,
            lanes: drawn.into_iter().map(|(_, lane)| lane).collect(),
            left_out,
            policy: self.policy.into(),
            owner: self.owner.into(),
            kms: Vec::new(),
        }
    }
}

impl Drawn {
    fn take(&mut self, action: Action, at: Position, window: Option<(u64, u64)>, effective: bool) {
        match action {
            Action::Proposed => {
                self.end_announced(at, BarEnd::Withdrawn);
                self.announced = window.map(|(ripe_at, expires_at)| (at, ripe_at, expires_at));
            }
            Action::Cancelled => self.end_announced(at, BarEnd::Withdrawn),
            Action::Set => {
                self.end_announced(at, BarEnd::InForce);
                self.allowed.get_or_insert(at);
            }
            Action::Removed if effective => self.end_allowed(at),
            Action::Removed => {}
        }
    }

    fn end_announced(&mut self, at: Position, end: BarEnd) {
        let Some((since, ripe_at, expires_at)) = self.announced.take() else { return };
        // What is cleared away was dead before.
        let dead = end == BarEnd::Withdrawn && at.timestamp >= expires_at;
        let (until, end) = if dead { (expires_at, BarEnd::Expired) } else { (at.timestamp, end) };
        let bar = Bar {
            kind: BarKind::Announced,
            since,
            until,
            ended_in: (!dead).then_some(at.block),
            end,
            ripe_at: Some(ripe_at),
        };
        push(&mut self.bars, bar, MAX_BARS);
    }

    fn end_allowed(&mut self, at: Position) {
        let Some(since) = self.allowed.take() else { return };
        let (until, ended_in) = (at.timestamp, Some(at.block));
        let (kind, end) = (BarKind::Allowed, BarEnd::Removed);
        push(&mut self.bars, Bar { kind, since, until, ended_in, end, ripe_at: None }, MAX_BARS);
    }

    fn end(mut self, compose_hash: B256, now: u64) -> Lane {
        if let Some((since, ripe_at, expires_at)) = self.announced.take() {
            let dead = now >= expires_at;
            let (until, end) =
                if dead { (expires_at, BarEnd::Expired) } else { (now, BarEnd::Open) };
            let (kind, ripe_at) = (BarKind::Announced, Some(ripe_at));
            push(
                &mut self.bars,
                Bar { kind, since, until, ended_in: None, end, ripe_at },
                MAX_BARS,
            );
        }
        if let Some(since) = self.allowed.take() {
            let (kind, end) = (BarKind::Allowed, BarEnd::Open);
            let bar = Bar { kind, since, until: now, ended_in: None, end, ripe_at: None };
            push(&mut self.bars, bar, MAX_BARS);
        }
        let mut bars: Vec<Bar> = self.bars.into();
        bars.sort_by_key(|bar| (bar.since.timestamp, bar.since.block, bar.since.log_index));
        Lane { compose_hash, bars }
    }
}
