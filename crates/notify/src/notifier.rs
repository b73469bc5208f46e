//! Writing and sending, side by side, for as long as this process is the sender.

use crate::{
    channel::Channel,
    fill::Filler,
    http::{Outcome, Transport},
    letters::To,
    retry::Schedule,
    subscribe::Listener,
};
use devproof_api::{Families, alerts};
use devproof_store::{Delivery, Sender, Store, StoreError, Subscription};
use jiff::Timestamp;
use std::{collections::HashMap, future::Future, time::Duration};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// How often one that stands by asks whether the sender is gone.
const STANDBY: Duration = Duration::from_millis(500);

/// How long to wait after the database failed.
const RETRY: Duration = Duration::from_secs(5);

/// Between the longest that an attempt takes and the moment at which another sender may make it again.
const MARGIN: Duration = Duration::from_secs(5);

/// Letters on their way to one subscriber at the same time.
const PER_SUBSCRIPTION: usize = 4;

/// Letters on their way at the same time.
const IN_ALL: usize = 256;

/// How the notifier works.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often it is looked whether there is something new.
    pub look: Duration,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// When a letter is sent again.
    pub schedule: Schedule,
    /// How long something that cannot be told is waited for before that is told: the past of an app that was just found may be
    /// being read.
    pub patience: Duration,
    /// How often it is looked what time alone did, at most: that folds the apps of a subscription.
    pub clock: Duration,
    /// Letters to one subscription that may wait or be dead. Beyond, nothing new is written until somebody reads them; it is not
    /// lost, since the place of the subscription does not move. A page may go over it.
    pub backlog: u64,
    /// How long the text of letters that were acknowledged is kept.
    pub keep: Duration,
    /// What people call apps.
    pub families: Families,
    /// The public address of the pages, if there is one.
    pub public_url: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(1),
            timeout: Duration::from_secs(20),
            schedule: Schedule::default(),
            patience: Duration::from_secs(60),
            clock: Duration::from_secs(10),
            backlog: 10_000,
            keep: Duration::from_secs(30 * 86_400),
            families: Families::default(),
            public_url: None,
        }
    }
}

/// How it went with a letter that somebody sent by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The receiver said that it has it.
    Acknowledged,
    /// It did not; in words.
    Failed(String),
}

/// Writes letters to subscribers and sends them.
#[derive(Clone, Debug)]
pub struct Notifier {
    store: Store,
    options: Options,
    transport: Transport,
}

impl Notifier {
    /// One over a database that is open for writing.
    ///
    /// # Errors
    /// What keeps TLS from being set up.
    pub fn new(store: Store, options: Options) -> Result<Self, reqwest::Error> {
        let transport = Transport::new(options.timeout)?;
        Ok(Self { store, options, transport })
    }

    /// Sends a letter that says that nothing happened, outside of what is kept.
    pub async fn test(&self, subscription: &Subscription) -> Sent {
        let Some(listener) = Listener::of(subscription) else {
            return Sent::Failed("it cannot be read; remove it and add it again".to_owned());
        };
        let now = Timestamp::now();
        let alert = alerts::of_test(subscription.chain_id, now);
        let to = To {
            subscription: &subscription.id,
            channel: &listener.channel,
            root: self.options.public_url.as_deref(),
        };
        let round = now_ms();
        let Some(letter) = to.of_round(&alert, None, round) else {
            return Sent::Failed("no letter can be written; remove it and add it again".to_owned());
        };
        match self.transport.send(&listener.channel, &letter.id, &letter.body).await {
            Outcome::Acknowledged => Sent::Acknowledged,
            Outcome::Failed { error, .. } | Outcome::Gone { error } => Sent::Failed(error),
        }
    }

    /// Sends whenever no other process of this database does, until `stop`; what is on its way then is waited for. Errors of the
    /// database are logged and it is tried again. `taken` is told when this process becomes the sender.
    pub async fn run(&self, stop: impl Future<Output = ()>, taken: impl Fn()) {
        let (tell, mut stopped) = watch::channel(false);
        let waiting = stopped.clone();
        let work = async {
            loop {
                let pause = match self.store.try_sender().await {
                    Ok(Some(sender)) => {
                        taken();
                        match self.work(sender, waiting.clone()).await {
                            Ok(()) => return,
                            Err(error) => tracing::warn!(%error, "nothing is sent for the moment"),
                        }
                        RETRY
                    }
                    Ok(None) => STANDBY,
                    Err(error) => {
                        tracing::warn!(%error, "nothing is sent for the moment");
                        RETRY
                    }
                };
                tokio::select! {
                    () = sleep(pause) => {}
                    () = told(&mut stopped) => return,
                }
            }
        };
        tokio::pin!(work);
        tokio::select! {
            () = &mut work => return,
            () = stop => {}
        }
        let _ = tell.send(true);
        // What takes longer is sent again by the next sender, with the same id.
        let _ = timeout(self.options.timeout + MARGIN, work).await;
    }

    /// Writes and sends until it is stopped, or another process is the sender.
    async fn work(&self, sender: Sender, stopped: watch::Receiver<bool>) -> Result<(), StoreError> {
        let written = Notify::new();
        let fill = self.write(&sender, &written, stopped.clone());
        let send = self.send(&sender, &written, stopped);
        tokio::try_join!(fill, send).map(|((), ())| ())
    }

