//! Two indexers on one database: one writes, the other stands by.

use crate::{NOW, Process, checkpoint, digest, index, undisturbed, until};
use devproof_testkit::{Story, postgres::Cluster};
use std::time::Instant;

async fn story() -> Story {
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    story.bench.anvil.mine(800).await.unwrap();
    story
}

/// The writer is killed in the middle; the other one, which stood by, ends where an undisturbed run does.
async fn the_other_takes_over(story: &Story, database: &str, expected: &str) {
    let mut first = Process::start(&mut index(story, database));
    until("the first writes", async || checkpoint(story, database).await > 0).await;
    let mut second = Process::start(&mut index(story, database));
    let line = second.says("Another process indexes");
    assert!(
        line.contains("chain 31337") && line.ends_with("standing by to take over when it ends."),
        "{line}"
    );
    assert!(first.is_running(), "it was done before it could be killed");
    first.kill();
    let died = Instant::now();
    let left_at = checkpoint(story, database).await;
    second.says("is gone; taking over");
    println!("taken over {:?} after the kill, at block {left_at}", died.elapsed());
    assert!(left_at < 800, "the first had finished");
    second.ends_well();
    assert_eq!(digest(story, database).await.to_string(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_indexers_on_a_file_one_writes_and_the_other_takes_over() {
    let story = story().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let expected = undisturbed(&story, &at("straight.sqlite")).await.to_string();
    the_other_takes_over(&story, &at("shared.sqlite"), &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_indexers_on_postgres_one_writes_and_the_other_takes_over() {
    let Some(cluster) = Cluster::start().unwrap() else { return };
    let story = story().await;
    let expected = undisturbed(&story, &cluster.database().unwrap()).await.to_string();
    the_other_takes_over(&story, &cluster.database().unwrap(), &expected).await;
}

/// The connection that holds the lock breaks, and the process does not die: it must not go on as if nothing had
/// happened.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_whose_connection_broke_stands_by() {
    let Some(cluster) = Cluster::start().unwrap() else { return };
    let story = story().await;
    let expected = undisturbed(&story, &cluster.database().unwrap()).await;
    let database = cluster.database().unwrap();
    let name = database.rsplit('/').next().unwrap();
    let mut first = Process::start(index(&story, &database).arg("--follow"));
    until("the first writes", async || checkpoint(&story, &database).await > 0).await;
    let mut second = Process::start(index(&story, &database).arg("--follow"));
    second.says("standing by to take over");
    // The sender to subscribers holds a lock as well.
    let writers = "FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE locktype = 'advisory' AND granted AND application_name = 'devproof writer'";
    let held = format!("SELECT pg_terminate_backend(pid) {writers}");
    assert_eq!(cluster.sql(name, &held).unwrap(), "t");
    // Whichever is faster has it now; each says so if it is the other.
    until("all is there", async || digest(&story, &database).await == expected).await;
    first.says("is not the writer of chain 31337 any more");
    let count = format!("SELECT COUNT(*) {writers}");
    assert_eq!(cluster.sql(name, &count).unwrap(), "1", "one writes, and one only");
    assert!(first.is_running() && second.is_running());
}
