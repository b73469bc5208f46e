//! A chain that was made busy is one on which everything happened that was to happen.
#![allow(clippy::unwrap_used)]

use devproof_testkit::{Bench, Busy};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

const ROUNDS: u32 = 12;
const BUSY: Busy = Busy { apps: 1, blocks: 4, changes_per_block: 2 };

/// While somebody keeps asking, as an indexer does, anvil may take the questions of one request in another order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_over_though_others_ask_meanwhile() {
    let bench = Bench::start(1_800_000_000).await.unwrap();
    let done = AtomicBool::new(false);
    let ask = async || {
        while !done.load(Ordering::Relaxed) {
            let all = json!([{ "fromBlock": "0x0", "toBlock": "latest" }]);
            let _ = bench.anvil.request("eth_getLogs", all).await;
            let _ = bench.anvil.request("eth_getBlockByNumber", json!(["latest", true])).await;
        }
    };
    let make = async {
        for round in 0..ROUNDS {
            let before = bench.node.heads().await.unwrap().latest.number;
            let made = tokio::time::timeout(Duration::from_secs(60), bench.make_busy(BUSY)).await;
            made.unwrap().unwrap_or_else(|error| panic!("round {round}: {error}"));
            let pool = bench.anvil.request("txpool_status", json!([])).await.unwrap();
            assert_eq!((&pool["pending"], &pool["queued"]), (&json!("0x0"), &json!("0x0")));
            for number in before + 2..=before + 5 {
                let question = json!([format!("{number:#x}"), false]);
                let block: Value =
                    bench.anvil.request("eth_getBlockByNumber", question).await.unwrap();
                let there = block["transactions"].as_array().unwrap().len();
                assert_eq!(there, BUSY.changes_per_block, "round {round}, block {number}");
            }
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(ask(), ask(), ask(), make);
}
