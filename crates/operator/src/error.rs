//! What can go wrong on the way to a change.

use alloy::primitives::{Address, B256};
use devproof_chain::ChainError;

/// Why something could not be done or told. Each says what to do, in one sentence without a full stop.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A key cannot be had.
    #[error("{0}")]
    Key(String),
    /// Whoever holds the key did not sign; nothing was sent. The words are those of whoever it is.
    #[error("{0}")]
    Unsigned(String),
    /// Nothing is deployed there.
    #[error("no contract is at {0}: check the address and the chain")]
    NoContract(Address),
    /// The contract is none that this step exists for.
    #[error("{0}")]
    Unsupported(String),
    /// What was executed asked for more of the state than any such call does.
    #[error(
        "the call asks for more of the chain's state than is read for it ({0} pieces): check the address"
    )]
    TooMuchState(usize),
    /// The call could not even begin.
    #[error("the call cannot be executed ({0}): check the address and the chain")]
    Inexecutable(String),
    /// The account has too little for the fees.
    #[error("{account} has too little to pay for it: {said}; send it some of the chain's own coin")]
    TooPoor {
        /// The account.
        account: Address,
        /// What the node said.
        said: String,
    },
    /// Somebody with the same key was faster.
    #[error("another transaction took the nonce {nonce} of {account}; run it again")]
    NonceTaken {
        /// The account.
        account: Address,
        /// The nonce.
        nonce: u64,
    },
    /// The offer is not enough to replace what waits.
    #[error("the fees offered are too low for the node ({0}); offer more with --max-fee and --tip")]
    Underpriced(String),
    /// It was sent and is in no block.
    #[error(
        "transaction {transaction} (nonce {nonce}) was sent and is in no block yet: run the same command again to go on \
         waiting, or with --replace to offer more for it"
    )]
    Stuck {
        /// Its hash.
        transaction: B256,
        /// Its nonce.
        nonce: u64,
    },
    /// Nobody knows what became of it: the node did not answer when it was looked for.
    #[error(
        "what became of transaction {transaction} (nonce {nonce}) is not known: {cause}, and run the same command again, which \
         looks before it sends anything"
    )]
    Unseen {
        /// Its hash.
        transaction: B256,
        /// Its nonce.
        nonce: u64,
        /// What kept the node from answering.
        cause: Box<ChainError>,
    },
    /// It is in a block, and the node did not answer when that was looked at again.
    #[error(
        "transaction {transaction} is in block {block}, and whether it stays there is not known: {cause}, and run the same \
         command again to see"
    )]
    Unwatched {
        /// Its hash.
        transaction: B256,
        /// Its block.
        block: u64,
        /// What kept the node from answering.
        cause: Box<ChainError>,
    },
    /// Other transactions of the account are in front.
    #[error(
        "{account} has {waiting} transactions that wait to be included, the first with nonce {nonce}: wait for them, or put \
         this one in the place of the first with --replace"
    )]
    Behind {
        /// The account.
        account: Address,
        /// How many.
        waiting: u64,
        /// The nonce of the first.
        nonce: u64,
    },
    /// It is in a block that is not final enough yet.
    #[error(
        "transaction {transaction} is in block {block}, which is not {finality} yet: run the same command again to see"
    )]
    NotFinal {
        /// Its hash.
        transaction: B256,
        /// Its block.
        block: u64,
        /// What was wanted.
        finality: &'static str,
    },
    /// The Safe does not compute the same hash as we do.
    #[error(
        "the Safe at {safe} computes the hash {theirs} for this transaction and we compute {ours}: do not sign it, and check that \
         the address is that of a Safe"
    )]
    SafeDisagrees {
        /// The Safe.
        safe: Address,
        /// Its hash.
        theirs: B256,
        /// Ours.
        ours: B256,
    },
    /// The history of a contract cannot be read completely.
    #[error("{0}")]
    History(String),
}
