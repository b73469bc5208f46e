//! A node that leaves out the last events of an app: what is left adds up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloy_primitives::{Address, B256, keccak256};
use devproof_chain::{ChainError, Node, NodeLog};
use devproof_contracts::{
    app_event,
    bindings::{AppAuth::*, IAppAuth::Settings},
    stock::DstackApp,
};
use devproof_indexer::{IndexError, Indexer, Options, Report, Sources};
use devproof_primitives::Event;
use devproof_store::Store;
use devproof_testkit::{
    Bench,
    proxy::{FaultyProxy, Question},
};
use std::time::Duration;
use tempfile::TempDir;

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;

/// Two apps that keep a history, and a proxy before their chain.
struct Stage {
    bench: Bench,
    proxy: FaultyProxy,
    app: Address,
    quiet: Address,
    folder: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let bench = Bench::start(NOW).await.unwrap();
        let settings = Settings {
            owner: bench.owner.address(),
            guardian: Address::ZERO,
            noticePeriod: 2 * 86_400,
            allowAnyDevice: true,
            requireTcbUpToDate: false,
            composeHashes: vec![keccak256("first"), keccak256("second")],
            devices: vec![],
            osImages: vec![],
        };
        let app = bench.deploy_app(&settings, B256::ZERO).await.unwrap();
        let quiet = bench.deploy_app(&settings, B256::with_last_byte(1)).await.unwrap();
        let proxy = FaultyProxy::before(bench.anvil.url(), 0).await.unwrap();
        Self { bench, proxy, app, quiet, folder: tempfile::tempdir().unwrap() }
    }

    async fn store(&self, name: &str) -> Store {
        Store::open(self.folder.path().join(name).to_str().unwrap()).await.unwrap()
    }

    /// A process of its own, so to speak.
    async fn indexer(&self, store: &Store) -> Indexer {
        self.indexer_with(store, self.options()).await
    }

    fn options(&self) -> Options {
        Options {
            sources: Sources {
                kms: vec![self.bench.kms],
                factories: vec![self.bench.factory],
                ..Sources::default()
            },
            start_block: 0,
            poll_interval: Duration::from_millis(50),
            page_blocks: devproof_indexer::DEFAULT_PAGE_BLOCKS,
            lag_patience: Duration::from_secs(3_600),
        }
    }

    async fn indexer_with(&self, store: &Store, options: Options) -> Indexer {
        let node = Node::connect(self.proxy.url()).await.unwrap();
        Indexer::new(node, store.clone(), options).await.unwrap()
    }

    /// Up to which block the two are verified.
    async fn verified(&self, store: &Store) -> (Option<u64>, Option<u64>) {
        let of = async |app| {
            let chain_id = self.bench.node.chain_id();
            store.contract(chain_id, app).await.unwrap().unwrap().history_verified_at
        };
        (of(self.app).await, of(self.quiet).await)
    }

    /// The owner removes a version. Gives the block and the transaction.
    async fn remove(&self, name: &str) -> (u64, B256) {
        let call = removeComposeHashCall { composeHash: keccak256(name) };
        let block = self.bench.owner.send(self.app, &call).await.unwrap().block;
        let logs = self.bench.node.logs(&[self.app], block..=block).await.unwrap();
        let entry = |log: &NodeLog| {
            matches!(app_event(&log.topics, &log.data), Some(Event::History { .. }))
        };
        assert!(logs.iter().any(entry) && logs.len() > 1, "an entry and its siblings: {logs:?}");
        (block, logs.last().unwrap().transaction_hash)
    }
}

async fn run(indexer: &mut Indexer) -> Result<Report, IndexError> {
    indexer.catch_up(&mut |_| {}).await
}

