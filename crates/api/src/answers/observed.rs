//! What was observed, beside what was authorised while it was.

use super::{
    AnswerError, Part, Scope,
    allowed::Life,
    facts, legs,
    moment::{self, Moment},
    standing::steadily,
};
use crate::{
    Finality,
    documents::{
        AuthorisedThen, BlockId, Interval, Observation, Observations, Observed, ObservedInstance,
        ObservedKeyProvider, ObservedThen, SeenAs, time,
    },
    parse,
};
use alloy_primitives::{Address, B256};
use devproof_primitives::Setting;
use devproof_store::{self as store, ObservationPlace, Store};
use facts::What;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::ControlFlow,
    str::FromStr,
};

/// Instances in an answer about a block; those that were seen last.
const MAX_INSTANCES: u64 = 1_000;

/// How far behind the last block of an answer something may be seen and still be held against it, in seconds: the chain
/// goes on meanwhile, and what is final is minutes old.
const BEHIND: u64 = 3_600;

/// Where a page of observations ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenPlace(pub ObservationPlace);

impl fmt::Display for SeenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:#x}", self.0.first_seen, self.0.quote)
    }
}

impl FromStr for SeenPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (first_seen, quote) = text.split_once('-')?;
            let plain = !first_seen.is_empty() && first_seen.bytes().all(|b| b.is_ascii_digit());
            let first_seen = plain.then(|| first_seen.parse().ok()).flatten()?;
            let digits = quote.strip_prefix("0x").filter(|digits| digits.len() == 64)?;
            Some(Self(ObservationPlace { first_seen, quote: digits.parse().ok()? }))
        };
        read().ok_or_else(|| {
            format!(
                "a page begins behind the `next` of the page before it, as it was given, not {}",
                parse::quote(text)
            )
        })
    }
}

/// What the index knows of a version of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The times at which it was allowed, oldest first.
    pub intervals: Vec<Interval>,
    /// Whether it was ever announced.
    pub announced: bool,
    /// Whether the index may lack some of what was allowed.
    pub may_lack: bool,
    /// The time of the block up to which this is so, Unix seconds.
    pub until: u64,
}

impl Known {
    /// Whether it was allowed over a time, Unix seconds. What is behind the last block that is known is held against that.
    #[must_use]
    pub fn over(&self, first: u64, last: u64) -> AuthorisedThen {
        if first > self.until.saturating_add(BEHIND) {
            return AuthorisedThen::NotKnown;
        }
        let (first, last) =
            (first.min(self.until), last.min(self.until).max(first.min(self.until)));
        let seconds = |time: jiff::Timestamp| u64::try_from(time.as_second()).unwrap_or_default();
        let spans = self.intervals.iter().map(|it| {
            let until = it.until.as_ref().map_or(u64::MAX, |until| seconds(until.timestamp));
            (seconds(it.since.timestamp), until, it.read_by_call)
        });
        let mut touched = false;
        for (since, until, read_by_call) in spans {
            if since <= first && last < until {
                return AuthorisedThen::Allowed;
            }
            // Nobody knows since when what was only found by a call had been allowed.
            if read_by_call && first < since {
                return AuthorisedThen::NotKnown;
            }
            touched |= since <= last && first < until;
        }
        match (touched, self.may_lack) {
            (_, true) => AuthorisedThen::NotKnown,
            (true, false) => AuthorisedThen::Partly,
            (false, false) => AuthorisedThen::NotAllowed,
        }
    }
}

/// What the index knows of versions of an app up to the last indexed block of a finality, in one walk over its history.
///
/// # Errors
/// [`AnswerError`].
pub async fn known_versions(
    store: &Store,
    chain_id: u64,
    app: Address,
    versions: &BTreeSet<B256>,
    min_finality: Finality,
) -> Result<BTreeMap<B256, Known>, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let scope = Scope::open(store, standing, app).await?;
        known(store, &scope, &moment, versions).await
    })
    .await
}

