//! What was announced, across all apps of a chain, and what became of it.

use super::{
    AnswerError, Part, Scope, Surface, facts, legs, moment,
    moment::Moment,
    standing::{Standing, steadily},
    verified,
};
use crate::{
    Finality,
    documents::{self, Completeness, NotTold, Notice, Notices, Proposal, Since},
    parse,
};
use alloy_primitives::{Address, B256};
use devproof_primitives::{
    Action, GRACE_PERIOD, Notice as Given, Proposal as Announced, ProposalState, Setting,
};
use devproof_store::{ANNOUNCED_STEP, AnnouncedPlace, AppState, Contract, Reading, Store};
use facts::{Findings, Happening, What};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::ControlFlow,
    str::FromStr,
};

/// Notices in a page: each may fold an app.
const MAX_NOTICES: usize = 100;

/// Announcements that a page looks at: most of those that came into force are not looked for.
const MAX_LOOKED_AT: usize = 1000;

/// Which notices are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum NoticeState {
    /// Those that can still come into force.
    #[default]
    Open,
    /// Whose notice is running.
    Pending,
    /// Which anybody may activate.
    Ripe,
    /// Which were not activated in time.
    Expired,
    /// Which are in force, or were.
    Activated,
    /// Which were withdrawn.
    Cancelled,
}

impl NoticeState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Pending, Self::Ripe, Self::Expired, Self::Activated, Self::Cancelled];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Ripe => "ripe",
            Self::Expired => EXPIRED,
            Self::Activated => ACTIVATED,
            Self::Cancelled => CANCELLED,
        }
    }

    fn takes(self, state: &str) -> bool {
        match self {
            Self::Open => matches!(state, "pending" | "ripe"),
            // Whoever announces again withdraws what was announced.
            Self::Cancelled => matches!(state, CANCELLED | REPLACED),
            _ => state == self.name(),
        }
    }

    /// Whether it is about what can still come into force.
    const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Pending | Self::Ripe)
    }
}

impl FromStr for NoticeState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or_else(|| {
            let quoted = parse::quote(text);
            format!(
                "a state is open, pending, ripe, expired, activated or cancelled, as in state=pending, not {quoted}"
            )
        })
    }
}

const EXPIRED: &str = "expired";
const ACTIVATED: &str = "activated";
const CANCELLED: &str = "cancelled";
const REPLACED: &str = "replaced";

/// Where a page of notices ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticePlace(pub AnnouncedPlace);

impl fmt::Display for NoticePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AnnouncedPlace { ripe_at, contract, number } = self.0;
        write!(f, "{ripe_at}-{contract:#x}-{number}")
    }
}

impl FromStr for NoticePlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten()
        };
        let read = || {
            let mut parts = text.split('-');
            let ripe_at = number(parts.next()?)?;
            let contract = parse::app(parts.next()?).ok()?;
            let number = number(parts.next()?)?;
            parts.next().is_none().then_some(Self(AnnouncedPlace { ripe_at, contract, number }))
        };
        read().ok_or_else(|| {
            format!(
                "a page begins behind the `next` of the page before it, as it was given, not {}",
                parse::quote(text)
            )
        })
    }
}

/// A page of the notices of a chain, as of the last indexed block of the finality asked for. `surface` is whom the reasons are
/// for why an app could not be told.
///
/// # Errors
/// [`AnswerError`]. What concerns only one app is in the answer instead.
pub async fn notices(
    store: &Store,
    chain_id: u64,
    state: NoticeState,
    page: Part<NoticePlace>,
    min_finality: Finality,
    surface: Surface,
) -> Result<Notices, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let mut looking = Looking {
            store,
            standing,
            moment: &moment,
            state,
            surface,
            apps: HashMap::new(),
            answer: empty(standing, &moment),
        };
        looking.answer.unread = standing.unread(store, moment.block.number).await?.len() as u64;
        looking.page(page).await?;
        Ok(looking.answer)
    })
    .await
}

