//! The service under load: answers a second and how long they take, beside what the same service says when it only has to
//! say that it is alive. `make bench`; `DEVPROOF_BENCH_EVENTS` says how many events are in the database (1,000,000
//! otherwise). The generator of the load is on the same machine, and takes its part of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "../../../store/benches/facts/mod.rs"]
mod facts;
mod load;
#[path = "../serving/mod.rs"]
mod serving;

use alloy_primitives::{Address, B256, LogData, U256, keccak256};
use alloy_sol_types::SolEvent;
use devproof_contracts::stock::{
    DstackKms::{AppRegistered, OsImageHashAdded},
    TimelockAppAuth::ComposeHashProposed,
};
use devproof_store::{BlockRef, Contract, Page, RawLog, Role, Store, Tags};
use facts::{CHAIN, PER_BLOCK, block, contract, who};
use load::{Load, Shape};
use serving::Serving;
use std::{path::Path, time::Duration};

/// Connections at a time, and for how long they ask.
const CONNECTIONS: usize = 64;
const LASTS: Duration = Duration::from_secs(8);
/// Announcements that are open: more than one page of them.
const OPEN: u64 = 200;
/// The key service, and the OS images that it allows.
const KMS: Address = Address::repeat_byte(0x33);
const IMAGES: u64 = 8;

#[tokio::main]
async fn main() {
    let events: u64 =
        std::env::var("DEVPROOF_BENCH_EVENTS").map_or(1_000_000, |n| n.parse().unwrap());
    println!(
        "{:<44} {:>10} {:>9} {:>10} {:>10} {:>8}",
        format!("{CONNECTIONS} connections, {events} events"),
        "answers/s",
        "of alive",
        "p50",
        "p99",
        "kB"
    );
    for (name, apps) in [("many apps", events / 10), ("deep", 100)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.db");
        let blocks = fill(&path, events, apps).await;
        let service = Serving::start(&path, &["--no-index", "--rate-limit", "0"]);
        println!("{name}: {apps} apps");
        let app = move |n: u64| facts::who(random(n, 0) % apps);
        let at = move |n: u64| random(n, 1) % blocks;
        let alive = show("alive (/healthz)", 1.0, &service, |_| "/healthz".into()).await;
        let path = move |n| format!("/v1/chains/{CHAIN}/apps/{}/at/{}", app(n), at(n));
        show("an app at a block", alive, &service, path).await;
        show("notices that are open", alive, &service, |_| format!("/v1/chains/{CHAIN}/notices"))
            .await;
        let page = move |n| format!("/chains/{CHAIN}/apps/{}", app(n));
        show("the page of an app", alive, &service, page).await;
        one_view(&service, &format!("/chains/{CHAIN}/apps/{}", app(1))).await;
        one_view(&service, "/").await;
    }
}

/// Drawn from the number, the same in every run.
fn random(n: u64, which: u8) -> u64 {
    let drawn = keccak256([&n.to_be_bytes()[..], &[which]].concat());
    u64::from_be_bytes(drawn[..8].try_into().unwrap())
}

/// Fills a database and gives the number of blocks.
async fn fill(path: &Path, events: u64, apps: u64) -> u64 {
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    let announcing: Vec<Contract> = (0..OPEN).map(announcing).collect();
    let others = [&announcing[..], &[kms()]].concat();
    let (head, _) = facts::write(&store, events, apps, &others, |block| said(block, apps)).await;
    facts::keep(&store, apps, head).await;
    let last = announce(&store, &announcing, head).await;
    let tags = Tags {
        head: last,
        safe: Some(last.number),
        finalized: Some(last.number),
        polled_at: last.timestamp,
    };
    store.set_tags(CHAIN, &tags).await.unwrap();
    store.close().await;
    head.number
}

/// The key service with which all apps are registered: one leg of every answer.
fn kms() -> Contract {
    let code_kind = "unknown".to_owned();
    Contract { address: KMS, role: Role::Kms, named_by: None, code_kind, ..contract(0) }
}

/// It allows a few OS images, and takes one app a block.
fn said(block: BlockRef, apps: u64) -> Vec<RawLog> {
    let image = B256::from(U256::from(block.number));
    let image = OsImageHashAdded { osImageHash: image }.encode_log_data();
    let app = AppRegistered { appId: who(block.number) }.encode_log_data();
    let events = [(block.number < IMAGES).then_some(image), (block.number < apps).then_some(app)];
    let log = |(n, data): (u64, LogData)| RawLog {
        block,
        log_index: PER_BLOCK + n,
        tx_hash: keccak256([block.hash.as_slice(), &n.to_be_bytes()].concat()),
        tx_index: PER_BLOCK + n,
        address: KMS,
        topics: data.topics().to_vec(),
        data: data.data,
    };
    (0..).zip(events.into_iter().flatten()).map(log).collect()
}

/// An app of the tutorial's kind.
fn announcing(n: u64) -> Contract {
    let code_kind = "timelock_app_auth".to_owned();
    Contract { address: who(u64::MAX - n), named_by: None, code_kind, ..contract(n) }
}

/// Each of these announces one change, in the block behind the newest.
async fn announce(store: &Store, apps: &[Contract], head: BlockRef) -> BlockRef {
    let next = block(head.number + 1);
    let log = |(n, app): (u64, Address)| {
        let ripe = U256::from(next.timestamp + 86_400 + n);
        let event = ComposeHashProposed { hash: keccak256(n.to_be_bytes()), activatesAt: ripe };
        let data = event.encode_log_data();
        RawLog {
            block: next,
            log_index: n,
            tx_hash: B256::from(U256::from(n + 1)),
            tx_index: n,
            address: app,
            topics: data.topics().to_vec(),
            data: data.data,
        }
    };
    let logs = (0..).zip(apps.iter().map(|app| app.address)).map(log).collect();
    let page = Page {
        chain_id: CHAIN,
        previous: Some(head.hash),
        contracts: Vec::new(),
        blocks: Vec::new(),
        logs,
        readings: Vec::new(),
        newborn: Vec::new(),
        checkpoint: next,
    };
    store.commit(&page).await.unwrap();
    next
}

/// Prints how a kind of question fares, and gives the answers a second.
async fn show(
    name: &str,
    alive: f64,
    service: &Serving,
    path: impl Fn(u64) -> String + Copy + Send + 'static,
) -> f64 {
    let load = Load { connections: CONNECTIONS, lasts: LASTS };
    let Shape { rate, p50, p99, bytes } = load.run(&service.host, path).await;
    let share = if alive > 1.0 { rate / alive } else { 1.0 };
    println!(
        "{name:<44} {rate:>10.0} {share:>9.2} {p50:>10.1?} {p99:>10.1?} {:>8.1}",
        bytes as f64 / 1000.0
    );
    rate
}

/// Prints what somebody waits for who sees a page for the first time: it, and then all that it names, on one connection.
async fn one_view(service: &Serving, page: &str) {
    let mut times: Vec<(Duration, usize)> = Vec::new();
    for _ in 0..21 {
        times.push(load::view(&service.host, page).await);
    }
    times.sort_unstable();
    let (time, bytes) = times[times.len() / 2];
    let longest = times[times.len() - 1].0;
    println!(
        "a first view of {:<28} {:>31.1?} {longest:>10.1?} {:>8.1}   (median and longest of 21)",
        if page == "/" { "the home page" } else { "an app" },
        time,
        bytes as f64 / 1000.0
    );
}
