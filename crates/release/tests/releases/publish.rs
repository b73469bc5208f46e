//! What is published, when nothing is, and that the same release always has the same files.

use crate::world::{COMPOSE, DAY, World};
use alloy_primitives::B256;
use devproof_release::{
    DEPLOYMENTS_FILE, NOTES_FILE, PROOF_FILE, REPORT_FILE, ReleaseError, WELL_KNOWN_FILE, Written,
};
use devproof_testkit::Bench;
use std::fs;

fn text(world: &World, name: &str) -> String {
    fs::read_to_string(world.repo.path().join("release").join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_release_has_the_same_files() {
    let world = World::new().await;
    world.propose().await;
    let first = world.publish().await.unwrap();
    assert!(first.written.iter().all(|(_, it)| *it == Written::Written), "{first:?}");
    assert_eq!(first.proof.state, "announced");
    assert!(first.summary.chars().count() <= 280);
    let files = world.files();
    let unchanged = async |what: &str| {
        let again = world.publish().await.unwrap();
        assert!(again.written.iter().all(|(_, it)| *it == Written::Unchanged), "{what}: {again:?}");
        assert_eq!(world.files(), files, "{what}");
    };
    unchanged("at once").await;
    world.go_on(DAY).await;
    unchanged("a day later").await;
    // To commit what was published is no other release, and neither is its tag.
    world.commit("chore(release): publish");
    unchanged("committed").await;
    world.git(&["tag", "v1.0.0", "HEAD^"]);
    world.git(&["tag", "v1.0.0-published"]);
    world.push();
    unchanged("tagged").await;
    assert_eq!(text(&world, PROOF_FILE), text(&world, WELL_KNOWN_FILE));
    // It came into force: that is something else.
    world.activate().await;
    let second = world.publish().await.unwrap();
    assert_eq!(second.proof.state, "in_force");
    assert!(second.proof.notice_seconds.unwrap() >= 2 * DAY);
    assert_ne!(world.files(), files);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commit_is_the_one_that_was_announced() {
    let world = World::new().await;
    let announced = world.git(&["rev-parse", "HEAD"]);
    world.propose_with_source(&announced, "").await;
    world.file("later", "x");
    let later = world.commit("docs: later");
    world.push();
    let published = world.publish().await.unwrap();
    assert_eq!(published.proof.source.commit, announced);
    let lines = world.verify(&world.files()).await.lines;
    assert_eq!(
        lines.get("source").unwrap().result,
        devproof_release::Verdict::Claimed,
        "{lines:#?}"
    );
    // A commit that has another file is not the one, whatever was announced.
    let world = World::new().await;
    let before = world.git(&["rev-parse", "HEAD"]);
    world.file("app-compose.json", COMPOSE.replace("acme\"", "acme2\""));
    let now = world.commit("feat: another one");
    world.push();
    world.propose_with_source(&before, "").await;
    let published = world.publish().await.unwrap();
    assert_eq!(published.proof.source.commit, now);
    assert_ne!(later, now);
    let lines = world.verify(&world.files()).await.lines;
    assert_eq!(lines.get("source").unwrap().result, devproof_release::Verdict::Fail, "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_documents_say() {
    let world = World::new().await;
    let commit = world.git(&["rev-parse", "HEAD"]);
    world.propose_with_source(&commit, "https://a.example/`|](x)\n# no heading").await;
    world.activate().await;
    world.publish().await.unwrap();
    let deployments = text(&world, DEPLOYMENTS_FILE);
    let rows: Vec<_> = deployments.lines().filter(|line| line.starts_with("| `0x")).collect();
    assert_eq!(rows.len(), 2, "{deployments}");
    assert!(
        rows[0].contains(&format!("{:#x}", world.version())) && rows[0].contains("**in force**"),
        "{}",
        rows[0]
    );
    assert!(
        rows[0].contains("`https://a.example/\\u{60}\\u{7c}](x)\\n# no heading`"),
        "{}",
        rows[0]
    );
    assert!(rows[1].contains("the app was born with it"), "{}", rows[1]);
    // Seven cells, whatever a text from the chain has in it.
    assert!(rows.iter().all(|row| row.matches(" | ").count() == 6), "{rows:?}");
    assert!(deployments.contains("Completeness: **complete**"), "{deployments}");
    let report = text(&world, REPORT_FILE);
    assert!(
        report.contains(
            "acme/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        ),
        "{report}"
    );
    assert!(
        report.contains("That it runs is not shown.") && report.contains("None is published"),
        "{report}"
    );
    assert!(!report.contains("# no heading\n"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_contract_is_told_as_what_it_is() {
    let bench = Bench::start(crate::world::GENESIS).await.unwrap();
    let version = devproof_primitives::ComposeHash::of(COMPOSE.as_bytes()).0;
    let app = bench.deploy_stock_app(version).await.unwrap();
    let world = World::of(bench, app);
    let published = world.publish().await.unwrap();
    assert_eq!(published.proof.history.completeness, "as_emitted");
    assert!(text(&world, DEPLOYMENTS_FILE).contains("Completeness: **as emitted**"));
    assert!(published.summary.contains("not guaranteed by its contract"), "{}", published.summary);
    let again = world.publish().await.unwrap();
    assert!(again.written.iter().all(|(_, it)| *it == Written::Unchanged));
}

#[tokio::test(flavor = "multi_thread")]
async fn release_notes_are_what_was_committed_since_the_last_tag() {
    let world = World::new().await;
    world.git(&["tag", "v0.9.0"]);
    world.file("a", "1");
    world.commit("feat(api)!: `](https://evil.example) @team");
    world.file("a", "2");
    world.commit("fix: a thing\n\nBREAKING CHANGE: it was relied on");
    world.push();
    world.propose().await;
    world.publish().await.unwrap();
    let notes = text(&world, NOTES_FILE);
    assert!(notes.contains("since the tag `v0.9.0`"), "{notes}");
    assert!(!notes.contains("the first one"), "{notes}");
    assert!(notes.contains("- `api`: `\\u{60}](https://evil.example) @team` ("), "{notes}");
    let breaks = notes.split("## ").find(|it| it.starts_with("What may break")).unwrap();
    assert_eq!(breaks.lines().filter(|line| line.starts_with("- ")).count(), 2, "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_of_what_nobody_can_check() {
    let world = World::new().await;
    let refused = async || match world.publish().await {
        Err(ReleaseError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused().await.contains("was not announced"));
    world.propose().await;
    world.file("dirty", "x");
    assert!(refused().await.contains("differ from the commit"));
    assert!(!world.repo.path().join("release").exists());
    fs::remove_file(world.repo.path().join("dirty")).unwrap();
    world.publish().await.unwrap();
    // A withdrawn one is told of as withdrawn.
    world.remove(&world.bench.guardian, world.version()).await;
    assert_eq!(world.publish().await.unwrap().proof.state, "withdrawn");
    world.remove(&world.bench.guardian, B256::repeat_byte(1)).await;
    assert!(
        text(&world, DEPLOYMENTS_FILE).contains("| removed |") || world.publish().await.is_ok()
    );
}
