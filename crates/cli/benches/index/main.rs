//! Indexing against the least anybody could do: the bare `eth_getLogs` calls with decoding. What an answer costs, how soon
//! a new head is in one, and what memory a service takes that has nothing to do. `make bench`; ratios of one run are what
//! counts, absolute times depend on the machine.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

mod service;
#[path = "../serving/mod.rs"]
mod serving;

use alloy::{
    providers::{Provider as _, ProviderBuilder},
    rpc::types::{Filter, Log},
};
use alloy_primitives::Address;
use devproof_api::{Finality, When};
use devproof_chain::Node;
use devproof_contracts::app_event;
use devproof_indexer::{DEFAULT_PAGE_BLOCKS, Indexer, Options, Sources};
use devproof_store::Store;
use devproof_testkit::{
    Bench, Busy,
    replay::{Plan, Replay},
};
use std::{
    hint::black_box,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const RUNS: usize = 5;
const QUESTIONS: u64 = 500;
/// `safe` is so many blocks behind, as on Ethereum.
const EPOCH: u64 = 32;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    if !skipped("anvil") {
        on_anvil(folder.path()).await;
    }
    if !skipped("replay") {
        replayed(folder.path()).await;
    }
}

/// Whether a part is left out: `DEVPROOF_BENCH_SKIP=anvil`.
fn skipped(part: &str) -> bool {
    std::env::var("DEVPROOF_BENCH_SKIP").is_ok_and(|parts| parts.contains(part))
}

/// Unix seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn on_anvil(folder: &Path) {
    let bench = Bench::start(now() - 86_400).await.unwrap();
    let begun = Instant::now();
    let apps = bench.make_busy(Busy::USUAL).await.unwrap();
    println!("\non anvil: {} apps, made in {:.1?}", apps.len(), begun.elapsed());
    let sources = Sources {
        kms: vec![bench.kms],
        factories: vec![bench.factory],
        registries: vec![bench.registry],
        apps: vec![],
    };
    let path = index(bench.anvil.url(), &sources, &apps, &folder.join("anvil")).await;
    answers(&path, bench.node.chain_id(), &apps).await;
}

async fn replayed(folder: &Path) {
    let events = std::env::var("DEVPROOF_BENCH_EVENTS");
    let events = events.map_or(50_000, |events| events.parse().unwrap());
    let blocks = 10_000.max(events as u64 / 20);
    let plan = Plan {
        seed: 1,
        chain_id: 31_337,
        genesis_time: now() - 2 * (blocks + 3),
        blocks,
        apps: 1_000,
        events,
    };
    let begun = Instant::now();
    let made = plan.make().unwrap();
    println!("\nreplayed: {} apps, made in {:.1?}", made.apps.len(), begun.elapsed());
    let (replay, apps) = (Replay::serve(made.ledger, EPOCH).unwrap(), made.apps);
    let sources = Sources { kms: vec![made.kms], ..Sources::default() };
    let path = index(replay.url(), &sources, &apps, &folder.join("replay")).await;
    answers(&path, plan.chain_id, &apps).await;
    service::measure(&replay, made.kms, &apps, folder);
}

