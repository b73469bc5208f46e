//! The chain: the version is the one that was announced, and everybody could see it.

use super::Gate;
use crate::{
    Ledger, Line, Row, State,
    ledger::{head, reached},
    text::time,
};
use alloy_primitives::B256;
use devproof_chain::{Heads, Node};
use devproof_contracts::Code;
use devproof_operator::OperatorError;
use devproof_primitives::{BlockRef, Notice, span};

const ASK: &str = "Name a node with --rpc-url that answers and keeps old state, and run it again.";

/// What was found out about the chain.
struct Found {
    heads: Heads,
    /// When the next block is expected.
    now: u64,
    ledger: Ledger,
}

/// Looks at the chain.
pub(super) async fn lines(gate: &Gate<'_>, version: Option<B256>) -> Vec<Line> {
    let unknown = |why: &str, ids: &[&'static str]| -> Vec<Line> {
        ids.iter().map(|id| Line::unknown(id, "node", format!("{why}."), ASK)).collect()
    };
    let rest = ["contract", "history", "compose_hash", "notice"];
    let all = ["chain", "contract", "history", "compose_hash", "notice"];
    let node = match &gate.node {
        Ok(node) => node,
        Err(why) => return unknown(why, &all),
    };
    let (serves, wanted) = (node.chain_id(), gate.config.chain);
    if serves != wanted {
        let message =
            format!("The node serves chain {serves}, and the release is on chain {wanted}.");
        let mut lines =
            vec![Line::fail("chain", "node", message, "Name a node of that chain.").value(serves)];
        lines.extend(unknown("the node is of another chain", &rest));
        return lines;
    }
    let mut lines = vec![
        Line::pass("chain", "node", "The node serves the chain of the release.").value(serves),
    ];
    match find(node, gate).await {
        Ok(found) => {
            lines.push(contract(&found.ledger));
            lines.push(history(&found.ledger));
            match version {
                Some(version) => {
                    let row = found.ledger.version(version);
                    lines.push(announced(&found, row).value(format!("{version:#x}")));
                    lines.push(notice(gate, &found, row));
                }
                None => lines.extend(unknown(
                    "which version it is cannot be told",
                    &["compose_hash", "notice"],
                )),
            }
        }
        Err(error @ OperatorError::NoContract(_)) => {
            let message = format!("{}.", capital(&error.to_string()));
            let todo = "Name the app's contract in devproof-release.toml.";
            lines.extend(rest.map(|id| Line::fail(id, "node", message.clone(), todo)));
        }
        Err(error) => lines.extend(unknown(&capital(&error.to_string()), &rest)),
    }
    lines
}

