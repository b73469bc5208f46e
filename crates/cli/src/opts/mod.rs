//! The tree of arguments. Help texts start with a verb and end in a full stop; they are the doc
//! comments, taken as they are.

mod app;
mod compose;
mod db;
mod doctor;
mod evidence;
mod generated;
mod keys;
mod notify;
mod observe;
mod operator;
mod policy;
mod questions;
mod release;
mod values;

pub use app::{
    AppArgs, AppCommand, DeployArgs, DevicesArgs, FreezeArgs, GuardianArgs, RegisterArgs,
    TransferArgs,
};
pub use compose::{
    ComposeArgs, ComposeCommand, ComposeDiffArgs, Deny, Format, HashArgs, LintArgs, PredictArgs,
    ShowArgs,
};
pub use db::PruneEvidenceArgs;
pub use doctor::DoctorArgs;
pub(crate) use evidence::pccs;
pub use evidence::{
    ChallengeArgs, CompareArgs, JudgeArgs, ServicesArgs, SigchainArgs, SigchainCommand,
    SigchainVerifyArgs, VerifyArgs,
};
pub use generated::{CompletionsArgs, ManArgs, SchemaArgs};
pub use keys::{
    KeyArgs, KeyImportArgs, KeyNewArgs, KeysArgs, KeysCommand, KeystoreArgs, MnemonicArgs,
};
pub use notify::{
    NotifyAddArgs, NotifyArgs, NotifyCommand, NotifyListArgs, NotifyRemoveArgs, NotifyRetryArgs,
    NotifyRunArgs, NotifyShowArgs, NotifyTestArgs,
};
pub use observe::{ObserveArgs, ObservedArgs, StageArgs};
pub use operator::{
    ActivateArgs, CancelArgs, ContractArgs, ContractCommand, ContractVerifyArgs, ProposeArgs,
    RemoveArgs, SignArgs, StatusArgs, ValueArgs,
};
pub use policy::{ImagesArgs, NoticeArgs, TcbArgs};
pub use questions::{AllowedArgs, DeletionsArgs, DiffArgs, FamilyArgs, NoticesArgs, WatchArgs};
pub use release::{
    ReleaseArgs, ReleaseCheckArgs, ReleaseCommand, ReleaseInitArgs, ReleaseJudgeArgs,
    ReleasePublishArgs, ReleaseVerifyArgs,
};

