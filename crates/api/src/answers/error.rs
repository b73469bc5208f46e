//! Why a question could not be answered, and what to do.

use crate::Finality;
use alloy_primitives::{Address, B256};
use devproof_chain::ChainError;
use devproof_primitives::FoldError;
use devproof_store::{StateError, StoreError};
use jiff::Timestamp;

/// Why a question could not be answered. `Display` says what is wrong; [`Self::sentence`] adds what
/// to do where that differs between the command line and REST.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The chain is not in the index.
    #[error("chain {chain_id} is not in this index, which holds {}", list(.known))]
    UnknownChain {
        /// The chain.
        chain_id: u64,
        /// Those that are.
        known: Vec<u64>,
    },
    /// The index has no page of this chain yet.
    #[error("nothing of chain {chain_id} is indexed yet")]
    Empty {
        /// The chain.
        chain_id: u64,
    },
    /// The app is not in the index.
    #[error(
        "app {app:#x} is not in this index of chain {chain_id}{}",
        if *.orphaned > 0 { ", except in blocks that were reorganised away" } else { "" }
    )]
    UnknownApp {
        /// The chain.
        chain_id: u64,
        /// The app.
        app: Address,
        /// How many of its logs are in blocks that were reorged out.
        orphaned: usize,
    },
    /// The address is a contract of another kind.
    #[error("{app:#x} is no app but a contract of kind {role}: ask for the app's own contract")]
    NotAnApp {
        /// The address.
        app: Address,
        /// What it is.
        role: &'static str,
    },
    /// The block is beyond the index.
    #[error("block {asked} is not in the index yet, which ends at block {head} ({time})")]
    BeyondHead {
        /// The block.
        asked: u64,
        /// The index head.
        head: u64,
        /// Its time.
        time: Timestamp,
    },
    /// Nothing was recorded at that time.
    #[error("at {asked} nothing of chain {chain_id} had been recorded in this index")]
    NotRecorded {
        /// The chain.
        chain_id: u64,
        /// The time.
        asked: Timestamp,
    },
    /// A record is not asked for by hash.
    #[error(
        "what was recorded about a block is asked by its number or a time, not by its hash {hash}, since what was \
         recorded may be about another block of that number"
    )]
    AsOfHash {
        /// The hash.
        hash: B256,
    },
    /// The block was reorged out.
    #[error(
        "block {hash} (number {number}) was reorganised away: it is not on the chain, and what was so after it is no \
         state of the chain"
    )]
    Orphaned {
        /// Its hash.
        hash: B256,
        /// Its number.
        number: u64,
    },
    /// Nobody knows a block with this hash.
    #[error(
        "no block with the hash {hash} is known here; most blocks in which nothing happened are not held"
    )]
    UnknownHash {
        /// The hash.
        hash: B256,
    },
    /// The node cannot be asked for a hash.
    #[error("the block {hash} could not be had: {source}")]
    NodeOfHash {
        /// The hash.
        hash: B256,
        /// What the node said.
        source: ChainError,
    },
    /// The time is beyond the index.
    #[error("{asked} is in the future of the index, which ends at block {head} ({time})")]
    TimeBeyondHead {
        /// The time.
        asked: Timestamp,
        /// The index head.
        head: u64,
        /// Its time.
        time: Timestamp,
    },
    /// The index begins later.
    #[error("the index begins at block {start} and cannot tell what was so at block {asked}")]
    BeforeStart {
        /// The block.
        asked: u64,
        /// First block of the index.
        start: u64,
    },
    /// The index begins later than that time.
    #[error("the index begins at block {start} and holds no block at or before {asked}")]
    TimeBeforeStart {
        /// The time.
        asked: Timestamp,
        /// First block of the index.
        start: u64,
    },
    /// The block may still be reorganised away.
    #[error("{what} is {is}, not {asked}, by the node's tags when it was last asked")]
    NotFinal {
        /// The block or time.
        what: String,
        /// How final it is.
        is: Finality,
        /// What was asked for.
        asked: Finality,
    },
    /// The header is neither in the index nor to be had.
    #[error(
        "the index does not hold the header of block {number}{}",
        .nearest.map_or_else(String::new, |n| format!(
            " (block {n} has the same state: it is held, and nothing happened between the two)"))
    )]
    NoHeader {
        /// The block.
        number: u64,
        /// The last block before it whose header is held.
        nearest: Option<u64>,
    },
    /// The node has another chain than the index.
    #[error(
        "node and index disagree: block {number} is {ours} in the index and {} at the node",
        .theirs.map_or_else(|| "missing".to_owned(), |hash| hash.to_string())
    )]
    NodeDisagrees {
        /// The block.
        number: u64,
        /// Its hash in the index.
        ours: B256,
        /// Its hash at the node.
        theirs: Option<B256>,
    },
    /// The node serves another chain.
    #[error("the node serves chain {node} and the question is about chain {asked}")]
    WrongNode {
        /// The node's.
        node: u64,
        /// The question's.
        asked: u64,
    },
    /// The node does not know a block that the index has passed.
    #[error("the node does not have block {number}, which the index has passed")]
    NodeLacks {
        /// The block.
        number: u64,
    },
    /// The node cannot be asked.
    #[error("the header of block {number} could not be had: {source}")]
    Node {
        /// The block.
        number: u64,
        /// What the node said.
        source: ChainError,
    },
    /// The older logs of a contract are still being read.
    #[error("blocks {from} to {to} of contract {contract:#x} are not indexed yet")]
    Unfinished {
        /// The contract.
        contract: Address,
        /// First block missing.
        from: u64,
        /// Last block missing.
        to: u64,
    },
    /// The page before ended in a block that was reorged out.
    #[error(
        "block {number} ({hash}), in which the page before ended, was reorganised away, so that what was told before may \
         not be so any more"
    )]
    CursorGone {
        /// Its number.
        number: u64,
        /// Its hash.
        hash: B256,
    },
    /// Facts were found that belong before the place where the page before ended, or were found to be none.
    #[error(
        "the index has learnt something else since about blocks up to {number}, in which the page before ended, so that the \
         pages before may lack entries"
    )]
    CursorStale {
        /// Its number.
        number: u64,
    },
    /// The span ends before it begins.
    #[error("the span ends at {to}, before it begins at {from}")]
    Backwards {
        /// Where it begins.
        from: String,
        /// Where it ends.
        to: String,
    },
    /// More happened than one answer takes.
    #[error("more than {most} changes of {what} lie between the two blocks")]
    TooMuch {
        /// Of what.
        what: String,
        /// The most that one answer takes.
        most: usize,
    },
    /// No family has the name.
    #[error("no family is called {name}; this index knows {}", families(.known))]
    UnknownFamily {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The index cannot be right.
    #[error("the index contradicts the contract's own history ({0})")]
    Contradiction(#[from] FoldError),
    /// The chain was reorganised while the question was answered, several times over.
    #[error("the chain is being reorganised under the index")]
    Moving,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a question was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// The command line.
    Cli,
    /// REST. What concerns only the operator of the service is not told.
    Rest,
}

impl AnswerError {
    /// What is wrong and what to do about it, in one sentence without a full stop.
    #[must_use]
    pub fn sentence(&self, surface: Surface) -> String {
        if surface == Surface::Rest {
            match self {
                Self::Store(_) => return "the index could not be read; try again later".to_owned(),
                Self::Node { number, .. } => {
                    return format!(
                        "the node behind this service did not give block {number}; try again later"
                    );
                }
                Self::NodeOfHash { hash, .. } => {
                    return format!(
                        "the node behind this service did not give block {hash}; try again later"
                    );
                }
                _ => {}
            }
        }
        let remedy = self.remedy(surface);
        if remedy.is_empty() { self.to_string() } else { format!("{self}; {remedy}") }
    }
}

impl From<StateError> for AnswerError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Store(error) => error.into(),
            StateError::Fold(error) => error.into(),
        }
    }
}

fn families(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

fn list(chains: &[u64]) -> String {
    match chains {
        [] => "none".to_owned(),
        [one] => format!("chain {one}"),
        many => {
            let names: Vec<_> = many.iter().map(u64::to_string).collect();
            format!("chains {}", names.join(", "))
        }
    }
}
