//! What was seen, in words.

use super::{Look, Seen, document::Freshness};
use crate::text::{count, minute, short, shown, table};
use devproof_api::documents::{AuthorisedThen, Observation, Observations, SeenAs};
use devproof_attestation::Outcome as Result_;

/// A look in words.
#[must_use]
pub fn look(look: &Look) -> String {
    let taken = look.seen.iter().filter(|seen| seen.taken_down.is_some()).count();
    let mut text = format!(
        "{}: {} of {:#x} seen by verified quotes.\n",
        minute(look.seen_at),
        count(taken, "instance"),
        look.app
    );
    for alert in &look.alerts {
        text.push_str(&format!("ALERT: {}\n  {}\n", shown(&alert.title), shown(&alert.text)));
    }
    for alert in &look.still {
        text.push_str(&format!("Still so: {}\n", shown(&alert.title)));
    }
    let rows: Vec<_> = look.seen.iter().map(row).collect();
    if !rows.is_empty() {
        let head = ["where", "version", "who it is", "how new", "allowed", "result", "taken down"];
        text.push_str(&format!("\n{}", table(head, &rows)));
    }
    for seen in &look.seen {
        for warning in &seen.warnings {
            let message = shown(&warning.message);
            text.push_str(&format!("WARNING ({}): {message}\n", shown(&seen.source)));
        }
    }
    for seen in &look.seen {
        if !seen.freshness.proved {
            let why = shown(seen.freshness.how.trim_end_matches('.'));
            text.push_str(&format!("How new ({}): {why}.\n", shown(&seen.source)));
        }
        let open = [Result_::Fail, Result_::Inconclusive, Result_::NotEvaluated];
        if let Some(row) = seen.allowed.as_ref().filter(|row| open.contains(&row.result)) {
            let why = shown(row.how.trim_end_matches('.'));
            text.push_str(&format!("Allowed ({}): {why}.\n", shown(&seen.source)));
        }
    }
    for it in &look.unreached {
        text.push_str(&format!("Not seen: {}.\n", shown(it.why.trim_end_matches('.'))));
    }
    if let Some(why) = &look.node_not_asked {
        text.push_str(&format!(
            "No node was asked, so no quote is known to lie behind a block: {}.\n",
            shown(why.trim_end_matches('.'))
        ));
    }
    if let Some(why) = &look.chain_not_told {
        text.push_str(&format!(
            "What the chain allowed could not be told: {}.\n",
            shown(why.trim_end_matches('.'))
        ));
    }
    if look.seen.iter().any(|seen| seen.taken_down.is_some() && seen.identity == SeenAs::Claimed) {
        text.push_str(CLAIMED);
    }
    text
}

/// What nobody may take a claim for.
const CLAIMED: &str = "Claimed: the hardware is real, but which operating system runs was not shown; any machine can say that it is this app.\n";

fn row(seen: &Seen) -> [String; 7] {
    let number = seen.number.map(|n| format!(" ({n})")).unwrap_or_default();
    let result = match seen.result {
        Result_::Pass => "pass".to_owned(),
        Result_::Fail => format!("FAIL: {}", seen.decisive.join(", ")),
        _ => format!("could not tell: {}", seen.decisive.join(", ")),
    };
    let taken = match (&seen.taken_down, &seen.why_not) {
        (Some(word), _) => word.replace('_', " "),
        (None, why) => format!("no: {}", why.as_deref().unwrap_or("unknown")),
    };
    let who = if seen.taken_down.is_some() { seen_as(seen.identity) } else { "-" };
    [
        format!("{}{number}", shown(&seen.source)),
        seen.compose_hash.map_or_else(|| "not said".to_owned(), short),
        who.to_owned(),
        new(seen),
        allowed(seen).to_owned(),
        result,
        taken,
    ]
}

/// How new its quote is known to be.
fn new(seen: &Seen) -> String {
    let Freshness { proved, from, to, .. } = &seen.freshness;
    match (proved, from, to) {
        (false, ..) => "NOT PROVED".to_owned(),
        (true, Some(from), Some(to)) => format!("of blocks {} to {}", from.number, to.number),
        (true, Some(from), None) => format!("behind block {}", from.number),
        (true, None, _) => "made when asked".to_owned(),
    }
}

fn allowed(seen: &Seen) -> &'static str {
    match seen.allowed.as_ref().map(|row| row.result) {
        Some(Result_::Pass) => "yes",
        Some(Result_::Fail) => "NO",
        Some(Result_::Inconclusive) => "could not tell",
        Some(Result_::NotEvaluated) | None => "not asked",
    }
}

pub(in crate::cmd) const fn seen_as(identity: SeenAs) -> &'static str {
    match identity {
        SeenAs::Proved => "proved",
        SeenAs::Claimed => "only claimed",
        SeenAs::TestRoot => "TEST ROOT, proves nothing",
    }
}

/// How a quote was judged, and because of which rows.
pub(in crate::cmd) fn result(overall: &str, decisive: &[String]) -> String {
    match overall {
        "pass" => "pass".to_owned(),
        "fail" => shown(&format!("FAIL: {}", decisive.join(", "))),
        _ => shown(&format!("could not tell: {}", decisive.join(", "))),
    }
}

/// A list in words.
#[must_use]
pub fn list(found: &Observations) -> String {
    if found.observations.is_empty() {
        return format!(
            "Nobody has shown us a verified quote of an instance of {:#x}. What is allowed may run, or not.\n",
            found.app
        );
    }
    let rows: Vec<_> = found.observations.iter().map(line).collect();
    let head = [
        "first seen",
        "last seen",
        "version",
        "who it is",
        "result",
        "hardware",
        "allowed then",
        "quote",
    ];
    let mut text = table(head, &rows);
    text.push_str(&format!(
        "\nWhat was allowed is told up to block {} ({}).\n",
        found.block.number,
        minute(found.block.timestamp)
    ));
    if found.observations.iter().any(|it| it.identity == SeenAs::Claimed) {
        text.push_str(CLAIMED);
    }
    if found.observations.iter().any(|it| !it.fresh) {
        text.push_str("Not new: a quote that was not made for random bytes of whoever looked may be older than it was first seen.\n");
    }
    if let Some(next) = &found.next {
        text.push_str(&format!("There are more: --after {next}\n"));
    }
    text
}

fn line(it: &Observation) -> [String; 8] {
    let who = seen_as(it.identity);
    let who = if it.fresh { who.to_owned() } else { format!("{who}, not new") };
    let allowed = match it.authorised {
        AuthorisedThen::Allowed => "yes",
        AuthorisedThen::Partly => "NOT ALL THE TIME",
        AuthorisedThen::NotAllowed => "NO",
        AuthorisedThen::NotKnown => "not known",
    };
    [
        minute(it.first_seen),
        minute(it.last_seen),
        short(it.compose_hash),
        who,
        result(&it.result, &it.decisive),
        it.tcb_status.as_deref().map_or_else(|| "not told".to_owned(), shown),
        allowed.to_owned(),
        short(it.quote),
    ]
}