async fn find(node: &Node, gate: &Gate<'_>) -> Result<Found, OperatorError> {
    let heads = node.heads().await?;
    let now = node.next_time(heads.latest).await?;
    let ledger = Ledger::read(node, gate.config.app, None, heads.latest).await?;
    Ok(Found { heads, now, ledger })
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Whether the notice is enforced at all.
fn contract(ledger: &Ledger) -> Line {
    let id = "contract";
    let todo = "Deploy an AppAuth with `devproof app deploy`, and move the app to it.";
    let line = match ledger.code {
        Code::AppAuth => Line::pass(
            id,
            "chain",
            "Its code is AppAuth: nobody can change it, and it enforces the notice.",
        ),
        Code::AppAuthTest => Line::fail(
            id,
            "chain",
            "Its code is the test build of AppAuth, whose notice protects nobody.",
            todo,
        ),
        Code::DstackApp | Code::LegacyAppAuth => Line::fail(
            id,
            "chain",
            "It is a stock contract: its owner can allow any version at once.",
            todo,
        ),
        Code::TimelockAppAuth | Code::Unknown => {
            Line::fail(id, "chain", "Its code is none that is known to enforce a notice.", todo)
        }
    };
    line.value(ledger.code.name())
}

fn history(ledger: &Ledger) -> Line {
    let changes = ledger.history.steps.len();
    if ledger.history.proved {
        let message =
            format!("Its {changes} changes lead to the root in the contract: none is missing.");
        return Line::pass("history", "chain", message).value(changes);
    }
    Line::unknown(
        "history",
        "node",
        format!(
            "The contract keeps no root, so that nobody can tell whether its {changes} changes are all."
        ),
        "Deploy an AppAuth, which keeps one.",
    )
}

/// Whether the version is announced or in force.
fn announced(found: &Found, row: Option<&Row>) -> Line {
    let id = "compose_hash";
    let propose =
        "Announce it with `devproof propose APP --compose FILE`, and wait for the notice.";
    let Some(row) = row else {
        let message = "This version was never announced: the file is not the one that was, or nothing was announced yet.";
        return Line::fail(id, "chain", message, propose);
    };
    match (row.state(), row.window) {
        (State::InForce, _) => Line::pass(id, "chain", "This version is in force."),
        (State::Announced, Some((ripe, _))) if found.now < ripe => {
            let left = span(ripe.saturating_sub(found.now));
            let message = format!(
                "This version is announced, and may be activated from {} on, in {left}.",
                time(ripe)
            );
            Line::pass(id, "chain", message)
        }
        (State::Announced, Some((_, expires))) if found.now < expires => {
            let message = format!(
                "This version is announced, and may be activated now, until {}.",
                time(expires)
            );
            Line::pass(id, "chain", message)
        }
        (State::Announced, _) => {
            Line::fail(id, "chain", "The announcement of this version is dead.", propose)
        }
        (State::Withdrawn, _) => {
            Line::fail(id, "chain", "The announcement of this version was withdrawn.", propose)
        }
        (State::Removed, _) => Line::fail(id, "chain", "This version was removed.", propose),
    }
}

/// Whether notice has been given, in a block that is final.
fn notice(gate: &Gate<'_>, found: &Found, row: Option<&Row>) -> Line {
    let (id, finality) = ("notice", reached(gate.finality));
    let Some(row) = row.filter(|row| row.ended.is_none()) else {
        return Line::fail(
            id,
            "chain",
            "No notice was given of this version.",
            "Announce it with `devproof propose`.",
        );
    };
    if found.ledger.code != Code::AppAuth {
        let message = "The contract enforces no notice, so that users cannot rely on one.";
        return Line::fail(
            id,
            "chain",
            message,
            "Deploy an AppAuth with `devproof app deploy`, and move the app to it.",
        );
    }
    let born = row.notice == Some(Notice::Born);
    let Some(at) = row.announced.as_ref().or(row.in_force.as_ref().filter(|_| born)) else {
        return Line::fail(
            id,
            "chain",
            "It came into force without an announcement.",
            "Find out how that could be.",
        );
    };
    let Some(final_): Option<BlockRef> = head(found.heads, gate.finality) else {
        let message = format!("The node names no {} block.", gate.finality.name());
        return Line::unknown(
            id,
            "node",
            message,
            "Ask a node that does, or say with --finality what is enough.",
        );
    };
    let block = at.step.at.block;
    if block > final_.number {
        let message = format!(
            "It is in block {block}, which is not {finality} yet: a reorganisation could take it back, and with it the notice."
        );
        return Line::unknown(id, "chain", message, "Wait until the block is, and run it again.")
            .value(block);
    }
    let given = time(at.step.at.timestamp);
    let message = match row.notice {
        Some(Notice::Born) => format!(
            "The app was born with this version on {given}, in block {block}, which is {finality}: there was nobody to tell."
        ),
        Some(Notice::Seconds(seconds)) => {
            format!(
                "The notice lasted {}. It was given on {given}, in block {block}, which is {finality}.",
                span(seconds)
            )
        }
        None => {
            format!(
                "The notice runs. It was given on {given}, in block {block}, which is {finality}."
            )
        }
    };
    Line::pass(id, "chain", message).value(block)
}
