//! What was announced, across all apps.

use super::{Block, Code, Completeness, NotTold, Since};
use crate::schema::{AddressText, HashText, TimeText};
use alloy_primitives::{Address, B256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Announcements of the apps of a chain, a page of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notices {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Everything below is the state after the last log of this block, the last indexed one of the finality asked for; `pending`
    /// and `ripe` are told by its time.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// First block of the index.
    pub indexed_from: u64,
    /// Those that can still come into force by the time at which they can, the next first; others the latest first.
    pub notices: Vec<Notice>,
    /// Apps about which this could not be told, each with the reason.
    pub not_told: Vec<NotTold>,
    /// How many apps of the chain have logs that are still being read: each may have announced something.
    pub unread: u64,
    /// The next page is `?after=` this; null if there is none. A page may be empty and not be the last.
    pub next: Option<String>,
}

/// One announcement and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The app id.
    pub app: Address,
    /// The contract that decides about it.
    pub contract: Address,
    /// `complete` or `as_emitted`, up to the answer's block.
    pub completeness: Completeness,
    /// The code that decides. Only an `app_auth` enforces its notice.
    pub code: Code,
    /// The setting that is, or was, to widen.
    pub kind: String,
    /// The value that is, or was, to be in force.
    pub value: B256,
    /// `pending`, `ripe`, `expired`, `activated`, `cancelled`, or `replaced` (announced again with another time).
    pub state: String,
    /// Where it was announced and by whom.
    pub proposed: Since,
    /// The first second at which anyone may activate it.
    pub ripe_at: Timestamp,
    /// The first second at which nobody may any more; null for a contract whose proposals never die.
    pub expires_at: Option<Timestamp>,
    /// Where it was activated, cancelled, cleared or replaced, and by whom; null while nothing of that happened.
    pub ended: Option<Since>,
    /// Of what was activated: the notice that users really had, in seconds.
    pub notice_seconds: Option<u64>,
    /// The owner's claim about the source; nobody checked it.
    pub source_digest: Option<B256>,
    /// Where the owner says the source is. Text from the chain: escape it wherever it is shown.
    pub uri: Option<String>,
}
