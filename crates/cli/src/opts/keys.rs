//! Where a key is: the operator's verbs sign with it, `devproof doctor` looks at it. And the verbs that make one.

use clap::{Args, Subcommand};
use devproof_signers::DerivationPath;
use std::path::PathBuf;

/// Which keystore, and what opens it.
#[derive(Args, Clone, Debug, Default)]
pub struct KeystoreArgs {
    /// Use this keystore, as `devproof key` and `cast wallet` write them. Its password is read from
    /// --password-file or DEVPROOF_PASSWORD, or asked for where it is needed.
    #[arg(long, env = "DEVPROOF_KEYSTORE", value_name = "FILE", verbatim_doc_comment)]
    pub keystore: Option<PathBuf>,
    /// Likewise this keystore of ~/.foundry/keystores.
    #[arg(long, env = "DEVPROOF_ACCOUNT", value_name = "NAME", verbatim_doc_comment)]
    pub account: Option<String>,
    /// Read the password of the keystore from this file.
    #[arg(long, env = "DEVPROOF_PASSWORD_FILE", value_name = "FILE", verbatim_doc_comment)]
    pub password_file: Option<PathBuf>,
}

/// Which phrase, and which of its keys.
#[derive(Args, Clone, Debug, Default)]
pub struct MnemonicArgs {
    /// Use a key of the mnemonic phrase in this file; or DEVPROOF_MNEMONIC.
    #[arg(long, env = "DEVPROOF_MNEMONIC_FILE", value_name = "FILE", verbatim_doc_comment)]
    pub mnemonic_file: Option<PathBuf>,
    /// Take this account of the phrase, m/44'/60'/0'/0/INDEX.
    #[arg(long, value_name = "INDEX", default_value_t = 0, verbatim_doc_comment)]
    pub mnemonic_index: u32,
}

/// Where the key is that signs.
#[derive(Args, Clone, Debug, Default)]
pub struct KeyArgs {
    /// A keystore.
    #[command(flatten)]
    pub store: KeystoreArgs,
    /// A phrase.
    #[command(flatten)]
    pub phrase: MnemonicArgs,
    /// Use a key of the Ledger that is plugged in, unlocked, with its Ethereum app open. Needs a
    /// devproof that was built with --features ledger.
    #[arg(long, verbatim_doc_comment)]
    pub ledger: bool,
    /// Take this key of the Ledger.
    #[arg(
        long,
        env = "DEVPROOF_LEDGER_PATH",
        value_name = "PATH",
        default_value_t,
        verbatim_doc_comment
    )]
    pub ledger_path: DerivationPath,
    /// Use this key in AWS KMS, which signs there; credentials and region are those that the tools
    /// of AWS use. Needs a devproof that was built with --features aws-kms.
    #[arg(long, env = "DEVPROOF_AWS_KMS_KEY", value_name = "ID", verbatim_doc_comment)]
    pub aws_kms_key: Option<String>,
}

impl KeyArgs {
    /// Whether these say where the key is.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        self.ledger
            || self.aws_kms_key.is_some()
            || self.phrase.mnemonic_file.is_some()
            || self.store.keystore.is_some()
            || self.store.account.is_some()
    }
}

/// Arguments of `devproof key`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof key new --account owner
  devproof key import --account owner --mnemonic-file phrase")]
pub struct KeysArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// The verbs of `devproof key`.
#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a new key, and keep it in a new keystore.
    #[command(verbatim_doc_comment)]
    New(KeyNewArgs),
    /// Keep a key that there is already in a new keystore.
    #[command(verbatim_doc_comment)]
    Import(KeyImportArgs),
}

/// Arguments of `devproof key new`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof key new --account owner
  devproof key new --keystore keys/guardian --password-file password

The keystore is the only place where the key is: without a copy of it and its password, what the key owns is lost
with it. A keystore that is there already is never replaced. Foundry opens it too: cast wallet address --account owner")]
pub struct KeyNewArgs {
    /// The keystore that is made.
    #[command(flatten)]
    pub store: KeystoreArgs,
}

/// Arguments of `devproof key import`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof key import --account owner
  devproof key import --account owner --mnemonic-file phrase --mnemonic-index 1
  DEVPROOF_PRIVATE_KEY=$(cat key) devproof key import --keystore keys/owner --password-file password

The key comes from --mnemonic-file, DEVPROOF_PRIVATE_KEY or DEVPROOF_MNEMONIC, the first of them that is there; without
any it is asked for, and not shown. If the keystore is there already and holds this key, it stays as it is.")]
pub struct KeyImportArgs {
    /// The keystore that is made.
    #[command(flatten)]
    pub store: KeystoreArgs,
    /// The phrase with the key.
    #[command(flatten)]
    pub phrase: MnemonicArgs,
}
