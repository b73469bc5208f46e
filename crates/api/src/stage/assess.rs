//! Each point, from an answer about a block, the texts of versions, and what was seen.

use super::{POINTS, Point};
use crate::{
    answers::KeyOrigins,
    documents::{
        AtBlock, AuthorisedThen, Completeness, Kms, Observed, SeenAs, StagePoint, StageResult,
    },
    words::{self, short, span},
};
use StageResult::{CouldNotTell, Fail, Pass};
use alloy_primitives::{Address, B256};
use devproof_compose::lint::{Report, Rule, Severity};
use jiff::{Timestamp, ToSpan as _};

/// Lines of evidence beside a point.
const MAX_EVIDENCE: usize = 12;

/// An allowed version, and what lint found in its text, if that is held.
pub(crate) type Text = (B256, Option<Report>);

/// A result and what it rests on.
type Told = (StageResult, Vec<String>);

/// What is known of an app beside what its chain says.
pub(crate) struct Known<'a> {
    /// The texts of the allowed versions.
    pub(crate) texts: &'a [Text],
    /// What verified quotes showed.
    pub(crate) seen: &'a [Observed],
    /// What was lately found out about the key service's own quote.
    pub(crate) origins: &'a KeyOrigins,
    /// What the reader takes for now.
    pub(crate) now: Timestamp,
}

/// Every point.
pub(crate) fn assess(state: &AtBlock, known: &Known<'_>) -> Vec<StagePoint> {
    let Known { texts, seen, origins, now } = *known;
    let of = |point: &Point| {
        let (result, mut evidence) = match point.id {
            "notice" => notice(state),
            "upgrade_record" => upgrade_record(state),
            "key_service" => key_service(state),
            "key_origin" => key_origin(state, origins),
            "operating_system" => operating_system(state),
            "code_known" => linted(texts, &[Rule::C1, Rule::C2, Rule::C4, Rule::C11]),
            "no_secrets" => linted(texts, &[Rule::C3, Rule::C5, Rule::C6]),
            "no_backdoor" => {
                linted(texts, &[Rule::C7, Rule::C8, Rule::C9, Rule::C12, Rule::C13, Rule::C16])
            }
            "seen" => was_seen(seen, now),
            "reproducible" => built_there(texts),
            _ => source(state),
        };
        // What cannot be told from here is not told, whatever came out.
        let result = match result {
            Pass if point.pass.is_none() => CouldNotTell,
            Fail if point.fail.is_none() => CouldNotTell,
            other => other,
        };
        let over = evidence.len().saturating_sub(MAX_EVIDENCE);
        evidence.truncate(MAX_EVIDENCE);
        if over > 0 {
            evidence.push(format!("and {over} more"));
        }
        StagePoint {
            id: point.id.to_owned(),
            title: point.title.to_owned(),
            result,
            why: point.why(result).to_owned(),
            evidence,
        }
    };
    POINTS.iter().map(of).collect()
}

fn code(state: &AtBlock) -> String {
    let hash = state.code.code_hash.map_or_else(|| "not known".to_owned(), |it| format!("{it:#x}"));
    format!("code {} of the contract {:#x}, code hash {hash}", state.code.kind, state.contract)
}

fn notice(state: &AtBlock) -> Told {
    let mut evidence = vec![code(state)];
    let frozen = state.policy.frozen.iter().any(|it| it == "compose_hash");
    let result = match state.code.kind.as_str() {
        _ if !state.born => CouldNotTell,
        "app_auth" if frozen => {
            evidence.push("versions are frozen: none can be added any more".to_owned());
            Pass
        }
        "app_auth" => match state.policy.notice_period_seconds {
            Some(seconds) if seconds > 0 => {
                evidence.push(format!("notice period {}", span(seconds)));
                Pass
            }
            _ => CouldNotTell,
        },
        "app_auth_test" => {
            evidence.push("a test build, which enforces no notice".to_owned());
            Fail
        }
        "dstack_app" | "legacy_app_auth" => Fail,
        _ => CouldNotTell,
    };
    (result, evidence)
}

fn upgrade_record(state: &AtBlock) -> Told {
    let mut evidence = vec![code(state)];
    if let Some(at) = &state.history_verified_at {
        evidence.push(format!("history compared with the contract at block {}", at.block));
    }
    if state.completeness == Completeness::AsEmitted && state.code.immutable != Some(true) {
        evidence.push("nothing shows that nobody can replace this code".to_owned());
    }
    let result = match state.completeness {
        Completeness::Complete => Pass,
        Completeness::AsEmitted => CouldNotTell,
    };
    (result, evidence)
}

fn registered(state: &AtBlock) -> Vec<&Kms> {
    state.kms.iter().filter(|kms| kms.registered).collect()
}

fn key_service(state: &AtBlock) -> Told {
    let theirs = registered(state);
    let mut evidence = Vec::new();
    let results = theirs.iter().map(|kms| match kms.owner {
        Some(owner) if !owner.is_zero() => {
            evidence.push(format!("key service {:#x} is owned by {owner:#x}", kms.contract));
            Fail
        }
        // Given up, or never told: the index does not tell one from the other.
        _ => {
            evidence.push(format!("key service {:#x}: its owner is not known", kms.contract));
            CouldNotTell
        }
    });
    let worst = results.max().unwrap_or(CouldNotTell);
    (worst, evidence)
}

