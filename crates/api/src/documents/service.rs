//! The chains of an index, and whether it is current.

use super::Block;
use crate::schema::TimeText;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The chains of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chains {
    /// By chain id.
    pub chains: Vec<Chain>,
    /// How far the database is behind the one it follows; absent if it follows none. Other answers from such a database
    /// say so in their `Devproof-Replica` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<ReplicaLag>,
}

/// How far a streaming replica is behind its primary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaLag {
    /// At most so many seconds, rounded up, have passed since the primary was in the state that is read here; null if
    /// the replica has replayed nothing since it started. It grows while the primary rests or is gone.
    pub lag_seconds: Option<u64>,
    /// Whether the replica is connected to its primary.
    pub receiving: bool,
    /// How far the primary's log has arrived, as PostgreSQL writes it.
    pub received_lsn: Option<String>,
    /// How far of that is read here.
    pub replayed_lsn: Option<String>,
}

impl From<devproof_store::Replica> for ReplicaLag {
    fn from(replica: devproof_store::Replica) -> Self {
        Self {
            lag_seconds: replica.lag_ms.map(|ms| ms.div_ceil(1_000)),
            receiving: replica.receiving,
            received_lsn: replica.received,
            replayed_lsn: replica.replayed,
        }
    }
}

/// Whether the answers of a process are about its chains as they are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// Whether all of them are.
    pub ready: bool,
    /// Why not, where it is not about one chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// By chain id.
    pub chains: Vec<ChainReadiness>,
    /// How far the database is behind the one it follows; absent if it follows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<ReplicaLag>,
}

/// The same of one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainReadiness {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Whether answers about it are current.
    pub ready: bool,
    /// `starting`, `catching_up`, `stalled`, `failing` or `not_indexed`; null if it is ready.
    pub reason: Option<String>,
    /// In a sentence.
    pub detail: String,
    /// `indexer` if this process follows the chain, `database` if another one is to.
    pub judged_by: String,
    /// Number of the last block that is indexed.
    pub index_head: Option<u64>,
    /// Number of the node's newest block when it was last asked.
    pub node_head: Option<u64>,
    /// Milliseconds since the newest block came.
    pub block_age_ms: Option<u64>,
    /// Milliseconds between two blocks, from headers in the index; null if it holds too few to tell.
    pub block_time_ms: Option<u64>,
}

/// One chain of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// First block of the index.
    pub indexed_from: u64,
    /// How far the index reaches; null before the first page.
    pub index_head: Option<Block>,
    /// What the node said when it was last asked; null before the first time.
    pub node: Option<NodeTags>,
}

/// A node's own tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeTags {
    /// Number of its latest block.
    pub head: u64,
    /// Number of its `safe` block; null where it has no such tag.
    pub safe: Option<u64>,
    /// Number of its `finalized` block; likewise.
    pub finalized: Option<u64>,
    /// When it was asked, by the clock of the index.
    pub polled_at: Timestamp,
}
