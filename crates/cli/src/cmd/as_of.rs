//! `devproof at --as-of`: what the index held at some time about a block, and what it has learnt since.

use crate::{
    cmd::{
        observe::{identity, result},
        words::{belief, notice, place, proposals},
    },
    text::{count, minute, short, span, table, time},
};
use devproof_api::documents::{AsOf, Completeness, Later, ObservedThen};

/// The answer in words.
#[must_use]
pub fn render(answer: &AsOf) -> String {
    let block = &answer.block;
    let asked = answer.asked.as_ref().map(|asked| format!(" at {},", time(asked.time)));
    let mut text = format!(
        "As recorded on {} by the clock of this index, which then ended at block {}: after block {} ({}, {} then),{} this app \
         was allowed to run {}.\n",
        time(answer.recorded_at),
        answer.index_head.number,
        block.number,
        time(block.timestamp),
        block.finality,
        asked.unwrap_or_default(),
        count(answer.authorised.len(), "version"),
    );
    if !matches!(answer.code.kind.as_str(), "app_auth" | "app_auth_test") {
        text.push_str(belief(Completeness::AsEmitted, &answer.code.kind));
        text.push('\n');
    }
    if !answer.born {
        text.push_str("Its contract had said nothing yet.\n");
    }
    if !answer.authorised.is_empty() {
        let rows: Vec<_> = answer
            .authorised
            .iter()
            .map(|it| {
                [format!("{:#x}", it.compose_hash), place(&it.since), notice(it.notice_seconds)]
            })
            .collect();
        text.push('\n');
        text.push_str(&table(["version (compose hash)", "since (UTC)", "notice users had"], &rows));
    }
    if !answer.proposals.is_empty() {
        text.push_str("\nAnnounced and not in force\n");
        text.push_str(&proposals(&answer.proposals));
    }
    let policy = &answer.policy;
    if let Some(owner) = policy.owner {
        let period = policy.notice_period_seconds.map_or_else(|| "none".to_owned(), span);
        text.push_str(&format!("\nOwner {owner:#x}, notice period {period}.\n"));
    }
    text.push_str(&observed(answer));
    text.push_str(&later(answer));
    text.push_str(
        "\nNobody recorded whether the history had been checked then, or what the key services said.\n",
    );
    text
}

/// What had been seen. Never mixed up with what was allowed.
fn observed(answer: &AsOf) -> String {
    if answer.observed.is_empty() {
        return "\nNobody had shown a verified quote of an instance by then.\n".to_owned();
    }
    let row = |it: &ObservedThen| {
        let since = if it.judged_anew { "in another way" } else { "the same" };
        [
            minute(it.first_seen),
            it.last_seen.map_or_else(|| "later".to_owned(), minute),
            short(it.compose_hash),
            identity(it.identity).to_owned(),
            result(&it.result, &it.decisive),
            since.to_owned(),
            short(it.quote),
        ]
    };
    let rows: Vec<_> = answer.observed.iter().map(row).collect();
    let head = [
        "first seen",
        "last seen",
        "version",
        "who it was",
        "result then",
        "judged since",
        "quote",
    ];
    let mut text =
        format!("\nSeen by verified quotes, as it had been judged\n{}", table(head, &rows));
    if answer.observed_left_out {
        text.push_str("  and more.\n");
    }
    text
}

fn later(answer: &AsOf) -> String {
    if answer.since.is_empty() {
        return "\nSince then nothing came and nothing went: an answer about that block draws on the same logs today.\n"
            .to_owned();
    }
    let row = |it: &Later| {
        let what = match it.what.as_str() {
            "reorganised_away" => "went: its block was reorganised away",
            "refuted" => "went: a node had made it up",
            _ => "came",
        };
        let (log, at) = (it.log_index.to_string(), minute(it.recorded_at));
        [at, what.to_owned(), it.block.to_string(), short(it.hash), short(it.transaction), log]
    };
    let rows: Vec<_> = answer.since.iter().map(row).collect();
    let head = ["recorded (UTC)", "what", "block", "hash", "transaction", "log"];
    let mut text = format!("\nWhat this index has learnt since\n{}", table(head, &rows));
    if answer.since_left_out > 0 {
        text.push_str(&format!("  and {} more.\n", answer.since_left_out));
    }
    text
}
