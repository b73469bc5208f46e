//! Whether an answer holds all there is.

use super::{AnswerError, Scope, moment::Moment};
use crate::documents::Completeness;
use devproof_store::Store;

/// Complete only for code that keeps a history, only after the fold took every event of it, and only if
/// the indexer compared its root with the one in the contract at the block of the answer or later: a
/// history whose last entries were left out adds up as well.
pub(super) async fn completeness(
    store: &Store,
    scope: &Scope,
    moment: &Moment,
) -> Result<Completeness, AnswerError> {
    let verified = match scope.contract.history_verified_at {
        Some(at) if scope.contract.code().keeps_history() => {
            reaches(store, scope, at, moment).await?
        }
        _ => false,
    };
    Ok(if verified { Completeness::Complete } else { Completeness::AsEmitted })
}

/// Whether what is verified at a block is all that a moment is about.
async fn reaches(
    store: &Store,
    scope: &Scope,
    at: u64,
    moment: &Moment,
) -> Result<bool, AnswerError> {
    let Some(seconds) = moment.asked else { return Ok(moment.block.number <= at) };
    // The block found is the last one held at or before the time. An entry that was left out may be in one
    // between the two, so that the time itself has to be past when the roots were compared. Several blocks
    // may share a second.
    // And the record may be newer than the head that the answer goes by.
    let below = at.min(scope.head.number).saturating_add(1);
    let last = store.canonical_blocks_below(scope.status.chain_id, below, 1).await?;
    Ok(last.first().is_some_and(|block| block.timestamp > seconds))
}
