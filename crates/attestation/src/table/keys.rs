//! Rows about keys, and about what the quote was made for.

use super::{Check, CheckId, Concern, Outcome, Question, Warning, machine::Machine};
use crate::{Form, Identity, ReportData, TdxQuote, sigchain};

/// Whether the KMS that was named vouches, through the app's CA, for the very key that the quote commits to.
pub(super) fn holds_app_certificate(
    question: &Question<'_>,
    quote: &TdxQuote,
    identity: &Identity,
) -> bool {
    let (Some(chain), Some(ca)) = (&question.evidence.certificates, &question.kms.ca) else {
        return false;
    };
    let committed = ReportData::RaTls(chain.leaf_key()).bytes();
    committed.is_ok_and(|bytes| bytes == quote.report_data())
        && chain.app_id().is_ok_and(|id| id == Some(identity.app_id))
        && chain.leads_to(ca, question.now).is_ok()
}

/// What one way of showing possession came to.
type Finding = (Outcome, String);

pub(super) fn kms_keys(
    question: &Question<'_>,
    quote: &TdxQuote,
    machine: &Machine<'_>,
    warnings: &mut Vec<Warning>,
) -> Check {
    let found: Vec<Finding> = [
        own_quote(question, quote),
        certificates(question, machine),
        signatures(question, machine, warnings),
    ]
    .into_iter()
    .flatten()
    .collect();
    // Any that fails, then any that holds: two ways that say different things are a failure.
    let worst = found.iter().find(|(result, _)| *result == Outcome::Fail);
    let best = worst.or_else(|| found.iter().find(|(result, _)| *result == Outcome::Pass));
    match best.or(found.first()) {
        Some((result, how)) => Check::new(CheckId::KmsKeys, *result, how),
        None => Check::new(
            CheckId::KmsKeys,
            Outcome::NotEvaluated,
            "there are no keys to hold against a KMS, or no KMS was named",
        ),
    }
}

/// The quote of a KMS commits to its keys.
fn own_quote(question: &Question<'_>, quote: &TdxQuote) -> Option<Finding> {
    let (ca, k256) = (question.kms.ca.clone()?, question.kms.k256.clone()?);
    let bytes = ReportData::KmsKeys { ca, k256 }.bytes().ok()?;
    (bytes == quote.report_data()).then(|| {
        (Outcome::Pass, "this quote is the KMS's own and commits to the keys named".to_owned())
    })
}

fn certificates(question: &Question<'_>, machine: &Machine<'_>) -> Option<Finding> {
    let chain = question.evidence.certificates.as_ref()?;
    let Some(ca) = &question.kms.ca else {
        return Some(match chain.check(question.now) {
            Ok(()) => (
                Outcome::Inconclusive,
                format!(
                    "the certificates hold together; their root key {} was not compared",
                    chain.last_key()
                ),
            ),
            Err(error) => (Outcome::Fail, error.to_string()),
        });
    };
    if let Err(error) = chain.leads_to(ca, question.now) {
        return Some((Outcome::Fail, error.to_string()));
    }
    let said = machine.proven().map(|identity| identity.app_id);
    Some(match chain.app_id() {
        Err(error) => (Outcome::Fail, error.to_string()),
        Ok(None) => (Outcome::Inconclusive, "the certificates name no app".to_owned()),
        Ok(Some(app)) if said.is_some_and(|said| said != app) => {
            (Outcome::Fail, format!("the certificates are of app {app:#x}"))
        }
        Ok(Some(app)) => (
            Outcome::Pass,
            format!("the KMS made a CA for app {app:#x}, which vouches for the key"),
        ),
    })
}

fn signatures(
    question: &Question<'_>,
    machine: &Machine<'_>,
    warnings: &mut Vec<Warning>,
) -> Option<Finding> {
    let (chain, root) = (question.chain?, question.kms.k256.as_ref()?);
    let Ok(root) = sigchain::address_of(root) else {
        return Some((Outcome::Fail, "the root key of the KMS is not a secp256k1 key".to_owned()));
    };
    let warning = chain.warning(root);
    let public = warning.is_some();
    warnings.extend(warning);
    if let Err(error) = chain.verify(root) {
        return Some((Outcome::Fail, error.to_string()));
    }
    let app = chain.app_id;
    Some(match machine.proven() {
        Some(identity) if identity.app_id != app => {
            (Outcome::Fail, format!("the chain of keys is of app {app:#x}"))
        }
        _ if public => (Outcome::Inconclusive, "everybody can make this chain of keys".to_owned()),
        _ => (Outcome::Pass, format!("the KMS issued the chain of keys of app {app:#x}")),
    })
}

pub(super) fn report_data(question: &Question<'_>, quote: &TdxQuote) -> Check {
    let id = CheckId::ReportData;
    let row = |result, how: String| {
        Check::new(id, result, how).value(quote.report_data()).evidence(quote.id())
    };
    // That of a certificate is declared by its being one.
    let certificate = question.evidence.certificates.as_ref();
    let certificate = certificate.filter(|_| question.evidence.form == Form::RaTls);
    let own = certificate.map(|chain| ReportData::RaTls(chain.leaf_key()));
    let declared: Vec<_> = question.report_data.into_iter().chain(&own).collect();
    let wrong = declared
        .iter()
        .find(|declared| !declared.bytes().is_ok_and(|bytes| bytes == quote.report_data()));
    match (wrong, declared.first()) {
        (Some(wrong), _) => row(Outcome::Fail, format!("expected {}", wrong.scheme())),
        (None, Some(right)) => row(Outcome::Pass, format!("as expected: {}", right.scheme())),
        (None, None) => {
            row(Outcome::NotEvaluated, "nobody said what the quote was made for".to_owned())
        }
    }
}

/// A root that is not Intel's makes every row one about a test.
pub(super) fn other_root() -> Warning {
    Warning::new(
        Concern::OtherTrustAnchor,
        "The quote was held against a root CA that is not Intel's: nothing here is about real hardware.",
    )
}
