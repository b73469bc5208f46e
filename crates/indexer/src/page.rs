//! One page: the logs of every followed contract in a range of blocks.

use crate::{IndexError, Indexer};
use alloy_primitives::{Address, B256};
use devproof_chain::{ChainError, Node, NodeLog};
use devproof_contracts::{factory_event, kms_event};
use devproof_primitives::{BlockRef, KmsEvent};
use devproof_store::{Backfill, Contract, Gap, Page, RawLog, Role};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};
use tokio::task::JoinSet;

/// How many contracts are looked at at a time: as many as fill a batch of questions while another one is under way.
pub(crate) const LOOKS: usize = 128;

/// Gaps that are filled at a time, in one transaction: as many contracts as go into one question.
const GAPS: usize = 500;

/// The logs of a page, read while the page before it is written.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// Whose logs these are.
    addresses: BTreeSet<Address>,
    /// The block at which the page ends, as it was before the logs were read.
    checkpoint: BlockRef,
    logs: Vec<NodeLog>,
}

impl Ahead {
    /// The logs of some contracts in a range of blocks whose last one the node holds.
    async fn read(
        node: &Node,
        addresses: BTreeSet<Address>,
        first: u64,
        last: u64,
    ) -> Result<Self, IndexError> {
        let checkpoint = held(node, last).await?;
        let asked: Vec<Address> = addresses.iter().copied().collect();
        let logs = node.logs(&asked, first..=last).await?;
        Ok(Self { addresses, checkpoint, logs })
    }
}

/// The node's block with this number, which it must have.
pub(crate) async fn held(node: &Node, number: u64) -> Result<BlockRef, IndexError> {
    Ok(node.block(number).await?.ok_or(ChainError::Moved { number })?)
}

impl Indexer {
    /// Reads and commits the blocks `first..=last` behind `previous`, and remembers the block that the
    /// node calls finalized. Meanwhile reads on, to block `next`; without one this is the newest page, and is compared
    /// with headers. Gives the new checkpoint, the number of logs that are new, and what was read ahead.
    pub(crate) async fn read_page(
        &mut self,
        previous: Option<BlockRef>,
        (first, last, next): (u64, u64, Option<u64>),
        finalized: Option<BlockRef>,
        ahead: Option<Ahead>,
    ) -> Result<(BlockRef, u64, Option<Ahead>), IndexError> {
        let chain_id = self.node.chain_id();
        let known = self.store.contracts(chain_id).await?;
        let mut addresses: BTreeSet<Address> = known.iter().map(|c| c.address).collect();
        // Contracts that came meanwhile, by filling a gap, were not asked for.
        let read = match ahead.filter(|a| a.addresses == addresses && a.checkpoint.number == last) {
            Some(read) => read,
            None => Ahead::read(&self.node, addresses.clone(), first, last).await?,
        };
        let Ahead { checkpoint, mut logs, .. } = read;

        let found = self.named_in(&logs, &known, last).await?;
        let new: Vec<Address> = found.iter().map(|c| c.address).collect();
        logs.extend(self.node.logs(&new, first..=last).await?);

        let mut logs = self.with_times(logs).await?;
        if next.is_none() {
            let addresses: Vec<Address> = addresses.iter().chain(&new).copied().collect();
            let left_out = self.check_against_headers(&logs, &addresses, checkpoint).await?;
            logs.extend(self.with_times(left_out).await?);
        }
        // An answer counts only if the node saw the same chain before and after it gave it: one that
        // has not seen the blocks yet, or is being reorganised, answers with too little.
        for block in previous.iter().chain([&checkpoint]) {
            self.must_hold(*block).await?;
        }
        self.checks.add(&logs);
        let mut blocks = self.returned(first, last).await?;
        // Remembered by its hash, so that its going missing is seen, whatever else is stored around it.
        let indexed = self.options.start_block..=last;
        blocks.extend(finalized.filter(|block| indexed.contains(&block.number)));
        let page = Page {
            chain_id,
            previous: previous.map(|block| block.hash),
            contracts: found,
            blocks,
            logs,
            checkpoint,
        };
        addresses.extend(new);
        // In a task of its own, for to read what a node gave takes as long as to write it; it ends with this one.
        let mut reading_on = JoinSet::new();
        if let Some(next) = next {
            let node = self.node.clone();
            reading_on.spawn(async move { Ahead::read(&node, addresses, last + 1, next).await });
        }
        let committed = self.commit(&page).await?;
        // What goes wrong here goes wrong again when it is needed, or does not matter.
        let ahead = reading_on.join_next().await.and_then(|read| read.ok()?.ok());
        Ok((checkpoint, committed.new_logs, ahead))
    }

