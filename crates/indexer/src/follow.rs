//! Following the head.

use crate::{IndexError, Indexer};
use std::{future::Future, pin::pin, time::Duration};

/// The longest pause between two attempts while the node does not answer.
const MAX_PAUSE: Duration = Duration::from_secs(60);

impl Indexer {
    /// Follows the head until `stop` is ready. A node that does not answer is asked again, after
    /// growing pauses.
    ///
    /// # Errors
    /// What [`Indexer::catch_up`] says and waiting does not mend.
    pub async fn follow(
        &mut self,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), IndexError> {
        let mut stop = pin!(stop);
        let mut pause = self.options.poll_interval;
        loop {
            let mut silent = |_| {};
            // Stopping in the middle is safe: a page is one transaction.
            let turn = tokio::select! {
                () = &mut stop => return Ok(()),
                turn = self.catch_up(&mut silent) => turn,
            };
            pause = match turn {
                Ok(report) => {
                    if report.logs > 0 {
                        tracing::info!(block = report.head.number, logs = report.logs, "indexed");
                    }
                    self.options.poll_interval
                }
                Err(error) if error.is_passing() => {
                    let next = MAX_PAUSE.min(pause.max(Duration::from_millis(250)) * 2);
                    tracing::warn!(%error, seconds = next.as_secs(), "will try again");
                    next
                }
                Err(error) => return Err(error),
            };
            tokio::select! {
                () = &mut stop => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}
