//! The apps of a chain.

use super::{Authorised, Block, Code, Completeness, NotTold, Proposal};
use crate::schema::AddressText;
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Apps of a chain, a page of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Apps {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Everything below is the state after the last log of this block, the last indexed one of the finality asked for.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// First block of the index.
    pub indexed_from: u64,
    /// The apps, by the address of their contract.
    pub apps: Vec<App>,
    /// Apps about which this could not be told, each with the reason: one of them may be among those asked for.
    pub not_told: Vec<NotTold>,
    /// The next page is `?after=` this; null if there is none. A page may be empty and not be the last.
    pub next: Option<Address>,
}

/// One app, and where the answer stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneApp {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Everything below is the state after the last log of this block, the last indexed one of the finality asked for.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// First block of the index.
    pub indexed_from: u64,
    /// The app.
    #[serde(flatten)]
    pub app: App,
}

/// An app in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// The app id.
    pub app: Address,
    /// The contract that decides about it.
    pub contract: Address,
    /// The families that it was declared to belong to, by whoever runs the index.
    pub families: Vec<String>,
    /// Whether the contract has said anything at all yet.
    pub born: bool,
    /// `complete` or `as_emitted`.
    pub completeness: Completeness,
    /// The code that decides.
    pub code: Code,
    /// Who may propose, cancel and remove.
    pub owner: Option<Address>,
    /// Who may cancel and remove.
    pub guardian: Option<Address>,
    /// Seconds between proposal and activation; null for code that has no notice period.
    pub notice_period_seconds: Option<u64>,
    /// How many compose hashes it allows.
    pub authorised_count: u64,
    /// The one that came last.
    pub newest: Option<Authorised>,
    /// Announced and not in force.
    pub proposals: Vec<Proposal>,
    /// What could not be found out, as in [`Read::setting`](super::Read::setting).
    pub not_known: Vec<String>,
}
