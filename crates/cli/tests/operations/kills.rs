//! `kill -9` again and again, wherever it hits: while the past is read, at the head while blocks come, and while a reorg is
//! undone. In the end the database holds what one undisturbed run alone would have put there.

use crate::{
    NOW, digest, index,
    process::{Process, devproof},
    undisturbed,
};
use devproof_testkit::{Busy, Story, postgres::Cluster};
use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Empty blocks behind the story, so that indexing takes many pages. (Anvil mines 1,000 at once in a second and 5,000 in
/// half a minute.)
const BLOCKS: u64 = 400;

/// On each database; `DEVPROOF_KILLS` says another number.
const KILLS: u32 = 44;

/// How many of the kills hit a process that was still at it, by what it was at.
#[derive(Debug, Default)]
struct Hits {
    past: u32,
    live: u32,
    reorg: u32,
}

fn follow(story: &Story, database: &str) -> Command {
    let mut command = devproof();
    command
        .args(["index", "--quiet", "--follow", "--poll-seconds", "1", "--page-blocks", "4"])
        .args(["--rpc-url", story.bench.anvil.url(), "--database", database]);
    command
}

/// Kills it after a while; says whether it was still running.
async fn killed(mut command: Command, after: Duration) -> bool {
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    tokio::time::sleep(after).await;
    let hit = run.try_wait().unwrap().is_none();
    run.kill().unwrap();
    run.wait().unwrap();
    hit
}

/// `fresh` makes a database with nothing in it.
async fn survives(fresh: impl Fn(u32) -> String) {
    let kills = std::env::var("DEVPROOF_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let bench = &story.bench;
    bench.anvil.mine(BLOCKS).await.unwrap();
    let begun = Instant::now();
    undisturbed(&story, &fresh(kills)).await;
    let whole = begun.elapsed();
    // From right after the start to about the end of a run from nothing, in steps that hit every part of it.
    let after = |n: u32, of: Duration| of * (n * 5 % 12) / 12 + Duration::from_millis(3);

    let (mut database, mut hits) = (fresh(0), Hits::default());
    for n in 0..kills {
        match n % 4 {
            // From nothing: the schema and the first page are cut as well.
            0 => {
                database = fresh(n);
                hits.past += u32::from(killed(index(&story, &database), after(n, whole)).await);
            }
            1 => hits.past += u32::from(killed(index(&story, &database), after(n, whole)).await),
            2 => {
                Process::start(index(&story, &database).arg("--quiet")).ends_well();
                // Apps come and change meanwhile.
                let busy = Busy { apps: 1, blocks: 4, changes_per_block: 2 };
                let run = killed(follow(&story, &database), after(n, Duration::from_millis(1500)));
                let (hit, busy) = tokio::join!(run, bench.make_busy(busy));
                busy.unwrap();
                hits.live += u32::from(hit);
            }
            _ => {
                Process::start(index(&story, &database).arg("--quiet")).ends_well();
                bench.anvil.reorg(2).await.unwrap();
                bench.anvil.mine(2).await.unwrap();
                let run = killed(index(&story, &database), after(n, Duration::from_millis(300)));
                hits.reorg += u32::from(run.await);
            }
        }
    }
    println!("of {kills} kills: {hits:?}");
    assert!(hits.past > 0 && hits.live > 0 && hits.reorg > 0, "{hits:?}, a run takes {whole:?}");
    Process::start(index(&story, &database).arg("--quiet")).ends_well();
    let expected = undisturbed(&story, &fresh(kills + 1)).await;
    assert_eq!(digest(&story, &database).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_indexer_goes_on_where_it_was_and_ends_at_the_same_contents() {
    let folder = tempfile::tempdir().unwrap();
    survives(|n| folder.path().join(format!("{n}.sqlite")).display().to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_does_on_postgres() {
    let Some(cluster) = Cluster::start().unwrap() else { return };
    survives(|_| cluster.database().unwrap()).await;
}
