//! Pages of a chain, each the logs of every followed contract in a range of blocks, read while those before them are
//! written.

use crate::{
    IndexError,
    births::{Notes, is_silent},
    named::{Named, by_address},
    page::LOOKS,
    reader::Reader,
    readings::missing,
};
use alloy_primitives::Address;
use devproof_chain::{ChainError, NodeLog};
use devproof_contracts::{Code, UPGRADED};
use devproof_primitives::BlockRef;
use devproof_store::{Contract, RawLog};
use futures::{
    StreamExt as _, TryStreamExt as _,
    future::{try_join, try_join_all},
    stream,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
    ops::RangeInclusive,
    panic::resume_unwind,
};
use tokio::{sync::mpsc, task::JoinSet};

/// A page as it was read: the node held `previous` and `checkpoint` before and after.
#[derive(Debug)]
pub(crate) struct ReadPage {
    /// The first block of it.
    pub(crate) first: u64,
    /// The block before it, if that was read too.
    pub(crate) previous: Option<BlockRef>,
    /// The last block of it.
    pub(crate) checkpoint: BlockRef,
    /// Contracts that were named in it, and not followed before.
    pub(crate) contracts: Vec<Contract>,
    /// What followed contracts said, and what these did.
    pub(crate) logs: Vec<RawLog>,
    /// How many blocks the page after it has.
    pub(crate) next_size: PageSize,
    /// What those of them were born with that were created in the block in which they were named.
    pub(crate) births: Vec<(Address, Notes)>,
}

/// What is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// The first block.
    pub(crate) first: u64,
    /// The last block.
    pub(crate) last: u64,
    /// The most blocks in a page.
    pub(crate) most: NonZeroU64,
    /// How many the first page has.
    pub(crate) size: PageSize,
    /// The newest block of the chain: the page that ends there is compared with headers.
    pub(crate) newest: u64,
    /// What the node called final before anything was read.
    pub(crate) finalized: Option<BlockRef>,
}

impl Stretch {
    /// The page that begins with this block; `None` behind the last.
    fn page(&self, first: u64, size: PageSize) -> Option<RangeInclusive<u64>> {
        let last = self.last.min(first.saturating_add(size.0.min(self.most).get() - 1));
        (first <= self.last).then_some(first..=last)
    }
}

/// How many blocks a page has, if there are so many: about as many as hold [`LOGS`] logs. In larger pages, one is read while
/// nothing is to be written yet, and one is written while nothing is to be read any more; and whatever a chain is full of,
/// little of it is held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageSize(NonZeroU64);

/// Logs to a page. What a page costs by itself, a transaction and some questions, is little beside them.
const LOGS: usize = 4_096;

impl PageSize {
    /// The size of the first page: nobody knows yet how much is in it.
    pub(crate) fn first(most: NonZeroU64) -> Self {
        Self(NonZeroU64::new(most.get() / 8).unwrap_or(NonZeroU64::MIN))
    }

    /// The size after a page of this one with so many logs.
    fn after(self, logs: usize, most: NonZeroU64) -> Self {
        let blocks = self.0.get();
        let next = match logs {
            few if few < LOGS / 2 => blocks.saturating_mul(2).min(most.get()),
            many if many > LOGS * 2 => blocks / 2,
            _ => blocks,
        };
        Self(NonZeroU64::new(next).unwrap_or(NonZeroU64::MIN))
    }
}

/// Pages as they come. One waits while the one before it is written, and the logs of the one after it are read meanwhile;
/// all of that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Pages {
    read: mpsc::Receiver<Result<ReadPage, IndexError>>,
    reading: JoinSet<()>,
}

impl Pages {
    /// Begins to read behind block `previous`, with these contracts followed.
    pub(crate) fn read(
        reader: Reader,
        known: Vec<Contract>,
        previous: Option<BlockRef>,
        stretch: Stretch,
    ) -> Self {
        let (to, read) = mpsc::channel(1);
        let mut reading = JoinSet::new();
        let mut at = At {
            reader,
            stretch,
            known: by_address(known),
            previous,
            size: stretch.size,
            next: stretch.page(stretch.first, stretch.size),
            ahead: JoinSet::new(),
        };
        reading.spawn(async move {
            // Not before there is room: a page may be large.
            while let Ok(room) = to.reserve().await {
                match at.page().await {
                    Ok(Some(page)) => room.send(Ok(page)),
                    Ok(None) => return,
                    Err(error) => return room.send(Err(error)),
                }
            }
        });
        Self { read, reading }
    }

