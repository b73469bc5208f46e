//! The history root: one hash that authenticates every change an AppAuth ever made.

use crate::Change;
use alloy_primitives::{Address, B256, U256, keccak256};
use serde::{Deserialize, Serialize};

/// What the domain of the roots is made of; `AppAuth.HISTORY_DOMAIN` is its Keccak-256.
pub const HISTORY_DOMAIN: &str = "devproof AppAuth history v1";

/// The running root of a history. See the header of `AppAuth.sol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HistoryRoot(pub B256);

impl HistoryRoot {
    /// The root before the first entry; it commits to the domain, the chain and the contract.
    #[must_use]
    pub fn seed(chain_id: u64, app: Address) -> Self {
        Self(hash_words(&[keccak256(HISTORY_DOMAIN), U256::from(chain_id).into(), app.into_word()]))
    }

    /// The root after one more entry.
    #[must_use]
    pub fn extend(self, change: &Change, actor: Address, block: u64, timestamp: u64) -> Self {
        Self(hash_words(&[
            self.0,
            U256::from(change.kind()).into(),
            change.value,
            actor.into_word(),
            U256::from(block).into(),
            U256::from(timestamp).into(),
        ]))
    }
}

/// `keccak256(abi.encode(..))` of static values: the words, one after the other.
fn hash_words(words: &[B256]) -> B256 {
    keccak256(words.concat())
}

/// What the history records of a proposal's claim about its source:
/// `keccak256(abi.encode(composeHash, sourceDigest, uri))`.
#[must_use]
pub fn source_commitment(compose_hash: B256, source_digest: B256, uri: &str) -> B256 {
    let mut encoded = Vec::with_capacity(160 + uri.len());
    encoded.extend_from_slice(compose_hash.as_slice());
    encoded.extend_from_slice(source_digest.as_slice());
    // The offset of the string, its length, its bytes padded to whole words.
    encoded.extend_from_slice(&U256::from(96).to_be_bytes::<32>());
    encoded.extend_from_slice(&U256::from(uri.len()).to_be_bytes::<32>());
    encoded.extend_from_slice(uri.as_bytes());
    encoded.resize(encoded.len().next_multiple_of(32), 0);
    keccak256(encoded)
}