use alloy_primitives::{Address, B256};
use clap::{ArgGroup, Args, Parser, Subcommand, builder::BoolishValueParser};
use devproof_api::{Finality, When, parse};
use std::{
    net::SocketAddr,
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

const AFTER_HELP: &str = "\
Exit codes: 0 yes or done, 1 no, 2 could not tell, 64 usage.

Each option may also stand in devproof.toml under its long name, or in the environment as
DEVPROOF_ and its name in capitals. A flag wins over the environment, the environment over the file.

Examples:
  devproof index --rpc-url http://127.0.0.1:8545 --kms 0x2f83172a49584c017f2b256f0fb2dca14126ba9c
  devproof at 0x52908400098527886e0f7030069857d2e4169ee7 --block 1234
  devproof history 0x52908400098527886e0f7030069857d2e4169ee7
  devproof allowed $(sha256sum app-compose.json | cut -d' ' -f1)
  devproof diff 0x52908400098527886e0f7030069857d2e4169ee7 --from 1234 --to finalized
  devproof compose lint app-compose.json
  devproof verify quote.json --collateral collateral.json
  devproof challenge --rpc-url http://127.0.0.1:8545
  devproof app show 0x52908400098527886e0f7030069857d2e4169ee7
  devproof propose 0x52908400098527886e0f7030069857d2e4169ee7 --compose app-compose.json --account owner
  devproof status 0x52908400098527886e0f7030069857d2e4169ee7 --compose app-compose.json
  devproof activate 0x52908400098527886e0f7030069857d2e4169ee7 --compose app-compose.json --when-ripe
  devproof notify add webhook https://hooks.example.org/devproof
  devproof serve --listen 127.0.0.1:8080
  devproof doctor

docs/cli.md has every verb with every option.";

/// Show what a TEE app was allowed to run, since when, and with how much notice.
#[derive(Debug, Parser)]
#[command(name = "devproof", version, verbatim_doc_comment, after_help = AFTER_HELP)]
pub struct Opts {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// Read settings from this file instead of ./devproof.toml.
    #[arg(long, global = true, env = "DEVPROOF_CONFIG", value_name = "FILE", verbatim_doc_comment)]
    pub config: Option<PathBuf>,
    /// Use this database, an SQLite path or postgres:// URL [default: devproof.db].
    #[arg(
        long,
        global = true,
        env = "DEVPROOF_DATABASE",
        hide_env_values = true,
        value_name = "PATH|URL",
        verbatim_doc_comment
    )]
    pub database: Option<String>,
    /// Ask about this chain; needed only if the database holds several.
    #[arg(
        long,
        global = true,
        env = "DEVPROOF_CHAIN",
        value_name = "CHAIN_ID",
        verbatim_doc_comment
    )]
    pub chain: Option<u64>,
    /// Ask this node for what the database does not hold. Several (again, or with
    /// commas) are asked in order: the next where one does not answer. One with a
    /// ws:// or wss:// URL also tells at once when there is a new block.
    #[arg(
        long,
        global = true,
        env = "DEVPROOF_RPC_URL",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ',',
        verbatim_doc_comment
    )]
    pub rpc_url: Vec<String>,
    /// Take logs only if so many of the nodes give the same.
    #[arg(long, global = true, env = "DEVPROOF_AGREE", value_name = "NODES", verbatim_doc_comment)]
    pub agree: Option<NonZeroUsize>,
    /// Print the document that REST would give instead of words.
    #[arg(long, global = true, verbatim_doc_comment)]
    pub json: bool,
    /// Print nothing but errors; the exit code tells.
    #[arg(long, short, global = true, verbatim_doc_comment)]
    pub quiet: bool,
    /// Log more to standard error; twice for everything.
    #[arg(long, short, global = true, action = clap::ArgAction::Count, verbatim_doc_comment)]
    pub verbose: u8,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read the chain into the database, up to the node's head.
    #[command(verbatim_doc_comment)]
    Index(IndexArgs),
    /// Tell what an app was allowed to run after a block, or at a time.
    #[command(verbatim_doc_comment)]
    At(AtArgs),
    /// List every change of an app's policy, and the notice that users really had.
    #[command(verbatim_doc_comment)]
    History(HistoryArgs),
    /// Tell which apps were ever allowed to run a version, and when.
    #[command(verbatim_doc_comment)]
    Allowed(AllowedArgs),
    /// Tell what changed of an app between two blocks, and what was undone in between.
    #[command(verbatim_doc_comment)]
    Diff(DiffArgs),
    /// Tell whether the apps of a product are allowed to run the same versions.
    #[command(verbatim_doc_comment)]
    Family(FamilyArgs),
    /// Hash, show, lint and compare app-compose.json, of a file or of a running app.
    #[command(verbatim_doc_comment)]
    Compose(ComposeArgs),
    /// List what the keys of apps say they deleted.
    #[command(verbatim_doc_comment)]
    Deletions(DeletionsArgs),
    /// Tell what evidence of an instance proves: its hardware, its system, its app, its keys.
    #[command(verbatim_doc_comment)]
    Verify(VerifyArgs),
    /// Tell whether instances are the same in everything that has to be.
    #[command(verbatim_doc_comment)]
    Compare(CompareArgs),
    /// Look at the instances of an app, once or again and again, and take down what verified quotes show.
    #[command(verbatim_doc_comment)]
    Observe(ObserveArgs),
    /// List what was taken down of an app's instances.
    #[command(verbatim_doc_comment)]
    Observed(ObservedArgs),
    /// Tell how an app stands against the points of ERC-733's Stage 1.
    #[command(verbatim_doc_comment)]
    Stage(StageArgs),
    /// Make a challenge: a quote that was made for it is no older than a block.
    #[command(verbatim_doc_comment)]
    Challenge(ChallengeArgs),
    /// Check chains of signatures that lead to keys of apps.
    #[command(verbatim_doc_comment)]
    Sigchain(SigchainArgs),
    /// List what was announced, by the time at which it becomes possible.
    #[command(verbatim_doc_comment)]
    Notices(NoticesArgs),
    /// Tell what happens to apps as it happens, and before what was announced becomes possible.
    #[command(verbatim_doc_comment)]
    Watch(WatchArgs),
    /// Subscribe people and programs to what happens: webhooks, chats and mail.
    #[command(verbatim_doc_comment)]
    Notify(NotifyArgs),
    /// Deploy an app, register it, show it, and change who may do what.
    #[command(verbatim_doc_comment)]
    App(AppArgs),
    /// Keep the key that signs in a keystore.
    #[command(verbatim_doc_comment)]
    Key(KeysArgs),
    /// Check what stands behind an address.
    #[command(verbatim_doc_comment)]
    Contract(ContractArgs),
    /// Announce a version, or another widening: what is looked at first is what loses days.
    #[command(verbatim_doc_comment)]
    Propose(Box<ProposeArgs>),
    /// Put into force what was announced and is ripe.
    #[command(verbatim_doc_comment)]
    Activate(Box<ActivateArgs>),
    /// Withdraw what was announced.
    #[command(verbatim_doc_comment)]
    Cancel(Box<CancelArgs>),
    /// Accept a version, a device or an OS image no longer, at once.
    #[command(verbatim_doc_comment)]
    Remove(Box<RemoveArgs>),
    /// Show where an app or one of its values stands on the chain now.
    #[command(verbatim_doc_comment)]
    Status(StatusArgs),
    /// Prepare, check, publish and verify a release of an app.
    #[command(verbatim_doc_comment)]
    Release(Box<ReleaseArgs>),
    /// Print the OpenAPI document of the REST service.
    #[command(verbatim_doc_comment, after_help = "Examples:\n  devproof openapi > openapi.json")]
    Openapi,
    /// Print the JSON Schema of what --json prints.
    #[command(verbatim_doc_comment)]
    Schema(SchemaArgs),
    /// Serve pages, feeds and REST, and follow the chain meanwhile if there is a node.
    #[command(verbatim_doc_comment)]
    Serve(ServeArgs),
    /// Check the database against itself, and against the chain if there is a node.
    #[command(verbatim_doc_comment)]
    Fsck(FsckArgs),
    /// Copy a database.
    #[command(verbatim_doc_comment)]
    Db(DbArgs),
    /// Tell whether everything that devproof needs is there: configuration, database, nodes, clock, key, contracts.
    #[command(verbatim_doc_comment)]
    Doctor(Box<DoctorArgs>),
    /// Print what a shell needs to complete the verbs and their options.
    #[command(verbatim_doc_comment)]
    Completions(CompletionsArgs),
    /// Write manual pages, one for each verb.
    #[command(verbatim_doc_comment)]
    Man(ManArgs),
}

