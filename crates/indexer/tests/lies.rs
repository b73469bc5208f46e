//! A node that leaves out the last events of an app: what is left adds up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use alloy_primitives::{Address, B256, keccak256};
use devproof_chain::{ChainError, Node, NodeLog};
use devproof_contracts::{
    app_event,
    bindings::{AppAuth::*, IAppAuth::Settings},
    stock::{DstackApp, DstackKms},
};
use devproof_indexer::{IndexError, Indexer, Options, Report, Sources};
use devproof_primitives::Event;
use devproof_store::{Role, Store};
use devproof_testkit::{
    Bench,
    proxy::{Fault, Faults, FaultyProxy, Question},
};
use serde_json::{Value, json};
use std::{num::NonZeroU64, time::Duration};
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

    /// One that reads so many blocks at a time.
    async fn indexer_by(&self, store: &Store, blocks: u64) -> Indexer {
        let page_blocks = NonZeroU64::new(blocks).unwrap();
        self.indexer_with(store, Options { page_blocks, ..self.options() }).await
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

/// A log as a node writes it.
fn written(log: &NodeLog) -> Value {
    json!({
        "address": log.address, "topics": log.topics, "data": log.data,
        "blockNumber": format!("{:#x}", log.block_number), "blockHash": log.block_hash,
        "transactionHash": log.transaction_hash, "transactionIndex": format!("{:#x}", log.transaction_index),
        "logIndex": format!("{:#x}", log.log_index), "removed": false,
    })
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

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_up_of_a_history_is_refuted_by_its_root() {
    let stage = Stage::set().await;
    let chain_id = stage.bench.node.chain_id();
    let (block, _) = stage.remove("first").await;
    stage.bench.anvil.mine(4).await.unwrap();
    let logs = stage.bench.node.logs(&[stage.app], block..=block).await.unwrap();
    let entry = logs.iter().find(|log| log.topics.len() > 1).unwrap();
    // Behind what is there; and in the place of the entry itself, which is left out.
    let behind = NodeLog { log_index: 99, ..entry.clone() };
    let mut instead = entry.clone();
    instead.topics[1] = keccak256("another root");
    for (name, forged) in [("behind", behind), ("instead", instead)] {
        let store = stage.store(name).await;
        stage.proxy.forge(vec![written(&forged)]);
        if name == "instead" {
            stage.proxy.hide(Some((stage.app, entry.transaction_hash)));
        }
        let error = run(&mut stage.indexer_by(&store, 2).await).await.unwrap_err();
        assert!(matches!(error, IndexError::History { app, .. } if app == stage.app), "{error}");
        assert_eq!(stage.verified(&store).await.0, None);

        stage.proxy.forge(vec![]);
        stage.proxy.hide(None);
        let head = run(&mut stage.indexer_by(&store, 2).await).await.unwrap().head.number;
        assert_eq!(stage.verified(&store).await.0, Some(head));
        let refuted = store.refuted_logs(chain_id, stage.app).await.unwrap();
        assert_eq!(refuted.len(), 1, "{refuted:#?}");
        assert_eq!((&refuted[0].log.topics, refuted[0].head), (&forged.topics, head));
        assert_eq!(refuted[0].why, "the history root of its contract");
        let fresh = stage.store(&format!("{name} fresh")).await;
        run(&mut stage.indexer_by(&fresh, 2).await).await.unwrap();
        assert_eq!(store.digest(chain_id).await.unwrap(), fresh.digest(chain_id).await.unwrap());
        assert!(fresh.refuted_logs(chain_id, stage.app).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_leaves_out_refutes_nothing() {
    let stage = Stage::set().await;
    let chain_id = stage.bench.node.chain_id();
    let store = stage.store("index.sqlite").await;
    let (_, old) = stage.remove("first").await;
    run(&mut stage.indexer(&store).await).await.unwrap();
    let (_, new) = stage.remove("second").await;
    // Not final yet: else it would be read again anyway.
    stage.bench.anvil.mine(1).await.unwrap();
    stage.proxy.hide(Some((stage.app, new)));
    assert!(matches!(run(&mut stage.indexer(&store).await).await, Err(IndexError::Root { .. })));
    // Now it tells the new one, but not the old one: neither reading alone is right.
    stage.proxy.hide(Some((stage.app, old)));
    let head = run(&mut stage.indexer(&store).await).await.unwrap().head.number;
    assert_eq!(stage.verified(&store).await.0, Some(head));
    assert_eq!(store.refuted_logs(chain_id, stage.app).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_up_of_a_stock_app_is_refuted_when_it_is_final() {
    let stage = Stage::set().await;
    let chain_id = stage.bench.node.chain_id();
    let stock = stage.bench.deploy_stock_app(keccak256("first")).await.unwrap();
    stage.bench.anvil.mine(2).await.unwrap();
    let store = stage.store("index.sqlite").await;
    let mut indexer = stage.indexer_by(&store, 1).await;
    run(&mut indexer).await.unwrap();
    let call = DstackApp::addComposeHashCall { composeHash: keccak256("second") };
    let block = stage.bench.rival.send(stock, &call).await.unwrap().block;
    stage.bench.anvil.mine(1).await.unwrap();
    let logs = stage.bench.node.logs(&[stock], block..=block).await.unwrap();
    let added = logs.iter().find(|log| log.topics.len() == 1).unwrap();
    // Of a kind that the block holds, so that its header admits it; and of another, which it does not.
    let third = keccak256("third");
    let admitted = NodeLog { log_index: 98, data: third.to_vec().into(), ..added.clone() };
    let mut not_admitted = NodeLog { log_index: 99, ..admitted.clone() };
    not_admitted.topics = vec![keccak256("DeviceAdded(bytes32)")];
    stage.proxy.forge(vec![written(&admitted), written(&not_admitted)]);
    run(&mut indexer).await.unwrap();
    let count = async |store: &Store| store.logs(chain_id, &[stock], u64::MAX).await.unwrap().len();
    let with_lies = count(&store).await;
    stage.proxy.forge(vec![]);
    stage.bench.anvil.mine(3).await.unwrap();
    run(&mut indexer).await.unwrap();
    assert_eq!(count(&store).await, with_lies - 2);
    let refuted = store.refuted_logs(chain_id, stock).await.unwrap();
    let why: Vec<_> = refuted.iter().map(|r| (r.log.log_index, r.why.as_str())).collect();
    assert_eq!(why, [(98, "the receipts of its block"), (99, "the header of its block")]);
    let fresh = stage.store("fresh.sqlite").await;
    run(&mut stage.indexer_by(&fresh, 1).await).await.unwrap();
    assert_eq!(store.digest(chain_id).await.unwrap(), fresh.digest(chain_id).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_its_header_does_not_admit_is_not_taken() {
    let stage = Stage::set().await;
    let chain_id = stage.bench.node.chain_id();
    let store = stage.store("index.sqlite").await;
    let mut indexer = stage.indexer(&store).await;
    run(&mut indexer).await.unwrap();
    let (block, _) = stage.remove("first").await;
    let before = store.chain(chain_id).await.unwrap().unwrap().checkpoint;
    let logs = stage.bench.node.logs(&[stage.app], block..=block).await.unwrap();
    let mut foreign = NodeLog { log_index: 99, ..logs[0].clone() };
    foreign.topics[0] = keccak256("Weather(bool)");
    stage.proxy.forge(vec![written(&foreign)]);
    let error = run(&mut indexer).await.unwrap_err();
    assert!(matches!(error, IndexError::Chain(ChainError::Nonsense { .. })), "{error}");
    assert!(error.is_passing());
    assert_eq!(store.chain(chain_id).await.unwrap().unwrap().checkpoint, before);
    // Two logs in one place are as good as none.
    let twice = NodeLog { data: vec![7; 32].into(), ..logs[0].clone() };
    stage.proxy.forge(vec![written(&twice)]);
    let error = run(&mut indexer).await.unwrap_err();
    assert!(matches!(error, IndexError::Chain(ChainError::Nonsense { .. })), "{error}");
    stage.proxy.forge(vec![]);
    run(&mut indexer).await.unwrap();
    assert_eq!(stage.verified(&store).await.0, Some(block));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newest_block_whose_header_claims_a_log_is_asked_for_elsewhere() {
    let stage = Stage::set().await;
    let chain_id = stage.bench.node.chain_id();
    let store = stage.store("index.sqlite").await;
    let stock = stage.bench.deploy_stock_app(keccak256("first")).await.unwrap();
    let urls = [stage.proxy.url(), stage.bench.anvil.url()];
    let node = Node::connect_any(&urls, devproof_chain::Options::default()).await.unwrap();
    let mut indexer = Indexer::new(node, store.clone(), stage.options()).await.unwrap();
    run(&mut indexer).await.unwrap();
    let call = DstackApp::addComposeHashCall { composeHash: keccak256("second") };
    let sent = stage.bench.rival.send(stock, &call).await.unwrap();
    stage.proxy.hide(Some((stock, sent.transaction)));
    run(&mut indexer).await.unwrap();
    let logs = store.logs(chain_id, &[stock], u64::MAX).await.unwrap();
    assert!(logs.iter().any(|log| log.tx_hash == sent.transaction), "{logs:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reply_that_says_nothing_makes_no_app_unknown() {
    let stage = Stage::set().await;
    let chain_id = stage.bench.node.chain_id();
    let stock = stage.bench.deploy_stock_app(keccak256("first")).await.unwrap();
    let honest = stage.store("honest").await;
    run(&mut stage.indexer(&honest).await).await.unwrap();
    let answers = honest.readings(chain_id, stock, u64::MAX).await.unwrap();
    // It may be any of the questions that find out what an app is: all of them are hit by some seed.
    for (fault, likely) in [(Fault::Empty, 0.2), (Fault::Nonsense, 0.03)] {
        let mut hit = 0;
        for seed in 0..24 {
            let proxy = FaultyProxy::before(stage.bench.anvil.url(), seed).await.unwrap();
            if seed % 2 == 0 {
                // Each question by itself.
                proxy.want_recipients();
            }
            let store = stage.store(&format!("{fault:?}-{seed}")).await;
            let node = Node::connect(proxy.url()).await.unwrap();
            let mut indexer = Indexer::new(node, store.clone(), stage.options()).await.unwrap();
            // From the moment on at which the apps are found.
            proxy.set(Faults::none().with(fault, likely));
            let mut runs = 0;
            while run(&mut indexer).await.is_err() {
                runs += 1;
                assert!(runs < 500, "{fault:?}, seed {seed}");
            }
            hit += usize::from(proxy.happened().contains_key(&fault));
            let kind = async |app| {
                store.contract(chain_id, app).await.unwrap().map(|contract| contract.code_kind)
            };
            assert_eq!(kind(stock).await.as_deref(), Some("dstack_app"), "{fault:?}, seed {seed}");
            assert_eq!(kind(stage.app).await.as_deref(), Some("app_auth"), "{fault:?}, {seed}");
            let found = store.readings(chain_id, stock, u64::MAX).await.unwrap();
            assert_eq!(found, answers, "{fault:?}, seed {seed}");
        }
        assert!(hit >= 12 || fault == Fault::Nonsense, "{fault:?} hit {hit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_contract_that_plays_a_busy_node_keeps_nobody_waiting() {
    let stage = Stage::set().await;
    let chain_id = stage.bench.node.chain_id();
    // One reverts with the words of a quota, one never comes to an end.
    let mut words = [0; 32];
    words[..10].copy_from_slice(b"rate limit");
    let selector = [[0x08, 0xc3, 0x79, 0xa0].as_slice(), &[0; 28]].concat();
    let reverts = [
        &[0x7f][..],
        &selector,
        &[0x60, 0, 0x52, 0x60, 0x20, 0x60, 4, 0x52, 0x60, 10, 0x60, 0x24, 0x52, 0x7f],
        &words,
        &[0x60, 0x44, 0x52, 0x60, 0x64, 0x60, 0, 0xfd],
    ]
    .concat();
    let loops = vec![0x5b, 0x60, 0, 0x56];
    for runtime in [reverts, loops] {
        let size = runtime.len() as u8;
        let code = [&[0x60, size, 0x80, 0x60, 0x0b, 0x60, 0, 0x39, 0x60, 0, 0xf3], &*runtime];
        let deployed = stage.bench.stranger.deploy(code.concat().into()).await.unwrap();
        let call = DstackKms::registerAppCall { appId: deployed.created.unwrap() };
        stage.bench.stranger.send(stage.bench.kms, &call).await.unwrap();
    }
    let store = stage.store("index.sqlite").await;
    let mut indexer = stage.indexer(&store).await;
    tokio::time::timeout(Duration::from_secs(20), run(&mut indexer)).await.unwrap().unwrap();
    let unknown = store.contracts(chain_id).await.unwrap();
    let unknown = unknown.iter().filter(|c| c.role == Role::App && c.code_kind == "unknown");
    assert_eq!(unknown.count(), 2);
}
