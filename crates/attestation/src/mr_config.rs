//! `mr_config_id`: what the host says it boots, in the quote itself (dstack, `dstack-types/src/mr_config.rs`).
//!
//! The guest refuses to boot with another configuration, so a contradiction means that something lies. Agreement is
//! worth nothing on an operating system that is not known: it does not check.

use crate::{Identity, KeyProviderKind, digest::sha256, encoding, limits};
use alloy_primitives::{B256, keccak256};
use devproof_primitives::ComposeHash;
use serde::Deserialize;

/// What is hashed before the document, in version 3.
const V3_DOMAIN: &[u8] = b"dstack-mr-config-v3:\0";

/// The field, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MrConfigId {
    /// All zero: the host set nothing.
    Unset,
    /// The compose hash.
    V1(ComposeHash),
    /// Keccak-256 of compose hash, app id, kind of key provider (one byte) and its id.
    V2(B256),
    /// SHA-256 of a domain and a document.
    V3(B256),
}

/// Why the field is none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MrConfigError {
    /// A version that nobody knows.
    #[error("mr_config_id has version {0}; 1 to 3 are known")]
    UnknownVersion(u8),
    /// Something behind the value.
    #[error("mr_config_id has bytes behind its value")]
    Trailing,
}

/// Whether the field says the same as the event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// It does.
    Agrees,
    /// It does not.
    Contradicts(String),
    /// Something to compare with is missing.
    CouldNotTell(String),
    /// The host set nothing.
    Unset,
}

impl MrConfigId {
    /// Reads the field.
    ///
    /// # Errors
    /// If it has a version that is not known, or more than a value.
    pub fn read(field: &[u8; 48]) -> Result<Self, MrConfigError> {
        let (version, rest) = (field.first().copied().unwrap_or_default(), field.get(1..33));
        let value = B256::from_slice(rest.unwrap_or(&[0; 32]));
        if field.iter().all(|byte| *byte == 0) {
            return Ok(Self::Unset);
        }
        if field.iter().skip(33).any(|byte| *byte != 0) {
            return Err(MrConfigError::Trailing);
        }
        match version {
            1 => Ok(Self::V1(ComposeHash(value))),
            2 => Ok(Self::V2(value)),
            3 => Ok(Self::V3(value)),
            other => Err(MrConfigError::UnknownVersion(other)),
        }
    }

    /// Compares with what the event log says. `document` is the one of version 3, to the byte.
    #[must_use]
    pub fn agrees(&self, identity: &Identity, document: Option<&[u8]>) -> Agreement {
        match self {
            Self::Unset => Agreement::Unset,
            Self::V1(hash) if *hash == identity.compose_hash => Agreement::Agrees,
            Self::V1(hash) => {
                Agreement::Contradicts(format!("the host says it booted version {hash}"))
            }
            Self::V2(hash) => v2(*hash, identity),
            Self::V3(hash) => v3(*hash, identity, document),
        }
    }
}

fn v2(hash: B256, identity: &Identity) -> Agreement {
    let Some(provider) = &identity.key_provider else {
        return Agreement::CouldNotTell("the event log names no key provider".to_owned());
    };
    let kind = match provider.kind {
        KeyProviderKind::None => 0,
        KeyProviderKind::LocalSgx => 1,
        KeyProviderKind::Kms => 2,
        KeyProviderKind::Tpm => 3,
    };
    let said =
        [identity.compose_hash.0.as_slice(), identity.app_id.as_slice(), &[kind], &provider.id];
    if keccak256(said.concat()) == hash {
        Agreement::Agrees
    } else {
        Agreement::Contradicts("the host was told another app, version or key provider".to_owned())
    }
}

/// The part of the document that can be compared. Its other fields are covered by the hash.
#[derive(Deserialize)]
struct Document {
    version: u32,
    compose_hash: String,
    #[serde(default)]
    app_id: Option<String>,
}

fn v3(hash: B256, identity: &Identity, document: Option<&[u8]>) -> Agreement {
    let Some(document) = document else {
        return Agreement::CouldNotTell("the document behind the hash was not given".to_owned());
    };
    if document.len() > limits::VM_CONFIG {
        return Agreement::CouldNotTell("the document behind the hash is too long".to_owned());
    }
    if sha256(&[V3_DOMAIN, document].concat()) != hash {
        return Agreement::Contradicts("the document is not the one that was measured".to_owned());
    }
    let said = match serde_json::from_slice::<Document>(document) {
        Ok(said) if said.version == 3 => said,
        Ok(said) => {
            return Agreement::Contradicts(format!("the document has version {}", said.version));
        }
        Err(e) => return Agreement::Contradicts(format!("the document cannot be read: {e}")),
    };
    let app_id = said.app_id.filter(|text| !text.is_empty());
    let same_app = app_id.is_none_or(|text| {
        encoding::hex_array::<20>(&text, "app_id").is_ok_and(|id| id == identity.app_id.0.0)
    });
    let same_version = encoding::hex_array::<32>(&said.compose_hash, "compose_hash")
        .is_ok_and(|hash| hash == identity.compose_hash.0.0);
    if same_app && same_version {
        Agreement::Agrees
    } else {
        Agreement::Contradicts("the host was told another app or version".to_owned())
    }
}
