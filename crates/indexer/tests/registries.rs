//! What registries of deletions said leads to the roots in their contracts, or is not called checked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use alloy_primitives::{Address, B256};
use devproof_chain::Node;
use devproof_contracts::{
    DeletionEvent, RegistryFault, RegistryHistory, RegistryPlace,
    bindings::registry::DeletionRegistry::historyRootCall, deletion_event,
};
use devproof_indexer::{DEFAULT_PAGE_BLOCKS, Indexer, Options, Sources};
use devproof_store::{RawLog, Store};
use devproof_testkit::{Bench, Story, proxy::FaultyProxy};
use std::time::Duration;

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;

async fn indexer(bench: &Bench, url: &str, store: &Store) -> Indexer {
    let options = Options {
        sources: Sources { registries: vec![bench.registry], ..Sources::default() },
        start_block: 0,
        poll_interval: Duration::from_millis(50),
        page_blocks: DEFAULT_PAGE_BLOCKS,
        lag_patience: Duration::ZERO,
    };
    Indexer::new(Node::connect(url).await.unwrap(), store.clone(), options).await.unwrap()
}

async fn run(indexer: &mut Indexer) {
    indexer.catch_up(&mut |_| {}).await.unwrap();
}

fn read(bench: &Bench, logs: &[RawLog]) -> Result<RegistryHistory, RegistryFault> {
    let mut history = RegistryHistory::new(bench.node.chain_id(), bench.registry);
    for log in logs {
        let at = RegistryPlace {
            block: log.block.number,
            timestamp: log.block.timestamp,
            log_index: log.log_index,
        };
        history.apply(&log.topics, &log.data, at)?;
    }
    Ok(history)
}

/// Whether these logs would pass for the history that leads to these roots.
fn passes(bench: &Bench, logs: &[RawLog], roots: &[(Address, B256)]) -> bool {
    read(bench, logs).is_ok_and(|it| it.is_whole() && it.roots().collect::<Vec<_>>() == roots)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_in_what_a_registry_said_shows() {
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let bench = &story.bench;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("index").to_str().unwrap()).await.unwrap();
    run(&mut indexer(bench, bench.anvil.url(), &store).await).await;
    let chain_id = bench.node.chain_id();
    let logs = store.logs(chain_id, &[bench.registry], u64::MAX).await.unwrap();
    // A key, one deletion, a batch of three with its entries, a tree.
    assert!(logs.len() >= 11, "{}", logs.len());
    let history = read(bench, &logs).unwrap();
    let roots: Vec<_> = history.roots().collect();
    assert!(!roots.is_empty());
    for (app, root) in &roots {
        let call = historyRootCall { app: *app };
        assert_eq!(bench.node.call(bench.registry, &call, None).await.unwrap(), *root);
    }
    let stranger = Address::repeat_byte(9);
    let none = bench.node.call(bench.registry, &historyRootCall { app: stranger }, None).await;
    assert_eq!(none.unwrap(), history.root(stranger), "of whom nothing was said");

    assert!(passes(bench, &logs, &roots));
    for n in 0..logs.len() {
        let mut fewer = logs.clone();
        fewer.remove(n);
        assert!(!passes(bench, &fewer, &roots), "without log {n}");
        let mut doubled = logs.clone();
        doubled.insert(n, logs[n].clone());
        assert!(!passes(bench, &doubled, &roots), "log {n} twice");
        if n > 0 {
            let mut swapped = logs.clone();
            swapped.swap(n - 1, n);
            assert!(!passes(bench, &swapped, &roots), "log {n} before {}", n - 1);
        }
        let means = |log: &RawLog| deletion_event(&log.topics, &log.data);
        for byte in 0..logs[n].data.len() {
            let mut other = logs.clone();
            let mut data = other[n].data.to_vec();
            data[byte] ^= 1;
            other[n].data = data.into();
            // Zeros before a number say nothing; and the chain of signatures behind a key has to be checked by itself.
            let is_same = means(&other[n]) == means(&logs[n]);
            assert!(is_same || !passes(bench, &other, &roots), "byte {byte} of log {n}");
        }
        for topic in 0..logs[n].topics.len() {
            let mut other = logs.clone();
            other[n].topics[topic].0[31] ^= 1;
            assert!(!passes(bench, &other, &roots), "topic {topic} of log {n}");
        }
        let is_root = matches!(means(&logs[n]), Some(DeletionEvent::HistoryExtended { .. }));
        for of in [
            |log: &mut RawLog| {
                log.block.timestamp += 1;
            },
            |log: &mut RawLog| {
                log.block.number += 1;
            },
        ] {
            let mut later = logs.clone();
            of(&mut later[n]);
            // The time is in the root; and all of a fact is in one block.
            let may_pass = !is_root && later[n].block.number == logs[n].block.number;
            assert_eq!(passes(bench, &later, &roots), may_pass, "log {n}, later");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_out_a_deletion_is_found_out() {
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let bench = &story.bench;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("index").to_str().unwrap()).await.unwrap();
    let chain_id = bench.node.chain_id();
    let head = bench.node.heads().await.unwrap().latest.number;
    let said = bench.node.logs(&[bench.registry], 0..=head).await.unwrap();
    let verified = async || {
        let registry = store.contract(chain_id, bench.registry).await.unwrap().unwrap();
        registry.history_verified_at
    };
    // The last deletion, and one in the middle: behind the last one nothing else would show it.
    for transaction in [said.last().unwrap(), &said[said.len() / 2]].map(|log| log.transaction_hash)
    {
        let proxy = FaultyProxy::before(bench.anvil.url(), 0).await.unwrap();
        proxy.hide(Some((bench.registry, transaction)));
        let name = format!("{transaction}");
        let partial = Store::open(folder.path().join(name).to_str().unwrap()).await.unwrap();
        let mut lied_to = indexer(bench, proxy.url(), &partial).await;
        run(&mut lied_to).await;
        let of = async || {
            let registry = partial.contract(chain_id, bench.registry).await.unwrap().unwrap();
            registry.history_verified_at
        };
        assert_eq!(of().await, None, "it does not lead to the root");
        let logs = partial.logs(chain_id, &[bench.registry], u64::MAX).await.unwrap();
        assert!(logs.len() < said.len());
        // It is not read again and again while nothing is new.
        let asked = proxy.asked(devproof_testkit::proxy::Question::Logs);
        run(&mut lied_to).await;
        assert_eq!(proxy.asked(devproof_testkit::proxy::Question::Logs), asked);
        proxy.settle().await;
        run(&mut indexer(bench, proxy.url(), &partial).await).await;
        assert_eq!(of().await, Some(head), "read again where the node tells all");
        let logs = partial.logs(chain_id, &[bench.registry], u64::MAX).await.unwrap();
        assert_eq!(logs.len(), said.len());
    }
    let mut honest = indexer(bench, bench.anvil.url(), &store).await;
    run(&mut honest).await;
    assert_eq!(verified().await, Some(head));
    // A reorg takes away what was compared, and what comes instead is compared again.
    bench.anvil.reorg(1).await.unwrap();
    run(&mut honest).await;
    assert!(verified().await < Some(head), "what was compared there is gone");
    // A new process compares all, and so does this one after a minute.
    run(&mut indexer(bench, bench.anvil.url(), &store).await).await;
    let now = bench.node.heads().await.unwrap().latest.number;
    assert_eq!(verified().await, Some(now));
}
