//! `devproof verify`: what evidence proves, row by row.

pub(super) mod index;
mod render;

pub use render::render;

use crate::{
    Failure, Outcome,
    cmd::{
        self,
        evidence::{examiner, judged, read, unfit},
        input,
    },
    config::Settings,
    opts::VerifyArgs,
    shell::Shell,
};
use devproof_api::{Finality, When};
use devproof_attestation::{
    Evidence, KmsKeys, Outcome as Result_, limits, sigchain::SignatureChain,
};
use devproof_evidence::{ChainAsked, Challenge, Examined, Exhibit, MAX_CHALLENGE, Which};
use devproof_store::Store;
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// If the evidence is none, or an option makes no sense.
pub async fn run(
    args: VerifyArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let challenge = args.challenge.as_deref().map(challenge).transpose()?;
    let declared = args.report_data.clone().or(challenge.as_ref().map(Challenge::declared));
    let (all, report_data) = read(&args.evidence, args.judge.offline, declared).await?;
    let services = settings.services(args.judge.services.clone())?;
    let mut examiner = examiner(&services, args.judge.offline)?;
    examiner.chain = chain(&args, &settings).await?;
    let exhibit = Exhibit { challenge, report_data, ..exhibit(&args, one(all, args.instance)?)? };
    let policy = exhibit.policy.clone();
    let mut examined = examiner.examine(exhibit).await;
    if settings.has_database {
        let node = examiner.chain.as_ref().map(|asked| &asked.node);
        if examined.verdict.boot_info.is_some() {
            let store = Store::open_read_only(&settings.database).await?;
            let chain_id = match node {
                Some(node) => node.chain_id(),
                None => cmd::chain(&settings, &store).await?,
            };
            let finality = settings.finality(None, chain_id);
            let asked = index::Asked { chain_id, finality, block: args.block, kms: args.kms };
            index::consult(&store, asked, node, &mut examined, &policy).await;
            store.close().await;
        }
    }
    let Examined { verdict, .. } = examined;
    shell.answer(&verdict, || render(&verdict))?;
    Ok(match verdict.overall {
        Result_::Pass => Outcome::Yes,
        Result_::Fail => Outcome::No,
        Result_::Inconclusive | Result_::NotEvaluated => Outcome::CouldNotTell,
    })
}

/// The chain that is asked: about a KMS, or about the block of a challenge.
async fn chain(args: &VerifyArgs, settings: &Settings) -> Result<Option<ChainAsked>, Failure> {
    if args.judge.offline || (args.kms.is_none() && args.challenge.is_none()) {
        return Ok(None);
    }
    let Some(node) = settings.nodes.connect().await? else {
        return match args.kms {
            Some(_) => Err(Failure::Usage(
                "a KMS contract is asked through a node; name one with --rpc-url".to_owned(),
            )),
            None => Ok(None),
        };
    };
    if let Some(chain) = settings.chain.filter(|chain| *chain != node.chain_id()) {
        let serves = node.chain_id();
        return Err(Failure::Usage(format!("the node serves chain {serves}, not {chain}")));
    }
    let block = which(args.block)?;
    Ok(Some(ChainAsked::new(node, args.kms, block)))
}

/// The block that is meant; the newest if none was named.
pub(super) fn which(block: Option<When>) -> Result<Which, Failure> {
    let which = devproof_api::which(block.unwrap_or(When::Tag(Finality::Unsafe)));
    which.ok_or_else(|| Failure::Usage("--block is a block, not a time".to_owned()))
}

fn challenge(path: &Path) -> Result<Challenge, Failure> {
    let text = input::text(path, MAX_CHALLENGE)?;
    Challenge::parse(&text).map_err(|e| unfit(path, &e))
}

/// The evidence, with what it is compared with.
fn exhibit(args: &VerifyArgs, evidence: Evidence) -> Result<Exhibit, Failure> {
    let compose = match &args.compose {
        Some(path) => {
            let bytes = input::bytes(path, limits::APP_COMPOSE)?;
            if bytes.len() > limits::APP_COMPOSE {
                let max = limits::APP_COMPOSE;
                return Err(unfit(path, &format!("an app-compose.json has at most {max} bytes")));
            }
            Some(bytes)
        }
        None => None,
    };
    let chain = match &args.signature_chain {
        Some(path) => Some(
            SignatureChain::parse(&input::text(path, limits::SIGNATURE_CHAIN)?)
                .map_err(|e| unfit(path, &e))?,
        ),
        None => None,
    };
    let kms = KmsKeys { ca: args.kms_ca_key.clone(), k256: args.kms_root_key.clone() };
    Ok(Exhibit { compose, chain, kms, ..judged(&args.judge, evidence)? })
}

/// The instance that was named, or the only one.
fn one(mut all: Vec<Evidence>, instance: Option<usize>) -> Result<Evidence, Failure> {
    let wanted = match (instance, all.len()) {
        (Some(instance), _) => all.iter().position(|e| e.instance.unwrap_or(0) == instance),
        (None, 1) => Some(0),
        (None, many) => {
            return Err(Failure::Usage(format!(
                "the evidence is of {many} instances; name one with --instance"
            )));
        }
    };
    match wanted {
        Some(place) => Ok(all.swap_remove(place)),
        None => Err(Failure::Usage("the evidence has no such instance with a quote".to_owned())),
    }
}
