//! The arguments of the operator's verbs.

use super::{
    KeyArgs,
    values::{digest, gwei, setting},
};
use alloy_primitives::{Address, B256};
use clap::{ArgGroup, Args, Subcommand};
use devproof_api::{Finality, parse};
use devproof_operator::Setting;
use std::path::PathBuf;

/// Who signs, what is offered, and how long is waited.
#[derive(Args, Clone, Debug, Default)]
pub struct SignArgs {
    /// The key.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Sign with this key, which others on this machine can read here: DEVPROOF_PRIVATE_KEY
    /// or a keystore is better.
    #[arg(long, value_name = "KEY", verbatim_doc_comment)]
    pub private_key: Option<String>,
    /// Send nothing: this Safe owns the app. Write a file for its Transaction Builder, and
    /// print the safeTxHash to compare on the device.
    #[arg(long, env = "DEVPROOF_SAFE", value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub safe: Option<Address>,
    /// Take this nonce of the Safe instead of its next one.
    #[arg(long, value_name = "NONCE", requires = "safe", verbatim_doc_comment)]
    pub safe_nonce: Option<u64>,
    /// Write the file for the Safe here.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "safe-transaction.json",
        verbatim_doc_comment
    )]
    pub safe_file: PathBuf,
    /// Send nothing: print the target, the value and the data of the call.
    #[arg(long, verbatim_doc_comment)]
    pub calldata: bool,
    /// Send nothing: show what would happen if this account sent it.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub from: Option<Address>,
    /// Go on without asking.
    #[arg(long, short, verbatim_doc_comment)]
    pub yes: bool,
    /// Show everything, ask nothing and send nothing.
    #[arg(long, verbatim_doc_comment)]
    pub dry_run: bool,
    /// Offer at most this for a unit of gas, in gwei [default: twice what the last blocks took].
    #[arg(long, value_name = "GWEI", value_parser = gwei, verbatim_doc_comment)]
    pub max_fee: Option<u128>,
    /// And of that so much to who makes the block.
    #[arg(long, value_name = "GWEI", value_parser = gwei, verbatim_doc_comment)]
    pub tip: Option<u128>,
    /// Put it in the place of the account's first transaction that waits, and offer more.
    #[arg(long, verbatim_doc_comment)]
    pub replace: bool,
    /// Wait so many seconds for a block that includes it.
    #[arg(
        long,
        env = "DEVPROOF_INCLUSION_SECONDS",
        value_name = "SECONDS",
        default_value_t = 180,
        verbatim_doc_comment
    )]
    pub inclusion_seconds: u64,
    /// Wait until its block is unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
    /// Wait so many seconds for that.
    #[arg(
        long,
        env = "DEVPROOF_FINALITY_SECONDS",
        value_name = "SECONDS",
        default_value_t = 3600,
        verbatim_doc_comment
    )]
    pub finality_seconds: u64,
}

/// Which value of which setting.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("value").required(true).args(["compose", "compose_hash", "setting"]))]
pub struct ValueArgs {
    /// Name the version by its app-compose.json: the hash is that of its exact bytes.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub compose: Option<PathBuf>,
    /// Name the version by its hash.
    #[arg(long, value_name = "HASH", value_parser = parse::compose_hash, verbatim_doc_comment)]
    pub compose_hash: Option<B256>,
    /// Name another setting and its value: device=ID, any-device, no-tcb, os-image=HASH,
    /// any-os-image, notice=SECONDS (or 7d), guardian=ADDRESS (or none), freeze=SETTING.
    #[arg(long, value_name = "SETTING", value_parser = setting, verbatim_doc_comment)]
    pub setting: Option<(Setting, B256)>,
}

/// Arguments of `devproof propose`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof propose 0x52908400098527886e0f7030069857d2e4169ee7 --compose app-compose.json --platform prepared.json --account owner
  devproof propose 0x52908400098527886e0f7030069857d2e4169ee7 --compose app-compose.json --safe 0x2f83172a49584c017f2b256f0fb2dca14126ba9c
  devproof propose 0x52908400098527886e0f7030069857d2e4169ee7 --setting device=0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

