//! What the chain says, against what was published.

use super::{DOCTORED, Demands};
use crate::{
    Ledger, Line, Proof, State,
    ledger::{head, reached},
    proof::{Claims, Happening, images, seconds},
    text::time,
};
use devproof_chain::{Heads, Node};
use devproof_compose::AppCompose;
use devproof_contracts::Code;
use devproof_operator::{Happened, OperatorError};
use devproof_primitives::{Action, BlockRef, span};

/// What is known from the chain.
pub(super) struct Known {
    pub(super) ledger: Ledger,
    /// The block of the last log that the files tell of.
    pub(super) through: BlockRef,
    /// The document as it should read: only claims are taken from the one that was published.
    pub(super) expected: Proof,
}

const ASK: &str = "Name a node with --rpc-url that answers and keeps old state, and run it again.";
const IDS: [&str; 10] = [
    "contract",
    "history",
    "state",
    "announced",
    "in_force",
    "ended",
    "notice",
    "transactions",
    "final",
    "since",
];

/// Adds what the chain says. Gives what is known, if the history could be read.
pub(super) async fn lines(
    proof: &Proof,
    document: Option<&AppCompose>,
    node: Result<Node, String>,
    demands: &Demands,
    lines: &mut Vec<Line>,
) -> Option<Known> {
    let mut unknown = |id: Option<&'static str>, why: &str| {
        let ids = id.into_iter().chain(IDS);
        lines.extend(ids.map(|id| Line::unknown(id, "node", format!("{why}."), ASK)));
    };
    let node = match node {
        Ok(node) => node,
        Err(why) => {
            unknown(Some("chain"), &why);
            return None;
        }
    };
    let (serves, named) = (node.chain_id(), proof.app.chain_id);
    if serves != named {
        let message =
            format!("The node serves chain {serves}, and the files are about chain {named}.");
        lines.push(
            Line::fail("chain", "node", message, "Name a node of the chain that you mean.")
                .value(serves),
        );
        let ids = IDS.map(|id| Line::unknown(id, "node", "The node is of another chain.", ASK));
        lines.extend(ids);
        return None;
    }
    let (heads, ledger) = match read(&node, proof).await {
        Ok(found) => found,
        Err(error @ OperatorError::NoContract(_)) => {
            lines.push(Line::pass("chain", "node", "The node serves that chain.").value(serves));
            let message = format!("{error}.");
            lines.extend(IDS.map(|id| Line::fail(id, "node", message.clone(), DOCTORED)));
            return None;
        }
        Err(error) => {
            unknown(Some("chain"), &error.to_string());
            return None;
        }
    };
    lines.push(Line::pass("chain", "node", "The node serves that chain.").value(serves));
    let known = known(proof, document, ledger);
    let Some(known) = known else {
        let message = if document.is_none() {
            "Which version it is about cannot be told."
        } else {
            "The chain knows nothing of this version up to the block that the files name."
        };
        let result = |id| {
            if document.is_none() {
                Line::unknown(id, "chain", message, "Get the compose file first.")
            } else {
                Line::fail(id, "chain", message, DOCTORED)
            }
        };
        lines.extend(IDS.map(result));
        return None;
    };
    lines.extend(compared(proof, &known));
    lines.push(transactions(&node, &known).await);
    lines.push(is_final(heads, &known, demands));
    lines.push(since(&known));
    Some(known)
}

async fn read(node: &Node, proof: &Proof) -> Result<(Heads, Ledger), OperatorError> {
    let heads = node.heads().await?;
    let app = proof.app.address;
    // Where the logs begin is a hint. If it leads nowhere, the node is asked without it.
    let ledger = match Ledger::read(node, app, Some(proof.history.from), heads.latest).await {
        Err(OperatorError::History(_)) => Ledger::read(node, app, None, heads.latest).await?,
        other => other?,
    };
    Ok((heads, ledger))
}

fn known(proof: &Proof, document: Option<&AppCompose>, ledger: Ledger) -> Option<Known> {
    let document = document?;
    let through = ledger.through(proof.history.through.number)?;
    let rows = ledger.up_to(through.number);
    let version = document.hash().0;
    let row = rows.iter().rev().find(|row| row.version == version)?;
    let images = images(document)?;
    let expected = Proof::new(&ledger, row, through, document, images, Claims::of(proof));
    Some(Known { through, expected, ledger })
}

