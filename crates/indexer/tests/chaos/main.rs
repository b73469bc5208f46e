//! A small world on a real chain that grows, forks and shrinks, followed through nodes that fail, lag and
//! lie, by processes that are killed; against an index made from nothing.
//!
//! `make test` plays a few rounds with seeds that are always the same. `DEVPROOF_SOAK_SECONDS` makes it a long run with
//! seeds that nobody has seen, `DEVPROOF_CHAOS_SEED` repeats one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    non_snake_case,
    reason = "a test fails by panicking, a long run says what it did, and arguments of contracts have names of their own"
)]

mod check;
mod follower;
mod world;

use devproof_testkit::{postgres::Cluster, proxy::Fault};
use follower::Follower;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use world::World;

/// Steps on one chain. Then comes another: anvil keeps the state after every block.
const STEPS: u64 = 150;
/// About as many steps between two comparisons.
const SETTLE_EVERY: u64 = 15;

/// What was done, in all.
#[derive(Debug, Default)]
struct Done {
    rounds: u64,
    steps: u64,
    runs: u64,
    killed: u64,
    stopped: BTreeMap<String, u64>,
    orphaned_blocks: u64,
    settles: u64,
    moves: BTreeMap<&'static str, u64>,
    faults: BTreeMap<Fault, u64>,
}

/// Prints the seed if the round fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("chaos: repeat this with DEVPROOF_CHAOS_SEED={}", self.0);
        }
    }
}

/// Where the followers keep their indexes: a URL for each.
type Databases<'a> = &'a dyn Fn(&std::path::Path, usize) -> String;

/// One chain from its beginning, with a follower for each database.
async fn round(seed: u64, steps: u64, databases: Databases<'_>, followers: usize, done: &mut Done) {
    let _seed = Seed(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::create(rng.fork()).await;
    let mut all = Vec::new();
    for index in 0..followers {
        let url = databases(folder.path(), index);
        all.push(Follower::before(&world, &url, rng.fork()).await);
    }
    for step in 0..steps {
        if rng.bool() {
            let chosen = rng.usize(0..all.len());
            all[chosen].step(&mut world, done).await;
        } else {
            world.step(done).await;
        }
        if rng.u64(0..SETTLE_EVERY) == 0 || step + 1 == steps {
            let mut lied = false;
            for follower in &mut all {
                follower.settle(&world, done).await;
                lied |= follower.was_lied_to();
            }
            // What was left out while it was new comes when it is final.
            if lied {
                world.finalize().await;
                for follower in &mut all {
                    follower.settle(&world, done).await;
                }
            }
            check::against_a_fresh_index(&mut world, &all, folder.path()).await;
            done.settles += 1;
        }
    }
    for follower in &all {
        for (fault, times) in follower.faults() {
            *done.faults.entry(fault).or_default() += times;
        }
    }
    done.rounds += 1;
    done.steps += steps;
}

fn sqlite(folder: &std::path::Path, index: usize) -> String {
    folder.join(format!("index-{index}.sqlite")).display().to_string()
}

/// The seeds of a test: always the same, unless one is named.
fn seeds<const N: usize>(own: [u64; N]) -> Vec<u64> {
    number("DEVPROOF_CHAOS_SEED").map_or(own.to_vec(), |seed| vec![seed])
}

/// One that nobody has seen, for the long run.
fn unseen() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_nanos() as u64 % 1_000_000_000
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_went_through_chaos_is_one_made_from_nothing() {
    let mut done = Done::default();
    for seed in seeds([1, 2]) {
        round(seed, STEPS, &sqlite, 1, &mut done).await;
    }
    eprintln!("chaos: {done:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_followers_of_two_nodes_end_with_one_digest() {
    let mut done = Done::default();
    let Some(cluster) = Cluster::start().unwrap() else { return };
    let databases = |folder: &std::path::Path, index| match index {
        0 => sqlite(folder, index),
        _ => cluster.database().unwrap(),
    };
    for seed in seeds([3]) {
        round(seed, STEPS, &databases, 2, &mut done).await;
    }
    eprintln!("chaos: {done:#?}");
}

/// `make soak`.
#[tokio::test(flavor = "multi_thread")]
async fn for_as_long_as_it_is_told() {
    let Some(seconds) = number("DEVPROOF_SOAK_SECONDS") else { return };
    let (began, mut told) = (Instant::now(), Instant::now());
    let mut rng = fastrand::Rng::with_seed(seeds([unseen()])[0]);
    let cluster = Cluster::start().unwrap();
    let databases = |folder: &std::path::Path, index| match (&cluster, index) {
        (Some(cluster), 1) => cluster.database().unwrap(),
        _ => sqlite(folder, index),
    };
    let mut done = Done::default();
    while began.elapsed() < Duration::from_secs(seconds) {
        round(rng.u64(..1_000_000_000), STEPS, &databases, 2, &mut done).await;
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            eprintln!("chaos: {} s, {} rounds", began.elapsed().as_secs(), done.rounds);
        }
    }
    eprintln!("chaos: {} s: {done:#?}", began.elapsed().as_secs());
}
