//! A chain that is reorganised for real, followed by the indexer.

use crate::{Working, add, everything, quick, receiver::Receiver, until, webhook};
use alloy_primitives::B256;
use devproof_chain::Node;
use devproof_contracts::stock::DstackApp;
use devproof_indexer::{DEFAULT_PAGE_BLOCKS, Indexer, Options, Sources};
use devproof_store::Store;
use devproof_testkit::Bench;
use std::time::Duration;

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorisation_that_the_chain_took_back_is_taken_back() {
    let bench = Bench::start(NOW).await.unwrap();
    let app = bench.deploy_stock_app(B256::repeat_byte(1)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
    let options = Options {
        sources: Sources {
            kms: vec![bench.kms],
            factories: vec![],
            registries: vec![],
            apps: vec![],
        },
        start_block: 0,
        poll_interval: Duration::from_millis(50),
        page_blocks: DEFAULT_PAGE_BLOCKS,
        lag_patience: Duration::ZERO,
    };
    let node = Node::connect(bench.anvil.url()).await.unwrap();
    let mut indexer = Indexer::new(node, store.clone(), options).await.unwrap();
    indexer.catch_up(&mut |_| {}).await.unwrap();

    let receiver = Receiver::start(&[]).await;
    let channel = webhook(&receiver.url());
    receiver.expects(channel.signing_secret().unwrap());
    add(&store, everything(bench.node.chain_id()), &channel).await;
    let working = Working::start(&store, quick());
    let added = DstackApp::addComposeHashCall { composeHash: B256::repeat_byte(9) };
    bench.rival.send(app, &added).await.unwrap();
    indexer.catch_up(&mut |_| {}).await.unwrap();
    until("it is told", async || receiver.taken().iter().any(|it| it.kind() == "no_notice")).await;
    let said = receiver.taken().into_iter().find(|it| it.kind() == "no_notice").unwrap();

    bench.anvil.reorg(1).await.unwrap();
    bench.anvil.mine(1).await.unwrap();
    indexer.catch_up(&mut |_| {}).await.unwrap();
    until("it is taken back", async || receiver.taken().iter().any(|it| it.kind() == "orphaned"))
        .await;
    let back = receiver.taken().into_iter().find(|it| it.kind() == "orphaned").unwrap();
    assert_eq!(back.title(), format!("Taken back: {}", said.title()));

    // Said again in another block, it is told again.
    bench.rival.send(app, &added).await.unwrap();
    indexer.catch_up(&mut |_| {}).await.unwrap();
    until("it is told again", async || {
        receiver.taken().iter().filter(|it| it.kind() == "no_notice").count() == 2
    })
    .await;
    working.stop().await;
    assert!(receiver.times().values().all(|times| *times == 1));
}
