//! Where headers come from that the index does not hold.

use alloy_primitives::B256;
use devproof_chain::{ChainError, Node};
use devproof_primitives::BlockRef;
use std::{fmt, future::Future, pin::Pin};

/// A source of headers of one chain: a node, or in tests a list.
pub trait Headers: fmt::Debug + Send + Sync {
    /// The chain it serves.
    fn chain_id(&self) -> u64;

    /// The canonical block with this number; `None` if there is none.
    fn block(&self, number: u64) -> HeaderFuture<'_>;

    /// The block with this hash, on whatever branch; `None` if it knows none.
    fn block_by_hash(&self, hash: B256) -> HeaderFuture<'_>;
}

/// What the questions of [`Headers`] return.
pub type HeaderFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Option<BlockRef>, ChainError>> + Send + 'a>>;

impl Headers for Node {
    fn chain_id(&self) -> u64 {
        Self::chain_id(self)
    }

    fn block(&self, number: u64) -> HeaderFuture<'_> {
        Box::pin(Self::block(self, number))
    }

    fn block_by_hash(&self, hash: B256) -> HeaderFuture<'_> {
        Box::pin(Self::block_by_hash(self, hash))
    }
}
