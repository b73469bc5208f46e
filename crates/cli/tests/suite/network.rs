//! `devproof verify` with services, machines and a cache of collateral, all of them real servers.

use crate::{
    evidence::{
        machine::{Machine, World},
        pki::{NOW, Options},
    },
    run::{Said, devproof_in},
    server::Server,
};
use axum::{Json, Router, routing::post};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

struct Folder {
    dir: TempDir,
    world: World,
    quote: Value,
}

impl Folder {
    fn new() -> Self {
        let world = World::new(Options::default());
        let quote = Machine::default().get_quote(&world.pki);
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("quote.json"), quote.to_string()).unwrap();
        fs::write(dir.path().join("root.pem"), world.pki.root_pem()).unwrap();
        let policy = "required = [\"hardware\", \"collateral\"]\nif-checked = [\"backends\"]\n";
        fs::write(dir.path().join("policy.toml"), policy).unwrap();
        Self { dir, world, quote }
    }

    /// Runs `devproof verify` where waiting for it keeps no server from answering.
    fn verify(&self, evidence: &str, more: &[&str]) -> Said {
        let now = NOW.to_string();
        let usual = ["verify", evidence, "--root-ca", "root.pem", "--policy", "policy.toml"];
        let args = [&usual[..], &["--time", &now], more].concat();
        tokio::task::block_in_place(|| devproof_in(&self.dir, &args))
    }

    fn json(&self, evidence: &str, more: &[&str]) -> (i32, Value) {
        let said = self.verify(evidence, &[&["--json"], more].concat());
        assert_eq!(said.err, "");
        (said.code, serde_json::from_str(&said.out).unwrap())
    }
}

