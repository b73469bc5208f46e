//! What is asked of the nodes to fill a page, whoever asks: it holds no store, so that it is done beside the writing.

use crate::{IndexError, identify::Looks};
use alloy_primitives::B256;
use devproof_chain::{ChainError, Header, Node, NodeLog};
use devproof_primitives::BlockRef;
use devproof_store::RawLog;
use std::{collections::BTreeMap, sync::Arc};

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

    /// Adds the time of its block to each log, asking the node for the headers it did not send along.
    pub(crate) async fn with_times(&self, logs: Vec<NodeLog>) -> Result<Vec<RawLog>, IndexError> {
        let mut blocks: BTreeMap<B256, BlockRef> = BTreeMap::new();
        for log in &logs {
            if blocks.contains_key(&log.block_hash) {
                continue;
            }
            let block = match log.block_timestamp {
                Some(timestamp) => {
                    BlockRef { number: log.block_number, hash: log.block_hash, timestamp }
                }
                None => self.held(log.block_number).await?,
            };
            if block.hash != log.block_hash {
                return Err(ChainError::Moved { number: log.block_number }.into());
            }
            blocks.insert(block.hash, block);
        }
        Ok(logs
            .into_iter()
            .filter_map(|log| {
                Some(RawLog {
                    block: *blocks.get(&log.block_hash)?,
                    log_index: log.log_index,
                    tx_hash: log.transaction_hash,
                    tx_index: log.transaction_index,
                    address: log.address,
                    topics: log.topics,
                    data: log.data,
                })
            })
            .collect())
    }
}