Exit codes: 0 announced (now or before), 1 a check or the contract says no, 2 could not tell, 64 usage.
docs/operator.md has the checks, and the whole way of a release.")]
pub struct ProposeArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// What to announce.
    #[command(flatten)]
    pub value: ValueArgs,
    /// Compare with what the platform says it will run: its saved answer to provisioning or to
    /// the prepared update, or its compose file. Once for each replica.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub platform: Vec<PathBuf>,
    /// Say which source it was built from, a digest that becomes part of the announcement.
    #[arg(long, value_name = "DIGEST", value_parser = digest, verbatim_doc_comment)]
    pub source_digest: Option<B256>,
    /// And where to read it.
    #[arg(long, value_name = "URL", requires = "source_digest", verbatim_doc_comment)]
    pub source_url: Option<String>,
    /// Check that it can be activated at this time, RFC 3339 or Unix seconds.
    #[arg(long, value_name = "TIME", value_parser = parse::time, verbatim_doc_comment)]
    pub planned: Option<u64>,
    /// Go on although this check fails; may be repeated.
    #[arg(long, value_name = "CHECK", verbatim_doc_comment)]
    pub accept: Vec<String>,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof activate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof activate 0x52908400098527886e0f7030069857d2e4169ee7 --compose app-compose.json --account anybody --when-ripe
  devproof activate 0x52908400098527886e0f7030069857d2e4169ee7 --compose app-compose.json --platform prepared.json --yes

Anybody may activate what is ripe. Exit codes: 0 in force (now or before), 1 the contract says no, 2 too early or
could not tell, 64 usage.")]
pub struct ActivateArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// What to activate.
    #[command(flatten)]
    pub value: ValueArgs,
    /// Wait until it may be activated.
    #[arg(long, verbatim_doc_comment)]
    pub when_ripe: bool,
    /// Compare with what the platform says it will run now, which may have changed during the notice.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub platform: Vec<PathBuf>,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof cancel`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof cancel 0x52908400098527886e0f7030069857d2e4169ee7 --compose app-compose.json --account guardian
  devproof cancel 0x52908400098527886e0f7030069857d2e4169ee7 --setting any-device --calldata

Owner and guardian cancel; a dead announcement anybody. Exit codes: 0 nothing is announced (any more), 1 the contract says
no, 2 could not tell, 64 usage.")]
pub struct CancelArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// What to withdraw.
    #[command(flatten)]
    pub value: ValueArgs,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof remove`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof remove 0x52908400098527886e0f7030069857d2e4169ee7 --compose old/app-compose.json --account owner
  devproof remove 0x52908400098527886e0f7030069857d2e4169ee7 --setting any-device --account guardian

Instant. Exit codes: 0 it is not accepted (any more), 1 the contract says no, 2 could not tell, 64 usage.")]
pub struct RemoveArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// What to accept no longer: a version, device=ID, os-image=HASH or any-device.
    #[command(flatten)]
    pub value: ValueArgs,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof status`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("value").args(["compose", "compose_hash", "setting"]), after_help = "\
Examples:
  devproof status 0x52908400098527886e0f7030069857d2e4169ee7
  devproof status 0x52908400098527886e0f7030069857d2e4169ee7 --compose app-compose.json

With a value the exit code is 0 if it is in force, 2 if it is announced and may come, 1 if neither.")]
pub struct StatusArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Ask about the version of this app-compose.json.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub compose: Option<PathBuf>,
    /// Ask about the version with this hash.
    #[arg(long, value_name = "HASH", value_parser = parse::compose_hash, verbatim_doc_comment)]
    pub compose_hash: Option<B256>,
    /// Ask about a value of another setting, as `devproof propose` names it.
    #[arg(long, value_name = "SETTING", value_parser = setting, verbatim_doc_comment)]
    pub setting: Option<(Setting, B256)>,
}

/// Arguments of `devproof contract`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof contract verify 0x52908400098527886e0f7030069857d2e4169ee7")]
pub struct ContractArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ContractCommand,
}

/// What is done with a contract.
#[derive(Clone, Debug, Subcommand)]
pub enum ContractCommand {
    /// Tell whether the notice of an app is kept by code that nobody can change.
    #[command(verbatim_doc_comment)]
    Verify(ContractVerifyArgs),
}

/// Arguments of `devproof contract verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof contract verify 0x52908400098527886e0f7030069857d2e4169ee7 --rpc-url http://127.0.0.1:8545
  devproof contract verify 0x52908400098527886e0f7030069857d2e4169ee7 --solc bin/solc

Exit codes: 0 the notice is enforced by immutable code, 1 it is not, or nobody knows the code, 2 could not tell, 64 usage.")]
pub struct ContractVerifyArgs {
    /// Name the contract by its address.
    #[arg(value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub address: Address,
    /// Compile the committed sources with this solc 0.8.37 instead of trusting the committed artifacts.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub solc: Option<PathBuf>,
}