/// What to follow on the chain.
#[derive(Args, Clone, Debug, Default)]
pub struct SourceArgs {
    /// Follow this KMS and every app that registers with it; may be repeated.
    #[arg(long, env = "DEVPROOF_KMS", value_name = "ADDRESS", value_parser = parse::app, value_delimiter = ',', verbatim_doc_comment)]
    pub kms: Vec<Address>,
    /// Follow this factory and every app it deploys; may be repeated.
    #[arg(long, env = "DEVPROOF_FACTORY", value_name = "ADDRESS", value_parser = parse::app, value_delimiter = ',', verbatim_doc_comment)]
    pub factory: Vec<Address>,
    /// Follow this registry of deletion attestations; may be repeated.
    #[arg(long, env = "DEVPROOF_REGISTRY", value_name = "ADDRESS", value_parser = parse::app, value_delimiter = ',', verbatim_doc_comment)]
    pub registry: Vec<Address>,
    /// Follow this app; may be repeated.
    #[arg(long, env = "DEVPROOF_APP", value_name = "ADDRESS", value_parser = parse::app, value_delimiter = ',', verbatim_doc_comment)]
    pub app: Vec<Address>,
    /// Begin at this block, before the first app was born [default: 0].
    #[arg(long, env = "DEVPROOF_START_BLOCK", value_name = "BLOCK", verbatim_doc_comment)]
    pub start_block: Option<u64>,
    /// Ask the node for news this often, in seconds [default: 5].
    #[arg(long, env = "DEVPROOF_POLL_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600), verbatim_doc_comment)]
    pub poll_seconds: Option<u64>,
    /// Read at most this many blocks at a time [default: 2000].
    #[arg(long, env = "DEVPROOF_PAGE_BLOCKS", value_name = "BLOCKS", verbatim_doc_comment)]
    pub page_blocks: Option<NonZeroU64>,
}

