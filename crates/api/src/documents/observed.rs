//! What verified quotes showed. Observed is not authorised, and authorised is not observed.

use super::Block;
use crate::schema::{AddressText, BytesText, HashText, TimeText};
use alloy_primitives::{Address, B256, Bytes};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much is known of who a machine is that was seen.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SeenAs {
    /// The hardware measured it, and the operating system that wrote it down is a known one.
    Proved,
    /// The hardware is real, but which operating system runs was not shown: it says that it is this app with this version,
    /// and an attacker's machine can say so of any app.
    Claimed,
    /// The quote was not held against Intel's root but another one, as in tests. It proves nothing.
    TestRoot,
}

impl SeenAs {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Claimed => "claimed",
            Self::TestRoot => "test_root",
        }
    }
}

/// Whether a version was allowed by the app's contract while it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthorisedThen {
    /// All the time between the first and the last time that it was seen.
    Allowed,
    /// For a part of that time.
    Partly,
    /// At no moment of it. An instance that booted before goes on running when its version is removed.
    NotAllowed,
    /// The index does not reach that time, or does not know all that the contract allowed.
    NotKnown,
}

impl AuthorisedThen {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Partly => "partly",
            Self::NotAllowed => "not_allowed",
            Self::NotKnown => "not_known",
        }
    }
}

/// A version of an app that instances were seen with. Times are those of whoever looked, by his own clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// The version, as the machine's log has it.
    pub compose_hash: B256,
    /// `proved`, `claimed` or `test_root`. Instances that are told apart by this are in different entries.
    pub identity: SeenAs,
    /// When one was seen first.
    pub first_seen: Timestamp,
    /// When one was seen last; of an answer about a block this may be later than the block.
    pub last_seen: Timestamp,
    /// How often it was looked.
    pub looks: u64,
    /// The worst of what the instances were judged to be the last time: `pass`, `fail` or `inconclusive`, by the
    /// policy of whoever looked.
    pub result: String,
    /// By whom the hardware was verified: `here` (by whoever keeps this index) or on whose word it rests.
    pub hardware_by: Vec<String>,
    /// By whom the operating system was verified; empty where nobody did.
    pub system_by: Vec<String>,
    /// Names of what nobody may overlook, as in a verdict.
    pub warnings: Vec<String>,
    /// Whether the version was allowed then: by the app's own contract, from the first time that it was seen until the last one or
    /// the block of the answer.
    pub authorised: AuthorisedThen,
    /// The instances, the one that was seen last first.
    pub instances: Vec<ObservedInstance>,
}

/// An instance that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedInstance {
    /// Its id; null for one without. What has none cannot be told apart.
    pub instance_id: Option<Address>,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// How often it was looked.
    pub looks: u64,
    /// SHA-256 of the signed part of the quote that was seen last.
    pub quote: B256,
    /// How that was judged the last time.
    pub result: String,
    /// Intel's word for its platform then.
    pub tcb_status: Option<String>,
}

/// A page of what was observed of an app, the quote that was first seen last at the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observations {
    /// EIP-155 chain id. A quote names no chain: whoever looked says that the app lives on this one.
    pub chain_id: u64,
    /// The app id.
    pub app: Address,
    /// The block up to which it is told what was authorised.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// One entry for each quote.
    pub observations: Vec<Observation>,
    /// Where the next page begins; null if there is none.
    pub next: Option<String>,
}

/// A quote of an instance, and how it was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// SHA-256 of its signed part.
    pub quote: B256,
    /// The version, as the machine's log has it.
    pub compose_hash: B256,
    /// `proved`, `claimed` or `test_root`.
    pub identity: SeenAs,
    /// The instance's id; null for one without.
    pub instance_id: Option<Address>,
    /// The image of its operating system. Only what the machine says where the identity is claimed.
    pub os_image_hash: Option<B256>,
    /// Who gives it its keys; null where the log names nobody.
    pub key_provider: Option<ObservedKeyProvider>,
    /// Whether the quote was made for random bytes or a challenge of whoever looked, so that it is no older than
    /// `firstSeen`. Otherwise it may be of any time before.
    pub fresh: bool,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// The time at which it was judged as below for the first time; collateral of that time was used.
    pub judged_at: Timestamp,
    /// `pass`, `fail` or `inconclusive`, by the policy of whoever looked.
    pub result: String,
    /// The rows of the verdict that this is because of.
    pub decisive: Vec<String>,
    /// Intel's word for its platform then.
    pub tcb_status: Option<String>,
    /// By whom the hardware was verified: `here` or on whose word it rests.
    pub hardware_by: String,
    /// By whom the operating system was verified; null where nobody did.
    pub system_by: Option<String>,
    /// Names of what nobody may overlook.
    pub warnings: Vec<String>,
    /// How often it came out in another way before, for instance under older collateral.
    pub judged_before: u64,
    /// SHA-256 of the document of evidence, under which it is kept.
    pub evidence: B256,
    /// SHA-256 of the collateral, likewise.
    pub collateral: Option<B256>,
    /// SHA-256 of the policy file, likewise; null for the strict policy.
    pub policy: Option<B256>,
    /// SHA-256 of the verdict, likewise.
    pub verdict: B256,
    /// The block that the quote is known to lie behind.
    pub from: Option<BlockId>,
    /// The block after which the authorisation of this boot was asked about.
    pub to: Option<BlockId>,
    /// Whether the version was allowed then.
    pub authorised: AuthorisedThen,
}

/// A block, by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockId {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// Who gives a machine its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedKeyProvider {
    /// `kms`, `local-sgx`, `tpm` or `none`.
    pub name: String,
    /// Which one; null where its id is too long to be one.
    pub id: Option<Bytes>,
}
