//! Keys that sign transactions, and where they are kept.
//!
//! Nothing here shows a key, a phrase or a password: they are [`SecretString`]s, wiped when they are dropped, and no type of this
//! module prints more than an address.

mod keystore;

pub use keystore::keystore_address;

use crate::OperatorError;
use alloy::{
    network::{EthereumWallet, TxSigner},
    primitives::{Address, B256, Signature},
    signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
};
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use zeroize::Zeroize;

/// A key that signs.
#[derive(Clone)]
pub struct Key {
    wallet: EthereumWallet,
    address: Address,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Key {
    /// The account it signs for.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    pub(crate) const fn wallet(&self) -> &EthereumWallet {
        &self.wallet
    }

    /// A key that somebody else holds and signs with: a device, a service.
    #[must_use]
    pub fn from_signer(signer: impl TxSigner<Signature> + Send + Sync + 'static) -> Self {
        let address = signer.address();
        Self { wallet: EthereumWallet::new(signer), address }
    }
}

/// A private key that is here, in memory, and wiped from it when this is dropped.
pub struct LocalKey(PrivateKeySigner);

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalKey").field(&self.address()).finish()
    }
}

impl From<LocalKey> for Key {
    fn from(key: LocalKey) -> Self {
        Self::from_signer(key.0)
    }
}

impl LocalKey {
    /// The account it signs for.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.0.address()
    }

    /// A new one, from the randomness of the operating system.
    #[must_use]
    pub fn random() -> Self {
        Self(PrivateKeySigner::random_with(&mut OsRng))
    }

    /// The key of a mnemonic phrase (BIP-39, English) at `m/44'/60'/0'/0/index`, as wallets number accounts.
    ///
    /// # Errors
    /// [`OperatorError::Key`] if it is no such phrase; it is not repeated.
    pub fn from_mnemonic(phrase: &SecretString, index: u32) -> Result<Self, OperatorError> {
        // Its own errors may hold words of the phrase.
        let bad = |_| {
            OperatorError::Key(
                "this is no mnemonic phrase of 12 to 24 English words with a right checksum: check the words and their order".into(),
            )
        };
        let builder = MnemonicBuilder::<English>::default().phrase(phrase.expose_secret().trim());
        builder.index(index).map_err(bad)?.build().map(Self).map_err(bad)
    }

    /// A private key, 64 hexadecimal digits with or without 0x.
    ///
    /// # Errors
    /// [`OperatorError::Key`] if it is none; it is not repeated.
    pub fn from_private_key(key: &SecretString) -> Result<Self, OperatorError> {
        let bad =
            || OperatorError::Key("this is no private key: it has 64 hexadecimal digits".into());
        let mut bytes: B256 = key.expose_secret().trim().parse().map_err(|_| bad())?;
        let signer = PrivateKeySigner::from_bytes(&bytes);
        bytes.0.zeroize();
        signer.map(Self).map_err(|_| bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::address;

    const PHRASE: &str = "test test test test test test test test test test test junk";
    const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    const ADDRESS: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");

    #[test]
    fn a_phrase_and_a_key_give_the_account_that_wallets_give() {
        let phrase = SecretString::from(format!(" {PHRASE}\n"));
        assert_eq!(LocalKey::from_mnemonic(&phrase, 0).unwrap().address(), ADDRESS);
        let second = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
        assert_eq!(LocalKey::from_mnemonic(&phrase, 1).unwrap().address(), second);
        for text in [KEY.to_owned(), format!("0x{KEY}\n")] {
            assert_eq!(LocalKey::from_private_key(&text.into()).unwrap().address(), ADDRESS);
        }
    }

    #[test]
    fn no_secret_is_in_what_is_printed() {
        let key = LocalKey::from_private_key(&KEY.into()).unwrap();
        assert_eq!(format!("{key:?}"), format!("LocalKey({ADDRESS:?})"));
        assert_eq!(format!("{:?}", Key::from(key)), format!("Key {{ address: {ADDRESS:?}, .. }}"));
        let typo = SecretString::from(PHRASE.replace("junk", "jnuk"));
        let error = LocalKey::from_mnemonic(&typo, 0).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("jnuk"), "{error:?}");
        let error = LocalKey::from_private_key(&KEY.replace('f', "g").into()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("ac0974"), "{error:?}");
    }
}
