//! What is caught before days of notice are spent.

use crate::{
    bench::{OWNER, Said, World, redacted, same},
    release::COMPOSE,
};
use devproof_compose::ComposeHash;

/// Runs propose on a file, and makes sure that nothing is sent.
async fn caught(world: &World, compose: &str, args: &[&str], check: &str) -> Said {
    world.file("app-compose.json", compose);
    let before = world.sent(OWNER).await;
    let propose = ["propose", "APP", "--compose", "app-compose.json", "--yes"];
    let said = world.run(OWNER, &[&propose[..], args].concat());
    assert_eq!(said.code, 1, "{check}: {said:?}");
    assert!(
        said.out.contains(&format!("Refused: {check} does not pass. Nothing was sent.")),
        "{check}: {said:?}"
    );
    assert_eq!(world.sent(OWNER).await, before);
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_of_other_bytes_than_those_that_will_run() {
    let world = World::new().await;
    let platform = ["--platform", "platform.json"];
    // The platform serves the same content, written in another way.
    let value: serde_json::Value = serde_json::from_str(COMPOSE).unwrap();
    world.file("platform.json", &serde_json::to_string_pretty(&value).unwrap());
    caught(&world, COMPOSE, &platform, "platform").await;
    // It names a hash of something else.
    world.file("platform.json", &format!(r#"{{"compose_hash":"{}"}}"#, "ab".repeat(32)));
    let said = caught(&world, COMPOSE, &platform, "platform").await;
    same("preflight.txt", &redacted(&said.out, &[]));
    // It names the hash as another tool writes the same content: that is said.
    let other = devproof_compose::predict::predict(
        &devproof_compose::AppCompose::parse(COMPOSE.as_bytes()).unwrap(),
    );
    let other = other
        .iter()
        .find_map(|it| it.compose_hash.filter(|h| *h != ComposeHash::of(COMPOSE.as_bytes())));
    world.file("platform.json", &format!(r#"{{"compose_hash":"{}"}}"#, other.unwrap()));
    let said = caught(&world, COMPOSE, &platform, "platform").await;
    assert!(said.out.contains("it hashes the same content as "), "{said:?}");
    // It is about another app, or one of two replicas is another one.
    let hash = ComposeHash::of(COMPOSE.as_bytes());
    let app = "0x00000000000000000000000000000000000000a1";
    world.file("platform.json", &format!(r#"{{"compose_hash":"{hash}","app_id":"{app}"}}"#));
    caught(&world, COMPOSE, &platform, "app_id").await;
    world.file("platform.json", &format!(r#"{{"compose_hash":"{hash}"}}"#));
    world.file("second.json", &COMPOSE.replace("\"acme\"", "\"acme-2\""));
    caught(
        &world,
        COMPOSE,
        &["--platform", "platform.json", "--platform", "second.json"],
        "platform",
    )
    .await;
    // It will run on a machine that the app does not accept.
    world.file(
        "platform.json",
        &format!(r#"{{"compose_hash":"{hash}","device_id":"{}"}}"#, "d2".repeat(32)),
    );
    caught(&world, COMPOSE, &platform, "device").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_scripts_that_are_not_pinned() {
    let world = World::new().await;
    let pinned = "acme/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    caught(&world, &COMPOSE.replace(pinned, "acme/app:1.0"), &[], "images").await;
    let without = COMPOSE.replace(r#","pre_launch_script":"true\n""#, "");
    assert_ne!(without, COMPOSE);
    caught(&world, &without, &[], "pre_launch_script").await;
    // Unless the platform says that it puts none in.
    world.file("platform.json", &without);
    let propose = [
        "propose",
        "APP",
        "--compose",
        "app-compose.json",
        "--platform",
        "platform.json",
        "--dry-run",
    ];
    let said = world.run(OWNER, &propose);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("the platform put none in"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_without_its_file_and_a_plan_that_comes_too_late() {
    let world = World::new().await;
    let hash = ComposeHash::of(COMPOSE.as_bytes()).to_string();
    let propose = ["propose", "APP", "--compose-hash", &hash, "--yes"];
    let said = world.run(OWNER, &propose);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("compose_file does not pass"), "{said:?}");
    caught(&world, COMPOSE, &["--planned", "2027-01-16T08:00:00Z"], "planned").await;
    caught(&world, COMPOSE, &["--planned", "2027-03-01T08:00:00Z"], "planned").await;
    let accepted = world.run(OWNER, &[&propose[..], &["--accept", "compose_file"]].concat());
    assert_eq!(accepted.code, 0, "{accepted:?}");
    assert!(accepted.out.contains("fails, accepted: A hash alone"), "{accepted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_announcement_is_pointed_out_and_a_drift_before_activation_stops_it() {
    let world = World::new().await;
    world.file("app-compose.json", COMPOSE);
    let propose = ["propose", "APP", "--compose", "app-compose.json", "--yes"];
    assert_eq!(world.run(OWNER, &propose).code, 0);
    world.file("next.json", &COMPOSE.replace("\"acme\"", "\"acme-2\""));
    let second = world.run(OWNER, &["propose", "APP", "--compose", "next.json", "--yes"]);
    assert_eq!(second.code, 0, "{second:?}");
    let hash = ComposeHash::of(COMPOSE.as_bytes());
    let other = format!("Another value is announced of the same setting ({:#x})", hash.0);
    assert!(second.out.contains(&other), "{second:?}");
    // Said again, a step that is done is done; unless the platform would run something else by now.
    let again = [&propose[..], &["--platform", "app-compose.json"]].concat();
    assert_eq!(world.run(OWNER, &again).code, 0);
    let again = [&propose[..], &["--platform", "next.json"]].concat();
    let drifted = world.run(OWNER, &again);
    assert_eq!(drifted.code, 1, "{drifted:?}");
    assert!(drifted.out.contains("platform does not pass"), "{drifted:?}");
    world.go_on(3 * 86_400).await;
    let activate =
        ["activate", "APP", "--compose", "app-compose.json", "--platform", "next.json", "--yes"];
    let drifted = world.run(OWNER, &activate);
    assert_eq!(drifted.code, 1, "{drifted:?}");
    assert!(drifted.out.contains("platform does not pass"), "{drifted:?}");
}
