//! A chain that is replayed is the chain.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use alloy::{
    primitives::{Address, B256, Bytes},
    providers::{Provider, ProviderBuilder},
    sol_types::SolCall,
    transports::RpcError,
};
use devproof_chain::Node;
use devproof_contracts::stock::{DstackApp, LegacyAppAuth};
use devproof_indexer::{DEFAULT_PAGE_BLOCKS, Indexer, Options, Sources};
use devproof_store::{Reading, Store};
use devproof_testkit::{
    Bench, Busy, Story,
    replay::{Ledger, Plan, Replay},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tempfile::TempDir;

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;
const IMPLEMENTATION: &str = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";

fn options(kms: Address, factories: Vec<Address>, registries: Vec<Address>) -> Options {
    Options {
        sources: Sources { kms: vec![kms], factories, registries, apps: vec![] },
        start_block: 0,
        poll_interval: Duration::from_millis(50),
        page_blocks: DEFAULT_PAGE_BLOCKS,
        lag_patience: Duration::ZERO,
    }
}

/// All that is indexed of a chain that stands still: the digest, and what was read by call.
async fn index(
    url: &str,
    options: Options,
    folder: &TempDir,
) -> (B256, BTreeMap<Address, Vec<Reading>>, u64) {
    let path = folder.path().join(format!("{}.sqlite", url.replace(['/', ':'], "")));
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    let node = Node::connect(url).await.unwrap();
    let chain_id = node.chain_id();
    let mut indexer = Indexer::new(node, store.clone(), options).await.unwrap();
    indexer.catch_up(&mut |_| {}).await.unwrap();
    let mut readings = BTreeMap::new();
    for contract in store.contracts(chain_id).await.unwrap() {
        let of_it = store.readings(chain_id, contract.address, u64::MAX).await.unwrap();
        readings.insert(contract.address, of_it);
    }
    let head = store.chain(chain_id).await.unwrap().unwrap().checkpoint.unwrap().number;
    (store.digest(chain_id).await.unwrap(), readings, head)
}

/// A result, or the data of a revert.
async fn ask(provider: &impl Provider, method: &str, params: &Value) -> Value {
    let method = method.to_owned();
    match provider.raw_request::<Value, Value>(method.clone().into(), params.clone()).await {
        Ok(answer) => answer,
        Err(RpcError::ErrorResp(error)) => {
            json!({"code": error.code, "reverted": error.as_revert_data()})
        }
        Err(error) => panic!("{method}: {error}"),
    }
}

/// Where an answer says something else than another one, which may say more.
fn difference(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => ours.iter().find_map(|(key, value)| {
            // What a transaction paid is not replayed.
            let is_price = matches!(key.as_str(), "gasPrice" | "effectiveGasPrice");
            let there = theirs.get(key).unwrap_or(&Value::Null);
            (!is_price).then(|| difference(&format!("{path}.{key}"), value, there)).flatten()
        }),
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let mut pairs = ours.iter().zip(theirs).enumerate();
            pairs.find_map(|(n, (ours, theirs))| difference(&format!("{path}[{n}]"), ours, theirs))
        }
        (ours, theirs) => (ours != theirs).then(|| format!("{path}: {ours} and not {theirs}")),
    }
}

