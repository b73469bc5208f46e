//! Random steps forward, back, and onto other branches, compared after each with a model too simple to be wrong.

use crate::{
    db::Db,
    make::{CHAIN, block, log, page, who},
};
use alloy_primitives::{Address, B256};
use devproof_store::{BlockRef, Page, RawLog, Rewound, Store, StoreError};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
enum Step {
    /// So many blocks forward on this branch.
    Forward(u64, u64),
    /// So many blocks back.
    Back(u64),
    /// The last page once more, as after a crash whose commit did succeed.
    Repeat,
    /// Back to before the beginning.
    StartOver,
    /// The history of this contract is verified, so many held blocks below the highest.
    Verify(u64, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..8_u64, 0..3_u64).prop_map(|(blocks, branch)| Step::Forward(blocks, branch)),
        4 => (0..9_u64).prop_map(Step::Back),
        1 => Just(Step::Repeat),
        1 => Just(Step::StartOver),
        3 => (0..3_u64, 0..4_usize).prop_map(|(n, below)| Step::Verify(n, below)),
    ];
    vec(step, 1..25)
}

/// What is in a block follows from its hash alone, as on a real chain.
fn contents(block: BlockRef) -> Vec<RawLog> {
    let [kind, first, second, ..] = block.hash.0;
    let indices: &[u8] = match kind % 4 {
        0 => &[],
        1 => &[first % 8],
        2 => &[first % 8, 8 + second % 8],
        _ => &[first % 8, 8 + second % 8, 16 + first % 64],
    };
    indices.iter().rev().map(|index| log(block, u64::from(*index), u64::from(index % 3))).collect()
}

#[derive(Default)]
struct Model {
    /// The chain that was followed, every block of it.
    chain: BTreeMap<u64, BlockRef>,
    /// Whatever was ever stored, and whether it counts.
    stored: BTreeMap<B256, (BlockRef, bool)>,
    logs: BTreeMap<(u64, B256, u64), RawLog>,
    last: Option<Page>,
    verified: BTreeMap<Address, u64>,
}

impl Model {
    fn checkpoint(&self) -> Option<BlockRef> {
        self.chain.last_key_value().map(|(_, block)| *block)
    }

    fn forward(&mut self, blocks: u64, branch: u64) -> Page {
        let previous = self.checkpoint();
        let first = previous.map_or(0, |block| block.number + 1);
        let mut logs = Vec::new();
        for number in first..first + blocks {
            let block = block(number, branch);
            self.chain.insert(number, block);
            logs.extend(contents(block));
        }
        let checkpoint = self.checkpoint().unwrap();
        for log in &logs {
            self.stored.insert(log.block.hash, (log.block, true));
            self.logs.insert((log.block.number, log.block.hash, log.log_index), log.clone());
        }
        self.stored.insert(checkpoint.hash, (checkpoint, true));
        logs.reverse();
        page(previous, checkpoint, logs)
    }

    fn back(&mut self, to: Option<BlockRef>) -> Rewound {
        let mut rewound = Rewound::default();
        let gone = self.chain.split_off(&to.map_or(0, |block| block.number + 1));
        for block in gone.values() {
            // Not one that came back without being named again: see `Store::orphaned_blocks`.
            if let Some((_, canonical @ true)) = self.stored.get_mut(&block.hash) {
                *canonical = false;
                rewound.orphaned_blocks += 1;
                rewound.orphaned_logs +=
                    self.logs.values().filter(|l| l.block == *block).count() as u64;
            }
        }
        let highest = self.canonical().last().map(|block| block.number);
        self.verified.retain(|_, at| {
            *at = highest.map_or(0, |highest| highest.min(*at));
            highest.is_some()
        });
        self.stored.extend(to.map(|block| (block.hash, (block, true))));
        rewound
    }

    fn canonical(&self) -> BTreeSet<BlockRef> {
        self.stored.values().filter(|s| s.1).map(|s| s.0).collect()
    }

    fn logs(&self, canonical: bool, keep: impl Fn(&RawLog) -> bool) -> Vec<RawLog> {
        let counts = |log: &&RawLog| self.stored[&log.block.hash].1 == canonical && keep(log);
        self.logs.values().filter(counts).cloned().collect()
    }

