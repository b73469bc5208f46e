//! How final a block is, by the node's own tags.

use devproof_store::Tags;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use utoipa::ToSchema;

/// Chain ids that anvil, hardhat and geth's dev mode use. Nothing there is ever final for anybody.
const LOCAL_CHAINS: [u64; 2] = [31337, 1337];

/// How final a block is. Never derived from a depth.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Finality {
    /// In the index, and above the node's `safe` block.
    Unsafe,
    /// At or below the node's `safe` block.
    Safe,
    /// At or below the node's `finalized` block.
    Finalized,
}

impl Finality {
    /// What an answer has to reach unless asked otherwise: `finalized`, but on local chains `unsafe`.
    #[must_use]
    pub fn default_of(chain_id: u64) -> Self {
        if LOCAL_CHAINS.contains(&chain_id) { Self::Unsafe } else { Self::Finalized }
    }

    /// Of a block of the canonical chain, by the tags of the last poll.
    pub(crate) fn of(number: u64, tags: Option<&Tags>) -> Self {
        let reached = |tag: Option<u64>| tag.is_some_and(|tag| number <= tag);
        match tags {
            Some(tags) if reached(tags.finalized) => Self::Finalized,
            // A finalized block is safe, also for a node that has no `safe` tag.
            Some(tags) if reached(tags.safe) => Self::Safe,
            _ => Self::Unsafe,
        }
    }

    /// The highest block that has this finality; `None` for none.
    pub(crate) fn reaches(self, tags: Option<&Tags>) -> Option<u64> {
        match self {
            Self::Unsafe => Some(u64::MAX),
            Self::Safe => tags.and_then(|tags| tags.safe.max(tags.finalized)),
            Self::Finalized => tags.and_then(|tags| tags.finalized),
        }
    }

    /// The name used in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsafe => "unsafe",
            Self::Safe => "safe",
            Self::Finalized => "finalized",
        }
    }
}

impl fmt::Display for Finality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Finality {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Unsafe, Self::Safe, Self::Finalized]
            .into_iter()
            .find(|f| f.name() == name)
            .ok_or_else(|| "a finality is unsafe, safe or finalized".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use devproof_primitives::BlockRef;

    fn tags(safe: Option<u64>, finalized: Option<u64>) -> Tags {
        let head = BlockRef { number: 100, hash: Default::default(), timestamp: 0 };
        Tags { head, safe, finalized, polled_at: 0 }
    }

    #[test]
    fn a_label_is_the_tag_that_has_been_reached() {
        let tags = tags(Some(20), Some(10));
        let label = |n| Finality::of(n, Some(&tags));
        assert_eq!(label(10), Finality::Finalized);
        assert_eq!(label(11), Finality::Safe);
        assert_eq!(label(20), Finality::Safe);
        assert_eq!(label(21), Finality::Unsafe);
    }

    #[test]
    fn a_node_without_tags_makes_nothing_final() {
        assert_eq!(Finality::of(0, Some(&tags(None, None))), Finality::Unsafe);
        assert_eq!(Finality::of(0, None), Finality::Unsafe);
        assert_eq!(Finality::Safe.reaches(Some(&tags(None, None))), None);
        assert_eq!(Finality::Safe.reaches(Some(&tags(None, Some(7)))), Some(7));
    }

    #[test]
    fn local_chains_are_not_asked_for_finality() {
        assert_eq!(Finality::default_of(31337), Finality::Unsafe);
        assert_eq!(Finality::default_of(1337), Finality::Unsafe);
        assert_eq!(Finality::default_of(8453), Finality::Finalized);
        assert!(Finality::Unsafe < Finality::Safe && Finality::Safe < Finality::Finalized);
    }
}
