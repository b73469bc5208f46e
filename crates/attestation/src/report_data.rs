//! `report_data`: the 64 bytes that a machine puts into its quote, and how they were made.
//!
//! What they mean is for whoever asked for the quote to say. A scheme is declared, never guessed: with enough schemes
//! to try, somebody else's bytes would fit one.

use crate::{
    digest::{sha256, sha512},
    encoding,
};
use alloy_primitives::{Bytes, FixedBytes, hex, keccak256};
use sha2::{Digest as _, Sha384};
use std::str::FromStr;

/// What is hashed before the keys of a KMS. The typo is dstack's.
const KMS_DOMAIN: &str = "dstack-kms-genereted-keys-v1:";

/// How report data was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportData {
    /// Up to 64 bytes, with zeros behind: `GetQuote` of dstack's guest agent.
    Raw(Bytes),
    /// A hash of `prefix`, `:` and content: `TdxQuote` of the older agent, and payloads of newer ones.
    Hashed {
        /// The hash.
        hash: TappdHash,
        /// The prefix, `app-data` unless another was asked for.
        prefix: String,
        /// The content.
        content: Bytes,
    },
    /// SHA-512 of `ratls-cert:` and a certificate's public key (SubjectPublicKeyInfo, DER).
    RaTls(Bytes),
    /// Keccak-256 over the two public keys of a KMS, with zeros behind.
    KmsKeys {
        /// The root CA's public key (SubjectPublicKeyInfo, DER).
        ca: Bytes,
        /// The secp256k1 root key (SEC 1 compressed).
        k256: Bytes,
    },
}

/// The hashes that the older agent offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are what they are called")]
pub enum TappdHash {
    Sha256,
    Sha384,
    Sha512,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    Keccak256,
    Keccak384,
    Keccak512,
}

/// Why report data cannot have been made so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportDataError {
    /// dstack refuses more than 64 bytes.
    #[error("report data has at most 64 bytes, not {0}")]
    TooLong(usize),
    /// The text names no scheme.
    #[error(
        "report data is up to 64 bytes in hexadecimal, or a scheme and a content: app-data:HEX (sha512 of it), sha256:HEX (and \
         sha384, sha512, sha3-256, sha3-384, sha3-512, keccak256, keccak384, keccak512), ratls:HEX; not {0:?}"
    )]
    Unknown(String),
}

impl TappdHash {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Sha256, "sha256"),
        (Self::Sha384, "sha384"),
        (Self::Sha512, "sha512"),
        (Self::Sha3_256, "sha3-256"),
        (Self::Sha3_384, "sha3-384"),
        (Self::Sha3_512, "sha3-512"),
        (Self::Keccak256, "keccak256"),
        (Self::Keccak384, "keccak384"),
        (Self::Keccak512, "keccak512"),
    ];

    /// As dstack writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(hash, _)| *hash == self).map_or("", |(_, name)| name)
    }

    fn of(self, bytes: &[u8]) -> Vec<u8> {
        use sha3::Digest as _;
        match self {
            Self::Sha256 => sha256(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => sha512(bytes).to_vec(),
            Self::Sha3_256 => sha3::Sha3_256::digest(bytes).to_vec(),
            Self::Sha3_384 => sha3::Sha3_384::digest(bytes).to_vec(),
            Self::Sha3_512 => sha3::Sha3_512::digest(bytes).to_vec(),
            Self::Keccak256 => keccak256(bytes).to_vec(),
            Self::Keccak384 => sha3::Keccak384::digest(bytes).to_vec(),
            Self::Keccak512 => sha3::Keccak512::digest(bytes).to_vec(),
        }
    }
}

impl ReportData {
    /// The 64 bytes that a quote must have.
    ///
    /// # Errors
    /// If they would be more.
    pub fn bytes(&self) -> Result<FixedBytes<64>, ReportDataError> {
        let bytes = match self {
            Self::Raw(bytes) => bytes.to_vec(),
            Self::Hashed { hash, prefix, content } => {
                hash.of(&[prefix.as_bytes(), b":", content].concat())
            }
            Self::RaTls(key) => sha512(&[b"ratls-cert:", key.as_ref()].concat()).to_vec(),
            Self::KmsKeys { ca, k256 } => {
                let text = format!("{KMS_DOMAIN}{};{};", hex::encode(ca), hex::encode(k256));
                keccak256(text).to_vec()
            }
        };
        let mut padded = [0; 64];
        padded
            .get_mut(..bytes.len())
            .ok_or(ReportDataError::TooLong(bytes.len()))?
            .copy_from_slice(&bytes);
        Ok(padded.into())
    }

    /// The scheme in words.
    #[must_use]
    pub fn scheme(&self) -> String {
        match self {
            Self::Raw(_) => "the bytes themselves, zeros behind".to_owned(),
            Self::Hashed { hash, prefix, .. } => {
                format!("{} of {prefix:?}, a colon and the content", hash.name())
            }
            Self::RaTls(_) => {
                "sha512 of \"ratls-cert:\" and the certificate's public key".to_owned()
            }
            Self::KmsKeys { .. } => "keccak256 of the keys of the KMS".to_owned(),
        }
    }
}

impl FromStr for ReportData {
    type Err = ReportDataError;

    /// Up to 64 bytes in hexadecimal, or a scheme, a colon and a content in hexadecimal.
    fn from_str(text: &str) -> Result<Self, ReportDataError> {
        let unknown = || ReportDataError::Unknown(text.to_owned());
        let bytes = |text: &str| {
            encoding::hex(text, "report data", 1 << 20).map(Bytes::from).map_err(|_| unknown())
        };
        let Some((scheme, content)) = text.split_once(':') else {
            let content = bytes(text)?;
            let declared = Self::Raw(content);
            return declared.bytes().map(|_| declared);
        };
        let content = bytes(content)?;
        let hashed = |hash| {
            let prefix = "app-data".to_owned();
            Self::Hashed { hash, prefix, content: content.clone() }
        };
        match scheme {
            "ratls" => Ok(Self::RaTls(content)),
            "app-data" => Ok(hashed(TappdHash::Sha512)),
            name => TappdHash::ALL
                .iter()
                .find(|(_, known)| *known == name)
                .map(|(hash, _)| hashed(*hash))
                .ok_or_else(unknown),
        }
    }
}
