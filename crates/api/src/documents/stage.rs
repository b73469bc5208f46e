//! How far an app is on the way that ERC-733 calls Stage 1.

use super::Block;
use crate::schema::AddressText;
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a point came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageResult {
    /// It holds, by the evidence beside it.
    Pass,
    /// Nothing that is known here shows it, either way. What is not known never passes.
    CouldNotTell,
    /// It does not hold.
    Fail,
}

impl StageResult {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pass => "holds",
            Self::CouldNotTell => "could not tell",
            Self::Fail => "does not hold",
        }
    }
}

/// An app against the points of Stage 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The app id.
    pub app: Address,
    /// The block after which it was looked at.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// The worst of the points: with any that does not hold the app is in Stage 0. There are points that nobody can tell from
    /// here, so that this is never more than `could_not_tell`.
    pub result: StageResult,
    /// What that means, in a sentence for somebody who is no engineer.
    pub sentence: String,
    /// Every point.
    pub points: Vec<StagePoint>,
}

/// A point of Stage 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StagePoint {
    /// Which, in a word that stays; docs/stage.md lists them.
    pub id: String,
    /// What is demanded.
    pub title: String,
    /// How it came out.
    pub result: StageResult,
    /// What that means, in a sentence.
    pub why: String,
    /// What it rests on. Text from a chain or a machine may be in it: escape it wherever it is shown.
    pub evidence: Vec<String>,
}
