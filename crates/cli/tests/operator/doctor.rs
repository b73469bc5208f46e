//! `devproof doctor`: what is wrong is found, what cannot be told is said to be so, and nothing hidden is shown.

use crate::bench::{GENESIS, OWNER, Said, World, redacted, said, same};
use crate::keys::imported;
use alloy_primitives::Address;
use devproof_testkit::{Anvil, Bench, proxy::FaultyProxy};
use serde_json::{Value, json};
use std::{process::Command, time::Instant};

/// What `devproof doctor` says with these arguments, as a document.
fn doctor(command: &mut Command, args: &[&str]) -> (i32, Value, Said) {
    let told = said(command.args(["doctor", "--json"]).args(args));
    (told.code, told.json(), told)
}

/// The lines with this name: their results, and their sentences.
fn lines(document: &Value, id: &str) -> Vec<(String, String)> {
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let all = document["checks"].as_array().unwrap().iter();
    all.filter(|line| line["id"] == id)
        .map(|line| (text(line, "result"), text(line, "message")))
        .collect()
}

/// That there is one line with this name, which ends so and says this.
#[track_caller]
fn is(document: &Value, id: &str, result: &str, says: &str) {
    let found = lines(document, id);
    assert!(
        found.len() == 1 && found[0].0 == result && found[0].1.contains(says),
        "{id} {result} {says:?}: {found:?}\n{document:#}"
    );
}

