//! `devproof diff`: what changed of an app between two blocks, and what was undone in between.

use crate::{
    Failure, Outcome,
    cmd::{
        self, history, node, setting, value,
        words::{belief, index, orphaned, unknown},
    },
    config::Settings,
    opts::DiffArgs,
    shell::Shell,
    text::{count, minute, short, short_address, time},
};
use alloy_primitives::B256;
use devproof_api::{
    diff,
    documents::{Diff, Difference, End, Entry, ProposalChange, Stand},
};
use devproof_store::Store;
use jiff::Timestamp;

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer.
pub async fn run(
    args: DiffArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&settings.database).await?;
    let chain_id = cmd::chain(&settings, &store).await?;
    let finality = settings.finality(args.finality, chain_id);
    let DiffArgs { app, from, to, .. } = args;
    let answer = node::if_needed(&settings.nodes, &[from, to], async |headers| {
        diff(&store, headers, chain_id, app, (from, to), finality).await
    })
    .await?;
    shell.answer(&answer, || render(&answer, Timestamp::now()))?;
    Ok(Outcome::Yes)
}

/// The answer in words. `now` dates the index.
#[must_use]
pub fn render(answer: &Diff, now: Timestamp) -> String {
    let (changed, undone): (Vec<_>, Vec<_>) =
        answer.settings.iter().partition(|it| it.before != it.after);
    let mut text = format!(
        "From behind {} to {}: {} of this app, {} undone in between.\n{}\n",
        end(&answer.from),
        end(&answer.to),
        count(changed.len(), "change"),
        if undone.is_empty() { "nothing".to_owned() } else { count(undone.len(), "thing") },
        belief(answer.completeness, &answer.to.code.kind),
    );
    if !answer.from.born {
        text.push_str("At the beginning its contract had said nothing yet.\n");
    }
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n{}", lines.concat()));
        }
    };
    section("What is different", changed.into_iter().map(difference).collect());
    section("Done and undone in between", undone.into_iter().map(difference).collect());
    section("Announcements", answer.proposals.iter().map(proposal).collect());
    for kms in &answer.kms {
        let title = format!("Key service {:#x}", kms.contract);
        section(&title, kms.settings.iter().map(difference).collect());
        if !kms.orphaned.is_empty() {
            section("Reorganised away, of that key service", vec![orphaned(&kms.orphaned)]);
        }
    }
    if !answer.orphaned.is_empty() {
        section("Reorganised away", vec![orphaned(&answer.orphaned)]);
    }
    text.push_str(&unknown(&answer.not_known));
    text.push_str(&index(answer.indexed_from, &answer.index_head, now));
    text
}

fn end(end: &End) -> String {
    let block = &end.block;
    match &end.asked {
        None => format!("block {} ({}, {})", block.number, time(block.timestamp), block.finality),
        Some(asked) => {
            format!("{} (as after block {}, {})", time(asked.time), block.number, block.finality)
        }
    }
}

fn difference(it: &Difference) -> String {
    let name = match it.value {
        Some(value) if it.setting == "compose_hash" => format!("version {value:#x}"),
        Some(of) => format!("{} {}", setting(&it.setting), value(&it.setting, of)),
        None => setting(&it.setting),
    };
    let stands = |now: Option<B256>| match (it.setting.as_str(), it.value, now) {
        ("any_device" | "tcb_requirement", None, None) => "not known".to_owned(),
        (_, None, None) => "none".to_owned(),
        (_, None, Some(now)) => value(&it.setting, now),
        ("freeze", _, None) => "may widen".to_owned(),
        ("freeze", _, Some(_)) => "can never widen again".to_owned(),
        ("registered_app", _, None) => "not registered".to_owned(),
        ("registered_app", _, Some(_)) => "registered".to_owned(),
        (_, Some(_), None) => "not allowed".to_owned(),
        (_, Some(_), Some(_)) => "allowed".to_owned(),
    };
    let change = if it.before == it.after {
        format!("{}, as before", stands(it.after))
    } else {
        format!("{} -> {}", stands(it.before), stands(it.after))
    };
    format!("  {name}: {change}\n{}", entries(&it.entries, "no event told what did it"))
}

fn proposal(it: &ProposalChange) -> String {
    let name = match it.kind.as_str() {
        "compose_hash" => format!("version {:#x}", it.value),
        kind => format!("{} {}", setting(kind), value(kind, it.value)),
    };
    let stand = |it: &Option<Stand>| {
        it.as_ref().map_or_else(
            || "not announced".to_owned(),
            |it| format!("{} (may come from {})", it.state, minute(it.ripe_at)),
        )
    };
    let change = match (&it.before, &it.after) {
        (None, None) => "announced, and over again".to_owned(),
        (before, after) => format!("{} -> {}", stand(before), stand(after)),
    };
    format!("  {name}: {change}\n{}", entries(&it.entries, "only time did it"))
}

/// What did it, one line each.
fn entries(entries: &[Entry], none: &str) -> String {
    if entries.is_empty() {
        return format!("    {none}\n");
    }
    let line = |entry: &Entry| {
        let by = entry.actor.map_or_else(
            || "(by whom is not said)".to_owned(),
            |a| format!("by {}", short_address(a)),
        );
        let transaction = entry
            .transaction
            .map(|hash| format!(", transaction {}", short(hash)))
            .unwrap_or_default();
        let notice = match history::notice(entry) {
            notice if notice.is_empty() => notice,
            notice => format!(", notice users had: {notice}"),
        };
        format!(
            "    {} block {}{transaction}: {} {} {by}{notice}\n",
            minute(entry.block.timestamp),
            entry.block.number,
            history::what(entry),
            value(&entry.setting, entry.value),
        )
    };
    entries.iter().map(line).collect()
}
