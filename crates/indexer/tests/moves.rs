//! The chain moves while pages are read, before whichever question.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use alloy_primitives::{Address, B256, keccak256};
use devproof_chain::Node;
use devproof_contracts::stock::DstackApp;
use devproof_indexer::{DEFAULT_PAGE_BLOCKS, Indexer, Options, Sources};
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

/// Of a stock app nobody can add up what it says: a fact of the other branch would stay until it is final.
#[tokio::test(flavor = "multi_thread")]
async fn before_whichever_question_the_chain_moves_no_page_is_of_two_branches() {
    // Nothing moves that is final.
    let anvil = Anvil::start_with(31_337, NOW, 8).unwrap();
    let bench = Bench::on(anvil).await.unwrap();
    let chain_id = bench.node.chain_id();
    let proxy = FaultyProxy::before(bench.anvil.url(), 0).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let app = bench.deploy_stock_app(keccak256("first")).await.unwrap();
    // What was before does not move.
    bench.anvil.mine(DEPTH).await.unwrap();
    let (mut follower, store) = indexer(proxy.url(), bench.kms, &folder, "index.sqlite", 1).await;
    follower.catch_up(&mut |_| {}).await.unwrap();
    let mut refused = 0_u64;
    for questions in 0_u64.. {
        assert!(questions < 1_000, "it never ends");
        for n in 0..=DEPTH {
            let version = keccak256([questions.to_be_bytes(), n.to_be_bytes()].concat());
            let call = DstackApp::addComposeHashCall { composeHash: version };
            bench.rival.send(app, &call).await.unwrap();
        }
        proxy.reorg_after(questions, DEPTH);
        let read = follower.catch_up(&mut |_| {}).await;
        let all_were_asked = proxy.is_to_move();
        proxy.settle();
        if let Err(error) = read {
            assert!(error.is_passing(), "{error}");
            refused += 1;
        }
        follower.catch_up(&mut |_| {}).await.unwrap();
        let name = format!("{questions}.sqlite");
        let blocks = DEFAULT_PAGE_BLOCKS.get();
        let (mut fresh, anew) = indexer(bench.anvil.url(), bench.kms, &folder, &name, blocks).await;
        fresh.catch_up(&mut |_| {}).await.unwrap();
        let digests: [B256; 2] =
            [store.digest(chain_id).await.unwrap(), anew.digest(chain_id).await.unwrap()];
        assert_eq!(digests[0], digests[1], "the chain moved behind {questions} questions");
        if all_were_asked {
            assert!(refused > 3 && questions > 12, "{refused} of {questions}");
            return;
        }
    }
}
