//! What a KMS would answer about a boot.

use super::{Block, Completeness};
use crate::schema::{AddressText, HashText};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a KMS is asked with when an instance boots (`IAppAuth.AppBootInfo` of dstack).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BootInfo {
    /// The app id.
    pub app_id: Address,
    /// SHA-256 of the exact bytes of `app-compose.json`.
    pub compose_hash: B256,
    /// Which instance; decides nothing.
    #[serde(default)]
    pub instance_id: Option<Address>,
    /// The device.
    #[serde(default)]
    pub device_id: B256,
    /// All measurements in one; decides nothing about an app.
    #[serde(default)]
    pub mr_aggregated: Option<B256>,
    /// Those of the system; decides nothing about an app.
    #[serde(default)]
    pub mr_system: Option<B256>,
    /// The operating system image.
    pub os_image_hash: B256,
    /// `UpToDate`, or what else the verifier said of the TCB.
    #[serde(default)]
    pub tcb_status: String,
    /// Security advisories; they decide nothing on chain.
    #[serde(default)]
    pub advisory_ids: Vec<String>,
}

/// The question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskIsAllowed {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// What boots.
    pub boot_info: BootInfo,
    /// After which block: a number, a hash, a time in RFC 3339, `finalized`, `safe` or `unsafe`. Left out: the last indexed
    /// block of the default finality of the chain.
    #[serde(default)]
    pub at: Option<String>,
    /// `finalized`, `safe` or `unsafe`: what that block must have reached.
    #[serde(default)]
    pub finality: Option<String>,
}

/// The answer: what each KMS contract of the index would have said, by what its events and those of the app say. It is
/// computed here from the index; the contract was not called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IsAllowed {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The block after which it is so.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// The app id.
    pub app: Address,
    /// The contract that decides about it.
    pub contract: Address,
    /// `complete` or `as_emitted`, of the app's own leg. A KMS is always as its events say.
    pub completeness: Completeness,
    /// Whether some KMS of the index would release the app's keys; null if that could not be told.
    pub is_allowed: Option<bool>,
    /// The app's own leg.
    pub app_leg: Verdict,
    /// What each KMS contract would say, its own legs and that of the app together.
    pub kms: Vec<KmsVerdict>,
}

/// What one contract says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Null if it could not be told.
    pub is_allowed: Option<bool>,
    /// The reason in the words of the contract; of what could not be told, why not. Empty if it is allowed.
    pub reason: String,
    /// Each thing that was looked at, in the order of the contract. It says no at the first that is false.
    pub legs: Vec<Leg>,
}

/// What a KMS says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KmsVerdict {
    /// The contract.
    pub contract: Address,
    /// What it says.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The gateway that it would name. Text from the chain: escape it wherever it is shown.
    pub gateway_app_id: Option<String>,
}

/// One thing that a contract looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Leg {
    /// `app_registered`, `os_image`, `app_deployed`, `app_id`, `tcb`, `compose_hash`, `device` or `os_image_pin`.
    pub leg: String,
    /// Null if it is not known.
    pub holds: Option<bool>,
    /// What the contract says if it does not hold.
    pub reason: String,
}

impl From<&devproof_attestation::BootInfo> for BootInfo {
    fn from(boot: &devproof_attestation::BootInfo) -> Self {
        Self {
            app_id: boot.app_id,
            compose_hash: boot.compose_hash,
            instance_id: Some(boot.instance_id),
            device_id: boot.device_id,
            mr_aggregated: Some(boot.mr_aggregated),
            mr_system: Some(boot.mr_system),
            os_image_hash: boot.os_image_hash,
            tcb_status: boot.tcb_status.clone(),
            advisory_ids: boot.advisory_ids.clone(),
        }
    }
}