    /// The next page; `None` behind the last.
    ///
    /// # Errors
    /// What the node says. There is no page behind one that could not be read.
    pub(crate) async fn next(&mut self) -> Result<Option<ReadPage>, IndexError> {
        if let Some(page) = self.read.recv().await {
            return page.map(Some);
        }
        match self.reading.join_next().await {
            Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
            _ => Ok(None),
        }
    }
}

/// The logs of a page, read while the page before it is.
#[derive(Debug)]
struct Ahead {
    /// Whose logs these are.
    addresses: BTreeSet<Address>,
    /// The block at which the page ends, as it was before the logs were read.
    checkpoint: BlockRef,
    logs: Vec<NodeLog>,
}

impl Ahead {
    async fn read(
        reader: Reader,
        addresses: BTreeSet<Address>,
        page: RangeInclusive<u64>,
    ) -> Result<Self, IndexError> {
        let checkpoint = reader.held(*page.end()).await?;
        let asked: Vec<Address> = addresses.iter().copied().collect();
        let logs = reader.node.logs(&asked, page).await?;
        Ok(Self { addresses, checkpoint, logs })
    }
}

/// How far reading has come.
struct At {
    reader: Reader,
    stretch: Stretch,
    known: BTreeMap<Address, Contract>,
    previous: Option<BlockRef>,
    size: PageSize,
    /// The page that comes next.
    next: Option<RangeInclusive<u64>>,
    /// Its logs, if they are being read.
    ahead: JoinSet<Result<Ahead, IndexError>>,
}

impl At {
    /// Reads the next page; `None` behind the last.
    async fn page(&mut self) -> Result<Option<ReadPage>, IndexError> {
        let Some(page) = self.next.clone() else { return Ok(None) };
        let (reader, first, last) = (self.reader.clone(), *page.start(), *page.end());
        let followed: BTreeSet<Address> = self.known.keys().copied().collect();
        let Ahead { addresses, checkpoint, mut logs } = match self.ahead.join_next().await {
            Some(Ok(Ok(ahead))) => ahead,
            // What went wrong goes wrong again, or did not matter.
            _ => Ahead::read(reader.clone(), followed.clone(), page.clone()).await?,
        };
        // As far as it can be told: of contracts that are found in it, it is not known yet.
        self.size = self.size.after(logs.len(), self.stretch.most);
        self.next = last.checked_add(1).and_then(|next| self.stretch.page(next, self.size));
        if let Some(next) = self.next.clone() {
            self.ahead.spawn(Ahead::read(reader.clone(), followed.clone(), next));
        }
        let named = Named::in_logs(&logs, &self.known);
        // Contracts that were found in the page before were not asked for yet. They are apps, which name nobody; nor does what
        // is named here.
        let late = followed.difference(&addresses).copied();
        let mut more: BTreeSet<Address> = late.chain(named.addresses()).collect();
        let asked: Vec<Address> = more.iter().copied().collect();
        let (found, said) = try_join(reader.find(named, &self.known, last), async {
            Ok(reader.node.logs(&asked, page.clone()).await?)
        })
        .await?;
        let new: BTreeSet<Address> = found.iter().map(|c| c.address).collect();
        // What is an id and no contract is not followed; what decides for it is.
        more.retain(|address| followed.contains(address) || new.contains(address));
        logs.extend(said.into_iter().filter(|log| more.contains(&log.address)));
        let rest: Vec<Address> = new.difference(&more).copied().collect();
        logs.extend(reader.node.logs(&rest, page).await?);

        let mut logs = reader.with_times(logs).await?;
        if last == self.stretch.newest {
            let addresses: Vec<Address> = followed.union(&new).copied().collect();
            let left_out = reader.check_against_headers(&logs, &addresses, checkpoint).await?;
            logs.extend(reader.with_times(left_out).await?);
        }
        let unread: Vec<&Contract> =
            found.iter().filter(|c| !self.known.contains_key(&c.address)).collect();
        let births = reader.births_in(&logs, &unread, checkpoint).await?;
        // An answer counts only if the node saw the same chain before and after it gave it: one that
        // has not seen the blocks yet, or is being reorganised, answers with too little.
        let previous = self.previous.replace(checkpoint);
        let finalized = self.stretch.finalized.filter(|block| block.number <= last);
        // What is final first: where that is gone, so is what is above it, and that alone would be no alarm.
        let all: Vec<BlockRef> =
            finalized.into_iter().chain(previous).chain([checkpoint]).collect();
        let held = try_join_all(all.iter().map(|block| reader.holds(*block))).await?;
        if let Some((gone, _)) = all.iter().zip(held).find(|(_, held)| !held) {
            return Err(match finalized {
                Some(block) if block == *gone => {
                    IndexError::FinalizedReorg { finalized: block.number }
                }
                _ => ChainError::Moved { number: gone.number }.into(),
            });
        }
        self.known.extend(found.iter().map(|contract| (contract.address, contract.clone())));
        let next_size = self.size;
        Ok(Some(ReadPage {
            first,
            previous,
            checkpoint,
            contracts: found,
            logs,
            next_size,
            births,
        }))
    }
}

