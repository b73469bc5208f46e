//! Follows chains into the store.
//!
//! One loop: see whether the chain still holds what was indexed last, go back to where it does, and go
//! forward a page at a time to the node's head. A page is written, and the checkpoint moved, in one
//! transaction, and only if the node held the same chain before and after it was read. A process that
//! dies anywhere continues where the last transaction ended.
//!
//! What is read while it is new is read once more when it is final: of several backends behind one URL, one that lags
//! may have said that the newest blocks hold nothing.
//!
//! A node that leaves out the last events of an app leaves a history that still adds up. So at the head the
//! history of an app that keeps one is compared with the root in its contract, and only up to there does the
//! store call it verified.

mod births;
mod error;
mod follow;
mod fsck;
mod identify;
mod legacy;
mod listen;
mod metrics;
mod named;
mod page;
mod pages;
mod pulse;
mod reader;
mod readings;
mod refute;
mod registries;
mod reorg;
mod verify;

pub use error::IndexError;
pub use fsck::{Difference, Findings, Kind, fsck};
use pages::{PageSize, Pages, Stretch};
pub use pulse::{BLOCK_TIME_SAMPLE, Pulse, Readiness, Reason, Stage, block_time, stored_readiness};
use reader::Reader;
use registries::Registries;
use verify::Checks;

use alloy_primitives::Address;
use devproof_chain::Node;
use devproof_primitives::BlockRef;
use devproof_store::{Contract, Role, Store, Tags};
use std::{
    num::NonZeroU64,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The contracts that are followed because the configuration names them. Apps are also found by what
/// the KMS contracts and factories among them say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// DstackKms contracts.
    pub kms: Vec<Address>,
    /// AppAuthFactory contracts.
    pub factories: Vec<Address>,
    /// DeletionRegistry contracts.
    pub registries: Vec<Address>,
    /// Apps.
    pub apps: Vec<Address>,
}

impl Sources {
    fn roles(&self) -> impl Iterator<Item = (Role, Address)> + '_ {
        let of = |role, list: &[Address]| list.iter().map(move |a| (role, *a)).collect::<Vec<_>>();
        of(Role::Kms, &self.kms)
            .into_iter()
            .chain(of(Role::Factory, &self.factories))
            .chain(of(Role::DeletionRegistry, &self.registries))
            .chain(of(Role::App, &self.apps))
    }
}

/// How a chain is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What is followed.
    pub sources: Sources,
    /// The first block that is read; nothing before it is known.
    pub start_block: u64,
    /// Time between two looks at the head.
    pub poll_interval: Duration,
    /// The most blocks that are read and committed at a time; fewer, where they hold much. A node that takes fewer says so,
    /// and gets fewer.
    pub page_blocks: NonZeroU64,
    /// How long a node that knows less than the index, and nothing else, is taken for one that lags. After
    /// that its chain is taken to be shorter now.
    pub lag_patience: Duration,
}

/// How far a run has come, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The block before the first one of this run.
    pub from: u64,
    /// The last block that is indexed.
    pub done: u64,
    /// The block this run goes to.
    pub head: u64,
    /// Logs found by this run.
    pub logs: u64,
}

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Blocks scanned.
    pub blocks: u64,
    /// Logs found that the store did not hold.
    pub logs: u64,
    /// Blocks that were reorganised away since the last run.
    pub orphaned_blocks: u64,
    /// Logs in them.
    pub orphaned_logs: u64,
    /// Where the index stands.
    pub head: BlockRef,
}

/// The most blocks in one page unless the options say otherwise: what hosted nodes take without complaint.
pub const DEFAULT_PAGE_BLOCKS: NonZeroU64 = NonZeroU64::new(2_000).unwrap();

/// Pages of the most blocks after which the past of contracts that were found in them is filled in. More at a time are filled together, from
/// the newest block down; and nobody shall wait for an app until a long run is at its end.
const PAGES_PER_PAST: u64 = 16;

/// How long a lag is waited for unless the options say otherwise: a backend that is minutes behind is not a
/// chain that was cut.
pub const DEFAULT_LAG_PATIENCE: Duration = Duration::from_secs(300);

/// Follows one chain into a store.
#[derive(Debug)]
pub struct Indexer {
    node: Node,
    store: Store,
    options: Options,
    checks: Checks,
    pulse: Pulse,
    reader: Reader,
    registries: Registries,
    /// The highest block that the node called final to this process. The store knows it once all below it is indexed.
    finalized: Option<BlockRef>,
}

