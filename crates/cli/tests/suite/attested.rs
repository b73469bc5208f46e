//! `devproof challenge` and `devproof verify` on a real chain, through a node and through an index.

use crate::{
    evidence::{
        machine::{Machine, World, known_system},
        pki::{NOW, Options},
    },
    run::{Said, devproof_in},
};
use alloy_primitives::{Address, B256, keccak256};
use devproof_contracts::stock::{DstackApp, DstackKms};
use devproof_testkit::Bench;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// 2026-11-20 00:00:00 UTC.
const GENESIS: u64 = 1_795_132_800;

pub(crate) struct Place {
    pub(crate) bench: Bench,
    pub(crate) world: World,
    pub(crate) app: Address,
    dir: TempDir,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let bench = Bench::start(GENESIS).await.unwrap();
        let app = bench.deploy_stock_app(version()).await.unwrap();
        let world = World::new(Options::default());
        let place = Self { bench, world, app, dir: TempDir::new().unwrap() };
        place.write("c.json", place.world.pki.collateral().to_string());
        place.write("root.pem", place.world.pki.root_pem());
        place.quote([0; 64]);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), content).unwrap();
    }

    /// What the machine gives to who asks for this.
    fn quote(&self, report_data: [u8; 64]) {
        let image = self.bench.os_images[0].0;
        let machine = Machine::running(self.app.0.0, version().0, image);
        let machine = Machine { report_data, ..machine };
        self.write("quote.json", machine.get_quote(&self.world.pki).to_string());
        let policy = known_system(&machine.evidence(&self.world.pki), image);
        self.write("policy.toml", policy);
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        tokio::task::block_in_place(|| devproof_in(&self.dir, args))
    }

    /// Exit code and document.
    pub(crate) fn verify(&self, more: &[&str]) -> (i32, Value) {
        self.verify_by(&[&["--policy", "policy.toml"][..], more].concat())
    }

    /// Likewise, by any policy.
    pub(crate) fn verify_by(&self, more: &[&str]) -> (i32, Value) {
        let now = NOW.to_string();
        let usual = ["verify", "quote.json", "--time", &now, "--collateral", "c.json", "--json"];
        let usual = [&usual[..], &["--root-ca", "root.pem"]].concat();
        let said = self.run(&[&usual[..], more].concat());
        assert_eq!(said.err, "");
        (said.code, serde_json::from_str(&said.out).unwrap())
    }

    fn index(&self) {
        let kms = self.bench.kms.to_string();
        let said = self.run(&["index", "--rpc-url", self.bench.anvil.url(), "--kms", &kms]);
        assert_eq!(said.code, 0, "{}", said.err);
    }

    /// Writes a challenge and makes the quote for it.
    fn challenge(&self) -> Value {
        let said = self.run(&["challenge", "--rpc-url", self.bench.anvil.url()]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        self.write("challenge.json", &said.out);
        let document: Value = serde_json::from_str(&said.out).unwrap();
        let report_data = document["reportData"].as_str().unwrap().to_owned();
        let report_data = alloy_primitives::hex::decode(report_data).unwrap();
        self.quote(report_data.try_into().unwrap());
        document
    }

    async fn change(&self, allow: bool) {
        let rival = &self.bench.rival;
        let composeHash = version();
        if allow {
            rival.send(self.app, &DstackApp::addComposeHashCall { composeHash }).await.unwrap();
        } else {
            rival.send(self.app, &DstackApp::removeComposeHashCall { composeHash }).await.unwrap();
        }
    }
}

fn version() -> B256 {
    keccak256("the version")
}

pub(crate) fn row<'a>(document: &'a Value, id: &str) -> &'a Value {
    document["checks"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()
}

fn result<'a>(document: &'a Value, id: &str) -> &'a str {
    row(document, id)["result"].as_str().unwrap()
}

