//! Digests of events that the guest emits.

use super::RUNTIME_EVENT_TYPE;
use crate::{digest::sha384, quote::Register};
use alloy_primitives::hex;

/// How the digest of an event covers its name and payload (dstack, `cc-eventlog/src/runtime_events.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestVersion {
    /// SHA-384 of the type, little-endian, `:`, name, `:`, payload. Where the name ends is not covered.
    V1,
    /// SHA-384 of canonical JSON (RFC 8785) with name, payload and type.
    V2,
}

/// What is hashed.
pub(super) fn preimage(version: DigestVersion, name: &str, payload: &[u8]) -> Option<Vec<u8>> {
    match version {
        DigestVersion::V1 => {
            let kind = RUNTIME_EVENT_TYPE.to_le_bytes();
            Some([&kind[..], b":", name.as_bytes(), b":", payload].concat())
        }
        // Keys in order of their names, no spaces, and strings as serde_json writes them, which is how RFC 8785
        // wants them: short escapes where there are any, \u00xx in lower case for other controls, the rest as it is.
        DigestVersion::V2 => {
            let name = serde_json::to_string(name).ok()?;
            let payload = hex::encode(payload);
            Some(
                format!(r#"{{"name":{name},"payload":"{payload}","type":{RUNTIME_EVENT_TYPE}}}"#)
                    .into_bytes(),
            )
        }
    }
}

/// The digest.
pub(super) fn of(version: DigestVersion, name: &str, payload: &[u8]) -> Option<Register> {
    preimage(version, name, payload).map(|preimage| sha384(&preimage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v2_is_canonical_json() {
        let text = |name, payload| {
            String::from_utf8(preimage(DigestVersion::V2, name, payload).unwrap()).unwrap()
        };
        assert_eq!(
            text("compose-hash", &[0xab, 0xcd]),
            r#"{"name":"compose-hash","payload":"abcd","type":134217729}"#
        );
        assert_eq!(
            text("a\"\\\u{8}\u{c}\n\r\t\u{1}\u{7f}é", &[]),
            "{\"name\":\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\u{7f}é\",\"payload\":\"\",\"type\":134217729}"
        );
    }

    #[test]
    fn v1_runs_name_and_payload_together() {
        let one = preimage(DigestVersion::V1, "a", b"b:c");
        assert_eq!(one, preimage(DigestVersion::V1, "a:b", b"c"));
        assert_eq!(one.unwrap(), b"\x01\x00\x00\x08:a:b:c");
    }
}