/// All notices of one app in these states, the latest first.
///
/// # Errors
/// [`AnswerError`]: never a partial answer.
pub async fn notices_of(
    store: &Store,
    chain_id: u64,
    app: Address,
    state: NoticeState,
    min_finality: Finality,
) -> Result<Notices, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let scope = Scope::open(store, standing, app).await?;
        let up_to = moment.block.number;
        scope.no_gap(store, &[scope.contract.address], up_to).await?;
        let mut lives = Lives::default();
        let start = facts::beginning(&scope.contract);
        let walked = facts::walk(store, &scope.contract, start, up_to, |line| {
            lives.take(line);
            ControlFlow::Continue(())
        });
        let state_then = walked.await?;
        if state_then.logs == 0 {
            scope.has_spoken(store, up_to).await?;
        }
        let of = Of::open(store, scope, &moment, &state_then).await?;
        let mut answer = empty(standing, &moment);
        let all = lives.end(&state_then, moment.now());
        answer.notices = all.into_iter().map(|life| of.notice(life)).collect();
        answer.notices.retain(|notice| state.takes(&notice.state));
        if state.is_open() {
            answer.notices.sort_by_key(|notice| notice.ripe_at);
        } else {
            answer.notices.reverse();
        }
        Ok(answer)
    })
    .await
}

fn empty(standing: Standing, moment: &Moment) -> Notices {
    let Standing { status, head } = standing;
    Notices {
        chain_id: status.chain_id,
        block: moment.document(),
        index_head: moment::block(head, &status),
        indexed_from: status.start_block,
        notices: Vec::new(),
        not_told: Vec::new(),
        unread: 0,
        next: None,
    }
}

/// A page in the making.
struct Looking<'a> {
    store: &'a Store,
    standing: Standing,
    moment: &'a Moment,
    state: NoticeState,
    surface: Surface,
    /// Apps that were looked at, with what they have open; `None`: it could not be told.
    apps: HashMap<Address, Option<(Of, Vec<Life>)>>,
    answer: Notices,
}

