//! The gate: what opens it, and each thing that keeps it shut.

use crate::world::{COMPOSE, DAY, World, with};
use alloy_primitives::B256;
use devproof_operator::Finality;
use devproof_release::{Lines, Verdict};
use devproof_testkit::Bench;
use std::fs;

const ALL: [&str; 13] = [
    "commit_clean",
    "commit_pushed",
    "compose_committed",
    "compose_file",
    "images_pinned",
    "images_exist",
    "lint",
    "no_secrets",
    "chain",
    "contract",
    "history",
    "compose_hash",
    "notice",
];

/// Lines that fail, and nothing else is wrong but that no registry of these tests has the image.
#[track_caller]
fn fails(lines: &Lines, ids: &[&str]) {
    assert_eq!(with(lines, Verdict::Fail), ids, "{lines:#?}");
    assert_eq!(lines.overall, Verdict::Fail);
    let pass = with(lines, Verdict::Pass);
    for id in ALL {
        let line = lines.get(id).unwrap();
        assert!(pass.contains(&id) || line.todo.is_some(), "{line:?} says nothing of what to do");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_has_its_place() {
    let world = World::new().await;
    world.propose().await;
    let lines = world.check_as(Ok(world.node()), Finality::Unsafe, true).await;
    let ids: Vec<_> = lines.lines.iter().map(|line| line.id).collect();
    assert_eq!(ids, ALL);
    // Who asks nobody does not know what they would say.
    assert_eq!(with(&lines, Verdict::CouldNotTell), ["commit_pushed", "images_exist"]);
    assert_eq!(lines.overall, Verdict::CouldNotTell);
    let lines = world.check_as(Err("no node is named".into()), Finality::Unsafe, true).await;
    let chain =
        ["commit_pushed", "images_exist", "chain", "contract", "history", "compose_hash", "notice"];
    assert_eq!(with(&lines, Verdict::CouldNotTell), chain);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_a_commit_that_everybody_can_read() {
    let world = World::new().await;
    world.propose().await;
    world.file("new.txt", "x");
    fails(&world.check_as(Ok(world.node()), Finality::Unsafe, false).await, &["commit_clean"]);
    world.file(".gitignore", "new.txt\n");
    fails(&world.check().await, &["commit_clean"]);
    world.commit("chore: ignore");
    let lines = world.check().await;
    fails(&lines, &["commit_pushed"]);
    world.push();
    assert_eq!(with(&world.check().await, Verdict::Fail), [""; 0]);
    // An older commit of a branch is pushed as well.
    world.file("more.txt", "x");
    world.commit("chore: more");
    world.push();
    world.git(&["checkout", "--quiet", "HEAD^"]);
    assert_eq!(world.check().await.get("commit_pushed").unwrap().result, Verdict::Pass);
    world.git(&["checkout", "--quiet", "main"]);
    // What was published is no part of what is released.
    world.file("release/x", "x");
    assert_eq!(world.check().await.get("commit_clean").unwrap().result, Verdict::Pass);
    fs::remove_dir_all(world.remote.path()).unwrap();
    let lines = world.check().await;
    let line = lines.get("commit_pushed").unwrap();
    assert_eq!(line.result, Verdict::CouldNotTell, "{line:?}");
    assert!(line.message.contains("When it was asked last, it had it"), "{line:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compose_file_that_git_does_not_have_to_the_byte() {
    let world = World::new().await;
    world.propose().await;
    world.git(&["rm", "--quiet", "--cached", "app-compose.json"]);
    world.file(".gitignore", "app-compose.json\n");
    world.commit("chore: keep it to ourselves");
    world.push();
    fails(&world.check().await, &["compose_committed"]);
    // Git says that nothing differs, and the bytes do.
    let world = World::new().await;
    world.file(".gitattributes", "*.json text eol=crlf\n");
    world.file("app-compose.json", format!("{COMPOSE}\n"));
    world.commit("chore: line ends");
    world.push();
    world.file("app-compose.json", format!("{COMPOSE}\r\n"));
    world.git(&["add", "app-compose.json"]);
    world.propose().await;
    let lines = world.check().await;
    assert_eq!(lines.get("commit_clean").unwrap().result, Verdict::Pass);
    fails(&lines, &["compose_committed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_images_in_the_file() {
    let world = World::new().await;
    let with_env = |entry: &str| {
        let text = COMPOSE
            .replace("b0f00a08\\n", &format!("b0f00a08\\n    environment:\\n      - {entry}\\n"));
        assert_ne!(text, COMPOSE);
        text
    };
    let release = async |text: &str| {
        world.file("app-compose.json", text);
        world.commit("feat: another one");
        world.push();
        world.propose().await;
        world.check().await
    };
    // A name that says what it is.
    let lines = release(&with_env("SIGNING_KEY=0123456789abcdef")).await;
    fails(&lines, &["lint", "no_secrets"]);
    // A value that the operator keeps elsewhere, under a name that says nothing.
    world.file(".env", "# ours\nexport TONE=\"correct horse \\\"battery\"\nLEVEL=info\n");
    world.file(".gitignore", ".env\n");
    let mut config = world.config.clone();
    config.env_files = vec![".env".to_owned()];
    let world = World { config, ..world };
    let release = async |text: &str| {
        world.file("app-compose.json", text);
        world.commit("feat: another one");
        world.push();
        world.propose().await;
        world.check().await
    };
    assert_eq!(with(&release(COMPOSE).await, Verdict::Fail), [""; 0]);
    let lines = release(&with_env("MOOD=correct horse \\\\\\\"battery")).await;
    fails(&lines, &["no_secrets"]);
    let line = lines.get("no_secrets").unwrap();
    assert!(line.message.contains("TONE") && !line.message.contains("horse"), "{line:?}");
    // The file with the values is in the repository itself.
    world.file(".gitignore", "");
    fails(&release(&COMPOSE.replace("acme\"", "acme2\"")).await, &["no_secrets"]);
    fs::remove_file(world.repo.path().join(".env")).unwrap();
    let lines = release(&COMPOSE.replace("acme\"", "acme3\"")).await;
    assert_eq!(lines.get("no_secrets").unwrap().result, Verdict::CouldNotTell);
    // An image that can be moved.
    let pinned = "acme/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let lines = release(&COMPOSE.replace(pinned, "acme/app:1.0")).await;
    fails(&lines, &["images_pinned"]);
    assert_eq!(lines.get("images_exist").unwrap().result, Verdict::CouldNotTell);
    fails(&release("not json").await, &["compose_file", "compose_hash", "notice"][..1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_from_its_announcement_to_its_end() {
    let world = World::new().await;
    fails(&world.check().await, &["compose_hash", "notice"]);
    world.propose().await;
    let pass = |lines: &Lines| ["compose_hash", "notice"].map(|id| lines.get(id).unwrap().result);
    assert_eq!(pass(&world.check().await), [Verdict::Pass; 2], "pending");
    // Announced, and not in a block that cannot be taken back.
    let lines = world.check_as(Ok(world.node()), Finality::Finalized, false).await;
    assert_eq!(pass(&lines), [Verdict::Pass, Verdict::CouldNotTell]);
    assert_eq!(lines.overall, Verdict::CouldNotTell);
    world.bench.anvil.mine(100).await.unwrap();
    let lines = world.check_as(Ok(world.node()), Finality::Finalized, false).await;
    assert_eq!(pass(&lines), [Verdict::Pass; 2]);
    assert!(lines.get("notice").unwrap().message.contains("which is finalized"));
    world.go_on(2 * DAY).await;
    assert_eq!(pass(&world.check().await), [Verdict::Pass; 2], "ripe");
    world.activate().await;
    assert_eq!(pass(&world.check().await), [Verdict::Pass; 2], "in force");
    world.remove(&world.bench.guardian, world.version()).await;
    fails(&world.check().await, &["compose_hash", "notice"]);
    // Announced again, and left to die.
    world.propose().await;
    world.go_on(16 * DAY).await;
    fails(&world.check().await, &["compose_hash"]);
    // A file with one byte more is another version.
    world.file("app-compose.json", format!("{COMPOSE}\n"));
    world.commit("style: a line end");
    world.push();
    fails(&world.check().await, &["compose_hash", "notice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_that_enforce_no_notice() {
    let bench = Bench::start(crate::world::GENESIS).await.unwrap();
    let version = devproof_primitives::ComposeHash::of(COMPOSE.as_bytes()).0;
    let app = bench.deploy_stock_app(version).await.unwrap();
    let world = World::of(bench, app);
    let lines = world.check().await;
    fails(&lines, &["contract", "notice"]);
    assert_eq!(lines.get("compose_hash").unwrap().result, Verdict::Pass);
    assert_eq!(lines.get("history").unwrap().result, Verdict::CouldNotTell);
    // Nothing is there at all, or the node is of another chain.
    let mut config = world.config.clone();
    config.app = B256::repeat_byte(9)[..20].try_into().unwrap();
    let world = World { config, ..world };
    fails(&world.check().await, &["contract", "history", "compose_hash", "notice"]);
    let mut config = world.config.clone();
    config.chain = 1;
    let world = World { config, ..world };
    fails(&world.check().await, &["chain"]);
}
