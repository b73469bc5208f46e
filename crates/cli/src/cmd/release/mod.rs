//! `devproof release`: the gate before a release, its documents, and their check by anybody.

mod init;
mod words;

use super::{evidence::unfit, input};
use crate::{
    Failure, Outcome,
    config::Settings,
    opts::{
        ReleaseArgs, ReleaseCheckArgs, ReleaseCommand, ReleaseJudgeArgs, ReleasePublishArgs,
        ReleaseVerifyArgs,
    },
    schemas::{Row, own},
    shell::Shell,
    text::shown,
};
use devproof_api::Finality;
use devproof_attestation::{Policy, TrustAnchor, limits};
use devproof_chain::Node;
use devproof_operator as operator;
use devproof_release::{
    Config, Demands, Given, Judge, Lines, Place, Proof, Publishing, ReleaseError, Verdict,
    Verified, Written, check, sha256,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;

/// What each prints.
pub(crate) const PRINTED: &[Row] = &[
    ("release init", &[own::<init::Files>()]),
    ("release check", &[own::<Looked<'static>>()]),
    ("release publish", &[own::<PublishedFiles<'static>>(), own::<Refused>()]),
    ("release verify", &[own::<Looked<'static>>()]),
];

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer.
pub async fn run(
    args: ReleaseArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    match args.command {
        ReleaseCommand::Init(args) => init::run(*args, &settings, shell),
        ReleaseCommand::Check(args) => check(args, settings, shell).await,
        ReleaseCommand::Publish(args) => publish(args, settings, shell).await,
        ReleaseCommand::Verify(args) => verify(args, settings, shell).await,
    }
}

/// The answer of `check` and `verify`.
#[derive(Debug, Serialize, JsonSchema)]
struct Looked<'a> {
    #[serde(flatten)]
    lines: &'a Lines,
    /// The summary of a release that verifies.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
}

/// The answer of `publish`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PublishedFiles<'a> {
    folder: String,
    files: Vec<PublishedFile>,
    summary: &'a str,
    proof: &'a Proof,
}

/// That nothing was published.
#[derive(Debug, Serialize, JsonSchema)]
struct Refused {
    /// Why.
    refused: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PublishedFile {
    name: &'static str,
    /// `written`, `unchanged` or `removed`.
    result: &'static str,
}

fn outcome(lines: &Lines) -> Outcome {
    match lines.overall {
        Verdict::Pass => Outcome::Yes,
        Verdict::Fail => Outcome::No,
        Verdict::CouldNotTell | Verdict::Claimed => Outcome::CouldNotTell,
    }
}

async fn check(
    args: ReleaseCheckArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let config = config(&args.dir, &settings)?;
    let node = if args.offline {
        Err("nobody is asked with --offline".to_owned())
    } else {
        node(&settings).await
    };
    let gate = check::Gate {
        root: &args.dir,
        config: &config,
        node,
        finality: finality(&settings, args.finality, config.chain),
        offline: args.offline,
    };
    let lines = check::check(gate).await?;
    let looked = Looked { lines: &lines, summary: None };
    shell.answer(&looked, || words::lines(&lines, "This release may go on."))?;
    Ok(outcome(&lines))
}

async fn publish(
    args: ReleasePublishArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let config = config(&args.dir, &settings)?;
    let judge = judge(&args.judge)?;
    let read = |path: &Path| input::bytes(path, limits::DOCUMENT);
    let evidence = match &args.evidence {
        Some(path) => Some(Given {
            evidence: read(path)?,
            collateral: args.collateral.as_deref().map(read).transpose()?,
            time: args.time,
        }),
        None => None,
    };
    let node = node(&settings).await.map_err(Failure::CouldNotTell)?;
    let publishing = Publishing {
        root: &args.dir,
        config: &config,
        node: &node,
        finality: finality(&settings, args.finality, config.chain),
        evidence,
        judge,
    };
    match devproof_release::publish(publishing).await {
        Ok(published) => {
            let file = |(name, written): &(&'static str, Written)| {
                let result = match written {
                    Written::Unchanged => "unchanged",
                    Written::Written => "written",
                    Written::Removed => "removed",
                };
                PublishedFile { name, result }
            };
            let answer = PublishedFiles {
                folder: published.folder.display().to_string(),
                files: published.written.iter().map(file).collect(),
                summary: &published.summary,
                proof: &published.proof,
            };
            shell.answer(&answer, || words::published(&answer))?;
            Ok(Outcome::Yes)
        }
        Err(ReleaseError::Refused(why)) => {
            let answer = Refused { refused: shown(&why) };
            shell
                .answer(&answer, || format!("Refused: {}. Nothing was written.", answer.refused))?;
            Ok(Outcome::No)
        }
        Err(error) => Err(error.into()),
    }
}

async fn verify(
    args: ReleaseVerifyArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let place = Place::new(&args.place)?;
    let node = node(&settings).await;
    let chain = node.as_ref().ok().map(Node::chain_id);
    let demands = Demands {
        app: args.app,
        version: args.compose_hash,
        judge: judge(&args.judge)?,
        finality: finality(&settings, args.finality, chain.unwrap_or_default()),
    };
    let Verified { lines, summary, .. } = devproof_release::verify(&place, node, &demands).await;
    let looked = Looked { lines: &lines, summary: summary.as_deref() };
    shell.answer(&looked, || {
        let good = summary
            .as_deref()
            .map(|it| format!("{it}\n\nEverything that can be checked here holds."));
        words::lines(&lines, good.as_deref().unwrap_or_default())
    })?;
    Ok(outcome(&lines))
}

/// What is released, if it is on the chain that the configuration of devproof names, where it names one.
fn config(dir: &Path, settings: &Settings) -> Result<Config, Failure> {
    let config = Config::load(dir)?;
    match settings.chain {
        Some(chain) if chain != config.chain => Err(Failure::Usage(format!(
            "devproof-release.toml says chain {}, and --chain or the configuration {chain}: name one",
            config.chain
        ))),
        _ => Ok(config),
    }
}

/// The node, or why there is none.
async fn node(settings: &Settings) -> Result<Node, String> {
    match settings.nodes.connect().await {
        Ok(Some(node)) => Ok(node),
        Ok(None) => {
            Err("no node is named: do so with --rpc-url, DEVPROOF_RPC_URL or in devproof.toml"
                .to_owned())
        }
        Err(Failure::Usage(why) | Failure::CouldNotTell(why)) => Err(why),
        Err(Failure::Interrupted | Failure::BrokenPipe) => {
            Err("the node does not answer".to_owned())
        }
    }
}

fn finality(settings: &Settings, flag: Option<Finality>, chain: u64) -> operator::Finality {
    match settings.finality(flag, chain) {
        Finality::Unsafe => operator::Finality::Unsafe,
        Finality::Safe => operator::Finality::Safe,
        Finality::Finalized => operator::Finality::Finalized,
    }
}

fn judge(args: &ReleaseJudgeArgs) -> Result<Judge, Failure> {
    let mut judge = Judge::default();
    if let Some(path) = &args.root_ca {
        let bytes = input::bytes(path, limits::CERTIFICATE_FILE)?;
        judge.root = TrustAnchor::read(&bytes).map_err(|e| unfit(path, &e))?;
    }
    if let Some(path) = &args.policy {
        let text = input::text(path, limits::POLICY)?;
        judge.policy = Policy::from_toml(&text).map_err(|e| unfit(path, &e))?;
        judge.policy_hash = Some(sha256(text.as_bytes()));
    }
    Ok(judge)
}

impl From<ReleaseError> for Failure {
    fn from(error: ReleaseError) -> Self {
        match error {
            ReleaseError::Config(why) | ReleaseError::Usage(why) => Self::Usage(shown(&why)),
            ReleaseError::Operator(error) => error.into(),
            other => Self::CouldNotTell(shown(&other.to_string())),
        }
    }
}
