//! What can go wrong between us and a node.

use crate::Refusal;
use alloy::{
    primitives::{Address, B256},
    rpc::json_rpc::ErrorPayload,
    transports::{HttpError, RpcError, TransportErrorKind},
};
use serde::Deserialize;

/// Why a node's answer could not be had or used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The URL is none.
    #[error(
        "{url:?} is not a URL of a node; it looks like http://127.0.0.1:8545 or ws://127.0.0.1:8545"
    )]
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
    #[error("the node refused {method}: {message}{}", advice(*why))]
    Refused {
        /// The call.
        method: &'static str,
        /// What it means by it.
        why: Refusal,
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
    /// A contract answered, but not with what that function gives.
    #[error("{to} does not answer {signature} as it should")]
    Undecodable {
        /// The contract.
        to: Address,
        /// The function.
        signature: &'static str,
    },
    /// A node serves another chain than the one it was named for.
    #[error(
        "the node at {url} serves chain {serves} and not {expected}; name nodes of one chain only"
    )]
    OtherChain {
        /// Its URL, without any credentials.
        url: String,
        /// The chain that is followed.
        expected: u64,
        /// The chain it serves.
        serves: u64,
    },
    /// Too few nodes gave the same logs.
    #[error(
        "of {asked} nodes no {needed} gave the same logs for blocks {from} to {to}: some lag, or some leave \
         logs out; ask again, or find out which with `devproof index --agree 1` against each alone"
    )]
    Disagreement {
        /// First block asked for.
        from: u64,
        /// Last block asked for.
        to: u64,
        /// How many answered.
        asked: usize,
        /// How many have to say the same.
        needed: usize,
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

/// The body of an HTTP error, where it is one of JSON-RPC.
#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorPayload,
}

impl ChainError {
    /// Sorts what alloy says.
    pub(crate) fn from_rpc(
        url: &str,
        method: &'static str,
        error: RpcError<TransportErrorKind>,
    ) -> Self {
        match error {
            RpcError::ErrorResp(payload) => Self::refused(method, &payload, None),
            RpcError::Transport(TransportErrorKind::HttpError(HttpError { status, body })) => {
                match serde_json::from_str::<ErrorBody>(&body) {
                    Ok(body) => Self::refused(method, &body.error, Some(status)),
                    Err(_) => {
                        let message = format!("HTTP status {status} {}", printable(&body));
                        let why = Refusal::of(0, &message, Some(status));
                        Self::Refused { method, why, message, data: None }
                    }
                }
            }
            RpcError::Transport(kind) => {
                Self::Unreachable { url: url.to_owned(), cause: root_cause(&kind) }
            }
            // The connection was cut where it could not be seen, by a proxy for example.
            RpcError::DeserError { err, .. } if err.is_eof() => {
                Self::Unreachable { url: url.to_owned(), cause: "its answer was cut short".into() }
            }
            other => Self::Nonsense { method, problem: short(&other) },
        }
    }

    fn refused(method: &'static str, payload: &ErrorPayload, status: Option<u16>) -> Self {
        // Some put the reason into the data, and "invalid params" before it.
        let data = payload.as_revert_data().map(|bytes| bytes.to_vec());
        let mut message = printable(&payload.message);
        if let (None, Some(more)) = (&data, &payload.data) {
            message = format!("{message} {}", printable(more.get()));
        }
        Self::Refused { method, why: Refusal::of(payload.code, &message, status), message, data }
    }

    /// Whether asking the same again may succeed.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Moved { .. } | Self::Disagreement { .. } => true,
            Self::Refused { why, .. } => why.is_passing(),
            _ => false,
        }
    }

    /// Whether another node, or this one a moment later, may give a better answer: also where what came was no
    /// answer at all. Who is called by a wrong name says such things as well, so that nobody is waited for who
    /// never gave a proper answer ([`Self::is_passing`]).
    #[must_use]
    pub const fn is_worth_another_try(&self) -> bool {
        self.is_passing() || matches!(self, Self::Nonsense { .. })
    }

    /// Whether a contract that was called is what refused.
    pub(crate) const fn is_revert(&self) -> bool {
        matches!(
            self,
            Self::Reverted { .. }
                | Self::Refused { data: Some(_), .. }
                | Self::Refused { why: Refusal::Reverted, .. }
        )
    }

    /// Whether the node said that too much is asked of it at the moment.
    pub(crate) const fn is_of_load(&self) -> bool {
        matches!(self, Self::Refused { why: Refusal::Busy | Refusal::Quota, .. })
    }
}

/// What to do about a refusal.
const fn advice(why: Refusal) -> &'static str {
    match why {
        Refusal::Quota => "; it was asked too often: wait, or name another node",
        Refusal::Busy => "; it is too busy: ask again later, or name another node",
        Refusal::Missing => "; it does not have these blocks: it lags, or keeps no old state",
        Refusal::TooWide { .. } | Refusal::TooMany { .. } | Refusal::Reverted | Refusal::Other => {
            ""
        }
    }
}

/// A node's own words, on one line and cut short.
fn printable(words: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    words.chars().map(plain).take(MAX_MESSAGE).collect()
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

/// The same of any failed question.
pub(crate) fn root_cause_of(error: &RpcError<TransportErrorKind>) -> String {
    match error {
        RpcError::Transport(kind) => root_cause(kind),
        other => short(other),
    }
}

fn short(what: &dyn std::fmt::Display) -> String {
    what.to_string().chars().take(MAX_MESSAGE).collect()
}