async fn known(
    store: &Store,
    scope: &Scope,
    moment: &Moment,
    versions: &BTreeSet<B256>,
) -> Result<BTreeMap<B256, Known>, AnswerError> {
    let contract = &scope.contract;
    let up_to = moment.block.number;
    scope.no_gap(store, &[contract.address], up_to).await?;
    // Nobody goes through a history for nothing.
    if versions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut lives: BTreeMap<B256, Life> =
        versions.iter().map(|version| (*version, Life::of(*version))).collect();
    let state = facts::walk(store, contract, facts::beginning(contract), up_to, |line| {
        let about = match &line.what {
            What::Step(step, _) if step.change.setting == Setting::ComposeHash => {
                Some(step.change.value)
            }
            What::Read { setting, value, .. } if *setting == Setting::ComposeHash.name() => {
                Some(*value)
            }
            _ => None,
        };
        match about.and_then(|version| lives.get_mut(&version)) {
            Some(life) => life.take(line),
            None => ControlFlow::Continue(()),
        }
    })
    .await?;
    if state.logs == 0 {
        scope.has_spoken(store, up_to).await?;
    }
    let readings = store.readings(contract.chain_id, contract.address, up_to).await?;
    let findings = facts::Findings::of(&readings);
    let not_known = legs::not_known(contract, &state.policy, &findings);
    let may_lack = not_known.iter().any(|it| it == Setting::ComposeHash.name());
    let lives = lives.into_iter().map(|(version, life)| {
        let (intervals, announced) = life.told();
        (version, Known { intervals, announced, may_lack, until: moment.now() })
    });
    Ok(lives.collect())
}

fn seen_as(is_proved: bool, is_intel_root: bool) -> SeenAs {
    match (is_intel_root, is_proved) {
        (false, _) => SeenAs::TestRoot,
        (true, true) => SeenAs::Proved,
        (true, false) => SeenAs::Claimed,
    }
}

/// What was seen of an app until now, by version; what was authorised then is told up to the last indexed block of the finality
/// asked for.
///
/// # Errors
/// [`AnswerError`].
pub async fn seen(
    store: &Store,
    chain_id: u64,
    app: Address,
    min_finality: Finality,
) -> Result<Vec<Observed>, AnswerError> {
    steadily(store, chain_id, async |standing| {
        if !standing.known(store).await?.is_observed() {
            return Ok(Vec::new());
        }
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let scope = Scope::open(store, standing, app).await?;
        seen_until(store, &scope, &moment, u64::MAX).await
    })
    .await
}

/// What was seen of an app up to a moment, by version.
pub(super) async fn at(
    store: &Store,
    scope: &Scope,
    moment: &Moment,
) -> Result<Vec<Observed>, AnswerError> {
    seen_until(store, scope, moment, moment.now()).await
}

/// What had been seen of an app up to a time, as it had been judged at another; and whether there was more than is told.
pub(super) async fn as_of(
    store: &Store,
    chain_id: u64,
    app: Address,
    until: u64,
    recorded: u64,
) -> Result<(Vec<ObservedThen>, bool), AnswerError> {
    let asked = MAX_INSTANCES.saturating_add(1);
    let mut seen = store.observations_as_of(chain_id, app, (until, recorded), asked).await?;
    let most = usize::try_from(MAX_INSTANCES).unwrap_or(usize::MAX);
    let more = seen.len() > most;
    seen.truncate(most);
    let then = seen.into_iter().map(|(it, anew)| observed_then(it, recorded, anew));
    Ok((then.collect(), more))
}

fn observed_then(it: store::Observation, recorded: u64, judged_anew: bool) -> ObservedThen {
    let judged = it.judgement;
    ObservedThen {
        quote: it.quote,
        compose_hash: it.compose_hash.0,
        identity: seen_as(judged.is_proved, judged.is_intel_root),
        instance_id: it.instance_id,
        fresh: it.is_fresh,
        first_seen: time(it.first_seen),
        last_seen: Some(it.last_seen).filter(|last| *last <= recorded).map(time),
        judged_since: time(judged.seen_from),
        result: judged.overall,
        decisive: judged.decisive,
        tcb_status: judged.tcb_status,
        hardware_by: judged.hardware_by,
        system_by: judged.system_by,
        warnings: judged.warnings,
        verdict: judged.verdict,
        from: judged.from.map(|(number, hash)| BlockId { number, hash }),
        judged_anew,
    }
}

async fn seen_until(
    store: &Store,
    scope: &Scope,
    moment: &Moment,
    until: u64,
) -> Result<Vec<Observed>, AnswerError> {
    let chain_id = scope.contract.chain_id;
    let seen = store.observed_instances(chain_id, scope.app, until, MAX_INSTANCES).await?;
    if seen.is_empty() {
        return Ok(Vec::new());
    }
    let versions = seen.iter().map(|it| it.compose_hash.0).collect();
    let known = known(store, scope, moment, &versions).await?;
    let mut found: Vec<Observed> = Vec::new();
    for it in seen {
        add(&mut found, &it);
    }
    for it in &mut found {
        let (first, last) = (seconds(it.first_seen), seconds(it.last_seen).min(until));
        it.authorised = known
            .get(&it.compose_hash)
            .map_or(AuthorisedThen::NotKnown, |known| known.over(first, last));
    }
    Ok(found)
}

fn seconds(time: jiff::Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or_default()
}

