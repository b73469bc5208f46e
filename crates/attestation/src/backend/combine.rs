//! Several verifiers, one table.

use super::Opinion;
use crate::{By, Check, CheckId, Concern, Outcome, Policy, Verdict, Warning};
use serde_json::json;

/// Puts the word of services beside a verdict that was found here.
///
/// A row that fails anywhere fails. A row that could not be told here and that a service passes, passes on its word and
/// says so. Where one says pass and another fail, there is a warning as well.
#[must_use]
pub fn combine(mut verdict: Verdict, opinions: &[Opinion], policy: &Policy) -> Verdict {
    // Before anybody's word gets into the rows.
    let proved_here = |row: &Check| row.result == Outcome::Pass && row.by == By::Here;
    let here = usize::from(verdict.check(CheckId::Hardware).is_some_and(proved_here));
    let mut disputed = Vec::new();
    for opinion in opinions {
        for said in &opinion.checks {
            let Some(row) = verdict.checks.iter_mut().find(|row| row.id == said.id) else {
                continue;
            };
            if disagree(row.result, said.result) {
                disputed.push(row.id);
                verdict.warnings.push(Warning::new(
                    Concern::Disagreement,
                    format!(
                        "Two verifiers say different things about {}: {} says that {}; {} says that {}.",
                        row.id.name(),
                        who(&row.by),
                        row.how,
                        who(&said.by),
                        said.how
                    ),
                ));
            }
            let fails = said.result == Outcome::Fail && row.result != Outcome::Fail;
            let open = matches!(row.result, Outcome::Inconclusive | Outcome::NotEvaluated);
            if fails || (open && said.result == Outcome::Pass) {
                row.result = said.result;
                row.how.clone_from(&said.how);
                row.by = said.by.clone();
            }
        }
    }
    let agree = |opinion: &&Opinion| {
        let passes = |check: &Check| check.id == CheckId::Hardware && check.result == Outcome::Pass;
        opinion.checks.iter().any(passes)
    };
    verdict.backends = here + opinions.iter().filter(agree).count();
    let row = row(opinions, &disputed);
    verdict.put(row, policy);
    verdict
}

/// What became of asking them: that two say different things is a fault of its own, whoever is right.
fn row(opinions: &[Opinion], disputed: &[CheckId]) -> Option<Check> {
    if opinions.is_empty() {
        return None;
    }
    let told = |opinion: &Opinion| {
        let told = |check: &Check| matches!(check.result, Outcome::Pass | Outcome::Fail);
        opinion.checks.iter().any(told)
    };
    let silent: Vec<_> = opinions.iter().filter(|it| !told(it)).collect();
    let why = |opinion: &Opinion| {
        let how = opinion.checks.first().map_or("", |check| check.how.as_str());
        format!("{}: {how}", opinion.url)
    };
    let (result, how) = if !disputed.is_empty() {
        let names: Vec<_> = disputed.iter().map(|id| id.name()).collect();
        (Outcome::Fail, format!("verifiers say different things about {}", names.join(", ")))
    } else if let Some(opinion) = silent.first() {
        (Outcome::Inconclusive, format!("nothing could be learnt from {}", why(opinion)))
    } else {
        (Outcome::Pass, "nobody who was asked says anything else".to_owned())
    };
    let said = opinions.iter().map(|opinion| {
        let rows = opinion.checks.iter().map(|check| {
            json!({"id": check.id, "result": check.result, "value": check.value, "how": check.how})
        });
        json!({"url": opinion.url, "checks": rows.collect::<Vec<_>>()})
    });
    let row = Check::new(CheckId::Backends, result, how).value(format!("{} asked", opinions.len()));
    Some(row.detail("said", said.collect::<Vec<_>>()))
}

fn disagree(one: Outcome, other: Outcome) -> bool {
    matches!((one, other), (Outcome::Pass, Outcome::Fail) | (Outcome::Fail, Outcome::Pass))
}

fn who(by: &By) -> &str {
    match by {
        By::Here => "this machine",
        By::Service(url) => url,
    }
}
