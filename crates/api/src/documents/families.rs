//! Apps that belong to one product.

use super::{Authorised, Block, Code, Completeness, NotTold, Proposal};
use crate::schema::{AddressText, HashText};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The families that the configuration of this index declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Families {
    /// By name.
    pub families: Vec<Declared>,
}

/// A family as it was declared. Whoever runs the index says that the apps belong together; no contract does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Its members.
    pub apps: Vec<Address>,
}

/// What each app of a family is allowed to run, and whether they agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Family {
    /// Its name.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Everything below is the state after the last log of this block, the last indexed one of the finality asked for.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// First block of the index.
    pub indexed_from: u64,
    /// Whether all members allow the same compose hashes: false as soon as two differ for certain, null if none do and that of
    /// some could not be told.
    pub agree: Option<bool>,
    /// What all members allow that could be told.
    pub common: Vec<B256>,
    /// What some of them allow and others do not.
    pub differing: Vec<Differing>,
    /// The members that could be told, as declared.
    pub members: Vec<Member>,
    /// Those that could not, each with the reason.
    pub not_told: Vec<NotTold>,
}

/// A compose hash about which the members differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Differing {
    /// The compose hash.
    pub compose_hash: B256,
    /// The members that allow it.
    pub allowed_by: Vec<Address>,
    /// Those that do not.
    pub not_by: Vec<Address>,
}

/// An app of a family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The app id.
    pub app: Address,
    /// The contract that decides about it.
    pub contract: Address,
    /// Whether the contract has said anything at all yet.
    pub born: bool,
    /// `complete` or `as_emitted`.
    pub completeness: Completeness,
    /// The code that decides.
    pub code: Code,
    /// Compose hashes that the contract allows.
    pub authorised: Vec<Authorised>,
    /// Announced and not in force.
    pub proposals: Vec<Proposal>,
    /// What could not be found out, as in [`Read::setting`](super::Read::setting).
    pub not_known: Vec<String>,
}
