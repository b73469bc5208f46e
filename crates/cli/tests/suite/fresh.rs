//! How new what `devproof observe` sees is known to be, and what it asks a node about.

use crate::{
    evidence::machine::Machine,
    observe::{Place, version},
    server::Server,
};
use alloy_primitives::hex;
use axum::{Json, Router, routing::post};
use devproof_contracts::stock::DstackApp;
use serde_json::{Value, json};
use std::{path::PathBuf, sync::Arc};

fn template(server: &Server) -> String {
    format!("{}/quote?report_data={{report_data}}", server.url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_bounds_when_a_quote_was_made() {
    let place = Place::new().await;
    let machine = place.alive().await;
    let (node, kms) = (place.bench.anvil.url().to_owned(), place.bench.kms.to_string());
    let head = place.bench.node.heads().await.unwrap().latest;
    let (policy, url) = (["--policy", "policy.toml"], template(&machine));
    let asked = [&policy[..], &["--rpc-url", &node, "--kms", &kms]].concat();
    let (code, look) = place.look(&[&url], &asked);
    let seen = &look["seen"][0];
    assert_eq!((code, &seen["freshness"]["proved"]), (0, &json!(true)), "{look:#}");
    assert_eq!(seen["freshness"]["from"]["number"], head.number);
    assert_eq!(seen["freshness"]["from"]["hash"], json!(head.hash));
    assert_eq!(seen["freshness"]["to"]["number"], head.number);
    assert_eq!(
        (&seen["allowed"]["result"], &seen["allowed"]["by"]),
        (&json!("pass"), &json!(node))
    );
    assert_eq!(look["nodeNotAsked"], Value::Null);
    let it = &place.list()["observations"][0];
    assert_eq!((&it["fresh"], &it["from"]["hash"]), (&json!(true), &json!(head.hash)));
    assert_eq!(it["to"]["number"], head.number);
    // The version was taken away, and the quote is younger than that: it runs all the same.
    let rival = &place.bench.rival;
    let gone = DstackApp::removeComposeHashCall { composeHash: version() };
    rival.send(place.app, &gone).await.unwrap();
    let (code, look) = place.look(&[&url], &asked);
    assert_eq!((code, &look["seen"][0]["allowed"]["result"]), (1, &json!("fail")), "{look:#}");
    assert_eq!(look["seen"][0]["freshness"]["from"]["number"], head.number + 1);
    // The index has not seen that block: what it says of an earlier one ends no span that begins there.
    let (_, look) = place.look(&[&url], &[&policy[..], &["--rpc-url", &node]].concat());
    let span = &look["seen"][0]["freshness"];
    assert_eq!(span["from"]["number"], head.number + 1);
    assert_eq!(span["to"], Value::Null, "{span}");
    // In words.
    let app = format!("{:#x}", place.app);
    let now = crate::evidence::pki::NOW.to_string();
    let said = place.run(&[&place.args(&app, &now, &[&url])[..], &asked].concat());
    assert!(said.out.contains(&format!("of blocks {0} to {0}", head.number + 1)), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_node_no_block_is_named_and_nothing_is_called_new_that_need_not_be() {
    let place = Place::new().await;
    let machine = place.alive().await;
    let (code, look) = place.known(&[&template(&machine)]);
    let fresh = &look["seen"][0]["freshness"];
    assert_eq!(
        (code, &fresh["proved"], &fresh["from"]),
        (0, &json!(true), &Value::Null),
        "{look:#}"
    );
    assert!(fresh["how"].as_str().unwrap().contains("random bytes"), "{fresh}");
    // A node that is down keeps nobody from looking, and it is said.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = format!("http://{nobody}");
    let policy = ["--policy", "policy.toml", "--rpc-url", &down];
    let (_, look) = place.look(&[&template(&machine)], &policy);
    assert!(look["nodeNotAsked"].is_string(), "{look:#}");
    assert_eq!(look["seen"][0]["freshness"]["from"], Value::Null);
    assert_eq!(look["seen"][0]["takenDown"], "new");
    // An old quote is old, whatever it is asked with, and a file was made for nobody.
    let node = place.bench.anvil.url().to_owned();
    let with_node = ["--policy", "policy.toml", "--rpc-url", &node];
    let old = Server::saying(200, place.machine().get_quote(&place.world.pki).to_string()).await;
    for from in [format!("{}/q?x={{report_data}}", old.url), "one.json".to_owned()] {
        let (_, look) = place.look(&[&from], &with_node);
        let fresh = &look["seen"][0]["freshness"];
        assert_eq!((&fresh["proved"], &fresh["from"]), (&json!(false), &Value::Null), "{look:#}");
        let app = format!("{:#x}", place.app);
        let now = crate::evidence::pki::NOW.to_string();
        let said = place.run(&[&place.args(&app, &now, &[&from])[..], &with_node].concat());
        assert!(said.out.contains("NOT PROVED") && said.out.contains("How new ("), "{}", said.out);
    }
    let app = format!("{:#x}", place.app);
    let said = place.run(&["observe", &app, "--from", "one.json", "--kms", &app]);
    assert_eq!(said.code, 64);
    assert!(said.err.contains("--rpc-url"), "{}", said.err);
}

/// Of an app that the index does not have, a node tells what the chain allows.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_not_in_the_index() {
    let place = Place::new().await;
    let newer = place.bench.deploy_stock_app(version()).await.unwrap();
    let machine = Machine::running(newer.0.0, version().0, place.bench.os_images[0].0);
    place.write("newer.json", machine.get_quote(&place.world.pki).to_string());
    let look = |more: &[&str]| {
        let (app, now) = (format!("{newer:#x}"), crate::evidence::pki::NOW.to_string());
        let args = place.args(&app, &now, &["newer.json"]);
        let args = [&args[..], &["--json", "--policy", "policy.toml"], more].concat();
        serde_json::from_str::<Value>(&place.run(&args).out).unwrap()
    };
    let told = look(&[]);
    let allowed = &told["seen"][0]["allowed"];
    assert_eq!(allowed["result"], "not_evaluated", "{told:#}");
    assert!(!allowed["how"].as_str().unwrap().is_empty());
    let (node, kms) = (place.bench.anvil.url(), place.bench.kms.to_string());
    let told = look(&["--rpc-url", node, "--kms", &kms]);
    let allowed = &told["seen"][0]["allowed"];
    assert_eq!((&allowed["result"], &allowed["by"]), (&json!("pass"), &json!(node)), "{told:#}");
}

/// `tappd`, before dstack 0.5, hashes what it is given unless it is asked for the raw bytes.
async fn tappd(place: &Place) -> PathBuf {
    let socket = place.dir.path().join("tappd.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let (world, machine) = (Arc::clone(&place.world), place.machine());
    let quote = move |Json(asked): Json<Value>| async move {
        let mut machine = machine.clone();
        if asked["hash_algorithm"] == "raw" {
            let wanted = hex::decode(asked["report_data"].as_str().unwrap()).unwrap();
            machine.report_data = wanted.try_into().unwrap();
        }
        let reply = machine.get_quote(&world.pki);
        let quote = format!("0x{}", reply["quote"].as_str().unwrap());
        Json(
            json!({"quote": quote, "event_log": reply["event_log"], "hash_algorithm": "raw", "prefix": ""}),
        )
    };
    let info = || async { Json(json!({"tcb_info": json!({"app_compose": "{}"}).to_string()})) };
    let routes = Router::new()
        .route("/prpc/Tappd.TdxQuote", post(quote))
        .route("/prpc/Tappd.Info", post(info));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_agent_is_asked_too() {
    let place = Place::new().await;
    let socket = tappd(&place).await;
    let node = place.bench.anvil.url().to_owned();
    for from in [format!("unix:{}", socket.display()), format!("tappd:{}", socket.display())] {
        let (code, look) = place.look(&[&from], &["--policy", "policy.toml", "--rpc-url", &node]);
        let fresh = &look["seen"][0]["freshness"];
        // The app-compose.json that this agent shows is not the version that runs, and it is said.
        assert_eq!(
            (code, &look["seen"][0]["decisive"]),
            (1, &json!(["compose_preimage"])),
            "{look:#}"
        );
        assert_eq!(fresh["proved"], true, "{look:#}");
        assert!(fresh["from"]["number"].is_u64(), "{look:#}");
    }
    let now = crate::evidence::pki::NOW.to_string();
    let place_of = format!("unix:{}", socket.display());
    let args =
        ["verify", &place_of, "--time", &now, "--collateral", "c.json", "--root-ca", "root.pem"];
    let said = place.run(&[&args[..], &["--json", "--report-data", "app-data:c0ffee"]].concat());
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let row = document["checks"].as_array().unwrap().iter().find(|row| row["id"] == "report_data");
    assert_eq!(row.unwrap()["result"], "pass", "{document:#}");
}