/// Indexes a chain some times, and prints what it costs. Gives the database.
async fn index(url: &str, sources: &Sources, apps: &[Address], folder: &Path) -> PathBuf {
    std::fs::create_dir(folder).unwrap();
    let Sources { kms, factories, registries, .. } = sources;
    let everybody: Vec<Address> =
        [kms, factories, registries].into_iter().flatten().chain(apps).copied().collect();
    let (mut bare, mut checked, mut indexed, mut paged) = (vec![], vec![], vec![], vec![]);
    let mut logs = 0;
    let mut questions = String::new();
    let head = Node::connect(url).await.unwrap().heads().await.unwrap().latest.number;
    let path = |run: usize| folder.join(format!("{run}.sqlite"));
    // In turn, so that a machine that slows down slows both.
    for run in 0..RUNS {
        let begun = Instant::now();
        let found = bare_logs(url, &everybody, head).await;
        black_box(found.iter().filter_map(|l| app_event(l.topics(), &l.data().data)).count());
        bare.push(begun.elapsed());

        let begun = Instant::now();
        let node = Node::connect(url).await.unwrap();
        logs = node.logs(&everybody, 0..=head).await.unwrap().len();
        assert_eq!(logs, found.len());
        checked.push(begun.elapsed());

        let begun = Instant::now();
        let node = Node::connect(url).await.unwrap();
        let store = Store::open(path(run).to_str().unwrap()).await.unwrap();
        let options = options(sources.clone());
        let mut indexer = Indexer::new(node.clone(), store.clone(), options).await.unwrap();
        let mut read = Duration::ZERO;
        indexer.catch_up(&mut |_| read = begun.elapsed()).await.unwrap();
        indexed.push(begun.elapsed());
        paged.push(read);
        store.close().await;
        questions = asked(&node);
    }
    let size = std::fs::metadata(path(0)).unwrap().len();
    let (bare, indexed) = (median(bare), median(indexed));
    println!("{logs} logs in {head} blocks, median of {RUNS} runs");
    println!("bare eth_getLogs, decoded      {bare:>12.2?}");
    println!("the same logs, checked         {:>12.2?}   by our client", median(checked));
    println!("indexed into durable SQLite    {indexed:>12.2?}   start-up included");
    println!("  of it, until the last page   {:>12.2?}", median(paged));
    println!("ratio                          {:>12.2}", indexed.as_secs_f64() / bare.as_secs_f64());
    println!("bytes of SQLite per log        {:>12}", size / logs as u64);
    println!("questions: {questions}");
    path(0)
}

/// All logs, as anybody asks for them: one question after the other, of as many contracts as nodes take.
async fn bare_logs(url: &str, everybody: &[Address], head: u64) -> Vec<Log> {
    let provider = ProviderBuilder::new().connect_http(url.parse().unwrap());
    let mut logs = Vec::new();
    for some in everybody.chunks(500) {
        let filter = Filter::new().address(some.to_vec()).from_block(0).to_block(head);
        logs.extend(provider.get_logs(&filter).await.unwrap());
    }
    logs
}

/// How often which method was asked for, in words.
fn asked(node: &Node) -> String {
    let mut registry = prometheus_client::registry::Registry::default();
    node.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let counts = text.lines().filter(|line| line.starts_with("rpc_requests_total")).map(|line| {
        let method = line.split("method=\"").nth(1).and_then(|rest| rest.split('"').next());
        format!("{} {}", line.rsplit(' ').next().unwrap(), method.unwrap())
    });
    counts.collect::<Vec<_>>().join(", ")
}

async fn answers(path: &Path, chain_id: u64, apps: &[Address]) {
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    let head = store.chain(chain_id).await.unwrap().unwrap().checkpoint.unwrap().number;
    let held = store.canonical_blocks_below(chain_id, head, 10_000).await.unwrap();
    let (mut asked, mut one_row) = (Vec::new(), Vec::new());
    for n in 0..QUESTIONS as usize {
        let begun = Instant::now();
        black_box(store.chain(chain_id).await.unwrap());
        one_row.push(begun.elapsed());
        let begun = Instant::now();
        let when = When::Block(held[n * 7 % (held.len() / 2)].number);
        let app = apps[n % apps.len()];
        let answer = devproof_api::at(&store, None, chain_id, app, when, Finality::Unsafe);
        let _ = black_box(answer.await.unwrap());
        asked.push(begun.elapsed());
    }
    let (asked, one_row) = (median(asked), median(one_row));
    println!("an at-block answer             {asked:>12.2?}   median of {QUESTIONS}");
    println!("one row by its key             {one_row:>12.2?}");
    println!(
        "ratio                          {:>12.2}",
        asked.as_secs_f64() / one_row.as_secs_f64()
    );
    store.close().await;
}

fn options(sources: Sources) -> Options {
    Options {
        sources,
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