fn row<'a>(document: &'a Value, id: &str) -> &'a Value {
    document["checks"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn collateral_from_a_service_and_from_the_folder() {
    let folder = Folder::new();
    let server = Server::pccs(folder.world.pki.collateral()).await;
    let cache = ["--pccs", &server.url, "--collateral-cache", "kept"];
    let (code, document) = folder.json("quote.json", &cache);
    assert_eq!((code, &document["overall"]), (0, &json!("pass")), "{document}");
    let details = &row(&document, "collateral")["details"];
    assert_eq!(details["from"], format!("{}/", server.url));
    assert_eq!((&details["archived"], server.asked()), (&json!(true), 4));
    // Again without the network, and later on the file that the verdict names.
    let (code, again) = folder.json("quote.json", &["--offline", "--collateral-cache", "kept"]);
    assert_eq!((code, &again["collateral"]), (0, &document["collateral"]));
    assert_eq!(row(&again, "collateral")["details"]["from"], "cache");
    let file = fs::read_dir(folder.dir.path().join("kept")).unwrap().next().unwrap().unwrap();
    let name = file.file_name().into_string().unwrap();
    assert!(name.contains(document["collateral"].as_str().unwrap().trim_start_matches("0x")));
    let file = format!("kept/{name}");
    let (code, again) = folder.json("quote.json", &["--collateral", &file]);
    assert_eq!((code, &again["collateral"]), (0, &document["collateral"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn services_in_the_configuration() {
    let folder = Folder::new();
    let server = Server::pccs(folder.world.pki.collateral()).await;
    let file = folder.dir.path().join("devproof.toml");
    let broken = Server::saying(500, "").await;
    let config =
        format!("pccs = [{:?}]\ncollateral-cache = \"kept\"\nbackend = [\"local\"]\n", server.url);
    fs::write(&file, config).unwrap();
    assert_eq!(folder.json("quote.json", &[]).0, 0);
    assert_eq!(fs::read_dir(folder.dir.path().join("kept")).unwrap().count(), 1);
    // A flag replaces what the file says.
    let asked = server.asked();
    let (code, _) =
        folder.json("quote.json", &["--pccs", &broken.url, "--collateral-cache", "other"]);
    assert_eq!((code, server.asked()), (2, asked));
    for bad in ["pccs = [\"x\"]", "backend = [\"x\"]"] {
        fs::write(&file, bad).unwrap();
        let said = folder.verify("quote.json", &[]);
        assert_eq!(said.code, 64, "{bad}");
        assert!(said.err.contains("in the configuration"), "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_collateral_nothing_is_known_and_why_is_said() {
    let folder = Folder::new();
    let broken = Server::saying(500, "").await;
    let (code, document) = folder.json("quote.json", &["--pccs", &broken.url]);
    assert_eq!((code, &document["overall"]), (2, &json!("inconclusive")));
    let how = row(&document, "collateral")["how"].as_str().unwrap();
    assert!(how.contains("HTTP status 500"), "{how}");
    // Whoever is to ask nobody asks nobody.
    let asked = broken.asked();
    let (code, _) = folder.json("quote.json", &["--pccs", &broken.url, "--offline"]);
    assert_eq!((code, broken.asked()), (2, asked));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_verifiers() {
    let folder = Folder::new();
    fs::write(folder.dir.path().join("c.json"), folder.world.pki.collateral().to_string()).unwrap();
    let yes = json!({
        "is_valid": true,
        "details": {"quote_verified": true, "event_log_verified": true, "os_image_hash_verified": true,
            "report_data": "77".repeat(64)},
    });
    let good = Server::saying(200, yes.to_string()).await;
    let broken = Server::saying(500, yes.to_string()).await;
    let no = Server::saying(200, "{\"quote\":{\"verified\":false}}").await;
    let usual = ["--collateral", "c.json", "--backend", "local"];
    let ask = |more: &[&str]| {
        let (code, document) = folder.json("quote.json", &[&usual[..], more].concat());
        (code, row(&document, "backends")["result"].clone(), row(&document, "os_image").clone())
    };
    let named = |kind: &str, server: &Server| format!("{kind}={}", server.url);
    let (good_one, phala) = (named("dstack-verifier", &good), named("phala", &no));
    let (code, backends, image) = ask(&["--backend", &good_one]);
    assert_eq!((code, &backends, &image["result"]), (0, &json!("pass"), &json!("pass")));
    assert_eq!(image["by"], format!("{}/verify", good.url));
    let broken = named("dstack-verifier", &broken);
    let (code, backends, image) = ask(&["--backend", &broken]);
    assert_eq!((code, &backends), (2, &json!("inconclusive")));
    assert_eq!(image["result"], "inconclusive");
    let (code, backends, _) = ask(&["--backend", &good_one, "--backend", &phala]);
    assert_eq!((code, &backends), (1, &json!("fail")));
    let said = folder.verify("quote.json", &[&usual[..], &["--backend", &good_one]].concat());
    assert!(said.out.contains(&format!("(as said by {}/verify)", good.url)), "{}", said.out);
    // Without this machine there is only their word.
    let (code, document) =
        folder.json("quote.json", &["--collateral", "c.json", "--backend", &good_one]);
    assert_eq!((code, &row(&document, "hardware")["by"]), (2, &image_by(&good)));
    let said = folder.verify("quote.json", &["--backend", "somebody"]);
    assert_eq!(said.code, 64);
}

fn image_by(server: &Server) -> Value {
    json!(format!("{}/verify", server.url))
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_at_a_url_and_from_the_agent() {
    let folder = Folder::new();
    fs::write(folder.dir.path().join("c.json"), folder.world.pki.collateral().to_string()).unwrap();
    let server = Server::saying(200, folder.quote.to_string()).await;
    let (code, document) = folder.json(&server.url, &["--collateral", "c.json"]);
    assert_eq!((code, &document["form"]), (0, &json!("get_quote")));
    let html = Server::saying(200, "<html>\u{1b}[2J").await;
    let said = folder.verify(&html.url, &[]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("is no evidence") && !said.err.contains('\u{1b}'), "{}", said.err);
    assert_eq!(folder.verify(&html.url, &["--offline"]).code, 64);

    let socket = folder.dir.path().join("agent.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let pki = World::new(Options::default()).pki;
    fs::write(folder.dir.path().join("c.json"), pki.collateral().to_string()).unwrap();
    fs::write(folder.dir.path().join("root.pem"), pki.root_pem()).unwrap();
    let pki = std::sync::Arc::new(pki);
    let quote = move |Json(asked): Json<Value>| async move {
        let wanted = alloy_primitives::hex::decode(asked["report_data"].as_str().unwrap()).unwrap();
        let report_data = wanted.try_into().unwrap();
        Json(Machine { report_data, ..Machine::default() }.get_quote(&pki))
    };
    let routes = Router::new().route("/GetQuote", post(quote));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let place = format!("unix:{}", socket.display());
    let (code, document) = folder.json(&place, &["--collateral", "c.json"]);
    assert_eq!((code, &row(&document, "report_data")["result"]), (0, &json!("pass")));
    // Each time for other bytes.
    let (_, again) = folder.json(&place, &["--collateral", "c.json"]);
    assert_ne!(row(&again, "report_data")["value"], row(&document, "report_data")["value"]);
    let declared = ["--collateral", "c.json", "--report-data", "app-data:c0ffee"];
    assert_eq!(row(&folder.json(&place, &declared).1, "report_data")["result"], "pass");
}
