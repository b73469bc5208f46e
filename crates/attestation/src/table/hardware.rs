//! Rows about the hardware: the quote, its collateral, and what they say of the platform.

use super::{Check, CheckId, Outcome, Question};
use crate::{Claims, Flag, Refusal, TdxQuote, TrustAnchor, verify_quote};
use alloy_primitives::hex;
use jiff::Timestamp;

/// The attributes of a machine that may be set, by bit (Intel TDX Module ABI Specification, table 3.23), and whether a
/// machine that has it still protects anything.
const ATTRIBUTES: [(u32, &str, bool); 13] = [
    (0, "DEBUG", false),
    (4, "HGS_PLUS_PROF", false),
    (5, "PERF_PROF", false),
    (6, "PMT_PROF", false),
    (16, "ICSSD", true),
    (17, "SERVTD_EXT", false),
    (27, "LASS", true),
    (28, "SEPT_VE_DISABLE", true),
    (29, "MIGRATABLE", false),
    (30, "PKS", true),
    (31, "KL", true),
    (62, "TPA", true),
    (63, "PERFMON", true),
];
/// Bits that have a meaning (18 to 22 none that matters here); all others must be zero.
const DEFINED: u64 = 0xc000_0000_f87f_0071;
/// The attribute without which a host can give a machine pages it did not ask for.
const SEPT_VE_DISABLE: u64 = 1 << 28;

/// The quote, and what came of verifying it.
pub(super) struct Verified {
    pub(super) result: Option<Result<Claims, Refusal>>,
}

impl Verified {
    pub(super) fn new(question: &Question<'_>, quote: &TdxQuote) -> Self {
        let verify = |collateral| verify_quote(quote, collateral, question.now, question.root);
        Self { result: question.collateral.map(verify) }
    }

    pub(super) fn claims(&self) -> Option<&Claims> {
        self.result.as_ref()?.as_ref().ok()
    }

    pub(super) fn hardware(&self, question: &Question<'_>, quote: &TdxQuote) -> Check {
        let row = |result, how: String| {
            Check::new(CheckId::Hardware, result, how)
                .value(quote.id())
                .evidence(quote.id())
                .detail("quoteVersion", quote.version())
                .detail("fmspc", quote.fmspc().map(hex::encode))
        };
        let root = match question.root {
            TrustAnchor::Intel => "Intel's SGX root CA",
            TrustAnchor::Other(_) => "the root CA that was given, which is not Intel's",
        };
        match &self.result {
            None => row(
                Outcome::Inconclusive,
                "there is no collateral for this platform, so nothing was verified".to_owned(),
            ),
            Some(Ok(_)) => row(Outcome::Pass, format!("every signature up to {root} holds")),
            Some(Err(Refusal::Collateral(why))) => row(
                Outcome::Inconclusive,
                format!("the collateral does not serve, which says nothing about the quote: {why}"),
            ),
            Some(Err(refusal)) => row(Outcome::Fail, format!("refused: {refusal}")),
        }
    }

    pub(super) fn collateral(&self, question: &Question<'_>) -> Check {
        let Some(collateral) = question.collateral else {
            return Check::new(CheckId::Collateral, Outcome::Inconclusive, "there is none");
        };
        let row = |result, how: String| {
            let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
            Check::new(CheckId::Collateral, result, how)
                .value(collateral.digest())
                .evidence(collateral.digest())
                .detail("fmspc", collateral.fmspc())
                .detail("issued", time(collateral.issued()))
                .detail("nextUpdate", time(collateral.next_update()))
                .detail("tcbEvaluationDataNumber", collateral.evaluation_data_number())
        };
        match &self.result {
            Some(Ok(claims)) => {
                let age = question.now.saturating_sub(claims.issued) / 86_400;
                let minimum = question.policy.minimum_evaluation;
                if minimum.is_some_and(|minimum| claims.evaluation < minimum) {
                    let evaluation = claims.evaluation;
                    let how = format!("evaluation {evaluation} is older than the policy wants");
                    return row(Outcome::Fail, how);
                }
                row(Outcome::Pass, format!("signed, for this platform, {age} d old at this time"))
            }
            Some(Err(Refusal::Collateral(why))) => row(Outcome::Inconclusive, why.clone()),
            Some(Err(Refusal::Attributes(_))) => {
                row(Outcome::Pass, "signed, for this platform, and of this time".to_owned())
            }
            Some(Err(_)) => row(
                Outcome::Inconclusive,
                "the quote was refused before all of it was looked at".to_owned(),
            ),
            None => row(Outcome::Inconclusive, "nothing was verified".to_owned()),
        }
    }

