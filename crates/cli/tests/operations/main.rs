//! devproof as a service: who writes, who reads, how it ends, and what it says of itself.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod copy;
mod fsck;
mod kills;
mod notify;
mod process;
mod readiness;
mod replica;
mod stop;
mod takeover;
mod watch;

use alloy_primitives::B256;
use devproof_store::Store;
use devproof_testkit::Story;
use process::{Process, devproof};
use std::{process::Command, time::Duration};

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;
/// Longer than anything takes that is waited for, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(120);

/// `devproof index` of everything in a story, in so small pages that it takes a while.
fn index(story: &Story, database: &str) -> Command {
    let mut command = index_at_once(story, database);
    command.args(["--page-blocks", "4"]);
    command
}

/// The same, in one page.
fn index_at_once(story: &Story, database: &str) -> Command {
    let mut command = devproof();
    command
        .args(["index", "--rpc-url", story.bench.anvil.url()])
        .args(["--database", database])
        .args(["--kms", &story.bench.kms.to_string()])
        .args(["--factory", &story.bench.factory.to_string()])
        .args(["--registry", &story.bench.registry.to_string()]);
    command
}

/// What an undisturbed run alone puts into a database.
async fn undisturbed(story: &Story, database: &str) -> B256 {
    Process::start(index(story, database).arg("--quiet")).ends_well();
    digest(story, database).await
}

async fn digest(story: &Story, database: &str) -> B256 {
    let store = Store::open_read_only(database).await.unwrap();
    let digest = store.digest(story.bench.node.chain_id()).await.unwrap();
    store.close().await;
    digest
}

/// The last block that is indexed; 0 where none is, or no database.
async fn checkpoint(story: &Story, database: &str) -> u64 {
    let Ok(store) = Store::open_read_only(database).await else { return 0 };
    let status = store.chain(story.bench.node.chain_id()).await.unwrap();
    store.close().await;
    status.and_then(|chain| chain.checkpoint).map_or(0, |block| block.number)
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
