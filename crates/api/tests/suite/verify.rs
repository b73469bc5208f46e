//! `POST /v1/verify`: evidence that is handed over, with services and an index behind it.

use crate::{
    evidence::{
        machine::{Machine, World as Pki, known_system},
        pki::{NOW, Options},
    },
    server::{Server, quick},
    world::{APP, KMS, LOCAL, World, hash},
};
use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use devproof_api::{AppState, Verification, documents::VerifiedEvidence, router};
use devproof_evidence::{Collaterals, Examiner, Http, Pccs, Verifier};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The version, as of block 200 allowed since 170, and before that from 10 to 60.
const VERSION: u8 = 1;
const IMAGE: u8 = 0xe1;

struct Asked {
    world: World,
    pki: Pki,
    machine: Machine,
}

impl Asked {
    async fn new() -> Self {
        let machine = Machine::running(APP.0.0, hash(VERSION).0, hash(IMAGE).0);
        Self { world: World::whole(LOCAL).await, pki: Pki::new(Options::default()), machine }
    }

    /// A question with everything in it.
    fn question(&self) -> Value {
        let evidence = self.machine.evidence(&self.pki.pki);
        json!({
            "evidence": self.machine.get_quote(&self.pki.pki),
            "collateral": self.pki.pki.collateral(),
            "time": NOW.to_string(),
            "policy": known_system(&evidence, hash(IMAGE).0),
            "chainId": LOCAL,
        })
    }

    fn service(&self, services: &[&Server], verifiers: Vec<Verifier>) -> AppState {
        let http = Http::new(quick()).unwrap();
        let services = services.iter().map(|it| Pccs::new(&it.url).unwrap()).collect();
        let collaterals = Collaterals::new(http.clone(), services, None);
        let examiner = Examiner { http, verifiers, collaterals, chain: None };
        let verification = Verification::new(examiner, None).with_root(self.pki.root.clone());
        AppState::new(self.world.store.clone(), None).with_verification(verification)
    }

    async fn ask(&self, question: &Value) -> (u16, Value) {
        post(self.service(&[], vec![Verifier::Local]), question.to_string()).await
    }
}

async fn post(service: AppState, body: String) -> (u16, Value) {
    let request = Request::post("/v1/verify").body(Body::from(body)).unwrap();
    let reply = router(service).oneshot(request).await.unwrap();
    let status = reply.status().as_u16();
    let body = to_bytes(reply.into_body(), 1 << 22).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

fn row<'a>(document: &'a Value, id: &str) -> &'a Value {
    document["checks"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()
}

fn result<'a>(document: &'a Value, id: &str) -> &'a str {
    row(document, id)["result"].as_str().unwrap()
}

#[tokio::test]
async fn everything_that_is_proved() {
    let asked = Asked::new().await;
    let (status, document) = asked.ask(&asked.question()).await;
    assert_eq!((status, &document["overall"]), (200, &json!("pass")), "{document:#}");
    assert_eq!(document["identity"]["proved"], true);
    for id in ["app_registered", "os_image_allowed", "is_app_allowed"] {
        assert_eq!(row(&document, id)["by"], "the index of this service");
        assert_eq!(result(&document, id), "pass");
    }
    // The declared form is the form.
    let declared: VerifiedEvidence = serde_json::from_value(document.clone()).unwrap();
    let again = serde_json::to_value(declared).unwrap();
    assert_eq!(again["identity"], document["identity"]);
    assert_eq!(again["bootInfo"], document["bootInfo"]);
    // Text as well as JSON.
    let mut question = asked.question();
    question["evidence"] = question["evidence"]["quote"].take();
    let (status, document) = asked.ask(&question).await;
    assert_eq!((status, result(&document, "hardware")), (200, "pass"));
    assert_eq!(result(&document, "event_log"), "not_evaluated");
}

