//! Several verifiers, one table.

use super::Opinion;
use crate::{
    By, Check, CheckId, Concern, Outcome, Policy, Verdict, Warning,
    table::{is_proved, overall},
};

/// Puts the word of services beside a verdict that was found here.
///
/// A row that fails anywhere fails. A row that could not be told here and that a service passes, passes on its word and
/// says so. Where one says pass and another fail, there is a warning as well.
#[must_use]
pub fn combine(mut verdict: Verdict, opinions: &[Opinion], policy: &Policy) -> Verdict {
    for opinion in opinions {
        for said in &opinion.checks {
            let Some(row) = verdict.checks.iter_mut().find(|row| row.id == said.id) else {
                continue;
            };
            if disagree(row.result, said.result) {
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
    let here = usize::from(
        verdict
            .check(CheckId::Hardware)
            .is_some_and(|row| row.result == Outcome::Pass && row.by == By::Here),
    );
    let backends = here + opinions.iter().filter(agree).count();
    (verdict.overall, verdict.decisive) = overall(&verdict.checks, policy, backends);
    verdict.identity.proved = is_proved(&verdict.checks);
    verdict
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
