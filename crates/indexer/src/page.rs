//! Writing what was read: pages, what contracts did before they were found, and what is read again.

use crate::{IndexError, Indexer, births::Notes, named::by_address, pages::ReadPage};
use alloy_primitives::Address;
use devproof_primitives::BlockRef;
use devproof_store::{Backfill, Gap, Page, RawLog};
use std::{collections::BTreeMap, ops::RangeInclusive};

/// How many contracts are looked at at a time: as many as fill a batch of questions while another one is under way.
pub(crate) const LOOKS: usize = 128;

/// Gaps that are filled at a time, in one transaction: as many contracts as go into one question.
const GAPS: usize = 500;

impl Indexer {
    /// Commits a page, and remembers the block that the node calls finalized. Gives the number of logs that are new.
    pub(crate) async fn write_page(
        &mut self,
        read: ReadPage,
        finalized: Option<BlockRef>,
    ) -> Result<u64, IndexError> {
        let chain_id = self.node.chain_id();
        let ReadPage { first, previous, checkpoint, contracts, newborn, logs, births, .. } = read;
        self.checks.add(&logs);
        let mut blocks = self.returned(first, checkpoint.number).await?;
        // Remembered by its hash, so that its going missing is seen, whatever else is stored around it.
        let indexed = self.options.start_block..=checkpoint.number;
        blocks.extend(finalized.filter(|block| indexed.contains(&block.number)));
        let previous = previous.map(|block| block.hash);
        let of_each = |(app, notes): &(Address, Notes)| {
            let app = *app;
            notes.readings.clone().into_iter().map(move |reading| (app, reading))
        };
        let readings = births.iter().flat_map(of_each).collect();
        let page =
            Page { chain_id, previous, contracts, blocks, logs, readings, newborn, checkpoint };
        let committed = self.commit(&page).await?;
        for (app, notes) in &births {
            self.checks.was_born(*app, notes);
        }
        Ok(committed.new_logs)
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
        self.reader.must_hold(head).await?;
        let logs = self.node.logs(&addresses, first..=to).await?;
        let known = by_address(self.store.contracts(chain_id).await?);
        let found = self.reader.named_in(&logs, &known, to).await?;
        let logs = self.reader.with_times(logs).await?;
        self.reader.must_hold(head).await?;
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
        let known = by_address(self.store.contracts(chain_id).await?);
        let mut new_logs = 0;
        let (mut first, end) = range.into_inner();
        while first <= end {
            let last = end.min(first.saturating_add(self.options.page_blocks.get() - 1));
            self.reader.must_hold(head).await?;
            let logs = self.node.logs(addresses, first..=last).await?;
            let contracts = self.reader.named_in(&logs, &known, last).await?;
            let logs = self.reader.with_times(logs).await?;
            self.reader.must_hold(head).await?;
            self.put_foreign_aside(addresses, first..=last, &logs, head).await?;
            let page = Page {
                chain_id,
                previous: Some(head.hash),
                contracts,
                blocks: Vec::new(),
                logs,
                readings: Vec::new(),
                newborn: Vec::new(),
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
            if self.reader.held(block.number).await? == block {
                back.push(block);
            }
        }
        Ok(back)
    }
}
