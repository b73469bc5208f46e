//! What is refused is refused before anything is sent, with the reason.

use crate::bench::{DAY, GUARDIAN, OWNER, RIVAL, STRANGER, Said, World, said};
use alloy_primitives::{Address, B256};

/// Runs it, and makes sure that nothing was sent.
async fn refused(world: &World, account: usize, args: &[&str]) -> Said {
    let before = world.sent(account).await;
    let said = world.run(account, args);
    assert_eq!(world.sent(account).await, before, "{args:?} sent something: {said:?}");
    said
}

/// One sentence, and exit code 1.
async fn says(world: &World, account: usize, args: &[&str], why: &str) {
    let said = refused(world, account, args).await;
    assert_eq!(said.code, 1, "{args:?}: {said:?}");
    assert!(said.out.contains(why), "{args:?}: {said:?}");
    assert!(said.out.ends_with("Nothing was sent.\n"), "{args:?}: {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_an_app_auth() {
    let world = World::new().await;
    let device = "--setting=device=0xd2";
    says(&world, STRANGER, &["propose", "APP", device, "--yes"], "only the owner may do this")
        .await;
    says(&world, GUARDIAN, &["propose", "APP", device, "--yes"], "only the owner may do this")
        .await;
    says(&world, STRANGER, &["activate", "APP", device, "--yes"], "propose it first").await;
    let longer = "--setting=notice=30d";
    says(&world, OWNER, &["propose", "APP", longer, "--yes"], "means nothing here").await;
    let image = "--setting=os-image=0x05";
    says(&world, OWNER, &["propose", "APP", image, "--yes"], "has no list of OS images").await;
    let name =
        ["app", "guardian", "APP", "--name", "0x00000000000000000000000000000000000000a1", "--yes"];
    says(&world, OWNER, &name, "replacing one has to be proposed").await;
    says(&world, STRANGER, &["app", "transfer", "APP", "--accept", "--yes"], "only the owner")
        .await;
    assert_eq!(world.run(OWNER, &["propose", "APP", device, "--yes"]).code, 0);
    let cancel = ["cancel", "APP", device, "--yes"];
    says(&world, STRANGER, &cancel, "only the owner or the guardian").await;
    let version = format!("--compose-hash={:#x}", B256::repeat_byte(1));
    says(&world, STRANGER, &["remove", "APP", &version, "--yes"], "only the owner or the guardian")
        .await;
    let factory = world.bench.factory.to_string();
    let owner = world.bench.owner.address().to_string();
    let short =
        ["app", "deploy", "--factory", &factory, "--owner", &owner, "--notice", "1d", "--yes"];
    says(&world, OWNER, &short, "choose one from 2 d to 30 d").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_announcements_are_as_many_as_there_may_be() {
    let world = World::new().await;
    for n in 1..=16 {
        let device = format!("--setting=device=0xe{n:x}");
        assert_eq!(world.run(OWNER, &["propose", "APP", &device, "--yes"]).code, 0, "{n}");
    }
    let propose = ["propose", "APP", "--setting=device=0xff", "--yes"];
    says(&world, OWNER, &propose, "room does not pass").await;
    let anyway = [&propose[..], &["--accept", "room"]].concat();
    says(&world, OWNER, &anyway, "16 proposals are pending, which is as many as an app may have")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_freeze_that_comes_first_would_make_impossible() {
    let world = World::new().await;
    assert_eq!(world.run(OWNER, &["app", "freeze", "APP", "device", "--yes"]).code, 0);
    world.go_on(60).await;
    let propose = ["propose", "APP", "--setting=device=0xd2", "--yes"];
    says(&world, OWNER, &propose, "freeze does not pass").await;
    world.go_on(2 * DAY).await;
    let freeze = ["activate", "APP", "--setting=freeze=device", "--yes"];
    assert_eq!(world.run(STRANGER, &freeze).code, 0);
    says(&world, OWNER, &propose, "was frozen and can never widen again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_contracts_without_a_notice() {
    let mut world = World::new().await;
    world.app = world.bench.deploy_stock_app(B256::repeat_byte(1)).await.unwrap();
    let device = "--setting=device=0xd2";
    for verb in ["propose", "activate", "cancel"] {
        says(&world, RIVAL, &[verb, "APP", device, "--yes"], "no notice exists there").await;
    }
    let freeze = ["app", "freeze", "APP", "device", "--yes"];
    says(&world, RIVAL, &freeze, "deploy an AppAuth with `devproof app deploy`").await;
    let shown = world.run(RIVAL, &["status", "APP"]);
    assert!(shown.out.contains("a stock contract: no notice exists"), "{shown:?}");
    let version = format!("--compose-hash={:#x}", B256::repeat_byte(1));
    let removed = world.run(RIVAL, &["remove", "APP", &version, "--yes"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    assert!(removed.out.contains("Stock contract: no notice exists."), "{removed:?}");
    assert!(removed.out.contains("its owner can undo this at once"), "{removed:?}");
    assert_eq!(world.run(RIVAL, &["remove", "APP", &version, "--yes"]).code, 0);

    let birth = devproof_testkit::Birth::default();
    world.app = world.bench.deploy_timelock_app(DAY, birth).await.unwrap();
    says(&world, RIVAL, &["propose", "APP", device, "--yes"], "TimelockAppAuth").await;
    world.app = world.bench.registry;
    says(&world, RIVAL, &["propose", "APP", device, "--yes"], "nobody knows the code").await;
    world.app = Address::repeat_byte(0x77);
    let nothing = refused(&world, RIVAL, &["propose", "APP", device, "--yes"]).await;
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("check the address and the chain"), "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_another_chain_than_the_one_that_is_meant() {
    let world = World::new().await;
    let args = world.arguments(&["propose", "APP", "--setting=device=0xd2", "--yes"]);
    let before = world.sent(OWNER).await;
    let other = said(world.as_(OWNER).env("DEVPROOF_CHAIN", "8453").args(&args));
    assert_eq!(
        (other.code, other.err.as_str()),
        (
            64,
            "error: the node serves chain 31337 and the configuration says 8453: name a node of that chain.\n"
        )
    );
    let none = said(world.as_(OWNER).env_remove("DEVPROOF_CHAIN").args(&args));
    assert_eq!(none.code, 64, "{none:?}");
    assert!(none.err.contains("say which chain is meant"), "{none:?}");
    assert_eq!(world.sent(OWNER).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_somebody_who_says_yes() {
    let world = World::new().await;
    let propose = ["propose", "APP", "--setting=device=0xd2"];
    let asked = refused(&world, OWNER, &propose).await;
    assert_eq!(asked.code, 64, "{asked:?}");
    assert!(asked.out.contains("What changes: nothing now."), "it is shown first: {asked:?}");
    assert_eq!(
        asked.err,
        "error: nothing was sent: there is nobody to ask, so say --yes, or --dry-run.\n"
    );
    let dry = refused(&world, OWNER, &[&propose[..], &["--dry-run", "--yes"]].concat()).await;
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(dry.out.contains("Cost: at most "), "{dry:?}");
    let nobody = said(world.command().args(world.arguments(&propose)));
    assert_eq!(nobody.code, 64, "{nobody:?}");
    assert!(nobody.err.contains("nobody signs"), "{nobody:?}");
    let owner = world.bench.owner.address().to_string();
    let stranger = world.bench.stranger.address().to_string();
    for (from, code) in [(&owner, 0), (&stranger, 1)] {
        let args = world.arguments(&[&propose[..], &["--from", from]].concat());
        assert_eq!(said(world.command().args(args)).code, code, "{from}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_at_a_terminal_is_asked() {
    let world = World::new().await;
    // util-linux's script gives it a terminal.
    let ask = |answer: &str| {
        let args = world.arguments(&["propose", "APP", "--setting=device=0xd2"]).join(" ");
        let line = format!(
            "echo {answer} | script -qec '{} {args}' /dev/null",
            env!("CARGO_BIN_EXE_devproof")
        );
        let mut command = std::process::Command::new("sh");
        for (name, value) in world.as_(OWNER).get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        said(command.env("NO_COLOR", "1").current_dir(world.dir.path()).args(["-c", &line]))
    };
    let before = world.sent(OWNER).await;
    let no = ask("n");
    assert_eq!(no.code, 1, "{no:?}");
    assert!(no.out.contains("Sign and send this? [y/N]"), "{no:?}");
    assert!(!no.out.contains('\u{1b}'), "NO_COLOR: {no:?}");
    assert_eq!(world.sent(OWNER).await, before);
    let yes = ask("y");
    assert_eq!(yes.code, 0, "{yes:?}");
    assert_eq!(world.sent(OWNER).await, before + 1);
}
