//! Asking the node, where the index alone does not answer.

use crate::{Failure, config::Nodes};
use devproof_api::{AnswerError, Headers, When};

/// Asks the index; and again with the node only if that may help, which the moments asked about tell.
pub(super) async fn if_needed<T>(
    nodes: &Nodes,
    moments: &[When],
    ask: impl AsyncFn(Option<&dyn Headers>) -> Result<T, AnswerError>,
) -> Result<T, Failure> {
    match ask(None).await {
        Err(error) if may_help(&error, moments) => {
            let Some(node) = nodes.connect().await? else { return Err(error.into()) };
            Ok(ask(Some(&node)).await?)
        }
        answer => Ok(answer?),
    }
}

/// A node has headers: of the block asked for, and of its tags, which tell how final a time is.
fn may_help(error: &AnswerError, moments: &[When]) -> bool {
    match error {
        AnswerError::NoHeader { .. } | AnswerError::UnknownHash { .. } => true,
        AnswerError::NotFinal { .. } => moments.iter().any(|it| matches!(it, When::Time(_))),
        _ => false,
    }
}
