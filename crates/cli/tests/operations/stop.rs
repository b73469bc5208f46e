//! A signal in the middle of the work.

use crate::{NOW, Process, checkpoint, digest, index, undisturbed, until};
use alloy_primitives::B256;
use devproof_testkit::{Story, postgres::Cluster};

async fn story() -> Story {
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    story.bench.anvil.mine(800).await.unwrap();
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_in_the_middle_of_a_page_is_a_clean_end_and_loses_nothing() {
    let story = story().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let expected = undisturbed(&story, &at("straight.sqlite")).await;

    stopped_and_begun_again(&story, &at("stopped.sqlite"), expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_is_anything_lost_on_postgres() {
    let Some(cluster) = Cluster::start().unwrap() else { return };
    let story = story().await;
    let expected = undisturbed(&story, &cluster.database().unwrap()).await;
    stopped_and_begun_again(&story, &cluster.database().unwrap(), expected).await;
}

async fn stopped_and_begun_again(story: &Story, stopped: &str, expected: B256) {
    for (signal, beyond) in [("-TERM", 0), ("-INT", 300)] {
        let mut process = Process::start(&mut index(story, stopped));
        until("some pages are there", async || checkpoint(story, stopped).await > beyond).await;
        process.signal(signal);
        process.ends_well();
        let done = checkpoint(story, stopped).await;
        let words = format!("is indexed up to block {done}. Run it again to go on.");
        let said = process.said();
        assert!(
            said.iter().any(|line| line.starts_with("Stopped;") && line.ends_with(&words)),
            "{said:#?}"
        );
        assert!(done < 800, "it was done before the signal came");
    }
    Process::start(&mut index(story, stopped)).ends_well();
    assert_eq!(digest(story, stopped).await, expected);
}
