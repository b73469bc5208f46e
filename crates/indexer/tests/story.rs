//! A product's life on a real chain, indexed, against what the contracts themselves answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use alloy::sol_types::SolEvent as _;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use devproof_chain::Node;
use devproof_contracts::{
    app_event,
    bindings::AppAuth::{self, *},
    kms_event,
    stock::{DstackApp, DstackKms, LegacyKmsAuth},
};
use devproof_indexer::{
    DEFAULT_PAGE_BLOCKS, IndexError, Indexer, Options, Progress, Report, Sources,
};
use devproof_primitives::{Action, Event, Kms, Notice, Policy, Position, Rules, Setting};
use devproof_store::{RawLog, Store};
use devproof_testkit::{Anvil, Bench, Birth, Story, proxy::FaultyProxy};
use serde_json::json;
use std::{collections::BTreeSet, num::NonZeroU64, time::Duration};

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;

fn options(bench: &Bench) -> Options {
    Options {
        sources: Sources {
            kms: vec![bench.kms],
            factories: vec![bench.factory],
            registries: vec![bench.registry],
            apps: vec![],
        },
        start_block: 0,
        poll_interval: Duration::from_millis(50),
        page_blocks: DEFAULT_PAGE_BLOCKS,
        lag_patience: Duration::ZERO,
    }
}

async fn index(bench: &Bench, store: &Store) -> Report {
    let node = Node::connect(bench.anvil.url()).await.unwrap();
    let mut indexer = Indexer::new(node, store.clone(), options(bench)).await.unwrap();
    indexer.catch_up(&mut |_| {}).await.unwrap()
}

async fn new_store(folder: &tempfile::TempDir, name: &str) -> Store {
    Store::open(folder.path().join(name).to_str().unwrap()).await.unwrap()
}

fn fold(rules: Rules, logs: &[RawLog]) -> Policy {
    let mut policy = Policy::new(rules);
    for log in logs {
        let Some(event) = app_event(&log.topics, &log.data) else { continue };
        let at = Position {
            block: log.block.number,
            log_index: log.log_index,
            timestamp: log.block.timestamp,
            transaction: log.tx_hash,
        };
        policy.apply(at, &event).unwrap();
    }
    policy
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_indexed_is_what_the_contracts_answer_at_every_block() {
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let bench = &story.bench;
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder, "index.sqlite").await;
    let report = index(bench, &store).await;
    let node = &bench.node;
    let chain_id = node.chain_id();

    let kinds: Vec<_> = store.contracts(chain_id).await.unwrap();
    let kind = |a: Address| kinds.iter().find(|c| c.address == a).unwrap().code_kind.clone();
    assert_eq!(kind(story.product), "app_auth");
    assert_eq!(kind(story.stock), "dstack_app");

    let hashes: Vec<B256> = (1..=7).map(|n| story.versions.hash(n).0).collect();
    let devices = ["device 1", "device 2"].map(keccak256);
    let rivals: Vec<B256> = (1..=4).map(|n| keccak256(format!("rival {n}"))).collect();
    let rules = Rules::AppAuth { chain_id, app: story.product };
    let mut born = 0;
    for block in 0..=report.head.number {
        let policy = fold(rules, &store.logs(chain_id, &[story.product], block).await.unwrap());
        if policy.owner.is_none() {
            continue;
        }
        born += 1;
        let ask = async |call| node.call(story.product, &call, Some(block)).await.unwrap();
        for hash in &hashes {
            let allowed = ask(allowedComposeHashesCall { composeHash: *hash }).await;
            assert_eq!(policy.compose_hashes.contains_key(hash), allowed, "{hash} at {block}");
        }
        for device in devices {
            let call = allowedDeviceIdsCall { deviceId: device };
            let allowed = node.call(story.product, &call, Some(block)).await.unwrap();
            assert_eq!(policy.devices.contains_key(&device), allowed, "{device} at {block}");
        }
        let root =
            node.call(story.product, &AppAuth::historyRootCall {}, Some(block)).await.unwrap();
        assert_eq!(policy.history_root(), Some(root), "root at {block}");
        let notice = node.call(story.product, &noticePeriodCall {}, Some(block)).await.unwrap();
        assert_eq!(policy.notice_period, Some(u64::from(notice)));

        let logs = store.logs(chain_id, &[story.stock], block).await.unwrap();
        let stock = fold(Rules::AsEmitted, &logs);
        for hash in rivals.iter().filter(|_| stock.owner.is_some()) {
            let call = DstackApp::allowedComposeHashesCall { composeHash: *hash };
            let allowed = node.call(story.stock, &call, Some(block)).await.unwrap();
            assert_eq!(stock.compose_hashes.contains_key(hash), allowed, "{hash} at {block}");
        }
    }
    assert!(born > 25, "the product lived through {born} blocks");

    // How much notice users had, and who gave it.
    let head = report.head.number;
    let policy = fold(rules, &store.logs(chain_id, &[story.product], head).await.unwrap());
    let notice = |n: u32| policy.compose_hashes[&story.versions.hash(n).0].notice;
    assert_eq!(notice(2), Notice::Seconds(7 * 86_400 + 7_200));
    assert_eq!(notice(6), Notice::Seconds(14 * 86_400 + 3_600));
    let stock = fold(Rules::AsEmitted, &store.logs(chain_id, &[story.stock], head).await.unwrap());
    assert_eq!(stock.compose_hashes[&rivals[0]].notice, Notice::Born);
    assert_eq!(stock.compose_hashes[&rivals[2]].notice, Notice::Seconds(0));
    assert_eq!(stock.compose_hashes[&rivals[2]].actor, Some(bench.rival.address()));

    // The other leg.
    let mut kms = Kms::default();
    for log in store.logs(chain_id, &[bench.kms], head).await.unwrap() {
        if let Some(event) = kms_event(&log.topics, &log.data) {
            kms.apply(&event);
        }
    }
    assert_eq!(kms.registered, [story.product, story.stock].into());
    assert_eq!(kms.os_images, bench.os_images.into());
    assert_eq!(kms.k256_root, Some(bench.keys.root_key()));
    assert_eq!(kms.owner, Some(bench.operator.address()));
    let registered = DstackKms::registeredAppsCall { appId: story.product };
    assert!(node.call(bench.kms, &registered, None).await.unwrap());
}

