//! The whole way of a release.

use crate::bench::{DAY, OWNER, STRANGER, World, redacted, same};
use alloy_primitives::B256;
use devproof_compose::ComposeHash;
use devproof_contracts::stock::DstackApp;

/// Pinned, with a script of its own, and nothing grave in it.
pub(crate) const COMPOSE: &str = r#"{"manifest_version":2,"name":"acme","runner":"docker-compose","docker_compose_file":"services:\n  app:\n    image: acme/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n","kms_enabled":true,"gateway_enabled":true,"public_logs":false,"public_sysinfo":false,"public_tcbinfo":true,"allowed_envs":[],"no_instance_id":false,"secure_time":true,"pre_launch_script":"true\n"}"#;

async fn allowed(world: &World, hash: B256) -> bool {
    let call = DstackApp::allowedComposeHashesCall { composeHash: hash };
    world.node().call(world.app, &call, None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_announcement_to_removal_and_each_step_once() {
    let world = World::new().await;
    let hash = ComposeHash::of(COMPOSE.as_bytes());
    let text = format!("{:#x}", hash.0);
    world.file("app-compose.json", COMPOSE);
    let prepared = format!(r#"{{"compose_hash":"{hash}","app_id":"{:#x}"}}"#, world.app);
    world.file("prepared.json", &prepared);
    let propose =
        ["propose", "APP", "--compose", "app-compose.json", "--platform", "prepared.json", "--yes"];
    let activate = ["activate", "APP", "--compose", "app-compose.json", "--yes"];
    let remove = ["remove", "APP", "--compose", "app-compose.json", "--yes"];
    let status = ["status", "APP", "--compose", "app-compose.json"];
    let mut told = String::new();
    let mut tell = |what: &str, said: &crate::bench::Said| {
        told.push_str(&format!("$ devproof {what} -> {}\n{}\n", said.code, said.out));
    };

    let before = world.sent(OWNER).await;
    assert_eq!(world.run(OWNER, &status).code, 1, "neither in force nor announced");
    let said = world.run(OWNER, &activate);
    assert_eq!(said.code, 1, "{said:?}");
    tell("activate", &said);
    let said = world.run(OWNER, &propose);
    assert_eq!(said.code, 0, "{said:?}");
    tell("propose", &said);
    assert_eq!(world.sent(OWNER).await, before + 1);

    let again = world.run(OWNER, &propose);
    assert_eq!(again.code, 0, "{again:?}");
    tell("propose, again", &again);
    assert_eq!(world.sent(OWNER).await, before + 1, "a step that is done sends nothing");

    let early = world.run(STRANGER, &activate);
    assert_eq!(early.code, 2, "{early:?}");
    tell("activate, too early", &early);
    assert_eq!(world.sent(STRANGER).await, 0);
    let said = world.run(OWNER, &status);
    assert_eq!(said.code, 2, "{said:?}");
    tell("status", &said);

    world.go_on(2 * DAY).await;
    assert!(!allowed(&world, hash.0).await);
    let said = world.run(STRANGER, &activate);
    assert_eq!(said.code, 0, "{said:?}");
    tell("activate, by a stranger", &said);
    assert!(allowed(&world, hash.0).await);
    let again = world.run(STRANGER, &activate);
    assert_eq!(again.code, 0, "{again:?}");
    tell("activate, again", &again);
    assert_eq!(world.sent(STRANGER).await, 1);
    assert_eq!(world.run(OWNER, &status).code, 0);
    let said = world.run(OWNER, &propose);
    assert_eq!(said.code, 0, "in force: nothing to announce. {said:?}");
    let late = world.run(OWNER, &["cancel", "APP", "--compose", "app-compose.json", "--yes"]);
    assert_eq!(late.code, 1, "it is too late to cancel. {late:?}");
    tell("cancel, too late", &late);

    let said = world.run(OWNER, &remove);
    assert_eq!(said.code, 0, "{said:?}");
    tell("remove", &said);
    assert!(!allowed(&world, hash.0).await);
    let again = world.run(OWNER, &remove);
    assert_eq!(again.code, 0, "{again:?}");
    tell("remove, again", &again);
    assert_eq!(world.sent(OWNER).await, before + 2);
    same("release.txt", &redacted(&told, &[&text]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_died_is_made_anew() {
    let world = World::new().await;
    let value = "--setting=device=0xd2";
    let propose = ["propose", "APP", value, "--yes"];
    assert_eq!(world.run(OWNER, &propose).code, 0);
    world.go_on(16 * DAY + 60).await;
    assert_eq!(world.run(OWNER, &["status", "APP", value]).code, 1);
    let late = world.run(STRANGER, &["activate", "APP", value, "--yes"]);
    assert_eq!(late.code, 1, "{late:?}");
    assert!(late.out.contains("needs a new full notice: propose it again"), "{}", late.out);
    let renewed = world.run(OWNER, &propose);
    assert_eq!(renewed.code, 0, "{renewed:?}");
    assert!(renewed.out.contains("that is dead is cleared away"), "{}", renewed.out);
    assert_eq!(world.run(OWNER, &["status", "APP", value]).code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn activation_waits_for_ripeness_where_it_is_told_to() {
    let world = World::new().await;
    let value = "--setting=device=0xd2";
    assert_eq!(world.run(OWNER, &["propose", "APP", value, "--yes"]).code, 0);
    world.go_on(2 * DAY - 8).await;
    let args = world.arguments(&["activate", "APP", value, "--when-ripe", "--yes", "--json"]);
    let mut command = world.as_(STRANGER);
    let said = crate::bench::said(command.args(args));
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("Waiting until "), "{}", said.err);
    let told = said.json();
    assert_eq!(
        (told["outcome"].as_str(), told["action"].as_str()),
        (Some("done"), Some("activate"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_what_a_script_needs() {
    let world = World::new().await;
    let said = world.run(OWNER, &["propose", "APP", "--setting", "any-device", "--yes", "--json"]);
    let told = said.json();
    assert_eq!(told["outcome"], "done");
    assert_eq!(told["setting"], "any_device");
    let block = told["transaction"]["block"].as_u64().unwrap();
    let block = world.node().block(block).await.unwrap().unwrap();
    assert_eq!(told["transaction"]["blockHash"], format!("{:#x}", block.hash));
    let time = |seconds: u64| {
        jiff::Timestamp::from_second(i64::try_from(seconds).unwrap()).unwrap().to_string()
    };
    assert_eq!(told["transaction"]["timestamp"], time(block.timestamp));
    // Those that the contract gave, not those that were expected.
    assert_eq!(told["ripeAt"], time(block.timestamp + 2 * DAY));
    assert_eq!(told["expiresAt"], time(block.timestamp + 16 * DAY));
    assert!(said.err.contains("What changes: nothing now."), "{}", said.err);
}
