//! The table of checks: one row for each thing that evidence can prove.

mod boot;
mod hardware;
mod keys;
mod machine;
mod verify;

pub use boot::BootInfo;
pub use verify::verify;
pub(crate) use verify::{is_proved, overall};

use crate::{
    Collateral, Evidence, KeyProviderKind, Policy, ReportData, TrustAnchor,
    sigchain::SignatureChain,
};
use alloy_primitives::{Address, B256, Bytes};
use devproof_primitives::ComposeHash;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;

/// A row of the table.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CheckId {
    /// The quote leads to Intel's root.
    Hardware,
    /// What Intel says about the platform is signed, and of this time.
    Collateral,
    /// The platform's status is one that the policy accepts.
    Tcb,
    /// The machine is not in debug mode, cannot be migrated, and so on.
    TdAttributes,
    /// The platform's flags are ones that the policy accepts.
    Platform,
    /// The event log adds up to the registers.
    EventLog,
    /// The operating system is a known one.
    OsImage,
    /// That operating system is an accepted one.
    OsImageAllowed,
    /// Which app it is.
    AppId,
    /// The app is registered with the KMS contract.
    AppRegistered,
    /// The app-compose.json that is shown has the compose hash.
    ComposePreimage,
    /// Which version it runs.
    ComposeHash,
    /// What the host says it booted is what the guest says.
    MrConfigId,
    /// Who gives the machine its keys.
    KeyProvider,
    /// The keys at hand come from the KMS that was named.
    KmsKeys,
    /// The keys that the KMS's contract names were made in a TEE, by the KMS's own quote.
    KmsQuote,
    /// The quote was made for whoever asks.
    ReportData,
    /// The KMS contract allows exactly this boot.
    IsAppAllowed,
    /// The quote is no older than a block that was named before.
    Freshness,
    /// Other verifiers that were asked say the same.
    Backends,
}

impl CheckId {
    /// All rows, in the order of the table.
    pub const ALL: [Self; 20] = [
        Self::Hardware,
        Self::Collateral,
        Self::Tcb,
        Self::TdAttributes,
        Self::Platform,
        Self::EventLog,
        Self::OsImage,
        Self::OsImageAllowed,
        Self::AppId,
        Self::AppRegistered,
        Self::ComposePreimage,
        Self::ComposeHash,
        Self::MrConfigId,
        Self::KeyProvider,
        Self::KmsKeys,
        Self::KmsQuote,
        Self::ReportData,
        Self::IsAppAllowed,
        Self::Freshness,
        Self::Backends,
    ];

    /// The id as documents have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Collateral => "collateral",
            Self::Tcb => "tcb",
            Self::TdAttributes => "td_attributes",
            Self::Platform => "platform",
            Self::EventLog => "event_log",
            Self::OsImage => "os_image",
            Self::OsImageAllowed => "os_image_allowed",
            Self::AppId => "app_id",
            Self::AppRegistered => "app_registered",
            Self::ComposePreimage => "compose_preimage",
            Self::ComposeHash => "compose_hash",
            Self::MrConfigId => "mr_config_id",
            Self::KeyProvider => "key_provider",
            Self::KmsKeys => "kms_keys",
            Self::KmsQuote => "kms_quote",
            Self::ReportData => "report_data",
            Self::IsAppAllowed => "is_app_allowed",
            Self::Freshness => "freshness",
            Self::Backends => "backends",
        }
    }
}

/// How a row came out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Pass,
    /// There was nothing to check, or nobody to ask.
    NotEvaluated,
    /// It could not be told.
    Inconclusive,
    /// It does not hold.
    Fail,
}

/// By whom a row was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Here, from the evidence.
    Here,
    /// By a service, on whose word it rests.
    Service(String),
}

impl Serialize for By {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Here => serializer.serialize_str("here"),
            Self::Service(url) => serializer.serialize_str(url),
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Check {
    /// Which row.
    pub id: CheckId,
    /// How it came out.
    pub result: Outcome,
    /// What was found; proved only if the row passes.
    pub value: Option<String>,
    /// How it came out so, in a sentence without a full stop.
    pub how: String,
    /// By whom: `here`, or the URL of a service.
    #[schemars(with = "String")]
    pub by: By,
    /// SHA-256 of what the row was read from.
    pub evidence: Option<B256>,
    /// More of what was found, for machines.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

impl Check {
    /// A row that was found here; `how` is a sentence without a full stop.
    pub fn new(id: CheckId, result: Outcome, how: impl fmt::Display) -> Self {
        let (how, by) = (how.to_string(), By::Here);
        Self { id, result, value: None, how, by, evidence: None, details: Map::new() }
    }

    /// With what was found.
    #[must_use]
    pub fn value(mut self, value: impl fmt::Display) -> Self {
        self.value = Some(value.to_string());
        self
    }

    /// On the word of a service.
    #[must_use]
    pub fn said_by(mut self, url: impl Into<String>) -> Self {
        self.by = By::Service(url.into());
        self
    }

    /// With more of what was found, for machines.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    fn evidence(mut self, digest: B256) -> Self {
        self.evidence = Some(digest);
        self
    }
}

/// Something that nobody may overlook, whatever the rows say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// The keys come from an enclave on the same host.
    LocalKeys,
    /// The chain of keys leads to the root of the public simulator.
    SimulatorRoot,
    /// The quote was not held against Intel's root.
    OtherTrustAnchor,
    /// The image that the KMS was told is not the one in the machine's configuration.
    OtherOsImage,
    /// Two verifiers say different things about a row.
    Disagreement,
    /// Something hangs behind the events of the boot that has the name of one.
    LookalikeEvents,
    /// What was allowed when it could be booted is no longer.
    NoLongerAllowed,
    /// Between the two blocks that the quote lies between, what runs was not allowed all the time.
    NotAllowedThroughout,
    /// The block that a challenge commits to is no longer on the chain.
    ChallengeReorganised,
    /// What the KMS's contract shows as the KMS's own quote does not stand behind the keys beside it.
    KmsQuote,
}

