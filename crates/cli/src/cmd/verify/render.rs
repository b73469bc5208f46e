//! A verdict in words.

use crate::text::{shown, table, time};
use devproof_attestation::{By, Check, Outcome as Result_, Subject, Verdict};

/// The verdict in words.
#[must_use]
pub fn render(verdict: &Verdict) -> String {
    let rows: Vec<_> = verdict.decisive.iter().map(|id| id.name()).collect();
    let rows = if rows.is_empty() { "too few verifiers".to_owned() } else { rows.join(", ") };
    let mut text = match verdict.overall {
        Result_::Pass => "Every row that the policy requires passes".to_owned(),
        Result_::Fail => format!("Does not hold as the policy requires it: {rows}"),
        Result_::Inconclusive | Result_::NotEvaluated => {
            format!("Could not be told, and the policy requires it: {rows}")
        }
    };
    if let Some(at) = verdict.time {
        text.push_str(&format!(" (as of {})", time(at)));
    }
    text.push_str(".\n");
    for warning in &verdict.warnings {
        text.push_str(&format!("WARNING: {}\n", shown(&warning.message)));
    }
    let rows: Vec<_> = verdict.checks.iter().map(row).collect();
    text.push_str(&format!("\n{}\n", table(["check", "result", "how"], &rows)));
    text.push_str(&identity(&verdict.identity));
    text
}

fn row(check: &Check) -> [String; 3] {
    let result = match check.result {
        Result_::Pass => "pass",
        Result_::Fail => "FAIL",
        Result_::Inconclusive => "could not tell",
        Result_::NotEvaluated => "not looked at",
    };
    let how = match &check.by {
        By::Here => shown(&check.how),
        By::Service(url) => format!("{} (as said by {})", shown(&check.how), shown(url)),
    };
    [check.id.name().to_owned(), result.to_owned(), how]
}

fn identity(subject: &Subject) -> String {
    let mut text = if subject.proved {
        "Proved to be\n".to_owned()
    } else {
        "Claims to be, which is not proved\n".to_owned()
    };
    let provider = subject.key_provider.as_ref();
    let lines = [
        ("app", subject.app_id.map(|id| format!("{id:#x}"))),
        ("version", subject.compose_hash.map(|hash| hash.to_string())),
        ("instance", subject.instance_id.map(|id| format!("{id:#x}"))),
        ("keys from", provider.map(|(kind, id)| format!("{} {id}", kind.name()))),
        ("OS image", subject.os_image_hash.map(|hash| hash.to_string())),
    ];
    for (name, value) in lines {
        text.push_str(&format!("  {name:<9}  {}\n", value.as_deref().unwrap_or("not said")));
    }
    text
}
