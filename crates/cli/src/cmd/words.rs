//! Words and tables that several verbs use.

use crate::{
    cmd::{setting, value},
    text::{ago, minute, plain, short, short_address, span, table, time},
};
use alloy_primitives::B256;
use devproof_api::documents::{Block, Completeness, Orphan, Proposal, Since};
use jiff::Timestamp;

/// Of an answer about a contract that keeps a history, where nobody compared the two.
pub(super) const UNVERIFIED: &str = "Its history was not compared with its contract at this block yet, so \
    a node may have left something out; run `devproof index` and ask again.";

/// How far an answer may be believed.
pub(super) fn belief(completeness: Completeness, code: &str) -> &'static str {
    match (completeness, code) {
        (Completeness::Complete, "app_auth_test") => {
            "All of it was checked against the contract's own history. Test build: the notice period is not enforced."
        }
        (Completeness::Complete, _) => "All of it was checked against the contract's own history.",
        (Completeness::AsEmitted, "dstack_app" | "legacy_app_auth") => {
            "The owner of this app can change its code at any moment, without notice; this is what its events said."
        }
        (Completeness::AsEmitted, "app_auth" | "app_auth_test") => UNVERIFIED,
        (Completeness::AsEmitted, _) => {
            "We do not know the code that decides here. This is what its events said; nothing enforces it."
        }
    }
}

/// Where something stands, `2026-03-01 12:00 (block 10, log 4)`.
pub(super) fn place(since: &Since) -> String {
    let log = since.log_index.map(|index| format!(", log {index}")).unwrap_or_default();
    format!("{} (block {}{log})", minute(since.timestamp), since.block)
}

/// The same with its transaction.
pub(super) fn exactly(since: &Since) -> String {
    let transaction = since.transaction.map(|hash| format!(", transaction {}", short(hash)));
    place(since).replace(')', &format!("{})", transaction.unwrap_or_default()))
}

/// What could not be found out, as a line.
pub(super) fn unknown(not_known: &[String]) -> String {
    if not_known.is_empty() {
        return String::new();
    }
    let names: Vec<_> = not_known.iter().map(|name| setting(name)).collect();
    format!("  Could not be found out: {}.\n", names.join(", "))
}

/// How far the index reaches.
pub(super) fn index(from: u64, head: &Block, now: Timestamp) -> String {
    format!(
        "\nThe index begins at block {from} and ends at block {} ({}, {}).\n",
        head.number,
        time(head.timestamp),
        ago(head.timestamp, now),
    )
}

/// What the owner says about the source, marked as such.
pub(super) fn claim(hash: B256, digest: Option<B256>, uri: Option<&str>) -> String {
    if digest.is_none() && uri.is_none() {
        return String::new();
    }
    let digest = digest.map(|d| format!(" digest {d:#x}")).unwrap_or_default();
    let uri = uri.map(|u| format!(" at {}", plain(u))).unwrap_or_default();
    format!("  source of {} as its owner claims:{digest}{uri}\n", short(hash))
}

/// Proposals as a table.
pub(super) fn proposals(proposals: &[Proposal]) -> String {
    let rows: Vec<_> = proposals
        .iter()
        .map(|p| {
            [
                setting(&p.kind),
                if p.kind == "compose_hash" {
                    format!("{:#x}", p.value)
                } else {
                    value(&p.kind, p.value)
                },
                p.state.clone(),
                minute(p.proposed.timestamp),
                who(&p.proposed),
                minute(p.ripe_at),
                p.expires_at.map_or_else(|| "never".to_owned(), minute),
            ]
        })
        .collect();
    let head = ["what", "value", "state", "announced (UTC)", "by", "may come from", "dead from"];
    let mut text = table(head, &rows);
    for p in proposals {
        text.push_str(&claim(p.value, p.source_digest, p.uri.as_deref()));
    }
    text
}

/// The notice users had, in words.
pub fn notice(seconds: Option<u64>) -> String {
    match seconds {
        None => "born with it".to_owned(),
        Some(0) => "none".to_owned(),
        Some(seconds) => span(seconds),
    }
}

/// Who did it, behind a verb.
pub(super) fn by(since: &Since) -> String {
    let named = since.actor.map(|actor| format!("by {}", short_address(actor)));
    named.unwrap_or_else(|| "(by whom is not said)".to_owned())
}

pub(super) fn who(since: &Since) -> String {
    since.actor.map_or_else(|| "not said".to_owned(), short_address)
}

/// What was said in blocks that are gone.
pub(super) fn orphaned(orphans: &[Orphan]) -> String {
    let rows: Vec<_> = orphans
        .iter()
        .map(|o| {
            [
                minute(o.timestamp),
                o.block.to_string(),
                format!("{} {}", setting(&o.setting), o.action),
                value(&o.setting, o.value),
                short(o.transaction),
                if o.included_again { "yes" } else { "no" }.to_owned(),
            ]
        })
        .collect();
    let mut text =
        table(["when (UTC)", "block", "what", "value", "transaction", "included again"], &rows);
    text.push_str(
        "  These blocks are not on the chain any more. A key service reads the newest block, so it may \
         have acted on them.\n",
    );
    text
}
