//! `devproof key`: keystores for those who have none, which Foundry opens as well.

use super::keys::{PlainSource, asked_password, keystore, password};
use crate::{
    Failure, Outcome,
    config::Settings,
    opts::{KeyImportArgs, KeyNewArgs, KeysArgs, KeysCommand, KeystoreArgs},
    shell::Shell,
    text::plain,
};
use alloy_primitives::Address;
use devproof_operator::keys::LocalKey;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Where a key is kept from now on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kept {
    /// The account that it signs for.
    address: Address,
    /// The file.
    keystore: String,
    /// Whether it was there before, with this very key: nothing was written then.
    already_there: bool,
}

impl Kept {
    fn words(&self) -> String {
        let Self { address, keystore, already_there } = self;
        let keystore = plain(keystore);
        if *already_there {
            return format!("{keystore} holds the key of {address} already. Nothing was written.");
        }
        format!(
            "{keystore} holds the key of {address} now.\n\n\
             Keep a copy of this file and of its password elsewhere: nobody can give either back, and whoever has both can sign."
        )
    }
}

/// Runs the command.
///
/// # Errors
/// If no keystore is named, there is one already with another key, or nobody says what is to be kept or its password.
pub fn run(args: KeysArgs, settings: &Settings, shell: &mut Shell) -> Result<Outcome, Failure> {
    let kept = match args.command {
        KeysCommand::New(KeyNewArgs { store }) => new(&settings.new_keystore(store), shell)?,
        KeysCommand::Import(args) => {
            let store = settings.new_keystore(args.store.clone());
            import(&KeyImportArgs { store, ..args }, shell)?
        }
    };
    shell.answer(&kept, || kept.words())?;
    Ok(Outcome::Yes)
}

fn new(store: &KeystoreArgs, shell: &mut Shell) -> Result<Kept, Failure> {
    let path = named(store)?;
    if is_there(&path)? {
        let name = plain(&path.display().to_string());
        return Err(Failure::Usage(format!(
            "{name} is there already and is never replaced: take another name"
        )));
    }
    let password = chosen_password(store, &path, shell)?;
    let key = LocalKey::random();
    key.write_keystore(&path, &password)?;
    Ok(kept(&key, &path, false))
}

fn import(args: &KeyImportArgs, shell: &mut Shell) -> Result<Kept, Failure> {
    let path = named(&args.store)?;
    let key = match PlainSource::of(&args.phrase)? {
        Some(source) => source.open(args.phrase.mnemonic_index)?,
        None => {
            let typed = shell.ask_password("Private key")?.ok_or_else(|| {
                Failure::Usage(
                    "there is no key, and nobody to ask: use --mnemonic-file, DEVPROOF_PRIVATE_KEY or DEVPROOF_MNEMONIC".into(),
                )
            })?;
            LocalKey::from_private_key(&typed)?
        }
    };
    if !is_there(&path)? {
        let password = chosen_password(&args.store, &path, shell)?;
        key.write_keystore(&path, &password)?;
        return Ok(kept(&key, &path, false));
    }
    let held = LocalKey::from_keystore(&path, &asked_password(&args.store, &path, shell)?)?;
    if held.address() != key.address() {
        let (name, other) = (plain(&path.display().to_string()), held.address());
        return Err(Failure::Usage(format!(
            "{name} is there already, holds the key of {other}, and is never replaced: take another name"
        )));
    }
    Ok(kept(&key, &path, true))
}

fn kept(key: &LocalKey, path: &Path, already_there: bool) -> Kept {
    Kept { address: key.address(), keystore: path.display().to_string(), already_there }
}

fn named(store: &KeystoreArgs) -> Result<PathBuf, Failure> {
    keystore(store)?.ok_or_else(|| {
        Failure::Usage("no keystore is named: name one with --account or --keystore".into())
    })
}

fn is_there(path: &Path) -> Result<bool, Failure> {
    path.try_exists().map_err(|e| {
        let name = plain(&path.display().to_string());
        Failure::Usage(format!("{name} cannot be looked for ({e})"))
    })
}

/// The password for a keystore that is not there yet. Typed twice, for what is mistyped locks the key away for ever.
fn chosen_password(
    store: &KeystoreArgs,
    path: &Path,
    shell: &mut Shell,
) -> Result<SecretString, Failure> {
    let is_given = password(store)?.is_some();
    let chosen = asked_password(store, path, shell)?;
    if chosen.expose_secret().is_empty() {
        return Err(Failure::Usage(
            "the password is empty, so that whoever has the file could sign: choose another".into(),
        ));
    }
    let again = if is_given { None } else { shell.ask_password("The same again")? };
    if again.is_some_and(|again| again.expose_secret() != chosen.expose_secret()) {
        return Err(Failure::Usage(
            "the two passwords differ, and nothing was written: begin anew".into(),
        ));
    }
    Ok(chosen)
}
