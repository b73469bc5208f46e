//! Where and when something happened on a chain, and who did it.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// The place of a log on its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Block number.
    pub block: u64,
    /// Index of the log in its block; with the number it orders everything.
    pub log_index: u64,
    /// The block's time, Unix seconds.
    pub timestamp: u64,
    /// Hash of the transaction.
    pub transaction: B256,
}

/// Who did it: `msg.sender` as the contract saw it. `None` where no event says so.
pub type Actor = Option<Address>;

/// How much notice users really had of a value that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Notice {
    /// The app was born with it: nobody could have relied on anything before.
    Born,
    /// Activation time minus proposal time, in seconds; 0 for an instant change.
    Seconds(u64),
}

impl Notice {
    /// The seconds; `None` for what the app was born with.
    #[must_use]
    pub const fn seconds(self) -> Option<u64> {
        match self {
            Self::Born => None,
            Self::Seconds(seconds) => Some(seconds),
        }
    }
}

/// A block, by all that identifies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, Unix seconds.
    pub timestamp: u64,
}
