//! What a look found, as a document.

use crate::Outcome;
use alloy_primitives::{Address, B256};
use devproof_api::{
    alerts::Alert,
    documents::{BlockId, SeenAs},
};
use devproof_attestation::{Check, Comparison, Outcome as Result_, Warning};
use devproof_store::Recorded;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// A look at the instances of an app.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// EIP-155 chain id on which the app is said to live.
    pub chain_id: u64,
    /// The app id.
    pub app: Address,
    /// When it was looked.
    pub seen_at: Timestamp,
    /// What was seen, in the order of the places.
    pub seen: Vec<Seen>,
    /// Places at which nothing could be seen.
    pub unreached: Vec<Unreached>,
    /// How those that were taken down compare, if there are several.
    pub comparison: Option<Comparison>,
    /// What is told for the first time.
    pub alerts: Vec<Alert>,
    /// What was told before and is still so.
    pub still: Vec<Alert>,
    /// Why it cannot be told what the chain allowed; null if it can.
    pub chain_not_told: Option<String>,
    /// Why no node was asked, so that no quote is known to lie behind a block; null if one was.
    pub node_not_asked: Option<String>,
}

/// One instance.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Where its evidence was.
    pub source: String,
    /// Which of several there, from 0.
    pub number: Option<usize>,
    /// SHA-256 of the signed part of its quote.
    pub quote: Option<B256>,
    /// Its id, if it has one.
    pub instance_id: Option<String>,
    /// Its version. Where nothing was taken down it is what somebody says.
    pub compose_hash: Option<B256>,
    /// How much is known of who it is.
    pub identity: SeenAs,
    /// Whether it is known that the quote is not an old one.
    pub freshness: Freshness,
    /// Whether the KMS allows this boot, as the row `is_app_allowed` of the verdict has it.
    pub allowed: Option<Check>,
    /// What the policy makes of it.
    pub result: Result_,
    /// The rows that this is because of.
    pub decisive: Vec<String>,
    /// What nobody may overlook.
    pub warnings: Vec<Warning>,
    /// `new`, `again` or `judged_anew`; null if it is no observation of the app.
    pub taken_down: Option<&'static str>,
    /// Why it is none.
    pub why_not: Option<String>,
}

/// How new a quote is known to be.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Freshness {
    /// Whether it was made for what was asked for, and therefore after it was asked.
    pub proved: bool,
    /// The block that it is known to lie behind; null if none.
    pub from: Option<BlockId>,
    /// The block after which the chain was asked; null if none was.
    pub to: Option<BlockId>,
    /// How that is known, or why it is not.
    pub how: String,
}

/// A place at which nothing could be seen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unreached {
    /// The place.
    pub source: String,
    /// Why.
    pub why: String,
}

pub(super) const fn word(recorded: Recorded) -> &'static str {
    match recorded {
        Recorded::New => "new",
        Recorded::Again => "again",
        Recorded::JudgedAnew => "judged_anew",
    }
}

impl Look {
    /// What it comes to: everything passes and nothing is to be told, or not, or nobody can tell.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let fails = |seen: &Seen| seen.result == Result_::Fail || seen.why_not.is_some();
        let differ = self.comparison.as_ref().is_some_and(|it| it.overall == Result_::Fail);
        if self.seen.iter().any(fails)
            || differ
            || !self.alerts.is_empty()
            || !self.still.is_empty()
        {
            return Outcome::No;
        }
        let all_told = self.seen.iter().all(|seen| seen.result == Result_::Pass)
            && self.comparison.as_ref().is_none_or(|it| it.overall == Result_::Pass);
        if self.seen.is_empty()
            || !self.unreached.is_empty()
            || self.chain_not_told.is_some()
            || !all_told
        {
            return Outcome::CouldNotTell;
        }
        Outcome::Yes
    }
}
