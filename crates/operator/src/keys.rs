//! Keys that sign transactions, and where they are kept.
//!
//! Nothing here shows a key, a phrase or a password: they are [`SecretString`]s, wiped when they are dropped, and no type of this
//! module prints more than an address.

use crate::OperatorError;
use alloy::{
    network::{EthereumWallet, TxSigner},
    primitives::{Address, B256, Signature},
    signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{fmt, fs::File, io::Read, path::Path};
use zeroize::Zeroize;

/// The largest keystore that is read, in bytes; real ones have about 500.
const MAX_KEYSTORE: u64 = 1 << 16;
/// The most memory that a keystore may ask scrypt for, in bytes. Geth's own parameters ask for a quarter of it.
const MAX_SCRYPT: u64 = 1 << 30;
/// The most rounds that a keystore may ask PBKDF2 for, some minutes on a slow machine.
const MAX_ROUNDS: u64 = 100_000_000;

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

/// The part of a keystore that says how much work opening it is.
#[derive(Deserialize)]
struct Keystore {
    crypto: Crypto,
    /// Whose it is, as it says; many leave it out.
    address: Option<String>,
}

#[derive(Deserialize)]
struct Crypto {
    kdfparams: Work,
}

#[derive(Deserialize)]
struct Work {
    n: Option<u64>,
    r: Option<u64>,
    c: Option<u64>,
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

    fn of(signer: PrivateKeySigner) -> Self {
        Self::from_signer(signer)
    }

    /// A key that somebody else holds and signs with: a device, a service.
    #[must_use]
    pub fn from_signer(signer: impl TxSigner<Signature> + Send + Sync + 'static) -> Self {
        let address = signer.address();
        Self { wallet: EthereumWallet::new(signer), address }
    }

    /// Opens a keystore, Web3 Secret Storage version 3, as `cast wallet import` writes it.
    ///
    /// # Errors
    /// [`OperatorError::Key`] if it cannot be read, or the password is another one.
    pub fn from_keystore(path: &Path, password: &SecretString) -> Result<Self, OperatorError> {
        let name = path.display();
        check_work(path)?;
        PrivateKeySigner::decrypt_keystore(path, password.expose_secret()).map(Self::of).map_err(|error| {
            let why = error.to_string();
            OperatorError::Key(if why.to_lowercase().contains("mac mismatch") {
                format!("the password does not open the keystore {name}: give the right one")
            } else {
                format!("the keystore {name} cannot be opened ({why}): name one that `cast wallet import` wrote")
            })
        })
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
        builder.index(index).map_err(bad)?.build().map(Self::of).map_err(bad)
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
        signer.map(Self::of).map_err(|_| bad())
    }
}

/// Whose a keystore says that it is, without opening it; `None` if it does not say. It may be wrong.
///
/// # Errors
/// [`OperatorError::Key`] if it is no keystore.
pub fn keystore_address(path: &Path) -> Result<Option<Address>, OperatorError> {
    Ok(check_work(path)?.address.and_then(|text| text.parse().ok()))
}

/// That opening it takes no more memory and time than a keystore should.
fn check_work(path: &Path) -> Result<Keystore, OperatorError> {
    let name = path.display();
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_KEYSTORE).read_to_string(&mut text));
    if let Err(error) = read {
        return Err(OperatorError::Key(format!("the keystore {name} cannot be read ({error})")));
    }
    let keystore: Keystore = serde_json::from_str(&text).map_err(|_| {
        OperatorError::Key(format!(
            "{name} is no keystore: name one that `cast wallet import` wrote"
        ))
    })?;
    let Work { n, r, c } = &keystore.crypto.kdfparams;
    let memory = n.unwrap_or(0).saturating_mul(r.unwrap_or(0)).saturating_mul(128);
    if memory > MAX_SCRYPT || c.unwrap_or(0) > MAX_ROUNDS {
        return Err(OperatorError::Key(format!(
            "the keystore {name} asks for more work than any should: make it anew with `cast wallet import`"
        )));
    }
    Ok(keystore)
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
        assert_eq!(Key::from_mnemonic(&phrase, 0).unwrap().address(), ADDRESS);
        let second = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
        assert_eq!(Key::from_mnemonic(&phrase, 1).unwrap().address(), second);
        for text in [KEY.to_owned(), format!("0x{KEY}\n")] {
            assert_eq!(Key::from_private_key(&text.into()).unwrap().address(), ADDRESS);
        }
    }

    #[test]
    fn no_secret_is_in_what_is_printed() {
        let key = Key::from_private_key(&KEY.into()).unwrap();
        assert_eq!(format!("{key:?}"), format!("Key {{ address: {ADDRESS:?}, .. }}"));
        let typo = SecretString::from(PHRASE.replace("junk", "jnuk"));
        let error = Key::from_mnemonic(&typo, 0).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("jnuk"), "{error:?}");
        let error = Key::from_private_key(&KEY.replace('f', "g").into()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("ac0974"), "{error:?}");
    }

    #[test]
    fn a_keystore_that_asks_for_terabytes_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("huge");
        let kdf = r#"{"crypto":{"kdf":"scrypt","kdfparams":{"dklen":32,"n":1099511627776,"p":1,"r":8,"salt":"00"}}}"#;
        std::fs::write(&path, kdf).unwrap();
        let error = Key::from_keystore(&path, &"x".into()).unwrap_err().to_string();
        assert!(error.contains("more work than any should"), "{error}");
    }
}
