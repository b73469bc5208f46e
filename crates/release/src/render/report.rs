//! `VERIFICATION-REPORT.md`: a summary that anybody can pass on, and the technical part.

use super::{address, hash, text, transaction};
use crate::{
    Proof, State,
    proof::{Happening, seconds},
    text::{clip, code, day, name, time},
};
use devproof_primitives::span;

/// The longest summary, in characters.
const SUMMARY_MOST: usize = 280;

/// What a layman may pass on. It says what is proved and what is not; never more than [`SUMMARY_MOST`] characters.
pub(crate) fn summary(proof: &Proof) -> String {
    let app = proof.version.name.as_deref().map(|it| name(it, 24)).filter(|it| !it.is_empty());
    let version = clip(&format!("{:x}", proof.version.compose_hash), 8).replace("...", "");
    let who = match app {
        Some(app) => format!("Version {version} of \"{app}\""),
        None => format!("Version {version}"),
    };
    let binding = match proof.app.code.as_str() {
        "app_auth" => "enforced by a contract nobody can change",
        "app_auth_test" => "in a test contract, which protects nobody",
        _ => "not guaranteed by its contract",
    };
    let announced = proof.announced.as_ref().map(|it| day(seconds(it.happening.timestamp)));
    let since = proof.in_force.as_ref().map(|it| day(seconds(it.timestamp))).unwrap_or_default();
    let ended = proof.ended.as_ref().map(|it| day(seconds(it.timestamp))).unwrap_or_default();
    let told = match (proof.state(), announced, proof.notice_seconds) {
        (Some(State::Announced), Some(day_of), _) => {
            let ripe =
                proof.announced.as_ref().map(|it| day(seconds(it.ripe_at))).unwrap_or_default();
            format!("was announced on {day_of}, may be used from {ripe}, {binding}")
        }
        (Some(State::InForce), Some(day_of), Some(notice)) => {
            let notice = if notice == 0 {
                "no notice".to_owned()
            } else {
                format!("{} of notice", span(notice))
            };
            format!("was announced on {day_of} and allowed on {since} after {notice}, {binding}")
        }
        (Some(State::InForce), ..) if proof.born_with => {
            format!("is allowed since the app began on {since}; notice of others is {binding}")
        }
        (Some(State::InForce), ..) => {
            format!("is allowed since {since}, without notice, {binding}")
        }
        (Some(State::Withdrawn), ..) => format!("was withdrawn on {ended} before it was allowed"),
        (Some(State::Removed), ..) => {
            format!("was allowed on {since} and is no longer, since {ended}")
        }
        _ => "was not announced".to_owned(),
    };
    let seen = match &proof.evidence {
        Some(it) if it.shows(proof.app.address, proof.version.compose_hash) => {
            " A quote shows a machine that ran it."
        }
        _ => " That it runs is not shown.",
    };
    clip(&format!("{who} {told}.{seen} Check it: devproof release verify"), SUMMARY_MOST - 3)
}

fn happening(chain: u64, it: &Happening) -> String {
    format!(
        "{}, block {} (`{:#x}`), log {}, transaction {}, by {}",
        time(seconds(it.timestamp)),
        it.block,
        it.block_hash,
        it.log_index,
        transaction(chain, it.transaction),
        address(it.by)
    )
}