/// Asks a replayed chain and the chain itself the same.
async fn compare(bench: &Bench, replay: &Replay) {
    let here = ProviderBuilder::new().connect_http(replay.url().parse().unwrap());
    let there = ProviderBuilder::new().connect_http(bench.anvil.url().parse().unwrap());
    let same = async |method: &str, params: Value| {
        let (ours, theirs) =
            (ask(&here, method, &params).await, ask(&there, method, &params).await);
        let different = difference("", &ours, &theirs);
        assert!(different.is_none(), "{method} {params}: {}", different.unwrap());
        theirs
    };
    let head = replay.ledger().head();
    for tag in ["latest", "safe", "finalized", "earliest"] {
        same("eth_getBlockByNumber", json!([tag, false])).await;
    }
    same("eth_chainId", json!([])).await;
    same("eth_blockNumber", json!([])).await;
    let beyond = format!("{:#x}", head + 1);
    same("eth_getBlockByNumber", json!([beyond, false])).await;
    let everything = json!([{"fromBlock": "0x0", "toBlock": "latest"}]);
    let logs = same("eth_getLogs", everything).await;
    let logs = logs.as_array().unwrap();
    let of =
        |key: &str| -> BTreeSet<&str> { logs.iter().filter_map(|l| l[key].as_str()).collect() };
    let topics: BTreeSet<&str> = logs
        .iter()
        .flat_map(|l| l["topics"].as_array().unwrap())
        .filter_map(Value::as_str)
        .collect();
    let emitters = of("address");
    for emitter in &emitters {
        let filter = json!([{"address": emitter, "fromBlock": "0x3", "toBlock": format!("{:#x}", head - 2)}]);
        same("eth_getLogs", filter).await;
    }
    let both: Vec<_> = emitters.iter().take(2).collect();
    for topic in topics.iter().step_by(1 + topics.len() / 16) {
        for topics in
            [json!([topic]), json!([null, [topic, IMPLEMENTATION]]), json!([[], null, topic])]
        {
            let filter = json!([{"address": both, "topics": topics, "fromBlock": "0x0", "toBlock": "latest"}]);
            same("eth_getLogs", filter).await;
        }
    }
    let selectors = [
        DstackApp::allowAnyDeviceCall::SELECTOR,
        DstackApp::ownerCall::SELECTOR,
        DstackApp::requireTcbUpToDateCall::SELECTOR,
        LegacyAppAuth::appIdCall::SELECTOR,
    ];
    for number in 0..=head {
        let at = format!("{number:#x}");
        let block = same("eth_getBlockByNumber", json!([at, false])).await;
        same("eth_getBlockByNumber", json!([at, true])).await;
        same("eth_getBlockByHash", json!([block["hash"], false])).await;
        same("eth_getLogs", json!([{"blockHash": block["hash"]}])).await;
        same("eth_getBlockReceipts", json!([at])).await;
        for emitter in emitters.iter().skip(usize::try_from(number).unwrap() % 3).step_by(3) {
            same("eth_getCode", json!([emitter, at])).await;
            for slot in [IMPLEMENTATION, "0x1", "0x3"] {
                same("eth_getStorageAt", json!([emitter, slot, at])).await;
            }
            for selector in selectors {
                let call = json!({"to": emitter, "input": Bytes::from(selector), "gas": "0x7a120"});
                same("eth_call", json!([call, at])).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_life_is_answered_and_indexed_as_it_was_lived() {
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let bench = &story.bench;
    let folder = tempfile::tempdir().unwrap();
    let options = options(bench.kms, vec![bench.factory], vec![bench.registry]);
    let lived = index(bench.anvil.url(), options.clone(), &folder).await;
    let replay = Replay::serve(Ledger::record(&bench.anvil).await.unwrap(), 1).unwrap();
    compare(bench, &replay).await;
    replay.show_up_to(lived.2);
    assert_eq!(index(replay.url(), options, &folder).await, lived);
    assert!(lived.1.values().any(|readings| !readings.is_empty()), "something was read by call");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_recorded_apps_are_indexed_as_those_of_anvil() {
    let bench = Bench::start(NOW).await.unwrap();
    let busy = Busy { apps: 20, blocks: 20, changes_per_block: 5 };
    let apps = bench.make_busy(busy).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = options(bench.kms, vec![], vec![]);
    let lived = index(bench.anvil.url(), options.clone(), &folder).await;
    // Once it mines by itself again, anvil may add an empty block at any moment: both are asked up to the same one.
    let replay = Replay::serve(Ledger::record(&bench.anvil).await.unwrap(), 1).unwrap();
    replay.show_up_to(lived.2);
    assert_eq!(index(replay.url(), options, &folder).await, lived);
    assert!(apps.iter().all(|app| !lived.1[app].is_empty()), "each app was read by call");
}

const SMALL: Plan =
    Plan { seed: 7, chain_id: 31_337, genesis_time: NOW, blocks: 120, apps: 20, events: 400 };

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_chain_holds_what_its_headers_say() {
    let made = SMALL.make().unwrap();
    let (head, logs) = (made.ledger.head(), made.ledger.logs());
    assert_eq!(made.apps.len(), 20);
    assert!((400 + 8 * 20..400 + 8 * 20 + 20).contains(&logs), "{logs} logs");
    assert_eq!(SMALL.make().unwrap().ledger.hash(head), made.ledger.hash(head), "from a seed");
    let other = Plan { seed: 8, ..SMALL }.make().unwrap();
    assert_ne!(other.ledger.hash(head), made.ledger.hash(head));

    let replay = Replay::serve(made.ledger, 32).unwrap();
    let node = Node::connect(replay.url()).await.unwrap();
    let everybody: Vec<Address> = made.apps.iter().copied().chain([made.kms]).collect();
    let all = node.logs(&everybody, 0..=head).await.unwrap();
    let mut proved = Vec::new();
    for number in 0..=head {
        let header = node.header(number).await.unwrap().unwrap();
        assert!(header.proved);
        let of_it =
            node.proved_logs(&header).await.unwrap().expect("receipts that lead to the root");
        assert!(of_it.iter().all(|log| header.admits(log)));
        proved.extend(of_it.into_iter().filter(|log| everybody.contains(&log.address)));
    }
    assert_eq!(all, proved);

    let folder = tempfile::tempdir().unwrap();
    index(replay.url(), options(made.kms, vec![], vec![]), &folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_chain_grows_when_it_is_told_to() {
    let made = SMALL.make().unwrap();
    let head = made.ledger.head();
    let replay = Replay::serve(made.ledger, 2).unwrap();
    let node = Node::connect(replay.url()).await.unwrap();
    replay.show_up_to(50);
    let heads = node.heads().await.unwrap();
    let tags = [Some(heads.latest), heads.safe, heads.finalized].map(|block| block.unwrap().number);
    assert_eq!(tags, [50, 48, 46]);
    assert_eq!(node.block(51).await.unwrap(), None);
    assert!(node.code(made.kms, 51).await.is_err());
    let at_50 = node.logs(&[made.kms], 0..=head).await.unwrap().len();
    replay.show_up_to(u64::MAX);
    assert_eq!(node.heads().await.unwrap().latest.number, head);
    assert!(node.logs(&[made.kms], 0..=head).await.unwrap().len() > at_50);
    assert!(replay.asked().questions["eth_getLogs"] >= 2);
}

/// Apps come in every page, are read of in the pages after it, and are asked once what they were born with.
#[tokio::test(flavor = "multi_thread")]
async fn how_pages_are_cut_does_not_matter() {
    let plan = Plan { blocks: 120, apps: 60, events: 600, ..SMALL };
    let made = plan.make().unwrap();
    let replay = Replay::serve(made.ledger, 32).unwrap();
    let asked = |method: &str| replay.asked().questions.get(method).copied().unwrap_or_default();
    let mut first = None;
    for blocks in [2_000, 1, 2, 7, 50] {
        let folder = tempfile::tempdir().unwrap();
        let page_blocks = blocks.try_into().unwrap();
        let options = Options { page_blocks, ..options(made.kms, vec![], vec![]) };
        let before = ["eth_getCode", "eth_call", "eth_getStorageAt"].map(asked);
        let pages_before = asked("eth_getLogs");
        let indexed = index(replay.url(), options, &folder).await;
        let questions = ["eth_getCode", "eth_call", "eth_getStorageAt"].map(asked);
        let questions: Vec<_> = questions.iter().zip(before).map(|(now, was)| now - was).collect();
        assert_eq!(questions[0], 60, "whether each was there a block before, in pages of {blocks}");
        if blocks == 1 {
            // A KMS says of each that it deployed it, and it was not there before: nothing older is looked for.
            let (questions, pages) = (asked("eth_getLogs") - pages_before, 123);
            assert!(
                questions <= pages + 60,
                "{questions} of {pages} pages, in which 60 apps were named"
            );
        }
        let born = indexed.1.values().filter(|read| read.iter().any(|r| r.what == "birth"));
        assert_eq!(born.count(), 60, "in pages of {blocks}");
        let first = first.get_or_insert_with(|| (indexed.clone(), questions.clone()));
        assert_eq!((&indexed, &questions), (&first.0, &first.1), "in pages of {blocks}");
    }
}
