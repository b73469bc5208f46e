//! The chain moves while pages are read, before whichever question.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use alloy_primitives::{Address, B256, keccak256};
use devproof_chain::Node;
use devproof_contracts::stock::DstackApp;
use devproof_indexer::{DEFAULT_PAGE_BLOCKS, IndexError, Indexer, Options, Sources};
use devproof_store::Store;
use devproof_testkit::{Anvil, Bench, proxy::FaultyProxy};
use std::{num::NonZeroU64, time::Duration};
use tempfile::TempDir;

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;

/// Blocks that are replaced at a time. Some more come in each round.
const DEPTH: u64 = 3;

async fn indexer(
    url: &str,
    kms: Address,
    folder: &TempDir,
    name: &str,
    blocks: u64,
) -> (Indexer, Store) {
    let store = Store::open(folder.path().join(name).to_str().unwrap()).await.unwrap();
    let options = Options {
        sources: Sources { kms: vec![kms], ..Sources::default() },
        start_block: 0,
        poll_interval: Duration::from_millis(50),
        page_blocks: NonZeroU64::new(blocks).unwrap(),
        lag_patience: Duration::ZERO,
    };
    let node = Node::connect(url).await.unwrap();
    (Indexer::new(node, store.clone(), options).await.unwrap(), store)
}

/// A chain with a stock app that is followed, and a node that may replace blocks.
struct World {
    bench: Bench,
    proxy: FaultyProxy,
    app: Address,
    folder: TempDir,
}

impl World {
    /// `safe` is so many blocks behind the newest, `finalized` twice as many.
    async fn create(epoch: u64) -> Self {
        let bench = Bench::on(Anvil::start_with(31_337, NOW, epoch).unwrap()).await.unwrap();
        let proxy = FaultyProxy::before(bench.anvil.url(), 0).await.unwrap();
        let app = bench.deploy_stock_app(keccak256("first")).await.unwrap();
        // What was before does not move.
        bench.anvil.mine(DEPTH).await.unwrap();
        Self { bench, proxy, app, folder: tempfile::tempdir().unwrap() }
    }

    /// Follows through the node that may replace blocks, a block at a time.
    async fn follower(&self, name: &str) -> (Indexer, Store) {
        indexer(self.proxy.url(), self.bench.kms, &self.folder, name, 1).await
    }

    /// The app goes on, in blocks that may all be replaced.
    async fn news(&self, round: u64) {
        for n in 0..=DEPTH {
            let version = keccak256([round.to_be_bytes(), n.to_be_bytes()].concat());
            let call = DstackApp::addComposeHashCall { composeHash: version };
            self.bench.rival.send(self.app, &call).await.unwrap();
        }
    }

    /// Reads on while the chain moves behind so many questions, and says whether it moved.
    async fn read_while_it_moves(
        &self,
        follower: &mut Indexer,
        questions: u64,
    ) -> (Result<(), IndexError>, bool) {
        assert!(questions < 1_000, "it never ends");
        self.news(questions).await;
        self.proxy.reorg_after(questions, DEPTH);
        let read = follower.catch_up(&mut |_| {}).await.map(|_| ());
        let moved = !self.proxy.is_to_move();
        self.proxy.settle().await;
        (read, moved)
    }

    /// An index holds what one has that is made now.
    async fn is_as_made_anew(&self, store: &Store, questions: u64) {
        let name = format!("{questions}.sqlite");
        let (url, blocks) = (self.bench.anvil.url(), DEFAULT_PAGE_BLOCKS.get());
        let (mut fresh, anew) = indexer(url, self.bench.kms, &self.folder, &name, blocks).await;
        fresh.catch_up(&mut |_| {}).await.unwrap();
        let chain_id = self.bench.node.chain_id();
        let digests: [B256; 2] =
            [store.digest(chain_id).await.unwrap(), anew.digest(chain_id).await.unwrap()];
        assert_eq!(digests[0], digests[1], "the chain moved behind {questions} questions");
    }
}

/// Of a stock app nobody can add up what it says: a fact of the other branch would stay until it is final.
#[tokio::test(flavor = "multi_thread")]
async fn before_whichever_question_the_chain_moves_no_page_is_of_two_branches() {
    // Nothing moves that is final.
    let world = World::create(8).await;
    let (mut follower, store) = world.follower("index.sqlite").await;
    follower.catch_up(&mut |_| {}).await.unwrap();
    let mut refused = 0_u64;
    for questions in 0_u64.. {
        let (read, moved) = world.read_while_it_moves(&mut follower, questions).await;
        if let Err(error) = read {
            assert!(error.is_passing(), "{error}");
            refused += 1;
        }
        follower.catch_up(&mut |_| {}).await.unwrap();
        world.is_as_made_anew(&store, questions).await;
        if !moved {
            assert!(refused > 3 && questions > 12, "{refused} of {questions}");
            return;
        }
    }
}

/// What the node calls final is replaced behind its back: from when the node was asked what is final, that is an alarm, and
/// stays one for whoever was there. Whoever comes later finds no index that holds blocks of both branches.
#[tokio::test(flavor = "multi_thread")]
async fn before_whichever_question_what_is_final_moves_it_is_an_alarm() {
    let world = World::create(1).await;
    let is_alarm = |read: &Result<_, _>| matches!(read, Err(IndexError::FinalizedReorg { .. }));
    let mut alarms = 0_u64;
    for questions in 0_u64.. {
        let name = format!("index-{questions}.sqlite");
        let (mut follower, store) = world.follower(&name).await;
        follower.catch_up(&mut |_| {}).await.unwrap();
        let (read, moved) = world.read_while_it_moves(&mut follower, questions).await;
        if let Err(error) = &read {
            assert!(error.is_passing() || is_alarm(&read), "{questions}: {error}");
        }
        // Where it shows less than was final, it lags, and nothing is taken back for that.
        let seen = world.bench.node.heads().await.unwrap().latest.number - DEPTH;
        let chain = store.chain(world.bench.node.chain_id()).await.unwrap().unwrap();
        if chain.checkpoint.unwrap().number > seen {
            world.proxy.lag_at(Some(seen));
            let less = follower.catch_up(&mut |_| {}).await;
            assert!(matches!(less, Err(IndexError::Behind { .. })), "{questions}: {less:?}");
            world.proxy.lag_at(None);
        }
        let again = follower.catch_up(&mut |_| {}).await.map(|_| ());
        assert!(again.is_ok() || is_alarm(&again), "{questions}: {again:?}");
        assert!(again.is_err() || !is_alarm(&read), "{questions}: said once only");
        assert!(again.is_err() || !moved || alarms == 0, "{questions}: nothing was said");
        alarms += u64::from(again.is_err());

        let (mut later, _) = world.follower(&name).await;
        let later = later.catch_up(&mut |_| {}).await.map(|_| ());
        assert!(later.is_ok() || is_alarm(&later), "{questions}: {later:?}");
        if later.is_ok() {
            world.is_as_made_anew(&store, questions).await;
        }
        if !moved {
            assert!(questions > 12 && alarms + 4 > questions, "{alarms} of {questions}");
            return;
        }
    }
}
