//! Becoming the writer of a chain, or standing by until the one that is dies.

use crate::shell::Shell;
use devproof_indexer::{IndexError, Pulse};
use devproof_store::{Store, StoreError};
use std::time::Duration;
use tokio::time::sleep;

/// How often one that stands by asks for the lock: so long, at most, a chain has no writer.
const STANDBY: Duration = Duration::from_millis(500);
/// How often it asks a database that does not answer.
const RETRY: Duration = Duration::from_secs(5);

/// Waits until this process is the writer, and says so if that takes longer than asking. `again`: it was once, so that
/// a database that does not answer is waited for as well.
pub(super) async fn become_writer(
    store: &Store,
    chain_id: u64,
    pulse: &Pulse,
    shell: &mut Shell,
    again: bool,
) -> Result<Store, StoreError> {
    let mut told = false;
    loop {
        let pause = match store.try_writer(chain_id).await {
            Ok(Some(writer)) => {
                pulse.stands_by(false);
                if told {
                    shell.note(&format!("The writer of chain {chain_id} is gone; taking over."));
                }
                return Ok(writer);
            }
            Ok(None) => STANDBY,
            Err(error @ (StoreError::Database(_) | StoreError::Unreachable { .. }))
                if again || told =>
            {
                tracing::warn!(%error, "still standing by");
                RETRY
            }
            Err(error) => return Err(error),
        };
        pulse.stands_by(true);
        if !told {
            shell.note(&format!(
                "Another process indexes chain {chain_id} into {}; standing by to take over when it ends.",
                store.name()
            ));
            told = true;
        }
        sleep(pause).await;
    }
}

/// Whether somebody else may have become the writer.
pub(super) const fn is_lost(error: &IndexError) -> bool {
    matches!(error, IndexError::Store(StoreError::WriterLost { .. }))
}
