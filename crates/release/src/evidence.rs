//! Evidence of an instance that ran a version: judged here, with nobody asked, so that anybody can judge it again.

use crate::{
    ReleaseError,
    proof::{seconds, sha256, timestamp},
};
use alloy_primitives::{Address, B256};
use devproof_attestation::{
    CheckId, Collateral, Evidence, KmsKeys, Outcome, Policy, Question, TrustAnchor, Verdict, verify,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Under which demands evidence is judged.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The root that a quote must lead to.
    pub root: TrustAnchor,
    /// What is demanded.
    pub policy: Policy,
    /// SHA-256 of the file with these demands; `None` for those that hold by default.
    pub policy_hash: Option<B256>,
}

impl Default for Judge {
    fn default() -> Self {
        Self { root: TrustAnchor::Intel, policy: Policy::default(), policy_hash: None }
    }
}

/// What came of evidence, as it is published. Whoever reads it judges the evidence again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Judged {
    /// SHA-256 of `evidence.json`.
    pub evidence: B256,
    /// SHA-256 of `collateral.json`; `null` if there is none beside it.
    pub collateral: Option<B256>,
    /// The time at which it was judged: whoever publishes says so. The quote itself has no time in it.
    pub judged_at: Timestamp,
    /// SHA-256 of the policy; `null` for the one by default.
    pub policy: Option<B256>,
    /// `pass`, `fail` or `inconclusive`.
    pub overall: String,
    /// Whether the hardware, the log and the operating system are proved, and so what follows.
    pub proved: bool,
    /// The app that the evidence is of.
    pub app_id: Option<Address>,
    /// The version that the evidence is of.
    pub compose_hash: Option<B256>,
    /// SHA-256 of what is signed: the statement's identity.
    pub quote: Option<B256>,
    /// Each row of the table that could be told, and what came of it.
    pub rows: Vec<RowOf>,
}

/// A row of the table of checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RowOf {
    /// Its id.
    pub id: CheckId,
    /// What came of it.
    pub result: Outcome,
}

/// Evidence and what it is judged with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exhibit<'a> {
    pub(crate) evidence: &'a [u8],
    pub(crate) collateral: Option<&'a [u8]>,
    /// The compose file that is said to run.
    pub(crate) compose: &'a [u8],
    /// When; the evidence's own time where nobody says.
    pub(crate) time: Option<u64>,
}

/// The word for an outcome.
pub(crate) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::NotEvaluated => "not_evaluated",
        Outcome::Inconclusive => "inconclusive",
        Outcome::Fail => "fail",
    }
}

/// Judges evidence of one instance.
pub(crate) fn judge(exhibit: &Exhibit<'_>, judge: &Judge) -> Result<Judged, ReleaseError> {
    let bad = |why: String| ReleaseError::Usage(format!("the evidence cannot be used: {why}"));
    let mut all = Evidence::read(exhibit.evidence).map_err(|e| bad(e.to_string()))?;
    let evidence = match (all.pop(), all.len()) {
        (Some(one), 0) => one,
        (_, more) => {
            return Err(bad(format!("it is of {} instances, and one is published", more + 1)));
        }
    };
    let collateral = match exhibit.collateral {
        Some(bytes) => {
            let text =
                std::str::from_utf8(bytes).map_err(|_| bad("its collateral is no text".into()))?;
            Some(Collateral::parse(text).map_err(|e| bad(e.to_string()))?)
        }
        None => evidence.collateral.clone(),
    };
    let now = exhibit.time.or(evidence.time).ok_or_else(|| {
        bad("nobody says at what time to judge it: name that with --time, so that everybody judges alike".into())
    })?;
    let verdict = verify(&Question {
        evidence: &evidence,
        now,
        root: &judge.root,
        collateral: collateral.as_ref(),
        compose: Some(exhibit.compose),
        report_data: None,
        kms: &KmsKeys::default(),
        chain: None,
        policy: &judge.policy,
    });
    Ok(judged(&verdict, exhibit, now, judge.policy_hash))
}

fn judged(verdict: &Verdict, exhibit: &Exhibit<'_>, now: u64, policy: Option<B256>) -> Judged {
    let told = verdict.checks.iter().filter(|row| row.result != Outcome::NotEvaluated);
    Judged {
        evidence: sha256(exhibit.evidence),
        collateral: exhibit.collateral.map(sha256),
        judged_at: timestamp(now),
        policy,
        overall: outcome(verdict.overall).to_owned(),
        proved: verdict.identity.proved,
        app_id: verdict.identity.app_id,
        compose_hash: verdict.identity.compose_hash.map(|hash| hash.0),
        quote: verdict.quote,
        rows: told.map(|row| RowOf { id: row.id, result: row.result }).collect(),
    }
}

impl Judged {
    /// Whether it shows an instance of this app with this version.
    #[must_use]
    pub fn shows(&self, app: Address, version: B256) -> bool {
        self.overall == "pass"
            && self.proved
            && self.app_id == Some(app)
            && self.compose_hash == Some(version)
    }

    /// Why it is about something else than this version of this app, as a sentence; `None` if it is not.
    #[must_use]
    pub fn of_another(&self, app: Address, version: B256) -> Option<String> {
        match (self.app_id, self.compose_hash) {
            (Some(other), _) if other != app => {
                Some(format!("The evidence is of the app {other:#x}, not of {app:#x}."))
            }
            (_, Some(other)) if other != version => {
                Some(format!("The evidence is of the version {other:#x}, not of {version:#x}."))
            }
            _ => None,
        }
    }

    /// When it was judged, Unix seconds.
    pub(crate) fn time(&self) -> u64 {
        seconds(self.judged_at)
    }
}