pub(crate) fn warned(document: &Value, id: &str) -> bool {
    document["warnings"].as_array().unwrap().iter().any(|it| it["id"] == id)
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_node() {
    let place = Place::new().await;
    let (url, kms) = (place.bench.anvil.url().to_owned(), place.bench.kms.to_string());
    let node = ["--rpc-url", &url, "--kms", &kms];
    let (code, document) = place.verify(&[&node[..], &["--kms-ca-key", "0x3059"]].concat());
    // What the contract does not say of its keys was named; who it is stands in the policy.
    assert_eq!((code, result(&document, "is_app_allowed")), (0, "pass"), "{document}");
    assert_eq!(row(&document, "is_app_allowed")["by"], url);
    assert_eq!(document["bootInfo"]["appId"], format!("{:#x}", place.app));
    // Nobody is asked without being named, or when nobody is to be asked.
    assert_eq!(result(&place.verify(&["--rpc-url", &url]).1, "is_app_allowed"), "not_evaluated");
    let (_, document) = place.verify(&[&node[..], &["--offline"]].concat());
    assert_eq!(result(&document, "is_app_allowed"), "not_evaluated");
    place.change(false).await;
    let (code, document) = place.verify(&node);
    assert_eq!((code, result(&document, "is_app_allowed")), (1, "fail"));
    let said = place.run(&["verify", "quote.json", "--kms", &kms]);
    assert_eq!(said.code, 64);
    assert!(said.err.contains("--rpc-url"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_bounds_the_time() {
    let place = Place::new().await;
    let document = place.challenge();
    assert_eq!(document["format"], "devproof-challenge-v1");
    assert_eq!(document["chainId"], 31_337);
    let (url, kms) = (place.bench.anvil.url().to_owned(), place.bench.kms.to_string());
    let asked = ["--rpc-url", &url, "--kms", &kms, "--challenge", "challenge.json"];
    place.bench.anvil.mine(1).await.unwrap();
    let (code, document) = place.verify(&asked);
    assert_eq!((code, result(&document, "freshness")), (0, "pass"), "{document}");
    // Without a node nobody knows whether the block is there.
    let (code, document) = place.verify(&["--challenge", "challenge.json"]);
    assert_eq!((code, result(&document, "freshness")), (2, "inconclusive"));
    // Removed and brought back: allowed now, but not all the time.
    place.change(false).await;
    place.change(true).await;
    place.bench.anvil.mine(1).await.unwrap();
    let (code, document) = place.verify(&asked);
    assert_eq!((code, result(&document, "is_app_allowed")), (2, "inconclusive"));
    assert!(warned(&document, "not_allowed_throughout"));
    // Somebody else's challenge.
    place.challenge();
    place.quote([7; 64]);
    let (code, document) = place.verify(&asked);
    assert_eq!((code, result(&document, "freshness")), (1, "fail"));
    place.write("challenge.json", "{}");
    let said = place.run(&["verify", "quote.json", "--challenge", "challenge.json"]);
    assert_eq!(said.code, 64);
    assert_eq!(place.run(&["challenge"]).code, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn through_an_index() {
    let place = Place::new().await;
    place.index();
    let (code, document) = place.verify(&[]);
    assert_eq!((code, result(&document, "is_app_allowed")), (0, "pass"), "{document}");
    for id in ["app_registered", "os_image_allowed", "is_app_allowed"] {
        assert_eq!(result(&document, id), "pass");
        assert_eq!(row(&document, id)["by"], "the index devproof.db");
    }
    // Another KMS than those that it follows.
    let other = place.bench.factory.to_string();
    let (code, document) = place.verify(&["--kms", &other, "--offline"]);
    assert_eq!((code, result(&document, "is_app_allowed")), (2, "inconclusive"));
    // Taken away: what was allowed when it could boot is no longer, and the index knows since when.
    place.change(false).await;
    place.index();
    let (code, document) = place.verify(&[]);
    let row = row(&document, "is_app_allowed");
    assert_eq!((code, row["result"].as_str().unwrap()), (1, "fail"));
    assert!(row["how"].as_str().unwrap().starts_with("was allowed when it could boot"));
    assert!(warned(&document, "no_longer_allowed"));
    // Asked after the block before that, in which it was born.
    let before = place.bench.node.heads().await.unwrap().latest.number - 1;
    let (code, document) = place.verify(&["--block", &before.to_string()]);
    assert_eq!((code, result(&document, "is_app_allowed")), (0, "pass"));
    assert!(!warned(&document, "no_longer_allowed"));
    let (code, document) = place.verify(&["--block", "100000"]);
    assert_eq!((code, result(&document, "is_app_allowed")), (2, "inconclusive"));
}

/// It need not be the version: without the image that it booted with, it would not be allowed again either.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_was_admitted_once() {
    let place = Place::new().await;
    let osImageHash = place.bench.os_images[0];
    let call = DstackKms::removeOsImageHashCall { osImageHash };
    place.bench.operator.send(place.bench.kms, &call).await.unwrap();
    place.index();
    let (code, document) = place.verify(&[]);
    assert_eq!((code, result(&document, "os_image_allowed")), (1, "fail"));
    assert!(warned(&document, "no_longer_allowed"));
    // A version that came only after the image was gone never was allowed with it.
    place.change(false).await;
    place.change(true).await;
    place.index();
    let (_, document) = place.verify(&[]);
    let since = &row(&document, "is_app_allowed")["details"]["index"]["kmsIntervals"];
    assert_eq!(
        since.as_array().unwrap().iter().filter(|it| it["setting"] == "os_image").count(),
        1
    );
    assert!(warned(&document, "no_longer_allowed"), "with the version of before it was");
}

/// A contract whose code says yes without ever having said so: the index goes by what was said, the node by the code.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_and_an_index_that_disagree() {
    let place = Place::new().await;
    place.change(false).await;
    // Returns (true, "") to everything.
    let code = "0x60016000526040602052600060405260606000f3";
    place.bench.anvil.request("anvil_setCode", json!([place.app, code])).await.unwrap();
    place.bench.anvil.mine(1).await.unwrap();
    place.index();
    let (url, kms) = (place.bench.anvil.url().to_owned(), place.bench.kms.to_string());
    let (code, document) = place.verify(&["--rpc-url", &url, "--kms", &kms]);
    assert_eq!((code, result(&document, "is_app_allowed")), (1, "fail"), "{document}");
    assert!(warned(&document, "disagreement"));
    fs::remove_file(place.dir.path().join("devproof.db")).unwrap();
    let (code, document) = place.verify(&["--rpc-url", &url, "--kms", &kms]);
    assert_eq!((code, result(&document, "is_app_allowed")), (0, "pass"), "the node alone");
}

/// The index and the node together: what the index knows of the time in between counts.
#[tokio::test(flavor = "multi_thread")]
async fn through_both() {
    let place = Place::new().await;
    let (url, kms) = (place.bench.anvil.url().to_owned(), place.bench.kms.to_string());
    let asked = ["--rpc-url", &url, "--kms", &kms, "--challenge", "challenge.json"];
    place.challenge();
    place.bench.anvil.mine(2).await.unwrap();
    place.index();
    let (code, document) = place.verify(&asked);
    assert_eq!((code, result(&document, "is_app_allowed")), (0, "pass"), "{document}");
    // The KMS takes the image away and brings it back.
    let osImageHash = place.bench.os_images[0];
    let operator = &place.bench.operator;
    operator
        .send(place.bench.kms, &DstackKms::removeOsImageHashCall { osImageHash })
        .await
        .unwrap();
    operator.send(place.bench.kms, &DstackKms::addOsImageHashCall { osImageHash }).await.unwrap();
    place.bench.anvil.mine(1).await.unwrap();
    place.index();
    let (code, document) = place.verify(&asked);
    assert_eq!((code, result(&document, "is_app_allowed")), (2, "inconclusive"));
    assert!(warned(&document, "not_allowed_throughout"));
    // By the index alone, from the challenge's block on: the node is asked for that block and nothing else.
    let (_, document) = place.verify(&["--rpc-url", &url, "--challenge", "challenge.json"]);
    let row = row(&document, "is_app_allowed");
    assert_eq!(row["result"], "inconclusive", "{row}");
    assert_eq!(row["details"]["index"]["between"][0]["setting"], json!("os_image"));
    // Words.
    let now = NOW.to_string();
    let said = place.run(&[
        "verify",
        "quote.json",
        "--time",
        &now,
        "--collateral",
        "c.json",
        "--root-ca",
        "root.pem",
        "--policy",
        "policy.toml",
        "--rpc-url",
        &url,
        "--challenge",
        "challenge.json",
    ]);
    assert!(said.out.contains("WARNING: What runs is allowed after block"), "{}", said.out);
}