/// The report.
pub(crate) fn report(proof: &Proof) -> String {
    let chain = proof.app.chain_id;
    let mut out = format!("# Verification report\n\n## In short\n\n> {}\n", summary(proof));
    out.push_str(
        "\nThis report is what its publisher says. Whoever wants to know runs `devproof release verify` on this folder with a node of \
         their own choice: it asks the chain, computes everything below anew, and finds what was changed.\n\n## For those who check\n\n",
    );
    let mut row = |what: &str, value: String, by: &str| {
        out.push_str(&format!("| {what} | {value} | {by} |\n"));
    };
    row("what", "value".to_owned(), "by whom it can be proved");
    row("---", "---".to_owned(), "---");
    row(
        "app",
        format!("`{:#x}` on chain {chain}", proof.app.address),
        "nobody: compare it with the app that you use",
    );
    row(
        "version (compose hash)",
        hash(proof.version.compose_hash),
        "you: SHA-256 of `app-compose.json` beside this file",
    );
    row(
        "code of the contract",
        format!("`{}`, hash {}", proof.app.code, hash(proof.app.code_hash)),
        "the chain",
    );
    let notice = proof.app.notice_seconds.map_or_else(|| "none".to_owned(), span);
    row("notice that the contract demands", notice, "the chain");
    row("state", proof.state.replace('_', " "), "the chain");
    match &proof.announced {
        Some(it) => {
            row("announced", happening(chain, &it.happening), "the chain");
            let until = it
                .expires_at
                .map_or_else(|| "for ever".to_owned(), |at| format!("until {}", time(seconds(at))));
            row(
                "may be activated",
                format!("from {} {until}", time(seconds(it.ripe_at))),
                "the chain",
            );
        }
        None => row("announced", "never".to_owned(), "the chain"),
    }
    match &proof.in_force {
        Some(it) => row("in force since", happening(chain, it), "the chain"),
        None => row("in force since", "not yet".to_owned(), "the chain"),
    }
    if let Some(it) = &proof.ended {
        row("ended", happening(chain, it), "the chain");
    }
    let had = match proof.notice_seconds {
        _ if proof.born_with => "the app was born with it".to_owned(),
        Some(0) => "**none**".to_owned(),
        Some(seconds) => format!("{} ({seconds} s)", span(seconds)),
        None => "none yet".to_owned(),
    };
    row("notice that users had", had, "the chain");
    let complete = match proof.history.completeness.as_str() {
        "complete" => "complete: it leads to the root in the contract",
        _ => "as emitted: what events said; nobody can tell whether it is all",
    };
    row(
        "history",
        format!(
            "{} changes up to block {}, {complete}{}",
            proof.history.changes,
            proof.history.through.number,
            proof.history.root.map(|root| format!(" {}", hash(root))).unwrap_or_default()
        ),
        "the chain",
    );
    row("commit", code(&proof.source.commit), "nobody: its publisher says so");
    row("repository", text(proof.source.repository.as_deref()), "nobody: its publisher says so");
    if let Some(it) = &proof.source.on_chain {
        row(
            "source, as announced",
            format!("{} at {}", hash(it.digest), code(&it.uri)),
            "the chain proves that the owner said it, and nobody that it is so",
        );
    }
    if proof.images.is_empty() {
        row("images", "none".to_owned(), "you: from `app-compose.json`");
    }
    for image in &proof.images {
        let pinned =
            if image.digest.is_some() { "" } else { " **(not pinned: it can be replaced)**" };
        row(
            &format!("image of {}", code(&image.service)),
            format!("{}{pinned}", code(&image.reference)),
            "you: from `app-compose.json`",
        );
    }
    for (file, digest) in &proof.files {
        row(&format!("SHA-256 of {}", code(file)), hash(*digest), "you");
    }
    out.push_str(&evidence(proof));
    out.push_str(LIMITS);
    out
}

fn evidence(proof: &Proof) -> String {
    let Some(it) = &proof.evidence else {
        return "\n## Evidence\n\nNone is published: that this version runs anywhere is not shown.\n".to_owned();
    };
    let shown = if it.shows(proof.app.address, proof.version.compose_hash) {
        "It passes, and it is of this version of this app: a machine ran it. The quote has no time in it; when it was made is not \
         known."
    } else {
        "It does **not** prove that this version of this app runs."
    };
    let mut out = format!(
        "\n## Evidence\n\nJudged for {} (its publisher chose that time) under {}: **{}**. {shown}\n\n| what | value |\n|---|---|\n",
        time(it.time()),
        match it.policy {
            Some(policy) => format!("the policy with the SHA-256 `{policy:#x}`"),
            None => "the policy that holds by default".to_owned(),
        },
        code(&it.overall)
    );
    let identity = if it.proved { "proved" } else { "claimed by the machine" };
    out.push_str(&format!("| app ({identity}) | {} |\n", address(it.app_id)));
    let version = it.compose_hash.map_or_else(|| "not said".to_owned(), hash);
    out.push_str(&format!("| version ({identity}) | {version} |\n"));
    if let Some(quote) = it.quote {
        out.push_str(&format!("| SHA-256 of the signed statement | {} |\n", hash(quote)));
    }
    out.push_str(&format!("| SHA-256 of `evidence.json` | {} |\n", hash(it.evidence)));
    for row in &it.rows {
        let result = crate::evidence::outcome(row.result);
        out.push_str(&format!("| {} | {result} |\n", row.id.name().replace('_', " ")));
    }
    out
}

