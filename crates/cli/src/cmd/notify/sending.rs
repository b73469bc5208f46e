//! Sending: a command of its own, and beside whoever follows a chain.

use crate::{
    Failure, Outcome, cmd::stop::Stop, config::Settings, opts::NotifyRunArgs, shell::Shell,
};
use devproof_notify::{Notifier, Options};
use devproof_store::Store;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;
use tokio::task::JoinHandle;

/// That this process began to send, as a document.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Begun {
    /// Always true.
    sending: bool,
}

/// Runs the command, until it is stopped.
pub(super) async fn run(
    args: NotifyRunArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let stop = Stop::listen();
    let store = super::writable(&settings).await?;
    let mut options = options(&settings, args.public_url);
    if let Some(seconds) = args.timeout_seconds {
        options.timeout = Duration::from_secs(seconds);
    }
    let notifier = Notifier::new(store.clone(), options).map_err(no_tls)?;
    shell.note("Sends unless another process of this database does; Ctrl-C stops.");
    let said = shell.clone();
    let taken = move || {
        // Whoever reads it may have gone; that is no reason not to send.
        let _ = said.clone().answer(&Begun { sending: true }, || "Sending.".to_owned());
    };
    notifier.run(stop.wait(), taken).await;
    store.close().await;
    Ok(Outcome::Yes)
}

fn options(settings: &Settings, public_url: Option<String>) -> Options {
    Options {
        families: settings.families.clone(),
        public_url: settings.public_url(public_url),
        ..Options::default()
    }
}

pub(super) fn no_tls(error: reqwest::Error) -> Failure {
    Failure::CouldNotTell(format!("nothing can be sent, since TLS could not be set up ({error})"))
}

/// What sends beside whoever follows a chain; `None` if somebody wants none of it.
pub(crate) fn notifier(
    store: &Store,
    settings: &Settings,
    public_url: Option<String>,
    no_notify: bool,
) -> Result<Option<Notifier>, Failure> {
    if settings.no_notify(no_notify) {
        return Ok(None);
    }
    let notifier = Notifier::new(store.clone(), options(settings, public_url)).map_err(no_tls)?;
    Ok(Some(notifier))
}

/// It, at work.
#[derive(Debug, Default)]
pub(crate) struct Sending(Option<JoinHandle<()>>);

impl Sending {
    /// Begins.
    pub(crate) fn begin(notifier: Option<Notifier>, stop: &Stop) -> Self {
        let stop = stop.clone();
        Self(
            notifier.map(|notifier| {
                tokio::spawn(async move { notifier.run(stop.wait(), || {}).await })
            }),
        )
    }

    /// After the signal to stop: waits for what is on its way.
    pub(crate) async fn end(&mut self) {
        if let Some(work) = self.0.take() {
            let _ = work.await;
        }
    }
}

/// Without a signal to stop nobody waits: what is on its way is sent again by the next sender.
impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(work) = &self.0 {
            work.abort();
        }
    }
}
