//! Evidence from where people say it is, and how they want it judged.

use super::input;
use crate::{
    Failure,
    opts::{JudgeArgs, ServicesArgs},
    text::shown,
};
use alloy_primitives::B512;
use devproof_attestation::{
    Collateral, Evidence, KmsKeys, Policy, ReportData, TrustAnchor, limits,
};
use devproof_evidence::{
    Collaterals, Examiner, Exhibit, Fetched, Http, Limits, Pccs, Place, Verifier, fetch, named,
    random,
};
use jiff::Timestamp;
use std::path::Path;

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

/// The evidence as it is to be judged, compared with nothing yet.
///
/// # Errors
/// If a file cannot be read, or is not what it should be.
pub(super) fn judged(args: &JudgeArgs, evidence: Evidence) -> Result<Exhibit, Failure> {
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
    let now = args.time.or(evidence.time);
    let now = now.or_else(|| u64::try_from(Timestamp::now().as_second()).ok());
    Ok(Exhibit {
        now: now.unwrap_or_default(),
        root,
        collateral: collateral.or_else(|| evidence.collateral.clone()),
        compose: None,
        report_data: None,
        kms: KmsKeys::default(),
        chain: None,
        challenge: None,
        policy,
        evidence,
    })
}

/// The evidence at a place, and what its quote must have been made for. An agent's quote is made for what was declared,
/// else for random bytes, so that it cannot be an old one.
///
/// # Errors
/// If there is none.
pub(super) async fn read(
    from: &Path,
    offline: bool,
    report_data: Option<ReportData>,
) -> Result<(Vec<Evidence>, Option<ReportData>), Failure> {
    let (fetched, report_data) = read_document(from, offline, report_data).await?;
    Ok((fetched.evidence, report_data))
}

/// Likewise, with the document that it is in.
///
/// # Errors
/// If there is none.
pub(super) async fn read_document(
    from: &Path,
    offline: bool,
    mut report_data: Option<ReportData>,
) -> Result<(Fetched, Option<ReportData>), Failure> {
    let place = from.to_str().map_or_else(|| Place::File(from.to_owned()), Place::from);
    let name = match &place {
        Place::Url(url) => named(url),
        Place::Agent(path) | Place::Tappd(path) | Place::File(path) => path.display().to_string(),
    };
    if offline && matches!(place, Place::Url(_)) {
        return Err(Failure::Usage(
            "--offline asks nobody, and the evidence is at a URL".to_owned(),
        ));
    }
    let fetched = match &place {
        Place::File(path) => {
            let document = input::bytes(path, limits::DOCUMENT)?;
            Fetched::read(document)
                .map_err(|e| Failure::CouldNotTell(shown(&format!("{name} is no evidence: {e}"))))?
        }
        Place::Url(_) | Place::Agent(_) | Place::Tappd(_) => {
            let mut wanted = B512::ZERO;
            if place.is_agent() {
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
            let nothing = || Failure::CouldNotTell(shown(&format!("{name} gives nothing")));
            fetched.map_err(failed)?.ok_or_else(nothing)?
        }
    };
    Ok((fetched, report_data))
}

fn collateral(path: &Path) -> Result<Collateral, Failure> {
    let json = input::text(path, limits::COLLATERAL)?;
    Collateral::parse(&json).map_err(|e| unfit(path, &e))
}

/// A file that is not what it should be.
pub(super) fn unfit(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(shown(&format!("{}: {why}", path.display())))
}
