//! Where the key is, and how it is opened.

use crate::{
    Failure,
    opts::{KeyArgs, KeystoreArgs, MnemonicArgs},
    shell::Shell,
    text::plain,
};
use devproof_operator::keys::{Key, LocalKey};
use devproof_signers::{DerivationPath, SignerError};
use secrecy::SecretString;
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use zeroize::Zeroize;

/// The longest password or phrase that is read from a file, in bytes.
const MAX_SECRET: u64 = 4_096;

const PRIVATE_KEY: &str = "DEVPROOF_PRIVATE_KEY";
const MNEMONIC: &str = "DEVPROOF_MNEMONIC";

/// Where a key is.
pub(super) enum Source {
    /// In a Ledger.
    Ledger(DerivationPath),
    /// In AWS KMS, under this name.
    AwsKms(String),
    /// A keystore, which has a password.
    Keystore(PathBuf),
    /// Where it can be read as it is.
    Plain(PlainSource),
}

/// Where a key can be read as it is.
pub(super) enum PlainSource {
    /// A phrase in a file.
    MnemonicFile(PathBuf),
    /// A key in the environment.
    PrivateKey(SecretString),
    /// A phrase in the environment.
    Mnemonic(SecretString),
}

impl Source {
    /// What flags, configuration and environment say; `None` if they name no key. Of several it is the first of: a Ledger, AWS KMS, a
    /// phrase in a file, a keystore, the environment.
    pub(super) fn of(args: &KeyArgs) -> Result<Option<Self>, Failure> {
        if args.ledger {
            return Ok(Some(Self::Ledger(args.ledger_path.clone())));
        }
        if let Some(name) = &args.aws_kms_key {
            return Ok(Some(Self::AwsKms(name.clone())));
        }
        if let Some(file) = PlainSource::in_file(&args.phrase) {
            return Ok(Some(Self::Plain(file)));
        }
        if let Some(keystore) = keystore(&args.store)? {
            return Ok(Some(Self::Keystore(keystore)));
        }
        Ok(PlainSource::in_environment()?.map(Self::Plain))
    }

    /// Its name in a sentence.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Ledger(path) => format!("{path} of the Ledger"),
            Self::AwsKms(name) => format!("{} in AWS KMS", plain(name)),
            Self::Keystore(path) => plain(&path.display().to_string()),
            Self::Plain(PlainSource::MnemonicFile(_)) => "the phrase in the file".to_owned(),
            Self::Plain(PlainSource::PrivateKey(_)) => PRIVATE_KEY.to_owned(),
            Self::Plain(PlainSource::Mnemonic(_)) => MNEMONIC.to_owned(),
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
            Self::Keystore(path) => {
                let password = password(&path)?;
                LocalKey::from_keystore(&path, &password)?.into()
            }
            Self::Plain(source) => source.open(args.phrase.mnemonic_index)?.into(),
        })
    }
}

impl PlainSource {
    /// What flags and environment say, of several the first in the order of the variants; `None` if nothing.
    pub(super) fn of(args: &MnemonicArgs) -> Result<Option<Self>, Failure> {
        match Self::in_file(args) {
            Some(file) => Ok(Some(file)),
            None => Self::in_environment(),
        }
    }

    fn in_file(args: &MnemonicArgs) -> Option<Self> {
        args.mnemonic_file.clone().map(Self::MnemonicFile)
    }

    fn in_environment() -> Result<Option<Self>, Failure> {
        if let Some(key) = secret_in(PRIVATE_KEY)? {
            return Ok(Some(Self::PrivateKey(key)));
        }
        Ok(secret_in(MNEMONIC)?.map(Self::Mnemonic))
    }

    /// The key; of a phrase that of this account.
    pub(super) fn open(&self, index: u32) -> Result<LocalKey, Failure> {
        Ok(match self {
            Self::MnemonicFile(file) => LocalKey::from_mnemonic(&secret_of(file)?, index)?,
            Self::PrivateKey(key) => LocalKey::from_private_key(key)?,
            Self::Mnemonic(phrase) => LocalKey::from_mnemonic(phrase, index)?,
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

/// The file of the keystore that is named; `None` if none is.
pub(super) fn keystore(args: &KeystoreArgs) -> Result<Option<PathBuf>, Failure> {
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
pub(super) fn password(args: &KeystoreArgs) -> Result<Option<SecretString>, Failure> {
    match &args.password_file {
        Some(file) => secret_of(file).map(Some),
        None => secret_in("DEVPROOF_PASSWORD"),
    }
}

/// The password of this keystore: the one that was given, or that somebody types.
pub(super) fn asked_password(
    args: &KeystoreArgs,
    keystore: &Path,
    shell: &mut Shell,
) -> Result<SecretString, Failure> {
    if let Some(password) = password(args)? {
        return Ok(password);
    }
    let name = plain(&keystore.display().to_string());
    shell.ask_password(&format!("Password of {name}"))?.ok_or_else(|| {
        Failure::Usage(
            "the keystore has a password, and there is nobody to ask: use --password-file or DEVPROOF_PASSWORD".into(),
        )
    })
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
