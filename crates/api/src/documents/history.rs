//! Every change of an app's policy.

use super::{Block, Code, Completeness, Orphan, Proposal};
use crate::schema::{AddressText, HashText, TimeText};
use alloy_primitives::{Address, B256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The changes of an app's policy, oldest first, or a page of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The app id.
    pub app: Address,
    /// The contract that decides about it.
    pub contract: Address,
    /// The history is told up to this block, the last indexed one of the finality asked for.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// First block of the index.
    pub indexed_from: u64,
    /// `complete` or `as_emitted`, up to [`Self::block`].
    pub completeness: Completeness,
    /// The code that decides.
    pub code: Code,
    /// What happened.
    pub entries: Vec<Entry>,
    /// The next page is `?after=` this; null if there is none.
    pub next: Option<String>,
    /// Logs of the app's contract that the index holds above [`Self::block`], not final enough to be told.
    pub not_final_enough: u64,
    /// What is announced and not in force, as of [`Self::block`].
    pub proposals: Vec<Proposal>,
    /// What the contract said in blocks that were reorged out.
    pub orphaned: Vec<Orphan>,
}

/// One change of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The block.
    pub block: Block,
    /// Hash of the transaction; null where no event told, but a call.
    pub transaction: Option<B256>,
    /// Index of the log in its block; null where no event told, but a call.
    pub log_index: Option<u64>,
    /// Whether no event told, but the contract itself when it was called after that block.
    pub read_by_call: bool,
    /// `msg.sender` as the contract saw it; null where no event says.
    pub actor: Option<Address>,
    /// `proposed`, `cancelled`, `set` or `removed`.
    pub action: String,
    /// `compose_hash`, `device`, `any_device`, `tcb_requirement`, `os_image`, `any_os_image`,
    /// `notice_period`, `guardian`, `freeze`, `owner`, `pending_owner`, `implementation` or
    /// `upgrades_disabled`.
    pub setting: String,
    /// The value.
    pub value: B256,
    /// Whether the policy is another one now. Stock contracts also emit when nothing changed.
    pub effective: bool,
    /// Whether the app was born with it.
    pub born_with: bool,
    /// For what came into force by widening: the notice users really had; 0 for an instant change.
    pub notice_seconds: Option<u64>,
    /// For a proposal: the first second of ripeness.
    pub ripe_at: Option<Timestamp>,
    /// For a proposal: the first second of death.
    pub expires_at: Option<Timestamp>,
    /// For a proposal: the owner's claim about the source.
    pub source_digest: Option<B256>,
    /// For a proposal: where the owner says the source is.
    pub uri: Option<String>,
}
