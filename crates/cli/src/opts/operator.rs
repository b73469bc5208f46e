//! The arguments of the operator's verbs.

use super::values::{digest, frozen, gwei, seconds, setting};
use alloy_primitives::{Address, B256};
use clap::{ArgGroup, Args, Subcommand};
use devproof_api::{Finality, parse};
use devproof_operator::Setting;
use std::path::PathBuf;

/// Who signs, what is offered, and how long is waited.
#[derive(Args, Clone, Debug, Default)]
pub struct SignArgs {
    /// Sign with the key in this keystore, as `cast wallet` writes them. Its password is
    /// asked for, or read from --password-file or DEVPROOF_PASSWORD.
    #[arg(long, env = "DEVPROOF_KEYSTORE", value_name = "FILE", verbatim_doc_comment)]
    pub keystore: Option<PathBuf>,
    /// Likewise with this keystore of ~/.foundry/keystores.
    #[arg(long, env = "DEVPROOF_ACCOUNT", value_name = "NAME", verbatim_doc_comment)]
    pub account: Option<String>,
    /// Read the password of the keystore from this file.
    #[arg(long, env = "DEVPROOF_PASSWORD_FILE", value_name = "FILE", verbatim_doc_comment)]
    pub password_file: Option<PathBuf>,
    /// Sign with a key of the mnemonic phrase in this file; or DEVPROOF_MNEMONIC.
    #[arg(long, env = "DEVPROOF_MNEMONIC_FILE", value_name = "FILE", verbatim_doc_comment)]
    pub mnemonic_file: Option<PathBuf>,
    /// Take this account of the phrase, m/44'/60'/0'/0/INDEX.
    #[arg(long, value_name = "INDEX", default_value_t = 0, verbatim_doc_comment)]
    pub mnemonic_index: u32,
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

/// Arguments of `devproof app`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof app deploy --factory 0x52908400098527886e0f7030069857d2e4169ee7 --owner 0x2f83172a49584c017f2b256f0fb2dca14126ba9c --compose app-compose.json
  devproof app show 0x52908400098527886e0f7030069857d2e4169ee7
  devproof app guardian 0x52908400098527886e0f7030069857d2e4169ee7 --name 0x2f83172a49584c017f2b256f0fb2dca14126ba9c")]
pub struct AppArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AppCommand,
}

/// What is done to an app.
#[derive(Clone, Debug, Subcommand)]
pub enum AppCommand {
    /// Deploy an AppAuth through a factory, and register it with a KMS.
    #[command(verbatim_doc_comment)]
    Deploy(Box<DeployArgs>),
    /// Make an app known to a KMS.
    #[command(verbatim_doc_comment)]
    Register(Box<RegisterArgs>),
    /// Show an app's policy as its contract has it now, and what is announced.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Examples:
  devproof app show 0x52908400098527886e0f7030069857d2e4169ee7"
    )]
    Show(StatusArgs),
    /// Offer the ownership of an app to somebody, or accept it.
    #[command(verbatim_doc_comment)]
    Transfer(Box<TransferArgs>),
    /// Name a guardian, or announce another one.
    #[command(verbatim_doc_comment)]
    Guardian(Box<GuardianArgs>),
    /// Announce devices, or remove them at once.
    #[command(verbatim_doc_comment)]
    Devices(Box<DevicesArgs>),
    /// Announce that a setting can never widen again.
    #[command(verbatim_doc_comment)]
    Freeze(Box<FreezeArgs>),
}

/// Arguments of `devproof app deploy`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof app deploy --factory 0x52908400098527886e0f7030069857d2e4169ee7 --owner 0x2f83172a49584c017f2b256f0fb2dca14126ba9c --compose app-compose.json --kms 0x2f83172a49584c017f2b256f0fb2dca14126ba9c --account owner

