//! Subscriptions and letters as documents. Nothing secret is in any but that of a subscription that was just added.

use alloy_primitives::Address;
use devproof_store::{Delivery, DeliveryCounts, DeliveryState, Subscription};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Somebody who is told.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionDocument {
    /// What it is called by.
    pub id: String,
    /// What its owner calls it; may be empty.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// `webhook`, `slack`, `discord`, `telegram`, `matrix` or `mail`.
    pub channel: String,
    /// Where it leads, no further than it is no secret.
    pub target: String,
    /// The apps it is about; none for everything.
    pub apps: Vec<Address>,
    /// The kinds of alerts it is about; none for all.
    pub kinds: Vec<String>,
    /// The finality that what is told has to have.
    pub finality: String,
    /// How long before something becomes possible it is told of, in seconds.
    pub soon_seconds: u64,
    /// When it was added.
    pub created_at: Option<Timestamp>,
    /// The block up to which everything was written down for it; null if nothing ever happened.
    pub told_up_to: Option<u64>,
    /// Whether letters are written and sent.
    pub is_active: bool,
    /// Why not.
    pub why: Option<String>,
    /// Letters that are to be sent.
    pub due: u64,
    /// Letters that arrived, as far as they are remembered.
    pub acknowledged: u64,
    /// Letters for which no attempt is left.
    pub dead: u64,
    /// Letters that are not sent because their block is gone.
    pub withdrawn: u64,
}

impl SubscriptionDocument {
    pub(super) fn of(it: Subscription, counts: &DeliveryCounts) -> Self {
        let count = |state| counts.get(&state).copied().unwrap_or(0);
        let place = it.place.as_ref().and_then(|it| it.parse::<devproof_api::ChangePlace>().ok());
        Self {
            id: it.id,
            name: it.name,
            chain_id: it.chain_id,
            channel: it.channel,
            target: it.target,
            apps: it.apps,
            kinds: it.kinds,
            finality: it.finality,
            soon_seconds: it.soon,
            created_at: time(it.created_at),
            told_up_to: place.map(|place| place.number),
            is_active: it.is_active,
            why: it.why,
            due: count(DeliveryState::Due),
            acknowledged: count(DeliveryState::Acknowledged),
            dead: count(DeliveryState::Dead),
            withdrawn: count(DeliveryState::Withdrawn),
        }
    }
}

/// Somebody who is told from now on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Added {
    /// The subscription.
    pub subscription: SubscriptionDocument,
    /// What its receiver checks signatures with; null where letters are not signed. Never shown again.
    pub secret: Option<String>,
}

/// All who are told.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Subscriptions {
    /// The oldest first.
    pub subscriptions: Vec<SubscriptionDocument>,
}

/// A letter.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LetterDocument {
    /// What a receiver tells it by: `webhook-id`.
    pub id: String,
    /// To which subscription.
    pub subscription: String,
    /// What it is about.
    pub kind: String,
    /// In one line.
    pub title: String,
    /// `due`, `acknowledged`, `dead` or `withdrawn`.
    pub state: String,
    /// How often it was sent.
    pub attempts: u64,
    /// When it was written.
    pub made_at: Option<Timestamp>,
    /// When it is sent next; null unless it is due.
    pub next_try: Option<Timestamp>,
    /// When it stopped being due; null if it is.
    pub settled_at: Option<Timestamp>,
    /// What went wrong at the last attempt.
    pub last_error: Option<String>,
    /// What is sent, as text; null in lists, and once it is old.
    pub body: Option<String>,
}

impl LetterDocument {
    pub(super) fn of(it: Delivery, with_body: bool) -> Self {
        let body = (with_body && !it.body.is_empty())
            .then(|| String::from_utf8_lossy(&it.body).into_owned());
        Self {
            id: it.id,
            subscription: it.subscription,
            kind: it.kind,
            title: it.title,
            state: it.state.name().to_owned(),
            attempts: it.attempts,
            made_at: time(it.made_at),
            next_try: time(it.next_try).filter(|_| it.state == DeliveryState::Due),
            settled_at: it.settled_at.and_then(time),
            last_error: it.last_error,
            body,
        }
    }
}

/// Letters, the newest first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Letters {
    /// At most a thousand.
    pub letters: Vec<LetterDocument>,
}

/// A subscription with what is on its way to it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Shown {
    /// It.
    pub subscription: SubscriptionDocument,
    /// Its newest letters that are due or dead, at most a hundred of each.
    pub letters: Vec<LetterDocument>,
}

/// How something went that was done about a subscription or a letter.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Done {
    /// The subscription or letter.
    pub id: String,
    /// Whether it was done.
    pub done: bool,
    /// Why not, or how many letters are sent again.
    pub note: Option<String>,
}

fn time(ms: u64) -> Option<Timestamp> {
    i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok())
}