impl Reader {
    /// What apps were born with that came in the block of a page in which they were named, and spoke there, and which code
    /// that was. Of others more has to be known than one page.
    async fn births_in(
        &self,
        logs: &[RawLog],
        apps: &[&Contract],
        head: BlockRef,
    ) -> Result<Vec<(Address, Notes)>, IndexError> {
        let mut born: BTreeMap<Address, (&Contract, Vec<RawLog>)> = (apps.iter())
            .filter(|app| is_silent(app) && app.code() != Code::TimelockAppAuth)
            .map(|app| (app.address, (*app, Vec::new())))
            .collect();
        for log in logs {
            if let Some((app, said)) = born.get_mut(&log.address)
                && log.block.number == app.found_at
            {
                said.push(log.clone());
            }
        }
        born.retain(|_, (_, said)| !said.is_empty());
        let born: Vec<_> = born.into_values().map(|(app, said)| (app.clone(), said)).collect();
        let notes: Vec<Option<(Address, Notes)>> = stream::iter(born)
            .map(|(app, said)| async move {
                let mut notes = match self.notes_at_birth(&app, &said, head).await {
                    Ok(notes) => notes,
                    // Tried again, and then read of the newest state, when all else was read.
                    Err(IndexError::Chain(error)) if missing(&error) => return Ok(None),
                    Err(error) => return Err(error),
                };
                // A proxy says so of its first code too.
                let is_upgrade = |log: &RawLog| log.topics.first() == Some(&UPGRADED);
                if notes.block.number == app.found_at
                    && said.iter().any(is_upgrade)
                    && let Some((identity, _)) = self.looks.get(app.address, app.found_at)
                {
                    notes.code(&identity);
                }
                Ok(Some((app.address, notes)))
            })
            .buffered(LOOKS)
            .try_collect()
            .await?;
        Ok(notes.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_where_little_is_and_shrink_where_much_is() {
        let most = NonZeroU64::new(2_000).unwrap_or(NonZeroU64::MIN);
        let blocks =
            |sizes: Vec<PageSize>| sizes.iter().map(|size| size.0.get()).collect::<Vec<_>>();
        let after = |mut size: PageSize, logs: &[usize]| {
            let next = |logs: &usize| {
                size = size.after(*logs, most);
                size
            };
            blocks(logs.iter().map(next).collect())
        };
        let first = PageSize::first(most);
        assert_eq!(after(first, &[0, 2_047, 100, 0, 0]), [500, 1_000, 2_000, 2_000, 2_000]);
        assert_eq!(after(first, &[2_048, 8_192, 8_193, usize::MAX]), [250, 250, 125, 62]);
        assert_eq!(after(first, &[usize::MAX; 9]).last(), Some(&1), "a page has a block at least");
        assert_eq!(PageSize::first(NonZeroU64::MIN), PageSize(NonZeroU64::MIN));
        assert_eq!(PageSize(NonZeroU64::MAX).after(0, NonZeroU64::MAX), PageSize(NonZeroU64::MAX));
    }
}
