//! Chains of signatures from the root of a KMS to a key that an app derived.
//!
//! The rules are those of `DstackSignatureChain` in `contracts/libraries`, to the letter, so that a chain that holds
//! here holds there: `tests/sigchain` compares the two, errors included. What a chain says and does not say is there as
//! well: it proves that code once authorised for the app id held the key, never which version, and it has no time.

mod encode;
mod error;
mod known;
mod parse;
mod recover;

pub use error::{ChainError, Part};
pub use known::warning;

use alloy_primitives::{Address, Bytes, hex, keccak256};
use recover::{point, require_signer};

/// How the root vouches for an app key (dstack, `kms/src/crypto.rs`).
const ISSUED: &[u8] = b"dstack-kms-issued:";
/// Bytes of an ed25519 public key.
const ED25519: usize = 32;

/// A chain as dstack hands it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureChain {
    /// The app, the 20 bytes that the KMS signs.
    pub app_id: Address,
    /// What the derived key is for, as whoever asked the guest agent for it said.
    pub purpose: String,
    /// The app's public key, SEC 1 compressed, 33 bytes.
    pub app_key: Bytes,
    /// The derived public key: SEC 1 compressed, 33 bytes, or ed25519, 32 bytes.
    pub derived_key: Bytes,
    /// The app key's signature over purpose and derived key: r || s || recovery id (0 or 1), 65 bytes.
    pub app_signature: Bytes,
    /// The root's signature over app id and app key, likewise.
    pub kms_signature: Bytes,
}

/// A derived key that a root vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Derived {
    /// A secp256k1 key, and its address.
    Secp256k1(Address),
    /// An ed25519 key. No contract can check its chain, and Ethereum knows no address of it.
    Ed25519([u8; ED25519]),
}

impl SignatureChain {
    /// Checks the chain against a root, which must come from a trusted place and never from whoever shows the chain.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order in which the contract looks.
    pub fn verify(&self, root: Address) -> Result<Derived, ChainError> {
        if root.is_zero() {
            return Err(ChainError::ZeroRoot);
        }
        let (_, app_signer) = point(Part::AppKey, &self.app_key)?;
        let derived = match <[u8; ED25519]>::try_from(self.derived_key.as_ref()) {
            // Any 32 bytes may be tried as an ed25519 key; whether they are one shows when it signs.
            Ok(key) => Derived::Ed25519(key),
            Err(_) => Derived::Secp256k1(point(Part::DerivedKey, &self.derived_key)?.1),
        };
        let issued = [ISSUED, self.app_id.as_slice(), &self.app_key].concat();
        require_signer(Part::KmsSignature, root, keccak256(issued), &self.kms_signature)?;
        // The signer must be the very key that the root vouched for; nobody else's word on that is taken.
        let vouched = format!("{}:{}", self.purpose, hex::encode(&self.derived_key));
        require_signer(Part::AppSignature, app_signer, keccak256(vouched), &self.app_signature)?;
        Ok(derived)
    }

    /// Whether the derived key is an ed25519 key, going by its length.
    #[must_use]
    pub fn is_ed25519(&self) -> bool {
        self.derived_key.len() == ED25519
    }
}

/// The Ethereum address of a secp256k1 key, for instance of `kmsInfo().k256Pubkey`.
///
/// # Errors
/// If it is not a key, SEC 1 compressed.
pub fn address_of(key: &[u8]) -> Result<Address, ChainError> {
    point(Part::DerivedKey, key).map(|(_, address)| address)
}
