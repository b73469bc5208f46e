//! `kill -9` in the middle of indexing, again and again, then an undisturbed run: the database holds
//! what one undisturbed run alone would have put there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use devproof_store::Store;
use devproof_testkit::{Anvil, Story};
use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;
/// Empty blocks behind the story, so that indexing takes many pages. (Anvil mines 1,000 at once in a
/// second and 5,000 in half a minute.)
const BLOCKS: u64 = 800;
/// Blocks in a page.
const PAGE: &str = "4";
const KILLS: u32 = 25;

fn index(story: &Story, anvil: &Anvil, database: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devproof"));
    command
        .args(["index", "--quiet", "--page-blocks", PAGE, "--rpc-url", anvil.url(), "--database"])
        .arg(database)
        .args(["--kms", &story.bench.kms.to_string()])
        .args(["--factory", &story.bench.factory.to_string()])
        .args(["--registry", &story.bench.registry.to_string()])
        .stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_indexer_goes_on_where_it_was_and_ends_at_the_same_contents() {
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let anvil = &story.bench.anvil;
    anvil.mine(BLOCKS).await.unwrap();
    let folder = tempfile::tempdir().unwrap();

    let straight = folder.path().join("straight.sqlite");
    let begun = Instant::now();
    assert!(index(&story, anvil, &straight).status().unwrap().success());
    let whole = begun.elapsed();

    let killed = folder.path().join("killed.sqlite");
    let mut in_the_middle = 0;
    let chain_id = story.bench.node.chain_id();
    for n in 0..KILLS {
        let mut run = index(&story, anvil, &killed).spawn().unwrap();
        // From right after the start to about the end of a run that begins from nothing.
        std::thread::sleep(whole * (n % 12) / 12 + Duration::from_millis(3));
        run.kill().unwrap();
        run.wait().unwrap();
        if let Ok(store) = Store::open_read_only(killed.to_str().unwrap()).await {
            let status = store.chain(chain_id).await.unwrap();
            let at = status.and_then(|chain| chain.checkpoint).map_or(0, |block| block.number);
            in_the_middle += u32::from(at > 0 && at < BLOCKS);
            store.close().await;
        }
        if n % 3 == 2 {
            // Some of the time from nothing again: the first page and the schema are cut as well.
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(folder.path().join(format!("killed.sqlite{end}")));
            }
        }
    }
    println!(
        "{in_the_middle} of {KILLS} kills left a database that was neither empty nor finished"
    );
    assert!(in_the_middle > 0, "no kill hit the middle: a run takes {whole:?}");
    assert!(index(&story, anvil, &killed).status().unwrap().success());

    let mut digests = Vec::new();
    for database in [&straight, &killed] {
        let store = Store::open_read_only(database.to_str().unwrap()).await.unwrap();
        let logs = store.logs(chain_id, &[story.product, story.stock], u64::MAX).await.unwrap();
        digests.push((store.digest(chain_id).await.unwrap(), logs.len()));
        store.close().await;
    }
    assert_eq!(digests[0], digests[1]);
    assert!(digests[0].1 > 50);
}
