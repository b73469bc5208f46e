//! What a KMS would be told about the boot, as its contract and that of the app see it.

use super::{hardware::Verified, lower, machine::Machine};
use crate::{EventLog, TdxQuote, device_id, measurements};
use alloy_primitives::{Address, B256};
use schemars::JsonSchema;
use serde::Serialize;

/// What decides whether an instance gets its keys (`AppBootInfo` of dstack's contracts), computed from evidence.
///
/// The measurements are those at the moment at which the KMS is asked: behind `boot-mr-done` and before the event that
/// names a key provider (dstack, `dstack-attest/src/attestation.rs`). Status and advisories are those of the time that was
/// asked about; what they were when the machine booted is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootInfo {
    /// The app.
    #[serde(serialize_with = "plain")]
    pub app_id: Address,
    /// The version.
    pub compose_hash: B256,
    /// The instance; zero if it has no id.
    #[serde(serialize_with = "plain")]
    pub instance_id: Address,
    /// SHA-256 of the platform's PPID.
    pub device_id: B256,
    /// All measurements.
    pub mr_aggregated: B256,
    /// Those of the system.
    pub mr_system: B256,
    /// The image of the operating system. Its hash is the machine's word unless the row `os_image` passes.
    pub os_image_hash: B256,
    /// Intel's word for the platform's status.
    pub tcb_status: String,
    /// Intel's advisories about it.
    pub advisory_ids: Vec<String>,
}

fn plain<S: serde::Serializer>(value: &Address, s: S) -> Result<S::Ok, S::Error> {
    lower(&Some(*value), s)
}

/// `None` if the quote does not verify, the log is not the quote's, or nothing names the image.
pub(super) fn info(
    quote: &TdxQuote,
    verified: &Verified,
    machine: &Machine<'_>,
    log: Option<&EventLog>,
) -> Option<BootInfo> {
    let (claims, identity, log) = (verified.claims()?, machine.proven()?, log?);
    Some(BootInfo {
        app_id: identity.app_id,
        compose_hash: identity.compose_hash.0,
        instance_id: identity.instance_id.unwrap_or_default(),
        device_id: device_id(&claims.ppid),
        mr_aggregated: measurements::aggregated(quote, log.replay_boot()),
        mr_system: measurements::mr_system(quote, None),
        os_image_hash: machine.image().0?,
        tcb_status: claims.status.to_string(),
        advisory_ids: claims.advisories.clone(),
    })
}