    /// Reads what contracts did before they were found. Gives the number of logs that are new.
    pub(crate) async fn fill_gaps(&mut self) -> Result<u64, IndexError> {
        let chain_id = self.node.chain_id();
        let mut new_logs = 0;
        // A gap longer than a page is filled from its upper end down, so ask again until none is left. The highest first:
        // where it comes to the end of another one, they go on together.
        loop {
            let gaps = self.store.gaps(chain_id).await?;
            let status = self.store.chain(chain_id).await?;
            let (Some(to), Some(head)) =
                (gaps.iter().map(|gap| gap.to).max(), status.and_then(|status| status.checkpoint))
            else {
                return Ok(new_logs);
            };
            let highest: Vec<Gap> = gaps.into_iter().filter(|gap| gap.to == to).collect();
            for some in highest.chunks(GAPS) {
                new_logs += self.fill_some(some, to, head).await?;
            }
        }
    }

    /// Fills the upper end of gaps that all end at block `to`.
    async fn fill_some(
        &mut self,
        gaps: &[Gap],
        to: u64,
        head: BlockRef,
    ) -> Result<u64, IndexError> {
        let chain_id = self.node.chain_id();
        let lowest = to.saturating_sub(self.options.page_blocks.get() - 1);
        let Some(first) = gaps.iter().map(|gap| gap.from.max(lowest)).min() else { return Ok(0) };
        let addresses: Vec<Address> = gaps.iter().map(|gap| gap.address).collect();
        // Older facts belong to the chain that the store is on, and no others: a block of another branch
        // would pass for the place where the two part.
        self.must_hold(head).await?;
        let logs = self.node.logs(&addresses, first..=to).await?;
        let known = self.store.contracts(chain_id).await?;
        let found = self.named_in(&logs, &known, to).await?;
        let logs = self.with_times(logs).await?;
        self.must_hold(head).await?;
        // A KMS or factory named late names its apps here. They come first: a crash between the
        // two leaves a gap that is read again.
        for contract in found {
            self.store.upsert_contract(&contract).await?;
        }
        self.checks.add(&logs);
        let mut of_each: BTreeMap<Address, Vec<RawLog>> = BTreeMap::new();
        for log in logs {
            of_each.entry(log.address).or_default().push(log);
        }
        let fill = |gap: &Gap| {
            let from = gap.from.max(lowest);
            let mut logs = of_each.remove(&gap.address).unwrap_or_default();
            logs.retain(|log| log.block.number >= from);
            Backfill { chain_id, address: gap.address, from, to, logs }
        };
        let backfills: Vec<Backfill> = gaps.iter().map(fill).collect();
        let committed = self.commit_backfills(&backfills).await?;
        for (gap, filled) in gaps.iter().zip(&backfills) {
            self.pulse.at_past(gap.address, gap.to, filled.from, gap.from);
        }
        Ok(committed.new_logs)
    }

    /// Reads again what some contracts did in a range of blocks, with the index standing at `head`. Gives the number of
    /// logs that were missing.
    pub(crate) async fn read_again(
        &mut self,
        addresses: &[Address],
        range: RangeInclusive<u64>,
        head: BlockRef,
    ) -> Result<u64, IndexError> {
        let chain_id = self.node.chain_id();
        let known = self.store.contracts(chain_id).await?;
        let mut new_logs = 0;
        let (mut first, end) = range.into_inner();
        while first <= end {
            let last = end.min(first.saturating_add(self.options.page_blocks.get() - 1));
            self.must_hold(head).await?;
            let logs = self.node.logs(addresses, first..=last).await?;
            let contracts = self.named_in(&logs, &known, last).await?;
            let logs = self.with_times(logs).await?;
            self.must_hold(head).await?;
            self.put_foreign_aside(addresses, first..=last, &logs, head).await?;
            let page = Page {
                chain_id,
                previous: Some(head.hash),
                contracts,
                blocks: Vec::new(),
                logs,
                checkpoint: head,
            };
            let found = self.commit(&page).await?.new_logs;
            if found > 0 {
                tracing::warn!(first, last, found, "the node had left logs out");
                self.checks.add(&page.logs);
            }
            new_logs += found;
            first = last.saturating_add(1);
        }
        Ok(new_logs)
    }

    /// Reads the blocks that have become final since they were read for the first time. A backend that has not seen
    /// the newest blocks says that they hold no logs, while another one vouches for their headers; of what is final it
    /// is not so far behind. Histories show what is missing of an app that keeps one, of other contracts only this does.
    pub(crate) async fn read_what_became_final(
        &mut self,
        before: Option<u64>,
        finalized: Option<BlockRef>,
        read_before: u64,
        head: BlockRef,
    ) -> Result<u64, IndexError> {
        let (Some(before), Some(finalized)) = (before, finalized) else { return Ok(0) };
        let first = self.options.start_block.max(before.saturating_add(1));
        let last = finalized.number.min(read_before).min(head.number);
        let known = self.store.contracts(self.node.chain_id()).await?;
        let addresses: Vec<Address> = known.iter().map(|c| c.address).collect();
        self.read_again(&addresses, first..=last, head).await
    }