impl Indexer {
    /// Prepares the store for the node's chain and names the configured contracts in it.
    ///
    /// # Errors
    /// What the store or the node says; [`IndexError::StartAfterHead`].
    pub async fn new(node: Node, store: Store, options: Options) -> Result<Self, IndexError> {
        let chain_id = node.chain_id();
        let status = store.ensure_chain(chain_id, options.start_block).await?;
        let head = node.heads().await?.latest;
        if options.start_block > head.number {
            return Err(IndexError::StartAfterHead {
                start: options.start_block,
                head: head.number,
            });
        }
        let found_at = status.checkpoint.map_or(head.number, |block| block.number.min(head.number));
        let known = store.contracts(chain_id).await?;
        let (checks, pulse) = (Checks::default(), Pulse::default());
        let (start_block, looks) = (options.start_block, Arc::default());
        let reader = Reader { node: node.clone(), looks, start_block };
        let registries = Registries::default();
        let indexer =
            Self { node, reader, store, options, checks, pulse, registries, finalized: None };
        for (role, address) in indexer.options.sources.roles() {
            let is_known = |c: &Contract| c.address == address && c.named_by.is_none();
            if !known.iter().any(is_known) {
                let contract = indexer.reader.identify(address, role, None, found_at).await?;
                indexer.store.upsert_contract(&contract).await?;
            }
        }
        Ok(indexer)
    }

    /// Tells how it is doing here, instead of where nobody looks.
    #[must_use]
    pub fn with_pulse(self, pulse: Pulse) -> Self {
        pulse.polls_every(self.options.poll_interval);
        Self { pulse, ..self }
    }

    /// How it is doing.
    #[must_use]
    pub const fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Indexes up to the node's head and returns. `progress` is told after every page.
    ///
    /// # Errors
    /// What the store or the node says, or that the two contradict each other. What was committed
    /// before stands, and the next run goes on from there.
    pub async fn catch_up(
        &mut self,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Report, IndexError> {
        let caught_up = self.catch_up_once(progress).await;
        if let Err(error) = &caught_up {
            self.pulse.failed(error);
        }
        caught_up
    }

    async fn catch_up_once(
        &mut self,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Report, IndexError> {
        self.reader.looks.forget();
        let (looked, heads) = self.heads_not_behind().await?;
        let chain_id = self.node.chain_id();
        let rewound = self.go_back_to_the_chain(&heads).await?;
        self.remember_final(heads.finalized);
        let status = self.store.ensure_chain(chain_id, self.options.start_block).await?;
        let mut done = status.checkpoint;
        if rewound.orphaned_blocks > 0 {
            self.checks.rewound();
        }
        if done.is_none() && self.checks.is_first() && rewound.orphaned_blocks == 0 {
            self.checks.begin_with_nothing();
        }
        let from = done.map_or(status.start_block.saturating_sub(1), |block| block.number);
        let mut logs = 0;
        let (most, newest) = (self.options.page_blocks, heads.latest.number);
        let mut size = PageSize::first(most);
        while done.is_none_or(|block| block.number < newest) {
            let first = done.map_or(status.start_block, |block| block.number + 1);
            let blocks = most.get().saturating_mul(PAGES_PER_PAST);
            let last = newest.min(first.saturating_add(blocks - 1));
            let known = self.store.contracts(chain_id).await?;
            let finalized = heads.finalized;
            let stretch = Stretch { first, last, most, size, newest, finalized };
            let mut pages = Pages::read(self.reader.clone(), known, done, stretch);
            while let Some(page) = pages.next().await? {
                let checkpoint = page.checkpoint;
                size = page.next_size;
                logs += self.write_page(page, heads.finalized).await?;
                done = Some(checkpoint);
                if checkpoint.number == last {
                    logs += self.fill_gaps().await?;
                }
                progress(Progress { from, done: checkpoint.number, head: newest, logs });
                self.pulse.at(Stage::Blocks { from, done: checkpoint.number, to: newest });
            }
        }
        let head = done.ok_or(IndexError::NothingIndexed)?;
        let final_before = status.tags.and_then(|tags| tags.finalized);
        logs += self.read_what_became_final(final_before, heads.finalized, from, head).await?;
        logs += self.fill_gaps().await?;
        self.identify_the_born(head).await?;
        self.read_what_is_not_said(head, rewound.orphaned_blocks > 0).await?;
        self.check_histories(head).await?;
        // Last, so that nobody is told of a head that is not indexed yet.
        let tags = Tags {
            head: heads.latest,
            safe: heads.safe.map(|block| block.number),
            finalized: heads.finalized.map(|block| block.number),
            polled_at: now(),
        };
        self.store.set_tags(chain_id, &tags).await?;
        let below = heads.latest.number.saturating_add(1);
        let newest = self.store.canonical_blocks_below(chain_id, below, BLOCK_TIME_SAMPLE).await?;
        self.pulse.beat(looked, heads, head, block_time(&newest));
        Ok(Report {
            blocks: head.number.saturating_sub(from),
            logs,
            orphaned_blocks: rewound.orphaned_blocks,
            orphaned_logs: rewound.orphaned_logs,
            head,
        })
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs())
}
