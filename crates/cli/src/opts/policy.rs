//! The arguments of the verbs that change what an app asks of systems, machines and time.

use super::{
    SignArgs,
    values::{digest, seconds},
};
use alloy_primitives::{Address, B256};
use clap::{ArgGroup, Args};
use devproof_api::parse;

/// Arguments of `devproof app images`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("which").required(true).args(["pin", "add", "add_any", "remove"]), after_help = "\
Examples:
  devproof app images 0x52908400098527886e0f7030069857d2e4169ee7 --pin 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --account owner
  devproof app images 0x52908400098527886e0f7030069857d2e4169ee7 --add 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --account owner
  devproof app images 0x52908400098527886e0f7030069857d2e4169ee7 --remove 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --account guardian

The first list and every removal are instant. Adding to a list, and giving it up, is announced, and activated with
`devproof activate --setting os-image=HASH` or `--setting any-os-image`. A list that is empty accepts nothing.")]
pub struct ImagesArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Accept only this OS image from now on, where there is no list yet; may be repeated.
    #[arg(long, value_name = "HASH", value_parser = digest, verbatim_doc_comment)]
    pub pin: Vec<B256>,
    /// Announce this OS image, beside those of the list.
    #[arg(long, value_name = "HASH", value_parser = digest, verbatim_doc_comment)]
    pub add: Option<B256>,
    /// Announce that the list goes, and every OS image that the KMS admits is accepted.
    #[arg(long, verbatim_doc_comment)]
    pub add_any: bool,
    /// Accept this OS image no longer.
    #[arg(long, value_name = "HASH", value_parser = digest, verbatim_doc_comment)]
    pub remove: Option<B256>,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof app notice`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof app notice 0x52908400098527886e0f7030069857d2e4169ee7 --to 14d --account owner
  devproof app notice 0x52908400098527886e0f7030069857d2e4169ee7 --to 3d --from 0x2f83172a49584c017f2b256f0fb2dca14126ba9c

Lengthening is instant. Shortening is announced with the notice that holds, and activated with
`devproof activate --setting notice=TIME`. Which of the two it is, is looked up and shown before anything is signed.")]
pub struct NoticeArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Give users so long a notice: 2d to 30d, in days (d), hours (h) or seconds.
    #[arg(long, value_name = "TIME", value_parser = seconds, verbatim_doc_comment)]
    pub to: u32,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `devproof app tcb`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("which").required(true).args(["require", "drop"]), after_help = "\
Examples:
  devproof app tcb 0x52908400098527886e0f7030069857d2e4169ee7 --require --account owner
  devproof app tcb 0x52908400098527886e0f7030069857d2e4169ee7 --drop --account owner

Requiring is instant, and withdraws an announcement to drop. Dropping is announced, and activated with
`devproof activate --setting no-tcb`.")]
pub struct TcbArgs {
    /// Name the app by the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Accept only machines whose firmware is up to date.
    #[arg(long, verbatim_doc_comment)]
    pub require: bool,
    /// Announce that machines with out-of-date firmware are accepted.
    #[arg(long, verbatim_doc_comment)]
    pub drop: bool,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}
