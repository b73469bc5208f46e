//! Each endpoint by itself: whether it answers, for which chain, and what it can do.

use super::{Limit, Why, lines::Lines};
use crate::{
    config::Settings,
    text::{ago, count, span, time},
};
use alloy_primitives::Address;
use devproof_api::Finality;
use devproof_chain::{ChainError, Heads, Node, Options as Asking, StateDepth};
use devproof_indexer::Options;
use devproof_primitives::BlockRef;
use jiff::Timestamp;

/// How far ahead of our clock a block may be: clocks differ by seconds, and some chains give a block the time of the next slot.
const AHEAD: u64 = 60;
/// How old the newest block may be. Blocks come every few seconds, on slow rollups every minute.
const BEHIND: u64 = 300;

/// An endpoint that answers, and serves the chain that is meant.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) node: Node,
    pub(super) head: BlockRef,
}

/// Looks at every endpoint, and gives the first that can be asked.
pub(super) async fn look(
    settings: &Settings,
    indexing: &Options,
    limit: Limit,
    lines: &mut Lines,
) -> Option<Found> {
    let urls = &settings.nodes.urls;
    if urls.is_empty() {
        lines.unknown(
            "rpc.configured",
            None,
            "no node is named, so that nothing of a chain can be told",
            "name one, as in `devproof doctor --rpc-url http://127.0.0.1:8545`, and keep it as rpc-url in devproof.toml",
        );
        return None;
    }
    if settings.nodes.agree.get() > urls.len() {
        let message = format!(
            "{} nodes have to agree, and {} named",
            settings.nodes.agree,
            if urls.len() == 1 { "1 is".to_owned() } else { format!("{} are", urls.len()) }
        );
        lines.fail(
            "rpc.agree",
            None,
            &message,
            "name more with --rpc-url, or ask for fewer with --agree",
        );
    }
    if settings.chain.is_none() {
        lines.note(
            "rpc.expected",
            None,
            "which chain is meant stands nowhere, so that no node can be found to serve another one",
            "say it with --chain, or `chain = ..` in devproof.toml; whatever signs asks for it",
        );
    }
    let mut first: Option<Found> = None;
    for (place, url) in urls.iter().enumerate() {
        let name = name_of(url, place);
        let expected = settings.chain.or(first.as_ref().map(|found| found.node.chain_id()));
        let endpoint = Endpoint { name: &name, indexing, limit };
        let found = endpoint.look(url, expected, lines).await;
        first = first.or(found);
    }
    first
}

/// Where it is asked, without what nobody is to see.
fn name_of(url: &str, place: usize) -> String {
    let origin = url.parse::<reqwest::Url>().ok().and_then(|url| {
        let host = url.host_str()?;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{}://{host}{port}", url.scheme()))
    });
    origin.unwrap_or_else(|| format!("endpoint {}", place + 1))
}

struct Endpoint<'a> {
    name: &'a str,
    indexing: &'a Options,
    limit: Limit,
}

