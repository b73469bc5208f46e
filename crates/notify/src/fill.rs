//! Writing letters: what happens behind the place of each subscription, and what time alone does.

use crate::{
    letters::To,
    notifier::{Options, now_ms},
    subscribe::Listener,
};
use alloy_primitives::{Address, B256};
use devproof_api::{
    AnswerError, ChangePlace, ChangesOf, Finality, Part, Surface, Told,
    alerts::{self, Alert},
    changes_placed,
    documents::NotTold,
};
use devproof_store::{ChainStatus, Filling, Letter, Sender, Store, StoreError, Subscription};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

/// Changes that are asked for at a time.
const STEP: usize = 100;

/// Pages in a row for one subscription, before it is the turn of the next.
const PAGES: usize = 20;

/// How far back it is looked for what observing found out, in seconds: a month, in which a subscriber may have been without a
/// sender.
const FOUND_SINCE: u64 = 30 * 86_400;

/// The most of that for a chain; the newest.
const FOUND_MOST: u64 = 1_000;

/// How often old letters are forgotten.
const PRUNE: Duration = Duration::from_secs(3_600);

/// What the index looked like when a subscription was last looked after.
type Seen = (Option<B256>, Option<u64>, Option<u64>, Option<String>, Option<String>);

/// What observing found out lately, by chain.
type Found = HashMap<u64, Vec<Alert>>;

/// What was asked once in a look for all who stand at the same place.
type Asked = HashMap<(u64, Finality, Option<ChangePlace>), Arc<Told>>;

/// Why a subscription could not be looked after.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FillError {
    #[error("{}", .0.sentence(Surface::Cli))]
    Answer(AnswerError),
    #[error("the place where it stands cannot be read; remove it and add it again")]
    Place,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AnswerError> for FillError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Store(error) => Self::Store(error),
            other => Self::Answer(other),
        }
    }
}

/// Looks after subscriptions.
#[derive(Debug)]
pub(crate) struct Filler {
    sender: Sender,
    options: Options,
    seen: HashMap<String, Seen>,
    /// Since when an app could not be told to a subscriber.
    waiting: HashMap<(String, Address), Instant>,
    /// When it was last looked what time alone did, by subscription.
    timed: HashMap<String, Instant>,
    pruned: Option<Instant>,
}

impl Filler {
    pub(crate) fn new(sender: Sender, options: Options) -> Self {
        Self {
            sender,
            options,
            seen: HashMap::new(),
            waiting: HashMap::new(),
            timed: HashMap::new(),
            pruned: None,
        }
    }

    /// Writes what is new to all; whether anything was.
    pub(crate) async fn look(&mut self) -> Result<bool, StoreError> {
        let subscriptions = self.sender.store().subscriptions().await?;
        let chains: HashMap<u64, ChainStatus> =
            self.sender.store().chains().await?.into_iter().map(|it| (it.chain_id, it)).collect();
        let mut asked = Asked::new();
        let found = self.found(chains.values()).await?;
        let mut wrote = false;
        for subscription in subscriptions.iter().filter(|it| it.is_active) {
            let Some(chain) = chains.get(&subscription.chain_id) else { continue };
            let tags = chain.tags;
            let seen = (
                chain.checkpoint.map(|block| block.hash),
                tags.and_then(|tags| tags.safe),
                tags.and_then(|tags| tags.finalized),
                subscription.place.clone(),
                found
                    .get(&subscription.chain_id)
                    .and_then(|all| all.last())
                    .map(|it| it.id.clone()),
            );
            if chain.checkpoint.is_none() || self.seen.get(&subscription.id) == Some(&seen) {
                continue;
            }
            let Some(listener) = Listener::of(subscription) else {
                tracing::error!(
                    id = subscription.id,
                    "this subscription cannot be read; remove it"
                );
                continue;
            };
            let found = found.get(&subscription.chain_id).map_or(&[][..], Vec::as_slice);
            match self.one(subscription, &listener, found, &mut asked).await {
                // There may be more, and the next look tells.
                Ok(Step { more: true, wrote: some }) => wrote |= some,
                Ok(Step { more: false, wrote: some }) => {
                    wrote |= some;
                    self.seen.insert(subscription.id.clone(), seen);
                }
                Err(FillError::Store(error @ StoreError::SenderLost)) => return Err(error),
                Err(error) => {
                    tracing::warn!(id = subscription.id, %error, "nothing can be told for now");
                }
            }
        }
        self.forget(&subscriptions).await?;
        Ok(wrote)
    }

