//! Which apps were ever allowed to run a version, and when.

use super::{
    AnswerError, Part, Scope, Surface, facts, legs, moment,
    moment::Moment,
    orphans,
    standing::{Standing, steadily},
    timeline::claim,
    verified,
};
use crate::{
    Finality,
    documents::{AllowedApp, AllowedApps, Interval, NotTold, Replaced, Since, Verified},
};
use alloy_primitives::{Address, B256};
use devproof_primitives::{Action, Actor, Notice, Position, Setting, Source};
use devproof_store::{Role, Store};
use facts::{Happening, What};
use std::ops::ControlFlow;

/// Apps in a page: each is folded from its birth on.
const MAX_APPS: usize = 100;

/// Intervals of one app in an answer; the newest are kept.
const MAX_INTERVALS: usize = 1000;

/// Upgrades within one interval; the newest are kept.
const MAX_UPGRADES: usize = 100;

/// The apps that were ever allowed to run a compose hash, a page of them, up to the last indexed block of the finality asked
/// for. `surface` is whom the reasons are for why an app could not be told.
///
/// # Errors
/// [`AnswerError`]. What concerns only one app is in the answer instead.
pub async fn allowed(
    store: &Store,
    chain_id: u64,
    compose_hash: B256,
    page: Part<Address>,
    min_finality: Finality,
    surface: Surface,
) -> Result<AllowedApps, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let mut answer = empty(standing, compose_hash, &moment);
        let unread = standing.unread(store, moment.block.number).await?;
        let limit = page.size().min(MAX_APPS);
        let asked = u32::try_from(limit + 1).unwrap_or(u32::MAX);
        let word = (Role::App, compose_hash);
        let mut found = store.contracts_mentioning(chain_id, word, page.after, asked).await?;
        if found.len() > limit {
            found.truncate(limit);
            answer.next = found.last().map(|contract| contract.address);
        }
        for contract in &found {
            let told = match Scope::open(store, standing, contract.address).await {
                Ok(scope) => of_app(store, &scope, &moment, compose_hash).await,
                Err(error) => Err(error),
            };
            match told {
                // The words of another hash may look the same.
                Ok(app) if app.intervals.is_empty() && app.orphaned.is_empty() => {}
                Ok(app) => answer.apps.push(app),
                Err(error @ AnswerError::Store(_)) => return Err(error),
                // Counted below with all that have logs to be read.
                Err(AnswerError::Unfinished { .. }) => {
                    if !unread.contains(&contract.address) {
                        answer.unread += 1;
                    }
                }
                Err(error) => {
                    let reason = error.sentence(surface);
                    answer.not_told.push(NotTold { app: contract.address, reason });
                }
            }
        }
        answer.unread += unread.len() as u64;
        Ok(answer)
    })
    .await
}

/// The same of one app: when it was allowed to run a compose hash.
///
/// # Errors
/// [`AnswerError`]: never a partial answer.
pub async fn allowed_for(
    store: &Store,
    chain_id: u64,
    compose_hash: B256,
    app: Address,
    min_finality: Finality,
) -> Result<AllowedApps, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let mut answer = empty(standing, compose_hash, &moment);
        let scope = Scope::open(store, standing, app).await?;
        answer.apps.push(of_app(store, &scope, &moment, compose_hash).await?);
        Ok(answer)
    })
    .await
}

fn empty(standing: Standing, compose_hash: B256, moment: &Moment) -> AllowedApps {
    let Standing { status, head } = standing;
    AllowedApps {
        chain_id: status.chain_id,
        compose_hash,
        block: moment.document(),
        index_head: moment::block(head, &status),
        indexed_from: status.start_block,
        apps: Vec::new(),
        not_told: Vec::new(),
        unread: 0,
        next: None,
    }
}