/// Each claim about the chain, against what the chain says.
fn compared(proof: &Proof, known: &Known) -> Vec<Line> {
    let expected = &known.expected;
    let doctored = |id, what: &str| {
        Line::fail(
            id,
            "chain",
            format!("The chain says something else about {what} than the document."),
            DOCTORED,
        )
    };
    let mut lines = Vec::new();
    lines.push(match known.ledger.code {
        _ if proof.app != expected.app => doctored("contract", "the contract"),
        Code::AppAuth => Line::pass(
            "contract",
            "chain",
            "Its code is AppAuth: nobody can change it, and it enforces the notice.",
        ),
        Code::AppAuthTest => Line::fail(
            "contract",
            "chain",
            "Its code is the test build of AppAuth, whose notice protects nobody.",
            "Do not rely on any notice of this app.",
        ),
        _ => Line::fail(
            "contract",
            "chain",
            "Its code is none that is known to enforce a notice: the owner may allow anything at once.",
            "Do not rely on any notice of this app.",
        ),
    }.value(known.ledger.code.name()));
    lines.push(if proof.history != expected.history {
        doctored("history", "the history")
    } else if known.ledger.history.proved {
        let message = "The changes lead to the root in the contract: none is missing, changed or dated back.";
        Line::pass("history", "chain", message)
    } else {
        let message = "The contract keeps no root: these are the events that the node gave, and nobody can tell whether they are all.";
        Line::unknown("history", "node", message, "Ask several nodes; `devproof index --agree` compares them.")
    }.value(expected.history.changes));
    let source = proof.source.on_chain == expected.source.on_chain;
    lines.push(
        if proof.state == expected.state && source {
            let state = expected.state.replace('_', " ");
            let message =
                format!("After the last change that the files tell of this version is {state}.");
            Line::pass("state", "chain", message)
        } else {
            doctored("state", "where this version stands, or what its owner said of the source")
        }
        .value(&expected.state),
    );
    lines.push(if proof.announced == expected.announced {
        match &expected.announced {
            Some(it) => Line::pass("announced", "chain", place("It was announced", &it.happening))
                .value(it.happening.transaction),
            None => {
                Line::pass("announced", "chain", "It was never announced, as the document says.")
            }
        }
    } else {
        doctored("announced", "the announcement")
    });
    for (id, what, not, published, it) in [
        (
            "in_force",
            "It came into force",
            "It did not come into force, as the document says.",
            &proof.in_force,
            &expected.in_force,
        ),
        (
            "ended",
            "It ended",
            "It has not ended, as the document says.",
            &proof.ended,
            &expected.ended,
        ),
    ] {
        lines.push(if published == it {
            match it {
                Some(it) => Line::pass(id, "chain", place(what, it)).value(it.transaction),
                None => Line::pass(id, "chain", not),
            }
        } else {
            doctored(id, "that")
        });
    }
    lines.push(notice(proof, expected));
    lines
}

fn place(what: &str, it: &Happening) -> String {
    format!("{what} in block {} at {}, log {}.", it.block, it.timestamp, it.log_index)
}

/// Whether users really had notice.
fn notice(proof: &Proof, expected: &Proof) -> Line {
    let id = "notice";
    let told =
        (proof.notice_seconds, proof.born_with) == (expected.notice_seconds, expected.born_with);
    if !told {
        return Line::fail(
            id,
            "chain",
            "Users had another notice than the document says.",
            DOCTORED,
        );
    }
    match (expected.notice_seconds, expected.app.notice_seconds) {
        _ if expected.born_with => Line::pass(
            id,
            "chain",
            "The app was born with this version: there was nobody to tell before.",
        ),
        (Some(had), Some(_)) if had > 0 => {
            let message = format!(
                "From the announcement to when it came into force users had {}.",
                span(had)
            );
            Line::pass(id, "chain", message).value(had)
        }
        (Some(_), _) => Line::fail(
            id,
            "chain",
            "It came into force without any notice that was bound to be given.",
            "Do not rely on any notice of this app.",
        ),
        (None, _) if expected.state() == Some(State::Announced) => Line::pass(
            id,
            "chain",
            "It is not in force, and what was announced is for everybody to see.",
        ),
        (None, _) => Line::pass(id, "chain", "It never came into force."),
    }
}

