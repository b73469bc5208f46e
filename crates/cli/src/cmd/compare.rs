//! `devproof compare`: whether instances are the same, in what has to be the same.

use super::evidence::{examiner, judged, read};
use crate::{
    Failure, Outcome,
    config::Settings,
    opts::CompareArgs,
    shell::Shell,
    text::{shown, table},
};
use alloy_primitives::B256;
use devproof_attestation::{CheckId, Outcome as Result_, Verdict};
use serde::Serialize;

/// What has to be the same of instances of one version on one kind of machine: firmware, its configuration, kernel, its
/// command line, version, and who gives the keys. RTMR3 and the instance's id are different by design.
const FIELDS: [&str; 7] =
    ["mrtd", "rtmr0", "rtmr1", "rtmr2", "app_id", "compose_hash", "key_provider"];

/// The document.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Whether all fields are the same, and every quote verified. `inconclusive` if they are as far as is known.
    pub overall: Result_,
    /// Each field, in the order of the measurements.
    pub fields: Vec<Field>,
    /// The instances, in the order in which they were named.
    pub instances: Vec<Instance>,
}

/// One field.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// Which.
    pub field: &'static str,
    /// `pass` if all have the same, `fail` if two differ, `inconclusive` if one does not say.
    pub result: Result_,
    /// What each has, in the order of the instances.
    pub values: Vec<Option<String>>,
}

/// One instance.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Where its evidence is.
    pub source: String,
    /// Which of several there, from 0.
    pub number: Option<usize>,
    /// Its id, if it has one. The same twice is one instance, seen twice.
    pub instance_id: Option<String>,
    /// SHA-256 of the signed part of its quote.
    pub quote: Option<B256>,
    /// Whether the hardware vouches for the quote.
    pub hardware: Result_,
    /// Whether the event log is the quote's, without which nobody knows the version.
    pub event_log: Result_,
    /// Whether who it is is proved, and not only claimed.
    pub proved: bool,
}

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
            instances.push(instance(source.display().to_string(), number, &verdict));
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

fn instance(source: String, number: Option<usize>, verdict: &Verdict) -> Instance {
    let result = |id| verdict.check(id).map_or(Result_::NotEvaluated, |row| row.result);
    Instance {
        source,
        number,
        instance_id: verdict.identity.instance_id.map(|id| format!("{id:#x}")),
        quote: verdict.quote,
        hardware: result(CheckId::Hardware),
        event_log: result(CheckId::EventLog),
        proved: verdict.identity.proved,
    }
}

fn compare(instances: Vec<Instance>, verdicts: &[Verdict]) -> Comparison {
    let fields: Vec<_> = FIELDS
        .into_iter()
        .map(|field| {
            let values: Vec<_> = verdicts.iter().map(|verdict| value(verdict, field)).collect();
            let mut known = values.iter().flatten();
            let first = known.next();
            let result = if known.any(|value| Some(value) != first) {
                Result_::Fail
            } else if values.contains(&None) {
                Result_::Inconclusive
            } else {
                Result_::Pass
            };
            Field { field, result, values }
        })
        .collect();
    // Two that are not known to be real may be the same and prove nothing.
    let real = instances.iter().flat_map(|it| [it.hardware, it.event_log]).map(|it| match it {
        Result_::NotEvaluated => Result_::Inconclusive,
        other => other,
    });
    let worst = fields.iter().map(|it| it.result).chain(real).max();
    Comparison { overall: worst.unwrap_or(Result_::Inconclusive), fields, instances }
}

/// What a verdict has in a field, measured or, of the log, known to be the quote's.
fn value(verdict: &Verdict, field: &str) -> Option<String> {
    let identity = &verdict.identity;
    match field {
        "app_id" => identity.app_id.map(|id| format!("{id:#x}")),
        "compose_hash" => identity.compose_hash.map(|hash| hash.to_string()),
        "key_provider" => {
            identity.key_provider.as_ref().map(|(kind, id)| format!("{} {id}", kind.name()))
        }
        register => {
            let measured = verdict.check(CheckId::OsImage)?.details.get(register)?;
            measured.as_str().map(str::to_owned)
        }
    }
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
