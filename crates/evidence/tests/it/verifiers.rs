//! Other verifiers over HTTP: those that work, and those that only look so.

use crate::{
    server::{Server, quick},
    support::{
        machine::{Machine, World},
        pki::{NOW, Options},
    },
};
use devproof_attestation::{
    CheckId, Evidence, KmsKeys, Outcome, Policy, Question, Verdict, backend::combine, verify,
};
use devproof_evidence::{Http, Limits, Verifier, ask};
use serde_json::{Value, json};
use std::time::Duration;

fn world() -> (World, Evidence) {
    let world = World::new(Options::default());
    let evidence = Machine::default().evidence(&world.pki);
    (world, evidence)
}

fn here(world: &World, evidence: &Evidence) -> Verdict {
    verify(&Question {
        evidence,
        now: NOW,
        root: &world.root,
        collateral: Some(&world.collateral),
        compose: None,
        report_data: None,
        kms: &KmsKeys::default(),
        chain: None,
        policy: &Policy::default(),
    })
}

fn valid() -> Value {
    json!({
        "is_valid": true,
        "details": {"quote_verified": true, "event_log_verified": true, "os_image_hash_verified": true,
            "report_data": "77".repeat(64)},
        "reason": null,
    })
}

async fn verdict(verifiers: &[Verifier]) -> Verdict {
    let (world, evidence) = world();
    let limits = Limits { total: Duration::from_secs(2), ..quick() };
    let opinions = ask(&Http::new(limits).unwrap(), verifiers, &evidence).await;
    assert_eq!(opinions.len(), verifiers.len());
    combine(here(&world, &evidence), &opinions, &Policy::default())
}

fn both(server: &Server) -> [Verifier; 2] {
    [Verifier::DstackVerifier(server.url.clone()), Verifier::PhalaCloud(server.url.clone())]
}

#[tokio::test]
async fn one_that_works() {
    let server = Server::saying(200, valid().to_string()).await;
    let verdict = verdict(&[Verifier::DstackVerifier(server.url.clone())]).await;
    let image = verdict.check(CheckId::OsImage).unwrap();
    assert_eq!(image.result, Outcome::Pass);
    assert_eq!(
        serde_json::to_value(&image.by).unwrap(),
        json!(format!("{}/verify", server.url)),
        "on its word"
    );
    assert_eq!(verdict.check(CheckId::Backends).unwrap().result, Outcome::Pass);
}

#[tokio::test]
async fn unavailable_is_never_valid() {
    let mut pccs_down = valid();
    pccs_down["is_valid"] = json!(false);
    pccs_down["details"]["quote_verified"] = json!(false);
    pccs_down["reason"] =
        json!("Quote verification failed: error sending request for url (https://pccs.example)");
    let drip = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{";
    let servers = [
        // Even with a body that says yes.
        Server::saying(500, valid().to_string()).await,
        Server::saying(404, valid().to_string()).await,
        Server::saying(200, pccs_down.to_string()).await,
        Server::saying(200, "{\"success\":true,\"verified\":false}").await,
        Server::saying(200, "<html><body>verified</body></html>").await,
        Server::saying(200, vec![b' '; 2 << 20]).await,
        Server::dripping(drip, Duration::from_millis(10)).await,
    ];
    for server in &servers {
        for verifier in both(server) {
            let verdict = verdict(&[verifier]).await;
            let row = |id| verdict.check(id).unwrap().result;
            assert_eq!(row(CheckId::Backends), Outcome::Inconclusive);
            assert_eq!(row(CheckId::OsImage), Outcome::Inconclusive);
            assert_eq!(row(CheckId::Hardware), Outcome::Pass, "what was proved here stays so");
            assert!(!verdict.identity.proved && verdict.overall != Outcome::Pass);
        }
    }
}

/// Two that say different things are a fault, whoever is right; a slow one holds up nobody else.
#[tokio::test]
async fn disagreement_is_its_own_row() {
    let good = Server::saying(200, valid().to_string()).await;
    let phala = Server::saying(200, "{\"quote\":{\"verified\":false}}").await;
    let slow = Server::dripping("HTTP/1.1 200 OK\r\n\r\n", Duration::from_millis(10)).await;
    let verdict = verdict(&[
        Verifier::DstackVerifier(slow.url.clone()),
        Verifier::DstackVerifier(good.url.clone()),
        Verifier::PhalaCloud(phala.url.clone()),
    ])
    .await;
    let row = verdict.check(CheckId::Backends).unwrap();
    assert_eq!(row.result, Outcome::Fail);
    assert!(row.how.contains("hardware"), "{}", row.how);
    assert_eq!(row.details["said"].as_array().unwrap().len(), 3);
    assert_eq!(verdict.check(CheckId::Hardware).unwrap().result, Outcome::Fail);
    assert_eq!(verdict.check(CheckId::OsImage).unwrap().result, Outcome::Pass);
}

#[test]
fn names() {
    assert_eq!("local".parse(), Ok(Verifier::Local));
    let url = "https://verifier.example".to_owned();
    assert_eq!(format!("dstack-verifier={url}").parse(), Ok(Verifier::DstackVerifier(url.clone())));
    assert_eq!(format!("phala={url}").parse(), Ok(Verifier::PhalaCloud(url)));
    for bad in ["", "dstack-verifier", "local=x", "x=https://x", "phala=ftp://x", "phala="] {
        assert!(bad.parse::<Verifier>().is_err(), "{bad}");
    }
}
