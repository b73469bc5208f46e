//! A widening that was announced and is not in force.

use crate::{Actor, Position, Setting};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// Seconds after which a ripe proposal is dead (`AppAuth.GRACE_PERIOD`).
pub const GRACE_PERIOD: u64 = 14 * 24 * 60 * 60;

/// What the owner claimed about the source of a proposed compose hash. Nobody checked it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// A digest of the source, by convention a commit id.
    pub digest: B256,
    /// Where to read it. Text from the chain: escape it wherever it is shown.
    pub uri: String,
}

/// A proposal that was neither activated nor cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The setting that is to widen.
    pub setting: Setting,
    /// The value that is to be in force.
    pub value: B256,
    /// Where it was announced.
    pub proposed: Position,
    /// Who announced it.
    pub actor: Actor,
    /// The first second at which anyone may activate it.
    pub ripe_at: u64,
    /// The first second at which nobody may any more.
    pub expires_at: u64,
    /// The claim about its source, if one was made.
    pub source: Option<Source>,
}

/// Where a proposal stands at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProposalState {
    /// The notice is running.
    Pending,
    /// The notice is over: anyone may activate it.
    Ripe,
    /// Ripe for longer than the grace period, or its setting was frozen: dead.
    Expired,
}

impl ProposalState {
    /// The name used in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ripe => "ripe",
            Self::Expired => "expired",
        }
    }
}

impl Proposal {
    /// The time of death of a proposal that has none.
    pub const NEVER: u64 = u64::MAX;

    /// Where the proposal stands at `timestamp`, Unix seconds.
    #[must_use]
    pub const fn state_at(&self, timestamp: u64) -> ProposalState {
        // Death first: a freeze kills a proposal before it is ripe.
        if timestamp >= self.expires_at {
            ProposalState::Expired
        } else if timestamp < self.ripe_at {
            ProposalState::Pending
        } else {
            ProposalState::Ripe
        }
    }
}