/// Arguments of `devproof index`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof index --rpc-url http://127.0.0.1:8545 --kms 0x2f83172a49584c017f2b256f0fb2dca14126ba9c
  devproof index --rpc-url http://127.0.0.1:8545 --follow

What was followed once is followed again without being named.")]
pub struct IndexArgs {
    /// What to follow.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Go on following the chain until Ctrl-C.
    #[arg(long, verbatim_doc_comment)]
    pub follow: bool,
    /// Serve /metrics, /readyz and /healthz on this address; port 0 takes a free one.
    #[arg(
        long,
        env = "DEVPROOF_METRICS_LISTEN",
        value_name = "ADDRESS:PORT",
        verbatim_doc_comment
    )]
    pub metrics_listen: Option<SocketAddr>,
    /// Send nothing to subscribers meanwhile.
    #[arg(long, env = "DEVPROOF_NO_NOTIFY", value_parser = BoolishValueParser::new(), verbatim_doc_comment)]
    pub no_notify: bool,
    /// Link to the pages at this address in what is sent to subscribers.
    #[arg(long, env = "DEVPROOF_PUBLIC_URL", value_name = "URL", verbatim_doc_comment)]
    pub public_url: Option<String>,
}

/// Arguments of `devproof at`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("when").required(true).args(["block", "time"]), after_help = "\
Examples:
  devproof at 0x52908400098527886e0f7030069857d2e4169ee7 --block 1234
  devproof at 0x52908400098527886e0f7030069857d2e4169ee7 --block finalized
  devproof at 0x52908400098527886e0f7030069857d2e4169ee7 --time 2026-03-01T12:00:00Z --json
  devproof at 0x52908400098527886e0f7030069857d2e4169ee7 --block 1234 --as-of 2026-03-03T12:00:00Z
  devproof at 0x52908400098527886e0f7030069857d2e4169ee7 --block 1234 --compose-hash $(sha256sum app-compose.json | cut -d' ' -f1)

With --compose-hash the exit code is 0 if the app was allowed to run it there, and 1 if not.")]
pub struct AtArgs {
    /// Name the app by its id, the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Ask for the state after the last log of this block: its number, its hash, or finalized, safe or unsafe.
    #[arg(long, value_name = "BLOCK", value_parser = parse::block, verbatim_doc_comment)]
    pub block: Option<When>,
    /// Ask for the state at this time, RFC 3339 or Unix seconds.
    #[arg(long, value_name = "TIME", value_parser = parse::time, verbatim_doc_comment)]
    pub time: Option<u64>,
    /// Require this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
    /// Ask only whether this version was allowed.
    #[arg(long, value_name = "HASH", value_parser = parse::compose_hash, verbatim_doc_comment)]
    pub compose_hash: Option<B256>,
    /// Tell what this index held at this time by its own clock, and what it has learnt since; RFC 3339 or Unix seconds.
    #[arg(long, value_name = "TIME", value_parser = parse::time, conflicts_with_all = ["finality", "compose_hash"], verbatim_doc_comment)]
    pub as_of: Option<u64>,
}

/// Arguments of `devproof history`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof history 0x52908400098527886e0f7030069857d2e4169ee7
  devproof history 0x52908400098527886e0f7030069857d2e4169ee7 --finality unsafe --json")]