    /// Blocks of the range that were orphaned once and are on the chain again. One without a log would
    /// not come back by itself.
    async fn returned(&self, first: u64, last: u64) -> Result<Vec<BlockRef>, IndexError> {
        let mut back = Vec::new();
        for block in self.store.orphaned_blocks(self.node.chain_id(), first, last).await? {
            if self.held(block.number).await? == block {
                back.push(block);
            }
        }
        Ok(back)
    }

    /// The node's block with this number, which it must have.
    pub(crate) async fn held(&self, number: u64) -> Result<BlockRef, IndexError> {
        held(&self.node, number).await
    }

    /// Makes sure that a block is still on the node's chain.
    pub(crate) async fn must_hold(&self, block: BlockRef) -> Result<(), IndexError> {
        if self.held(block.number).await? == block {
            return Ok(());
        }
        Err(ChainError::Moved { number: block.number }.into())
    }

    /// The apps that KMS contracts and factories name in these logs, and that are not followed yet or were known from
    /// a later block. Where several name one in a block, it is the one with the lowest address: which of them was read
    /// first must not matter.
    async fn named_in(
        &self,
        logs: &[NodeLog],
        known: &[Contract],
        at: u64,
    ) -> Result<Vec<Contract>, IndexError> {
        // Few of very many: nothing is looked up for each log in all that is followed.
        let name = |c: &&Contract| matches!(c.role, Role::Kms | Role::Factory);
        let who: BTreeMap<Address, &Contract> =
            known.iter().filter(name).map(|c| (c.address, c)).collect();
        let events: Vec<_> =
            logs.iter().filter_map(|log| Some((log, *who.get(&log.address)?))).collect();
        // In the generation before DstackKms the id of an app is no contract; the KMS says which one decides.
        let mut deployed = BTreeMap::new();
        for (log, by) in &events {
            if by.role == Role::Kms
                && let Some(KmsEvent::AppDeployed { app, contract }) =
                    kms_event(&log.topics, &log.data)
            {
                deployed.insert((by.address, app), contract);
            }
        }
        let mut named = BTreeMap::new();
        for (log, by) in events {
            let app = match by.role {
                Role::Kms => match kms_event(&log.topics, &log.data) {
                    Some(KmsEvent::AppRegistered(app)) => {
                        deployed.get(&(by.address, app)).copied().unwrap_or(app)
                    }
                    Some(KmsEvent::AppDeployed { contract, .. }) => contract,
                    _ => continue,
                },
                Role::Factory => match factory_event(&log.topics, &log.data) {
                    Some(event) => event.app,
                    None => continue,
                },
                Role::App | Role::DeletionRegistry => continue,
            };
            let here = (log.block_number, by.address);
            named.entry(app).and_modify(|first| *first = here.min(*first)).or_insert(here);
        }
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let known: BTreeMap<Address, &Contract> = known.iter().map(|c| (c.address, c)).collect();
        named.retain(|app, (block, by)| !is_known(&known, *app, *block, *by));
        // Many at a time: each takes some questions to the node.
        let looked: Vec<Contract> = stream::iter(named.clone())
            .map(|(app, (block, by))| self.identify_once(app, Some(by), block, at))
            .buffered(LOOKS)
            .try_collect()
            .await?;
        let mut found: BTreeMap<Address, Contract> = BTreeMap::new();
        let mut of_today = BTreeSet::new();
        for contract in looked {
            let app = contract.address;
            let Some((block, by)) = named.get(&app).copied() else { continue };
            let is_kms = who.get(&by).is_some_and(|c| c.role == Role::Kms);
            let mut contract = Some(contract);
            if is_kms && contract.as_ref().is_some_and(|c| c.code_hash.is_none()) {
                let controller = match of_today.contains(&by) {
                    true => None,
                    false => self.controller_of(by, app, block, at).await?,
                };
                match controller {
                    Some(it) if is_known(&known, it, block, by) => contract = None,
                    Some(it) => contract = Some(self.identify_once(it, Some(by), block, at).await?),
                    None => {
                        of_today.insert(by);
                    }
                }
            }
            let first = |c: &Contract| (c.found_at, c.named_by);
            if let Some(contract) = contract
                && found.get(&contract.address).is_none_or(|other| first(&contract) < first(other))
            {
                found.insert(contract.address, contract);
            }
        }
        Ok(found.into_values().collect())
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

/// Whether a contract is followed already because of something before this log: the word of the configuration stands,
/// and that of an earlier log.
fn is_known(known: &BTreeMap<Address, &Contract>, app: Address, block: u64, by: Address) -> bool {
    known
        .get(&app)
        .is_some_and(|c| c.named_by.is_none_or(|other| (c.found_at, other) <= (block, by)))
}
