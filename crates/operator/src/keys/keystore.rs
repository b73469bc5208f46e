//! Keystores, Web3 Secret Storage version 3: files with a private key that a password opens, as Foundry keeps them.
//! Format: <https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage/>.

use super::LocalKey;
use crate::OperatorError;
use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// The largest keystore that is read, in bytes; real ones have about 500.
const MAX_KEYSTORE: u64 = 1 << 16;
/// The most memory that a keystore may ask scrypt for, in bytes. Geth's own parameters ask for a quarter of it.
const MAX_SCRYPT: u64 = 1 << 30;
/// The most rounds that a keystore may ask PBKDF2 for, some minutes on a slow machine.
const MAX_ROUNDS: u64 = 100_000_000;

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

impl LocalKey {
    /// Opens a keystore.
    ///
    /// # Errors
    /// [`OperatorError::Key`] if it cannot be read, or the password is another one.
    pub fn from_keystore(path: &Path, password: &SecretString) -> Result<Self, OperatorError> {
        let name = path.display();
        check_work(path)?;
        PrivateKeySigner::decrypt_keystore(path, password.expose_secret()).map(Self).map_err(|error| {
            let why = error.to_string();
            OperatorError::Key(if why.to_lowercase().contains("mac mismatch") {
                format!("the password does not open the keystore {name}: give the right one")
            } else {
                format!("the keystore {name} cannot be opened ({why}): name one that `devproof key` or `cast wallet` wrote")
            })
        })
    }

    /// Writes it into a new keystore that only this password opens and only its owner may read. Folders on the way are made. The file is
    /// whole or not there, whatever happens meanwhile, and one that is there already is never replaced: it may be all
    /// that is left of another key.
    ///
    /// # Errors
    /// [`OperatorError::Key`] if there is a file already, or it cannot be written.
    pub fn write_keystore(
        &self,
        path: &Path,
        password: &SecretString,
    ) -> Result<(), OperatorError> {
        self.write(path, password).map_err(|error| {
            let name = path.display();
            OperatorError::Key(match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    format!("{name} is there already and is never replaced: take another name")
                }
                _ => format!("the keystore {name} cannot be written ({error})"),
            })
        })
    }

    fn write(&self, path: &Path, password: &SecretString) -> io::Result<()> {
        // Before the work of a second that encrypting is; what counts is the check at the end.
        if path.try_exists()? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        // The library writes into a folder as it likes; this one is nobody else's.
        let apart = tempfile::tempdir_in(folder)?;
        let key = Zeroizing::new(self.0.to_bytes().0);
        PrivateKeySigner::encrypt_keystore(
            apart.path(),
            &mut OsRng,
            *key,
            password.expose_secret(),
            Some("key"),
        )
        .map_err(io::Error::other)?;
        let text = fs::read(apart.path().join("key"))?;
        let mut file = NamedTempFile::new_in(apart.path())?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        // That its name is there for ever as well.
        File::open(folder)?.sync_all()
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
            "{name} is no keystore: name one that `devproof key` or `cast wallet` wrote"
        ))
    })?;
    let Work { n, r, c } = &keystore.crypto.kdfparams;
    let memory = n.unwrap_or(0).saturating_mul(r.unwrap_or(0)).saturating_mul(128);
    if memory > MAX_SCRYPT || c.unwrap_or(0) > MAX_ROUNDS {
        return Err(OperatorError::Key(format!(
            "the keystore {name} asks for more work than any should: make it anew with `devproof key import`"
        )));
    }
    Ok(keystore)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: u8) -> LocalKey {
        LocalKey::from_private_key(&format!("{last:064x}").into()).unwrap()
    }

    #[test]
    fn a_keystore_that_asks_for_terabytes_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("huge");
        let kdf = r#"{"crypto":{"kdf":"scrypt","kdfparams":{"dklen":32,"n":1099511627776,"p":1,"r":8,"salt":"00"}}}"#;
        std::fs::write(&path, kdf).unwrap();
        let error = LocalKey::from_keystore(&path, &"x".into()).unwrap_err().to_string();
        assert!(error.contains("more work than any should"), "{error}");
    }

    #[test]
    fn what_is_written_opens_with_its_password_only_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("some/folder/owner");
        let password = SecretString::from("pass word");
        key(7).write_keystore(&path, &password).unwrap();
        assert_eq!(LocalKey::from_keystore(&path, &password).unwrap().address(), key(7).address());
        let error = LocalKey::from_keystore(&path, &"pass".into()).unwrap_err().to_string();
        assert!(error.contains("the password does not open"), "{error}");
        let written = fs::read(&path).unwrap();
        let error = key(8).write_keystore(&path, &password).unwrap_err().to_string();
        assert!(error.contains("is there already and is never replaced"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), written);
        let there: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(there.len(), 1, "nothing is left beside it: {there:?}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn no_two_new_keys_are_the_same() {
        assert_ne!(LocalKey::random().address(), LocalKey::random().address());
    }
}
