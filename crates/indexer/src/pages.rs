//! Pages of a chain, each the logs of every followed contract in a range of blocks, read while those before them are
//! written.

use crate::{
    IndexError,
    births::{Notes, is_silent},
    listen::{Heard, listen},
    named::by_address,
    page::LOOKS,
    reader::Reader,
    readings::missing,
};
use alloy_primitives::Address;
use devproof_chain::ChainError;
use devproof_contracts::{Code, UPGRADED};
use devproof_primitives::BlockRef;
use devproof_store::{Contract, RawLog};
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
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
    /// Those of them that were created in it.
    pub(crate) newborn: Vec<Address>,
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
    pub(crate) fn page(&self, first: u64, size: PageSize) -> Option<RangeInclusive<u64>> {
        let last = self.last.min(first.saturating_add(size.0.get() - 1));
        (first <= self.last).then_some(first..=last)
    }
}

/// How many blocks a page has, if there are so many: about as many as hold [`LOGS`] logs. In larger pages, one is read while
/// nothing is to be written yet, and one is written while nothing is to be read any more; and whatever a chain is full of,
/// little of it is held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageSize(NonZeroU64);

/// Logs to a page. What a page costs by itself, a transaction and some questions, is little beside them.
const LOGS: u64 = 4_096;

impl PageSize {
    /// The size of the first page: nobody knows yet how much is in it.
    pub(crate) fn first(most: NonZeroU64) -> Self {
        Self::within(most.get() / 8, most)
    }

    /// The size of the page after one of this size, where so many blocks held so many logs: at most twice as large, and
    /// at least half.
    pub(crate) fn after(self, logs: usize, blocks: u64, most: NonZeroU64) -> Self {
        let logs = u64::try_from(logs).unwrap_or(u64::MAX).max(1);
        let wanted = LOGS.saturating_mul(blocks) / logs;
        let now = self.0.get();
        Self::within(wanted.clamp(now / 2, now.saturating_mul(2)), most)
    }

    fn within(blocks: u64, most: NonZeroU64) -> Self {
        Self(NonZeroU64::new(blocks).unwrap_or(NonZeroU64::MIN).min(most))
    }
}

/// Pages as they come. One waits while the one before it is written, and it is asked about the one after it meanwhile; all of
/// that ends when this is dropped.
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
        let (tell, heard) = mpsc::channel(1);
        let mut reading = JoinSet::new();
        let known = by_address(known);
        let followed = known.keys().copied().collect();
        let mut at = At { reader: reader.clone(), stretch, followed, previous, heard };
        reading.spawn(async move {
            if let Err(error) = listen(&reader, known, stretch, &tell).await {
                // Who does not wait any more does not mind.
                let _ = tell.send(Err(error)).await;
            }
        });
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
        while let Some(ended) = self.reading.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                resume_unwind(error.into_panic());
            }
        }
        Ok(None)
    }
}

/// How far reading has come.
struct At {
    reader: Reader,
    stretch: Stretch,
    /// Who is followed.
    followed: BTreeSet<Address>,
    previous: Option<BlockRef>,
    heard: mpsc::Receiver<Result<Heard, IndexError>>,
}

impl At {
    /// Completes the next page; `None` behind the last.
    async fn page(&mut self) -> Result<Option<ReadPage>, IndexError> {
        let Some(heard) = self.heard.recv().await.transpose()? else { return Ok(None) };
        let Heard { page, checkpoint, logs, found, next_size } = heard;
        let (reader, first, last) = (self.reader.clone(), *page.start(), *page.end());
        let newborn =
            found.iter().filter(|it| it.is_newborn).map(|it| it.contract.address).collect();
        let contracts: Vec<Contract> = found.into_iter().map(|it| it.contract).collect();
        let unread: Vec<Contract> =
            contracts.iter().filter(|c| !self.followed.contains(&c.address)).cloned().collect();
        self.followed.extend(contracts.iter().map(|contract| contract.address));

        let mut logs = reader.with_times(logs).await?;
        if last == self.stretch.newest {
            let addresses: Vec<Address> = self.followed.iter().copied().collect();
            let left_out = reader.check_against_headers(&logs, &addresses, checkpoint).await?;
            logs.extend(reader.with_times(left_out).await?);
        }
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
        Ok(Some(ReadPage {
            first,
            previous,
            checkpoint,
            contracts,
            newborn,
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
        apps: &[Contract],
        head: BlockRef,
    ) -> Result<Vec<(Address, Notes)>, IndexError> {
        let mut born: BTreeMap<Address, (&Contract, Vec<RawLog>)> = (apps.iter())
            .filter(|app| is_silent(app) && app.code() != Code::TimelockAppAuth)
            .map(|app| (app.address, (app, Vec::new())))
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
        let sizes = |all: &[usize]| {
            let mut size = PageSize::first(most);
            let next = |logs: &usize| {
                size = size.after(*logs, size.0.get(), most);
                size.0.get()
            };
            all.iter().map(next).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[0, 2_048, 100, 0, 0]), [500, 1_000, 2_000, 2_000, 2_000]);
        assert_eq!(sizes(&[4_096, 8_192, 4_096, usize::MAX]), [250, 125, 125, 62]);
        assert_eq!(sizes(&[3_000, 5_000]), [341, 279]);
        assert_eq!(sizes(&[usize::MAX; 9]).last(), Some(&1), "a page has a block at least");
        assert_eq!(PageSize::first(NonZeroU64::MIN), PageSize(NonZeroU64::MIN));
        let all = PageSize(NonZeroU64::MAX);
        assert_eq!(all.after(0, u64::MAX, NonZeroU64::MAX), all);
        // The last page of a stretch may be short.
        assert_eq!(PageSize(most).after(10, 1, most).0.get(), 1_000);
    }
}
