//! Pages of logs.

use crate::{ChainError, Node, Refusal, endpoint::Endpoint};
use alloy::primitives::{Address, B256, Bytes, Log, U64};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
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
        if addresses.len() > MOST_ADDRESSES {
            // Each answer was looked at by itself.
            one_in_each_place(&found)?;
        }
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

/// A log as JSON-RPC has it. alloy's type is a log in a log in a log, and serde copies what is flattened so before it reads it,
/// twice; here it is read once, and what is missing is found out by [`ToldLog::checked`].
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToldLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: Option<U64>,
    block_hash: Option<B256>,
    block_timestamp: Option<U64>,
    log_index: Option<U64>,
    transaction_hash: Option<B256>,
    transaction_index: Option<U64>,
    #[serde(default)]
    removed: bool,
}

/// The most topics of a log: there are instructions for so many.
const MOST_TOPICS: usize = 4;

impl ToldLog {
    /// As it is in the tree of receipts.
    pub(crate) fn in_receipt(&self) -> Log {
        Log::new_unchecked(self.address, self.topics.clone(), self.data.clone())
    }

    /// A log is taken only if it is complete and was asked for; `None`: of any contract.
    ///
    /// # Errors
    /// [`ChainError::Nonsense`].
    pub(crate) fn checked(
        self,
        addresses: Option<&HashSet<Address>>,
        range: RangeInclusive<u64>,
    ) -> Result<NodeLog, ChainError> {
        let nonsense = |problem: &str| ChainError::Nonsense {
            method: "eth_getLogs",
            problem: problem.to_owned(),
        };
        if self.removed {
            return Err(nonsense("it holds a log marked as removed"));
        }
        if addresses.is_some_and(|asked| !asked.contains(&self.address)) {
            return Err(nonsense("it holds a log of a contract that was not asked for"));
        }
        if self.topics.len() > MOST_TOPICS {
            return Err(nonsense("it holds a log with more than four topics"));
        }
        let (Some(block_number), Some(block_hash), Some(log_index)) =
            (self.block_number, self.block_hash, self.log_index)
        else {
            return Err(nonsense("it holds a log without its place on the chain"));
        };
        let (Some(transaction_hash), Some(transaction_index)) =
            (self.transaction_hash, self.transaction_index)
        else {
            return Err(nonsense("it holds a log without its transaction"));
        };
        let block_number = block_number.to();
        if !range.contains(&block_number) {
            return Err(nonsense("it holds a log of a block that was not asked for"));
        }
        Ok(NodeLog {
            block_number,
            block_hash,
            block_timestamp: self.block_timestamp.map(|time| time.to()),
            log_index: log_index.to(),
            transaction_hash,
            transaction_index: transaction_index.to(),
            address: self.address,
            topics: self.topics,
            data: self.data,
        })
    }
}

