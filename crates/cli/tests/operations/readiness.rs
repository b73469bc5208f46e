//! Ready while the chain grows and is followed, and at no other time.

use crate::{
    NOW, Process,
    process::{Answer, devproof, get},
    until,
};
use devproof_store::Store;
use devproof_testkit::Anvil;
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A contract that never says anything.
const NOBODY: &str = "0x00000000000000000000000000000000000000a1";
/// What a busy machine may add between a block and the answer that knows of it.
const SLACK: Duration = Duration::from_secs(4);

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn readyz(host: &str) -> (u16, Value) {
    let answer: Answer = get(host, "/readyz");
    (answer.status, answer.json())
}

fn chain(ready: &Value) -> &Value {
    &ready["chains"][0]
}

async fn mine_every(anvil: &Anvil, seconds: u64) {
    anvil.request("evm_setIntervalMining", json!([seconds])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_goes_red_within_two_blocks_and_a_poll_and_comes_back() {
    let anvil = Anvil::start(now()).unwrap();
    mine_every(&anvil, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("devproof.sqlite").display().to_string();
    let mut command = devproof();
    command.args(["serve", "--database", &database, "--rpc-url", anvil.url(), "--app", NOBODY]);
    let mut writer = Process::start(command.args(["--poll-seconds", "1"]));
    let here = writer.url("Serving");
    let mut reader = devproof();
    let mut reader =
        Process::start(reader.args(["serve", "--database", &database, "--poll-seconds", "1"]));
    let there = reader.url("Serving");
    until("both are ready", async || readyz(&here).0 == 200 && readyz(&there).0 == 200).await;
    // Enough blocks to tell the time between two.
    until("the block time is known", async || {
        let (_, ready) = readyz(&here);
        let time = chain(&ready)["blockTimeMs"].as_u64();
        chain(&ready)["indexHead"].as_u64() > Some(8)
            && time.is_some_and(|ms| (800..1_500).contains(&ms))
    })
    .await;

    mine_every(&anvil, 0).await;
    let stopped = Instant::now();
    let mut red = [None, None];
    until("both are red", async || {
        for (red, host) in red.iter_mut().zip([&here, &there]) {
            let (status, ready) = readyz(host);
            if status == 503 {
                // Red counts from the first time on; on a slow machine the last block is still being worked on then.
                let after = red.take().map_or_else(|| stopped.elapsed(), |(after, _)| after);
                *red = Some((after, ready));
            }
        }
        let stalled = |(_, ready): &(Duration, Value)| chain(ready)["reason"] == "stalled";
        red.iter().all(|red| red.as_ref().is_some_and(stalled))
    })
    .await;
    for (red, by) in red.into_iter().zip(["indexer", "database"]) {
        let (after, ready) = red.unwrap();
        let chain = chain(&ready);
        println!("red {after:?} after the last block, judged by the {by}: {chain}");
        assert_eq!((&chain["reason"], &chain["judgedBy"]), (&json!("stalled"), &json!(by)));
        assert!(chain["detail"].as_str().unwrap().contains("the newest block came"), "{chain}");
        // Two blocks of a second, a poll of a second, and times in whole seconds for the one that only reads.
        let rounding = Duration::from_secs(if by == "database" { 3 } else { 0 });
        assert!(after < Duration::from_secs(3) + rounding + SLACK, "{after:?}");
    }
    // Never green while stuck.
    let until_then = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until_then {
        assert_eq!((readyz(&here).0, readyz(&there).0), (503, 503));
        assert_eq!((get(&here, "/healthz").status, get(&there, "/healthz").status), (200, 200));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    mine_every(&anvil, 1).await;
    until("both are green again", async || readyz(&here).0 == 200 && readyz(&there).0 == 200).await;

    // The chain goes on, and nobody looks.
    writer.kill();
    until("the reader sees that nobody indexes", async || {
        let (status, ready) = readyz(&there);
        status == 503 && chain(&ready)["reason"] == "not_indexed"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_gone_is_named() {
    let anvil = Anvil::start(now()).unwrap();
    mine_every(&anvil, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("devproof.sqlite").display().to_string();
    let secret = "s3cret-key";
    let url = format!("{}/?key={secret}", anvil.url());
    let mut command = devproof();
    command.args(["index", "--follow", "--database", &database, "--app", NOBODY]);
    command.args(["--rpc-url", &url, "--poll-seconds", "1", "--metrics-listen", "127.0.0.1:0"]);
    let mut index = Process::start(&mut command);
    let host = index.url("Metrics at");
    until("it is ready", async || readyz(&host).0 == 200).await;
    let metrics = get(&host, "/metrics").body;
    let port = anvil.url().rsplit(':').next().unwrap();
    for line in [
        "devproof_ready{chain_id=\"31337\"} 1",
        "devproof_standby{chain_id=\"31337\"} 0",
        "devproof_lag_blocks{finality=\"unsafe\",chain_id=\"31337\"} 0.0",
        "devproof_reorgs_total{chain_id=\"31337\"} 0",
        "devproof_orphaned_logs_total{chain_id=\"31337\"} 0",
        "devproof_root_mismatches_total{chain_id=\"31337\"} 0",
    ] {
        let sorted = |text: &str| {
            let mut parts: Vec<_> = text.split(['{', '}', ',']).map(str::to_owned).collect();
            parts.sort();
            parts
        };
        assert!(metrics.lines().any(|found| sorted(found) == sorted(line)), "{line}\n{metrics}");
    }
    for part in [
        "devproof_head_block",
        "devproof_checkpoint_block",
        "devproof_lag_seconds",
        "finality=\"finalized\"",
        "devproof_pages_total",
        "devproof_commit_seconds_bucket",
        "devproof_answer_age_seconds",
        "devproof_letters_due 0",
        "devproof_letters_dead 0",
        "devproof_letters_wait_seconds 0",
        &format!(
            "devproof_rpc_requests_total{{endpoint=\"127.0.0.1:{port}\",method=\"eth_getLogs\"}}"
        ),
    ] {
        assert!(metrics.contains(part), "{part}\n{metrics}");
    }
    assert!(!metrics.contains(secret), "{metrics}");

    drop(anvil);
    until("it is red", async || readyz(&host).0 == 503).await;
    until("the reason is the node", async || {
        let (_, ready) = readyz(&host);
        let detail = chain(&ready)["detail"].as_str().unwrap().to_owned();
        assert!(!detail.contains(secret), "{detail}");
        chain(&ready)["reason"] == "failing" && detail.contains("cannot be reached")
    })
    .await;
    // The lag grows, although nobody updates it.
    until("the lag is seen", async || {
        let metrics = get(&host, "/metrics").body;
        let lag = metrics.lines().find(|line| {
            line.starts_with("devproof_lag_seconds") && line.contains("finality=\"unsafe\"")
        });
        lag.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .is_some_and(|lag| lag > 6.0)
    })
    .await;
    let metrics = get(&host, "/metrics").body;
    assert!(metrics.contains("kind=\"unreachable\""), "{metrics}");
    assert!(metrics.contains("devproof_ready{chain_id=\"31337\"} 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ready_before_it_was_looked_at() {
    let anvil = Anvil::start(NOW).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("devproof.sqlite").display().to_string();
    // Somebody else is the writer, and has not begun.
    let store = Store::open(&database).await.unwrap();
    let writer = store.try_writer(31_337).await.unwrap().unwrap();
    let mut command = devproof();
    command.args(["index", "--follow", "--database", &database, "--app", NOBODY]);
    command.args(["--rpc-url", anvil.url(), "--poll-seconds", "1"]);
    let mut index = Process::start(command.args(["--metrics-listen", "127.0.0.1:0"]));
    let host = index.url("Metrics at");
    index.says("standing by");
    let (status, ready) = readyz(&host);
    assert_eq!((status, &ready["reason"]), (503, &json!("the database holds no chain yet")));
    writer.ensure_chain(31_337, 0).await.unwrap();
    let (status, ready) = readyz(&host);
    assert_eq!((status, &chain(&ready)["reason"]), (503, &json!("starting")));
    assert!(get(&host, "/metrics").body.contains("devproof_standby{chain_id=\"31337\"} 1"));
    drop(writer);
    index.says("taking over");
    until("it has looked", async || readyz(&host).1["chains"][0]["indexHead"].is_u64()).await;
}