async fn of_app(
    store: &Store,
    scope: &Scope,
    moment: &Moment,
    compose_hash: B256,
) -> Result<AllowedApp, AnswerError> {
    let Scope { contract, app, .. } = scope;
    let up_to = moment.block.number;
    scope.no_gap(store, &[contract.address], up_to).await?;
    let mut life = Life::of(compose_hash);
    let start = facts::beginning(contract);
    let state = facts::walk(store, contract, start, up_to, |line| life.take(line)).await?;
    if state.logs == 0 {
        scope.has_spoken(store, up_to).await?;
    }
    let readings = store.readings(contract.chain_id, contract.address, up_to).await?;
    let findings = facts::Findings::of(&readings);
    let mut orphaned = orphans::of(store, contract, scope.head.number).await?;
    orphaned.retain(|o| o.setting == Setting::ComposeHash.name() && o.value == compose_hash);
    Ok(AllowedApp {
        app: *app,
        contract: contract.address,
        allowed: state.policy.compose_hashes.contains_key(&compose_hash),
        completeness: verified::completeness(store, scope, moment).await?,
        history_verified_at: contract.history_verified_at.map(|block| Verified { block }),
        code: legs::code(contract, &state.policy, &findings),
        intervals: life.intervals,
        intervals_left_out: life.left_out,
        not_known: legs::not_known(contract, &state.policy, &findings),
        orphaned,
    })
}

/// What the lines of an app's history say about one compose hash.
#[derive(Default)]
pub(super) struct Life {
    compose_hash: B256,
    intervals: Vec<Interval>,
    left_out: u64,
    /// Where it was announced, while it is.
    announced: Option<(Position, Actor, Option<Source>)>,
    /// Whether it ever was.
    ever_announced: bool,
}

impl Life {
    pub(super) fn of(compose_hash: B256) -> Self {
        Self { compose_hash, ..Self::default() }
    }

    /// The times at which it was allowed, and whether it was ever announced.
    pub(super) fn told(self) -> (Vec<Interval>, bool) {
        (self.intervals, self.ever_announced)
    }

    pub(super) fn take(&mut self, Happening { what, .. }: Happening) -> ControlFlow<()> {
        let compose_hash = Setting::ComposeHash;
        match what {
            What::Step(step, source)
                if step.change.setting == compose_hash
                    && step.change.value == self.compose_hash =>
            {
                match step.change.action {
                    Action::Proposed => {
                        self.announced = Some((step.at, step.actor, source));
                        self.ever_announced = true;
                    }
                    Action::Cancelled => self.announced = None,
                    Action::Set => {
                        let announced = self.announced.take();
                        if step.effective {
                            let notice = step.notice.and_then(Notice::seconds);
                            self.begin(legs::since(step.at, step.actor), announced, notice);
                        }
                    }
                    Action::Removed if step.effective => {
                        let open = self.open();
                        if let Some(interval) = open {
                            interval.until = Some(legs::since(step.at, step.actor));
                        }
                    }
                    Action::Removed => {}
                }
            }
            What::Read { at, setting, value }
                if setting == compose_hash.name()
                    && value == self.compose_hash
                    && self.open().is_none() =>
            {
                self.begin(legs::since(at, None), None, None);
            }
            What::Code { at, setting: "implementation", value } => {
                if let Some(interval) = self.open() {
                    let upgrades = &mut interval.upgrades;
                    let implementation = Address::from_word(value);
                    upgrades.push(Replaced { at: legs::since(at, None), implementation });
                    upgrades.drain(..upgrades.len().saturating_sub(MAX_UPGRADES));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// The interval that is open.
    fn open(&mut self) -> Option<&mut Interval> {
        self.intervals.last_mut().filter(|interval| interval.until.is_none())
    }

    fn begin(
        &mut self,
        since: Since,
        announced: Option<(Position, Actor, Option<Source>)>,
        notice_seconds: Option<u64>,
    ) {
        let read_by_call = since.transaction.is_none();
        let proposed = announced.as_ref().map(|(at, actor, _)| legs::since(*at, *actor));
        let (source_digest, uri) = claim(announced.and_then(|(.., source)| source));
        self.intervals.push(Interval {
            since,
            read_by_call,
            proposed,
            notice_seconds,
            source_digest,
            uri,
            until: None,
            upgrades: Vec::new(),
        });
        let over = self.intervals.len().saturating_sub(MAX_INTERVALS);
        self.intervals.drain(..over);
        self.left_out += over as u64;
    }
}
