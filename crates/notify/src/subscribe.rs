//! Taking subscriptions up, and reading them.

use crate::channel::Channel;
use alloy_primitives::hex;
use devproof_api::{
    AnswerError, ChangesOf, Finality, NoticeState, Surface, alerts::AlertKind, latest,
    listening::Wanted, notices_of,
};
use devproof_store::{Store, StoreError, Subscription};
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::collections::BTreeSet;

/// The longest name of a subscription.
const MAX_NAME: usize = 64;

/// The most apps that one names: each is folded at every look.
const MAX_APPS: usize = 100;

/// The longest time before something becomes possible, 60 days in seconds: twice the longest notice that a contract gives.
const MAX_SOON: u64 = 60 * 86_400;

/// Why somebody cannot subscribe like this.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The name will not do.
    #[error("the name of a subscription has at most {MAX_NAME} letters, digits and spaces")]
    BadName,
    /// Too many apps.
    #[error(
        "a subscription names at most {MAX_APPS} apps; leave them out for everything, or add another one"
    )]
    TooManyApps,
    /// Too early.
    #[error("a change is told of again at most {} hours before it becomes possible", MAX_SOON / 3_600)]
    TooSoon,
    /// The system gave no random bytes.
    #[error("the system gives no random numbers for an id; try again")]
    NoRandom,
    /// The channel cannot be written down.
    #[error("the channel cannot be kept; give it anew")]
    Channel,
    /// An app is not known, or where the index stands.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What somebody wants.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What.
    pub wanted: Wanted,
    /// How.
    pub channel: Channel,
    /// What it is called.
    pub name: String,
}

/// Takes a subscription up. What happens from now on is told, and what is announced and possible soon or now.
///
/// # Errors
/// [`SubscribeError`].
pub async fn subscribe(store: &Store, wish: Wish) -> Result<Subscription, SubscribeError> {
    let Wish { wanted, channel, name } = wish;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    if name.chars().count() > MAX_NAME || !name.chars().all(plain) {
        return Err(SubscribeError::BadName);
    }
    if wanted.apps.len() > MAX_APPS {
        return Err(SubscribeError::TooManyApps);
    }
    if wanted.soon > MAX_SOON {
        return Err(SubscribeError::TooSoon);
    }
    let Wanted { chain_id, finality, .. } = wanted;
    for app in &wanted.apps {
        notices_of(store, chain_id, *app, NoticeState::Open, finality).await?;
    }
    let newest = latest(store, chain_id, ChangesOf::default(), 1, finality, Surface::Cli).await?;
    let mut id = [0; 8];
    SystemRandom::new().fill(&mut id).map_err(|_| SubscribeError::NoRandom)?;
    let subscription = Subscription {
        id: format!("sub_{}", hex::encode(id)),
        chain_id,
        name,
        apps: wanted.apps.into_iter().collect(),
        kinds: wanted.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
        finality: finality.name().to_owned(),
        soon: wanted.soon,
        channel: channel.kind().name().to_owned(),
        target: channel.shown(),
        secret: serde_json::to_string(&channel).map_err(|_| SubscribeError::Channel)?,
        place: newest.next,
        heard_until: u64::try_from(newest.block.timestamp.as_second()).unwrap_or(0),
        created_at: u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0),
        is_active: true,
        why: None,
    };
    store.add_subscription(&subscription).await?;
    Ok(subscription)
}

/// A subscription as it is worked with.
#[derive(Clone, Debug)]
pub struct Listener {
    /// What it wants.
    pub wanted: Wanted,
    /// How it is told.
    pub channel: Channel,
}

impl Listener {
    /// Reads one; `None` if what is in the database is not of our making.
    #[must_use]
    pub fn of(subscription: &Subscription) -> Option<Self> {
        let kinds: Option<BTreeSet<AlertKind>> =
            subscription.kinds.iter().map(|kind| kind.parse().ok()).collect();
        let finality: Finality = subscription.finality.parse().ok()?;
        Some(Self {
            wanted: Wanted {
                chain_id: subscription.chain_id,
                apps: subscription.apps.iter().copied().collect(),
                kinds: kinds?,
                finality,
                soon: subscription.soon,
            },
            channel: serde_json::from_str(&subscription.secret).ok()?,
        })
    }
}
