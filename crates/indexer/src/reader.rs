//! What is asked of the nodes to fill a page, whoever asks: it holds no store, so that it is done beside the writing.

use crate::{IndexError, identify::Looks};
use devproof_chain::{ChainError, Header, Node, NodeLog};
use devproof_primitives::BlockRef;
use devproof_store::RawLog;
use std::sync::Arc;

/// Asks the nodes of a chain, and remembers what contracts are.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) node: Node,
    pub(crate) looks: Arc<Looks>,
    /// The first block that is read.
    pub(crate) start_block: u64,
}

/// The node's block with this number, which it must have.
pub(crate) async fn held(node: &Node, number: u64) -> Result<BlockRef, IndexError> {
    Ok(node.block(number).await?.ok_or(ChainError::Moved { number })?)
}

impl Reader {
    /// The node's block with this number, which it must have.
    pub(crate) async fn held(&self, number: u64) -> Result<BlockRef, IndexError> {
        held(&self.node, number).await
    }

    /// Whether a block is still on the node's chain, which must have one with its number.
    pub(crate) async fn holds(&self, block: BlockRef) -> Result<bool, IndexError> {
        Ok(self.held(block.number).await? == block)
    }

    /// Makes sure that a block is still on the node's chain.
    pub(crate) async fn must_hold(&self, block: BlockRef) -> Result<(), IndexError> {
        if self.holds(block).await? {
            return Ok(());
        }
        Err(ChainError::Moved { number: block.number }.into())
    }

    /// The header of the node's block with this number, which it must have.
    pub(crate) async fn header(&self, number: u64) -> Result<Header, IndexError> {
        Ok(self.node.header(number).await?.ok_or(ChainError::Moved { number })?)
    }

    /// Adds the time of its block to each log, asking the node for the headers it did not send along: once a block, for logs
    /// that are in order.
    pub(crate) async fn with_times(&self, logs: Vec<NodeLog>) -> Result<Vec<RawLog>, IndexError> {
        let mut timed: Vec<RawLog> = Vec::with_capacity(logs.len());
        for log in logs {
            let (number, hash) = (log.block_number, log.block_hash);
            let before = timed.last().map(|before| before.block);
            let block = match (before, log.block_timestamp) {
                (Some(before), _) if before.hash == hash => before,
                (_, Some(timestamp)) => BlockRef { number, hash, timestamp },
                (_, None) => self.held(number).await?,
            };
            if block.hash != hash {
                return Err(ChainError::Moved { number }.into());
            }
            timed.push(RawLog {
                block,
                log_index: log.log_index,
                tx_hash: log.transaction_hash,
                tx_index: log.transaction_index,
                address: log.address,
                topics: log.topics,
                data: log.data,
            });
        }
        Ok(timed)
    }
}
