//! Ids, hashes, policy events and the one fold over them. No I/O, no async.
//!
//! Everything devproof says about what an app was allowed to run comes out of [`Policy`]: a fold over
//! the events of the app's contract, in log order. The index, the REST answers and the tests that
//! compare with the contract itself all use this one fold.

mod change;
mod compose_hash;
mod history;
mod kms;
mod policy;
mod position;
mod proposal;
mod words;

pub use change::{Action, BadKind, Change, Setting};
pub use compose_hash::ComposeHash;
pub use history::{HISTORY_DOMAIN, HistoryRoot, source_commitment};
pub use kms::{Kms, KmsEvent};
pub use policy::{Event, FoldError, Grant, Policy, Rules, Step};
pub use position::{Actor, BlockRef, Notice, Position};
pub use proposal::{GRACE_PERIOD, Proposal, ProposalState, Source};
pub use words::span;

/// Reads an address from the low 20 bytes of a word, as Solidity pads one. `None` for zero.
pub(crate) fn address_in(word: alloy_primitives::B256) -> Option<alloy_primitives::Address> {
    let address = alloy_primitives::Address::from_word(word);
    (!address.is_zero()).then_some(address)
}