impl Looking<'_> {
    async fn page(&mut self, page: Part<NoticePlace>) -> Result<(), AnswerError> {
        let limit = page.size().min(MAX_NOTICES);
        let chain_id = self.standing.status.chain_id;
        let mut after = page.after.map(|place| place.0);
        let mut looked_at = 0;
        loop {
            let found = match self.state {
                NoticeState::Open | NoticeState::Ripe => {
                    let since = self.moment.now().saturating_sub(GRACE_PERIOD);
                    self.store.announced_since(chain_id, since, after).await?
                }
                NoticeState::Pending => {
                    self.store.announced_since(chain_id, self.moment.now(), after).await?
                }
                // Those that were cancelled or frozen may never have become possible.
                _ => self.store.announced_until(chain_id, u64::MAX, after).await?,
            };
            let is_last = found.len() < ANNOUNCED_STEP;
            for announced in found {
                if self.answer.notices.len() >= limit || looked_at >= MAX_LOOKED_AT {
                    self.answer.next = after.map(|place| NoticePlace(place).to_string());
                    return Ok(());
                }
                looked_at += 1;
                after = Some(announced.place);
                self.take(announced.place, announced.contract).await?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Takes what a contract announced in a block for a time, if it is asked for.
    async fn take(&mut self, place: AnnouncedPlace, contract: Contract) -> Result<(), AnswerError> {
        let address = contract.address;
        // What was announced later than this answer is about was not announced.
        if place.number > self.moment.block.number {
            return Ok(());
        }
        let here = |life: &&Life| {
            life.proposal.proposed.block == place.number
                && life.proposal.ripe_at.min(i64::MAX.unsigned_abs()) == place.ripe_at
        };
        if self.state.is_open() {
            if !self.apps.contains_key(&address) {
                let told = self.open_of(contract).await;
                let told = self.or_reason(address, told)?;
                self.apps.insert(address, told);
            }
            if let Some(Some((of, lives))) = self.apps.get(&address) {
                let wanted = lives.iter().filter(here).map(|life| of.notice(life.clone()));
                let wanted = wanted.filter(|notice| self.state.takes(&notice.state));
                self.answer.notices.extend(wanted);
            }
            return Ok(());
        }
        let told = self.closed_of(contract, place.number).await;
        if let Some((of, lives)) = self.or_reason(address, told)? {
            let wanted = lives.iter().filter(here).map(|life| of.notice(life.clone()));
            let wanted = wanted.filter(|notice| self.state.takes(&notice.state));
            self.answer.notices.extend(wanted);
        }
        Ok(())
    }

    /// What an app has open.
    async fn open_of(&self, contract: Contract) -> Result<(Of, Vec<Life>), AnswerError> {
        let (store, up_to) = (self.store, self.moment.block.number);
        let scope = Scope::of(store, self.standing, contract).await?;
        scope.no_gap(store, &[scope.contract.address], up_to).await?;
        let then = store.app_then(&scope.contract, up_to).await?;
        let of = Of::with(store, scope, self.moment, &then.state, &then.readings).await?;
        let lives = Lives::default().end(&then.state, self.moment.now());
        Ok((of, lives))
    }

    /// What became of what an app announced in a block.
    async fn closed_of(
        &self,
        contract: Contract,
        number: u64,
    ) -> Result<(Of, Vec<Life>), AnswerError> {
        let (store, up_to) = (self.store, self.moment.block.number);
        let scope = Scope::of(store, self.standing, contract).await?;
        scope.no_gap(store, &[scope.contract.address], up_to).await?;
        let contract = &scope.contract;
        let start = match number.checked_sub(1) {
            None => facts::beginning(contract),
            Some(before) => (store.app_state(contract, before).await?, Some(before)),
        };
        let mut lives = Lives { only: Some(number), ..Lives::default() };
        let state = facts::walk(store, contract, start, up_to, |line| {
            lives.take(line);
            if lives.is_done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // Where everything has ended, the rest of the history was not read, which may have had the code replaced.
        let mut state = state.await?;
        if lives.is_done() && !contract.code().keeps_history() {
            state = store.app_state(contract, up_to).await?;
        }
        let of = Of::open(store, scope, self.moment, &state).await?;
        let mut lives = lives.end(&state, self.moment.now());
        lives.retain(|life| life.proposal.proposed.block == number);
        Ok((of, lives))
    }

    /// What was told; what was not is noted, with the reason.
    fn or_reason<T>(
        &mut self,
        app: Address,
        told: Result<T, AnswerError>,
    ) -> Result<Option<T>, AnswerError> {
        match told {
            Ok(told) => Ok(Some(told)),
            Err(error @ AnswerError::Store(_)) => Err(error),
            // Counted with all that have logs to be read.
            Err(AnswerError::Unfinished { .. }) => Ok(None),
            Err(error) => {
                let known = self.answer.not_told.iter().any(|it| it.app == app);
                if !known {
                    let reason = error.sentence(self.surface);
                    self.answer.not_told.push(NotTold { app, reason });
                }
                Ok(None)
            }
        }
    }
}

/// What all notices of an app share.
struct Of {
    app: Address,
    contract: Address,
    completeness: Completeness,
    code: documents::Code,
}

impl Of {
    async fn open(
        store: &Store,
        scope: Scope,
        moment: &Moment,
        state: &AppState,
    ) -> Result<Self, AnswerError> {
        let contract = &scope.contract;
        // Code that keeps a history has no other behind it that would have to be looked up.
        let readings = if contract.code().keeps_history() {
            Vec::new()
        } else {
            store.readings(contract.chain_id, contract.address, moment.block.number).await?
        };
        Self::with(store, scope, moment, state, &readings).await
    }

    async fn with(
        store: &Store,
        scope: Scope,
        moment: &Moment,
        state: &AppState,
        readings: &[Reading],
    ) -> Result<Self, AnswerError> {
        let contract = &scope.contract;
        let findings = Findings::of(readings);
        Ok(Self {
            app: scope.app,
            contract: contract.address,
            completeness: verified::completeness(store, &scope, moment).await?,
            code: legs::code(contract, &state.policy, &findings),
        })
    }

    fn notice(&self, life: Life) -> Notice {
        let Life { proposal, state, ended, notice_seconds } = life;
        let Proposal { kind, value, proposed, ripe_at, expires_at, source_digest, uri, .. } =
            legs::proposal(&proposal, 0);
        Notice {
            app: self.app,
            contract: self.contract,
            completeness: self.completeness,
            code: self.code.clone(),
            kind,
            value,
            state: state.to_owned(),
            proposed,
            ripe_at,
            expires_at,
            ended,
            notice_seconds,
            source_digest,
            uri,
        }
    }
}

/// An announcement and what became of it.
#[derive(Clone)]
struct Life {
    proposal: Announced,
    state: &'static str,
    ended: Option<Since>,
    notice_seconds: Option<u64>,
}

/// What the lines of a history say of its announcements.
#[derive(Default)]
struct Lives {
    /// Only those of this block.
    only: Option<u64>,
    /// The last block that was seen.
    seen: u64,
    open: BTreeMap<(Setting, B256), Announced>,
    ended: Vec<Life>,
}

impl Lives {
    fn take(&mut self, Happening { what, .. }: Happening) {
        self.seen = self.seen.max(what.at().block);
        let What::Step(step, source) = what else { return };
        let (setting, value) = (step.change.setting, step.change.value);
        let at = step.at;
        let since = legs::since(at, step.actor);
        match step.change.action {
            Action::Proposed => {
                if let Some(before) = self.open.remove(&(setting, value)) {
                    self.end_one(before, REPLACED, Some(since), None, at.timestamp);
                }
                if self.only.is_none_or(|only| only == at.block)
                    && let Some((ripe_at, expires_at)) = step.window
                {
                    let (proposed, actor) = (at, step.actor);
                    let proposal =
                        Announced { setting, value, proposed, actor, ripe_at, expires_at, source };
                    self.open.insert((setting, value), proposal);
                }
            }
            Action::Cancelled => {
                if let Some(it) = self.open.remove(&(setting, value)) {
                    self.end_one(it, CANCELLED, Some(since), None, at.timestamp);
                }
            }
            Action::Set => {
                if let Some(it) = self.open.remove(&(setting, value)) {
                    let given = step.notice.and_then(Given::seconds);
                    self.end_one(it, ACTIVATED, Some(since), given, at.timestamp);
                }
            }
            Action::Removed => {}
        }
        // A freeze is the death of what was announced for its setting.
        if setting == Setting::Freeze && step.change.action == Action::Set {
            let frozen = Setting::from_number(value.0[31]).ok();
            for it in self.open.values_mut().filter(|it| Some(it.setting) == frozen) {
                it.expires_at = it.expires_at.min(at.timestamp);
            }
        }
    }

    fn end_one(
        &mut self,
        proposal: Announced,
        how: &'static str,
        ended: Option<Since>,
        notice_seconds: Option<u64>,
        at: u64,
    ) {
        // What was dead already is only cleared away.
        let dead = how != ACTIVATED && proposal.state_at(at) == ProposalState::Expired;
        let state = if dead { EXPIRED } else { how };
        self.ended.push(Life { proposal, state, ended, notice_seconds });
    }

    /// Whether nothing more can become of those of the one block.
    fn is_done(&self) -> bool {
        self.open.is_empty() && self.only.is_some_and(|only| self.seen > only)
    }

    /// All of them, in the order in which they were announced; what is open by the word of the fold.
    fn end(mut self, state: &AppState, now: u64) -> Vec<Life> {
        let open = state.policy.proposals.values().map(|proposal| Life {
            proposal: proposal.clone(),
            state: proposal.state_at(now).name(),
            ended: None,
            notice_seconds: None,
        });
        self.ended.extend(open);
        self.ended.sort_by_key(|life| {
            let at = life.proposal.proposed;
            (at.block, at.log_index)
        });
        self.ended
    }
}