    /// What observing found out, as far back as anybody might not have been told of it.
    async fn found(&self, chains: impl Iterator<Item = &ChainStatus>) -> Result<Found, StoreError> {
        let mut found = Found::new();
        let store = self.sender.store();
        for chain in chains {
            if !store.known_of(chain).await?.is_observed() {
                continue;
            }
            let since = (now_ms() / 1_000).saturating_sub(FOUND_SINCE);
            let all = store.observed_alerts(chain.chain_id, since, FOUND_MOST).await?;
            let alerts = all.iter().filter_map(alerts::of_observed).collect();
            found.insert(chain.chain_id, alerts);
        }
        Ok(found)
    }

    async fn one(
        &mut self,
        subscription: &Subscription,
        listener: &Listener,
        found: &[Alert],
        asked: &mut Asked,
    ) -> Result<Step, FillError> {
        let store = self.sender.store().clone();
        let mut stands = subscription.place.clone();
        let mut wrote = false;
        for _ in 0..PAGES {
            if store.unread(&subscription.id).await? >= self.options.backlog {
                tracing::warn!(
                    id = subscription.id,
                    "too many letters wait to be read; nothing new is written until some of them are"
                );
                return Ok(Step { more: true, wrote });
            }
            let after = stands.as_ref().map(|place| place.parse()).transpose();
            let after = after.map_err(|_| FillError::Place)?;
            let page = page(&store, listener, after, asked).await?;
            let mut step = Filling {
                subscription: subscription.id.clone(),
                from: stands.clone(),
                place: page.changes.next.clone().or_else(|| stands.clone()),
                now: now_ms(),
                ..Filling::default()
            };
            let now = page.changes.block.timestamp;
            if !self
                .silences(subscription, listener, &page.changes.not_told, now, &mut step)
                .await?
            {
                return Ok(Step { more: true, wrote });
            }
            let mut going = BTreeMap::new();
            if let Some(from) = page.changes.told_again_from {
                going = self.take_back(subscription, listener, from, now, &mut step).await?;
            }
            let to = self.to(subscription, listener);
            for heard in listener.wanted.of_page(&page, &self.options.families) {
                step.letters
                    .extend(to.letter(&store, &heard.alert, Some(heard.block), &going).await?);
            }
            if step.place != step.from || !step.letters.is_empty() || !step.taken_back.is_empty() {
                wrote |= !step.letters.is_empty();
                if !self.sender.fill(&step).await? {
                    // Somebody removed it, or it is gone.
                    return Ok(Step { more: true, wrote });
                }
            }
            let more = step.place != stands;
            stands = step.place;
            if !more {
                let timed = self.timed.get(&subscription.id);
                if timed.is_some_and(|at| at.elapsed() < self.options.clock) {
                    return Ok(Step { more: true, wrote });
                }
                self.timed.insert(subscription.id.clone(), Instant::now());
                let some = self.by_time(subscription, listener, found, stands).await?;
                return Ok(Step { more: false, wrote: wrote || some });
            }
        }
        Ok(Step { more: true, wrote })
    }

    /// What time alone did, of what was announced before the place where the subscription stands.
    async fn by_time(
        &mut self,
        subscription: &Subscription,
        listener: &Listener,
        found: &[Alert],
        stands: Option<String>,
    ) -> Result<bool, FillError> {
        let store = self.sender.store().clone();
        let since = subscription.heard_until;
        let told =
            listener.wanted.by_time(&store, &self.options.families, since, Surface::Rest).await?;
        let place = stands.as_ref().and_then(|place| place.parse::<ChangePlace>().ok());
        let mut step = Filling {
            subscription: subscription.id.clone(),
            from: stands.clone(),
            place: stands,
            heard_until: told.until,
            now: now_ms(),
            ..Filling::default()
        };
        let to = self.to(subscription, listener);
        for heard in &told.alerts {
            // Else nobody would hear of it should that block go.
            if place.is_some_and(|place| heard.block.0 <= place.number) {
                let none = BTreeMap::new();
                step.letters
                    .extend(to.letter(&store, &heard.alert, Some(heard.block), &none).await?);
            }
        }
        for alert in found.iter().filter(|it| listener.wanted.is_to_hear(it)) {
            let at = u64::try_from(alert.at.as_millisecond()).unwrap_or(0);
            // Found before anybody wanted to know: to the second, in which times of sightings are told.
            if at.saturating_add(1_000) > subscription.created_at {
                step.letters.extend(to.letter(&store, alert, None, &BTreeMap::new()).await?);
            }
        }
        let now =
            Timestamp::from_second(i64::try_from(told.until).unwrap_or(0)).unwrap_or_default();
        // What is not known yet is looked for again; all else is told meanwhile.
        self.silences(subscription, listener, &told.not_told, now, &mut step).await?;
        let wrote = !step.letters.is_empty();
        if wrote || told.until > since {
            self.sender.fill(&step).await?;
        }
        Ok(wrote)
    }

