//! The arguments of `devproof doctor`.

use super::{KeyArgs, SignArgs, SourceArgs};
use alloy_primitives::Address;
use clap::Args;
use devproof_api::parse;

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
    /// The key: it is looked at, and opened only if that asks nobody for anything.
    #[command(flatten)]
    pub key: KeyArgs,
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
        SignArgs { key: self.key.clone(), safe: self.safe, ..SignArgs::default() }
    }
}
