//! Why indexing stopped.

use alloy_primitives::{Address, B256};
use devproof_chain::ChainError;
use devproof_primitives::FoldError;
use devproof_store::StoreError;

/// Why indexing stopped. What was committed before stands.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The first block asked for is not there yet.
    #[error("the start block {start} is after the node's head {head}; choose an earlier one")]
    StartAfterHead {
        /// The start block.
        start: u64,
        /// The head.
        head: u64,
    },
    /// There was no block to index.
    #[error("the node has no block to index yet; run again when it has")]
    NothingIndexed,
    /// The node knows less than the index, and nothing that contradicts it.
    #[error(
        "the node's head is block {head}, before block {indexed}, up to which the chain is indexed, and before \
         what was final: it lags or is stuck. Wait, or name another node with --rpc-url"
    )]
    Behind {
        /// The node's head.
        head: u64,
        /// Where the index stands.
        indexed: u64,
    },
    /// Nothing of what was indexed is on the node's chain any more.
    #[error(
        "the chain was reorganised below block {finalized}, which the node had called finalized; the \
         index is kept as it is. Find out which chain is right before anything else: point devproof to \
         another node, or to a new database"
    )]
    FinalizedReorg {
        /// The finalized block that is gone.
        finalized: u64,
    },
    /// The events of an app that keeps a history do not add up.
    #[error(
        "the events of {app} are not complete or not its own: {problem}. The node left something out \
         or made it up; index through another node, into a new database"
    )]
    History {
        /// The app.
        app: Address,
        /// What does not add up.
        problem: FoldError,
    },
    /// The events of an app do not lead to the root in its contract.
    #[error(
        "the events of {app} lead to the history root {folded}, its contract says {stored}: the node \
         left events out. Index through another node, into a new database"
    )]
    Root {
        /// The app.
        app: Address,
        /// The root of the fold.
        folded: B256,
        /// The root in the contract.
        stored: B256,
    },
}

impl IndexError {
    /// Whether trying again may succeed without anybody doing anything.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Chain(error) => error.is_worth_another_try(),
            Self::Behind { .. } => true,
            _ => false,
        }
    }
}