/// What nothing in here proves.
const LIMITS: &str = "
## What this does not say

- That this version is harmless. It says which one it is, so that it can be read.
- That the images were built from the commit. Whoever wants to know builds them again and compares the digests.
- That nothing else runs. Every version that the contract allows may run (`DEPLOYMENTS.md`), with the same keys.
- That the key service plays by the contract. Its own contract has an owner: see `devproof at`.
- Which values the variables have that the operator sets. They are not part of the compose hash.
";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::proof::{Announced, App, Block, HistoryOf, Source, Version, timestamp};
    use alloy_primitives::{Address, B256};

    pub(crate) fn proof(code: &str, state: State, name: &str) -> Proof {
        let it = Happening {
            transaction: B256::repeat_byte(1),
            block: u64::MAX,
            block_hash: B256::repeat_byte(2),
            timestamp: timestamp(1_800_000_000),
            log_index: 1,
            by: Some(Address::repeat_byte(3)),
        };
        Proof {
            format: crate::FORMAT.to_owned(),
            app: App {
                chain_id: 1,
                address: Address::repeat_byte(4),
                code: code.to_owned(),
                code_hash: B256::ZERO,
                notice_seconds: Some(1),
            },
            version: Version {
                compose_hash: B256::repeat_byte(5),
                compose_file: String::new(),
                size: 1,
                name: Some(name.to_owned()),
            },
            source: Source { repository: None, commit: "c".to_owned(), on_chain: None },
            images: Vec::new(),
            state: state.name().to_owned(),
            announced: Some(Announced {
                happening: it.clone(),
                ripe_at: timestamp(1_800_000_000),
                expires_at: None,
            }),
            in_force: Some(it.clone()),
            ended: Some(it),
            notice_seconds: Some(10 * 86_400 + 3_600 * 23),
            born_with: false,
            history: HistoryOf {
                completeness: "complete".to_owned(),
                changes: 1,
                root: None,
                from: 0,
                through: Block { number: 1, hash: B256::ZERO, timestamp: timestamp(1_800_000_000) },
            },
            evidence: None,
            files: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn a_summary_fits_and_is_never_cut() {
        for code in ["app_auth", "app_auth_test", "dstack_app"] {
            for state in [State::Announced, State::InForce, State::Withdrawn, State::Removed] {
                for name in ["", "acme", &"www.é<b>a".repeat(99)] {
                    for born_with in [false, true] {
                        let proof = Proof {
                            born_with,
                            notice_seconds: (!born_with).then_some(2_500_000),
                            ..proof(code, state, name)
                        };
                        let text = summary(&proof);
                        assert!(text.chars().count() <= SUMMARY_MOST, "{}: {text}", text.len());
                        assert!(text.ends_with("devproof release verify"), "{text}");
                        assert!(text.contains("That it runs is not shown."), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_version_without_notice_is_said_to_have_none() {
        let zero = Proof { notice_seconds: Some(0), ..proof("dstack_app", State::InForce, "a") };
        assert!(summary(&zero).contains("after no notice, not guaranteed by its contract"));
        let never = Proof { announced: None, notice_seconds: Some(0), ..zero };
        assert!(summary(&never).contains("without notice"), "{}", summary(&never));
    }
}
