//! The hashes of TDX and dstack.

use alloy_primitives::{B256, FixedBytes};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(bytes))
}

/// SHA-384, the hash of TDX.
pub(crate) fn sha384(bytes: &[u8]) -> FixedBytes<48> {
    FixedBytes::from_slice(&Sha384::digest(bytes))
}

/// SHA-512.
pub(crate) fn sha512(bytes: &[u8]) -> FixedBytes<64> {
    FixedBytes::from_slice(&Sha512::digest(bytes))
}
