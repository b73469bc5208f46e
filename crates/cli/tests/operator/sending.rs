//! Transactions that are interrupted, collide, get stuck, or are reorganised away.

use crate::bench::{OWNER, Said, World, start};
use serde_json::json;
use std::{
    process::Child,
    time::{Duration, Instant},
};

const PROPOSE: [&str; 4] = ["propose", "APP", "--setting=device=0xd2", "--yes"];
const PATIENCE: Duration = Duration::from_secs(60);

impl World {
    /// Blocks come only when they are asked for.
    async fn hold(&self) {
        self.bench.anvil.request("evm_setAutomine", json!([false])).await.unwrap();
    }

    /// Starts a verb as the owner.
    fn begin(&self, args: &[&str]) -> Child {
        start(self.as_(OWNER).args(self.arguments(args)))
    }

    /// Waits until the owner's transactions are so many.
    async fn until_sent(&self, many: u64) {
        let since = Instant::now();
        while self.sent(OWNER).await < many {
            assert!(since.elapsed() < PATIENCE, "nothing was sent");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn included(&self) -> u64 {
        let owner = self.bench.owner.address();
        self.node().nonces(owner).await.unwrap().included
    }

    /// Lets blocks come until a process ends.
    async fn mine_until_end(&self, child: &mut Child) {
        let since = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "it does not end");
            self.bench.anvil.mine(1).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn end(child: Child) -> Said {
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_is_taken_up_by_the_next() {
    let world = World::new().await;
    world.hold().await;
    let before = world.sent(OWNER).await;
    let mut first = world.begin(&PROPOSE);
    world.until_sent(before + 1).await;
    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = world.begin(&PROPOSE);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.sent(OWNER).await, before + 1, "the call waits already");
    world.mine_until_end(&mut second).await;
    let said = end(second);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("with this very call waits already"), "{said:?}");
    assert!(said.out.contains("May be activated from "), "{said:?}");
    // And killed after it was included, the state tells.
    let third = world.run(OWNER, &PROPOSE);
    assert!(third.out.starts_with("Done before: "), "{third:?}");
    assert_eq!(world.sent(OWNER).await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_with_one_key_both_get_through() {
    let world = World::new().await;
    world.hold().await;
    let before = world.sent(OWNER).await;
    let other = ["propose", "APP", "--setting=any-device", "--yes"];
    let mut runs = [world.begin(&PROPOSE), world.begin(&other)];
    world.until_sent(before + 1).await;
    for run in &mut runs {
        world.mine_until_end(run).await;
    }
    for run in runs {
        let said = end(run);
        assert_eq!(said.code, 0, "{said:?}");
    }
    assert_eq!(world.included().await, before + 2);
    for value in ["--setting=device=0xd2", "--setting=any-device"] {
        assert_eq!(world.run(OWNER, &["status", "APP", value]).code, 2, "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_run_twice_at_a_time_is_one_transaction() {
    let world = World::new().await;
    world.hold().await;
    let before = world.sent(OWNER).await;
    let mut runs = [world.begin(&PROPOSE), world.begin(&PROPOSE)];
    world.until_sent(before + 1).await;
    for run in &mut runs {
        world.mine_until_end(run).await;
    }
    for run in runs {
        let said = end(run);
        assert_eq!(said.code, 0, "{said:?}");
    }
    assert_eq!(world.included().await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_transaction_is_replaced_by_one_that_offers_more() {
    let world = World::new().await;
    world.hold().await;
    let before = world.sent(OWNER).await;
    let low = ["--max-fee", "3", "--tip", "1", "--inclusion-seconds", "1"];
    let stuck = end(world.begin(&[&PROPOSE[..], &low].concat()));
    assert_eq!(stuck.code, 2, "{stuck:?}");
    assert!(
        stuck.err.contains("run the same command again to go on waiting, or with --replace"),
        "{stuck:?}"
    );
    let owner = world.bench.owner.address();
    let first = world.node().transaction_at(owner, before).await.unwrap();

    let low = ["--max-fee", "3", "--tip", "1", "--replace"];
    let mut second = world.begin(&[&PROPOSE[..], &low].concat());
    let since = Instant::now();
    let replaced = loop {
        let now = world.node().transaction_at(owner, before).await.unwrap();
        if now.hash != first.hash {
            break now;
        }
        assert!(since.elapsed() < PATIENCE, "it is not replaced");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(replaced.max_fee_per_gas * 100 >= first.max_fee_per_gas * 110, "{replaced:?}");
    world.mine_until_end(&mut second).await;
    let said = end(second);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains(&format!("{:#x}", replaced.hash)), "{said:?}");
    assert_eq!(world.included().await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_front_is_waited_for() {
    let world = World::new().await;
    world.hold().await;
    let before = world.sent(OWNER).await;
    let other = ["propose", "APP", "--setting=any-device", "--yes", "--inclusion-seconds", "1"];
    assert_eq!(end(world.begin(&other)).code, 2);
    let behind = end(world.begin(&[&PROPOSE[..], &["--inclusion-seconds", "1"]].concat()));
    assert_eq!(behind.code, 2, "{behind:?}");
    assert!(behind.err.contains("wait to be included, the first with nonce"), "{behind:?}");
    assert_eq!(world.sent(OWNER).await, before + 1);
    let mut patient = world.begin(&PROPOSE);
    world.mine_until_end(&mut patient).await;
    let said = end(patient);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(world.included().await, before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn finality_is_waited_for() {
    let world = World::new().await;
    let hasty = [&PROPOSE[..], &["--finality", "finalized", "--finality-seconds", "1"]].concat();
    let said = world.run(OWNER, &hasty);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("which is not finalized yet"), "{said:?}");
    let other =
        ["propose", "APP", "--setting=any-device", "--yes", "--json", "--finality", "finalized"];
    let mut run = world.begin(&other);
    world.mine_until_end(&mut run).await;
    let said = end(run);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.json()["transaction"]["finality"], "finalized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_was_reorganised_away_is_sent_again() {
    let world = World::new().await;
    let before = world.included().await;
    let mut run = world.begin(&[&PROPOSE[..], &["--json", "--finality", "finalized"]].concat());
    let since = Instant::now();
    while world.included().await == before {
        assert!(since.elapsed() < PATIENCE, "it is not included");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Until it has seen the block.
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.bench.anvil.reorg(1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.mine_until_end(&mut run).await;
    let said = end(run);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("not on the chain any more"), "{said:?}");
    let told = said.json();
    let block = told["transaction"]["block"].as_u64().unwrap();
    let block = world.node().block(block).await.unwrap().unwrap();
    assert_eq!(told["transaction"]["blockHash"], format!("{:#x}", block.hash));
    assert_eq!(world.run(OWNER, &["status", "APP", "--setting=device=0xd2"]).code, 2);
}
