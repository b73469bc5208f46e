//! Answers from a streaming replica, also while its primary is down.

use crate::{
    NOW, Process, index_at_once,
    process::{devproof, get},
    until,
};
use devproof_testkit::{Story, postgres::Cluster};

/// A number in the header's dictionary.
fn lag(header: &str) -> u64 {
    let lag = header.split(", ").find_map(|part| part.strip_prefix("lag="));
    lag.unwrap_or_else(|| panic!("{header}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_answers_with_its_lag_and_goes_on_without_its_primary() {
    let Some(mut primary) = Cluster::start_on_loopback().unwrap() else { return };
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let made = primary.database().unwrap();
    let name = made.rsplit('/').next().unwrap().to_owned();
    let written = primary.loopback_url(&name);
    let replica = primary.replica().unwrap();
    Process::start(&mut index_at_once(&story, &written)).ends_well();

    let read = replica.loopback_url(&name);
    until("the schema is there", async || crate::checkpoint(&story, &read).await > 0).await;
    let mut serve =
        Process::start(devproof().args(["serve", "--no-index", "--database", &read]).args([
            "--rpc-url",
            story.bench.anvil.url(),
            "--poll-seconds",
            "1",
        ]));
    let host = serve.url("Serving");
    let path = |block: u64| format!("/v1/chains/31337/apps/{}/at/{block}", story.product);
    let head = story.bench.node.heads().await.unwrap().latest.number;
    let answer = get(&host, &path(head));
    assert_eq!(answer.status, 200, "{answer:?}");
    let header = answer.header("devproof-replica").unwrap();
    assert!(header.contains("receiving=?1") && header.contains("replayed=\"0/"), "{header}");
    lag(header);

    // What the primary learns is answered here.
    story.bench.anvil.mine(5).await.unwrap();
    assert_eq!(get(&host, &path(head + 5)).status, 409);
    Process::start(&mut index_at_once(&story, &written)).ends_well();
    until("the replica follows", async || get(&host, &path(head + 5)).status == 200).await;

    primary.crash().unwrap();
    until("the primary is missed", async || {
        let answer = get(&host, &path(head + 5));
        assert_eq!(answer.status, 200, "{answer:?}");
        let header = answer.header("devproof-replica").unwrap();
        header.contains("receiving=?0") && lag(header) >= 3
    })
    .await;
    let chains = get(&host, "/v1/chains").json();
    assert_eq!(chains["replica"]["receiving"], false, "{chains}");
    assert!(chains["replica"]["lagSeconds"].as_u64().unwrap() >= 3, "{chains}");
    let metrics = get(&host, "/metrics").body;
    assert!(metrics.contains("\ndevproof_replica_receiving 0\n"), "{metrics}");
    assert_eq!(get(&host, "/healthz").status, 200);
    let ready = get(&host, "/readyz");
    assert_eq!((ready.status, &ready.json()["replica"]["receiving"]), (503, &false.into()));
}
