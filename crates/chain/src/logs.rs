//! Pages of logs.

use crate::{ChainError, Node};
use alloy::{
    primitives::{Address, B256, Bytes},
    providers::Provider,
    rpc::types::{Filter, Log},
};
use std::{collections::VecDeque, ops::RangeInclusive};

/// A log as a node gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLog {
    /// Number of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Time of its block, Unix seconds; not every node says.
    pub block_timestamp: Option<u64>,
    /// Index in the block.
    pub log_index: u64,
    /// Transaction.
    pub transaction_hash: B256,
    /// Index of the transaction in the block.
    pub transaction_index: u64,
    /// Who emitted it.
    pub address: Address,
    /// Zero to four topics.
    pub topics: Vec<B256>,
    /// The rest.
    pub data: Bytes,
}

impl Node {
    /// All logs of these contracts in a range of blocks, in order. The range is halved where the node
    /// refuses it as too large.
    ///
    /// # Errors
    /// What the node says about a single block; or [`ChainError::Nonsense`] for a log that was not asked
    /// for. The caller makes sure that the chain did not move meanwhile.
    pub async fn logs(
        &self,
        addresses: &[Address],
        range: RangeInclusive<u64>,
    ) -> Result<Vec<NodeLog>, ChainError> {
        if addresses.is_empty() {
            // An empty list means "every contract" to a node.
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let mut left = VecDeque::from([range]);
        while let Some(range) = left.pop_front() {
            let (from, to) = (*range.start(), *range.end());
            let filter = Filter::new().address(addresses.to_vec()).from_block(from).to_block(to);
            let page = self
                .provider
                .get_logs(&filter)
                .await
                .map_err(|e| ChainError::from_rpc(&self.url, "eth_getLogs", e));
            match page {
                Ok(page) => {
                    for log in page {
                        found.push(checked(log, addresses, from..=to)?);
                    }
                }
                Err(ChainError::Refused { message, .. }) if from < to => {
                    tracing::debug!(from, to, message, "range refused, halving it");
                    let middle = from + (to - from) / 2;
                    left.push_front(middle + 1..=to);
                    left.push_front(from..=middle);
                }
                Err(error) => return Err(error),
            }
        }
        found.sort_by_key(|log| (log.block_number, log.log_index));
        Ok(found)
    }
}

/// A log is taken only if it is complete and was asked for.
fn checked(
    log: Log,
    addresses: &[Address],
    range: RangeInclusive<u64>,
) -> Result<NodeLog, ChainError> {
    let nonsense =
        |problem: &str| ChainError::Nonsense { method: "eth_getLogs", problem: problem.to_owned() };
    if log.removed {
        return Err(nonsense("it holds a log marked as removed"));
    }
    let address = log.address();
    if !addresses.contains(&address) {
        return Err(nonsense("it holds a log of a contract that was not asked for"));
    }
    let (Some(block_number), Some(block_hash), Some(log_index), Some(transaction_hash)) =
        (log.block_number, log.block_hash, log.log_index, log.transaction_hash)
    else {
        return Err(nonsense("it holds a log without its place on the chain"));
    };
    if !range.contains(&block_number) {
        return Err(nonsense("it holds a log of a block that was not asked for"));
    }
    Ok(NodeLog {
        block_number,
        block_hash,
        block_timestamp: log.block_timestamp,
        log_index,
        transaction_hash,
        transaction_index: log.transaction_index.unwrap_or_default(),
        address,
        topics: log.topics().to_vec(),
        data: log.inner.data.data,
    })
}