/// On one thread, so that the clock can be put forward.
#[tokio::test]
async fn a_history_without_its_end_is_not_verified() {
    let stage = Stage::set().await;
    let chain_id = stage.bench.node.chain_id();
    let store = stage.store("index.sqlite").await;
    let mut indexer = stage.indexer(&store).await;
    let honest = run(&mut indexer).await.unwrap().head.number;
    assert_eq!(stage.verified(&store).await, (Some(honest), Some(honest)));

    let (removed_at, transaction) = stage.remove("first").await;
    stage.bench.anvil.mine(3).await.unwrap();
    stage.proxy.hide(Some((stage.app, transaction)));
    // The process sees a quiet app, which it does not check before its time. The pages are committed, and
    // without the removal; nothing there is verified.
    run(&mut indexer).await.unwrap();
    assert!(stage.proxy.left_out() > 1);
    let checkpoint = store.chain(chain_id).await.unwrap().unwrap().checkpoint.unwrap();
    assert!(checkpoint.number > removed_at);
    assert_eq!(stage.verified(&store).await, (Some(honest), Some(honest)));

    // When its time comes, it is found out; the other app has nothing to do with it.
    stage.bench.anvil.mine(1).await.unwrap();
    minute_later().await;
    for _ in 0..2 {
        let error = run(&mut indexer).await.unwrap_err();
        assert!(matches!(error, IndexError::Root { app, .. } if app == stage.app), "{error}");
        assert_eq!(stage.verified(&store).await, (Some(honest), Some(checkpoint.number + 1)));
    }
    // Nor does it help to start again.
    assert!(matches!(run(&mut stage.indexer(&store).await).await, Err(IndexError::Root { .. })));
    assert_eq!(stage.verified(&store).await.0, Some(honest));

    // From nothing, with the lie and without it.
    let lied_to = stage.store("lied-to.sqlite").await;
    let error = run(&mut stage.indexer(&lied_to).await).await.unwrap_err();
    assert!(matches!(error, IndexError::Root { app, .. } if app == stage.app), "{error}");
    assert_eq!(stage.verified(&lied_to).await, (None, Some(checkpoint.number + 1)));
    stage.proxy.hide(None);
    let fresh = stage.store("fresh.sqlite").await;
    let head = run(&mut stage.indexer(&fresh).await).await.unwrap().head.number;
    assert_eq!(head, checkpoint.number + 1);
    assert_eq!(stage.verified(&fresh).await, (Some(head), Some(head)));
    // And those that were lied to mend themselves, as soon as the node tells.
    for store in [&store, &lied_to] {
        run(&mut stage.indexer(store).await).await.unwrap();
        assert_eq!(stage.verified(store).await, (Some(head), Some(head)));
        let logs = store.logs(chain_id, &[stage.app], u64::MAX).await.unwrap();
        assert_eq!(logs, fresh.logs(chain_id, &[stage.app], u64::MAX).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lags_is_waited_for_and_takes_nothing_back() {
    let stage = Stage::set().await;
    let store = stage.store("index.sqlite").await;
    let chain_id = stage.bench.node.chain_id();
    let mut indexer = stage.indexer(&store).await;
    let (removed_at, _) = stage.remove("first").await;
    stage.bench.anvil.mine(2).await.unwrap();
    run(&mut indexer).await.unwrap();

    stage.proxy.lag_at(Some(removed_at - 1));
    let before = store.chain(chain_id).await.unwrap().unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(400), run(&mut indexer));
    assert!(waiting.await.is_err(), "it waits");
    assert_eq!(store.chain(chain_id).await.unwrap().unwrap(), before);
    assert!(store.orphaned_logs(chain_id, stage.app).await.unwrap().is_empty());

    // Ahead of the index and still behind the chain: the end comes later, and nothing is skipped.
    let (removed_at, _) = stage.remove("second").await;
    stage.proxy.lag_at(Some(removed_at - 1));
    assert_eq!(run(&mut indexer).await.unwrap().head.number, removed_at - 1);
    stage.proxy.lag_at(None);
    let report = run(&mut indexer).await.unwrap();
    assert_eq!((report.head.number, report.orphaned_blocks), (removed_at, 0));
    assert_eq!(stage.verified(&store).await.0, Some(removed_at));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_block_at_a_known_height_is_a_reorg_however_short_the_chain() {
    let stage = Stage::set().await;
    let store = stage.store("index.sqlite").await;
    let chain_id = stage.bench.node.chain_id();
    stage.bench.anvil.mine(2).await.unwrap();
    let mut indexer = stage.indexer(&store).await;
    let below = run(&mut indexer).await.unwrap().head.number;
    let (_, removal) = stage.remove("first").await;
    run(&mut indexer).await.unwrap();
    // Both are others now, and the upper one has not been seen yet.
    stage.bench.anvil.reorg(2).await.unwrap();
    stage.proxy.lag_at(Some(below));
    assert_eq!(run(&mut indexer).await.unwrap().head.number, below);
    let orphaned = store.orphaned_logs(chain_id, stage.app).await.unwrap();
    assert!(orphaned.iter().any(|log| log.tx_hash == removal));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_its_first_events_is_not_verified() {
    let stage = Stage::set().await;
    let store = stage.store("index.sqlite").await;
    let birth = stage.bench.node.logs(&[stage.app], 0..=99).await.unwrap();
    stage.proxy.hide(Some((stage.app, birth.first().unwrap().transaction_hash)));
    let error = run(&mut stage.indexer(&store).await).await.unwrap_err();
    assert!(matches!(error, IndexError::Root { app, .. } if app == stage.app), "{error}");
    assert_eq!(stage.verified(&store).await.0, None);
}

#[tokio::test]
async fn quiet_apps_are_verified_again_now_and_then() {
    let stage = Stage::set().await;
    let store = stage.store("index.sqlite").await;
    let mut indexer = stage.indexer(&store).await;
    let first = run(&mut indexer).await.unwrap().head.number;
    assert_eq!(stage.proxy.asked(Question::Root), 2, "both the first time");
    run(&mut indexer).await.unwrap();
    assert_eq!(stage.proxy.asked(Question::Root), 2, "the chain stands still");

    let (removed_at, _) = stage.remove("first").await;
    run(&mut indexer).await.unwrap();
    assert_eq!(stage.verified(&store).await, (Some(removed_at), Some(first)));
    assert_eq!(stage.proxy.asked(Question::Root), 3, "only the one with new logs");
    stage.bench.anvil.mine(1).await.unwrap();
    run(&mut indexer).await.unwrap();
    assert_eq!(stage.proxy.asked(Question::Root), 3, "no logs, and soon after");

    minute_later().await;
    run(&mut indexer).await.unwrap();
    assert_eq!(stage.proxy.asked(Question::Root), 3, "the chain stands still");
    stage.bench.anvil.mine(1).await.unwrap();
    let head = run(&mut indexer).await.unwrap().head.number;
    assert_eq!(stage.verified(&store).await, (Some(head), Some(head)));
    assert_eq!(stage.proxy.asked(Question::Root), 5);
    stage.bench.anvil.mine(1).await.unwrap();
    run(&mut indexer).await.unwrap();
    assert_eq!(stage.proxy.asked(Question::Root), 5, "the minute begins again");

    // Another process checks all, whatever the record says.
    run(&mut stage.indexer(&store).await).await.unwrap();
    assert_eq!(stage.verified(&store).await, (Some(head + 1), Some(head + 1)));
}

async fn minute_later() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_verified_on_another_branch_is_verified_up_to_the_fork() {
    let stage = Stage::set().await;
    let store = stage.store("index.sqlite").await;
    stage.bench.anvil.mine(2).await.unwrap();
    let mut indexer = stage.indexer(&store).await;
    let fork = run(&mut indexer).await.unwrap().head.number;
    let (gone, _) = stage.remove("first").await;
    run(&mut indexer).await.unwrap();
    assert_eq!(stage.verified(&store).await, (Some(gone), Some(fork)));

    // The chain without the removal; there is another one there, of which the node says nothing.
    stage.bench.anvil.reorg(1).await.unwrap();
    let (_, transaction) = stage.remove("second").await;
    stage.proxy.hide(Some((stage.app, transaction)));
    assert_eq!(run(&mut indexer).await.unwrap().orphaned_blocks, 1);
    assert_eq!(stage.verified(&store).await, (Some(fork), Some(fork)));
    stage.proxy.hide(None);
    let fresh = stage.store("fresh.sqlite").await;
    let head = run(&mut stage.indexer(&fresh).await).await.unwrap().head.number;
    assert_eq!(stage.verified(&fresh).await, (Some(head), Some(head)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_from_after_a_reorg_verifies_nothing() {
    let stage = Stage::set().await;
    let store = stage.store("index.sqlite").await;
    stage.bench.anvil.mine(2).await.unwrap();
    // The newest block is empty on both branches, so that the roots agree.
    stage.proxy.reorg_before(Question::Root, 1);
    let mut indexer = stage.indexer(&store).await;
    let error = run(&mut indexer).await.unwrap_err();
    assert!(matches!(error, IndexError::Chain(ChainError::Moved { .. })), "{error}");
    assert_eq!(stage.verified(&store).await, (None, None));
    let head = run(&mut indexer).await.unwrap().head.number;
    assert_eq!(stage.verified(&store).await, (Some(head), Some(head)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_read_while_the_chain_moved_is_not_taken() {
    let stage = Stage::set().await;
    let store = stage.store("moved.sqlite").await;
    let chain_id = stage.bench.node.chain_id();
    let mut indexer = stage.indexer(&store).await;
    run(&mut indexer).await.unwrap();
    let before = store.chain(chain_id).await.unwrap().unwrap().checkpoint;

    // The header was asked for before, the logs come from the other branch, where nothing was removed.
    let (_, removal) = stage.remove("second").await;
    stage.proxy.reorg_before(Question::Logs, 1);
    let error = run(&mut indexer).await.unwrap_err();
    assert!(matches!(error, IndexError::Chain(ChainError::Moved { .. })), "{error}");
    assert!(error.is_passing());
    assert_eq!(store.chain(chain_id).await.unwrap().unwrap().checkpoint, before);

    run(&mut indexer).await.unwrap();
    let logs = store.logs(chain_id, &[stage.app], u64::MAX).await.unwrap();
    assert!(logs.iter().all(|log| log.tx_hash != removal));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_one_backend_lacks_is_not_gone() {
    let stage = Stage::set().await;
    let store = stage.store("index.sqlite").await;
    let chain_id = stage.bench.node.chain_id();
    let mut indexer = stage.indexer(&store).await;
    stage.remove("first").await;
    run(&mut indexer).await.unwrap();
    let before = store.chain(chain_id).await.unwrap();

    // Everything but `latest` comes from a backend that has not seen the removal.
    stage.bench.anvil.mine(1).await.unwrap();
    let head = stage.bench.node.heads().await.unwrap().latest.number;
    stage.proxy.lag_below_tags_at(Some(head - 2));
    let error = run(&mut indexer).await.unwrap_err();
    assert!(matches!(error, IndexError::Chain(ChainError::Moved { .. })), "{error}");
    assert_eq!(store.chain(chain_id).await.unwrap(), before);
    assert_eq!(store.orphaned_logs(chain_id, stage.app).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_of_a_late_contract_is_not_taken_from_another_branch() {
    let stage = Stage::set().await;
    let store = stage.store("index.sqlite").await;
    let chain_id = stage.bench.node.chain_id();
    // A stock app of which nobody has told yet, with a fact above the fork on either branch.
    let stock = stage.bench.deploy_stock_app(keccak256("first")).await.unwrap();
    let mut options = stage.options();
    options.sources = Sources { registries: vec![stage.bench.registry], ..Sources::default() };
    let add = async |name: &str| {
        let call = DstackApp::addComposeHashCall { composeHash: keccak256(name) };
        stage.bench.rival.send(stock, &call).await.unwrap();
    };
    add("on one branch").await;
    stage.bench.anvil.mine(1).await.unwrap();
    run(&mut stage.indexer_with(&store, options.clone()).await).await.unwrap();
    options.sources.apps = vec![stock];
    let mut indexer = stage.indexer_with(&store, options.clone()).await;

    // The chain leaves below that, after its head was looked at and before the past is read.
    stage.proxy.reorg_before(Question::Logs, 2);
    let error = run(&mut indexer).await.unwrap_err();
    assert!(matches!(error, IndexError::Chain(ChainError::Moved { .. })), "{error}");
    assert!(store.logs(chain_id, &[stock], u64::MAX).await.unwrap().is_empty());
    run(&mut indexer).await.unwrap();
    let fresh = stage.store("fresh.sqlite").await;
    run(&mut stage.indexer_with(&fresh, options).await).await.unwrap();
    assert_eq!(store.digest(chain_id).await.unwrap(), fresh.digest(chain_id).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_out_while_it_was_new_is_read_when_it_is_final() {
    let stage = Stage::set().await;
    let store = stage.store("index.sqlite").await;
    let chain_id = stage.bench.node.chain_id();
    let mut indexer = stage.indexer(&store).await;
    run(&mut indexer).await.unwrap();
    // The KMS keeps no history that would show what is missing.
    let stock = stage.bench.deploy_stock_app(keccak256("first")).await.unwrap();
    let head = stage.bench.node.heads().await.unwrap().latest.number;
    let logs = stage.bench.node.logs(&[stage.bench.kms], head..=head).await.unwrap();
    stage.proxy.hide(Some((stage.bench.kms, logs.last().unwrap().transaction_hash)));
    run(&mut indexer).await.unwrap();
    stage.proxy.hide(None);
    stage.bench.anvil.mine(1).await.unwrap();
    run(&mut indexer).await.unwrap();
    assert_eq!(store.contract(chain_id, stock).await.unwrap(), None, "not final yet");

    stage.bench.anvil.mine(1).await.unwrap();
    let asked = stage.proxy.asked(Question::Logs);
    run(&mut indexer).await.unwrap();
    assert_eq!(store.contract(chain_id, stock).await.unwrap().unwrap().found_at, head);
    let asked_in_all = stage.proxy.asked(Question::Logs) - asked;
    assert_eq!(asked_in_all, 3, "the new block, what became final, and the past of the app");
    let fresh = stage.store("fresh.sqlite").await;
    run(&mut stage.indexer(&fresh).await).await.unwrap();
    assert_eq!(store.digest(chain_id).await.unwrap(), fresh.digest(chain_id).await.unwrap());
}
