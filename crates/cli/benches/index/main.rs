//! Indexing against the least anybody could do: the bare `eth_getLogs` call with decoding. And what an
//! answer costs. `make bench`; ratios of one run are what counts, absolute times depend on the machine.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use alloy_primitives::Address;
use devproof_api::{Finality, When};
use devproof_contracts::app_event;
use devproof_indexer::{DEFAULT_PAGE_BLOCKS, Indexer, Options, Sources};
use devproof_store::Store;
use devproof_testkit::{Bench, Busy};
use std::{
    hint::black_box,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const RUNS: usize = 3;
const QUESTIONS: u64 = 500;

#[tokio::main]
async fn main() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let bench = Bench::start(now - 86_400).await.unwrap();
    let begun = Instant::now();
    let apps = bench.make_busy(Busy::USUAL).await.unwrap();
    let node = &bench.node;
    let head = node.heads().await.unwrap().latest.number;
    println!("a chain of {} apps and {head} blocks, made in {:.1?}", apps.len(), begun.elapsed());
    let everybody: Vec<Address> = [bench.kms, bench.factory, bench.registry]
        .into_iter()
        .chain(apps.iter().copied())
        .collect();

    let mut bare = Vec::new();
    let mut indexed = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let mut logs = 0;
    // In turn, so that a machine that slows down slows both.
    for run in 0..RUNS {
        let begun = Instant::now();
        let found = node.logs(&everybody, 0..=head).await.unwrap();
        logs = found.len();
        black_box(found.iter().filter_map(|l| app_event(&l.topics, &l.data)).count());
        bare.push(begun.elapsed());

        let begun = Instant::now();
        let path = folder.path().join(format!("{run}.sqlite"));
        let store = Store::open(path.to_str().unwrap()).await.unwrap();
        let mut indexer = Indexer::new(node.clone(), store.clone(), options(&bench)).await.unwrap();
        indexer.catch_up(&mut |_| {}).await.unwrap();
        indexed.push(begun.elapsed());
        store.close().await;
    }

    let path = folder.path().join("0.sqlite");
    let size = std::fs::metadata(&path).unwrap().len();
    let (bare, indexed) = (median(bare), median(indexed));
    println!("{logs} logs in {head} blocks, median of {RUNS} runs");
    println!("bare eth_getLogs, decoded      {bare:>12.2?}");
    println!("indexed into durable SQLite    {indexed:>12.2?}   start-up included");
    println!("ratio                          {:>12.2}", indexed.as_secs_f64() / bare.as_secs_f64());
    println!("bytes of SQLite per log        {:>12}", size / logs as u64);

    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    let held = store.canonical_blocks_below(node.chain_id(), head, 10_000).await.unwrap();
    let (mut asked, mut one_row) = (Vec::new(), Vec::new());
    for n in 0..QUESTIONS as usize {
        let begun = Instant::now();
        black_box(store.chain(node.chain_id()).await.unwrap());
        one_row.push(begun.elapsed());
        let begun = Instant::now();
        let when = When::Block(held[n * 7 % (held.len() / 2)].number);
        let app = apps[n % apps.len()];
        let answer = devproof_api::at(&store, None, node.chain_id(), app, when, Finality::Unsafe);
        black_box(answer.await.unwrap());
        asked.push(begun.elapsed());
    }
    let (asked, one_row) = (median(asked), median(one_row));
    println!("an at-block answer             {asked:>12.2?}   median of {QUESTIONS}");
    println!("one row by its key             {one_row:>12.2?}");
    println!(
        "ratio                          {:>12.2}",
        asked.as_secs_f64() / one_row.as_secs_f64()
    );
}

fn options(bench: &Bench) -> Options {
    Options {
        sources: Sources {
            kms: vec![bench.kms],
            factories: vec![bench.factory],
            registries: vec![bench.registry],
            apps: vec![],
        },
        start_block: 0,
        poll_interval: Duration::from_secs(1),
        page_blocks: DEFAULT_PAGE_BLOCKS,
        lag_patience: Duration::ZERO,
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