    async fn write(
        &self,
        sender: &Sender,
        written: &Notify,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<(), StoreError> {
        let look = self.options.look;
        let mut filler = Filler::new(sender.clone(), self.options.clone());
        loop {
            if !sender.holds().await {
                return Err(StoreError::SenderLost);
            }
            let pause = match filler.look().await {
                Ok(wrote) => {
                    if wrote {
                        written.notify_one();
                    }
                    look
                }
                Err(error) => bear(error)?,
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = told(&mut stopped) => return Ok(()),
            }
        }
    }

    async fn send(
        &self,
        sender: &Sender,
        written: &Notify,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<(), StoreError> {
        let mut flights = Flights::new(self, sender.clone());
        loop {
            let pause = match flights.start().await {
                Ok(()) => self.options.look,
                Err(error) => bear(error)?,
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = written.notified() => {}
                landed = flights.land() => landed?,
                () = told(&mut stopped) => return flights.land_all().await,
            }
        }
    }
}

/// Resolves once it is to stop, also if nobody is left to say so.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// How long to wait after an error that need not be the end.
fn bear(error: StoreError) -> Result<Duration, StoreError> {
    if matches!(error, StoreError::SenderLost) {
        return Err(error);
    }
    tracing::warn!(%error, "subscribers are not looked after for the moment");
    Ok(RETRY)
}

/// Letters on their way.
struct Flights<'a> {
    notifier: &'a Notifier,
    sender: Sender,
    flying: JoinSet<(String, Result<(), StoreError>)>,
    /// How many, by subscription.
    busy: HashMap<String, usize>,
}

impl<'a> Flights<'a> {
    fn new(notifier: &'a Notifier, sender: Sender) -> Self {
        Self { notifier, sender, flying: JoinSet::new(), busy: HashMap::new() }
    }

    /// Sends what is due as far as there is room. A slow endpoint takes up only its own.
    async fn start(&mut self) -> Result<(), StoreError> {
        let now = now_ms();
        let Options { timeout, schedule, .. } = &self.notifier.options;
        let until = now.saturating_add(millis(*timeout + MARGIN));
        for id in self.sender.due(now).await? {
            let busy = self.busy.get(&id).copied().unwrap_or(0);
            let room = (PER_SUBSCRIPTION.saturating_sub(busy))
                .min(IN_ALL.saturating_sub(self.flying.len()));
            if room == 0 {
                continue;
            }
            let Some(subscription) = self.sender.store().subscription(&id).await? else { continue };
            let listener = Listener::of(&subscription);
            for letter in self.sender.claim(&id, now, until, room as u64).await? {
                let flight = Flight {
                    sender: self.sender.clone(),
                    transport: self.notifier.transport.clone(),
                    schedule: schedule.clone(),
                    channel: listener.as_ref().map(|listener| listener.channel.clone()),
                    letter,
                };
                *self.busy.entry(id.clone()).or_default() += 1;
                self.flying.spawn(flight.go());
            }
        }
        Ok(())
    }

    /// Waits until one has arrived; for ever if none is on its way.
    async fn land(&mut self) -> Result<(), StoreError> {
        let Some(landed) = self.flying.join_next().await else {
            return std::future::pending().await;
        };
        let Ok((id, settled)) = landed else {
            // A task that panicked took its name along; its letter is sent again when its time is over.
            self.busy.clear();
            return Ok(());
        };
        if let Some(busy) = self.busy.get_mut(&id) {
            *busy = busy.saturating_sub(1);
            if *busy == 0 {
                self.busy.remove(&id);
            }
        }
        settled
    }

    async fn land_all(&mut self) -> Result<(), StoreError> {
        while !self.flying.is_empty() {
            self.land().await?;
        }
        Ok(())
    }
}

/// One attempt.
struct Flight {
    sender: Sender,
    transport: Transport,
    schedule: Schedule,
    channel: Option<Channel>,
    letter: Delivery,
}

impl Flight {
    async fn go(self) -> (String, Result<(), StoreError>) {
        let subscription = self.letter.subscription.clone();
        let outcome = match &self.channel {
            Some(channel) => self.transport.send(channel, &self.letter.id, &self.letter.body).await,
            None => Outcome::Failed {
                error: "the subscription cannot be read; remove it and add it again".to_owned(),
                retry_after: None,
            },
        };
        for _ in 0..3 {
            match self.settle(&outcome).await {
                Ok(()) => return (subscription, Ok(())),
                Err(error @ StoreError::SenderLost) => return (subscription, Err(error)),
                Err(error) => {
                    tracing::warn!(%error, id = self.letter.id, "how a letter went is not recorded yet");
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
        // It stays due, and goes again with the same id once this attempt is over for certain.
        (subscription, Ok(()))
    }

    async fn settle(&self, outcome: &Outcome) -> Result<(), StoreError> {
        let Self { sender, schedule, letter, .. } = self;
        let now = now_ms();
        match outcome {
            Outcome::Acknowledged => sender.acknowledged(&letter.id, now).await,
            Outcome::Gone { error } => {
                tracing::warn!(id = letter.subscription, error, "an endpoint is gone");
                sender.gone(letter, error, now).await
            }
            Outcome::Failed { error, retry_after } => {
                let wait = schedule.wait(letter.attempts, *retry_after);
                let next = wait.map(|wait| now.saturating_add(millis(wait)));
                tracing::info!(
                    id = letter.id,
                    attempts = letter.attempts,
                    error,
                    "a letter did not arrive"
                );
                sender.failed(&letter.id, error, next, now).await
            }
        }
    }
}

/// Unix milliseconds by the clock of this machine.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
