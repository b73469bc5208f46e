//! `devproof watch`: what happens to apps, as it happens.

use crate::{
    Failure, Outcome,
    cmd::{chain, stop::Stop},
    config::Settings,
    opts::WatchArgs,
    shell::Shell,
    text::{minute, plain, short_address},
};
use alloy_primitives::Address;
use devproof_api::{
    AnswerError, ChangePlace, ChangesOf, Finality, NoticeState, Part, Surface,
    alerts::{self, Alert},
    changes_placed, latest, notices_of,
};
use devproof_store::Store;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::sleep;

/// How often it is looked whether there is something new.
const LOOK: Duration = Duration::from_secs(1);

/// How long to wait after the index could not tell.
const PATIENCE: Duration = Duration::from_secs(10);

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
    let mut watching =
        Watching { store, settings, chain_id, finality, apps, soon, after, told: BTreeSet::new() };
    let named = watching.apps.len();
    let what = if named == 0 { "everything".to_owned() } else { format!("{named} apps") };
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
    chain_id: u64,
    finality: Finality,
    apps: BTreeSet<Address>,
    soon: u64,
    after: Option<ChangePlace>,
    /// What time alone did is told once.
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
        loop {
            let page = Part { limit: STEP, after: self.after };
            let (store, of) = (&self.store, ChangesOf::default());
            let told =
                changes_placed(store, self.chain_id, of, page, self.finality, Surface::Cli).await?;
            if let Some(from) = told.changes.told_again_from {
                shell.note(&format!(
                    "The chain was reorganised: what was told of block {from} and later ones does not hold any more, and follows again."
                ));
            }
            for it in &told.changes.changes {
                let mine = self.apps.is_empty()
                    || it.app.is_none_or(|app| self.apps.contains(&app))
                    || self.apps.contains(&it.contract);
                if mine
                    && let Some(alert) = alerts::of_change(self.chain_id, &self.name(it.app), it)
                {
                    say(shell, &alert)?;
                }
            }
            let next = told.changes.next.and_then(|next| next.parse().ok());
            let more = next != self.after;
            self.after = next.or(self.after);
            if !more {
                break;
            }
        }
        self.by_time(shell).await
    }

    /// What time alone does to what is announced.
    async fn by_time(&mut self, shell: &mut Shell) -> Result<(), Ended> {
        let (store, chain_id, finality) = (&self.store, self.chain_id, self.finality);
        let mut found = Vec::new();
        if self.apps.is_empty() {
            let page = Part { limit: STEP, after: None };
            let open = NoticeState::Open;
            let told =
                devproof_api::notices(store, chain_id, open, page, finality, Surface::Cli).await?;
            found.extend(told.notices.into_iter().map(|it| (it, told.block.timestamp)));
        }
        for app in &self.apps {
            let told = notices_of(store, chain_id, *app, NoticeState::Open, finality).await?;
            found.extend(told.notices.into_iter().map(|it| (it, told.block.timestamp)));
        }
        for (notice, now) in found {
            let name = self.name(Some(notice.app));
            for alert in alerts::of_notice(chain_id, &name, &notice, now, self.soon) {
                if self.told.insert(alert.id.clone()) {
                    say(shell, &alert)?;
                }
            }
        }
        Ok(())
    }

    fn name(&self, app: Option<Address>) -> String {
        let Some(app) = app else { return String::new() };
        let families = self.settings.families.of(self.chain_id, app);
        families.first().cloned().unwrap_or_else(|| short_address(app))
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
