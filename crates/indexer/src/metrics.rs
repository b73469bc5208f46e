//! What is counted, and what can be read off at any moment.

use crate::{IndexError, Indexer, Pulse, pulse::age};
use devproof_primitives::BlockRef;
use devproof_store::{Backfill, Committed, Page, Rewound, StoreError};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::ConstGauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use std::{fmt, time::Instant};

/// What happened since the process began.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    pub(crate) polls: Counter,
    pub(crate) takeovers: Counter,
    errors: Family<Kind, Counter>,
    reorgs: Counter,
    orphaned_blocks: Counter,
    orphaned_logs: Counter,
    root_mismatches: Counter,
    pages: Counter,
    logs: Counter,
    commit_seconds: Histogram,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            polls: Counter::default(),
            takeovers: Counter::default(),
            errors: Family::default(),
            reorgs: Counter::default(),
            orphaned_blocks: Counter::default(),
            orphaned_logs: Counter::default(),
            root_mismatches: Counter::default(),
            pages: Counter::default(),
            logs: Counter::default(),
            // From half a millisecond, an empty page on a fast disk, to 16 seconds, which is a disk in trouble.
            commit_seconds: Histogram::new(exponential_buckets(0.0005, 2.0, 16)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

impl Counts {
    pub(crate) fn failed(&self, error: &IndexError) {
        let kind = match error {
            IndexError::Chain(error) => match error {
                devproof_chain::ChainError::Unreachable { .. } => "unreachable",
                devproof_chain::ChainError::Refused { .. } => "refused",
                devproof_chain::ChainError::Moved { .. } => "moved",
                devproof_chain::ChainError::Disagreement { .. } => "disagreement",
                _ => "nonsense",
            },
            IndexError::Store(StoreError::WriterLost { .. }) => "writer_lost",
            IndexError::Store(_) => "database",
            IndexError::Behind { .. } => "behind",
            IndexError::FinalizedReorg { .. } => "finalized_reorg",
            IndexError::History { .. } | IndexError::Root { .. } => "history",
            IndexError::StartAfterHead { .. } | IndexError::NothingIndexed => "nothing_to_index",
        };
        self.errors.get_or_create(&Kind { kind }).inc();
    }

    pub(crate) fn rewound(&self, rewound: &Rewound) {
        self.reorgs.inc();
        self.orphaned_blocks.inc_by(rewound.orphaned_blocks);
        self.orphaned_logs.inc_by(rewound.orphaned_logs);
    }

    pub(crate) fn root_mismatch(&self) {
        self.root_mismatches.inc();
    }

    fn committed(&self, began: Instant, committed: Committed) {
        self.pages.inc();
        self.logs.inc_by(committed.new_logs);
        self.commit_seconds.observe(began.elapsed().as_secs_f64());
    }
}

impl Indexer {
    /// Commits a page, and counts it.
    pub(crate) async fn commit(&self, page: &Page) -> Result<Committed, StoreError> {
        let began = Instant::now();
        let committed = self.store.commit(page).await?;
        self.pulse.counts.committed(began, committed);
        Ok(committed)
    }

    /// Commits a piece of the past of some contracts, and counts it.
    pub(crate) async fn commit_backfills(
        &self,
        backfills: &[Backfill],
    ) -> Result<Committed, StoreError> {
        let began = Instant::now();
        let committed = self.store.commit_backfills(self.node.chain_id(), backfills).await?;
        self.pulse.counts.committed(began, committed);
        Ok(committed)
    }
}

impl Pulse {
    /// Adds everything there is to a registry. With several chains each needs one with a label of its own.
    pub fn register(&self, registry: &mut Registry) {
        let counts = self.counts.clone();
        registry.register("polls", "Looks at the chain that ended at its head", counts.polls);
        registry.register(
            "takeovers",
            "Times that this process became the writer after standing by",
            counts.takeovers,
        );
        registry.register("index_errors", "Looks at the chain that failed, by kind", counts.errors);
        registry.register("reorgs", "Times that the chain left what was indexed", counts.reorgs);
        registry.register("orphaned_blocks", "Blocks put aside in reorgs", counts.orphaned_blocks);
        registry.register("orphaned_logs", "Logs in those blocks", counts.orphaned_logs);
        registry.register(
            "root_mismatches",
            "Times that the events of an app did not lead to the root in its contract",
            counts.root_mismatches,
        );
        registry.register("pages", "Pages and pieces of backfills committed", counts.pages);
        registry.register("logs", "Logs that were new to the database", counts.logs);
        registry.register(
            "commit_seconds",
            "Time that committing a page took",
            counts.commit_seconds,
        );
        registry.register_collector(Box::new(Gauges(self.clone())));
    }
}

/// What is read off when somebody asks: a lag that is only set when things go well would stand still when they do not.
#[derive(Debug)]
struct Gauges(Pulse);

type Label = [(&'static str, &'static str); 1];

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let one = |encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64| {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)
        };
        let ready = self.0.readiness().is_ready();
        one(&mut encoder, "ready", "1 if the index is the chain as it is now", ready.into())?;
        let standby = self.0.is_standby();
        one(&mut encoder, "standby", "1 while another process writes", standby.into())?;
        let Some(beat) = self.0.state().beat else { return Ok(()) };
        let heads = beat.heads;
        let number = |block: BlockRef| i64::try_from(block.number).unwrap_or(i64::MAX);
        one(&mut encoder, "head_block", "The node's newest block", number(heads.latest))?;
        let checkpoint = number(beat.checkpoint);
        one(&mut encoder, "checkpoint_block", "The last block that is indexed", checkpoint)?;

        // The newest block that is both indexed and that final, beside the newest one there is.
        let levels: Vec<(Label, BlockRef)> =
            [("unsafe", Some(heads.latest)), ("safe", heads.safe), ("finalized", heads.finalized)]
                .into_iter()
                .filter_map(|(name, block)| Some(([("finality", name)], block?)))
                .map(|(label, block)| {
                    let behind = beat.checkpoint.number < block.number;
                    (label, if behind { beat.checkpoint } else { block })
                })
                .collect();
        let mut family = |name: &str, help: &str, value: &dyn Fn(BlockRef) -> f64| {
            let kind = ConstGauge::new(0.0).metric_type();
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            for (label, block) in &levels {
                ConstGauge::new(value(*block)).encode(metric.encode_family(label)?)?;
            }
            Ok(())
        };
        family(
            "lag_blocks",
            "Blocks between the node's newest and the newest of this finality that is indexed",
            &|block| heads.latest.number.saturating_sub(block.number) as f64,
        )?;
        family(
            "lag_seconds",
            "Age of the newest block of this finality that is indexed",
            &|block| age(block.timestamp).as_secs_f64(),
        )
    }
}
