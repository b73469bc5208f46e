//! `devproof notify`: who is told, and what is on its way to them.

mod documents;
mod sending;
mod words;

pub use documents::{
    Added, Done, LetterDocument, Letters, Shown, SubscriptionDocument, Subscriptions,
};
pub use words::{added, letter, letters, shown, subscription, subscriptions};

pub(super) use sending::{Sending, notifier};

use crate::{
    Failure, Outcome,
    cmd::{chain, input},
    config::Settings,
    opts::{
        NotifyAddArgs, NotifyArgs, NotifyCommand, NotifyRetryArgs, NotifyShowArgs, NotifyTestArgs,
    },
    schemas::{Row, own},
    shell::Shell,
    text::{count, plain},
};
use devproof_api::{listening::Wanted, parse::quote};
use devproof_notify::{
    Channel, ChannelError, Given, Notifier, Options, Sent, SubscribeError, Wish, subscribe,
};
use devproof_store::{DeliveryState, Store};
use std::{path::Path, time::Duration};

/// Letters in a list.
const MANY: u64 = 1_000;
/// Letters beside a subscription, in each state.
const SOME: u64 = 100;
/// Hours before something becomes possible, unless somebody wants it otherwise.
const SOON_HOURS: u32 = 24;
/// Bytes of a target.
const MAX_TARGET: usize = 4_096;

/// What each prints.
pub(crate) const PRINTED: &[Row] = &[
    ("notify add", &[own::<Added>()]),
    ("notify list", &[own::<Subscriptions>(), own::<Letters>()]),
    ("notify show", &[own::<Shown>(), own::<LetterDocument>()]),
    ("notify test", &[own::<Done>()]),
    ("notify remove", &[own::<Done>()]),
    ("notify retry", &[own::<Done>()]),
    ("notify run", &[own::<sending::Begun>()]),
];

/// Runs the command.
///
/// # Errors
/// What keeps it from what it was asked.
pub async fn run(
    args: NotifyArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    match args.command {
        NotifyCommand::Add(args) => add(args, settings, shell).await,
        NotifyCommand::List(args) if args.dead => dead(settings, shell).await,
        NotifyCommand::List(_) => list(settings, shell).await,
        NotifyCommand::Show(args) => show(args, settings, shell).await,
        NotifyCommand::Test(args) => test(args, settings, shell).await,
        NotifyCommand::Remove(args) => {
            let done = writable(&settings).await?.remove_subscription(&args.id).await?;
            told(shell, args.id, done, None, "Removed")
        }
        NotifyCommand::Retry(args) => retry(args, settings, shell).await,
        NotifyCommand::Run(args) => sending::run(args, settings, shell).await,
    }
}

/// The database, for writing; it has to be there.
async fn writable(settings: &Settings) -> Result<Store, Failure> {
    if !settings.database.contains("://") {
        Store::open_read_only(&settings.database).await?.close().await;
    }
    Ok(Store::open(&settings.database).await?)
}

async fn add(
    args: NotifyAddArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let target = match args.target.as_str() {
        "-" => input::text(Path::new("-"), MAX_TARGET)?.trim().to_owned(),
        _ => args.target,
    };
    let given = Given {
        target,
        server: args.server,
        token: args.token,
        from: args.from,
        allow_http: args.allow_http,
    };
    let channel = Channel::new(args.channel, given)?;
    let store = writable(&settings).await?;
    let chain_id = chain(&settings, &store).await?;
    let wanted = Wanted {
        chain_id,
        apps: args.app.into_iter().collect(),
        kinds: args.kind.into_iter().collect(),
        finality: settings.finality(args.finality, chain_id),
        soon: u64::from(args.soon_hours.unwrap_or(SOON_HOURS)) * 3_600,
    };
    let secret = channel.signing_secret().map(str::to_owned);
    let taken = subscribe(&store, Wish { wanted, channel, name: args.name }).await?;
    let counts = store.delivery_counts(&taken.id).await?;
    let added = Added { subscription: SubscriptionDocument::of(taken, &counts), secret };
    store.close().await;
    shell.answer(&added, || words::added(&added))?;
    Ok(Outcome::Yes)
}

