//! What was found out about a KMS's own quote, whenever an instance of an app was looked at.

use super::AnswerError;
use crate::documents::time;
use alloy_primitives::{Address, B256};
use devproof_store::Store;
use jiff::Timestamp;
use serde::Deserialize;

/// Instances whose verdicts are read, at most: those that were seen last.
const MAX_VERDICTS: u64 = 100;

/// The row about a KMS's own quote, as `devproof observe` had it when it looked at an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyOrigin {
    /// The KMS contract that shows the quote.
    pub(crate) kms: Address,
    /// After which block it did.
    pub(crate) block: u64,
    /// What came out: `pass`, `fail`, or any other word of a verdict.
    pub(crate) result: String,
    /// Why, in a sentence. It may have text of a machine in it.
    pub(crate) how: String,
    /// When the instance was looked at.
    pub(crate) seen: Timestamp,
}

/// What the last look at each instance says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyOrigins {
    /// What was told, newest first.
    pub(crate) told: Vec<KeyOrigin>,
    /// Whether there are instances that were not read, each of which may have been told something else.
    pub(crate) more: bool,
}

/// As much of a verdict's document as is needed here; whatever else is in it may change.
#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    checks: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    result: String,
    how: String,
    #[serde(default)]
    details: serde_json::Value,
}

#[derive(Deserialize)]
struct Details {
    kms: Address,
    block: Block,
}

#[derive(Deserialize)]
struct Block {
    number: u64,
}

/// What the last verdicts about instances of an app that were seen since a time say of the KMS's own quote. What was not held
/// against Intel's root proves nothing and is not among them, nor is a verdict that is kept no more.
///
/// # Errors
/// Only those of the database.
pub(crate) async fn key_origins(
    store: &Store,
    chain_id: u64,
    app: Address,
    since: Timestamp,
) -> Result<KeyOrigins, AnswerError> {
    let mut seen = store.observed_instances(chain_id, app, u64::MAX, MAX_VERDICTS + 1).await?;
    seen.retain(|it| time(it.last_seen) >= since);
    let most = usize::try_from(MAX_VERDICTS).unwrap_or(usize::MAX);
    let mut found = KeyOrigins { told: Vec::new(), more: seen.len() > most };
    seen.truncate(most);
    for it in seen.iter().filter(|it| it.is_intel_root) {
        let seen = time(it.last_seen);
        found.told.extend(row(store, it.judgement.verdict).await?.and_then(|row| told(row, seen)));
    }
    Ok(found)
}

async fn row(store: &Store, verdict: B256) -> Result<Option<Row>, AnswerError> {
    let Some(document) = store.archived(verdict).await? else { return Ok(None) };
    let verdict: Option<Verdict> = serde_json::from_slice(&document).ok();
    Ok(verdict.and_then(|it| it.checks.into_iter().find(|row| row.id == "kms_quote")))
}

/// A row that was evaluated says which KMS, and after which block.
fn told(row: Row, seen: Timestamp) -> Option<KeyOrigin> {
    let details: Details = serde_json::from_value(row.details).ok()?;
    let (kms, block) = (details.kms, details.block.number);
    Some(KeyOrigin { kms, block, result: row.result, how: row.how, seen })
}
