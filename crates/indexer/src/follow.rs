//! Following the head.

use crate::{IndexError, Indexer};
use std::{future::Future, pin::pin, time::Duration};

/// The shortest, where a node has news all the time: it must not be asked without end.
const MIN_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause between two attempts while the node does not answer.
const MAX_PAUSE: Duration = Duration::from_secs(60);

impl Indexer {
    /// Follows the head until `stop` is ready: looks at it every poll interval, and at once where a node that offers
    /// a subscription says that there is a new one. A node that does not answer is asked again, after growing pauses.
    ///
    /// # Errors
    /// What [`Indexer::catch_up`] says and waiting does not mend.
    pub async fn follow(
        &mut self,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), IndexError> {
        let mut stop = pin!(stop);
        let news = self.node.news();
        let mut pause = self.options.poll_interval;
        loop {
            let mut silent = |_| {};
            // Stopping in the middle is safe: a page is one transaction.
            let turn = tokio::select! {
                () = &mut stop => return Ok(()),
                turn = self.catch_up(&mut silent) => turn,
            };
            let (next, wakes) = match turn {
                Ok(report) => {
                    if report.logs > 0 {
                        tracing::info!(block = report.head.number, logs = report.logs, "indexed");
                    }
                    (self.options.poll_interval, true)
                }
                Err(error) if error.is_passing() => {
                    let next = MAX_PAUSE.min(pause.max(Duration::from_millis(250)) * 2);
                    tracing::warn!(%error, seconds = next.as_secs(), "will try again");
                    // News of a node that is asked too much are no reason to ask it more.
                    (next, false)
                }
                Err(error) => return Err(error),
            };
            pause = next;
            tokio::select! {
                () = &mut stop => return Ok(()),
                () = tokio::time::sleep(pause) => {}
                () = async { tokio::time::sleep(MIN_PAUSE).await; news.next().await }, if wakes => {}
            }
        }
    }
}
