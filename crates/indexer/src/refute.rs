//! Logs that the chain does not have, and logs that it has and a node left out: what headers, receipts and history
//! roots say about them.

use crate::{IndexError, Indexer, reader::Reader, verify::HISTORY_ROOT_SLOT};
use alloy_primitives::Address;
use devproof_chain::{ChainError, NodeLog};
use devproof_primitives::BlockRef;
use devproof_store::{AppState, Contract, RawLog};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

/// The most headers that are asked for to check one page of logs: those of the newest blocks that carry some. What is
/// older is read again when it is final, or checked by its history.
const MOST_HEADERS: usize = 64;

/// Bits of a bloom filter above which it rather says yes to everything: half of them.
const SATURATED: u32 = 1024;

fn as_given(log: &RawLog) -> NodeLog {
    NodeLog {
        block_number: log.block.number,
        block_hash: log.block.hash,
        block_timestamp: None,
        log_index: log.log_index,
        transaction_hash: log.tx_hash,
        transaction_index: log.tx_index,
        address: log.address,
        topics: log.topics.clone(),
        data: log.data.clone(),
    }
}

/// Whether two logs are one, whatever else the node said along with them.
fn same(a: &NodeLog, b: &NodeLog) -> bool {
    let time = |log: &NodeLog| NodeLog { block_timestamp: None, ..log.clone() };
    time(a) == time(b)
}

impl Reader {
    /// Makes sure that the newest logs of a page do not contradict the headers of their blocks, and that the page's last
    /// block is not empty only because a node left out what it holds. Gives what was left out.
    pub(crate) async fn check_against_headers(
        &self,
        logs: &[RawLog],
        addresses: &[Address],
        checkpoint: BlockRef,
    ) -> Result<Vec<NodeLog>, IndexError> {
        let blocks: BTreeSet<u64> = logs.iter().map(|log| log.block.number).collect();
        let newest: Vec<u64> = blocks.iter().rev().take(MOST_HEADERS).copied().collect();
        let mut headers = stream::iter(newest)
            .map(|number| async move { Ok::<_, IndexError>((number, self.header(number).await?)) })
            .buffered(MOST_HEADERS);
        while let Some((number, header)) = headers.try_next().await? {
            let here = logs.iter().filter(|log| log.block.number == number);
            if here.clone().any(|log| log.block.hash != header.block.hash) {
                return Err(ChainError::Moved { number }.into());
            }
            if let Some(log) = here.map(as_given).find(|log| !header.admits(log)) {
                let problem = format!(
                    "block {number} cannot hold log {} of {}, by its header",
                    log.log_index, log.address
                );
                return Err(ChainError::Nonsense { method: "eth_getLogs", problem }.into());
            }
        }
        if blocks.contains(&checkpoint.number) {
            return Ok(Vec::new());
        }
        let bloom = self.header(checkpoint.number).await?.logs_bloom;
        let bits: u32 = bloom.iter().map(|byte| byte.count_ones()).sum();
        let claimed = bits <= SATURATED
            && addresses.iter().any(|address| bloom.contains_raw_log(*address, &[]));
        if !claimed {
            return Ok(Vec::new());
        }
        tracing::debug!(block = checkpoint.number, "its header claims a log that did not come");
        let number = checkpoint.number;
        Ok(self.node.turned().logs(addresses, number..=number).await?)
    }
}

impl Indexer {
    /// Puts aside what the store holds of some contracts in a range and the node does not give any more, where the header
    /// of the block or its receipts show that the chain does not have it; or where it stands in the place of another
    /// log, of which the node says the same when asked once more. What nothing refutes stays.
    pub(crate) async fn put_foreign_aside(
        &self,
        addresses: &[Address],
        range: RangeInclusive<u64>,
        fresh: &[RawLog],
        head: BlockRef,
    ) -> Result<(), IndexError> {
        let chain_id = self.node.chain_id();
        let (from, to) = range.into_inner();
        let place = |log: &RawLog| (log.block.number, log.log_index);
        let given: BTreeMap<_, _> = fresh.iter().map(|log| (place(log), log)).collect();
        let mut foreign: BTreeMap<u64, Vec<RawLog>> = BTreeMap::new();
        for log in self.store.logs_between(chain_id, from, to).await? {
            if addresses.contains(&log.address) && given.get(&place(&log)) != Some(&&log) {
                foreign.entry(log.block.number).or_default().push(log);
            }
        }
        for (number, logs) in foreign {
            let header = self.reader.header(number).await?;
            let mut receipts = None;
            for log in logs {
                if header.block != log.block {
                    return Err(ChainError::Moved { number }.into());
                }
                let claim = as_given(&log);
                let why = if !header.proved || header.admits(&claim) {
                    if receipts.is_none() {
                        let all = self.node.proved_logs(&header).await?;
                        receipts = Some(all.filter(|_| header.proved));
                    }
                    match &receipts {
                        Some(Some(all)) if all.iter().any(|log| same(log, &claim)) => {
                            tracing::warn!(block = number, "the node left out a log that it has");
                            continue;
                        }
                        Some(Some(_)) => "the receipts of its block",
                        _ => match given.get(&place(&log)) {
                            Some(other) if self.is_given_again(other).await? => {
                                "another log in its place"
                            }
                            _ => continue,
                        },
                    }
                } else {
                    "the header of its block"
                };
                tracing::warn!(app = %log.address, block = number, why, "a log is refuted");
                self.reader.must_hold(head).await?;
                self.store.refute(chain_id, &[log], why, &head).await?;
            }
        }
        Ok(())
    }

    async fn is_given_again(&self, log: &RawLog) -> Result<bool, IndexError> {
        let number = log.block.number;
        let again = self.node.turned().logs(&[log.address], number..=number).await?;
        Ok(again.iter().any(|other| same(other, &as_given(log))))
    }

    /// Mends the history of an app that does not add up because of logs that are not its own: if without them it leads to
    /// the root in the contract, that root refutes them. Says whether there were any.
    pub(crate) async fn put_foreign_history_aside(
        &self,
        contract: &Contract,
        head: BlockRef,
    ) -> Result<bool, IndexError> {
        let (chain_id, app) = (self.node.chain_id(), contract.address);
        let mut fresh = Vec::new();
        let mut first = self.options.start_block;
        self.reader.must_hold(head).await?;
        while first <= head.number {
            let last = head.number.min(first.saturating_add(self.options.page_blocks.get() - 1));
            let logs = self.node.logs(&[app], first..=last).await?;
            fresh.extend(self.reader.with_times(logs).await?);
            first = last.saturating_add(1);
        }
        let stored = self.store.logs(chain_id, &[app], head.number).await?;
        let place = |log: &RawLog| (log.block.number, log.log_index);
        let given: BTreeMap<_, _> = fresh.iter().map(|log| (place(log), log)).collect();
        let foreign: Vec<RawLog> =
            stored.into_iter().filter(|log| given.get(&place(log)) != Some(&log)).collect();
        if foreign.is_empty() {
            return Ok(false);
        }
        let mut state = AppState::new(contract);
        if fresh.iter().any(|log| state.apply(log).is_err()) {
            return Ok(false);
        }
        let root = self.node.storage(app, HISTORY_ROOT_SLOT, head.number).await?;
        self.reader.must_hold(head).await?;
        if state.policy.history_root() != Some(root) {
            return Ok(false);
        }
        let why = "the history root of its contract";
        tracing::warn!(%app, logs = foreign.len(), why, "logs are refuted");
        self.store.refute(chain_id, &foreign, why, &head).await?;
        Ok(true)
    }
}
