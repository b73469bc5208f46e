//! The whole table.

use super::{
    By, Check, CheckId, Outcome, Question, Subject, Verdict, boot, hardware, keys, machine::Machine,
};
use crate::{Policy, QuoteError, TdxQuote, TrustAnchor, digest::sha256};
use jiff::Timestamp;

/// Answers a question with a verdict. Asks nobody; the rows about a chain are not evaluated.
#[must_use]
pub fn verify(question: &Question<'_>) -> Verdict {
    let evidence = question.evidence;
    let mut warnings = Vec::new();
    if *question.root != TrustAnchor::Intel {
        warnings.push(keys::other_root());
    }
    let (mut checks, mut identity, mut id, mut boot_info) =
        (Vec::new(), Subject::default(), None, None);
    match TdxQuote::parse(evidence.quote.clone()) {
        Err(error) => checks.extend(unreadable(question, &error)),
        Ok(quote) => {
            let verified = hardware::Verified::new(question, &quote);
            let machine = Machine::new(question, &quote);
            machine.warnings(&mut warnings);
            checks.extend([
                verified.hardware(question, &quote),
                verified.collateral(question),
                verified.tcb(question),
                hardware::td_attributes(&quote),
                verified.platform(question),
                machine.event_log(),
                machine.os_image(),
                machine.os_image_allowed(),
                machine.app_id(),
                no_chain(CheckId::AppRegistered),
                machine.compose_preimage(),
                machine.compose_hash(),
                machine.mr_config_id(),
                machine.key_provider(),
                keys::kms_keys(question, &quote, &machine, &mut warnings),
                Check::new(
                    CheckId::KmsQuote,
                    Outcome::NotEvaluated,
                    "no KMS contract was asked for the KMS's own quote",
                ),
                keys::report_data(question, &quote),
                no_chain(CheckId::IsAppAllowed),
                Check::new(
                    CheckId::Freshness,
                    Outcome::NotEvaluated,
                    "no challenge was given: when the quote was made is not known",
                ),
                Check::new(CheckId::Backends, Outcome::NotEvaluated, "no other verifier was asked"),
            ]);
            identity = machine.subject();
            id = Some(quote.id());
            let log = evidence.event_log.as_ref().and_then(|log| log.as_ref().ok());
            boot_info = boot::info(&quote, &verified, &machine, log);
        }
    }
    identity.proved = is_proved(&checks);
    let backends = 1;
    let (overall, decisive) = overall(&checks, question.policy, backends);
    let seconds = i64::try_from(question.now).ok();
    Verdict {
        overall,
        decisive,
        warnings,
        checks,
        identity,
        time: seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        quote: id,
        form: evidence.form.name(),
        evidence: evidence.digest,
        collateral: question.collateral.map(crate::Collateral::digest),
        boot_info,
        backends,
    }
}

/// The worst row that the policy requires, and all that are as bad. `backends` looked at the evidence.
pub(crate) fn overall(
    checks: &[Check],
    policy: &Policy,
    backends: usize,
) -> (Outcome, Vec<CheckId>) {
    let result = |id: CheckId| {
        let found = checks.iter().find(|check| check.id == id).map(|check| check.result);
        (id, found.unwrap_or(Outcome::NotEvaluated))
    };
    let required = policy.required.iter().copied().map(result).map(|(id, result)| match result {
        // What must be known and was not looked at is not known.
        Outcome::NotEvaluated => (id, Outcome::Inconclusive),
        other => (id, other),
    });
    let if_checked = policy.if_checked.iter().copied().map(result).filter(|(id, result)| {
        // A quote of the KMS that leaves something open is worth no less than none at all.
        let open = *id == CheckId::KmsQuote && *result == Outcome::Inconclusive;
        *result != Outcome::NotEvaluated && !open
    });
    let rows: Vec<_> = required.chain(if_checked).collect();
    let too_few = (backends < policy.minimum_backends).then_some(Outcome::Inconclusive);
    // A policy that requires nothing proves nothing.
    let worst = rows.iter().map(|(_, result)| *result).max().unwrap_or(Outcome::Inconclusive);
    let worst = worst.max(too_few.unwrap_or(Outcome::Pass));
    let bad = rows.into_iter().filter(|(_, r)| *r == worst && *r != Outcome::Pass);
    (worst, bad.map(|(id, _)| id).collect())
}

/// What a machine says of itself is proved if the hardware measured it, nobody could tamper with it since, and the
/// operating system that wrote it down is a known one.
pub(crate) fn is_proved(checks: &[Check]) -> bool {
    let needed = [
        CheckId::Hardware,
        CheckId::TdAttributes,
        CheckId::EventLog,
        CheckId::OsImage,
        CheckId::AppId,
        CheckId::ComposeHash,
    ];
    needed
        .iter()
        .all(|id| checks.iter().any(|check| check.id == *id && check.result == Outcome::Pass))
}

fn no_chain(id: CheckId) -> Check {
    Check::new(id, Outcome::NotEvaluated, "no chain was asked")
}

fn unreadable(question: &Question<'_>, error: &QuoteError) -> impl Iterator<Item = Check> {
    let hardware = Check {
        id: CheckId::Hardware,
        result: Outcome::Fail,
        value: None,
        how: error.to_string(),
        by: By::Here,
        evidence: Some(sha256(&question.evidence.quote)),
        details: serde_json::Map::new(),
    };
    CheckId::ALL.into_iter().map(move |id| match id {
        CheckId::Hardware => hardware.clone(),
        other => Check::new(other, Outcome::NotEvaluated, "the quote cannot be read"),
    })
}
