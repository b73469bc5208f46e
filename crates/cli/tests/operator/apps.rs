//! Apps: born, registered, shown, handed over.

use crate::bench::{DAY, OWNER, RIVAL, STRANGER, World, redacted, said, same};
use alloy_primitives::{Address, B256};
use devproof_contracts::{
    bindings::factory::{AppAuthFactory, IAppAuth::Settings},
    stock::{DstackApp, DstackKms},
};
use devproof_testkit::proxy::FaultyProxy;

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_deployed_once_at_the_address_its_settings_give() {
    let mut world = World::new().await;
    let (factory, kms) = (world.bench.factory.to_string(), world.bench.kms.to_string());
    let owner = world.bench.rival.address();
    let version = format!("{:#x}", B256::repeat_byte(9));
    let owner_ = owner.to_string();
    let deploy = [
        "app",
        "deploy",
        "--factory",
        &factory,
        "--owner",
        &owner_,
        "--notice",
        "3d",
        "--compose-hash",
        &version,
        "--kms",
        &kms,
        "--yes",
    ];
    let told = world.run(RIVAL, &deploy);
    assert_eq!(told.code, 0, "{told:?}");
    same("deploy.txt", &redacted(&told.out, &[&version]));
    let settings = Settings {
        owner,
        guardian: Address::ZERO,
        noticePeriod: u32::try_from(3 * DAY).unwrap(),
        allowAnyDevice: true,
        requireTcbUpToDate: false,
        composeHashes: vec![B256::repeat_byte(9)],
        devices: Vec::new(),
        osImages: Vec::new(),
    };
    let predict = AppAuthFactory::predictCall { settings, salt: B256::ZERO };
    world.app = world.node().call(world.bench.factory, &predict, None).await.unwrap();
    assert!(!world.code().await.is_empty());
    assert!(told.out.contains(&world.app.to_string()), "{told:?}");
    let known = DstackKms::registeredAppsCall { appId: world.app };
    assert!(world.node().call(world.bench.kms, &known, None).await.unwrap());

    let sent = world.sent(RIVAL).await;
    let again = world.run(RIVAL, &deploy);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.out.starts_with("Done before: the app is at "), "{again:?}");
    let registered = world.run(RIVAL, &["app", "register", "APP", "--kms", &kms, "--yes"]);
    assert_eq!(registered.code, 0, "{registered:?}");
    assert_eq!(world.sent(RIVAL).await, sent);
    let shown = world.run(RIVAL, &["app", "show", "APP"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    same("show.txt", &redacted(&shown.out, &[&version]));
    let without: Vec<_> = deploy.iter().map(|arg| if *arg == "3d" { "4d" } else { arg }).collect();
    let place = without.iter().position(|arg| *arg == "--kms").unwrap();
    let alone = [&without[..place], &without[place + 2..]].concat();
    assert_eq!(world.run(RIVAL, &alone).code, 0);
    let unknown = world.run(RIVAL, &without);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.out.contains("register it with `devproof app register`"), "{unknown:?}");
    let other = world.bench.registry.to_string();
    let wrong =
        world.run(RIVAL, &["app", "deploy", "--factory", &other, "--owner", &owner_, "--yes"]);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(wrong.out.contains("is not the factory of this version"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ownership_moves_in_two_steps() {
    let world = World::new().await;
    let stranger = world.bench.stranger.address();
    let to = stranger.to_string();
    let offer = ["app", "transfer", "APP", "--to", &to, "--yes"];
    let accept = ["app", "transfer", "APP", "--accept", "--yes"];
    for (account, args, sends) in [
        (OWNER, &offer[..], true),
        (OWNER, &offer, false),
        (STRANGER, &accept, true),
        (STRANGER, &accept, false),
    ] {
        let before = world.sent(account).await;
        let told = world.run(account, args);
        assert_eq!(told.code, 0, "{told:?}");
        assert_eq!(world.sent(account).await - before, u64::from(sends), "{args:?}");
    }
    let owner = world.node().call(world.app, &DstackApp::ownerCall {}, None).await.unwrap();
    assert_eq!(owner, stranger);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guardian_is_replaced_with_notice_and_a_device_removed_without() {
    let world = World::new().await;
    let rival = world.bench.rival.address().to_string();
    let replace = ["app", "guardian", "APP", "--replace-by", &rival, "--yes"];
    let told = world.run(OWNER, &replace);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains(&format!("{rival} is the guardian, who can stop")), "{told:?}");
    world.go_on(2 * DAY).await;
    let guardian = format!("--setting=guardian={rival}");
    assert_eq!(world.run(STRANGER, &["activate", "APP", &guardian, "--yes"]).code, 0);
    let named = ["app", "guardian", "APP", "--name", &rival, "--yes"];
    let before = world.sent(OWNER).await;
    assert_eq!(world.run(OWNER, &named).code, 0, "it is the guardian already");
    assert_eq!(world.sent(OWNER).await, before);

    let device = format!("{:#x}", B256::repeat_byte(0xd1));
    let removed = world.run(RIVAL, &["app", "devices", "APP", "--remove", &device, "--yes"]);
    assert_eq!(removed.code, 0, "the guardian may. {removed:?}");
    let again = world.run(RIVAL, &["app", "devices", "APP", "--remove", &device, "--yes"]);
    assert!(again.out.starts_with("Nothing to do: "), "{again:?}");
    let added = world.run(OWNER, &["app", "devices", "APP", "--add", &device, "--yes"]);
    assert_eq!(added.code, 0, "{added:?}");
    let shown =
        said(world.command().args(world.arguments(&["app", "show", "APP", "--json"]))).json();
    assert_eq!(shown["announced"][0]["setting"], "device");
    assert_eq!(shown["pending"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_something_out_is_not_believed() {
    let world = World::new().await;
    let propose = ["propose", "APP", "--setting=device=0xd2", "--yes", "--json"];
    let proposed = world.run(OWNER, &propose).json();
    let transaction = proposed["transaction"]["hash"].as_str().unwrap().parse().unwrap();
    let proxy = FaultyProxy::before(world.bench.anvil.url(), 1).await.unwrap();
    let show = || {
        let mut command = world.command();
        command.env("DEVPROOF_RPC_URL", proxy.url());
        said(command.args(world.arguments(&["app", "show", "APP", "--json"]))).json()
    };
    assert_eq!(show()["announced"][0]["setting"], "device");
    proxy.hide(Some((world.app, transaction)));
    let shown = show();
    assert!(shown["announced"].is_null() && shown["versions"].is_null(), "{shown}");
    assert!(shown["notKnown"].as_str().unwrap().contains("ask another node"), "{shown}");
    // The contract itself says how many there are.
    assert_eq!(shown["pending"], 1);
    let status = world.arguments(&["status", "APP", "--setting=device=0xd2"]);
    let mut command = world.command();
    let told = said(command.env("DEVPROOF_RPC_URL", proxy.url()).args(status));
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.out.contains("Not everything could be found out: "), "{told:?}");
}
