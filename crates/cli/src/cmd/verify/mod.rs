//! `devproof verify`: what evidence proves, row by row.

mod index;
mod render;

pub use render::render;

use crate::{
    Failure, Outcome,
    cmd::input,
    config::Settings,
    opts::{ServicesArgs, VerifyArgs},
    shell::Shell,
    text::shown,
};
use alloy_primitives::B512;
use devproof_api::{Finality, When};
use devproof_attestation::{
    Collateral, Evidence, KmsKeys, Outcome as Result_, Policy, ReportData, TrustAnchor, limits,
    sigchain::SignatureChain,
};
use devproof_evidence::{
    ChainAsked, Challenge, Collaterals, Examined, Examiner, Exhibit, Http, Limits, MAX_CHALLENGE,
    Pccs, Place, Verifier, Which, fetch, named, random,
};
use jiff::Timestamp;
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
    let (evidence, report_data) = evidence(&args, challenge.as_ref()).await?;
    let mut examiner = examiner(&args.services, args.offline)?;
    examiner.chain = chain(&args, &settings).await?;
    let exhibit = Exhibit { challenge, ..exhibit(&args, evidence, report_data)? };
    let policy = exhibit.policy.clone();
    let mut examined = examiner.examine(exhibit).await;
    if settings.has_database {
        let node = examiner.chain.as_ref().map(|asked| &asked.node);
        index::consult(&args, &settings, node, &mut examined, &policy).await?;
    }
    let Examined { verdict, .. } = examined;
    shell.answer(&verdict, || render(&verdict))?;
    Ok(match verdict.overall {
        Result_::Pass => Outcome::Yes,
        Result_::Fail => Outcome::No,
        Result_::Inconclusive | Result_::NotEvaluated => Outcome::CouldNotTell,
    })
}

/// Who is asked: those that were named, and nobody if nobody is to be asked.
///
/// # Errors
/// If no request can be made on this machine.
pub(super) fn examiner(args: &ServicesArgs, offline: bool) -> Result<Examiner, Failure> {
    let unable = |e| Failure::CouldNotTell(format!("nobody can be asked from here: {e}"));
    let http = Http::new(Limits::of_services()).map_err(unable)?;
    let services = if offline { &[] } else { args.pccs.as_slice() };
    let services = services.iter().map(|url| Pccs::new(url)).collect::<Result<_, _>>();
    let services =
        services.map_err(|e| Failure::Usage(format!("--pccs: {}", shown(&e.to_string()))))?;
    let mut verifiers = args.backend.clone();
    if offline {
        verifiers.retain(|verifier| *verifier == Verifier::Local);
    }
    if args.backend.is_empty() {
        verifiers.push(Verifier::Local);
    }
    let collaterals = Collaterals::new(http.clone(), services, args.collateral_cache.clone());
    Ok(Examiner { http, verifiers, collaterals, chain: None })
}

/// The chain that is asked: about a KMS, or about the block of a challenge.
async fn chain(args: &VerifyArgs, settings: &Settings) -> Result<Option<ChainAsked>, Failure> {
    if args.offline || (args.kms.is_none() && args.challenge.is_none()) {
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

fn exhibit(
    args: &VerifyArgs,
    evidence: Evidence,
    report_data: Option<ReportData>,
) -> Result<Exhibit, Failure> {
    let collateral = args.collateral.as_deref().map(collateral).transpose()?;
    let root = match &args.root_ca {
        Some(path) => TrustAnchor::read(&input::bytes(path, limits::CERTIFICATE_FILE)?)
            .map_err(|e| unfit(path, &e))?,
        None => TrustAnchor::Intel,
    };
    let policy = match &args.policy {
        Some(path) => {
            Policy::from_toml(&input::text(path, limits::POLICY)?).map_err(|e| unfit(path, &e))?
        }
        None => Policy::default(),
    };
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
    let now = args.time.or(evidence.time);
    let now = now.or_else(|| u64::try_from(Timestamp::now().as_second()).ok());
    Ok(Exhibit {
        now: now.unwrap_or_default(),
        root,
        collateral: collateral.or_else(|| evidence.collateral.clone()),
        compose,
        report_data,
        kms: KmsKeys { ca: args.kms_ca_key.clone(), k256: args.kms_root_key.clone() },
        chain,
        challenge: None,
        policy,
        evidence,
    })
}

/// The evidence, and what its quote must have been made for. An agent's quote is made for what was declared, else for
/// random bytes, so that it cannot be an old one.
async fn evidence(
    args: &VerifyArgs,
    challenge: Option<&Challenge>,
) -> Result<(Evidence, Option<ReportData>), Failure> {
    let mut report_data = args.report_data.clone().or(challenge.map(Challenge::declared));
    let place =
        args.evidence.to_str().map_or_else(|| Place::File(args.evidence.clone()), Place::from);
    let name = match &place {
        Place::Url(url) => named(url),
        Place::Agent(path) | Place::File(path) => path.display().to_string(),
    };
    if args.offline && matches!(place, Place::Url(_)) {
        return Err(Failure::Usage(
            "--offline asks nobody, and the evidence is at a URL".to_owned(),
        ));
    }
    let all = match &place {
        Place::File(path) => {
            let document = input::bytes(path, limits::DOCUMENT)?;
            Evidence::read(&document)
                .map_err(|e| Failure::CouldNotTell(shown(&format!("{name} is no evidence: {e}"))))?
        }
        Place::Url(_) | Place::Agent(_) => {
            let mut wanted = B512::ZERO;
            if matches!(place, Place::Agent(_)) {
                let declared = match &report_data {
                    Some(declared) => declared.clone(),
                    None => ReportData::Raw(random().map_err(Failure::CouldNotTell)?.into()),
                };
                let bytes = declared.bytes();
                wanted = bytes.map_err(|e| Failure::Usage(e.to_string()))?;
                report_data = Some(declared);
            }
            let fetched = fetch(&place, wanted).await;
            let failed = |e| Failure::CouldNotTell(shown(&format!("{name}: {e}")));
            fetched.map_err(failed)?.unwrap_or_default()
        }
    };
    Ok((one(all, args.instance)?, report_data))
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

fn collateral(path: &Path) -> Result<Collateral, Failure> {
    let json = input::text(path, limits::COLLATERAL)?;
    Collateral::parse(&json).map_err(|e| unfit(path, &e))
}

fn unfit(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(shown(&format!("{}: {why}", path.display())))
}