    /// Says of apps that something of theirs cannot be told, once each and not at once; `false` if that is to be waited for.
    async fn silences(
        &mut self,
        subscription: &Subscription,
        listener: &Listener,
        not_told: &[NotTold],
        now: Timestamp,
        step: &mut Filling,
    ) -> Result<bool, FillError> {
        let store = self.sender.store().clone();
        let wanted = &listener.wanted;
        let mut may_go_on = true;
        // What can be told by now is not waited for any more.
        self.waiting.retain(|(id, app), _| {
            *id != subscription.id || not_told.iter().any(|it| it.app == *app)
        });
        for NotTold { app, reason } in not_told {
            if !wanted.apps.is_empty() && !wanted.apps.contains(app) {
                continue;
            }
            let name = self.options.families.name_of(wanted.chain_id, Some(*app));
            let alert = alerts::of_silence(wanted.chain_id, &name, *app, reason, now);
            let none = BTreeMap::new();
            let letter =
                self.to(subscription, listener).letter(&store, &alert, None, &none).await?;
            let Some(letter) = letter else { continue };
            let key = (subscription.id.clone(), *app);
            let since = *self.waiting.entry(key.clone()).or_insert_with(Instant::now);
            if since.elapsed() < self.options.patience {
                may_go_on = false;
            } else {
                self.waiting.remove(&key);
                step.letters.push(letter);
            }
        }
        Ok(may_go_on)
    }

    /// Takes back what was told of blocks from a height on that are gone; gives the rounds in which it was told.
    async fn take_back(
        &self,
        subscription: &Subscription,
        listener: &Listener,
        from: u64,
        now: Timestamp,
        step: &mut Filling,
    ) -> Result<BTreeMap<String, u64>, FillError> {
        let (store, chain_id) = (self.sender.store(), subscription.chain_id);
        let to = self.to(subscription, listener);
        let mut going = BTreeMap::new();
        let mut orphans: BTreeMap<(String, u64), Letter> = BTreeMap::new();
        for told in store.told_from(&subscription.id, from).await? {
            let held = store.block_by_hash(chain_id, told.hash).await?;
            if held.is_some_and(|(_, canonical)| canonical) {
                continue;
            }
            let what = (told.alert.as_str(), told.title.as_str());
            let alert = alerts::of_orphaned(chain_id, told.app, what, told.number, now);
            let letter = to.of_round(&alert, None, told.round);
            orphans.extend(letter.map(|letter| ((told.alert.clone(), told.round), letter)));
            step.taken_back.push(told.delivery);
            going.insert(told.alert, told.round);
        }
        step.letters.extend(orphans.into_values());
        Ok(going)
    }

    fn to<'a>(&'a self, subscription: &'a Subscription, listener: &'a Listener) -> To<'a> {
        To {
            subscription: &subscription.id,
            channel: &listener.channel,
            root: self.options.public_url.as_deref(),
        }
    }

    async fn forget(&mut self, subscriptions: &[Subscription]) -> Result<(), StoreError> {
        self.timed.retain(|id, _| subscriptions.iter().any(|it| it.id == *id));
        self.seen.retain(|id, _| subscriptions.iter().any(|it| it.id == *id));
        self.waiting.retain(|(id, _), since| {
            since.elapsed() < 10 * self.options.patience
                && subscriptions.iter().any(|it| it.id == *id)
        });
        if self.pruned.is_some_and(|at| at.elapsed() < PRUNE) {
            return Ok(());
        }
        self.pruned = Some(Instant::now());
        let before = now_ms()
            .saturating_sub(u64::try_from(self.options.keep.as_millis()).unwrap_or(u64::MAX));
        for subscription in subscriptions {
            let place = subscription.place.as_ref().and_then(|it| it.parse::<ChangePlace>().ok());
            let anchor = place.map_or(0, |place| place.anchor);
            self.sender.prune(&subscription.id, before, anchor).await?;
        }
        Ok(())
    }
}

/// How a step went.
struct Step {
    more: bool,
    wrote: bool,
}

async fn page(
    store: &Store,
    listener: &Listener,
    after: Option<ChangePlace>,
    asked: &mut Asked,
) -> Result<Arc<Told>, AnswerError> {
    let (chain_id, finality) = (listener.wanted.chain_id, listener.wanted.finality);
    let key = (chain_id, finality, after);
    if let Some(told) = asked.get(&key) {
        return Ok(told.clone());
    }
    let part = Part { limit: STEP, after };
    let of = ChangesOf::default();
    let told = changes_placed(store, chain_id, of, part, finality, Surface::Rest).await?;
    let told = Arc::new(told);
    asked.insert(key, told.clone());
    Ok(told)
}
