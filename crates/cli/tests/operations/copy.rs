//! `devproof db copy`, from a file to a server and back.

use crate::{NOW, Process, digest, index_at_once, process::devproof, undisturbed};
use devproof_testkit::{Story, postgres::Cluster};
use std::process::Command;

fn copy(from: &str, to: &str) -> Command {
    let mut command = devproof();
    command.args(["db", "copy", from, to]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_moves_to_a_server_and_back_and_goes_on_there() {
    let Some(cluster) = Cluster::start().unwrap() else { return };
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (file, server) = (at("first.sqlite"), cluster.database().unwrap());
    Process::start(&mut index_at_once(&story, &file)).ends_well();
    // Something that was orphaned.
    story.bench.anvil.reorg(2).await.unwrap();
    story.bench.anvil.mine(3).await.unwrap();
    Process::start(&mut index_at_once(&story, &file)).ends_well();

    let mut copying = Process::start(&mut copy(&file, &server));
    copying.ends_well();
    let expected = digest(&story, &file).await;
    assert!(copying.said().iter().any(|line| line.contains(&expected.to_string())));
    assert_eq!(digest(&story, &server).await, expected);
    let back = at("back.sqlite");
    Process::start(&mut copy(&server, &back)).ends_well();
    assert_eq!(digest(&story, &back).await, expected);

    // Over nothing that is there.
    let mut again = Process::start(&mut copy(&file, &server));
    assert_eq!(again.ends().code(), Some(2));
    assert!(
        again.said()[0].ends_with("name one that is not there yet, or is empty."),
        "{:?}",
        again.said()
    );

    story.bench.anvil.mine(5).await.unwrap();
    for database in [&server, &back] {
        Process::start(&mut index_at_once(&story, database)).ends_well();
    }
    let fresh = undisturbed(&story, &at("fresh.sqlite")).await;
    assert_eq!(digest(&story, &server).await, digest(&story, &back).await);
    assert_eq!(digest(&story, &server).await, fresh);
}
