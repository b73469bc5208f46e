//! Which apps were allowed to run a version, and when.

use super::{Block, Code, Completeness, Orphan, Since, Verified};
use crate::schema::{AddressText, HashText};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The apps that were ever allowed to run a compose hash, and when. Allowed is not running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedApps {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// SHA-256 of the exact bytes of `app-compose.json`.
    pub compose_hash: B256,
    /// Everything below is told up to the last log of this block, the last indexed one of the finality asked for.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// First block of the index. What a contract without a history did before it is not known.
    pub indexed_from: u64,
    /// The apps, by the address of their contract. An app that never was allowed to is here only if it was asked for, or
    /// if it was on a branch that is gone.
    pub apps: Vec<AllowedApp>,
    /// Apps about which this could not be told, each with the reason: one of them may have been allowed to.
    pub not_told: Vec<NotTold>,
    /// How many apps of the chain have logs that are still being read; each may have been allowed to in what is not read yet.
    pub unread: u64,
    /// The next page is `?after=` this; null if there is none.
    pub next: Option<Address>,
}

/// When one app was allowed to run it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedApp {
    /// The app id.
    pub app: Address,
    /// The contract that decides about it.
    pub contract: Address,
    /// Whether it is allowed after the last log of the answer's block.
    pub allowed: bool,
    /// `complete` or `as_emitted`, up to the answer's block.
    pub completeness: Completeness,
    /// The last block at which the contract's own history root was compared with the index; null if it never was.
    pub history_verified_at: Option<Verified>,
    /// The code that decides.
    pub code: Code,
    /// When, oldest first.
    pub intervals: Vec<Interval>,
    /// How many older ones are left out, so that the answer stays bounded.
    pub intervals_left_out: u64,
    /// What could not be found out, as in [`Read::setting`](super::Read::setting). With `compose_hash` in it there may be
    /// intervals that nobody saw begin.
    pub not_known: Vec<String>,
    /// What the contract said about it in blocks that were reorged out: part of no interval, but a KMS reads `latest` and
    /// may have acted on it.
    pub orphaned: Vec<Orphan>,
}

/// A time in which an app was allowed to run a version: from the log `since` on, before the log `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    /// Since when, and who put it in force; anybody may activate what is ripe.
    pub since: Since,
    /// Whether no event told, but the contract itself when it was called after that block. It may have been so before.
    pub read_by_call: bool,
    /// Where it was announced and by whom; null for what never was.
    pub proposed: Option<Since>,
    /// Notice users really had; 0 for an instant change, null for what the app was born with or was read by call.
    pub notice_seconds: Option<u64>,
    /// The owner's claim about the source; nobody checked it.
    pub source_digest: Option<B256>,
    /// Where the owner says the source is. Text from the chain: escape it wherever it is shown.
    pub uri: Option<String>,
    /// What ended it, and who; null if it is open after the answer's block.
    pub until: Option<Since>,
    /// The code that decides was replaced in between: from there on that code says what is allowed, and nobody knows
    /// from events whether it still allowed this. The newest, at most 100.
    pub upgrades: Vec<Replaced>,
}

/// Code was put in the place of other code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replaced {
    /// Where.
    pub at: Since,
    /// The new code.
    pub implementation: Address,
}

/// An app about which something could not be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotTold {
    /// The app, or its contract.
    pub app: Address,
    /// Why, in a sentence.
    pub reason: String,
}
