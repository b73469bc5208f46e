//! What stands behind an address.

use crate::bench::{DAY, Said, World, redacted, said, same};
use alloy_primitives::{Address, B256};
use alloy_sol_types::{SolEvent, SolValue};
use devproof_contracts::bindings::{
    AppAuth, IAppAuth::Settings, factory::AppAuthFactory::AppDeployed, test_build::AppAuthTestBuild,
};
use std::path::PathBuf;

fn verify(world: &World, args: &[&str]) -> Said {
    let args = [&["contract", "verify", "APP"][..], args].concat();
    said(world.command().args(world.arguments(&args)))
}

fn solc() -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    root.join("bin/solc").to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_auth_is_known_by_its_code_and_its_birth_by_its_address() {
    let world = World::new().await;
    let told = verify(&world, &[]);
    assert_eq!(told.code, 0, "{told:?}");
    let born = [B256::repeat_byte(1), B256::repeat_byte(0xd1)].map(|it| format!("{it:#x}"));
    same("contract.txt", &redacted(&told.out, &[&born[0], &born[1]]));
    // The same again, with the sources compiled here.
    let told = verify(&world, &["--solc", &solc(), "--json"]);
    assert_eq!(told.code, 0, "{told:?}");
    let told = told.json();
    assert_eq!(
        (told["notice"].as_str(), told["comparedWith"].as_str()),
        (Some("enforced"), Some("recompiled"))
    );
    assert!(told["compiler"].as_str().unwrap().starts_with("solc 0.8.37"), "{told}");
    assert_eq!(told["birth"]["settings"]["noticeSeconds"], 2 * DAY);
    assert_eq!(told["birth"]["factory"], format!("{:#x}", world.bench.factory));
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_not_taken_for_one() {
    let mut world = World::new().await;
    let settings = Settings {
        owner: world.bench.owner.address(),
        guardian: Address::ZERO,
        noticePeriod: u32::try_from(2 * DAY).unwrap(),
        allowAnyDevice: true,
        requireTcbUpToDate: false,
        composeHashes: Vec::new(),
        devices: Vec::new(),
        osImages: Vec::new(),
    };
    // Without a factory the code is as good, and the address says nothing.
    let code = [AppAuth::BYTECODE.as_ref(), &settings.abi_encode()].concat();
    let made = world.bench.owner.deploy(code.into()).await.unwrap();
    world.app = made.created.unwrap();
    let told = verify(&world, &[]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("it was not deployed through a factory in block "), "{told:?}");

    let code = [AppAuthTestBuild::BYTECODE.as_ref(), &settings.abi_encode()].concat();
    let made = world.bench.owner.deploy(code.into()).await.unwrap();
    world.app = made.created.unwrap();
    let told = verify(&world, &["--solc", &solc()]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.out.contains("its notice may be zero: it protects nobody"), "{told:?}");

    world.app = world.bench.deploy_stock_app(B256::repeat_byte(1)).await.unwrap();
    let told = verify(&world, &[]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.out.contains("No notice exists"), "{told:?}");
    world.app = world.bench.registry;
    let told = verify(&world, &["--json"]);
    assert_eq!((told.code, told.json()["notice"].as_str()), (1, Some("unknown")));
    world.app = Address::repeat_byte(0x77);
    assert_eq!(verify(&world, &[]).code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiler_that_is_none_proves_nothing() {
    let world = World::new().await;
    let told = verify(&world, &["--solc", "/bin/true"]);
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.err.contains("name solc 0.8.37 with --solc"), "{told:?}");
}

/// A contract whose creation says what a factory says, of an app that it did not deploy.
fn liar(topics: [B256; 4], data: &[u8]) -> Vec<u8> {
    let size = u16::try_from(data.len()).unwrap().to_be_bytes();
    let log = |offset: u16| {
        let mut code = [&[0x61][..], &size, &[0x61], &offset.to_be_bytes(), &[0x5f, 0x39]].concat();
        for topic in topics.iter().rev() {
            code.push(0x7f); // PUSH32
            code.extend(topic);
        }
        // PUSH2 size, PUSH0, LOG4, then RETURN of nothing.
        code.extend([&[0x61][..], &size, &[0x5f, 0xa4, 0x5f, 0x5f, 0xf3]].concat());
        code
    };
    let offset = u16::try_from(log(0).len()).unwrap();
    [&log(offset)[..], data].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_says_of_a_birth_does_not_count() {
    let mut world = World::new().await;
    let truth = Settings {
        owner: world.bench.owner.address(),
        guardian: Address::ZERO,
        noticePeriod: u32::try_from(2 * DAY).unwrap(),
        allowAnyDevice: true,
        requireTcbUpToDate: false,
        composeHashes: Vec::new(),
        devices: Vec::new(),
        osImages: Vec::new(),
    };
    let lie = Settings { noticePeriod: u32::try_from(30 * DAY).unwrap(), ..truth.clone() };
    let owner = &world.bench.owner;
    let nonce = world.node().nonces(owner.address()).await.unwrap().included;
    let app = owner.address().create(nonce);
    let said = AppDeployed::SIGNATURE_HASH;
    let topics = [said, app.into_word(), owner.address().into_word(), B256::ZERO];
    let data = (B256::ZERO, lie).abi_encode_params();
    let (first, second) = (owner.clone(), world.bench.stranger.clone());
    let code = [AppAuth::BYTECODE.as_ref(), &truth.abi_encode()].concat();
    let anvil = &world.bench.anvil;
    anvil.request("evm_setAutomine", serde_json::json!([false])).await.unwrap();
    let born = tokio::spawn(async move { first.deploy(code.into()).await });
    let told = tokio::spawn(async move { second.deploy(liar(topics, &data).into()).await });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    anvil.mine(1).await.unwrap();
    let (born, told) = (born.await.unwrap().unwrap(), told.await.unwrap().unwrap());
    assert_eq!((born.created, born.block), (Some(app), told.block), "both are in one block");
    world.app = app;
    let verified = verify(&world, &["--json"]).json();
    assert_eq!(verified["notice"], "enforced");
    assert!(verified["birth"].is_null(), "{verified}");
}