    pub(super) fn tcb(&self, question: &Question<'_>) -> Check {
        let claims = match &self.result {
            Some(Ok(claims)) => claims,
            Some(Err(Refusal::Revoked(why))) => {
                return Check::new(CheckId::Tcb, Outcome::Fail, why).value("Revoked");
            }
            _ => return unknown(CheckId::Tcb),
        };
        let (result, how) = judge(claims, question);
        let row = Check::new(CheckId::Tcb, result, how)
            .value(claims.status)
            .detail("advisories", claims.advisories.clone())
            .detail("tcbEvaluationDataNumber", claims.evaluation)
            .detail("tcbDate", date(claims.platform_date));
        match question.collateral {
            Some(collateral) => row.evidence(collateral.digest()),
            None => row,
        }
    }

    pub(super) fn platform(&self, question: &Question<'_>) -> Check {
        let Some(claims) = self.claims() else { return unknown(CheckId::Platform) };
        let policy = question.policy;
        let flags = [
            ("dynamicPlatform", claims.dynamic_platform, policy.allow_dynamic_platform),
            ("cachedKeys", claims.cached_keys, policy.allow_cached_keys),
            ("smt", claims.smt, policy.allow_smt),
        ];
        let word = |flag| match flag {
            Flag::Yes => "yes",
            Flag::No => "no",
            Flag::Unsaid => "unsaid",
        };
        let bad = flags.iter().find(|(_, flag, allowed)| *flag == Flag::Yes && !allowed);
        let value: Vec<_> =
            flags.iter().map(|(name, flag, _)| format!("{name}={}", word(*flag))).collect();
        let row = match bad {
            Some((name, ..)) => {
                let how = format!("the policy does not accept {name}");
                Check::new(CheckId::Platform, Outcome::Fail, how)
            }
            None => Check::new(
                CheckId::Platform,
                Outcome::Pass,
                "the platform's certificate says nothing that the policy does not accept",
            ),
        };
        let row = flags.iter().fold(row, |row, (name, flag, _)| row.detail(name, word(*flag)));
        row.value(value.join(" ")).detail("ppid", hex::encode_prefixed(&claims.ppid))
    }
}

pub(super) fn td_attributes(quote: &TdxQuote) -> Check {
    let attributes = quote.td_attributes();
    let is_set = |bit: u32| attributes & 1 << bit != 0;
    let set: Vec<_> = ATTRIBUTES.iter().filter(|(bit, ..)| is_set(*bit)).collect();
    let zero = |field: &[u8; 48]| field.iter().all(|byte| *byte == 0);
    let bad = if let Some((_, name, _)) = set.iter().find(|(_, _, harmless)| !harmless) {
        Some(format!("{name} is set: the machine protects nothing from its host"))
    } else if attributes & !DEFINED != 0 {
        Some("bits without a meaning are set".to_owned())
    } else if attributes & SEPT_VE_DISABLE == 0 {
        Some("SEPT_VE_DISABLE is not set: the host can give it pages it did not ask for".to_owned())
    } else if !zero(quote.mr_signer_seam()) {
        Some("the TDX module was not signed by Intel".to_owned())
    } else if quote.mr_service_td().is_some_and(|field| !zero(field)) {
        Some("a service TD is bound to the machine".to_owned())
    } else {
        None
    };
    let (result, how) = match bad {
        Some(why) => (Outcome::Fail, why),
        None => (Outcome::Pass, "no debugging, no migration, no service TD".to_owned()),
    };
    let names: Vec<&str> = set.iter().map(|(_, name, _)| *name).collect();
    Check::new(CheckId::TdAttributes, result, how)
        .value(format!("{attributes:#018x}"))
        .evidence(quote.id())
        .detail("set", names)
}

fn judge(claims: &Claims, question: &Question<'_>) -> (Outcome, String) {
    let policy = question.policy;
    let rejected = |id: &&String| {
        policy.rejected_advisories.iter().any(|other| other.eq_ignore_ascii_case(id))
    };
    if let Some(advisory) = claims.advisories.iter().find(rejected) {
        return (Outcome::Fail, format!("the policy does not accept {advisory}"));
    }
    let advisories = match claims.advisories.as_slice() {
        [] => String::new(),
        some => format!(" (advisories {})", some.join(", ")),
    };
    let status = claims.status;
    let Some(grace) = policy.grace(status) else {
        return (Outcome::Fail, format!("the policy does not accept {status}{advisories}"));
    };
    let platform = claims.platform_out_of_date.then_some(claims.platform_date);
    let mut since = platform.into_iter().chain(claims.enclave_out_of_date_since);
    // A status that asks to relaunch the machine is of a platform that is up to date by now.
    if status.is_out_of_date() && since.any(|since| !grace.covers(since, question.now)) {
        return (Outcome::Fail, format!("{status} for longer than the policy accepts{advisories}"));
    }
    (Outcome::Pass, format!("the policy accepts {status}{advisories}"))
}

fn unknown(id: CheckId) -> Check {
    Check::new(id, Outcome::Inconclusive, "known only of a quote that verified")
}

fn date(seconds: u64) -> Option<String> {
    let seconds = i64::try_from(seconds).ok()?;
    Some(Timestamp::from_second(seconds).ok()?.to_string())
}