/// Two logs in one place, or two transactions, cannot both be there, nor one block at two heights; the same log twice can be
/// told twice. The logs are in order.
pub(crate) fn one_in_each_place(logs: &[NodeLog]) -> Result<(), ChainError> {
    let nonsense = |what: &str, log: &NodeLog| {
        let problem = format!("it holds {what} {}", log.block_number);
        Err(ChainError::Nonsense { method: "eth_getLogs", problem })
    };
    let block = |log: &NodeLog| (log.block_number, log.block_hash);
    let transaction = |log: &NodeLog| (log.block_hash, log.transaction_index);
    let mut heights = HashMap::new();
    // Where the places of transactions rise with those of logs, as they do, none comes twice.
    let mut rises = true;
    let mut before: Option<&NodeLog> = None;
    for log in logs {
        let of_same_block = before.filter(|before| block(before) == block(log));
        if let Some(before) = of_same_block {
            if before.log_index == log.log_index && before != log {
                return nonsense("two logs for one place in block", log);
            }
            rises &= before.transaction_index < log.transaction_index
                || (transaction(before), before.transaction_hash)
                    == (transaction(log), log.transaction_hash);
        } else {
            let height = log.block_number;
            match heights.insert(log.block_hash, height) {
                Some(other) if other != height => {
                    return nonsense("a block of another height again, as block", log);
                }
                // Another block of that height came between.
                Some(_) => rises = false,
                None => {}
            }
        }
        before = Some(log);
    }
    if rises {
        return Ok(());
    }
    let mut transactions = HashMap::new();
    for log in logs {
        let hash = log.transaction_hash;
        if transactions.insert(transaction(log), hash).is_some_and(|other| other != hash) {
            return nonsense("two transactions for one place in block", log);
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use alloy::rpc::types;
    use serde_json::{Value, json};

    fn told(log: &Value) -> Result<NodeLog, ChainError> {
        let told: ToldLog = serde_json::from_str(&log.to_string()).unwrap();
        told.checked(None, 0..=u64::MAX)
    }

    fn whole() -> Value {
        json!({
            "address": Address::repeat_byte(1), "topics": [B256::repeat_byte(2), B256::repeat_byte(3)],
            "data": "0x00ff", "blockNumber": "0x10", "blockHash": B256::repeat_byte(4), "blockTimestamp": "0x6500",
            "logIndex": "0x7", "transactionHash": B256::repeat_byte(5), "transactionIndex": "0x8",
            "removed": false, "whatever": {"else": [1, "2"]},
        })
    }

    #[test]
    fn a_log_is_read_as_alloy_reads_it() {
        let mut logs = vec![whole(); 4];
        logs[1]["blockTimestamp"] = Value::Null;
        logs[2].as_object_mut().unwrap().remove("blockTimestamp");
        logs[3]["topics"] = json!([]);
        for log in logs {
            let theirs: types::Log = serde_json::from_value(log.clone()).unwrap();
            let ours = told(&log).unwrap();
            assert_eq!(ours.block_number, theirs.block_number.unwrap());
            assert_eq!(ours.block_hash, theirs.block_hash.unwrap());
            assert_eq!(ours.block_timestamp, theirs.block_timestamp);
            assert_eq!(ours.log_index, theirs.log_index.unwrap());
            assert_eq!(ours.transaction_hash, theirs.transaction_hash.unwrap());
            assert_eq!(ours.transaction_index, theirs.transaction_index.unwrap());
            assert_eq!(ours.address, theirs.address());
            assert_eq!(ours.topics, theirs.topics());
            assert_eq!(ours.data, theirs.data().data);
            let told: ToldLog = serde_json::from_value(log).unwrap();
            assert_eq!(told.in_receipt(), theirs.inner);
        }
    }

    #[test]
    fn a_log_that_lacks_its_place_or_cannot_be_is_not_taken() {
        let place = ["blockNumber", "blockHash", "logIndex", "transactionHash", "transactionIndex"];
        for part in place {
            let (mut without, mut null) = (whole(), whole());
            without.as_object_mut().unwrap().remove(part);
            null[part] = Value::Null;
            assert!(told(&without).is_err() && told(&null).is_err(), "{part}");
        }
        let mut removed = whole();
        removed["removed"] = true.into();
        assert!(told(&removed).is_err());
        let mut many = whole();
        many["topics"] = json!(vec![B256::ZERO; 5]);
        assert!(told(&many).is_err());
    }
    #[test]
    fn what_cannot_both_be_there_is_not_taken() {
        let log = |number: u64, block: u8, transaction: (u64, u8), index: u64| NodeLog {
            block_number: number,
            block_hash: B256::repeat_byte(block),
            log_index: index,
            transaction_index: transaction.0,
            transaction_hash: B256::repeat_byte(transaction.1),
            ..told(&whole()).unwrap()
        };
        let other = NodeLog { data: Bytes::new(), ..log(1, 1, (0, 5), 0) };
        let well = [
            log(1, 1, (0, 5), 0),
            log(1, 1, (0, 5), 0),
            log(1, 1, (1, 6), 1),
            log(2, 2, (0, 7), 0),
        ];
        one_in_each_place(&well).unwrap();
        let wrong = [
            [log(1, 1, (0, 5), 0), other, log(2, 2, (0, 7), 0)],
            [log(1, 1, (0, 5), 0), log(1, 1, (0, 6), 1), log(2, 2, (0, 7), 0)],
            // Not one after the other.
            [log(1, 1, (0, 5), 0), log(1, 1, (1, 6), 1), log(1, 1, (0, 7), 2)],
            [log(1, 1, (0, 5), 0), log(2, 1, (0, 5), 1), log(2, 1, (1, 6), 2)],
            [log(1, 1, (0, 5), 0), log(2, 2, (0, 7), 0), log(3, 1, (1, 6), 0)],
        ];
        for logs in wrong {
            assert!(one_in_each_place(&logs).is_err(), "{logs:?}");
        }
    }
}
