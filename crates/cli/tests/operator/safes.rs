//! A Safe owns the app: what is written for it, and that its hash is the one that the Safe computes.

use crate::bench::{GENESIS, Said, World, redacted, said, same};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::sol;
use devproof_testkit::Bench;
use serde_json::Value;

sol! {
    interface Hashes {
        function getTransactionHash(address to, uint256 value, bytes calldata data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce) external view returns (bytes32);
    }
}

async fn world() -> (World, Address) {
    let bench = Bench::start(GENESIS).await.unwrap();
    let safe = bench.deploy_safe().await.unwrap();
    (World::owned_by(bench, safe).await, safe)
}

/// What the Safe itself says, in its own code.
async fn hash(world: &World, safe: Address, file: &Value, nonce: u64) -> B256 {
    let call = Hashes::getTransactionHashCall {
        to: file["transactions"][0]["to"].as_str().unwrap().parse().unwrap(),
        value: U256::ZERO,
        data: file["transactions"][0]["data"].as_str().unwrap().parse().unwrap(),
        operation: 0,
        safeTxGas: U256::ZERO,
        baseGas: U256::ZERO,
        gasPrice: U256::ZERO,
        gasToken: Address::ZERO,
        refundReceiver: Address::ZERO,
        nonce: U256::from(nonce),
    };
    world.node().call(safe, &call, None).await.unwrap()
}

fn run(world: &World, args: &[&str]) -> Said {
    said(world.command().args(world.arguments(args)))
}

fn file(world: &World, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(world.dir.path().join(name)).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_owners_get_a_file_and_the_hash_to_compare() {
    let (world, safe) = world().await;
    let address = safe.to_string();
    let propose = ["propose", "APP", "--setting=device=0xd2", "--safe", &address];
    let told = run(&world, &propose);
    assert_eq!(told.code, 0, "{told:?}");
    same("safe.txt", &redacted(&told.out, &[]));
    let written = file(&world, "safe-transaction.json");
    assert_eq!(
        (written["version"].as_str(), written["chainId"].as_str()),
        (Some("1.0"), Some("31337"))
    );
    assert_eq!(written["transactions"][0]["value"], "0");
    let theirs = format!("{:#x}", hash(&world, safe, &written, 0).await);
    assert!(told.out.contains(&format!("safeTxHash {theirs}")), "{theirs} {told:?}");

    // The Safe executes what is in the file, and the step is done.
    let data: Bytes = written["transactions"][0]["data"].as_str().unwrap().parse().unwrap();
    world.bench.execute_by_safe(safe, world.app, data).await.unwrap();
    let again = run(&world, &propose);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.out.starts_with("Done before: "), "{again:?}");

    // The next one has the next nonce, unless another one is named.
    let cancel = ["cancel", "APP", "--setting=device=0xd2", "--safe", &address, "--json"];
    for (args, nonce) in [(&[][..], 1), (&["--safe-nonce", "7"][..], 7)] {
        let to = ["--safe-file", "next.json"];
        let told = run(&world, &[&cancel[..], args, &to].concat()).json();
        let theirs = hash(&world, safe, &file(&world, "next.json"), nonce).await;
        assert_eq!(told["safe"]["nonce"], nonce);
        assert_eq!(told["safe"]["safeTxHash"], format!("{theirs:#x}"));
        assert_eq!(told["outcome"], "for_safe");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_safe_could_not_do_is_not_written() {
    let (world, safe) = world().await;
    let other = world.bench.deploy_safe().await.unwrap().to_string();
    let propose = ["propose", "APP", "--setting=device=0xd2", "--safe"];
    let told = run(&world, &[&propose[..], &[&other]].concat());
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.out.contains("only the owner may do this"), "{told:?}");
    let no_safe = world.bench.owner.address().to_string();
    let offer = ["app", "register", "APP", "--kms"];
    let kms = world.bench.deploy_legacy_kms().await.unwrap().to_string();
    let told = run(&world, &[&offer[..], &[&kms, "--safe", &no_safe]].concat());
    assert_ne!(told.code, 0, "{told:?}");
    assert!(!world.dir.path().join("safe-transaction.json").exists());
    let safe = safe.to_string();
    let dry = run(&world, &[&propose[..], &[&safe, "--dry-run"]].concat());
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(dry.out.contains("safeTxHash 0x"), "{dry:?}");
    assert!(!world.dir.path().join("safe-transaction.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_call_as_data_is_the_call_that_is_shown() {
    let (world, safe) = world().await;
    let told = run(&world, &["propose", "APP", "--setting=device=0xd2", "--calldata"]);
    assert_eq!(told.code, 0, "{told:?}");
    same("calldata.txt", &redacted(&told.out, &[]));
    let line = |name: &str| {
        let line = told.out.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().to_owned()
    };
    let (target, data) = (line("Target:").parse().unwrap(), line("Data:").parse().unwrap());
    world.bench.execute_by_safe(safe, target, data).await.unwrap();
    let status = run(&world, &["status", "APP", "--setting=device=0xd2"]);
    assert_eq!(status.code, 2, "{status:?}");
}
