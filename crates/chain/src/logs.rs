//! Pages of logs.

use crate::{ChainError, Node, Refusal, endpoint::Endpoint};
use alloy::{
    primitives::{Address, B256, Bytes},
    rpc::types::Log,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::{
    collections::{HashMap, HashSet},
    num::NonZeroUsize,
    ops::RangeInclusive,
};

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

/// Questions for logs that are under way at a time, where there are so many contracts that one does not do: an answer is
/// made while the one before it is taken apart.
const UNDER_WAY: usize = 2;

/// The most contracts in one question. Every node takes so many; some take no more than a thousand.
const MOST_ADDRESSES: usize = 500;

impl Node {
    /// All logs of these contracts in a range of blocks, in order. It is read in as many pieces as the node
    /// wants; a quota is waited out. Where several nodes have to agree, each piece is.
    ///
    /// # Errors
    /// What the node says about a single block, or goes on saying; [`ChainError::Disagreement`]; or
    /// [`ChainError::Nonsense`] for a log that was not asked for. The caller makes sure that the chain did not
    /// move meanwhile.
    pub async fn logs(
        &self,
        addresses: &[Address],
        range: RangeInclusive<u64>,
    ) -> Result<Vec<NodeLog>, ChainError> {
        // An empty list means "every contract" to a node: no piece, no question.
        let pieces = addresses.chunks(MOST_ADDRESSES);
        let questions: Vec<_> =
            pieces.map(|piece| self.logs_of_some(piece, range.clone())).collect();
        let mut found = stream::iter(questions).buffered(UNDER_WAY).try_concat().await?;
        found.sort_by_key(|log: &NodeLog| (log.block_number, log.log_index));
        Ok(found)
    }

    async fn logs_of_some(
        &self,
        addresses: &[Address],
        range: RangeInclusive<u64>,
    ) -> Result<Vec<NodeLog>, ChainError> {
        let (mut from, end) = range.into_inner();
        let mut found = Vec::new();
        let mut to = end;
        let mut step = u64::MAX;
        while from <= end {
            match self.ask(|endpoint| endpoint.logs(addresses, from, to, step)).await {
                Ok((last, logs)) => {
                    self.agree(addresses, from..=last, &logs).await?;
                    found.extend(logs);
                    // What was too much behind here is likely too much ahead: grow again slowly.
                    step = if last < to { (last - from + 1).saturating_mul(2) } else { step };
                    to = end;
                    let Some(next) = last.checked_add(1) else { break };
                    from = next;
                }
                // It may be the range that keeps it busy.
                Err(ChainError::Refused { why: Refusal::Busy, .. }) if from < to => {
                    to = from + (to - from) / 2;
                    step = to - from + 1;
                }
                // One block, and more logs in it than the node sends: whoever emitted them must not keep the others
                // from being read. Receipts have no such limit.
                Err(error @ ChainError::Refused { why: Refusal::TooMany { .. }, .. })
                    if self.options.agreement == NonZeroUsize::MIN =>
                {
                    tracing::warn!(%error, block = from, "reading the receipts of the block");
                    let Ok(logs) = self.logs_by_receipts(from).await else { return Err(error) };
                    found.extend(logs.into_iter().filter(|log| addresses.contains(&log.address)));
                    (step, to) = (1, end);
                    let Some(next) = from.checked_add(1) else { break };
                    from = next;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Makes sure that as many nodes as have to agree gave these logs.
    async fn agree(
        &self,
        addresses: &[Address],
        range: RangeInclusive<u64>,
        logs: &[NodeLog],
    ) -> Result<(), ChainError> {
        let needed = self.options.agreement.get();
        let (from, to) = range.into_inner();
        let (mut same, mut asked) = (1, 1);
        for (_, endpoint) in self.others() {
            if same >= needed {
                break;
            }
            let theirs = match self.whole(endpoint, addresses, from, to).await {
                Ok(theirs) => theirs,
                Err(error) if error.is_worth_another_try() => continue,
                Err(error) => return Err(error),
            };
            asked += 1;
            same += usize::from(theirs == logs);
        }
        if same >= needed {
            return Ok(());
        }
        Err(ChainError::Disagreement { from, to, asked, needed })
    }

    async fn whole(
        &self,
        endpoint: &Endpoint,
        addresses: &[Address],
        from: u64,
        to: u64,
    ) -> Result<Vec<NodeLog>, ChainError> {
        endpoint.verify(self.chain_id()).await?;
        let mut found = Vec::new();
        let mut next = from;
        while next <= to {
            let (last, logs) = endpoint.logs(addresses, next, to, u64::MAX).await?;
            found.extend(logs);
            next = last + 1;
        }
        Ok(found)
    }
}

/// A log is taken only if it is complete and was asked for; `None`: of any contract.
pub(crate) fn checked(
    log: Log,
    addresses: Option<&HashSet<Address>>,
    range: RangeInclusive<u64>,
) -> Result<NodeLog, ChainError> {
    let nonsense =
        |problem: &str| ChainError::Nonsense { method: "eth_getLogs", problem: problem.to_owned() };
    if log.removed {
        return Err(nonsense("it holds a log marked as removed"));
    }
    let address = log.address();
    if addresses.is_some_and(|asked| !asked.contains(&address)) {
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

/// Two logs in one place, or two transactions, cannot both be there; the same one twice can be told twice.
pub(crate) fn one_in_each_place(logs: &[NodeLog]) -> Result<(), ChainError> {
    let mut transactions = HashMap::new();
    for (log, next) in logs.iter().zip(logs.iter().skip(1).map(Some).chain([None])) {
        let place = |log: &NodeLog| (log.block_number, log.block_hash, log.log_index);
        let transaction = (log.block_hash, log.transaction_index);
        let other = transactions.insert(transaction, log.transaction_hash);
        if next.is_some_and(|next| place(next) == place(log) && next != log)
            || other.is_some_and(|hash| hash != log.transaction_hash)
        {
            let problem = format!("it holds two logs for one place in block {}", log.block_number);
            return Err(ChainError::Nonsense { method: "eth_getLogs", problem });
        }
    }
    Ok(())
}
