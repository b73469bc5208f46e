//! What can be wrong with a chain: the errors of `DstackSignatureChain`, one by one.

use alloy_primitives::{Address, U256};
use std::fmt;

/// The piece of a chain that an error is about, numbered as in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    /// The root's signature over app id and app key.
    KmsSignature = 0,
    /// The app key's signature over purpose and derived key.
    AppSignature = 1,
    /// The derived key's signature over a message.
    MessageSignature = 2,
    /// The app's public key.
    AppKey = 3,
    /// The derived public key.
    DerivedKey = 4,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KmsSignature => "the signature of the KMS",
            Self::AppSignature => "the signature of the app key",
            Self::MessageSignature => "the signature of the derived key",
            Self::AppKey => "the app key",
            Self::DerivedKey => "the derived key",
        })
    }
}

/// Why a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// More than [`crate::limits::SIGNATURE_CHAIN`] bytes.
    #[error(
        "the chain has more than the {} bytes that are looked at",
        crate::limits::SIGNATURE_CHAIN
    )]
    TooLong,
    /// Not the JSON of a chain.
    #[error("the chain cannot be read: {0}")]
    Malformed(String),
    /// No KMS has this root, and failed recoveries give it.
    #[error("the root of a KMS is not the zero address")]
    ZeroRoot,
    /// Not exactly 65 bytes.
    #[error("{part} has {length} bytes instead of 65")]
    SignatureLength {
        /// Which one.
        part: Part,
        /// Bytes found.
        length: usize,
    },
    /// The last byte is not in its one accepted encoding, 0 or 1, which a KMS writes.
    #[error("{part} ends with {v} instead of 0 or 1")]
    RecoveryId {
        /// Which one.
        part: Part,
        /// The byte.
        v: u8,
    },
    /// s is above half the group order: a second form of the same signature.
    #[error("{part} has a high s, as no KMS writes it")]
    HighS {
        /// Which one.
        part: Part,
        /// s.
        s: U256,
    },
    /// No key can have made it.
    #[error("no key can have made {part}")]
    Unrecoverable {
        /// Which one.
        part: Part,
    },
    /// Another key made it, or it is of another app, key or purpose.
    #[error("{part} was made by {recovered:#x} instead of {expected:#x}, or over something else")]
    WrongSigner {
        /// Which one.
        part: Part,
        /// Who made it, over what is here.
        recovered: Address,
        /// Who must have.
        expected: Address,
    },
    /// Not exactly 33 bytes.
    #[error("{part} has {length} bytes instead of 33")]
    KeyLength {
        /// Which one.
        part: Part,
        /// Bytes found.
        length: usize,
    },
    /// Starts with another byte than 02 or 03.
    #[error("{part} starts with {prefix:#04x} instead of 02 or 03")]
    KeyPrefix {
        /// Which one.
        part: Part,
        /// The byte.
        prefix: u8,
    },
    /// No point of secp256k1.
    #[error("{part} is not a point of secp256k1")]
    NotOnCurve {
        /// Which one.
        part: Part,
        /// Its x coordinate.
        x: U256,
    },
}
