//! The operators' forge scripts, run as an operator runs them: `forge script --broadcast` to a node.
//! (`contracts/test/Scripts.t.sol` calls them inside of forge, where nothing is sent.)
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use alloy::{
    primitives::{Address, B256, Bytes, address, keccak256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::Filter,
    sol_types::{SolCall, SolEvent},
};
use devproof_chain::Node;
use devproof_contracts::{
    Code,
    bindings::{AppAuth, factory::AppAuthFactory, registry::DeletionRegistry, verifier},
    stock::DstackKms,
};
use devproof_testkit::{Anvil, Bench};
use serde_json::Value;
use std::{fs::File, path::Path, process::Command};

/// 2027-01-15 08:00:00 UTC.
const GENESIS: u64 = 1_800_000_000;
const DAY: u64 = 24 * 3_600;
const KMS_ROOT: Address = Address::repeat_byte(0x12);
/// Where the deterministic deployer is, on the chains that have it. Anvil has it.
const DEPLOYER: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");

/// Runs a forge script as one of anvil's accounts. Gives what it printed as JSON, or its errors.
fn forge(
    anvil: &Anvil,
    account: usize,
    script: &str,
    arguments: &[&str],
    root: Option<Address>,
) -> Result<Value, String> {
    // Compiled once and for these tests alone: `forge test` compiles the same sources in another way.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("forge");
    std::fs::create_dir_all(&folder).unwrap();
    let one_at_a_time = File::create(folder.join("lock")).unwrap();
    one_at_a_time.lock().unwrap();
    let mut command = Command::new("bin/forge");
    command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        // The contracts come with the scripts' imports; the tests are not wanted.
        .envs([("FOUNDRY_SRC", "script"), ("FOUNDRY_TEST", "script")])
        .env("FOUNDRY_OUT", folder.join("out"))
        .env("FOUNDRY_CACHE_PATH", folder.join("cache"))
        .env("FOUNDRY_BROADCAST", folder.join("broadcast"))
        .env_remove("DEVPROOF_SALT")
        .env_remove("DEVPROOF_KMS_ROOT")
        .args(["script", &format!("script/{script}.s.sol"), "--json", "--broadcast"])
        .args(["--rpc-url", anvil.url()])
        .args(["--private-key", &anvil.key(account).unwrap().to_bytes().to_string()]);
    if let Some(root) = root {
        command.env("DEVPROOF_KMS_ROOT", root.to_string());
    }
    if let [signature, values @ ..] = arguments {
        command.args(["--sig", signature]).args(values);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("{text}\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    // The first document is the script's; what was sent comes after it.
    let mut documents = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    Ok(documents.next().unwrap().unwrap())
}

/// What `Deploy` deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deployed {
    factory: Address,
    verifier: Address,
    registry: Address,
}

fn deploy(anvil: &Anvil, account: usize, root: Option<Address>) -> Deployed {
    let said = forge(anvil, account, "Deploy", &[], root).unwrap();
    let made = |name: &str| said["returns"][name]["value"].as_str().unwrap().parse().unwrap();
    Deployed { factory: made("factory"), verifier: made("verifier"), registry: made("registry") }
}

fn manage(
    anvil: &Anvil,
    account: usize,
    signature: &str,
    values: &[&dyn ToString],
) -> Result<Vec<String>, String> {
    let values: Vec<String> = values.iter().map(|value| value.to_string()).collect();
    let mut arguments = vec![signature];
    arguments.extend(values.iter().map(String::as_str));
    let said = forge(anvil, account, "Manage", &arguments, None)?;
    let lines = said["logs"].as_array().unwrap();
    Ok(lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect())
}

fn provider(anvil: &Anvil) -> DynProvider {
    ProviderBuilder::new().connect_http(anvil.url().parse().unwrap()).erased()
}

/// How many transactions one of anvil's accounts has sent.
async fn sent(anvil: &Anvil, account: usize) -> u64 {
    let address = anvil.key(account).unwrap().address();
    provider(anvil).get_transaction_count(address).await.unwrap()
}

/// That what was deployed is what it is called.
async fn check(node: &Node, made: Deployed) {
    let head = node.heads().await.unwrap().latest.number;
    assert_eq!(
        node.code(made.factory, head).await.unwrap(),
        AppAuthFactory::DEPLOYED_BYTECODE,
        "forge builds another factory than the committed one"
    );
    let root = verifier::SimpleDstackVerifier::kmsRootCall {};
    assert_eq!(node.call(made.verifier, &root, None).await.unwrap(), KMS_ROOT);
    let behind = DeletionRegistry::verifierCall {};
    assert_eq!(node.call(made.registry, &behind, None).await.unwrap(), made.verifier);
}

/// Another chain, another account that pays: the same addresses, those of apps included.
#[tokio::test]
async fn addresses_are_the_same_on_every_chain() {
    let mut made = Vec::new();
    for (chain_id, account) in [(31_337, 0), (8_453, 3)] {
        let anvil = Anvil::start_as(chain_id, GENESIS).unwrap();
        let node = Node::connect(anvil.url()).await.unwrap();
        assert_eq!(node.chain_id(), chain_id);
        let deployed = deploy(&anvil, account, Some(KMS_ROOT));
        check(&node, deployed).await;
        let owner = anvil.key(1).unwrap().address();
        let values: [&dyn ToString; 7] = [
            &deployed.factory,
            &owner,
            &Address::ZERO,
            &(7 * DAY),
            &keccak256("version 1"),
            &B256::ZERO,
            &Address::ZERO,
        ];
        let said = manage(&anvil, account, DEPLOY_APP, &values).unwrap();
        made.push((deployed, said[0].clone()));
    }
    assert_eq!(made[0], made[1]);
    assert!(made[0].1.starts_with("app 0x"), "{}", made[0].1);
}

#[tokio::test]
async fn deploying_again_finds_what_is_there_and_sends_nothing() {
    let anvil = Anvil::start(GENESIS).unwrap();
    let node = Node::connect(anvil.url()).await.unwrap();
    // The factory is of all KMSs: without a root there is nothing else.
    let first = deploy(&anvil, 0, None);
    assert_eq!((first.verifier, first.registry), (Address::ZERO, Address::ZERO));
    assert_eq!(sent(&anvil, 0).await, 1);
    let second = deploy(&anvil, 2, Some(KMS_ROOT));
    assert_eq!(second.factory, first.factory);
    assert_eq!(sent(&anvil, 2).await, 2);
    check(&node, second).await;
    assert_eq!(deploy(&anvil, 0, Some(KMS_ROOT)), second);
    assert_eq!((sent(&anvil, 0).await, sent(&anvil, 2).await), (1, 2));
}

#[tokio::test]
async fn a_chain_without_the_deployer_gets_plain_deployments() {
    let anvil = Anvil::start(GENESIS).unwrap();
    let node = Node::connect(anvil.url()).await.unwrap();
    let _: Option<Value> = provider(&anvil)
        .raw_request("anvil_setCode".into(), (DEPLOYER, Bytes::new()))
        .await
        .unwrap();
    let made = deploy(&anvil, 0, Some(KMS_ROOT));
    check(&node, made).await;
    let sender = anvil.key(0).unwrap().address();
    assert_eq!(made.factory, sender.create(0));
}

const DEPLOY_APP: &str = "deploy(address,address,address,uint32,bytes32,bytes32,address)";

/// A life of an app, all of it by `Manage`: birth, a release, a withdrawal, a removal.
#[tokio::test]
async fn an_operator_manages_an_app_by_forge() {
    let bench = Bench::start(GENESIS).await.unwrap();
    let (anvil, node) = (&bench.anvil, &bench.node);
    let factory = deploy(anvil, 0, None).factory;
    let (v1, v2) = (keccak256("version 1"), keccak256("version 2"));
    let values: [&dyn ToString; 7] = [
        &factory,
        &bench.owner.address(),
        &bench.guardian.address(),
        &(2 * DAY),
        &v1,
        &B256::ZERO,
        &bench.kms,
    ];
    let said = manage(anvil, 1, DEPLOY_APP, &values).unwrap();
    let app: Address = said[0].strip_prefix("app ").unwrap().parse().unwrap();
    assert_eq!(said.last().unwrap(), "  in force");
    let head = node.heads().await.unwrap().latest.number;
    let code = node.code(app, head).await.unwrap();
    assert_eq!(Code::by_hash(keccak256(&code)), Some(Code::AppAuth));
    let registered = DstackKms::registeredAppsCall { appId: app };
    assert!(node.call(bench.kms, &registered, None).await.unwrap());

    let allowed = |hash| ask(node, app, AppAuth::allowedComposeHashesCall { composeHash: hash });
    let pending = || ask(node, app, AppAuth::pendingCountCall {});
    let source = [&app as &dyn ToString, &v2, &keccak256("commit"), &"https://example.org/v2"];
    let said = manage(anvil, 1, "propose(address,bytes32,bytes32,string)", &source).unwrap();
    let ripe = ask(node, app, AppAuth::activatesAtCall { composeHash: v2 }).await.to::<u64>();
    assert_eq!(ripe, node.heads().await.unwrap().latest.timestamp + 2 * DAY);
    assert!(said.iter().any(|line| line.starts_with("  announced for ")), "{said:?}");
    let event = AppAuth::ComposeHashProposed::SIGNATURE_HASH;
    let filter = Filter::new().address(app).event_signature(event).from_block(0);
    let logs = provider(anvil).get_logs(&filter).await.unwrap();
    let told = AppAuth::ComposeHashProposed::decode_log(&logs[0].inner).unwrap().data;
    assert_eq!(
        (told.sourceDigest, told.uri.as_str()),
        (keccak256("commit"), "https://example.org/v2")
    );

    // Too early: refused before anything is sent, with the contract's reason.
    let before = sent(anvil, 3).await;
    let refused = manage(anvil, 3, "activate(address,bytes32)", &[&app, &v2]).unwrap_err();
    assert!(refused.contains(&format!("NoticeNotElapsed(1, {v2}, {ripe}")), "{refused}");
    assert_eq!(sent(anvil, 3).await, before);
    assert!(!allowed(v2).await);

    anvil.set_next_time(ripe).await.unwrap();
    anvil.mine(1).await.unwrap();
    // A stranger does it.
    manage(anvil, 3, "activate(address,bytes32)", &[&app, &v2]).unwrap();
    assert!(allowed(v2).await);

    // The guardian removes, and cancels; the owner proposes again, also another setting.
    manage(anvil, 2, "remove(address,bytes32)", &[&app, &v1]).unwrap();
    assert!(!allowed(v1).await);
    manage(anvil, 1, "propose(address,bytes32)", &[&app, &v1]).unwrap();
    let device = keccak256("device");
    manage(anvil, 1, "propose(address,uint8,bytes32)", &[&app, &2, &device]).unwrap();
    assert_eq!(pending().await.to::<u64>(), 2);
    manage(anvil, 2, "cancel(address,bytes32)", &[&app, &v1]).unwrap();
    manage(anvil, 1, "cancel(address,uint8,bytes32)", &[&app, &2, &device]).unwrap();
    assert_eq!(pending().await.to::<u64>(), 0);

    let before = sent(anvil, 3).await;
    let said = manage(anvil, 3, "status(address,uint8,bytes32)", &[&app, &1, &v2]).unwrap();
    assert_eq!(said.last().unwrap(), "  in force");
    assert_eq!(sent(anvil, 3).await, before, "status sends nothing");
}

async fn ask<C: SolCall>(node: &Node, app: Address, call: C) -> C::Return {
    node.call(app, &call, None).await.unwrap()
}
