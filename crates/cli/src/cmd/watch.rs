//! `devproof watch`: what happens to apps, as it happens.

use crate::{
    Failure, Outcome,
    cmd::{chain, stop::Stop},
    config::Settings,
    opts::WatchArgs,
    shell::Shell,
    text::{count, minute, plain},
};
use alloy_primitives::Address;
use devproof_api::{
    AnswerError, ChangePlace, ChangesOf, NoticeState, Part, Surface,
    alerts::{Alert, of_observed},
    changes_placed, latest,
    listening::Wanted,
    notices_of,
};
use devproof_store::Store;
use jiff::Timestamp;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::sleep;

/// How often it is looked whether there is something new.
const LOOK: Duration = Duration::from_secs(1);

/// How long to wait after the index could not tell.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most that observing can have found out while somebody watches; the newest.
const MAX_FOUND: u64 = 1_000;

/// Changes that are asked for at a time.
const STEP: usize = 100;

/// Runs the command, until it is stopped.
///
/// # Errors
/// What keeps it from beginning. What goes wrong later is said, and tried again.
pub async fn run(
    args: WatchArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let stop = Stop::listen();
    let store = Store::open_read_only(&settings.database).await?;
    let chain_id = chain(&settings, &store).await?;
    let finality = settings.finality(args.finality, chain_id);
    let soon = u64::from(args.soon_hours.unwrap_or(24)) * 3600;
    let apps: BTreeSet<Address> = args.apps.into_iter().collect();
    let everything = ChangesOf::default();
    let newest = latest(&store, chain_id, everything, 1, finality, Surface::Cli).await?;
    // An app that is not known is said to be so at once.
    for app in &apps {
        notices_of(&store, chain_id, *app, NoticeState::Open, finality).await?;
    }
    let after = newest.next.and_then(|next| next.parse().ok());
    let since = u64::try_from(newest.block.timestamp.as_second()).unwrap_or(0);
    let wanted = Wanted { chain_id, apps, kinds: BTreeSet::new(), finality, soon };
    let begun = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
    let told = BTreeSet::new();
    let mut watching = Watching { store, settings, wanted, after, since, begun, told };
    let named = watching.wanted.apps.len();
    let what = if named == 0 { "everything".to_owned() } else { count(named, "app") };
    shell.note(&format!("Watching {what} on chain {chain_id}; Ctrl-C stops."));
    loop {
        let wait = match watching.look(shell).await {
            Ok(()) => LOOK,
            Err(Ended::Answer(error)) => {
                tracing::warn!("nothing can be told for now: {}", error.sentence(Surface::Cli));
                PATIENCE
            }
            Err(Ended::Shell(failure)) => return Err(failure),
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = stop.clone().wait() => return Ok(Outcome::Yes),
        }
    }
}

struct Watching {
    store: Store,
    settings: Settings,
    wanted: Wanted,
    after: Option<ChangePlace>,
    /// Up to when it was told what time alone did.
    since: u64,
    /// Since when it is told what observing found out, Unix seconds by our own clock.
    begun: u64,
    /// What time and observing told, which is told once.
    told: BTreeSet<String>,
}

/// Why a look ended early.
enum Ended {
    Answer(AnswerError),
    Shell(Failure),
}

impl From<AnswerError> for Ended {
    fn from(error: AnswerError) -> Self {
        Self::Answer(error)
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Shell(failure)
    }
}

impl Watching {
    async fn look(&mut self, shell: &mut Shell) -> Result<(), Ended> {
        let Wanted { chain_id, finality, .. } = self.wanted;
        loop {
            let page = Part { limit: STEP, after: self.after };
            let (store, of) = (&self.store, ChangesOf::default());
            let told = changes_placed(store, chain_id, of, page, finality, Surface::Cli).await?;
            if let Some(from) = told.changes.told_again_from {
                shell.note(&format!(
                    "The chain was reorganised: what was told of block {from} and later ones does not hold any more, and follows again."
                ));
            }
            for heard in self.wanted.of_page(&told, &self.settings.families) {
                say(shell, &heard.alert)?;
            }
            let next = told.changes.next.and_then(|next| next.parse().ok());
            let more = next != self.after;
            self.after = next.or(self.after);
            if !more {
                break;
            }
        }
        let by_time = self
            .wanted
            .by_time(&self.store, &self.settings.families, self.since, Surface::Cli)
            .await?;
        for it in &by_time.not_told {
            tracing::warn!(app = %it.app, reason = it.reason, "what time does to it is not known");
        }
        self.since = self.since.max(by_time.until);
        let found = self.store.observed_alerts(chain_id, self.begun, MAX_FOUND).await;
        let found = found.map_err(AnswerError::Store)?;
        for alert in found.iter().filter_map(of_observed) {
            if self.wanted.is_to_hear(&alert) && self.told.insert(alert.id.clone()) {
                say(shell, &alert)?;
            }
        }
        for heard in by_time.alerts {
            if self.told.insert(heard.alert.id.clone()) {
                say(shell, &heard.alert)?;
            }
        }
        Ok(())
    }
}

fn say(shell: &mut Shell, alert: &Alert) -> Result<(), Failure> {
    shell.answer(alert, || {
        format!(
            "{}  {}\n    {}\n    {}",
            minute(alert.at),
            plain(&alert.title),
            plain(&alert.text),
            alert.advice
        )
    })
}
