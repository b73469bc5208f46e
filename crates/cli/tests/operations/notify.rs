//! `devproof notify run`, killed again and again.

use crate::{
    NOW,
    process::{Process, devproof},
    until,
    watch::world::{LOCAL, World, block},
};
use alloy_primitives::B256;
use devproof_contracts::stock::DstackApp;
use devproof_store::DeliveryState;
use devproof_testkit::Bench;
use std::{collections::BTreeMap, process::Command, time::Duration};

#[allow(dead_code, reason = "shared with the tests of the notify crate")]
#[path = "../../../notify/tests/it/receiver.rs"]
mod receiver;
use receiver::Receiver;

fn notify(world: &World, args: &[&str]) -> Command {
    let mut command = devproof();
    command.args(["--database", &world.path, "notify"]).args(args);
    command
}

fn json(world: &World, args: &[&str]) -> serde_json::Value {
    let output = notify(world, args).arg("--json").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_instant_it_loses_nothing_and_sends_nothing_again_that_was_acknowledged() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    world.commit(None, 19).await;
    let receiver = Receiver::start(&[]).await;
    let added = json(&world, &["add", "webhook", &receiver.url()]);
    receiver.expects(added["secret"].as_str().unwrap());
    let id = added["subscription"]["id"].as_str().unwrap();
    let run = || notify(&world, &["run", "--timeout-seconds", "1", "-q"]);
    let mut settled: BTreeMap<String, usize> = BTreeMap::new();
    let mut previous = 19;
    for (kill, to) in [22, 32, 35, 42, 48, 50, 60, 140, 170].into_iter().enumerate() {
        let mut running = Process::start(&mut run());
        world.commit(Some(block(previous)), to).await;
        previous = to;
        // Steps that share no factor with the length of anything, so that kills land everywhere.
        tokio::time::sleep(Duration::from_millis(150 + 97 * kill as u64 % 310)).await;
        running.kill();
        let times = receiver.times();
        let acknowledged = DeliveryState::Acknowledged;
        for letter in world.store.deliveries(Some(id), acknowledged, 999).await.unwrap() {
            let before = *settled.entry(letter.id.clone()).or_insert(times[&letter.id]);
            assert_eq!(times[&letter.id], before, "{}", letter.title);
        }
    }
    let mut running = Process::start(&mut notify(&world, &["run", "--timeout-seconds", "1"]));
    running.says("Sending.");
    until("everything arrives", async || {
        let place = world.store.subscription(id).await.unwrap().unwrap().place;
        place.is_some_and(|it| it.starts_with("170-")) && world.store.unread(id).await.unwrap() == 0
    })
    .await;
    running.signal("-TERM");
    running.ends_well();
    let times = receiver.times();
    for (letter, before) in &settled {
        assert_eq!(times[letter], *before, "{letter}");
    }
    // A letter that was on its way when the process was killed may have come twice, with the same id, and no other.
    let letters = world.store.deliveries(Some(id), DeliveryState::Acknowledged, 999).await.unwrap();
    assert_eq!(letters.len(), times.len());
    for letter in &letters {
        assert!((1..=letter.attempts as usize).contains(&times[&letter.id]), "{letter:?}");
    }
    let kinds: Vec<String> = receiver.taken().iter().map(receiver::Came::kind).collect();
    for kind in ["no_notice", "proposed", "activated", "removed", "key_service", "upgraded"] {
        assert!(kinds.iter().any(|it| it == kind), "{kind}: {kinds:?}");
    }
    let shown = json(&world, &["show", &letters[0].id]);
    assert_eq!(shown["state"], "acknowledged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_a_chain_sends_unless_told_not_to() {
    let bench = Bench::start(NOW).await.unwrap();
    let app = bench.deploy_stock_app(B256::repeat_byte(1)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("x.db").display().to_string();
    let index = |args: &[&str]| {
        let mut command = devproof();
        command.args(["--database", &database, "index", "--rpc-url", bench.anvil.url()]);
        command.args(["--kms", &bench.kms.to_string(), "--poll-seconds", "1"]).args(args);
        command
    };
    Process::start(&mut index(&[])).ends_well();
    let receiver = Receiver::start(&[]).await;
    let mut add = devproof();
    add.args(["--database", &database, "notify", "add", "webhook", &receiver.url(), "--json"]);
    let added: serde_json::Value = serde_json::from_slice(&add.output().unwrap().stdout).unwrap();
    receiver.expects(added["secret"].as_str().unwrap());

    let mut silent = Process::start(&mut index(&["--follow", "--no-notify"]));
    silent.says("Following the chain");
    let call = |n| DstackApp::addComposeHashCall { composeHash: B256::repeat_byte(n) };
    bench.rival.send(app, &call(8)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(receiver.came().len(), 0);
    silent.signal("-TERM");
    silent.ends_well();

    let public = ["--follow", "--public-url", "https://devproof.example.org"];
    let mut following = Process::start(&mut index(&public));
    bench.rival.send(app, &call(9)).await.unwrap();
    let told = || receiver.taken().into_iter().filter(|it| it.kind() == "no_notice").count();
    until("both are told", async || told() == 2).await;
    following.signal("-TERM");
    following.ends_well();
    let url = receiver.taken()[0].json()["data"]["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://devproof.example.org/chains/31337/apps/0x"), "{url}");
    assert!(receiver.times().values().all(|times| *times == 1));
}
