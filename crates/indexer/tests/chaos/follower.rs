//! A process that follows the chain through a node that fails.

use crate::{Done, world::World};
use devproof_chain::{ChainError, Node};
use devproof_indexer::{IndexError, Indexer, Options, Report, Sources};
use devproof_store::Store;
use devproof_testkit::proxy::{Fault, Faults, FaultyProxy};
use std::{
    collections::BTreeMap,
    num::{NonZeroU64, NonZeroUsize},
    time::Duration,
};

/// Runs until it has to be where the chain is, once nothing fails any more.
const PATIENCE: u32 = 10;

/// What may go wrong with any question.
const FAULTS: [Fault; 17] = [
    Fault::Http,
    Fault::Refusal,
    Fault::Dropped,
    Fault::Cut,
    Fault::Truncated,
    Fault::Slow,
    Fault::OtherAnswer,
    Fault::Nonsense,
    Fault::Empty,
    Fault::StaleHead,
    Fault::Omitted,
    Fault::Doubled,
    Fault::Removed,
    Fault::NoTimes,
    Fault::Mine,
    Fault::Reorg,
    Fault::Rollback,
];

/// A process, its node and its database.
pub(crate) struct Follower {
    pub(crate) store: Store,
    proxy: FaultyProxy,
    rng: fastrand::Rng,
    options: Options,
    /// What it is told to follow later.
    later: Option<Sources>,
    indexer: Option<Indexer>,
    lies: [Option<u64>; 2],
}

impl Follower {
    pub(crate) async fn before(world: &World, database: &str, mut rng: fastrand::Rng) -> Self {
        let proxy = FaultyProxy::before(world.bench.anvil.url(), rng.u64(..)).await.unwrap();
        let all = sources(world);
        let few = Sources { kms: vec![], ..all.clone() };
        let (sources, later) = if rng.bool() { (all, None) } else { (few, Some(all)) };
        let options = Options {
            sources,
            start_block: 0,
            poll_interval: Duration::from_millis(5),
            page_blocks: NonZeroU64::new(rng.u64(1..=12)).unwrap(),
            lag_patience: Duration::from_millis(15),
        };
        let store = Store::open(database).await.unwrap();
        Self { store, proxy, rng, options, later, indexer: None, lies: [None; 2] }
    }

    /// Whether it may have been told too little of what is not final yet, since the last time that this was asked.
    pub(crate) fn was_lied_to(&mut self) -> bool {
        let happened = self.proxy.happened();
        let lies = [Fault::Omitted, Fault::StaleHead].map(|lie| happened.get(&lie).copied());
        std::mem::replace(&mut self.lies, lies) != lies
    }

    pub(crate) fn faults(&self) -> BTreeMap<Fault, u64> {
        self.proxy.happened()
    }

    /// One run, or the end of a process.
    pub(crate) async fn step(&mut self, world: &mut World, done: &mut Done) {
        match self.rng.u8(..10) {
            0 => self.indexer = None,
            1 => {
                if let Some(all) = self.later.take() {
                    self.options.sources = all;
                    self.indexer = None;
                }
            }
            _ => self.run_through_faults(world, done).await,
        }
    }

    async fn run_through_faults(&mut self, world: &mut World, done: &mut Done) {
        let before = world.head().await;
        self.proxy.chain_may_move(world.may_move().await);
        // What is final is not left out by accident; of an app that keeps a history it would be found out.
        self.proxy.leave_alone(before.saturating_sub(2), world.apps.clone());
        let mut faults = Faults::none();
        if self.rng.u8(..4) > 0 {
            let likely = self.rng.choice([0.005, 0.02, 0.1]).unwrap();
            for fault in FAULTS {
                if self.rng.bool() {
                    faults = faults.with(fault, likely);
                }
            }
        }
        if self.rng.u8(..6) == 0 {
            self.proxy.lag_at(Some(before.saturating_sub(self.rng.u64(..8))));
        }
        let mines =
            |proxy: &FaultyProxy| proxy.happened().get(&Fault::Mine).copied().unwrap_or_default();
        let mined = mines(&self.proxy);
        self.proxy.set(faults);
        let killed_after = match self.rng.u8(..4) {
            0 => Duration::from_millis(self.rng.u64(1..60)),
            _ => Duration::from_secs(3_600),
        };
        done.runs += 1;
        match tokio::time::timeout(killed_after, self.run()).await {
            Err(_) => {
                done.killed += 1;
                if self.rng.bool() {
                    self.indexer = None;
                }
            }
            Ok(Ok(report)) => done.orphaned_blocks += report.orphaned_blocks,
            Ok(Err(error)) => {
                let kind = kind(&error);
                *done.stopped.entry(kind).or_default() += 1;
                if !error.is_passing() {
                    self.indexer = None;
                }
            }
        }
        self.proxy.settle().await;
        world.was_longer(before, mines(&self.proxy) - mined).await;
        world.forget_snapshots();
    }

    /// Nothing goes wrong any more, and it comes to where the chain is.
    pub(crate) async fn settle(&mut self, world: &World, done: &mut Done) {
        if let Some(all) = self.later.take() {
            self.options.sources = all;
            self.indexer = None;
        }
        let head = world.bench.node.heads().await.unwrap().latest;
        let mut last = String::new();
        for _ in 0..PATIENCE {
            match self.run().await {
                Ok(report) if report.head == head => return,
                Ok(report) => {
                    done.orphaned_blocks += report.orphaned_blocks;
                    last = format!("{report:?}");
                }
                Err(error) => {
                    last = format!("{error}");
                    assert!(
                        !matches!(error, IndexError::FinalizedReorg { .. }),
                        "nothing final was ever left behind: {error}"
                    );
                    if !error.is_passing() {
                        self.indexer = None;
                    }
                }
            }
        }
        panic!("it does not come to {head:?}: {last}");
    }

    async fn run(&mut self) -> Result<Report, IndexError> {
        let indexer = match &mut self.indexer {
            Some(indexer) => indexer,
            none => {
                let fast = devproof_chain::Options {
                    agreement: NonZeroUsize::MIN,
                    retries: 2,
                    pause: Duration::from_millis(1),
                };
                let node = Node::connect_any(&[self.proxy.url()], fast).await?;
                let indexer = Indexer::new(node, self.store.clone(), self.options.clone()).await?;
                none.insert(indexer)
            }
        };
        indexer.catch_up(&mut |_| {}).await
    }
}

pub(crate) fn sources(world: &World) -> Sources {
    Sources {
        kms: vec![world.bench.kms],
        factories: vec![world.bench.factory],
        registries: vec![world.bench.registry],
        apps: vec![],
    }
}

/// The kind of an error, for the count.
fn kind(error: &IndexError) -> String {
    let text = match error {
        IndexError::Chain(ChainError::Refused { why, .. }) => format!("Refused {why:?}"),
        other => format!("{other:?}"),
    };
    text.split(['{', '(']).take(2).collect::<Vec<_>>().join(" ").trim().to_owned()
}
