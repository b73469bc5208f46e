//! What somebody wants to hear, out of everything that happens and of what time alone does: for `devproof watch` and for
//! subscriptions alike.

use crate::{
    Families, Finality,
    alerts::{self, Alert, AlertKind},
    answers::{
        self, AnswerError, ChangePlace, MAX_PAGE, NoticePlace, NoticeState, Part, Surface, Told,
    },
    documents::{Block, Change, NotTold, Notice, Notices},
};
use alloy_primitives::{Address, B256};
use devproof_primitives::GRACE_PERIOD;
use devproof_store::{AnnouncedPlace, Store};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// How far before the time up to which somebody heard is looked again for what expired: a reorganisation takes block times back.
/// An hour, in seconds.
const AGAIN: u64 = 3_600;

/// Pages of announcements that a look goes through. What is behind them is further in the future than that of as many apps.
const MAX_PAGES: usize = 100;

/// Who wants to hear what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Only these apps, and what key services do to all; none for everything.
    pub apps: BTreeSet<Address>,
    /// Only these kinds; none for all. What was told is taken back and what cannot be told is said in any case.
    pub kinds: BTreeSet<AlertKind>,
    /// What is told has to have this finality.
    pub finality: Finality,
    /// How long before it becomes possible a change is told of once more, in seconds.
    pub soon: u64,
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What.
    pub alert: Alert,
    /// The block that said it; of what time alone did the one that announced it.
    pub block: (u64, B256),
}

/// What time alone did.
#[derive(Clone, Debug, Default)]
pub struct ByTime {
    /// To be told once each: every look finds it again as long as it is so.
    pub alerts: Vec<Heard>,
    /// Apps of which it could not be found out, each with the reason.
    pub not_told: Vec<NotTold>,
    /// The time of the block up to which this is so, Unix seconds.
    pub until: u64,
}

impl Wanted {
    /// Whether it is about one of the apps, or about all apps.
    #[must_use]
    pub fn is_about(&self, change: &Change) -> bool {
        self.apps.is_empty()
            || change.app.is_none_or(|app| self.apps.contains(&app))
            || self.apps.contains(&change.contract)
    }

    fn is_kind(&self, kind: AlertKind) -> bool {
        let always = matches!(kind, AlertKind::Orphaned | AlertKind::NotTold);
        always || self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether what observing found out is to be told.
    #[must_use]
    pub fn is_to_hear(&self, alert: &Alert) -> bool {
        self.is_kind(alert.kind)
            && (self.apps.is_empty() || alert.app.is_none_or(|app| self.apps.contains(&app)))
    }

    /// What of a page of changes is to be told.
    #[must_use]
    pub fn of_page(&self, page: &Told, families: &Families) -> Vec<Heard> {
        let heard = |(change, place): (&Change, &ChangePlace)| {
            let name = families.name_of(self.chain_id, change.app);
            let alert = alerts::of_change(self.chain_id, &name, change)?;
            let wanted = self.is_about(change) && self.is_kind(alert.kind);
            wanted.then_some(Heard { alert, block: (place.number, place.hash) })
        };
        page.changes.changes.iter().zip(&page.places).filter_map(heard).collect()
    }

    /// What time alone made of announcements: what is possible soon or now, and what expired after `since` (Unix seconds).
    /// `surface` is whom the reasons are for why an app could not be told.
    ///
    /// # Errors
    /// [`AnswerError`]. What concerns only one app is in the answer instead.
    pub async fn by_time(
        &self,
        store: &Store,
        families: &Families,
        since: u64,
        surface: Surface,
    ) -> Result<ByTime, AnswerError> {
        let mut found = ByTime::default();
        if self.apps.is_empty() {
            self.of_all(store, families, since, surface, &mut found).await?;
        }
        for app in &self.apps {
            for state in [NoticeState::Open, NoticeState::Expired] {
                let told =
                    answers::notices_of(store, self.chain_id, *app, state, self.finality).await;
                match told {
                    Ok(told) => self.take(store, families, since, told, &mut found).await?,
                    Err(error @ AnswerError::Store(_)) => return Err(error),
                    Err(error) => {
                        let reason = error.sentence(surface);
                        found.not_told.push(NotTold { app: *app, reason });
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    async fn of_all(
        &self,
        store: &Store,
        families: &Families,
        since: u64,
        surface: Surface,
        found: &mut ByTime,
    ) -> Result<(), AnswerError> {
        for state in [NoticeState::Open, NoticeState::Expired] {
            // Those that expired are found the latest first, and none of them is ripe only from now on.
            let newest = AnnouncedPlace {
                ripe_at: found.until.saturating_add(1),
                contract: Address::ZERO,
                number: 0,
            };
            let mut after = (state == NoticeState::Expired).then_some(NoticePlace(newest));
            for _ in 0..MAX_PAGES {
                let part = Part { limit: MAX_PAGE, after };
                let chain = self.chain_id;
                let told =
                    answers::notices(store, chain, state, part, self.finality, surface).await?;
                after = told.next.as_ref().and_then(|next| next.parse::<NoticePlace>().ok());
                let now = seconds(told.block.timestamp);
                self.take(store, families, since, told, found).await?;
                let Some(NoticePlace(place)) = after else { break };
                let is_far = match state {
                    NoticeState::Open => place.ripe_at > now.saturating_add(self.soon),
                    _ => place.ripe_at.saturating_add(GRACE_PERIOD + AGAIN) < since,
                };
                if is_far {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn take(
        &self,
        store: &Store,
        families: &Families,
        since: u64,
        told: Notices,
        found: &mut ByTime,
    ) -> Result<(), AnswerError> {
        let now = told.block.timestamp;
        found.until = found.until.max(seconds(now));
        found.not_told.extend(told.not_told);
        let mut heard = Vec::new();
        for notice in &told.notices {
            for alert in self.of_notice(families, notice, now, since) {
                let number = notice.proposed.block;
                let block = store.block_by_number(self.chain_id, number).await?;
                heard.extend(block.map(|block| Heard { alert, block: (number, block.hash) }));
            }
        }
        // The blocks are those of the announcements unless the chain was reorganised meanwhile; then the next look tells.
        if !heard.is_empty() && is_canonical(store, self.chain_id, &told.block).await? {
            found.alerts.append(&mut heard);
        }
        Ok(())
    }

    fn of_notice(
        &self,
        families: &Families,
        notice: &Notice,
        now: Timestamp,
        since: u64,
    ) -> Vec<Alert> {
        let name = families.name_of(self.chain_id, Some(notice.app));
        let mut alerts = alerts::of_notice(self.chain_id, &name, notice, now, self.soon);
        // What expired long ago is news to nobody.
        alerts.retain(|it| {
            let is_new =
                it.kind != AlertKind::Expired || seconds(it.at).saturating_add(AGAIN) > since;
            is_new && self.is_kind(it.kind)
        });
        alerts
    }
}

async fn is_canonical(store: &Store, chain_id: u64, block: &Block) -> Result<bool, AnswerError> {
    let held = store.block_by_hash(chain_id, block.hash).await?;
    Ok(held.is_some_and(|(_, canonical)| canonical))
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}
