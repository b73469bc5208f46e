//! What can go wrong between us and a node.

use alloy::{
    primitives::{Address, B256},
    transports::{RpcError, TransportErrorKind},
};

/// Why a node's answer could not be had or used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The URL is none.
    #[error("{url:?} is not a URL of a node; it looks like http://127.0.0.1:8545")]
    BadUrl {
        /// What was given.
        url: String,
    },
    /// Nobody answers, or not in time.
    #[error("the node at {url} cannot be reached ({cause}); check the URL and that the node is up")]
    Unreachable {
        /// Its URL, without any credentials.
        url: String,
        /// What the transport said.
        cause: String,
    },
    /// The node answered with an error.
    #[error("the node refused {method}: {message}")]
    Refused {
        /// The call.
        method: &'static str,
        /// Its words, cut short.
        message: String,
        /// The data that came with it, such as that of a revert.
        data: Option<Vec<u8>>,
    },
    /// The node answered, but not with what was asked for.
    #[error("the node's answer to {method} makes no sense: {problem}")]
    Nonsense {
        /// The call.
        method: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The chain moved while it was read. Asking again is all there is to do.
    #[error("the chain was reorganised at block {number} while it was read; ask again")]
    Moved {
        /// The block that was another one before.
        number: u64,
    },
    /// A call of a contract reverted.
    #[error("{to} refused: {reason}")]
    Reverted {
        /// The contract.
        to: Address,
        /// Why, in a sentence.
        reason: String,
    },
    /// A transaction was included and failed.
    #[error("transaction {transaction} was included in block {block} and failed")]
    Failed {
        /// Its hash.
        transaction: B256,
        /// The block.
        block: u64,
    },
}

/// The most of a node's own words that is kept, in characters.
const MAX_MESSAGE: usize = 300;

impl ChainError {
    /// Sorts what alloy says.
    pub(crate) fn from_rpc(
        url: &str,
        method: &'static str,
        error: RpcError<TransportErrorKind>,
    ) -> Self {
        match error {
            RpcError::ErrorResp(payload) => Self::Refused {
                method,
                message: payload.message.chars().take(MAX_MESSAGE).collect(),
                data: payload.as_revert_data().map(|bytes| bytes.to_vec()),
            },
            RpcError::Transport(kind) => {
                Self::Unreachable { url: url.to_owned(), cause: root_cause(&kind) }
            }
            other => Self::Nonsense { method, problem: short(&other) },
        }
    }

    /// Whether asking the same again may succeed.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Moved { .. })
    }
}

/// The last link of a chain of errors, which says what happened, without anything that looks like a URL:
/// the outer ones name the node's, and keys of hosted nodes stand in it.
fn root_cause(error: &TransportErrorKind) -> String {
    let mut last: &dyn std::error::Error = error;
    if let TransportErrorKind::Custom(inner) = error {
        last = inner.as_ref();
    }
    while let Some(source) = last.source() {
        last = source;
    }
    let text = short(last);
    text.split(' ').filter(|word| !word.contains("://")).collect::<Vec<_>>().join(" ")
}

fn short(what: &dyn std::fmt::Display) -> String {
    what.to_string().chars().take(MAX_MESSAGE).collect()
}