/// From when on something was seen lately.
pub(crate) fn lately(now: Timestamp) -> Timestamp {
    now.checked_sub((7 * 24).hours()).unwrap_or(Timestamp::MIN)
}

/// What was said lately of the key services that the app is registered with. One refusal outweighs everything.
fn key_origin(state: &AtBlock, origins: &KeyOrigins) -> Told {
    let theirs: Vec<_> = registered(state).iter().map(|kms| kms.contract).collect();
    let told = origins.told.iter().filter(|it| theirs.contains(&it.kms));
    let (mut results, mut evidence) = (Vec::new(), Vec::new());
    for it in told {
        results.push((it.kms, it.result.as_str()));
        evidence.push(format!(
            "key service {:#x} after block {}, looked at {}: {}",
            it.kms,
            it.block,
            words::time(it.seen),
            it.how
        ));
    }
    // Each of them hands out keys, and the newest look at each counts.
    let passes = |kms: &Address| {
        results.iter().find(|(of, _)| of == kms).is_some_and(|(_, result)| *result == "pass")
    };
    let result = if results.iter().any(|(_, result)| *result == "fail") {
        Fail
    } else if !origins.more && !theirs.is_empty() && theirs.iter().all(passes) {
        Pass
    } else {
        CouldNotTell
    };
    (result, evidence)
}

fn operating_system(state: &AtBlock) -> Told {
    let known = state.code.kind == "app_auth";
    let pins = &state.policy.os_image_pins;
    if known && state.policy.os_images_pinned {
        let pins = pins.iter().map(|pin| format!("pinned {pin:#x}"));
        return (Pass, pins.collect());
    }
    match key_service(state) {
        (Fail, mut evidence) => {
            evidence.push(
                "the app has pinned no operating system that its contract enforces".to_owned(),
            );
            (Fail, evidence)
        }
        (_, evidence) => (CouldNotTell, evidence),
    }
}

/// What is grave enough to break a promise.
fn grave(report: &Report, rules: &[Rule]) -> Vec<String> {
    let found = report.findings.iter();
    let found = found.filter(|it| rules.contains(&it.rule) && it.severity >= Severity::High);
    found
        .map(|it| {
            let version = short(report.compose_hash.0);
            format!("version {version}: {:?} {}: {}", it.rule, it.place, it.message)
        })
        .collect()
}

fn linted(texts: &[Text], rules: &[Rule]) -> Told {
    let found: Vec<_> =
        texts.iter().filter_map(|(_, it)| it.as_ref()).flat_map(|it| grave(it, rules)).collect();
    if !found.is_empty() {
        return (Fail, found);
    }
    let lacking: Vec<_> = texts
        .iter()
        .filter(|(_, report)| report.as_ref().is_none_or(Report::unreadable))
        .map(|(version, report)| {
            let why = if report.is_some() { "cannot be read whole" } else { "is not held here" };
            format!("the configuration of version {} {why}", short(*version))
        })
        .collect();
    // Of no version at all nothing is known either.
    if texts.is_empty() || !lacking.is_empty() {
        return (CouldNotTell, lacking);
    }
    let names: Vec<_> = rules.iter().map(|rule| format!("{rule:?}")).collect();
    let evidence = texts.iter().map(|(version, _)| {
        format!("version {}: nothing grave by the rules {}", short(*version), names.join(", "))
    });
    (Pass, evidence.collect())
}

fn built_there(texts: &[Text]) -> Told {
    match linted(texts, &[Rule::C10]) {
        (Fail, evidence) => (Fail, evidence),
        _ => (CouldNotTell, Vec::new()),
    }
}

fn source(state: &AtBlock) -> Told {
    let said = state.authorised.iter().filter_map(|it| {
        let version = short(it.compose_hash);
        it.uri.as_ref().map(|uri| format!("version {version}: the owner says {uri}"))
    });
    (CouldNotTell, said.collect())
}

fn was_seen(seen: &[Observed], now: Timestamp) -> Told {
    let since = lately(now);
    let lately = || {
        let lately = seen.iter().filter(|it| it.last_seen >= since);
        lately.filter(|it| it.identity == SeenAs::Proved)
    };
    let line = |it: &Observed| {
        let when = words::time(it.last_seen);
        let version = short(it.compose_hash);
        let then = it.authorised.name().replace('_', " ");
        format!("version {version} seen {when}: {}, {then} then", it.result)
    };
    let bad = |it: &&Observed| {
        it.result == "fail"
            || matches!(it.authorised, AuthorisedThen::NotAllowed | AuthorisedThen::Partly)
    };
    let found: Vec<_> = lately().filter(bad).map(line).collect();
    if !found.is_empty() {
        return (Fail, found);
    }
    let all: Vec<_> = lately().map(line).collect();
    let holds = lately().all(|it| it.result == "pass" && it.authorised == AuthorisedThen::Allowed);
    if holds && !all.is_empty() {
        return (Pass, all);
    }
    let claimed = seen.iter().filter(|it| it.identity == SeenAs::Claimed).count();
    let claims = (claimed > 0)
        .then(|| "there are quotes of machines that only claim to be this app".to_owned());
    (CouldNotTell, all.into_iter().chain(claims).collect())
}
