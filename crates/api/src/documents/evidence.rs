//! Evidence that is handed over, and the verdict about it.

use super::BootInfo;
use crate::schema::{AddressText, BytesText, HashText, TimeText};
use alloy_primitives::{Address, B256, Bytes};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use utoipa::ToSchema;

/// Evidence, and what is demanded of it. Nothing in it is fetched from anywhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskVerify {
    /// The evidence: the JSON of a `GetQuote` reply, of an attestation or of Phala Cloud; or text: certificates in PEM, a
    /// quote or an attestation in hexadecimal or base64. A URL is none.
    #[schema(value_type = Value)]
    pub evidence: Box<RawValue>,
    /// Which instance, from 0, where the evidence has several.
    pub instance: Option<usize>,
    /// Judge as of this time, RFC 3339 or Unix seconds. Left out: that of a saved bundle, else now.
    pub time: Option<String>,
    /// What Intel says about the platform, in the JSON of dcap-qvl. Left out: that of a saved bundle, else what the service
    /// has or gets where it is configured to.
    #[schema(value_type = Option<Value>)]
    pub collateral: Option<Box<RawValue>>,
    /// The very text of the `app-compose.json` that is said to run.
    pub app_compose: Option<String>,
    /// What the quote must have been made for: hexadecimal, or a scheme and a content as in `app-data:c0ffee`.
    pub report_data: Option<String>,
    /// A challenge as `devproof challenge` writes it, in place of `reportData`.
    #[schema(value_type = Option<Value>)]
    pub challenge: Option<Box<RawValue>>,
    /// What is demanded, in TOML. Left out: the strict policy.
    pub policy: Option<String>,
    /// A chain of keys of the app, with `kmsRootKey`.
    #[schema(value_type = Option<Value>)]
    pub signature_chain: Option<Box<RawValue>>,
    /// The public key of the KMS's root CA (SubjectPublicKeyInfo, DER).
    pub kms_ca_key: Option<Bytes>,
    /// The secp256k1 root key of the KMS (SEC 1 compressed).
    pub kms_root_key: Option<Bytes>,
    /// The chain by which the boot is judged; EIP-155 chain id. Left out: that of the challenge, else none.
    pub chain_id: Option<u64>,
    /// The KMS contract. Left out: any that the index follows.
    pub kms: Option<Address>,
    /// After which block: a number, a hash, `finalized`, `safe` or `unsafe`. Left out: the newest where a node is asked,
    /// else the last indexed one of the default finality.
    pub at: Option<String>,
}

/// What the evidence proves, row by row. `pass` and `fail` are told from what could not be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifiedEvidence {
    /// The worst row that the policy requires: `pass`, `fail` or `inconclusive`.
    pub overall: String,
    /// The rows that it is because of.
    pub decisive: Vec<String>,
    /// What nobody may overlook, whatever the rows say.
    pub warnings: Vec<VerifiedWarning>,
    /// Every row.
    pub checks: Vec<VerifiedCheck>,
    /// What the machine says it is.
    pub identity: VerifiedIdentity,
    /// The time at which everything was judged.
    pub time: Option<Timestamp>,
    /// SHA-256 of the signed part of the quote.
    pub quote: Option<B256>,
    /// The form in which the evidence came.
    pub form: String,
    /// SHA-256 of the evidence.
    pub evidence: B256,
    /// SHA-256 of the collateral, under which the verdict can be repeated.
    pub collateral: Option<B256>,
    /// What a KMS would be told about this boot; null if that is not known.
    pub boot_info: Option<BootInfo>,
}

/// Something that nobody may overlook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifiedWarning {
    /// Which, in a word that stays.
    pub id: String,
    /// What it means, in a sentence. Text from a machine may be in it: escape it wherever it is shown.
    pub message: String,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifiedCheck {
    /// Which, in a word that stays; docs/attestation.md lists them.
    pub id: String,
    /// `pass`, `fail`, `inconclusive` or `not_evaluated`.
    pub result: String,
    /// What was found; proved only if the row passes.
    pub value: Option<String>,
    /// How it came out so.
    pub how: String,
    /// `here`, or on whose word it rests.
    pub by: String,
    /// SHA-256 of what the row was read from.
    pub evidence: Option<B256>,
    /// More of what was found.
    #[serde(default)]
    #[schema(value_type = Value)]
    pub details: Map<String, Value>,
}

/// What a machine says it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifiedIdentity {
    /// The app.
    pub app_id: Option<Address>,
    /// The version.
    pub compose_hash: Option<B256>,
    /// The instance.
    pub instance_id: Option<Address>,
    /// Who gives it its keys.
    pub key_provider: Option<VerifiedKeyProvider>,
    /// The image of its operating system.
    pub os_image_hash: Option<B256>,
    /// Whether all of this is proved, and not only claimed.
    pub proved: bool,
}

/// Who gives a machine its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifiedKeyProvider {
    /// `kms`, `local-sgx`, `tpm` or `none`.
    pub name: String,
    /// Which one.
    pub id: Bytes,
}
