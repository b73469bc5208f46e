//! Everything that happens on a chain, in its order.

use super::{Block, Deletion, Entry, NotTold};
use crate::schema::AddressText;
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What contracts of a chain did, a page of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The changes are told up to this block, the last indexed one of the finality asked for.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// If the place that was asked behind has been reorged away: the first block that is told again, and everything that was
    /// told of it or a later one does not hold any more. Null otherwise.
    pub told_again_from: Option<u64>,
    /// What happened.
    pub changes: Vec<Change>,
    /// Apps about which something could not be told, each with the reason.
    pub not_told: Vec<NotTold>,
    /// What comes next is behind this: a place to ask again later, also where there is nothing more for now. Null if nothing
    /// ever happened.
    pub next: Option<String>,
}

/// What one contract did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// `app`, `kms` or `deletion_registry`.
    pub role: String,
    /// The contract that did it.
    pub contract: Address,
    /// The app it is about; null for what a KMS did to all.
    pub app: Option<Address>,
    /// What an app or a KMS did; of a KMS the settings are those of [`Orphan::setting`](super::Orphan::setting).
    pub entry: Option<Entry>,
    /// What a registry was told.
    pub deletion: Option<Deletion>,
}
