//! The JSON of a chain.

use super::{ChainError, SignatureChain};
use crate::{encoding, limits};
use alloy_primitives::Bytes;
use serde::Deserialize;

/// A chain as it is written down: every value in hexadecimal, with `0x` or without. Other fields are skipped; one that
/// is said twice is an error.
#[derive(Deserialize)]
struct Json {
    #[serde(alias = "appId")]
    app_id: String,
    purpose: String,
    #[serde(alias = "appPubkey", alias = "app_public_key")]
    app_pubkey: String,
    #[serde(alias = "derivedPubkey", alias = "derived_public_key")]
    derived_pubkey: String,
    #[serde(alias = "appSignature")]
    app_signature: String,
    #[serde(alias = "kmsSignature")]
    kms_signature: String,
}

impl SignatureChain {
    /// Reads a chain from JSON with `app_id`, `purpose`, `app_pubkey`, `derived_pubkey`, `app_signature` and
    /// `kms_signature`.
    ///
    /// # Errors
    /// If it is too long or not such JSON. Keys and signatures of the wrong length are read: that the chain does not
    /// hold is for [`Self::verify`] to say.
    pub fn parse(json: &str) -> Result<Self, ChainError> {
        if json.len() > limits::SIGNATURE_CHAIN {
            return Err(ChainError::TooLong);
        }
        let json: Json =
            serde_json::from_str(json).map_err(|e| ChainError::Malformed(e.to_string()))?;
        let bytes = |text: &str, what| {
            let read = encoding::hex(text, what, limits::SIGNATURE_CHAIN);
            read.map(Bytes::from).map_err(|e| ChainError::Malformed(e.to_string()))
        };
        // An app id of 32 bytes is ambiguous: padded on the wrong side it is the id of another app.
        let app_id = encoding::hex_array::<20>(&json.app_id, "app_id")
            .map_err(|e| ChainError::Malformed(e.to_string()))?;
        Ok(Self {
            app_id: app_id.into(),
            purpose: json.purpose,
            app_key: bytes(&json.app_pubkey, "app_pubkey")?,
            derived_key: bytes(&json.derived_pubkey, "derived_pubkey")?,
            app_signature: bytes(&json.app_signature, "app_signature")?,
            kms_signature: bytes(&json.kms_signature, "kms_signature")?,
        })
    }
}
