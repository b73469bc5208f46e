//! What the index says about a boot that evidence proves.

use super::{Block, Completeness, Entry, Interval, IsAllowed, Since};
use crate::schema::{AddressText, HashText};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the index says about a boot: after a block, and over the time in which the quote can have been made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attested {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The block behind which the quote was made; null if that is not known.
    pub from: Option<Block>,
    /// The block after which everything was looked at.
    pub to: Block,
    /// `complete` or `as_emitted`, of the app's own leg.
    pub completeness: Completeness,
    /// Whether a KMS would have allowed the boot after `from`; null if that is not known or nobody can tell.
    pub was_allowed: Option<bool>,
    /// What each KMS would say after `to`.
    pub is_allowed: IsAllowed,
    /// When the version was allowed, oldest first, up to the end of the index.
    pub intervals: Vec<Interval>,
    /// When each KMS of the index knew the app, and when it admitted the image, oldest first, up to `to`.
    pub kms_intervals: Vec<KmsInterval>,
    /// What happened between the two blocks to what the boot rests on: taken away, brought back, or replaced.
    pub between: Vec<Touched>,
}

/// A time in which a KMS knew an app, or admitted an image: from the log `since` on, before the log `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KmsInterval {
    /// The contract of the KMS.
    pub contract: Address,
    /// `registered_app` or `os_image`.
    pub setting: String,
    /// Since when.
    pub since: Since,
    /// What ended it; null if it is open. Nothing ends a registration.
    pub until: Option<Since>,
}

/// Something that the boot rests on was touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Touched {
    /// Whose: the app's contract, or that of a KMS.
    pub contract: Address,
    /// What, as in [`Entry::setting`].
    pub setting: String,
    /// Which value of a list.
    pub value: Option<B256>,
    /// What did it, oldest first.
    pub entries: Vec<Entry>,
}
