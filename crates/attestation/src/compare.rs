//! Whether instances of an app are the same, in what has to be the same.

use crate::{CheckId, Outcome, Verdict};
use alloy_primitives::B256;
use schemars::JsonSchema;
use serde::Serialize;

/// What has to be the same of instances of one version on one kind of machine: firmware, its configuration, kernel, its
/// command line, version, and who gives the keys. RTMR3 and the instance's id are different by design.
const FIELDS: [&str; 7] =
    ["mrtd", "rtmr0", "rtmr1", "rtmr2", "app_id", "compose_hash", "key_provider"];

/// What came of a comparison.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Whether all fields are the same, and every quote verified. `inconclusive` if they are as far as is known.
    pub overall: Outcome,
    /// Each field, in the order of the measurements.
    pub fields: Vec<Field>,
    /// The instances, in the order in which they were named.
    pub instances: Vec<Instance>,
}

/// One field.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// Which.
    pub field: &'static str,
    /// `pass` if all have the same, `fail` if two differ, `inconclusive` if one does not say.
    pub result: Outcome,
    /// What each has, in the order of the instances.
    pub values: Vec<Option<String>>,
}

/// One instance.
#[derive(Clone, Debug, Serialize, JsonSchema)]
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
    pub hardware: Outcome,
    /// Whether the event log is the quote's, without which nobody knows the version.
    pub event_log: Outcome,
    /// Whether who it is is proved, and not only claimed.
    pub proved: bool,
}

impl Instance {
    /// An instance out of what was found about it.
    #[must_use]
    pub fn of(source: String, number: Option<usize>, verdict: &Verdict) -> Self {
        let result = |id| verdict.check(id).map_or(Outcome::NotEvaluated, |row| row.result);
        Self {
            source,
            number,
            instance_id: verdict.identity.instance_id.map(|id| format!("{id:#x}")),
            quote: verdict.quote,
            hardware: result(CheckId::Hardware),
            event_log: result(CheckId::EventLog),
            proved: verdict.identity.proved,
        }
    }
}

/// Compares instances by what was found about them, in the same order.
#[must_use]
pub fn compare(instances: Vec<Instance>, verdicts: &[Verdict]) -> Comparison {
    let fields: Vec<_> = FIELDS
        .into_iter()
        .map(|field| {
            let values: Vec<_> = verdicts.iter().map(|verdict| value(verdict, field)).collect();
            let mut known = values.iter().flatten();
            let first = known.next();
            let result = if known.any(|value| Some(value) != first) {
                Outcome::Fail
            } else if values.contains(&None) {
                Outcome::Inconclusive
            } else {
                Outcome::Pass
            };
            Field { field, result, values }
        })
        .collect();
    // Two that are not known to be real may be the same and prove nothing.
    let real = instances.iter().flat_map(|it| [it.hardware, it.event_log]).map(|it| match it {
        Outcome::NotEvaluated => Outcome::Inconclusive,
        other => other,
    });
    let worst = fields.iter().map(|it| it.result).chain(real).max();
    Comparison { overall: worst.unwrap_or(Outcome::Inconclusive), fields, instances }
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
