//! What reaches subscribers: on real sockets, real databases and, where a chain is reorganised, a real chain.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod alerts;
mod chain;
mod channels;
mod failures;
mod letters;
mod mail;
mod receiver;
#[allow(dead_code, reason = "shared with the tests of the answers")]
#[path = "../../../api/tests/suite/world.rs"]
mod world;

use devproof_api::{Finality, alerts::AlertKind, listening::Wanted};
use devproof_notify::{Channel, ChannelKind, Given, Notifier, Options, Schedule, Wish, subscribe};
use devproof_store::{Store, Subscription};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use tokio::{sync::oneshot, task::JoinHandle};

/// Longer than anything takes that is waited for, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(120);

/// Short waits, and many of them.
fn quick() -> Options {
    Options {
        look: Duration::from_millis(30),
        timeout: Duration::from_secs(2),
        clock: Duration::ZERO,
        schedule: Schedule::new(vec![Duration::from_millis(40); 20]),
        ..Options::default()
    }
}

fn everything(chain_id: u64) -> Wanted {
    Wanted {
        chain_id,
        apps: BTreeSet::new(),
        kinds: BTreeSet::new(),
        finality: Finality::Unsafe,
        soon: 86_400,
    }
}

fn only(chain_id: u64, kinds: &[AlertKind]) -> Wanted {
    Wanted { kinds: kinds.iter().copied().collect(), ..everything(chain_id) }
}

fn webhook(url: &str) -> Channel {
    channel(ChannelKind::Webhook, Given { target: url.to_owned(), ..Given::default() })
}

fn channel(kind: ChannelKind, given: Given) -> Channel {
    Channel::new(kind, given).unwrap()
}

async fn add(store: &Store, wanted: Wanted, channel: &Channel) -> Subscription {
    let wish = Wish { wanted, channel: channel.clone(), name: "test".to_owned() };
    subscribe(store, wish).await.unwrap()
}

/// A notifier at work.
struct Working {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Working {
    fn start(store: &Store, options: Options) -> Self {
        let notifier = Notifier::new(store.clone(), options).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            notifier.run(stopped, || {}).await;
        });
        Self { stop: Some(stop), task }
    }

    /// As a signal does.
    async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.task.await.unwrap();
    }

    /// In the middle of whatever it does.
    async fn cut(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until everything was written down up to a block, and arrived.
async fn all_arrived(store: &Store, id: &str, number: u64) {
    until("all letters arrive", async || {
        let it = store.subscription(id).await.unwrap().unwrap();
        let place = it.place.and_then(|place| place.parse::<devproof_api::ChangePlace>().ok());
        place.is_some_and(|place| place.number >= number) && store.unread(id).await.unwrap() == 0
    })
    .await;
}
