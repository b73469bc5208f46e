//! What the store alone does: facts written a second, their size, and what the state of an app after a block costs, with
//! many apps of short histories and with few of long ones. `make bench`; `DEVPROOF_BENCH_EVENTS` says how many events
//! (1,000,000 otherwise).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, missing_docs)]

use alloy_primitives::{Address, B256, keccak256};
use devproof_store::{BlockRef, Contract, Page, RawLog, Role, StateKeeper, Store};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const CHAIN: u64 = 8453;
/// Events of one block: so many that a page is not mostly blocks, so few that it is not mostly one.
const PER_BLOCK: u64 = 5;
const PAGE_BLOCKS: u64 = 2_000;
const QUESTIONS: u64 = 5_000;

fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: keccak256(number.to_be_bytes()),
        timestamp: 1_700_000_000 + 2 * number,
    }
}

fn who(n: u64) -> Address {
    Address::from_word(keccak256(n.to_le_bytes()))
}

/// A stock app that adds a version, takes one back, and so on: what is allowed stays few.
fn event(block: BlockRef, index: u64, apps: u64) -> RawLog {
    let n = block.number * PER_BLOCK + index;
    // Apps speak in no order, each once a round: the factor is a prime, and the apps are a power of ten times two or less.
    let app = n % apps * 7_919 % apps;
    let (name, version) = match n / apps % 2 {
        0 => ("ComposeHashAdded(bytes32)", n / apps),
        _ => ("ComposeHashRemoved(bytes32)", n / apps - 1),
    };
    RawLog {
        block,
        log_index: index,
        tx_hash: keccak256([n.to_be_bytes(), index.to_be_bytes()].concat()),
        tx_index: index,
        address: who(app),
        topics: vec![keccak256(name)],
        data: keccak256([app.to_be_bytes(), version.to_be_bytes()].concat()).to_vec().into(),
    }
}

fn contract(n: u64) -> Contract {
    Contract {
        chain_id: CHAIN,
        address: who(n),
        role: Role::App,
        named_by: Some(Address::ZERO),
        code_kind: "dstack_app".to_owned(),
        code_hash: Some(B256::repeat_byte(1)),
        implementation: Some(Address::repeat_byte(2)),
        found_at: 0,
        history_verified_at: None,
    }
}

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
    store.ensure_chain(CHAIN, 0).await.unwrap();
    let blocks = events / PER_BLOCK;
    let (mut previous, mut written) = (None, Duration::ZERO);
    for first in (0..blocks).step_by(PAGE_BLOCKS as usize) {
        let last = blocks.min(first + PAGE_BLOCKS) - 1;
        let logs =
            (first..=last).flat_map(|n| (0..PER_BLOCK).map(move |i| event(block(n), i, apps)));
        let page = Page {
            chain_id: CHAIN,
            previous,
            contracts: if first == 0 { (0..apps).map(contract).collect() } else { Vec::new() },
            blocks: Vec::new(),
            logs: logs.collect(),
            checkpoint: block(last),
        };
        previous = Some(page.checkpoint.hash);
        let begun = Instant::now();
        store.commit(&page).await.unwrap();
        // The apps themselves are not events.
        written += if first == 0 { Duration::ZERO } else { begun.elapsed() };
    }
    store.close().await;
    let facts = std::fs::metadata(&path).unwrap().len();
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    let head = block(blocks - 1);
    let begun = Instant::now();
    let mut keeper = StateKeeper::new(&store, CHAIN, head);
    for n in 0..apps {
        keeper.keep(&contract(n)).await.unwrap();
    }
    keeper.end().await.unwrap();
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
        let (app, at) = (contract(of(0, apps)), of(8, blocks));
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
        facts / events,
        (whole as f64 - facts as f64) / events as f64,
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