    async fn compare(&self, store: &Store, told: &str) {
        let everyone = [who(0), who(1), who(2)];
        assert_eq!(
            store.chain(CHAIN).await.unwrap().unwrap().checkpoint,
            self.checkpoint(),
            "{told}"
        );
        assert_eq!(
            store.logs(CHAIN, &everyone, u64::MAX).await.unwrap(),
            self.logs(true, |_| true),
            "{told}"
        );
        let middle = self.checkpoint().map_or(0, |block| block.number / 2);
        let half = self.logs(true, |l| l.address == who(1) && l.block.number <= middle);
        assert_eq!(store.logs(CHAIN, &everyone[1..2], middle).await.unwrap(), half, "{told}");
        for address in everyone {
            let orphaned = self.logs(false, |l| l.address == address);
            assert_eq!(store.orphaned_logs(CHAIN, address).await.unwrap(), orphaned, "{told}");
        }
        let writes = store.chain(CHAIN).await.unwrap().unwrap().writes;
        for contract in store.contracts(CHAIN).await.unwrap() {
            // What is read at once is what is read one after the other.
            let then = store.app_then(&contract, middle).await.unwrap();
            let mut orphaned = store.orphaned_logs(CHAIN, contract.address).await.unwrap();
            orphaned.retain(|log| log.block.number <= middle);
            assert_eq!((then.orphaned, then.writes), (orphaned, Some(writes)), "{told}");
            assert_eq!(then.state, store.app_state(&contract, middle).await.unwrap(), "{told}");
            let block = self.checkpoint().map(|block| block.number);
            let standing = store.standing(CHAIN, contract.address, block).await.unwrap().unwrap();
            assert_eq!(
                (standing.status.writes, standing.block),
                (writes, self.checkpoint()),
                "{told}"
            );
            assert_eq!(standing.contract.as_ref(), Some(&contract), "{told}");
            let verified = self.verified.get(&contract.address).copied();
            assert_eq!(contract.history_verified_at, verified, "{told}");
        }
        let canonical = self.canonical();
        let blocks = store.canonical_blocks_below(CHAIN, u64::MAX, 10_000).await.unwrap();
        assert_eq!(blocks, canonical.iter().rev().copied().collect::<Vec<_>>(), "{told}");
        let orphaned: BTreeSet<BlockRef> =
            self.stored.values().filter(|s| !s.1).map(|s| s.0).collect();
        let blocks = store.orphaned_blocks(CHAIN, 0, u64::MAX).await.unwrap();
        assert_eq!(blocks, orphaned.into_iter().collect::<Vec<_>>(), "{told}");
        for (hash, known) in &self.stored {
            assert_eq!(store.block_by_hash(CHAIN, *hash).await.unwrap(), Some(*known), "{told}");
        }
    }
}

async fn play(db: &Db, steps: &[Step]) {
    let store = db.store().await;
    let mut model = Model::default();
    for (n, step) in steps.iter().enumerate() {
        let told = format!("after step {n} of {steps:?}");
        match *step {
            Step::Forward(blocks, branch) => {
                let page = model.forward(blocks, branch);
                store.commit(&page).await.unwrap_or_else(|error| panic!("{told}: {error}"));
                model.last = Some(page);
            }
            Step::Back(blocks) => {
                let height = model.checkpoint().and_then(|block| block.number.checked_sub(blocks));
                let to = height.and_then(|number| model.chain.get(&number).copied());
                let rewound = model.back(to);
                assert_eq!(store.rewind(CHAIN, to.as_ref()).await.unwrap(), rewound, "{told}");
            }
            Step::Repeat => {
                if let Some(page) = &model.last
                    && page.previous != model.checkpoint().map(|block| block.hash)
                {
                    let repeated = store.commit(page).await;
                    assert!(
                        matches!(repeated, Err(StoreError::Conflict { .. })),
                        "{told}: {repeated:?}"
                    );
                }
            }
            Step::StartOver => {
                let rewound = model.back(None);
                assert_eq!(store.rewind(CHAIN, None).await.unwrap(), rewound, "{told}");
            }
            Step::Verify(n, below) => {
                if let Some(block) = model.canonical().into_iter().nth_back(below) {
                    let at = model.verified.entry(who(n)).or_default();
                    *at = block.number.max(*at);
                    store.set_history_verified(CHAIN, &[who(n)], &block).await.unwrap();
                }
            }
        }
        model.compare(&store, &told).await;
    }

    // One that never went wrong, on SQLite, ends with the same digest.
    let Some(checkpoint) = model.checkpoint() else { return };
    let straight = db.twin().await;
    straight.commit(&page(None, checkpoint, model.logs(true, |_| true))).await.unwrap();
    assert_eq!(
        straight.digest(CHAIN).await.unwrap(),
        store.digest(CHAIN).await.unwrap(),
        "{steps:?}"
    );
}

/// The steps are the same in every run, unless `DEVPROOF_SEED` says otherwise; `DEVPROOF_CASES` says how many runs.
/// A failure prints its steps.
pub(crate) async fn random_steps_agree_with_a_naive_model(db: &Db) {
    let number =
        |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let seed = B256::left_padding_from(&number("DEVPROOF_SEED", 1_u64).to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, seed.as_slice());
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    // A server answers each of thousands of small questions ten times more slowly than a file.
    let cases = if db.cluster().is_some() { 8 } else { 24 };
    for _ in 0..number("DEVPROOF_CASES", cases) {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        play(db, &steps).await;
    }
}
