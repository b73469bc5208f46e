//! What the boot events say about a machine.

use super::{Event, EventLog, EventLogError, SYSTEM_READY};
use crate::{encoding, limits};
use alloy_primitives::{Address, B256, Bytes};
use devproof_primitives::ComposeHash;
use serde::Deserialize;

/// The events of a boot in the order in which dstack emits them, and whether one may come several times (dstack,
/// `dstack-util/src/system_setup.rs`, versions 0.4 to 0.6).
const BOOT: [(&str, bool); 15] = [
    ("system-preparing", false),
    ("rootfs-hash", false),
    ("app-id", false),
    ("compose-hash", false),
    ("init-script-hash", true),
    ("gpu-policy-hash", true),
    ("gpu-attestation", true),
    ("instance-id", false),
    ("boot-mr-done", false),
    ("mr-kms", false),
    ("os-image-hash", false),
    ("gpu-policy-hash", true),
    ("gpu-attestation", true),
    ("key-provider", false),
    ("storage-fs", false),
];

/// Who gives the machine its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProviderKind {
    /// A KMS, which a contract can hold to account.
    Kms,
    /// An SGX enclave on the same host. Nothing on a chain decides who gets these keys.
    LocalSgx,
    /// A TPM on the same host, likewise.
    Tpm,
    /// Nobody: keys are made at boot and lost.
    None,
}

impl KeyProviderKind {
    /// As the event log writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::LocalSgx => "local-sgx",
            Self::Tpm => "tpm",
            Self::None => "none",
        }
    }

    /// Reads what the event log writes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Kms, Self::LocalSgx, Self::Tpm, Self::None].into_iter().find(|k| k.name() == name)
    }
}

/// The key provider as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProvider {
    /// What it is.
    pub kind: KeyProviderKind,
    /// Which one: for a KMS the public key of its root CA (SubjectPublicKeyInfo, DER), for an enclave its measurement.
    pub id: Bytes,
    /// The payload of the event: JSON, as it was measured.
    pub payload: Vec<u8>,
}

/// What the boot events say about a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The app.
    pub app_id: Address,
    /// The version it runs.
    pub compose_hash: ComposeHash,
    /// The instance; some have no id.
    pub instance_id: Option<Address>,
    /// Who gives it its keys, if that was said.
    pub key_provider: Option<KeyProvider>,
    /// The hash of the operating system's image as the KMS answered it, if one did. Not a measurement.
    pub os_image_hash: Option<B256>,
    /// Aggregated measurement of the KMS, in logs of dstack 0.5.
    pub mr_kms: Option<B256>,
    /// Whether the boot had ended when the log was taken.
    pub ready: bool,
}

pub(super) fn of(log: &EventLog) -> Result<Identity, EventLogError> {
    in_order(log)?;
    // There is no second one: that was looked at.
    let one = |name: &'static str| log.boot().find(|event| event.name == name);
    let must = |name: &'static str| one(name).ok_or(EventLogError::Missing { name });
    let app_id = Address::from(exactly(must("app-id")?, "app-id")?);
    let compose_hash = ComposeHash(exactly::<32>(must("compose-hash")?, "compose-hash")?.into());
    let word = |name: &'static str| -> Result<Option<B256>, EventLogError> {
        one(name).map(|event| exactly::<32>(event, name).map(B256::from)).transpose()
    };
    let instance_id = match one("instance-id") {
        // A KMS has none, and apps may be told to have none.
        Some(event) if event.payload.is_empty() => None,
        Some(event) => Some(Address::from(exactly(event, "instance-id")?)),
        None => None,
    };
    Ok(Identity {
        app_id,
        compose_hash,
        instance_id,
        key_provider: one("key-provider").map(key_provider).transpose()?,
        os_image_hash: word("os-image-hash")?,
        mr_kms: word("mr-kms")?,
        ready: log.of(super::RUNTIME_REGISTER).any(|event| event.name == SYSTEM_READY),
    })
}

/// Every boot event has a known name, comes as often as it may, and where it belongs.
fn in_order(log: &EventLog) -> Result<(), EventLogError> {
    let mut at = 0;
    for event in log.boot() {
        let places = || BOOT.iter().enumerate().filter(|(_, (name, _))| *name == event.name);
        let Some((_, (name, many))) = places().next() else {
            return Err(EventLogError::UnknownName { name: event.name.clone() });
        };
        let next = places().map(|(place, _)| place).find(|place| *place >= at);
        let Some(place) = next else {
            // An event that may come once is looked for behind its own place.
            let seen = log.boot().filter(|other| other.name == *name).count();
            return Err(if seen > 1 && !many {
                EventLogError::Duplicate { name }
            } else {
                EventLogError::OutOfOrder { name }
            });
        };
        at = if *many { place } else { place + 1 };
    }
    Ok(())
}

fn exactly<const N: usize>(event: &Event, name: &'static str) -> Result<[u8; N], EventLogError> {
    let length = event.payload.len();
    event.payload.as_slice().try_into().map_err(|_| EventLogError::PayloadLength { name, length })
}

/// The payload: `{"name":"kms","id":"3059.."}`.
#[derive(Deserialize)]
struct KeyProviderJson {
    name: String,
    id: String,
}

fn key_provider(event: &Event) -> Result<KeyProvider, EventLogError> {
    let bad = |why: String| EventLogError::KeyProvider(why);
    let json: KeyProviderJson =
        serde_json::from_slice(&event.payload).map_err(|e| bad(e.to_string()))?;
    let kind = KeyProviderKind::from_name(&json.name)
        .ok_or_else(|| bad(format!("{:?} is not known", json.name)))?;
    let id =
        encoding::hex(&json.id, "the id", limits::VM_CONFIG).map_err(|e| bad(e.to_string()))?;
    Ok(KeyProvider { kind, id: id.into(), payload: event.payload.clone() })
}
