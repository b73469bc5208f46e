//! The end of what runs until it is told to stop.

use std::future::Future;
use tokio::sync::watch;

/// Resolves on Ctrl-C or SIGTERM.
pub async fn stop_signal() {
    let signal = listen();
    signal.await;
}

/// Ctrl-C or SIGTERM, for several who wait for it. From its making on, neither ends the process by itself.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Begins to listen.
    pub(super) fn listen() -> Self {
        let (stop, stopped) = watch::channel(false);
        let signal = listen();
        tokio::spawn(async move {
            signal.await;
            let _ = stop.send(true);
        });
        Self(stopped)
    }

    /// Resolves once it came.
    pub(super) async fn wait(mut self) {
        if self.0.wait_for(|stopped| *stopped).await.is_err() {
            // Nobody is left to say so, and so nobody did.
            std::future::pending::<()>().await;
        }
    }
}

/// Takes the signals over at once, and resolves when one comes.
fn listen() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let mut signals = {
        use tokio::signal::unix::{SignalKind, signal};
        [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok())
    };
    async move {
        #[cfg(unix)]
        if let [Some(interrupt), Some(terminate)] = &mut signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        // Without a handler there is nothing to wait for but the end of the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Takes Ctrl-C over at once, and resolves when it comes.
pub(crate) fn interrupts() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let mut signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).ok();
    async move {
        #[cfg(unix)]
        if let Some(signal) = &mut signal {
            signal.recv().await;
            return;
        }
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
