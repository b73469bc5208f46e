//! The arguments of `devproof release`.

use alloy_primitives::{Address, B256};
use clap::{Args, Subcommand};
use devproof_api::{Finality, parse};
use std::path::PathBuf;

/// Arguments of `devproof release`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof release init
  devproof release check
  devproof release publish
  devproof release verify https://acme.example/release --app 0x52908400098527886e0f7030069857d2e4169ee7")]
pub struct ReleaseArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ReleaseCommand,
}

/// What is done about a release.
#[derive(Clone, Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Lay the way of a release into a repository: a workflow, a checklist, a configuration.
    #[command(verbatim_doc_comment)]
    Init(Box<ReleaseInitArgs>),
    /// Tell whether a release may go on: every line has to pass.
    #[command(verbatim_doc_comment)]
    Check(ReleaseCheckArgs),
    /// Write what a release can show for itself, for machines and for people.
    #[command(verbatim_doc_comment)]
    Publish(ReleasePublishArgs),
    /// Check published files anew: with a node, and nothing else of the publisher's.
    #[command(verbatim_doc_comment)]
    Verify(ReleaseVerifyArgs),
}

/// Arguments of `devproof release check`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof release check --rpc-url https://mainnet.base.org
  devproof release check --offline --json

Exit codes: 0 every line passes, 1 a line fails, 2 a line could not be told, 64 usage.")]
pub struct ReleaseCheckArgs {
    /// Look at the repository with this root, and its devproof-release.toml.
    #[arg(long, value_name = "DIR", default_value = ".", verbatim_doc_comment)]
    pub dir: PathBuf,
    /// Ask nobody: no node, no registry, no remote. What they would say is not known then.
    #[arg(long, verbatim_doc_comment)]
    pub offline: bool,
    /// Count a notice as given once its block is as final as this [default: finalized; unsafe on
    /// local chains].
    #[arg(long, value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}

/// How evidence is judged.
#[derive(Args, Clone, Debug, Default)]
pub struct ReleaseJudgeArgs {
    /// Demand of evidence what this file says, instead of what is demanded by default.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub policy: Option<PathBuf>,
    /// Have quotes lead to this root certificate, instead of Intel's.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub root_ca: Option<PathBuf>,
}

/// Arguments of `devproof release publish`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof release publish --rpc-url https://mainnet.base.org
  devproof release publish --evidence quote.json --collateral collateral.json --time 1772323200

The same release always gives the same files: run again it changes nothing. Exit codes: 0 published, now or before,
1 refused, 2 could not tell, 64 usage.")]
pub struct ReleasePublishArgs {
    /// Publish from the repository with this root, by its devproof-release.toml.
    #[arg(long, value_name = "DIR", default_value = ".", verbatim_doc_comment)]
    pub dir: PathBuf,
    /// Publish this evidence of an instance, too. Without it, what was published of the same
    /// version before stays.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub evidence: Option<PathBuf>,
    /// Publish this collateral with it.
    #[arg(long, value_name = "FILE", requires = "evidence", verbatim_doc_comment)]
    pub collateral: Option<PathBuf>,
    /// Judge it at this time, Unix seconds, if it does not say one.
    #[arg(long, value_name = "UNIX", requires = "evidence", verbatim_doc_comment)]
    pub time: Option<u64>,
    /// How evidence is judged.
    #[command(flatten)]
    pub judge: ReleaseJudgeArgs,
    /// Tell only of blocks that are as final as this [default: finalized; unsafe on local chains].
    #[arg(long, value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}

/// Arguments of `devproof release verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof release verify release --rpc-url https://mainnet.base.org --app 0x52908400098527886e0f7030069857d2e4169ee7
  devproof release verify https://acme.example/release --rpc-url https://mainnet.base.org --json

Exit codes: 0 every line passes that is not merely claimed, 1 a line fails, 2 a line could not be told, 64 usage.")]
pub struct ReleaseVerifyArgs {
    /// Check the files in this folder, or below this URL.
    #[arg(value_name = "DIR|URL", verbatim_doc_comment)]
    pub place: String,
    /// Demand that they are about this app: the one that you use.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Option<Address>,
    /// Demand that they are about this version.
    #[arg(long, value_name = "HASH", value_parser = parse::compose_hash, verbatim_doc_comment)]
    pub compose_hash: Option<B256>,
    /// How evidence is judged.
    #[command(flatten)]
    pub judge: ReleaseJudgeArgs,
    /// Demand that what they tell is as final as this [default: finalized; unsafe on local
    /// chains].
    #[arg(long, value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}

/// Arguments of `devproof release init`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof release init --chain 8453 --app 0x52908400098527886e0f7030069857d2e4169ee7 --image ghcr.io/acme/app \\
    --tool-url https://tools.example/devproof --tool-sha256 HASH --buildkit moby/buildkit@sha256:HASH

Whatever a runner fetches is named with its hash, which somebody has to have looked at: there is no default. With a
devproof-release.toml all of it is read from there. Exit codes: 0 done, now or before, 1 a file was kept because somebody changed
it, 64 usage.")]
pub struct ReleaseInitArgs {
    /// Write into the repository with this root.
    #[arg(long, value_name = "DIR", default_value = ".", verbatim_doc_comment)]
    pub dir: PathBuf,
    /// Release this app.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Option<Address>,
    /// Release the version of this file of the repository [default: app-compose.json].
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub compose: Option<String>,
    /// Say that the source is here.
    #[arg(long, value_name = "URL", verbatim_doc_comment)]
    pub repository: Option<String>,
    /// Build and push this image, without tag and digest; may be repeated.
    #[arg(long, value_name = "NAME", verbatim_doc_comment)]
    pub image: Vec<String>,
    /// Have runners get devproof from here.
    #[arg(long, value_name = "URL", verbatim_doc_comment)]
    pub tool_url: Option<String>,
    /// Have them take only the file with this SHA-256.
    #[arg(long, value_name = "HASH", verbatim_doc_comment)]
    pub tool_sha256: Option<String>,
    /// Build with this image of BuildKit, by its digest.
    #[arg(long, value_name = "IMAGE@sha256:HASH", verbatim_doc_comment)]
    pub buildkit: Option<String>,
    /// Deploy with this script of the repository [default: deploy.sh].
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub deploy: Option<String>,
    /// Write also over files that somebody changed.
    #[arg(long, verbatim_doc_comment)]
    pub force: bool,
}