The address follows from the settings: the same command finds the same app, and deploys it once.")]
pub struct DeployArgs {
    /// Deploy through this factory (script/Deploy.s.sol puts one on a chain).
    #[arg(long, env = "DEVPROOF_FACTORY", value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub factory: Address,
    /// Let this account own it; a Safe is better than a single key.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub owner: Address,
    /// Let this account cancel and remove besides.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub guardian: Option<Address>,
    /// Give users so long a notice before anything widens: 2d to 30d.
    #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "7d", verbatim_doc_comment)]
    pub notice: u32,
    /// Allow the version of this app-compose.json from birth; may be repeated.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub compose: Vec<PathBuf>,
    /// Allow the version with this hash from birth; may be repeated.
    #[arg(long, value_name = "HASH", value_parser = parse::compose_hash, verbatim_doc_comment)]
    pub compose_hash: Vec<B256>,
    /// Accept only this device; may be repeated. Without any, every device is accepted.
    #[arg(long, value_name = "ID", value_parser = digest, verbatim_doc_comment)]
    pub device: Vec<B256>,
    /// Accept only this OS image; may be repeated. Without any, those that the KMS admits.
    #[arg(long, value_name = "HASH", value_parser = digest, verbatim_doc_comment)]
    pub os_image: Vec<B256>,
    /// Require an up-to-date TCB.
    #[arg(long, verbatim_doc_comment)]
    pub require_tcb: bool,
    /// Tell two apps with the same settings apart.
    #[arg(long, value_name = "WORD", value_parser = digest, default_value_t = B256::ZERO, verbatim_doc_comment)]
    pub salt: B256,
    /// Register it with this KMS.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub kms: Option<Address>,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof app register`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof app register 0x52908400098527886e0f7030069857d2e4169ee7 --kms 0x2f83172a49584c017f2b256f0fb2dca14126ba9c --account owner")]
pub struct RegisterArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Register it with this KMS.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub kms: Address,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof app transfer`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("whom").required(true).args(["to", "accept", "withdraw"]), after_help = "\
Examples:
  devproof app transfer 0x52908400098527886e0f7030069857d2e4169ee7 --to 0x2f83172a49584c017f2b256f0fb2dca14126ba9c --account owner
  devproof app transfer 0x52908400098527886e0f7030069857d2e4169ee7 --accept --account new-owner

Two steps and no notice: an owner can widen nothing without one.")]
pub struct TransferArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Offer it to this account.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub to: Option<Address>,
    /// Accept what was offered to the account that signs.
    #[arg(long, verbatim_doc_comment)]
    pub accept: bool,
    /// Take an offer back.
    #[arg(long, verbatim_doc_comment)]
    pub withdraw: bool,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof app guardian`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("whom").required(true).args(["name", "replace_by", "remove"]), after_help = "\
Examples:
  devproof app guardian 0x52908400098527886e0f7030069857d2e4169ee7 --name 0x2f83172a49584c017f2b256f0fb2dca14126ba9c --account owner
  devproof app guardian 0x52908400098527886e0f7030069857d2e4169ee7 --remove --account owner

Naming the first guardian is instant. Replacing or removing one is announced, and activated with
`devproof activate --setting guardian=ADDRESS`.")]
pub struct GuardianArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Name this account, where there is no guardian.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub name: Option<Address>,
    /// Announce this account in the place of the present one.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub replace_by: Option<Address>,
    /// Announce that there will be none.
    #[arg(long, verbatim_doc_comment)]
    pub remove: bool,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof app devices`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("which").required(true).args(["add", "add_any", "remove", "remove_any"]), after_help = "\
Examples:
  devproof app devices 0x52908400098527886e0f7030069857d2e4169ee7 --add 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --account owner
  devproof app devices 0x52908400098527886e0f7030069857d2e4169ee7 --remove-any --account owner

Adding is announced, and activated with `devproof activate --setting device=ID`. Removing is instant.")]
pub struct DevicesArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Announce this device.
    #[arg(long, value_name = "ID", value_parser = digest, verbatim_doc_comment)]
    pub add: Option<B256>,
    /// Announce that any device may run the app.
    #[arg(long, verbatim_doc_comment)]
    pub add_any: bool,
    /// Accept this device no longer.
    #[arg(long, value_name = "ID", value_parser = digest, verbatim_doc_comment)]
    pub remove: Option<B256>,
    /// Accept no longer any device, only those listed.
    #[arg(long, verbatim_doc_comment)]
    pub remove_any: bool,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof app freeze`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof app freeze 0x52908400098527886e0f7030069857d2e4169ee7 compose-hash --account owner

Announced like everything that widens, and for good once it is activated with
`devproof activate --setting freeze=SETTING`.")]
pub struct FreezeArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Freeze this: compose-hash, device, any-device, tcb, os-image, any-os-image, notice or guardian.
    #[arg(value_name = "SETTING", value_parser = frozen, verbatim_doc_comment)]
    pub setting: Setting,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
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
