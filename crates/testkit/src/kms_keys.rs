//! Keys as a dstack KMS issues them: root, app key, derived key, and the signatures that chain them.

use alloy::primitives::{Address, Bytes, keccak256};
use eyre::Result;
use k256::ecdsa::SigningKey;

/// A KMS root, and the key chain of one app below it.
#[derive(Debug)]
pub struct KmsKeys {
    root: SigningKey,
}

/// The chain for one app.
#[derive(Debug)]
pub struct Chain {
    /// Public key of the app, SEC 1 compressed.
    pub app_key: Bytes,
    /// Public key derived from it, likewise.
    pub derived_key: Bytes,
    /// App key over derived key.
    pub app_signature: Bytes,
    /// KMS root over app key.
    pub kms_signature: Bytes,
    derived: SigningKey,
}

impl KmsKeys {
    /// A root from a seed: the same seed gives the same keys.
    ///
    /// # Errors
    /// For the seeds, one in 2^128, that are no key.
    pub fn new(seed: &str) -> Result<Self> {
        Ok(Self { root: SigningKey::from_slice(keccak256(seed).as_slice())? })
    }

    /// The root's public key, SEC 1 compressed.
    #[must_use]
    pub fn root_key(&self) -> Bytes {
        compressed(&self.root)
    }

    /// The root's address.
    #[must_use]
    pub fn root_address(&self) -> Address {
        Address::from_public_key(self.root.verifying_key())
    }

    /// The keys of an app for a purpose. dstack derives them from the app id and a path only; so do we.
    ///
    /// # Errors
    /// For the apps, one in 2^128, whose keys would be none.
    pub fn chain(&self, app: Address, purpose: &str) -> Result<Chain> {
        let secret = |parent: &SigningKey, name: &[u8]| {
            SigningKey::from_slice(keccak256([&parent.to_bytes()[..], name].concat()).as_slice())
        };
        let app_key = secret(&self.root, app.as_slice())?;
        let derived = secret(&app_key, b"deletions")?;
        let issued = [b"dstack-kms-issued:", app.as_slice(), &compressed(&app_key)].concat();
        let derived_hex = alloy::primitives::hex::encode(compressed(&derived));
        Ok(Chain {
            app_key: compressed(&app_key),
            derived_key: compressed(&derived),
            app_signature: sign(&app_key, format!("{purpose}:{derived_hex}").as_bytes())?,
            kms_signature: sign(&self.root, &issued)?,
            derived,
        })
    }
}

impl Chain {
    /// Signs a digest with the derived key, as Ethereum tools do: r || s || v with v 27 or 28.
    ///
    /// # Errors
    /// What k256 says.
    pub fn sign_digest(&self, digest: &[u8; 32]) -> Result<Bytes> {
        let (signature, recovery) = self.derived.sign_prehash_recoverable(digest)?;
        Ok([&signature.to_bytes()[..], &[27 + recovery.to_byte()]].concat().into())
    }
}

fn compressed(key: &SigningKey) -> Bytes {
    key.verifying_key().to_encoded_point(true).as_bytes().to_vec().into()
}

/// Signs the Keccak-256 of a message as a KMS does: r || s || recovery id (0 or 1).
fn sign(key: &SigningKey, message: &[u8]) -> Result<Bytes> {
    let (signature, recovery) = key.sign_prehash_recoverable(keccak256(message).as_slice())?;
    Ok([&signature.to_bytes()[..], &[recovery.to_byte()]].concat().into())
}
