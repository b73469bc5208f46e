//! The JSON of an event log.

use super::{
    DigestVersion, Event, EventLogError, RUNTIME_EVENT_TYPE, RUNTIME_REGISTER,
    digest::{self, preimage},
};
use crate::{encoding, limits, quote::Register};
use serde::{Deserialize, Serialize};

/// One event as dstack's guest agent writes it. Fields that are not known are skipped; one that is said twice is an
/// error.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RawEvent {
    /// Register, 0 to 3.
    pub(crate) imr: u32,
    /// Type.
    pub(crate) event_type: u32,
    /// 48 bytes in hexadecimal, or nothing where the log was stripped.
    #[serde(default)]
    pub(crate) digest: String,
    /// Name.
    pub(crate) event: String,
    /// Payload in hexadecimal.
    pub(crate) event_payload: String,
    /// Digest version, if it is not 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u32>,
    /// What was hashed, in hexadecimal; with version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) preimage: Option<String>,
}

/// Reads a log.
pub(super) fn log(json: &str) -> Result<Vec<Event>, EventLogError> {
    if json.len() > limits::EVENT_LOG {
        return Err(EventLogError::TooLong { length: json.len() });
    }
    let raw: Vec<RawEvent> =
        serde_json::from_str(json).map_err(|e| EventLogError::Malformed(e.to_string()))?;
    if raw.len() > limits::EVENTS {
        return Err(EventLogError::TooMany);
    }
    raw.into_iter().enumerate().map(|(index, raw)| event(index, raw)).collect()
}

fn event(index: usize, raw: RawEvent) -> Result<Event, EventLogError> {
    let encoding = |error| EventLogError::Encoding { index, error };
    let imr = u8::try_from(raw.imr).ok().filter(|imr| *imr <= RUNTIME_REGISTER);
    let imr = imr.ok_or(EventLogError::NoSuchRegister { index, imr: raw.imr })?;
    let event_type = raw.event_type;
    // dstack's verifier looks at the type alone, others at the register alone: whatever is between would be read by
    // one and not by the other.
    if (event_type == RUNTIME_EVENT_TYPE) != (imr == RUNTIME_REGISTER) {
        return Err(EventLogError::WrongRegister { index, imr, event_type });
    }
    let payload =
        encoding::hex(&raw.event_payload, "the payload", limits::EVENT_LOG).map_err(encoding)?;
    let given = match raw.digest.as_str() {
        "" => None,
        text => Some(Register::from(encoding::hex_array(text, "the digest").map_err(encoding)?)),
    };
    let version = match raw.version {
        None | Some(1) => DigestVersion::V1,
        Some(2) => DigestVersion::V2,
        Some(version) => return Err(EventLogError::UnknownVersion { index, version }),
    };
    let name = raw.event;
    if event_type != RUNTIME_EVENT_TYPE {
        let digest = given.ok_or(EventLogError::NoDigest { index })?;
        return Ok(Event { imr, event_type, digest, name, payload, version });
    }
    if version == DigestVersion::V2 {
        // As dstack's verifier wants it: a V2 event shows what was hashed.
        let shown = raw.preimage.as_deref().unwrap_or_default();
        let shown = encoding::hex(shown, "the preimage", limits::EVENT_LOG).map_err(encoding)?;
        if Some(shown) != preimage(version, &name, &payload) {
            return Err(EventLogError::PreimageMismatch { index, name });
        }
        if given.is_none() {
            return Err(EventLogError::NoDigest { index });
        }
    }
    let Some(digest) = digest::of(version, &name, &payload) else {
        return Err(EventLogError::PreimageMismatch { index, name });
    };
    if given.is_some_and(|given| given != digest) {
        return Err(EventLogError::DigestMismatch { index, name });
    }
    Ok(Event { imr, event_type, digest, name, payload, version })
}