/// Puts an instance to those of its version that are known as well as it is.
fn add(found: &mut Vec<Observed>, it: &store::ObservedInstance) {
    let identity = seen_as(it.is_proved, it.is_intel_root);
    let (first_seen, last_seen) = (time(it.first_seen), time(it.last_seen));
    let judged = &it.judgement;
    let place = found
        .iter()
        .position(|other| (other.compose_hash, other.identity) == (it.compose_hash.0, identity));
    let place = place.unwrap_or_else(|| {
        found.push(Observed {
            compose_hash: it.compose_hash.0,
            identity,
            first_seen,
            last_seen,
            looks: 0,
            result: judged.overall.clone(),
            hardware_by: Vec::new(),
            system_by: Vec::new(),
            warnings: Vec::new(),
            authorised: AuthorisedThen::NotKnown,
            instances: Vec::new(),
        });
        found.len() - 1
    });
    let Some(version) = found.get_mut(place) else { return };
    version.first_seen = version.first_seen.min(first_seen);
    version.last_seen = version.last_seen.max(last_seen);
    version.looks += it.looks;
    if badness(&judged.overall) > badness(&version.result) {
        version.result.clone_from(&judged.overall);
    }
    let by = std::iter::once(&judged.hardware_by);
    join(&mut version.hardware_by, by);
    // Where it is only claimed nobody vouches for the whole.
    join(&mut version.system_by, judged.system_by.iter().filter(|_| it.is_proved));
    join(&mut version.warnings, judged.warnings.iter());
    version.instances.push(ObservedInstance {
        instance_id: it.instance_id,
        first_seen,
        last_seen,
        looks: it.looks,
        quote: it.last_quote,
        result: judged.overall.clone(),
        tcb_status: judged.tcb_status.clone(),
    });
}

fn badness(result: &str) -> u8 {
    match result {
        "pass" => 0,
        "inconclusive" => 1,
        _ => 2,
    }
}

fn join<'a>(to: &mut Vec<String>, from: impl Iterator<Item = &'a String>) {
    for it in from {
        if !to.contains(it) {
            to.push(it.clone());
        }
    }
}

/// A page of what was observed of an app. What was authorised then is told up to the last indexed block of the finality
/// asked for.
///
/// # Errors
/// [`AnswerError`].
pub async fn observations(
    store: &Store,
    chain_id: u64,
    app: Address,
    page: Part<SeenPlace>,
    min_finality: Finality,
) -> Result<Observations, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let scope = Scope::open(store, standing, app).await?;
        let limit = page.size();
        let after = page.after.map(|place| place.0);
        let asked = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut seen = store.observations(chain_id, scope.app, after, asked).await?;
        let more = seen.len() > limit;
        seen.truncate(limit);
        let next = seen.last().filter(|_| more).map(|it| {
            SeenPlace(ObservationPlace { first_seen: it.first_seen, quote: it.quote }).to_string()
        });
        let versions = seen.iter().map(|it| it.compose_hash.0).collect();
        let known = known(store, &scope, &moment, &versions).await?;
        let observations = seen.into_iter().map(|it| {
            let known = known.get(&it.compose_hash.0);
            let then = known.map(|known| known.over(it.first_seen, it.last_seen));
            observation(it, then.unwrap_or(AuthorisedThen::NotKnown))
        });
        Ok(Observations {
            chain_id,
            app: scope.app,
            block: moment.document(),
            index_head: moment::block(scope.head, &scope.status),
            observations: observations.collect(),
            next,
        })
    })
    .await
}

fn observation(it: store::Observation, authorised: AuthorisedThen) -> Observation {
    let judged = it.judgement;
    let block = |(number, hash)| BlockId { number, hash };
    Observation {
        quote: it.quote,
        compose_hash: it.compose_hash.0,
        identity: seen_as(judged.is_proved, judged.is_intel_root),
        instance_id: it.instance_id,
        os_image_hash: it.os_image_hash,
        key_provider: it.key_provider.map(|(name, id)| ObservedKeyProvider { name, id }),
        fresh: it.is_fresh,
        first_seen: time(it.first_seen),
        last_seen: time(it.last_seen),
        judged_at: time(judged.judged_at),
        result: judged.overall,
        decisive: judged.decisive,
        tcb_status: judged.tcb_status,
        hardware_by: judged.hardware_by,
        system_by: judged.system_by,
        warnings: judged.warnings,
        judged_before: judged.entry,
        evidence: judged.evidence,
        collateral: judged.collateral,
        policy: judged.policy,
        verdict: judged.verdict,
        from: judged.from.map(block),
        to: judged.to.map(block),
        authorised,
    }
}