#[tokio::test]
async fn at_a_block_where_it_was_not_allowed() {
    let mut asked = Asked::new().await;
    let mut question = asked.question();
    question["at"] = json!("60");
    let (_, document) = asked.ask(&question).await;
    let found = row(&document, "is_app_allowed");
    assert_eq!(found["result"], "fail", "{found}");
    assert!(found["how"].as_str().unwrap().starts_with("was allowed when it could boot"));
    let warned = |document: &Value| {
        document["warnings"].as_array().unwrap().iter().any(|it| it["id"] == "no_longer_allowed")
    };
    assert!(warned(&document));
    assert_eq!(document["overall"], "fail");
    // Before it was removed.
    question["at"] = json!("59");
    let (_, document) = asked.ask(&question).await;
    // Without a node nobody knows the header of a block in which nothing happened.
    assert_eq!(result(&document, "is_app_allowed"), "inconclusive");
    question["at"] = json!("48");
    let (_, document) = asked.ask(&question).await;
    assert_eq!((result(&document, "is_app_allowed"), warned(&document)), ("pass", false));
    // A version that never was.
    asked.machine = Machine::running(APP.0.0, hash(9).0, hash(IMAGE).0);
    let (_, document) = asked.ask(&asked.question()).await;
    assert_eq!((result(&document, "is_app_allowed"), warned(&document)), ("fail", false));
    // An image that the KMS did not admit.
    asked.machine = Machine::running(APP.0.0, hash(VERSION).0, hash(0xe9).0);
    let mut question = asked.question();
    let evidence = asked.machine.evidence(&asked.pki.pki);
    question["policy"] = json!(known_system(&evidence, hash(0xe9).0));
    let (_, document) = asked.ask(&question).await;
    assert_eq!(result(&document, "os_image_allowed"), "fail");
    // An app, a KMS and a chain that the index does not know.
    asked.machine = Machine::running([0xee; 20], hash(VERSION).0, hash(IMAGE).0);
    let (_, document) = asked.ask(&asked.question()).await;
    assert_eq!(result(&document, "is_app_allowed"), "inconclusive");
    asked.machine = Machine::running(APP.0.0, hash(VERSION).0, hash(IMAGE).0);
    for (field, value) in [("kms", json!(APP)), ("chainId", json!(5))] {
        let mut question = asked.question();
        question[field] = value;
        let (_, document) = asked.ask(&question).await;
        assert_eq!(result(&document, "is_app_allowed"), "inconclusive", "{field}");
    }
    let mut question = asked.question();
    question["kms"] = json!(KMS);
    assert_eq!(asked.ask(&question).await.1["overall"], "pass");
    question.as_object_mut().unwrap().remove("chainId");
    assert_eq!(asked.ask(&question).await.0, 400);
    question.as_object_mut().unwrap().remove("kms");
    let (_, document) = asked.ask(&question).await;
    assert_eq!(result(&document, "is_app_allowed"), "not_evaluated");
}

#[tokio::test]
async fn what_makes_no_sense() {
    let asked = Asked::new().await;
    let cases = [
        ("evidence", json!("nothing")),
        ("evidence", json!({})),
        ("evidence", json!([1])),
        ("instance", json!(3)),
        ("time", json!("soon")),
        ("collateral", json!({})),
        ("reportData", json!("zz")),
        ("challenge", json!({"format": "x"})),
        ("policy", json!("requried = []")),
        ("at", json!("2026-03-01T00:00:00Z")),
        ("at", json!("x")),
        ("signatureChain", json!({})),
        ("appCompose", json!("x".repeat((1 << 20) + 1))),
    ];
    for (field, value) in cases {
        let mut question = asked.question();
        question[field] = value;
        let (status, problem) = asked.ask(&question).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{problem}");
    }
    for body in [
        "",
        "[]",
        "{}",
        "{\"evidence\": 1, \"root\": \"mine\"}",
        "{\"evidence\": \"x\", \"evidence\": \"y\"}",
    ] {
        let (status, _) = post(asked.service(&[], vec![Verifier::Local]), body.to_owned()).await;
        assert_eq!(status, 400, "{body}");
    }
    let long = format!("{{\"evidence\": \"{}\"}}", "0".repeat(8 << 20));
    let (status, problem) = post(asked.service(&[], vec![Verifier::Local]), long).await;
    assert_eq!((status, &problem["type"]), (413, &json!("urn:devproof:problem:too-large")));
    // A service that does not verify has no such path.
    let state = AppState::new(asked.world.store.clone(), None);
    assert_eq!(post(state, asked.question().to_string()).await.0, 404);
}

/// Nothing that a stranger names is asked for, whatever it looks like.
#[tokio::test]
async fn nobody_is_asked_for_a_stranger() {
    let asked = Asked::new().await;
    let server = Server::saying(200, asked.machine.get_quote(&asked.pki.pki).to_string()).await;
    for evidence in
        [json!(server.url), json!({"url": server.url}), json!(format!("unix:{}", server.url))]
    {
        let mut question = asked.question();
        question["evidence"] = evidence;
        assert_eq!(asked.ask(&question).await.0, 400);
    }
    for (field, value) in [
        ("pccs", json!(server.url)),
        ("backend", json!([server.url])),
        ("rpcUrl", json!(server.url)),
    ] {
        let mut question = asked.question();
        question[field] = value;
        assert_eq!(asked.ask(&question).await.0, 400, "{field}");
    }
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn services_that_were_configured() {
    let asked = Asked::new().await;
    let mut question = asked.question();
    question.as_object_mut().unwrap().remove("collateral");
    let pccs = Server::pccs(asked.pki.pki.collateral()).await;
    let service = asked.service(&[&pccs], vec![Verifier::Local]);
    let (status, document) = post(service, question.to_string()).await;
    assert_eq!((status, &document["overall"]), (200, &json!("pass")));
    assert_eq!(row(&document, "collateral")["details"]["from"], format!("{}/", pccs.url));
    let broken = Server::saying(500, "").await;
    let service = asked.service(&[&broken], vec![Verifier::Local]);
    let (status, document) = post(service, question.to_string()).await;
    assert_eq!((status, &document["overall"]), (200, &json!("inconclusive")));
    // A verifier whose name has a password keeps it to itself.
    let url = broken.url.replace("http://", "http://user:secret@");
    let verifiers = vec![Verifier::Local, Verifier::DstackVerifier(url)];
    let (_, document) = post(asked.service(&[], verifiers), asked.question().to_string()).await;
    assert_eq!(result(&document, "backends"), "inconclusive");
    assert!(!document.to_string().contains("secret"));
}
