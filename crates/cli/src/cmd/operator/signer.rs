//! Who signs: a key of ours, a Safe, or somebody else with the call as data.

use crate::{Failure, opts::SignArgs, shell::Shell, text::plain};
use alloy_primitives::Address;
use devproof_operator::keys::Key;
use secrecy::SecretString;
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use zeroize::Zeroize;

/// The longest password or phrase that is read from a file, in bytes.
const MAX_SECRET: u64 = 4_096;

/// Who signs.
#[derive(Debug)]
pub(super) enum Signer {
    /// A key that is here.
    Key(Key),
    /// A Safe.
    Safe(Address),
    /// Somebody who gets the call as data.
    Calldata,
    /// Nobody: it is only shown what this account would do.
    Nobody(Address),
}

impl Signer {
    /// The account, where it is known.
    pub(super) const fn address(&self) -> Option<Address> {
        match self {
            Self::Key(key) => Some(key.address()),
            Self::Safe(address) | Self::Nobody(address) => Some(*address),
            Self::Calldata => None,
        }
    }

    /// Finds out who signs, and opens the key. Asks for a password only here.
    pub(super) fn of(args: &SignArgs, shell: &mut Shell) -> Result<Self, Failure> {
        if args.calldata {
            return Ok(Self::Calldata);
        }
        if let Some(from) = args.from {
            return Ok(Self::Nobody(from));
        }
        if let Some(safe) = args.safe {
            return Ok(Self::Safe(safe));
        }
        if let Some(key) = &args.private_key {
            shell.warn(
                "a private key on the command line is in the history of the shell, and others on this machine can read it: use a \
                 keystore.",
            );
            return Ok(Self::Key(Key::from_private_key(&key.as_str().into())?));
        }
        if let Some(file) = &args.mnemonic_file {
            let phrase = secret_of(file)?;
            return Ok(Self::Key(Key::from_mnemonic(&phrase, args.mnemonic_index)?));
        }
        if let Some(keystore) = keystore(args)? {
            let password = password(args, &keystore, shell)?;
            return Ok(Self::Key(Key::from_keystore(&keystore, &password)?));
        }
        if let Some(key) = secret_in("DEVPROOF_PRIVATE_KEY")? {
            return Ok(Self::Key(Key::from_private_key(&key)?));
        }
        if let Some(phrase) = secret_in("DEVPROOF_MNEMONIC")? {
            return Ok(Self::Key(Key::from_mnemonic(&phrase, args.mnemonic_index)?));
        }
        Err(Failure::Usage(
            "nobody signs: name a keystore with --account or --keystore, a Safe with --safe, or take the call with --calldata".into(),
        ))
    }
}

pub(in crate::cmd) fn keystore(args: &SignArgs) -> Result<Option<PathBuf>, Failure> {
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

fn password(args: &SignArgs, keystore: &Path, shell: &mut Shell) -> Result<SecretString, Failure> {
    if let Some(file) = &args.password_file {
        return secret_of(file);
    }
    if let Some(password) = secret_in("DEVPROOF_PASSWORD")? {
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
pub(in crate::cmd) fn secret_in(name: &str) -> Result<Option<SecretString>, Failure> {
    match env::var(name) {
        Ok(secret) => Ok(Some(secret.into())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::Usage(format!("{name} is no text"))),
    }
}

/// A secret of a file, without the end of its line.
pub(in crate::cmd) fn secret_of(file: &Path) -> Result<SecretString, Failure> {
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
