//! `devproof compare`: whether instances are the same, in what has to be the same.

use super::evidence::{examiner, judged, read};
use crate::{
    Failure, Outcome,
    config::Settings,
    opts::CompareArgs,
    shell::Shell,
    text::{shown, table},
};
use devproof_attestation::{Comparison, Instance, Outcome as Result_, compare};

/// Runs the command.
///
/// # Errors
/// If evidence is none, or an option makes no sense.
pub async fn run(
    args: CompareArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let services = settings.services(args.judge.services.clone())?;
    let examiner = examiner(&services, args.judge.offline)?;
    let (mut instances, mut verdicts) = (Vec::new(), Vec::new());
    for source in &args.evidence {
        for evidence in read(source, args.judge.offline, None).await?.0 {
            let number = evidence.instance;
            let exhibit = judged(&args.judge, evidence)?;
            let verdict = examiner.examine(exhibit).await.verdict;
            instances.push(Instance::of(source.display().to_string(), number, &verdict));
            verdicts.push(verdict);
        }
    }
    if verdicts.len() < 2 {
        return Err(Failure::Usage("there is only one instance; name two or more".to_owned()));
    }
    let comparison = compare(instances, &verdicts);
    shell.answer(&comparison, || render(&comparison))?;
    Ok(match comparison.overall {
        Result_::Pass => Outcome::Yes,
        Result_::Fail => Outcome::No,
        Result_::Inconclusive | Result_::NotEvaluated => Outcome::CouldNotTell,
    })
}

/// The comparison in words.
#[must_use]
pub fn render(comparison: &Comparison) -> String {
    let differing: Vec<_> = comparison
        .fields
        .iter()
        .filter(|it| it.result == Result_::Fail)
        .map(|it| it.field)
        .collect();
    let mut text = match (comparison.overall, differing.as_slice()) {
        (Result_::Pass, _) => {
            "The instances are the same in everything that has to be.\n".to_owned()
        }
        (Result_::Fail, []) => {
            "A quote or a log does not hold; what it says counts for nothing.\n".to_owned()
        }
        (Result_::Fail, some) => format!("The instances differ in {}.\n", some.join(", ")),
        _ => {
            "What is known of the instances is the same, but not everything is known.\n".to_owned()
        }
    };
    let word = |result| match result {
        Result_::Pass => "same",
        Result_::Fail => "DIFFERS",
        Result_::Inconclusive | Result_::NotEvaluated => "not known of all",
    };
    let rows: Vec<_> = comparison
        .fields
        .iter()
        .map(|it| {
            let mut values: Vec<_> =
                it.values.iter().map(|value| value.as_deref().unwrap_or("?")).collect();
            values.dedup();
            let shorter = |value: &&str| value.chars().take(26).collect::<String>();
            let values: Vec<_> = values.iter().map(shorter).collect();
            [it.field.to_owned(), word(it.result).to_owned(), shown(&values.join(" | "))]
        })
        .collect();
    text.push_str(&format!("\n{}\n", table(["field", "", "value"], &rows)));
    for it in &comparison.instances {
        let number = it.number.map(|number| format!(" ({number})")).unwrap_or_default();
        let id = it.instance_id.as_deref().unwrap_or("without an id");
        let hardware = match it.hardware {
            Result_::Pass => "verified",
            Result_::Fail => "REFUSED",
            _ => "not verified",
        };
        let who = if it.proved { "proved" } else { "only claimed" };
        text.push_str(&format!(
            "  {}{number}: instance {id}, quote {hardware}, who it is {who}\n",
            shown(&it.source)
        ));
    }
    text
}