/// A bench with a product, and nothing else yet.
async fn small() -> (Bench, Address) {
    let bench = Bench::start(NOW).await.unwrap();
    let app = deploy_small(&bench).await;
    (bench, app)
}

async fn deploy_small(bench: &Bench) -> Address {
    let settings = devproof_contracts::bindings::IAppAuth::Settings {
        owner: bench.owner.address(),
        guardian: Address::ZERO,
        noticePeriod: 2 * 86_400,
        allowAnyDevice: true,
        requireTcbUpToDate: false,
        composeHashes: vec![keccak256("first")],
        devices: vec![],
        osImages: vec![],
    };
    bench.deploy_app(&settings, B256::ZERO).await.unwrap()
}

async fn propose(bench: &Bench, app: Address, name: &str) {
    let call = proposeComposeHash_1Call { composeHash: keccak256(name) };
    bench.owner.send(app, &call).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorg_leaves_what_a_fresh_index_would_hold_and_keeps_the_orphans() {
    let (bench, app) = small().await;
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder, "index.sqlite").await;
    let chain_id = bench.node.chain_id();
    bench.anvil.mine(4).await.unwrap();
    index(&bench, &store).await;
    propose(&bench, app, "orphan").await;
    assert_eq!(index(&bench, &store).await.logs, 2);

    bench.anvil.reorg(2).await.unwrap();
    propose(&bench, app, "second").await;
    let report = index(&bench, &store).await;
    assert_eq!((report.orphaned_blocks, report.orphaned_logs), (2, 2));
    let orphans = store.orphaned_logs(chain_id, app).await.unwrap();
    assert_eq!(orphans.len(), 2);
    assert!(orphans.iter().any(|log| log.topics.get(1) == Some(&keccak256("orphan"))));

    let fresh = new_store(&folder, "fresh.sqlite").await;
    index(&bench, &fresh).await;
    let all = |store: Store| async move { store.logs(chain_id, &[app], u64::MAX).await.unwrap() };
    assert_eq!(all(store.clone()).await, all(fresh.clone()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_gets_shorter_takes_its_facts_along() {
    let (bench, app) = small().await;
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder, "index.sqlite").await;
    let chain_id = bench.node.chain_id();
    let before = index(&bench, &store).await;
    let logs = store.logs(chain_id, &[app], u64::MAX).await.unwrap();
    let snapshot = bench.anvil.snapshot().await.unwrap();
    propose(&bench, app, "gone").await;
    index(&bench, &store).await;
    bench.anvil.revert(snapshot).await.unwrap();
    let after = index(&bench, &store).await;
    assert_eq!(after.head, before.head);
    assert_eq!(store.logs(chain_id, &[app], u64::MAX).await.unwrap(), logs);
    assert_eq!(store.orphaned_logs(chain_id, app).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kms_named_late_brings_its_apps_with_their_past() {
    let (bench, app) = small().await;
    propose(&bench, app, "second").await;
    let folder = tempfile::tempdir().unwrap();
    let chain_id = bench.node.chain_id();
    let store = new_store(&folder, "late.sqlite").await;
    let only_registry = Options {
        sources: Sources { registries: vec![bench.registry], ..Sources::default() },
        ..options(&bench)
    };
    let node = bench.node.clone();
    let mut indexer = Indexer::new(node, store.clone(), only_registry).await.unwrap();
    indexer.catch_up(&mut |_| {}).await.unwrap();
    assert_eq!(store.logs(chain_id, &[app], u64::MAX).await.unwrap(), []);
    index(&bench, &store).await;

    let at_once = new_store(&folder, "at-once.sqlite").await;
    index(&bench, &at_once).await;
    let logs = at_once.logs(chain_id, &[app], u64::MAX).await.unwrap();
    assert_eq!(store.logs(chain_id, &[app], u64::MAX).await.unwrap(), logs);
    assert!(!logs.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_named_an_app_does_not_depend_on_the_order_of_reading() {
    let (bench, app) = small().await;
    // One that only the KMS names, and one that both name in one block, and the KMS again later.
    let nobody = Address::with_last_byte(7);
    for id in [nobody, app] {
        let call = DstackKms::registerAppCall { appId: id };
        bench.stranger.send(bench.kms, &call).await.unwrap();
    }
    bench.anvil.mine(3).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chain_id = bench.node.chain_id();
    let at_once = new_store(&folder, "at-once.sqlite").await;
    index(&bench, &at_once).await;
    let expected = at_once.digest(chain_id).await.unwrap();

    let all = options(&bench).sources;
    let only_kms = Sources { factories: vec![], ..all.clone() };
    let only_factory = Sources { kms: vec![], ..all };
    for (name, few) in [("kms", only_kms), ("factory", only_factory)] {
        let store = new_store(&folder, name).await;
        let one = NonZeroU64::new(1).unwrap();
        let few = Options { sources: few, page_blocks: one, ..options(&bench) };
        let mut indexer = Indexer::new(bench.node.clone(), store.clone(), few).await.unwrap();
        indexer.catch_up(&mut |_| {}).await.unwrap();
        index(&bench, &store).await;
        assert_eq!(store.digest(chain_id).await.unwrap(), expected, "the {name} first");
    }
}

/// Whoever calls this has it emit three topics: PUSH1 64 CALLDATALOAD PUSH1 32 CALLDATALOAD PUSH0 CALLDATALOAD PUSH0 PUSH0 LOG3.
const EMITS_TOPICS: &str = "0x6040356020355f355f5fa3";
/// And this one a topic and a word: PUSH1 32 CALLDATALOAD PUSH0 MSTORE PUSH0 CALLDATALOAD PUSH1 32 PUSH0 LOG1.
const EMITS_A_WORD: &str = "0x6020355f525f3560205fa1";

/// A KMS is a contract like any other, and a node one that may answer nothing: neither of them alone hides what an app did
/// before it was named.
#[tokio::test(flavor = "multi_thread")]
async fn neither_kms_nor_node_alone_hides_the_past_of_an_app() {
    let bench = Bench::start(NOW).await.unwrap();
    let app = bench.deploy_stock_app(keccak256("before")).await.unwrap();
    bench.anvil.mine(3).await.unwrap();
    let (deployed, registered) = (
        DstackKms::AppDeployedViaFactory::SIGNATURE_HASH,
        DstackKms::AppRegistered::SIGNATURE_HASH,
    );
    let by = bench.stranger.address().into_word();
    let says = [
        (EMITS_TOPICS, [deployed, app.into_word(), by].concat()),
        (EMITS_A_WORD, [registered, app.into_word()].concat()),
    ];
    let mut all = vec![(bench.kms, false)];
    for (n, (code, claim)) in (0x70..).zip(says) {
        let kms = Address::repeat_byte(n);
        bench.anvil.request("anvil_setCode", json!([kms, code])).await.unwrap();
        let (from, data) = (bench.rival.address(), Bytes::from(claim));
        let sent = json!([{ "from": from, "to": kms, "data": data }]);
        bench.anvil.request("eth_sendTransaction", sent).await.unwrap();
        bench.anvil.mine(3).await.unwrap();
        // The second one is read through a node that says that there was never any code.
        all.push((kms, code == EMITS_A_WORD));
    }

    let folder = tempfile::tempdir().unwrap();
    let chain_id = bench.node.chain_id();
    let mut said = Vec::new();
    for (kms, says_nothing) in all {
        let proxy = FaultyProxy::before(bench.anvil.url(), 0).await.unwrap();
        if says_nothing {
            proxy.always("eth_getCode", json!("0x"));
        }
        let store = new_store(&folder, &format!("{kms}.sqlite")).await;
        let sources = Sources { kms: vec![kms], ..Sources::default() };
        let page_blocks = NonZeroU64::new(1).unwrap();
        let options = Options { sources, page_blocks, ..options(&bench) };
        let node = Node::connect(proxy.url()).await.unwrap();
        let mut indexer = Indexer::new(node, store.clone(), options).await.unwrap();
        indexer.catch_up(&mut |_| {}).await.unwrap();
        let contract = store.contract(chain_id, app).await.unwrap().unwrap();
        assert_eq!((contract.named_by, contract.code_kind.as_str()), (Some(kms), "dstack_app"));
        said.push(store.logs(chain_id, &[app], u64::MAX).await.unwrap());
    }
    assert!(said[0].len() > 2, "{said:?}");
    assert_eq!(said[0], said[1], "said to be deployed when it was there");
    assert_eq!(said[0], said[2], "said not to have been there");
}

/// What is asked behind the last page is asked by the next process, if this one does not come to it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_asked_before_a_crash_is_asked_after_it() {
    let bench = Bench::start(NOW).await.unwrap();
    let birth = Birth { compose_hash: keccak256("first"), ..Birth::default() };
    let app = bench.deploy_timelock_app(86_400, birth).await.unwrap();
    let call = DstackKms::registerAppCall { appId: app };
    bench.stranger.send(bench.kms, &call).await.unwrap();
    let stock = bench.deploy_stock_app_with(birth).await.unwrap();
    let new_implementation = bench.deploy_implementation(false).await.unwrap();
    let upgrade = DstackApp::upgradeToAndCallCall {
        newImplementation: new_implementation,
        data: Bytes::new(),
    };
    bench.rival.send(stock, &upgrade).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chain_id = bench.node.chain_id();
    let store = new_store(&folder, "killed.sqlite").await;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut tell = |progress: Progress| {
        if progress.done == progress.head {
            told.send(()).unwrap();
        }
    };
    {
        let node = Node::connect(bench.anvil.url()).await.unwrap();
        let mut indexer = Indexer::new(node, store.clone(), options(&bench)).await.unwrap();
        tokio::select! {
            biased;
            _ = heard.recv() => {}
            done = indexer.catch_up(&mut tell) => panic!("it was not stopped: {done:?}"),
        }
    }
    assert_eq!(store.readings(chain_id, app, u64::MAX).await.unwrap(), []);
    index(&bench, &store).await;
    let fresh = new_store(&folder, "fresh.sqlite").await;
    index(&bench, &fresh).await;
    for (app, blocks) in [(app, 1), (stock, 2)] {
        let readings = store.readings(chain_id, app, u64::MAX).await.unwrap();
        let read: BTreeSet<u64> = readings.iter().map(|reading| reading.block.number).collect();
        assert_eq!(read.len(), blocks, "{readings:?}");
        assert_eq!(readings, fresh.readings(chain_id, app, u64::MAX).await.unwrap());
    }
    assert_eq!(store.digest(chain_id).await.unwrap(), fresh.digest(chain_id).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_was_registered_before_it_was_deployed_is_known_for_what_it_is() {
    let bench = Bench::start(NOW).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chain_id = bench.node.chain_id();
    let store = new_store(&folder, "index.sqlite").await;
    // Anybody can tell from the owner's transaction where the app will be, and register it before.
    let snapshot = bench.anvil.snapshot().await.unwrap();
    let app = deploy_small(&bench).await;
    bench.anvil.revert(snapshot).await.unwrap();
    let call = DstackKms::registerAppCall { appId: app };
    bench.stranger.send(bench.kms, &call).await.unwrap();
    index(&bench, &store).await;
    let kind = async |store: &Store| {
        let contract = store.contract(chain_id, app).await.unwrap().unwrap();
        (contract.code_kind, contract.history_verified_at)
    };
    assert_eq!(kind(&store).await, ("unknown".to_owned(), None));

    bench.anvil.mine(2).await.unwrap();
    assert_eq!(deploy_small(&bench).await, app);
    let head = index(&bench, &store).await.head.number;
    assert_eq!(kind(&store).await, ("app_auth".to_owned(), Some(head)));
    let fresh = new_store(&folder, "fresh.sqlite").await;
    index(&bench, &fresh).await;
    assert_eq!(store.digest(chain_id).await.unwrap(), fresh.digest(chain_id).await.unwrap());

    // Where it is not deployed, it is not known.
    bench.anvil.reorg(1).await.unwrap();
    index(&bench, &store).await;
    assert_eq!(kind(&store).await, ("unknown".to_owned(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorg_below_finalized_is_an_alarm_and_changes_nothing() {
    let (bench, app) = small().await;
    let folder = tempfile::tempdir().unwrap();
    let store = new_store(&folder, "index.sqlite").await;
    let chain_id = bench.node.chain_id();
    propose(&bench, app, "second").await;
    bench.anvil.mine(6).await.unwrap();
    let before = index(&bench, &store).await;
    let facts = store.digest(chain_id).await.unwrap();

    // Finalized is two blocks behind the head.
    bench.anvil.reorg(4).await.unwrap();
    bench.anvil.mine(2).await.unwrap();
    let node = Node::connect(bench.anvil.url()).await.unwrap();
    let mut indexer = Indexer::new(node, store.clone(), options(&bench)).await.unwrap();
    let error = indexer.catch_up(&mut |_| {}).await.unwrap_err();
    let finalized = before.head.number - 2;
    assert!(
        matches!(error, IndexError::FinalizedReorg { finalized: f } if f == finalized),
        "{error}"
    );
    assert_eq!(store.digest(chain_id).await.unwrap(), facts);
}

/// In the generation before, what decides for an app may be found out only after the KMS named its id. In the page after that
/// it is heard all the same.
#[tokio::test(flavor = "multi_thread")]
async fn however_pages_are_cut_the_contract_behind_an_id_is_heard() {
    let bench = Bench::on(Anvil::start_with(31_337, NOW, 1).unwrap()).await.unwrap();
    let kms = bench.deploy_legacy_kms().await.unwrap();
    let mut apps = Vec::new();
    for n in 0..3_u64 {
        let birth = Birth { compose_hash: keccak256(format!("first {n}")), ..Birth::default() };
        // The KMS names only the id: which contract decides has to be asked.
        let id = Address::with_last_byte(n as u8 + 1);
        let controller = bench.deploy_legacy_controller(id, birth).await.unwrap();
        let call = LegacyKmsAuth::registerAppCall { controller };
        bench.rival.send(kms, &call).await.unwrap();
        apps.push((id, controller));
        for (_, app) in &apps {
            let hash = keccak256([app.as_slice(), &n.to_be_bytes()].concat());
            let call = DstackApp::addComposeHashCall { composeHash: hash };
            bench.rival.send(*app, &call).await.unwrap();
        }
    }
    let (folder, chain_id) = (tempfile::tempdir().unwrap(), bench.node.chain_id());
    let mut whole = None;
    for blocks in [1_000, 1, 2, 3, 5] {
        let store = new_store(&folder, &format!("{blocks}.sqlite")).await;
        let mut options = options(&bench);
        options.sources.kms = vec![kms];
        options.page_blocks = NonZeroU64::new(blocks).unwrap();
        let node = Node::connect(bench.anvil.url()).await.unwrap();
        let mut indexer = Indexer::new(node, store.clone(), options).await.unwrap();
        let head = indexer.catch_up(&mut |_| {}).await.unwrap().head;
        for ((_, app), added) in apps.iter().zip([3, 2, 1]) {
            let said = store.logs(chain_id, &[*app], head.number).await.unwrap();
            let adds = said.iter().filter(|log| {
                let event = app_event(&log.topics, &log.data);
                matches!(event, Some(Event::Stock(change)) if (change.action, change.setting) == (Action::Set, Setting::ComposeHash))
            });
            // One more, before it was named.
            assert_eq!(adds.count(), added + 1, "pages of {blocks} blocks");
        }
        let digest = store.digest(chain_id).await.unwrap();
        assert_eq!(digest, *whole.get_or_insert(digest), "pages of {blocks} blocks");
    }
}
