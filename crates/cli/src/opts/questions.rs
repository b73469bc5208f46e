//! The arguments of the verbs that ask about more than one block.

use alloy_primitives::{Address, B256};
use clap::{ArgGroup, Args};
use devproof_api::{Finality, NoticeState, When, parse};

/// Arguments of `devproof allowed`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof allowed $(sha256sum app-compose.json | cut -d' ' -f1)
  devproof allowed 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --app 0x52908400098527886e0f7030069857d2e4169ee7

Exit codes: 0 some app is allowed to run it now, 1 none ever was or none is any more, 2 could not tell.")]
pub struct AllowedArgs {
    /// Name the version by its compose hash, the SHA-256 of app-compose.json.
    #[arg(value_name = "HASH", value_parser = parse::compose_hash, verbatim_doc_comment)]
    pub compose_hash: B256,
    /// Ask only about this app.
    #[arg(long, value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Option<Address>,
    /// Tell only what has this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}

/// Arguments of `devproof diff`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof diff 0x52908400098527886e0f7030069857d2e4169ee7 --from 1234 --to 5678
  devproof diff 0x52908400098527886e0f7030069857d2e4169ee7 --from 2026-01-01T00:00:00Z --to finalized

What the block --from did is not part of it; what the block --to did is.")]
pub struct DiffArgs {
    /// Name the app by its id, the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Begin behind this block (number, hash, finalized, safe or unsafe) or time (RFC 3339).
    #[arg(long, value_name = "BLOCK|TIME", value_parser = parse::moment, verbatim_doc_comment)]
    pub from: When,
    /// End with this one.
    #[arg(long, value_name = "BLOCK|TIME", value_parser = parse::moment, verbatim_doc_comment)]
    pub to: When,
    /// Require this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}

/// Arguments of `devproof family`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof family my-product

Families are declared in devproof.toml:
  [[family]]
  name = \"my-product\"
  chain-id = 8453
  apps = [\"0x52908400098527886e0f7030069857d2e4169ee7\", \"0x2f83172a49584c017f2b256f0fb2dca14126ba9c\"]

Exit codes: 0 its apps allow the same versions, 1 they differ, 2 could not tell.")]
pub struct FamilyArgs {
    /// Name the family.
    #[arg(value_name = "NAME", verbatim_doc_comment)]
    pub name: String,
    /// Tell only what has this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}

/// Arguments of `devproof deletions`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("whose").required(true).args(["app", "commitment"]), after_help = "\
Examples:
  devproof deletions --app 0x52908400098527886e0f7030069857d2e4169ee7
  devproof deletions --app 0x52908400098527886e0f7030069857d2e4169ee7 --from 2026-01-01T00:00:00Z
  devproof deletions --commitment 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

Exit codes: 0 something was attested, 1 nothing was, 2 could not tell.")]
pub struct DeletionsArgs {
    /// Ask for what the key of this app asserted, and for its signers.
    #[arg(long, value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Option<Address>,
    /// Ask for deletions of the data behind this commitment, the userIdHash.
    #[arg(long, value_name = "HASH", value_parser = parse::commitment, verbatim_doc_comment)]
    pub commitment: Option<B256>,
    /// Begin with this block (number, hash, finalized, safe or unsafe) or time (RFC 3339).
    #[arg(long, value_name = "BLOCK|TIME", value_parser = parse::moment, verbatim_doc_comment)]
    pub from: Option<When>,
    /// End with this one.
    #[arg(long, value_name = "BLOCK|TIME", value_parser = parse::moment, verbatim_doc_comment)]
    pub to: Option<When>,
    /// Tell only what has this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}

/// Arguments of `devproof notices`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof notices
  devproof notices --app 0x52908400098527886e0f7030069857d2e4169ee7 --state cancelled

Exit codes: 0 there are some, 1 there are none, 2 could not tell.")]
pub struct NoticesArgs {
    /// Only those of this app.
    #[arg(long, value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Option<Address>,
    /// Those that are open (pending or ripe), pending, ripe, expired, activated or cancelled [default: open].
    #[arg(long, value_name = "STATE", verbatim_doc_comment)]
    pub state: Option<NoticeState>,
    /// Tell only what has this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}

/// Arguments of `devproof watch`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof watch
  devproof watch 0x52908400098527886e0f7030069857d2e4169ee7 --json | jq .title

It reads the database, which `devproof serve` or `devproof index --follow` keeps up to date.")]
pub struct WatchArgs {
    /// Only these apps, and what key services do to all; without any everything.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub apps: Vec<Address>,
    /// Tell of a change again so many hours before it becomes possible [default: 24].
    #[arg(long, value_name = "HOURS", verbatim_doc_comment)]
    pub soon_hours: Option<u32>,
    /// Tell only what has this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}
