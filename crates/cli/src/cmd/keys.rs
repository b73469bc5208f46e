//! Where the key is, and how it is opened.

use crate::{Failure, opts::KeyArgs, text::plain};
use devproof_operator::keys::Key;
use devproof_signers::{DerivationPath, SignerError};
use secrecy::SecretString;
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use zeroize::Zeroize;

/// The longest password or phrase that is read from a file, in bytes.
const MAX_SECRET: u64 = 4_096;

/// Where a key is.
pub(super) enum Source {
    /// In a Ledger.
    Ledger(DerivationPath),
    /// In AWS KMS, under this name.
    AwsKms(String),
    /// A phrase in a file.
    MnemonicFile(PathBuf),
    /// A keystore, which has a password.
    Keystore(PathBuf),
    /// A key in the environment.
    PrivateKey(SecretString),
    /// A phrase in the environment.
    Mnemonic(SecretString),
}

impl Source {
    /// What flags, configuration and environment say; `None` if they name no key. Of several it is the first in the order of
    /// the variants, so that what is in the environment is the last.
    pub(super) fn of(args: &KeyArgs) -> Result<Option<Self>, Failure> {
        if args.ledger {
            return Ok(Some(Self::Ledger(args.ledger_path.clone())));
        }
        if let Some(name) = &args.aws_kms_key {
            return Ok(Some(Self::AwsKms(name.clone())));
        }
        if let Some(file) = &args.mnemonic_file {
            return Ok(Some(Self::MnemonicFile(file.clone())));
        }
        if let Some(keystore) = keystore(args)? {
            return Ok(Some(Self::Keystore(keystore)));
        }
        if let Some(key) = secret_in("DEVPROOF_PRIVATE_KEY")? {
            return Ok(Some(Self::PrivateKey(key)));
        }
        Ok(secret_in("DEVPROOF_MNEMONIC")?.map(Self::Mnemonic))
    }

    /// Its name in a sentence.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Ledger(path) => format!("{path} of the Ledger"),
            Self::AwsKms(name) => format!("{} in AWS KMS", plain(name)),
            Self::MnemonicFile(_) => "the phrase in the file".to_owned(),
            Self::Keystore(path) => plain(&path.display().to_string()),
            Self::PrivateKey(_) => "DEVPROOF_PRIVATE_KEY".to_owned(),
            Self::Mnemonic(_) => "DEVPROOF_MNEMONIC".to_owned(),
        }
    }

    /// Opens it. Asks for a password only of a keystore.
    pub(super) async fn open(
        self,
        args: &KeyArgs,
        password: impl FnOnce(&Path) -> Result<SecretString, Failure>,
    ) -> Result<Key, Failure> {
        Ok(match self {
            Self::Ledger(path) => devproof_signers::ledger(&path).await?,
            Self::AwsKms(name) => devproof_signers::aws_kms(&name).await?,
            Self::MnemonicFile(file) => {
                Key::from_mnemonic(&secret_of(&file)?, args.mnemonic_index)?
            }
            Self::Keystore(path) => {
                let password = password(&path)?;
                Key::from_keystore(&path, &password)?
            }
            Self::PrivateKey(key) => Key::from_private_key(&key)?,
            Self::Mnemonic(phrase) => Key::from_mnemonic(&phrase, args.mnemonic_index)?,
        })
    }
}

impl From<SignerError> for Failure {
    fn from(error: SignerError) -> Self {
        match error {
            SignerError::NotBuilt { .. } | SignerError::Path(_) => Self::Usage(error.to_string()),
            _ => Self::CouldNotTell(error.to_string()),
        }
    }
}

fn keystore(args: &KeyArgs) -> Result<Option<PathBuf>, Failure> {
    if args.keystore.is_some() {
        return Ok(args.keystore.clone());
    }
    let Some(name) = &args.account else { return Ok(None) };
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        let name = plain(name);
        return Err(Failure::Usage(format!(
            "{name} is no name of a keystore: name a file with --keystore"
        )));
    }
    let folder = match env::var_os("FOUNDRY_DIR") {
        Some(foundry) => PathBuf::from(foundry),
        None => env::home_dir()
            .map(|home| home.join(".foundry"))
            .ok_or_else(|| Failure::Usage("there is no home folder: use --keystore".into()))?,
    };
    Ok(Some(folder.join("keystores").join(name)))
}

/// The password that was given, where nobody has to be asked.
pub(super) fn password(args: &KeyArgs) -> Result<Option<SecretString>, Failure> {
    match &args.password_file {
        Some(file) => secret_of(file).map(Some),
        None => secret_in("DEVPROOF_PASSWORD"),
    }
}

/// A secret of the environment. Not by way of the argument parser, which would keep it, and show it.
fn secret_in(name: &str) -> Result<Option<SecretString>, Failure> {
    match env::var(name) {
        Ok(secret) => Ok(Some(secret.into())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::Usage(format!("{name} is no text"))),
    }
}

/// A secret of a file, without the end of its line.
fn secret_of(file: &Path) -> Result<SecretString, Failure> {
    let name = plain(&file.display().to_string());
    let cannot = |why: String| Failure::Usage(format!("{name} cannot be read ({why})"));
    let size = fs::metadata(file).map_err(|e| cannot(e.to_string()))?.len();
    if size > MAX_SECRET {
        return Err(cannot(format!("it has more than {MAX_SECRET} bytes")));
    }
    let mut text = fs::read_to_string(file).map_err(|e| cannot(e.to_string()))?;
    let secret = SecretString::from(text.trim_end_matches(['\n', '\r']));
    text.zeroize();
    Ok(secret)
}