impl Endpoint<'_> {
    async fn look(&self, url: &str, expected: Option<u64>, lines: &mut Lines) -> Option<Found> {
        let about = Some(self.name);
        // One attempt: who asks the doctor wants to know how it is now.
        let asking = Asking { retries: 0, ..Asking::default() };
        let node = match self.limit.within(Node::connect_any(&[url], asking)).await {
            Ok(node) => node,
            Err(Why::Said(ChainError::BadUrl { .. })) => {
                let advice = "correct it; a node's URL looks like http://127.0.0.1:8545 or wss://127.0.0.1:8546";
                lines.fail("rpc.reachable", about, "this is no URL of a node", advice);
                return None;
            }
            Err(why) => {
                let advice = "check that the node is up, and the URL with its key";
                lines.fail("rpc.reachable", about, &why.sentence(), advice);
                return None;
            }
        };
        let serves = node.chain_id();
        lines.pass("rpc.reachable", about, "it answers");
        match expected {
            Some(expected) if expected != serves => {
                let message = format!("it serves chain {serves}, and {expected} is meant");
                lines.fail(
                    "rpc.chain",
                    about,
                    &message,
                    "name nodes of one chain, and that chain with --chain",
                );
                return None;
            }
            _ => lines.pass("rpc.chain", about, &format!("it serves chain {serves}")),
        }
        let heads = match self.limit.within(node.heads()).await {
            Ok(heads) => heads,
            Err(why) => {
                lines.fail(
                    "rpc.head",
                    about,
                    &why.sentence(),
                    "name another node: this one has no newest block",
                );
                return None;
            }
        };
        let head = heads.latest;
        self.clock(serves, head, lines);
        self.tags(serves, heads, lines);
        self.state(&node, head, lines).await;
        self.calls(&node, head, lines).await;
        self.logs(&node, head, lines).await;
        self.news(&node, lines).await;
        Some(Found { node, head })
    }

    fn clock(&self, chain: u64, head: BlockRef, lines: &mut Lines) {
        let about = Some(self.name);
        let (now, then) = (Timestamp::now(), moment(head.timestamp));
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let newest = format!("the newest block is {}, of {}", head.number, time(then));
        let (ahead, behind) =
            (head.timestamp.saturating_sub(seconds), seconds.saturating_sub(head.timestamp));
        if Finality::default_of(chain) == Finality::Unsafe {
            let message = format!(
                "{newest}; a chain of one's own has a clock of its own, so this tells nothing of ours"
            );
            lines.note("clock", about, &message, "");
        } else if ahead > AHEAD {
            let message = format!(
                "{newest}, which is {} in the future by the clock of this machine",
                span(ahead)
            );
            lines.fail(
                "clock",
                about,
                &message,
                "set the clock of this machine, or ask another node if it is right",
            );
        } else if behind > BEHIND {
            let message = format!(
                "{newest}, {} by the clock of this machine: that clock is wrong, the node lags, or the chain stands still",
                ago(then, now)
            );
            lines.unknown(
                "clock",
                about,
                &message,
                "compare with another node, and this clock with another clock",
            );
        } else {
            lines.pass("clock", about, &format!("{newest}, and the clock of this machine agrees"));
        }
    }

    fn tags(&self, chain: u64, heads: Heads, lines: &mut Lines) {
        let about = Some(self.name);
        let missing: Vec<_> = [("safe", heads.safe), ("finalized", heads.finalized)]
            .iter()
            .filter(|(_, block)| block.is_none())
            .map(|(tag, _)| *tag)
            .collect();
        match (heads.safe, heads.finalized) {
            (Some(safe), Some(finalized)) => {
                let message = format!(
                    "safe is block {}, finalized is block {}",
                    safe.number, finalized.number
                );
                lines.pass("rpc.tags", about, &message);
            }
            _ if Finality::default_of(chain) == Finality::Unsafe => {
                let message = format!("it has no block that is {}", missing.join(" or "));
                lines.note("rpc.tags", about, &message, "");
            }
            _ => {
                let message = format!(
                    "it has no block that is {}, so that no answer can be that final",
                    missing.join(" or ")
                );
                lines.fail(
                    "rpc.tags",
                    about,
                    &message,
                    "name a node that has these tags, or ask for less with --finality",
                );
            }
        }
    }

    async fn state(&self, node: &Node, head: BlockRef, lines: &mut Lines) {
        let about = Some(self.name);
        let oldest = self.indexing.start_block.min(head.number);
        let sources = &self.indexing.sources;
        let follows = [&sources.kms, &sources.factories, &sources.registries, &sources.apps];
        let follows = follows.iter().any(|list| !list.is_empty());
        match self.limit.within(node.state_depth(oldest, head.number)).await {
            Ok(StateDepth::Whole) => {
                lines.pass(
                    "rpc.state",
                    about,
                    &format!("it has the state of every block back to {oldest}"),
                );
            }
            Ok(StateDepth::From(from)) => {
                let message = format!(
                    "the oldest block that it has the state of is {from}, {} behind its head; before that it has none",
                    count_blocks(head.number - from)
                );
                let advice = "index with a node that keeps old state (an archive node), at least once; the operator's verbs need none";
                if follows {
                    lines.fail("rpc.state", about, &message, advice);
                } else {
                    lines.note("rpc.state", about, &message, advice);
                }
            }
            Err(why) => lines.unknown(
                "rpc.state",
                about,
                &why.sentence(),
                "ask again, or name another node",
            ),
        }
    }

    async fn calls(&self, node: &Node, head: BlockRef, lines: &mut Lines) {
        let about = Some(self.name);
        match self.limit.within(node.calls_by_hash(head)).await {
            Ok(()) => lines.pass(
                "rpc.calls",
                about,
                "it executes calls on the state after a block named by its hash",
            ),
            Err(why) if is_passing(&why) => {
                lines.unknown(
                    "rpc.calls",
                    about,
                    &why.sentence(),
                    "ask again, or name another node",
                );
            }
            Err(why) => {
                let message = format!(
                    "calls on the state after a block named by its hash do not work: {}",
                    why.sentence()
                );
                lines.fail(
                    "rpc.calls",
                    about,
                    &message,
                    "name another node: nothing can be executed before it is signed",
                );
            }
        }
        match self.limit.within(node.runs_code_of_calls(head.number)).await {
            Ok(true) => lines.pass("rpc.probe", about, "it runs code that comes with a call, so that many questions are one"),
            Ok(false) => lines.note(
                "rpc.probe",
                about,
                "it does not run code that comes with a call: everything is asked one by one, which takes longer",
                "",
            ),
            Err(why) => lines.unknown("rpc.probe", about, &why.sentence(), "ask again, or name another node"),
        }
        match self.limit.within(node.proves_state(head)).await {
            Ok(()) => {
                lines.pass("rpc.proofs", about, "its proofs of state lead to the hash of the block")
            }
            Err(Why::Said(error @ ChainError::Nonsense { .. })) => {
                let message = format!("a proof of state does not hold: {error}");
                lines.note(
                    "rpc.proofs",
                    about,
                    &message,
                    "do not take proofs from this node; nothing else needs them",
                );
            }
            Err(Why::Said(ChainError::Refused { why, message, .. })) if !why.is_passing() => {
                let message = format!("it gives no proofs of state ({message})");
                lines.note(
                    "rpc.proofs",
                    about,
                    &message,
                    "nothing that devproof does today needs them",
                );
            }
            Err(why) => lines.unknown(
                "rpc.proofs",
                about,
                &why.sentence(),
                "ask again, or name another node",
            ),
        }
    }

    async fn logs(&self, node: &Node, head: BlockRef, lines: &mut Lines) {
        let about = Some(self.name);
        let (from, to) = (self.indexing.start_block.min(head.number), head.number);
        let blocks = to - from + 1;
        let sources = &self.indexing.sources;
        let mut named = [&sources.kms, &sources.factories, &sources.apps].into_iter().flatten();
        // Where nothing is followed, a contract that says nothing will do: what is limited is mostly the range.
        let address = named.next().copied().unwrap_or(Address::with_last_byte(4));
        match self.limit.within(node.blocks_of_logs(address, from, to)).await {
            Ok(most) if most >= blocks => {
                lines.pass(
                    "rpc.logs",
                    about,
                    &format!("it gives the logs of all {} at once", count_blocks(blocks)),
                );
            }
            Ok(most) => {
                let message = format!(
                    "it gives the logs of {} at once, so that reading the whole chain takes {}; devproof finds that out by itself",
                    count_blocks(most),
                    count(
                        usize::try_from(blocks.div_ceil(most.max(1))).unwrap_or(usize::MAX),
                        "question"
                    )
                );
                lines.note("rpc.logs", about, &message, "");
            }
            Err(why @ Why::Late(_)) => {
                let message = format!("logs of {}: {}", count_blocks(blocks), why.sentence());
                lines.unknown("rpc.logs", about, &message, "wait longer with --timeout-seconds");
            }
            Err(why) => {
                lines.unknown("rpc.logs", about, &why.sentence(), "ask again, or name another node")
            }
        }
    }

    async fn news(&self, node: &Node, lines: &mut Lines) {
        let about = Some(self.name);
        let subscribed = async {
            match node.subscribes().await {
                None => Ok(false),
                Some(done) => done.map(|()| true),
            }
        };
        match self.limit.within(subscribed).await {
            Ok(true) => lines.pass("rpc.news", about, "it tells at once when there is a new block"),
            Ok(false) => {}
            Err(why) => {
                let advice = "polling goes on all the same; name another endpoint for news";
                lines.fail(
                    "rpc.news",
                    about,
                    &format!("it tells of no new blocks: {}", why.sentence()),
                    advice,
                );
            }
        }
    }
}

/// Whether the same question may be answered the next time.
fn is_passing(why: &Why<ChainError>) -> bool {
    match why {
        Why::Late(_) => true,
        Why::Said(error) => error.is_passing(),
    }
}

fn count_blocks(blocks: u64) -> String {
    count(usize::try_from(blocks).unwrap_or(usize::MAX), "block")
}

/// A time, as far as there is one of that number.
pub(super) fn moment(seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).ok();
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default()
}
