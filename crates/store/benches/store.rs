//! What the store alone does: facts written a second, their size, and what the state of an app after a block costs, with
//! many apps of short histories and with few of long ones. `make bench`; `DEVPROOF_BENCH_EVENTS` says how many events
//! (1,000,000 otherwise).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, missing_docs)]

mod facts;

use alloy_primitives::keccak256;
use devproof_store::Store;
use facts::{CHAIN, PAGE_BLOCKS, PER_BLOCK, contract};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const QUESTIONS: u64 = 5_000;

#[tokio::main]
async fn main() {
    let events: u64 =
        std::env::var("DEVPROOF_BENCH_EVENTS").map_or(1_000_000, |n| n.parse().unwrap());
    println!(
        "{:>10} {:>8} {:>12} {:>8} {:>8} {:>10} {:>10} {:>10} {:>9}",
        "events", "apps", "events/s", "B/event", "kept B", "at p50", "at p99", "at max", "peak MB"
    );
    let mut flat = None;
    for apps in [events / 10, 100] {
        let p99 = run(events, apps).await;
        if let Some(flat) = flat.replace(p99) {
            println!("deep over flat, p99: {:.2}", p99.as_secs_f64() / flat.as_secs_f64());
        }
    }
}

async fn run(events: u64, apps: u64) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.db");
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    let (head, written) = facts::write(&store, events, apps, &[], |_| Vec::new()).await;
    store.close().await;
    let size = std::fs::metadata(&path).unwrap().len();
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    let begun = Instant::now();
    facts::keep(&store, apps, head).await;
    let folding = begun.elapsed();

    let (mut took, mut bare) = (Vec::new(), Vec::new());
    for n in 0..QUESTIONS {
        let begun = Instant::now();
        black_box(store.chain(CHAIN).await.unwrap());
        bare.push(begun.elapsed());
        let seed = keccak256(n.to_be_bytes());
        let of = |at: usize, below: u64| {
            u64::from_be_bytes(seed[at..at + 8].try_into().unwrap()) % below
        };
        let (app, at) = (contract(of(0, apps)), of(8, head.number + 1));
        let begun = Instant::now();
        black_box(store.app_state(&app, at).await.unwrap());
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    bare.sort_unstable();
    let of = |all: &[Duration], share: usize| all[(all.len() - 1) * share / 1000];
    let p = |share: usize| of(&took, share);
    store.close().await;
    let whole = std::fs::metadata(&path).unwrap().len();
    let rate = (events - PAGE_BLOCKS * PER_BLOCK) as f64 / written.as_secs_f64();
    println!(
        "{events:>10} {apps:>8} {rate:>12.0} {:>8} {:>8.1} {:>10.1?} {:>10.1?} {:>10.1?} {:>9} (folding and keeping took {folding:.1?}; one row by its key: p50 {:.1?}, p99 {:.1?})",
        size / events,
        (whole as f64 - size as f64) / events as f64,
        p(500),
        p(990),
        p(1000),
        peak_memory() / 1024,
        of(&bare, 500),
        of(&bare, 990),
    );
    p(990)
}

/// Peak resident memory in KiB; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or_default()
}
