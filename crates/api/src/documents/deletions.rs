//! What keys of apps said they deleted.

use super::{Block, Since};
use crate::schema::{AddressText, HashText, TimeText};
use alloy_primitives::{Address, B256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a deletion attestation proves, and what it does not. It stands wherever one is shown.
pub const DELETIONS_MEAN: &str = "A statement proves that code holding the app's key asserted a deletion, not that \
    no copy exists.";

/// What was attested to registries of deletions, about one app or one commitment, in the order of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deletions {
    /// What all this proves, and what it does not.
    pub means: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The app that was asked about; null if a commitment was.
    pub app: Option<Address>,
    /// The salted commitment that was asked about; null if an app was.
    pub user_id_hash: Option<B256>,
    /// First block that is told; null for the first of the index.
    pub from: Option<u64>,
    /// Everything is told up to this block.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// First block of the index: what was attested before it is not known.
    pub indexed_from: u64,
    /// The registries that the index follows. What was attested to another one is not here.
    pub registries: Vec<Address>,
    /// `agrees`: what every registry here said, up to the block, leads to the roots that it keeps of each app's history, so that
    /// nothing was left out, made up or altered on the way. `not_checked`: that is not known (yet), and a node may have left
    /// something out. Whether a registry is one of ours its code would have to say, which is not looked at.
    pub history: String,
    /// What happened.
    pub entries: Vec<Deletion>,
    /// How many statements, deletions of batches and signers were told in blocks that were reorged out: they are not attested.
    pub orphaned: u64,
    /// The next page is `?after=` this; null if there is none. A page may be empty and not be the last.
    pub next: Option<String>,
}

/// What a registry said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// `signer_registered`, `signer_revoked`, `single`, `batch` or `root`.
    pub kind: String,
    /// Where it was attested: block time, not the time that the app claims. The actor is who registered or revoked a signer,
    /// or the key that signed.
    pub at: Since,
    /// The registry.
    pub registry: Address,
    /// The app.
    pub app: Address,
    /// The address of the key that signed, or that was registered or revoked.
    pub signer: Address,
    /// What was signed; null for what is about a signer.
    pub statement: Option<Statement>,
}

/// A signed statement: with its deletions all that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// EIP-712 struct hash.
    pub id: B256,
    /// The code that the app says it ran.
    pub compose_hash: B256,
    /// When the data is said to have been deleted: the app's claim. The registry only bounds it.
    pub deleted_at: Timestamp,
    /// What makes equal statements differ.
    pub nonce: B256,
    /// Of a root: the root of the tree; null otherwise.
    pub root: Option<B256>,
    /// How many deletions it is about.
    pub count: u64,
    /// Them; of a root none, since only its leaves know. To a question about a commitment only those of the commitment.
    pub deletions: Vec<Deleted>,
    /// How many are left out, so that the answer stays bounded.
    pub deletions_left_out: u64,
}

/// One deletion of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deleted {
    /// Salted commitment to the user.
    pub user_id_hash: B256,
    /// Commitment to the data.
    pub data_hash: B256,
}
