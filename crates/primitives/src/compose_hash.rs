//! The hash that names a version of an app.

use alloy_primitives::B256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// SHA-256 of the exact bytes of `app-compose.json`; never of a re-serialised copy. In documents it is
/// `0x` and 64 lower-case hexadecimal digits.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct ComposeHash(pub B256);

impl ComposeHash {
    /// Hashes the bytes of a compose file as they lie on the machine.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(B256::from_slice(&Sha256::digest(bytes)))
    }
}

impl fmt::Display for ComposeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ComposeHash {
    type Err = <B256 as FromStr>::Err;

    /// 64 hexadecimal digits, with or without `0x`: dstack prints both.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_the_bytes() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(ComposeHash::of(b"abc"), expected.parse().unwrap());
        assert_ne!(ComposeHash::of(b"{}"), ComposeHash::of(b"{}\n"));
    }
}