fn sources(bench: &Bench) -> [String; 3] {
    [
        format!("--kms={}", bench.kms),
        format!("--factory={}", bench.factory),
        format!("--registry={}", bench.registry),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_configured_the_first_step_is_told() {
    let world = World::new().await;
    let mut command = world.command();
    let told =
        said(command.env_remove("DEVPROOF_RPC_URL").env_remove("DEVPROOF_CHAIN").arg("doctor"));
    assert_eq!(told.code, 2, "{told:?}");
    same("doctor_first.txt", &told.out);
    assert_eq!(told.err, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_every_line_says_so() {
    let world = World::new().await;
    let [kms, factory, registry] = sources(&world.bench);
    let app = format!("--app={}", world.app);
    let indexed = said(world.command().args(["index", &kms, &factory, &registry]));
    assert_eq!(indexed.code, 0, "{indexed:?}");
    let told = said(world.as_(OWNER).args(["doctor", &kms, &factory, &registry, &app]));
    assert_eq!(told.code, 0, "{told:?}");
    let url = world.bench.anvil.url();
    let balance = told.out.split_whitespace().find(|word| word.starts_with("999")).unwrap();
    let told = told.out.replace(url, "<node>").replace(balance, "<balance>");
    same("doctor.txt", &redacted(&told, &[]));
    let (code, document, _) = doctor(&mut world.as_(OWNER), &[&kms]);
    assert_eq!((code, document["result"].as_str()), (0, Some("pass")));
    for id in [
        "rpc.state",
        "rpc.calls",
        "rpc.probe",
        "rpc.proofs",
        "rpc.logs",
        "rpc.tags",
        "contract.kms",
        "key.balance",
    ] {
        is(&document, id, "pass", "");
    }
    // Over a WebSocket the node tells of blocks as well.
    let socket = url.replace("http://", "ws://");
    let (code, document, _) = doctor(world.command().env("DEVPROOF_RPC_URL", &socket), &[]);
    assert_eq!(code, 0, "{document:#}");
    is(&document, "rpc.news", "pass", "at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_do_not_answer_or_serve_another_chain() {
    let world = World::new().await;
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let dead = format!("http://127.0.0.1:{port}");
    let (code, document, _) = doctor(world.command().env("DEVPROOF_RPC_URL", &dead), &[]);
    assert_eq!(code, 1);
    is(&document, "rpc.reachable", "fail", "cannot be reached");
    let (code, document, _) = doctor(world.command().env("DEVPROOF_RPC_URL", "gopher:hole"), &[]);
    assert_eq!(code, 1);
    is(&document, "rpc.reachable", "fail", "no URL of a node");

    let (code, document, _) = doctor(world.command().env("DEVPROOF_CHAIN", "8453"), &[]);
    assert_eq!(code, 1);
    is(&document, "rpc.chain", "fail", "it serves chain 31337, and 8453 is meant");
    assert!(lines(&document, "rpc.tags").is_empty(), "nothing else is asked of it: {document:#}");
    let other = Anvil::start_as(8453, GENESIS).unwrap();
    let both = format!("{},{}", world.bench.anvil.url(), other.url());
    let mut command = world.command();
    let (code, document, _) = doctor(
        command.env_remove("DEVPROOF_CHAIN").env("DEVPROOF_RPC_URL", both),
        &["--agree", "3"],
    );
    assert_eq!(code, 1);
    let chains = lines(&document, "rpc.chain");
    assert_eq!(chains.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["pass", "fail"]);
    is(&document, "rpc.agree", "fail", "3 nodes have to agree, and 2 are named");
    is(&document, "rpc.expected", "note", "stands nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_never_answers_takes_no_longer_than_it_is_given() {
    let world = World::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let begun = Instant::now();
    let (code, document, _) =
        doctor(world.command().env("DEVPROOF_RPC_URL", &silent), &["--timeout-seconds", "1"]);
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
    assert_eq!(code, 1);
    is(&document, "rpc.reachable", "fail", "there was no answer in 1 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_cannot_do_is_found_out() {
    let world = World::new().await;
    world.bench.anvil.mine(100).await.unwrap();
    let proxy = FaultyProxy::before(world.bench.anvil.url(), 1).await.unwrap();
    let kms = format!("--kms={}", world.bench.kms);
    let ask = |args: &[&str]| doctor(world.command().env("DEVPROOF_RPC_URL", proxy.url()), args);
    let (code, document, _) = ask(&[&kms]);
    assert_eq!(code, 0, "{document:#}");

    proxy.prune(73);
    let (code, document, _) = ask(&[&kms]);
    assert_eq!(code, 1, "who follows needs old state");
    is(&document, "rpc.state", "fail", "the oldest block that it has the state of is 73, ");
    let (code, document, _) = ask(&[]);
    assert_eq!(code, 0, "and who does not, does not");
    is(&document, "rpc.state", "note", " is 73, ");
    is(&ask(&[&kms, "--start-block", "73"]).1, "rpc.state", "pass", "back to 73");
    proxy.prune(0);

    proxy.want_recipients();
    is(&ask(&[]).1, "rpc.probe", "note", "one by one");
    proxy.always(
        "eth_getLogs",
        json!({"error": {"code": -32005, "message": "daily request count exceeded"}}),
    );
    is(&ask(&[]).1, "rpc.logs", "could_not_tell", "asked too often");
    // The proof of another account, and the right one with another balance.
    for (address, balance) in [(Address::ZERO, None), (Address::with_last_byte(4), Some("0x7"))] {
        let asked = json!([address, [], "latest"]);
        let mut proof = world.bench.anvil.request("eth_getProof", asked).await.unwrap();
        if let Some(balance) = balance {
            proof["balance"] = json!(balance);
        }
        proxy.always("eth_getProof", proof);
        is(&ask(&[]).1, "rpc.proofs", "note", "a proof of state does not hold");
    }
    proxy.always(
        "eth_getProof",
        json!({"error": {"code": -32601, "message": "the method is not available"}}),
    );
    is(&ask(&[]).1, "rpc.proofs", "note", "gives no proofs");
    proxy.always("eth_call", json!("0x01"));
    let (code, document, _) = ask(&[]);
    assert_eq!(code, 1);
    is(&document, "rpc.calls", "fail", "gave 0x01");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_logs_is_found_by_asking() {
    let world = World::new().await;
    world.bench.anvil.mine(1_000).await.unwrap();
    let (code, document, _) = doctor(&mut world.command(), &[]);
    assert_eq!(code, 0);
    is(&document, "rpc.logs", "pass", "at once");
    let proxy = FaultyProxy::before(world.bench.anvil.url(), 1).await.unwrap();
    proxy.give_no_more_blocks_than(100);
    let (code, document, _) = doctor(world.command().env("DEVPROOF_RPC_URL", proxy.url()), &[]);
    assert_eq!(code, 0);
    is(&document, "rpc.logs", "note", "blocks at once, so that reading the whole chain takes");
    let message = &lines(&document, "rpc.logs")[0].1;
    let most: u64 = message.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!((51..=100).contains(&most), "the largest half that it takes: {message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_differs_from_the_chains_is_told() {
    // The chain begins in 2027.
    let world = World::on_chain(8453).await;
    let (code, document, _) = doctor(&mut world.command(), &[]);
    assert_eq!(code, 1, "{document:#}");
    is(&document, "clock", "fail", "in the future by the clock of this machine");
    let old = Anvil::start_as(8453, 1_700_000_000).unwrap();
    let (code, document, _) = doctor(world.command().env("DEVPROOF_RPC_URL", old.url()), &[]);
    assert_eq!(code, 2, "{document:#}");
    is(&document, "clock", "could_not_tell", "the node lags, or the chain stands still");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let fresh = Anvil::start_as(8453, now.as_secs()).unwrap();
    let (code, document, _) = doctor(world.command().env("DEVPROOF_RPC_URL", fresh.url()), &[]);
    assert_eq!(code, 0, "{document:#}");
    is(&document, "clock", "pass", "agrees");
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_that_are_something_else() {
    let world = World::new().await;
    let bench = &world.bench;
    for (flag, address, id, result, says) in [
        ("--kms", bench.registry, "contract.kms", "fail", "does not answer as a KMS"),
        ("--factory", bench.kms, "contract.factory", "fail", "does not answer as a factory"),
        ("--registry", bench.factory, "contract.registry", "fail", "does not answer as a registry"),
        (
            "--app",
            Address::repeat_byte(7),
            "contract.app",
            "fail",
            "there is no contract at this address",
        ),
        ("--app", bench.kms, "contract.app", "note", "nobody knows this code"),
        ("--app", world.app, "contract.app", "pass", "enforced by code that nobody can change"),
        ("--kms", bench.kms, "contract.kms", "pass", "behind it is 0x"),
        ("--factory", bench.factory, "contract.factory", "pass", "byte for byte"),
    ] {
        let (code, document, _) = doctor(&mut world.command(), &[&format!("{flag}={address}")]);
        is(&document, id, result, says);
        assert_eq!(code, i32::from(result == "fail"), "{flag} {address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_compared_with_the_chain() {
    let world = World::new().await;
    let database = world.dir.path().join("here.db");
    let database = format!("--database={}", database.display());
    let (code, document, _) = doctor(&mut world.command(), &[&database]);
    assert_eq!(code, 1);
    is(&document, "database.open", "fail", "there is no database at");
    let kms = format!("--kms={}", world.bench.kms);
    assert_eq!(said(world.command().args(["index", &kms, &database])).code, 0);
    let (code, document, _) = doctor(&mut world.command(), &[&database]);
    assert_eq!(code, 0, "{document:#}");
    is(&document, "database.writer", "note", "nobody indexes it");
    is(&document, "database.head", "pass", "0 behind the head");
    world.bench.anvil.mine(200).await.unwrap();
    let (code, document, _) = doctor(&mut world.command(), &[&database]);
    assert_eq!(code, 1);
    is(&document, "database.head", "fail", "200 behind the head, and nobody reads on");
    let mut child = crate::bench::start(world.command().args(["index", "--follow", &database]));
    let begun = Instant::now();
    let document = loop {
        let (_, document, _) = doctor(&mut world.command(), &[&database]);
        if lines(&document, "database.writer")[0].0 == "pass"
            && lines(&document, "database.head")[0].0 == "pass"
        {
            break document;
        }
        assert!(child.try_wait().unwrap().is_none(), "{document:#}");
        assert!(begun.elapsed().as_secs() < 60, "{document:#}");
    };
    assert_eq!(document["result"], "pass");
    child.kill().unwrap();
    child.wait().unwrap();
    world.bench.anvil.reorg(2).await.unwrap();
    let (code, document, _) = doctor(&mut world.command(), &[&database]);
    assert_eq!(code, 1);
    is(&document, "database.head", "fail", "and the node has 0x");
    is(&document, "database.writer", "note", "nobody indexes it");
    let text = world.file(
        "no.db",
        "this is no database, but a text of some length that looks like nothing else",
    );
    let (code, document, _) =
        doctor(&mut world.command(), &[&format!("--database={}", text.display())]);
    assert_eq!(code, 1);
    is(&document, "database.open", "fail", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn misspelt_settings_are_named_and_everything_else_is_looked_at() {
    let world = World::new().await;
    world.file(
        "devproof.toml",
        "chain = 31337\nrpc-ulr = \"http://user:hidden@x\"\n[[famly]]\nname = \"x\"\n",
    );
    let (code, document, told) = doctor(world.command().env("DEVPROOF_RPC_ULR", "hidden"), &[]);
    assert_eq!(code, 1);
    let keys = lines(&document, "config.keys");
    assert!(
        keys.iter().any(|it| it.1.contains("line 2: nothing has the name \"rpc-ulr\"")),
        "{keys:?}"
    );
    assert!(
        keys.iter().any(|it| it.1.contains("line 3: nothing has the name \"famly\"")),
        "{keys:?}"
    );
    is(&document, "config.environment", "fail", "DEVPROOF_RPC_ULR");
    is(&document, "rpc.calls", "pass", "");
    assert!(!told.out.contains("hidden"), "{told:?}");
    // Another verb does not go on with such a file.
    assert_eq!(said(world.command().args(["contract", "verify", &world.app.to_string()])).code, 64);
    let (code, document, _) = doctor(&mut world.command(), &["--config", "nowhere.toml"]);
    assert_eq!(code, 1);
    is(&document, "config.file", "fail", "nowhere.toml cannot be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_each_setting_comes_from_is_told_and_no_secret_is() {
    let world = World::new().await;
    let secrets = ["hidden-in-path", "hidden-in-user", "hidden-in-file", "hidden-in-query"];
    let proxy = FaultyProxy::before(world.bench.anvil.url(), 1).await.unwrap();
    world.file(
        "devproof.toml",
        "database = \"postgres://me:hidden-in-file@127.0.0.1:1/x\"\nstart-block = 3\npccs = [\"https://u:hidden-in-user@pccs.example\"]\n",
    );
    let url = format!("{}/hidden-in-path?key=hidden-in-query", proxy.url());
    let mut command = world.as_(OWNER);
    let key = world.bench.anvil.key(OWNER).unwrap().to_bytes().to_string();
    command.env("DEVPROOF_RPC_URL", &url).env("DEVPROOF_PASSWORD", "hidden-in-path");
    let (_, document, told) = doctor(&mut command, &["--start-block", "4", "-vv"]);
    let words = said(world.as_(OWNER).env("DEVPROOF_RPC_URL", &url).arg("doctor"));
    let setting = |name: &str| {
        let all = document["settings"].as_array().unwrap();
        all.iter().find(|it| it["name"] == name).map(|it| (it["value"].clone(), it["from"].clone()))
    };
    assert_eq!(setting("chain"), Some((json!("31337"), json!("environment"))));
    assert_eq!(setting("start-block"), Some((json!("4"), json!("flag"))), "a flag wins");
    assert_eq!(setting("database"), Some((json!("postgres://127.0.0.1:1"), json!("file"))));
    assert_eq!(setting("DEVPROOF_PRIVATE_KEY"), Some((json!("(not shown)"), json!("environment"))));
    for said in [&told.out, &told.err, &words.out, &words.err] {
        for secret in secrets.iter().copied().chain([key.trim_start_matches("0x")]) {
            assert!(!said.contains(secret), "{secret}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_opened_only_with_a_password_and_has_to_be_the_one_it_says() {
    let world = World::new().await;
    let key = world.bench.anvil.key(OWNER).unwrap();
    let keystore = imported(&world, "secret");
    let path = format!("--keystore={}", keystore.display());
    let (code, document, told) = doctor(&mut world.command(), &[&path]);
    assert_eq!(code, 2, "nobody is asked: {told:?}");
    is(&document, "key.keystore", "pass", "is a keystore");
    is(&document, "key.opens", "could_not_tell", "password was not given");
    let (code, document, _) = doctor(world.command().env("DEVPROOF_PASSWORD", "secret"), &[&path]);
    assert_eq!(code, 0, "{document:#}");
    is(&document, "key.opens", "pass", &key.address().to_string());
    is(&document, "key.balance", "pass", "of the coin of chain 31337");
    let (code, document, _) = doctor(world.command().env("DEVPROOF_PASSWORD", "another"), &[&path]);
    assert_eq!(code, 1);
    is(&document, "key.opens", "fail", "the password does not open the keystore");

    // One that says that it is somebody else's.
    let mut json: Value = serde_json::from_slice(&std::fs::read(&keystore).unwrap()).unwrap();
    json["address"] =
        json!(format!("{:#x}", world.bench.guardian.address()).trim_start_matches("0x"));
    std::fs::write(&keystore, json.to_string()).unwrap();
    let (code, document, _) = doctor(world.command().env("DEVPROOF_PASSWORD", "secret"), &[&path]);
    assert_eq!(code, 1);
    is(&document, "key.opens", "fail", "the keystore says that it is that of");
    // A key without a coin pays for nothing.
    let (code, document, _) =
        doctor(world.command().env("DEVPROOF_PRIVATE_KEY", "7".repeat(64)), &[]);
    assert_eq!(code, 1);
    is(&document, "key.balance", "fail", "nothing on chain 31337");
    let app = world.app.to_string();
    let (code, document, _) = doctor(world.command().env("DEVPROOF_SAFE", &app), &[]);
    assert_eq!(code, 1);
    is(&document, "key.safe", "fail", "does not answer as a Safe");
    world.file("devproof.toml", &format!("safe = \"{app}\"\n"));
    is(&doctor(&mut world.command(), &[]).1, "key.safe", "fail", "does not answer as a Safe");
}
