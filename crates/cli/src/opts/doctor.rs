//! The arguments of `devproof doctor`.

use super::{SignArgs, SourceArgs};
use alloy_primitives::Address;
use clap::Args;
use devproof_api::parse;
use std::path::PathBuf;

/// Arguments of `devproof doctor`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof doctor
  devproof doctor --rpc-url http://127.0.0.1:8545 --chain 31337
  devproof doctor --account owner --password-file password.txt --json

Each line has a name that stays: config.*, database.*, rpc.*, clock, key.* and contract.*; docs/operations.md lists them.
Nothing is changed, signed or sent. Exit codes: 0 nothing is wrong, 1 something is, 2 something could not be told, 64 usage.")]
pub struct DoctorArgs {
    /// Wait so long for what one line needs.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600), verbatim_doc_comment)]
    pub timeout_seconds: u64,
    /// Look at the key in this keystore. It is opened only if its password is given.
    #[arg(long, env = "DEVPROOF_KEYSTORE", value_name = "FILE", verbatim_doc_comment)]
    pub keystore: Option<PathBuf>,
    /// Likewise at this keystore of ~/.foundry/keystores.
    #[arg(long, env = "DEVPROOF_ACCOUNT", value_name = "NAME", verbatim_doc_comment)]
    pub account: Option<String>,
    /// Read the password of the keystore from this file; or DEVPROOF_PASSWORD.
    #[arg(long, env = "DEVPROOF_PASSWORD_FILE", value_name = "FILE", verbatim_doc_comment)]
    pub password_file: Option<PathBuf>,
    /// Look at the key of the mnemonic phrase in this file; or DEVPROOF_MNEMONIC.
    #[arg(long, env = "DEVPROOF_MNEMONIC_FILE", value_name = "FILE", verbatim_doc_comment)]
    pub mnemonic_file: Option<PathBuf>,
    /// Look at the Safe that owns the app instead of a key.
    #[arg(long, env = "DEVPROOF_SAFE", value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub safe: Option<Address>,
    /// What is followed: each has to be there, and to be what it is taken for.
    #[command(flatten)]
    pub sources: SourceArgs,
}

impl DoctorArgs {
    /// As the arguments of who signs.
    #[must_use]
    pub fn signing(&self) -> SignArgs {
        SignArgs {
            keystore: self.keystore.clone(),
            account: self.account.clone(),
            password_file: self.password_file.clone(),
            mnemonic_file: self.mnemonic_file.clone(),
            safe: self.safe,
            ..SignArgs::default()
        }
    }
}