async fn list(settings: Settings, shell: &mut Shell) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&settings.database).await?;
    let mut found = Vec::new();
    for it in store.subscriptions().await? {
        let counts = store.delivery_counts(&it.id).await?;
        found.push(SubscriptionDocument::of(it, &counts));
    }
    let found = Subscriptions { subscriptions: found };
    shell.answer(&found, || words::subscriptions(&found))?;
    Ok(if found.subscriptions.is_empty() { Outcome::No } else { Outcome::Yes })
}

async fn dead(settings: Settings, shell: &mut Shell) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&settings.database).await?;
    let found = store.deliveries(None, DeliveryState::Dead, MANY).await?;
    let letters = found.into_iter().map(|it| LetterDocument::of(it, false)).collect();
    let found = Letters { letters };
    shell.answer(&found, || words::letters(&found))?;
    Ok(if found.letters.is_empty() { Outcome::No } else { Outcome::Yes })
}

async fn show(
    NotifyShowArgs { id }: NotifyShowArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&settings.database).await?;
    if let Some(letter) = store.delivery(&id).await? {
        let letter = LetterDocument::of(letter, true);
        shell.answer(&letter, || words::letter(&letter))?;
        return Ok(Outcome::Yes);
    }
    let Some(it) = store.subscription(&id).await? else { return Err(nobody(&id)) };
    let counts = store.delivery_counts(&id).await?;
    let mut letters = Vec::new();
    for state in [DeliveryState::Due, DeliveryState::Dead] {
        letters.extend(store.deliveries(Some(&id), state, SOME).await?);
    }
    let letters = letters.into_iter().map(|it| LetterDocument::of(it, false)).collect();
    let found = Shown { subscription: SubscriptionDocument::of(it, &counts), letters };
    shell.answer(&found, || words::shown(&found))?;
    Ok(Outcome::Yes)
}

async fn test(
    args: NotifyTestArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&settings.database).await?;
    let Some(it) = store.subscription(&args.id).await? else { return Err(nobody(&args.id)) };
    let mut options = Options { public_url: settings.public_url(None), ..Options::default() };
    if let Some(seconds) = args.timeout_seconds {
        options.timeout = Duration::from_secs(seconds);
    }
    let notifier = Notifier::new(store, options).map_err(sending::no_tls)?;
    match notifier.test(&it).await {
        Sent::Acknowledged => told(shell, args.id, true, None, "The receiver has it"),
        Sent::Failed(why) => told(shell, args.id, false, Some(why), "It did not arrive"),
    }
}

async fn retry(
    NotifyRetryArgs { id }: NotifyRetryArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let store = writable(&settings).await?;
    if let Some(again) = store.retry_subscription(&id).await? {
        if again == 0 {
            let none = format!("no letter of {id} was dead");
            return told(shell, id, true, Some(none), "Active");
        }
        let letters = count(usize::try_from(again).unwrap_or(usize::MAX), "dead letter");
        return told(shell, id, true, Some(letters), "Sent again");
    }
    let done = store.retry_delivery(&id).await?;
    told(shell, id, done, None, "Sent again")
}

/// Says how it went. What `note` says may come from outside.
fn told(
    shell: &mut Shell,
    id: String,
    done: bool,
    note: Option<String>,
    what: &str,
) -> Result<Outcome, Failure> {
    let answer = Done { id, done, note };
    shell.answer(&answer, || match &answer.note {
        Some(note) => format!("{what}: {}.", plain(note)),
        None if answer.done => format!("{what}: {}.", answer.id),
        None => format!(
            "Nothing was done: there is no such subscription or dead letter as {}; `devproof notify list` names them.",
            quote(&answer.id)
        ),
    })?;
    Ok(if done { Outcome::Yes } else { Outcome::No })
}

fn nobody(id: &str) -> Failure {
    Failure::CouldNotTell(format!(
        "there is no subscription or letter {}; `devproof notify list` names them",
        quote(id)
    ))
}

impl From<ChannelError> for Failure {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::NoRandom => Self::CouldNotTell(error.to_string()),
            other => Self::Usage(other.to_string()),
        }
    }
}

impl From<SubscribeError> for Failure {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Answer(error) => error.into(),
            SubscribeError::Store(error) => error.into(),
            SubscribeError::NoRandom => Self::CouldNotTell(error.to_string()),
            other => Self::Usage(other.to_string()),
        }
    }
}
