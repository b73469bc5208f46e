//! What goes in and comes out.

use crate::Reading;
use alloy_primitives::{Address, B256, Bytes};
use devproof_contracts::Code;
pub use devproof_primitives::BlockRef;

/// A log as the node gave it. Its key is chain, block hash and log index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLog {
    /// The block it is in.
    pub block: BlockRef,
    /// Position within the block.
    pub log_index: u64,
    /// The transaction that emitted it.
    pub tx_hash: B256,
    /// Position of that transaction within the block.
    pub tx_index: u64,
    /// The contract that emitted it.
    pub address: Address,
    /// None to four topics.
    pub topics: Vec<B256>,
    /// Unindexed arguments, ABI-encoded.
    pub data: Bytes,
}

/// What a contract is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A DstackKms, with which apps are registered.
    Kms,
    /// A factory that deploys apps.
    Factory,
    /// A registry of deletion attestations.
    DeletionRegistry,
    /// The contract of one app.
    App,
}

impl Role {
    /// The word that stands for this role in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::Factory => "factory",
            Self::DeletionRegistry => "deletion_registry",
            Self::App => "app",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Kms, Self::Factory, Self::DeletionRegistry, Self::App]
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

/// A contract whose logs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// The chain it is on.
    pub chain_id: u64,
    /// Its address.
    pub address: Address,
    /// What it is to us.
    pub role: Role,
    /// The contract whose log named it; `None` if the configuration did. Only those named by a log are orphaned
    /// with that log.
    pub named_by: Option<Address>,
    /// Kind of code, in the words of the at-block answer (`app_auth`, `dstack_app`, `unknown`, ...).
    pub code_kind: String,
    /// Hash of the runtime code at `found_at`, where known; or, where there was none yet, after the first block at which
    /// it spoke ([`Store::set_identity`](crate::Store::set_identity)).
    pub code_hash: Option<B256>,
    /// Implementation behind the proxy then. Later upgrades are facts among the logs, not changes here.
    pub implementation: Option<Address>,
    /// Height at which it was named and identified.
    pub found_at: u64,
    /// The highest canonical block at which the root in the contract was found to be that of its logs here. Only read:
    /// [`Store::set_history_verified`](crate::Store::set_history_verified) moves it up and a rewind down, and what is
    /// given here is never written.
    pub history_verified_at: Option<u64>,
}

impl Contract {
    /// The kind of code, read.
    #[must_use]
    pub fn code(&self) -> Code {
        let Ok(code) = self.code_kind.parse();
        code
    }
}

/// What the node said when it was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tags {
    /// Its latest block.
    pub head: BlockRef,
    /// Height of its `safe` tag, where it has one.
    pub safe: Option<u64>,
    /// Height of its `finalized` tag, where it has one.
    pub finalized: Option<u64>,
    /// When it was asked, by our clock, in Unix seconds.
    pub polled_at: u64,
}

/// How far a chain has been indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainStatus {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// First block that is scanned.
    pub start_block: u64,
    /// Last block that is scanned; `None` before the first page.
    pub checkpoint: Option<BlockRef>,
    /// The node's tags at the last poll; `None` before the first.
    pub tags: Option<Tags>,
    /// How often anything of it was written. As long as it is the same, all that was read since it was read still holds.
    pub writes: u64,
}

/// One step forward: every log of every contract known (those stored and those in `contracts`) from the block after
/// `previous`, or from the start block, up to `checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The chain.
    pub chain_id: u64,
    /// Hash of the checkpoint that this page follows; `None` for the first page.
    pub previous: Option<B256>,
    /// Contracts found in this page.
    pub contracts: Vec<Contract>,
    /// Blocks to remember although they carry no log; those of `logs` and `checkpoint` need not be repeated.
    pub blocks: Vec<BlockRef>,
    /// The logs, in any order. Older ones than `previous` are taken as well, if their block is not contradicted.
    pub logs: Vec<RawLog>,
    /// What contracts answered after blocks up to `checkpoint`.
    pub readings: Vec<(Address, Reading)>,
    /// Those of `contracts` that were created in this page: before it there is nothing to be read of them.
    pub newborn: Vec<Address>,
    /// Where the chain stands after this page.
    pub checkpoint: BlockRef,
}

/// What a commit changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// Logs that were not in the store before.
    pub new_logs: u64,
}

/// What a rewind put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rewound {
    /// Blocks that are no longer canonical.
    pub orphaned_blocks: u64,
    /// Logs in those blocks.
    pub orphaned_logs: u64,
    /// Contracts that were named in those blocks.
    pub orphaned_contracts: u64,
}

/// Blocks of one contract that no page has covered, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The contract.
    pub address: Address,
    /// First block not covered.
    pub from: u64,
    /// Last block not covered.
    pub to: u64,
}

/// The older logs of one contract that was found late: every log of `address` from `from` to `to`, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// The chain.
    pub chain_id: u64,
    /// The contract.
    pub address: Address,
    /// First block covered.
    pub from: u64,
    /// Last block covered; must touch what is covered already, so that no hole is left.
    pub to: u64,
    /// The logs, in any order.
    pub logs: Vec<RawLog>,
}