pub struct HistoryArgs {
    /// Name the app by its id, the address of its contract.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Tell only what has this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}

/// Arguments of `devproof serve`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof serve
  devproof serve --listen 127.0.0.1:8080 --rpc-url http://127.0.0.1:8545
  devproof serve --listen 127.0.0.1:8080 --public-url https://devproof.example.org --behind-proxy --rate-limit 20
  devproof serve --database postgres://devproof_reader@replica/devproof --no-index

Readiness is at /readyz, metrics at /metrics.")]
pub struct ServeArgs {
    /// Listen on this address; port 0 takes a free one [default: 127.0.0.1:0].
    #[arg(long, env = "DEVPROOF_LISTEN", value_name = "ADDRESS:PORT", verbatim_doc_comment)]
    pub listen: Option<SocketAddr>,
    /// Only read the database, as on a replica, and ask the node for nothing but headers.
    #[arg(long, env = "DEVPROOF_NO_INDEX", value_parser = BoolishValueParser::new(), verbatim_doc_comment)]
    pub no_index: bool,
    /// Name the service like this in feeds, calendars and letters, which are read elsewhere [default: as it was asked].
    #[arg(long, env = "DEVPROOF_PUBLIC_URL", value_name = "URL", verbatim_doc_comment)]
    pub public_url: Option<String>,
    /// Answer each client only so often a second in the long run, five times that at once; 0 for any number [default: 50].
    #[arg(long, env = "DEVPROOF_RATE_LIMIT", value_name = "REQUESTS", verbatim_doc_comment)]
    pub rate_limit: Option<u32>,
    /// Believe X-Forwarded-For and the like of who asks: only where a proxy sets them.
    #[arg(long, env = "DEVPROOF_BEHIND_PROXY", value_parser = BoolishValueParser::new(), verbatim_doc_comment)]
    pub behind_proxy: bool,
    /// Who is asked about evidence that is handed in at POST /v1/verify.
    #[command(flatten)]
    pub services: ServicesArgs,
    /// Send nothing to subscribers, although the chain is followed.
    #[arg(long, env = "DEVPROOF_NO_NOTIFY", value_parser = BoolishValueParser::new(), verbatim_doc_comment)]
    pub no_notify: bool,
    /// What to follow.
    #[command(flatten)]
    pub sources: SourceArgs,
}

/// Arguments of `devproof fsck`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof fsck --offline
  devproof fsck --rpc-url http://127.0.0.1:8545 --json

Exit codes: 0 nothing is wrong, 1 something is, 2 could not tell. Nothing is changed.")]
pub struct FsckArgs {
    /// Ask no node, even if one is configured: check the database against itself only.
    #[arg(long, verbatim_doc_comment)]
    pub offline: bool,
    /// Read at most this many blocks at a time [default: 2000].
    #[arg(long, env = "DEVPROOF_PAGE_BLOCKS", value_name = "BLOCKS", verbatim_doc_comment)]
    pub page_blocks: Option<NonZeroU64>,
}

impl FsckArgs {
    /// As arguments of an indexer that follows nothing.
    #[must_use]
    pub fn sources(&self) -> SourceArgs {
        SourceArgs { page_blocks: self.page_blocks, ..SourceArgs::default() }
    }
}

/// Arguments of `devproof db`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof db copy devproof.db postgres://devproof@127.0.0.1/devproof
  devproof db copy postgres://devproof@127.0.0.1/devproof backup.db")]
pub struct DbArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DbCommand,
}

/// What is done to a whole database.
#[derive(Clone, Debug, Subcommand)]
pub enum DbCommand {
    /// Copy everything to a database that is empty or not there yet; all or nothing.
    #[command(verbatim_doc_comment)]
    Copy(CopyArgs),
    /// Drop archived evidence that is older than you want to keep; without this everything is kept for ever.
    #[command(verbatim_doc_comment)]
    PruneEvidence(PruneEvidenceArgs),
}

/// Arguments of `devproof db copy`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof db copy devproof.db postgres://devproof@127.0.0.1/devproof
  devproof db copy postgres://devproof@127.0.0.1/devproof backup.db

What is orphaned comes along; subscriptions only if you say so. Every row is read back and compared before anything is kept.")]
pub struct CopyArgs {
    /// Read this database, an SQLite path or postgres:// URL.
    #[arg(value_name = "FROM", verbatim_doc_comment)]
    pub from: String,
    /// Write this one.
    #[arg(value_name = "TO", verbatim_doc_comment)]
    pub to: String,
    /// Take subscriptions along with their secrets; let only one of the two databases send from then on.
    #[arg(long, verbatim_doc_comment)]
    pub with_subscriptions: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_help_text_is_a_sentence() {
        let mut command = Opts::command();
        command.build();
        let mut commands = vec![&command];
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().filter(|c| c.get_name() != "help"));
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.ends_with('.'), "{}: {about:?}", command.get_name());
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Examples:"), "{}", command.get_name());
            for arg in command.get_arguments() {
                let id = arg.get_id().as_str();
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                let ours = !["help", "version"].contains(&id);
                assert!(!ours || help.ends_with('.'), "{} {id}: {help:?}", command.get_name());
            }
        }
    }
}
