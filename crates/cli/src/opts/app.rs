//! The arguments of `devproof app`.

use super::{
    ImagesArgs, NoticeArgs, SignArgs, StatusArgs, TcbArgs,
    values::{digest, frozen, seconds},
};
use alloy_primitives::{Address, B256};
use clap::{ArgGroup, Args, Subcommand};
use devproof_api::parse;
use devproof_operator::Setting;
use std::path::PathBuf;

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
    /// Accept only some OS images; add to them with notice, or remove one at once.
    #[command(verbatim_doc_comment)]
    Images(Box<ImagesArgs>),
    /// Lengthen the notice at once, or announce a shorter one.
    #[command(verbatim_doc_comment)]
    Notice(Box<NoticeArgs>),
    /// Require an up-to-date TCB at once, or announce that none is required.
    #[command(verbatim_doc_comment)]
    Tcb(Box<TcbArgs>),
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