/// A concern, and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Warning {
    /// Which concern.
    pub id: Concern,
    /// What it means, in a sentence.
    pub message: String,
}

impl Warning {
    /// A concern, and what it means in a sentence.
    pub fn new(id: Concern, message: impl Into<String>) -> Self {
        Self { id, message: message.into() }
    }
}

/// What the evidence says the machine is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// The app.
    #[serde(serialize_with = "lower")]
    pub app_id: Option<Address>,
    /// The version it runs.
    #[serde(serialize_with = "compose")]
    pub compose_hash: Option<ComposeHash>,
    /// The instance.
    #[serde(serialize_with = "lower")]
    pub instance_id: Option<Address>,
    /// Who gives it its keys.
    #[serde(serialize_with = "provider")]
    #[schemars(with = "Option<Provider<'static>>")]
    pub key_provider: Option<(KeyProviderKind, Bytes)>,
    /// The image of its operating system.
    pub os_image_hash: Option<B256>,
    /// Whether all of this is proved: the hardware, the log and the operating system are. Otherwise it is what the
    /// machine claims about itself, and an attacker's machine can claim anything.
    pub proved: bool,
}

/// In lower case, like all hexadecimal digits in documents.
fn lower<S: Serializer>(value: &Option<Address>, s: S) -> Result<S::Ok, S::Error> {
    value.map(|address| format!("{address:#x}")).serialize(s)
}

fn compose<S: Serializer>(value: &Option<ComposeHash>, s: S) -> Result<S::Ok, S::Error> {
    value.map(|hash| hash.0).serialize(s)
}

/// Who gives a machine its keys.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeyProvider")]
struct Provider<'a> {
    /// `kms`, `local-sgx`, `tpm` or `none`.
    name: &'static str,
    /// Which, in hexadecimal; of a KMS the public key of its root CA.
    #[schemars(with = "String")]
    id: &'a Bytes,
}

fn provider<S: Serializer>(
    value: &Option<(KeyProviderKind, Bytes)>,
    s: S,
) -> Result<S::Ok, S::Error> {
    value.as_ref().map(|(kind, id)| Provider { name: kind.name(), id }).serialize(s)
}

/// What was found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The worst row that the policy requires.
    pub overall: Outcome,
    /// The rows that it is because of: those that the policy requires and that are as bad. Empty if all pass.
    pub decisive: Vec<CheckId>,
    /// What nobody may overlook.
    pub warnings: Vec<Warning>,
    /// Every row, in the order of [`CheckId::ALL`].
    pub checks: Vec<Check>,
    /// What the evidence says the machine is.
    pub identity: Subject,
    /// The time at which everything was judged.
    pub time: Option<Timestamp>,
    /// SHA-256 of the signed part of the quote: the statement's identity.
    pub quote: Option<B256>,
    /// The form the evidence came in.
    pub form: &'static str,
    /// SHA-256 of the evidence.
    pub evidence: B256,
    /// SHA-256 of the collateral, under which the verdict can be repeated.
    pub collateral: Option<B256>,
    /// What a KMS would be told about this boot; `null` if that is not known.
    pub boot_info: Option<BootInfo>,
    /// How many verifiers let the quote pass, this one among them.
    #[serde(skip)]
    pub(crate) backends: usize,
}

impl Verdict {
    /// Puts rows into the places of those that they are about, and draws the conclusions anew. What other sources
    /// found (a chain, for instance) gets into a verdict by this.
    pub fn put(&mut self, rows: impl IntoIterator<Item = Check>, policy: &Policy) {
        for row in rows {
            if let Some(place) = self.checks.iter_mut().find(|check| check.id == row.id) {
                *place = row;
            }
        }
        (self.overall, self.decisive) = overall(&self.checks, policy, self.backends);
        self.identity.proved = is_proved(&self.checks);
    }

    /// A row.
    #[must_use]
    pub fn check(&self, id: CheckId) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }
}

/// The keys of a KMS, from where the asker trusts: its contract's `kmsInfo()`, for instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KmsKeys {
    /// The root CA's public key (SubjectPublicKeyInfo, DER).
    pub ca: Option<Bytes>,
    /// The secp256k1 root key (SEC 1 compressed).
    pub k256: Option<Bytes>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The evidence.
    pub evidence: &'a Evidence,
    /// The time at which to judge, Unix seconds.
    pub now: u64,
    /// The root that the quote must lead to.
    pub root: &'a TrustAnchor,
    /// What Intel says about the platform; `None` if it could not be had.
    pub collateral: Option<&'a Collateral>,
    /// The app-compose.json that is said to run, to the byte.
    pub compose: Option<&'a [u8]>,
    /// What the quote must have been made for, and how.
    pub report_data: Option<&'a ReportData>,
    /// The keys of the KMS that the app is said to have its keys from.
    pub kms: &'a KmsKeys,
    /// A chain of keys of the app.
    pub chain: Option<&'a SignatureChain>,
    /// What is demanded.
    pub policy: &'a Policy,
}
