//! From a verdict to an observation.

use alloy_primitives::{Address, Bytes};
use devproof_api::{Finality, documents::SeenAs};
use devproof_attestation::{By, CheckId, Outcome, Verdict};
use devproof_evidence::Examined;
use devproof_store::{Judged, Recorded, Sighting, Store, StoreError};

/// The app that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// EIP-155 chain id on which it lives; a quote names none.
    pub chain_id: u64,
    /// The app id.
    pub app: Address,
    /// What people call it.
    pub name: String,
    /// What is told about the chain has to have this finality.
    pub finality: Finality,
}

/// Evidence that was captured and examined.
#[derive(Clone, Debug)]
pub struct Capture<'a> {
    /// Where it was, without anything secret.
    pub source: String,
    /// The document that it was in, to the byte.
    pub document: &'a [u8],
    /// What was found.
    pub examined: &'a Examined,
    /// The policy file; `None` for the strict policy.
    pub policy: Option<&'a [u8]>,
    /// Whether the quote was asked for with random bytes of ours. It only counts if the row about them passes.
    pub asked_for: bool,
    /// Whether the quote was held against Intel's root.
    pub is_intel_root: bool,
    /// When it was captured, Unix seconds by our own clock.
    pub seen_at: u64,
}

/// Why what was examined is no observation, in a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotObserved {
    /// No hardware vouches for it.
    #[error("no hardware vouches for the quote, so it shows nothing")]
    Hardware,
    /// Nobody knows what runs.
    #[error("no event log that is the quote's says which app and which version runs")]
    Log,
    /// It is of another app.
    #[error("it is of the app {0:#x}")]
    OtherApp(Address),
}

/// Why an observation could not be taken down.
#[derive(Debug, thiserror::Error)]
pub enum TakeDownError {
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The verdict could not be written.
    #[error("the verdict could not be written: {0}")]
    Verdict(#[from] serde_json::Error),
}

/// How much is known of who a machine is.
#[must_use]
pub const fn seen_as(verdict: &Verdict, is_intel_root: bool) -> SeenAs {
    match (is_intel_root, verdict.identity.proved) {
        (false, _) => SeenAs::TestRoot,
        (true, true) => SeenAs::Proved,
        (true, false) => SeenAs::Claimed,
    }
}

/// Takes down what was found, if it is an observation of the app.
///
/// # Errors
/// [`TakeDownError`]. That it is no observation is none.
pub async fn take_down(
    store: &Store,
    target: &Target,
    capture: &Capture<'_>,
) -> Result<Result<Recorded, NotObserved>, TakeDownError> {
    let sighting = match sighting(target, capture)? {
        Ok(sighting) => sighting,
        Err(why) => return Ok(Err(why)),
    };
    Ok(Ok(store.record_sighting(&sighting).await?))
}

fn passes(verdict: &Verdict, id: CheckId) -> bool {
    verdict.check(id).is_some_and(|row| row.result == Outcome::Pass)
}

fn sighting(
    target: &Target,
    capture: &Capture<'_>,
) -> Result<Result<Sighting, NotObserved>, serde_json::Error> {
    let Examined { verdict, from, to, collateral } = capture.examined;
    let Some(quote) = verdict.quote.filter(|_| passes(verdict, CheckId::Hardware)) else {
        return Ok(Err(NotObserved::Hardware));
    };
    let identity = &verdict.identity;
    let known = identity.app_id.zip(identity.compose_hash);
    let Some((app, compose_hash)) = known.filter(|_| passes(verdict, CheckId::EventLog)) else {
        return Ok(Err(NotObserved::Log));
    };
    if app != target.app {
        return Ok(Err(NotObserved::OtherApp(app)));
    }
    let by = |id| {
        let row = verdict.check(id).filter(|row| row.result == Outcome::Pass);
        row.map(|row| match &row.by {
            By::Here => "here".to_owned(),
            By::Service(url) => url.clone(),
        })
    };
    let fresh = capture.asked_for && passes(verdict, CheckId::ReportData)
        || passes(verdict, CheckId::Freshness);
    let provider = identity.key_provider.as_ref();
    Ok(Ok(Sighting {
        chain_id: target.chain_id,
        app,
        quote,
        compose_hash,
        instance_id: identity.instance_id,
        os_image_hash: identity.os_image_hash,
        key_provider: provider.map(|(kind, id)| (kind.name().to_owned(), id.clone())),
        source: capture.source.clone(),
        is_fresh: fresh,
        seen_at: capture.seen_at,
        judged: Judged {
            at: verdict.time.and_then(|time| u64::try_from(time.as_second()).ok()).unwrap_or(0),
            overall: result(verdict.overall).to_owned(),
            decisive: verdict.decisive.iter().map(|id| id.name().to_owned()).collect(),
            is_proved: identity.proved,
            is_intel_root: capture.is_intel_root,
            tcb_status: status(verdict),
            hardware_by: by(CheckId::Hardware).unwrap_or_default(),
            system_by: by(CheckId::OsImage),
            warnings: warnings(verdict),
            evidence: Bytes::copy_from_slice(capture.document),
            collateral: collateral.as_ref().map(|it| Bytes::copy_from_slice(it.json().as_bytes())),
            policy: capture.policy.map(Bytes::copy_from_slice),
            verdict: serde_json::to_vec(verdict)?.into(),
            from: *from,
            to: *to,
        },
    }))
}

/// The three words of a verdict.
const fn result(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Inconclusive | Outcome::NotEvaluated => "inconclusive",
    }
}

/// Intel's word for the platform, where it was told; also where the policy does not accept it.
pub(crate) fn status(verdict: &Verdict) -> Option<String> {
    let row = verdict.check(CheckId::Tcb)?;
    row.value.clone().filter(|word| word.parse::<devproof_attestation::TcbStatus>().is_ok())
}

fn warnings(verdict: &Verdict) -> Vec<String> {
    let names = verdict.warnings.iter().filter_map(|it| serde_json::to_value(it.id).ok());
    let mut names: Vec<String> =
        names.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    names.dedup();
    names
}