/// Whether the transactions are in the blocks, by the receipts that the blocks' headers commit to.
async fn transactions(node: &Node, known: &Known) -> Line {
    let id = "transactions";
    let expected = &known.expected;
    let all = expected.announced.as_ref().map(|it| &it.happening);
    let all = all.into_iter().chain(&expected.in_force).chain(&expected.ended);
    let mut proved = true;
    for it in all {
        let asked = async {
            let Some(header) = node.header(it.block).await? else { return Ok(None) };
            if header.block.hash != it.block_hash {
                return Ok(None);
            }
            let logs = node.proved_logs(&header).await?;
            Ok::<_, devproof_chain::ChainError>(Some((header.proved, logs)))
        };
        let block = it.block;
        match asked.await {
            Err(error) => {
                return Line::unknown(
                    id,
                    "node",
                    format!("Block {block} cannot be read: {error}."),
                    ASK,
                );
            }
            Ok(None) => {
                let message =
                    format!("Block {block} of the node is another one than its own logs say.");
                return Line::unknown(id, "node", message, "Ask another node.");
            }
            Ok(Some((true, Some(logs)))) => {
                let there = logs.iter().any(|log| {
                    log.transaction_hash == it.transaction
                        && log.log_index == it.log_index
                        && log.address == expected.app.address
                });
                if !there {
                    let message = format!(
                        "The receipts of block {block} do not have what the node gave as its logs."
                    );
                    return Line::fail(
                        id,
                        "chain",
                        message,
                        "Ask another node: this one made something up.",
                    );
                }
            }
            Ok(Some(_)) => proved = false,
        }
    }
    if proved {
        Line::pass(
            id,
            "chain",
            "They are in the blocks that the document names, by receipts that the headers commit to.",
        )
    } else {
        let message = "They are in the blocks that the document names; the node gave no receipts that could be checked, so it is its word.";
        Line::pass(id, "node", message)
    }
}

fn is_final(heads: Heads, known: &Known, demands: &Demands) -> Line {
    let (id, finality, block) = ("final", demands.finality, known.through.number);
    let reached = reached(finality);
    match head(heads, finality) {
        Some(head) if block <= head.number => {
            let message =
                format!("The last that the files tell of is in block {block}, which is {reached}.");
            Line::pass(id, "node", message).value(block)
        }
        Some(_) => {
            let message =
                format!("Block {block} is not {reached} yet: a reorganisation could take it back.");
            Line::unknown(id, "node", message, "Wait until it is, and run this again.")
        }
        None => {
            let message = format!("The node names no {} block.", finality.name());
            let todo = "Ask a node that does, or say with --finality what is enough.";
            Line::unknown(id, "node", message, todo)
        }
    }
}

/// What happened since the files were published.
fn since(known: &Known) -> Line {
    let id = "since";
    let Known { ledger, through, expected } = known;
    let later = || ledger.history.steps.iter().filter(|it| it.step.at.block > through.number);
    // What is withdrawn or removed makes nobody worse off, unless it is this version.
    let matters = |it: &&Happened| {
        it.step.effective && matches!(it.step.change.action, Action::Proposed | Action::Set)
    };
    let now = ledger.version(expected.version.compose_hash).map(crate::Row::state);
    let head = format!("up to block {} ({})", ledger.head.number, time(ledger.head.timestamp));
    let todo = "Ask its publisher to publish again, and read `DEPLOYMENTS.md` of that.";
    if now != expected.state() {
        let now = now.map_or("unknown", State::name).replace('_', " ");
        let message = format!("The files are out of date: {head} this version is {now}.");
        return Line::fail(id, "chain", message, todo).value(now);
    }
    let dies = expected.announced.as_ref().and_then(|it| it.expires_at).map(seconds);
    let waits = now == Some(State::Announced);
    if let Some(at) = dies.filter(|at| waits && *at <= ledger.head.timestamp) {
        let message = format!(
            "The announcement is dead since {}: this version can never come without a new one.",
            time(at)
        );
        return Line::fail(id, "chain", message, "Do not wait for this version.").value("expired");
    }
    let more = later().filter(matters).count();
    if more > 0 {
        let message = format!(
            "The files are out of date: {more} things happened to the app since, {head}, of which they do not tell. Other versions may be \
             announced or allowed by now."
        );
        return Line::fail(id, "chain", message, todo).value(more);
    }
    match later().count() {
        0 => Line::pass(id, "chain", format!("Nothing happened to the app since, {head}.")),
        n => Line::pass(
            id,
            "chain",
            format!("Since then less is accepted ({n} changes), and nothing more, {head}."),
        ),
    }
}
