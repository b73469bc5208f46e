//! What changed between two blocks.

use super::{Asked, Block, Code, Completeness, Entry, Orphan, Since, Verified};
use crate::schema::{AddressText, HashText, TimeText};
use alloy_primitives::{Address, B256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What changed of an app between two blocks: what lies behind the last log of `from`, up to and including the last log of
/// `to`. Also what was undone in between, of which the two at-block answers show nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The app id.
    pub app: Address,
    /// The contract that decides about it.
    pub contract: Address,
    /// Where the span begins; what this block did is not part of it.
    pub from: End,
    /// Where it ends; what this block did is.
    pub to: End,
    /// How far the index reaches.
    pub index_head: Block,
    /// First block of the index.
    pub indexed_from: u64,
    /// `complete` or `as_emitted`, up to the end of the span.
    pub completeness: Completeness,
    /// The last block at which the contract's own history root was compared with the index; null if it never was.
    pub history_verified_at: Option<Verified>,
    /// What is not as it was, and what was undone in between, by setting.
    pub settings: Vec<Difference>,
    /// Proposals that came, went, or changed their state. The rest of what is announced is as it was.
    pub proposals: Vec<ProposalChange>,
    /// The other leg: the KMS contracts of the index of which something changed. What they did to other apps is left out.
    pub kms: Vec<KmsDiff>,
    /// What could not be found out at the end of the span, as in [`Read::setting`](super::Read::setting).
    pub not_known: Vec<String>,
    /// What the app's contract said in blocks within the span that were reorged out.
    pub orphaned: Vec<Orphan>,
}

/// An end of a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// The question, where it was a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// The block.
    pub block: Block,
    /// Whether the app's contract had said anything at all by then.
    pub born: bool,
    /// The code that decides after it.
    pub code: Code,
}

/// One setting, or one value of a list, that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// As in [`Entry::setting`]; of a KMS as in [`Orphan::setting`].
    pub setting: String,
    /// Which value of a list (`compose_hash`, `device`, `os_image` and the like) this is about; null for a setting that has
    /// one value.
    pub value: Option<B256>,
    /// What was in force at the beginning; null if nothing was, or nobody knows.
    pub before: Option<B256>,
    /// What is in force at the end. The same as `before` if it was undone in between.
    pub after: Option<B256>,
    /// What did it, oldest first. Empty where no event told.
    pub entries: Vec<Entry>,
}

/// A proposal that is another one, or in another state, than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProposalChange {
    /// The setting that is, or was, to widen.
    pub kind: String,
    /// The value that is, or was, to be in force.
    pub value: B256,
    /// How it stood at the beginning; null if it was not announced.
    pub before: Option<Stand>,
    /// How it stands at the end; null if it is no longer announced.
    pub after: Option<Stand>,
    /// What did it, oldest first: announced, cancelled, in force. Empty where only time did.
    pub entries: Vec<Entry>,
}

/// How a proposal stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stand {
    /// `pending`, `ripe` or `expired`.
    pub state: String,
    /// Where it was announced.
    pub proposed: Since,
    /// The first second at which anyone may activate it.
    pub ripe_at: Timestamp,
    /// The first second at which nobody may any more; null for a contract whose proposals never die.
    pub expires_at: Option<Timestamp>,
}

/// What changed of a KMS contract. It is upgradeable: nothing enforces what its events said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KmsDiff {
    /// The contract.
    pub contract: Address,
    /// What changed.
    pub settings: Vec<Difference>,
    /// What it said in blocks within the span that were reorged out, but for registrations of other apps.
    pub orphaned: Vec<Orphan>,
}
