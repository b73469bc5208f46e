//! `devproof deletions`: what the keys of apps say they deleted.

use crate::{
    Failure, Outcome,
    cmd::{self, node, words::index},
    config::Settings,
    opts::DeletionsArgs,
    shell::Shell,
    text::{count, minute, short, time},
};
use devproof_api::{
    DeletionsOf, Part, deletions,
    documents::{Deletion, Deletions, Statement},
};
use devproof_store::Store;
use jiff::Timestamp;

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer; also if the index follows no registry.
pub async fn run(
    args: DeletionsArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let of = match (args.app, args.commitment) {
        (Some(app), _) => DeletionsOf::App(app),
        (None, Some(commitment)) => DeletionsOf::Commitment(commitment),
        (None, None) => {
            let why = "name an app with --app or a commitment with --commitment";
            return Err(Failure::Usage(why.to_owned()));
        }
    };
    let store = Store::open_read_only(&settings.database).await?;
    let chain_id = cmd::chain(&settings, &store).await?;
    let finality = settings.finality(args.finality, chain_id);
    let span = (args.from, args.to);
    let moments: Vec<_> = span.0.into_iter().chain(span.1).collect();
    let (mut any, mut part, mut first) = (false, Part::default(), true);
    loop {
        let answer = node::if_needed(&settings.nodes, &moments, async |headers| {
            deletions(&store, headers, chain_id, of, span, part, finality).await
        })
        .await?;
        shell.answer(&answer, || render(&answer, first, Timestamp::now()))?;
        if answer.registries.is_empty() {
            return Err(Failure::CouldNotTell(
                "the index follows no registry of deletions; name one with `devproof index --registry`".to_owned(),
            ));
        }
        any |= !answer.entries.is_empty();
        first = false;
        match answer.next {
            Some(next) => part.after = Some(next.parse().map_err(Failure::CouldNotTell)?),
            None => return Ok(if any { Outcome::Yes } else { Outcome::No }),
        }
    }
}

/// A page in words, the first with what all of it means. `now` dates the index.
#[must_use]
pub fn render(answer: &Deletions, first: bool, now: Timestamp) -> String {
    let mut text = if first { head(answer) } else { String::new() };
    text.extend(answer.entries.iter().map(entry));
    if answer.next.is_some() {
        return text;
    }
    if answer.orphaned > 0 {
        let said = count(usize::try_from(answer.orphaned).unwrap_or(usize::MAX), "log");
        text.push_str(&format!(
            "{said} about this in blocks that were reorganised away: not attested.\n"
        ));
    }
    text.push_str(&index(answer.indexed_from, &answer.index_head, now));
    text
}

fn head(answer: &Deletions) -> String {
    let whose = match (answer.app, answer.user_id_hash) {
        (Some(app), _) => format!("the key of app {app:#x}"),
        (None, hash) => format!("keys of apps about commitment {:#x}", hash.unwrap_or_default()),
    };
    let block = &answer.block;
    let from = answer.from.map(|from| format!("from block {from} ")).unwrap_or_default();
    let more = if answer.next.is_some() { "more than " } else { "" };
    format!(
        "What {whose} asserted, {from}up to block {} ({}, {}): {more}{} in {}.\n{}\n{}\n{}",
        block.number,
        time(block.timestamp),
        block.finality,
        count(answer.entries.len(), "record"),
        match answer.registries.len() {
            1 => "1 registry".to_owned(),
            n => format!("{n} registries"),
        },
        answer.means,
        match answer.history.as_str() {
            "agrees" =>
                "All that the registries said leads to the roots that they keep: nothing was left out.",
            _ =>
                "Whether a registry said more than this was not checked against the root it keeps.",
        },
        if answer.entries.is_empty() { "" } else { "\n" },
    )
}

fn entry(it: &Deletion) -> String {
    let at = &it.at;
    let what = match it.kind.as_str() {
        "signer_registered" => "key registered".to_owned(),
        "signer_revoked" => "key revoked".to_owned(),
        "single" => "one deletion".to_owned(),
        kind => {
            let place = if kind == "root" { "under a root" } else { "in a batch" };
            let count = it.statement.as_ref().map_or(0, |statement| statement.count);
            format!("{count} deletions {place}")
        }
    };
    let mut text = format!(
        "{} block {} log {}: {what}\n  registry {:#x}, app {:#x}, key {:#x}, transaction {}\n",
        minute(at.timestamp),
        at.block,
        at.log_index.unwrap_or_default(),
        it.registry,
        it.app,
        it.signer,
        at.transaction.map(short).unwrap_or_default(),
    );
    if let Some(by) = at.actor.filter(|by| *by != it.signer) {
        text.push_str(&format!("  by {by:#x}\n"));
    }
    text.push_str(&it.statement.as_ref().map(statement).unwrap_or_default());
    text
}

fn statement(it: &Statement) -> String {
    let mut text = format!(
        "  statement {:#x}, nonce {:#x}\n  deleted at {} as the app claims, running version {:#x}\n",
        it.id,
        it.nonce,
        time(it.deleted_at),
        it.compose_hash,
    );
    if let Some(root) = it.root {
        text.push_str(&format!("  under root {root:#x}\n"));
    }
    for deletion in &it.deletions {
        text.push_str(&format!(
            "  commitment {:#x}, data {:#x}\n",
            deletion.user_id_hash, deletion.data_hash
        ));
    }
    if it.deletions_left_out > 0 {
        text.push_str(&format!("  and {} more\n", it.deletions_left_out));
    }
    text
}
