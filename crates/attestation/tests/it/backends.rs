//! Services that answer well, and services that do not. What they say and how they fail was seen on real ones.

use crate::support::{
    log::hex,
    machine::{Machine, World},
    pki::{NOW, Options},
};
use devproof_attestation::{
    By, CheckId as Id, Concern, Evidence, KmsKeys,
    Outcome::{self, Fail, Inconclusive, Pass},
    Policy, Question, Verdict,
    backend::{Backend, DstackVerifier, Opinion, PhalaCloud, REPLY, Reply, Transport, combine},
    verify,
};
use serde_json::{Value, json};
use std::cell::RefCell;

/// A service that answers the same to everything, and remembers what it was asked.
struct Fake {
    reply: Result<Reply, String>,
    asked: RefCell<Vec<(String, Value)>>,
}

impl Fake {
    fn new(status: u16, body: impl ToString) -> Self {
        let body = body.to_string().into_bytes();
        Self { reply: Ok(Reply { status, body }), asked: RefCell::default() }
    }
}

impl Transport for Fake {
    fn post(&self, url: &str, json: &str) -> Result<Reply, String> {
        self.asked.borrow_mut().push((url.to_owned(), serde_json::from_str(json).unwrap()));
        self.reply.clone()
    }
}

fn world() -> (World, Evidence) {
    let world = World::new(Options::default());
    let evidence = Machine::default().evidence(&world.pki);
    (world, evidence)
}

fn local(world: &World, evidence: &Evidence, policy: &Policy) -> Verdict {
    verify(&Question {
        evidence,
        now: NOW,
        root: &world.root,
        collateral: Some(&world.collateral),
        compose: None,
        report_data: None,
        kms: &KmsKeys::default(),
        chain: None,
        policy,
    })
}

fn valid() -> Value {
    json!({
        "is_valid": true,
        "details": {"quote_verified": true, "event_log_verified": true, "os_image_hash_verified": true,
            "os_image_is_dev": false, "tcb_status": "UpToDate", "report_data": "77".repeat(64)},
        "reason": null,
    })
}

fn verifier(fake: &Fake, evidence: &Evidence) -> Opinion {
    DstackVerifier::new("https://verifier.example/").ask(fake, evidence)
}

#[track_caller]
fn says(opinion: &Opinion, expected: &[(Id, Outcome)]) {
    for (id, result) in expected {
        let check = opinion.checks.iter().find(|check| check.id == *id).unwrap();
        assert_eq!(check.result, *result, "{}: {}", id.name(), check.how);
        assert_eq!(check.by, By::Service(opinion.url.clone()));
    }
}

#[track_caller]
fn says_nothing(opinion: &Opinion) {
    let rows: Vec<_> = opinion.checks.iter().map(|c| (c.id, c.result)).collect();
    assert_eq!(rows, [(Id::Hardware, Inconclusive)], "{}", opinion.checks[0].how);
}

#[test]
fn a_verifier_that_works() {
    let (world, evidence) = world();
    let fake = Fake::new(200, valid());
    let opinion = verifier(&fake, &evidence);
    says(&opinion, &[(Id::Hardware, Pass), (Id::EventLog, Pass), (Id::OsImage, Pass)]);
    let asked = fake.asked.borrow();
    assert_eq!(asked[0].0, "https://verifier.example/verify");
    let request = &asked[0].1;
    assert_eq!(request["quote"], hex(&evidence.quote), "no 0x");
    assert!(request["event_log"].is_string() && request["vm_config"].is_string());
    assert!(request["attestation"].is_null());

    let policy = Policy::from_toml("key-providers = [\"kms\"]").unwrap();
    let verdict = combine(local(&world, &evidence, &policy), &[opinion], &policy);
    let row = verdict.check(Id::OsImage).unwrap();
    assert_eq!(
        (row.result, &row.by),
        (Pass, &By::Service("https://verifier.example/verify".to_owned()))
    );
    assert_eq!(verdict.check(Id::Hardware).unwrap().by, By::Here, "what was proved here stays so");
    assert_eq!((verdict.overall, verdict.identity.proved), (Pass, true));
}

#[test]
fn unavailable_is_never_valid() {
    let (world, evidence) = world();
    let trouble = |reason: &str| {
        let mut reply = valid();
        reply["is_valid"] = json!(false);
        reply["details"]["quote_verified"] = json!(false);
        reply["reason"] = json!(reason);
        Fake::new(200, reply)
    };
    let fakes = [
        Fake::new(500, "oops"),
        Fake::new(502, valid()),
        Fake::new(302, valid()),
        Fake::new(200, "<html>404</html>"),
        Fake::new(200, ""),
        Fake::new(200, "{}"),
        Fake::new(200, json!({"is_valid": true})),
        Fake::new(200, json!({"success": true, "verified": false})),
        Fake::new(200, " ".repeat(2 << 20)),
        Fake::new(200, format!("{}{}", valid(), " ".repeat(REPLY))),
        Fake::new(200, "[".repeat(100_000)),
        trouble("Quote verification failed: error sending request for url (https://pccs.example)"),
        trouble("Quote verification failed: Failed to fetch https://pccs.example: HTTP 503"),
        trouble("OS image hash verification failed: Failed to download image"),
        trouble("Internal error: x"),
        Fake { reply: Err("timed out".to_owned()), asked: RefCell::default() },
    ];
    let policy = Policy::default();
    for fake in fakes {
        let opinion = verifier(&fake, &evidence);
        says_nothing(&opinion);
        says_nothing(&PhalaCloud::new("https://cloud.example").ask(&fake, &evidence));
        let before = local(&world, &evidence, &policy);
        let verdict = combine(before.clone(), std::slice::from_ref(&opinion), &policy);
        assert_eq!((verdict.overall, verdict.identity.proved), (before.overall, false));
        // Nor does it make up for what was not verified here.
        let nobody = Policy::from_toml("required = [\"hardware\"]\nminimum-backends = 2").unwrap();
        let verdict = combine(local(&world, &evidence, &nobody), &[opinion], &nobody);
        assert_eq!(verdict.overall, Inconclusive);
    }
}

#[test]
fn a_verifier_that_says_no() {
    let (world, evidence) = world();
    let no = |step: &str, reason: &str| {
        let mut reply = valid();
        reply["is_valid"] = json!(false);
        reply["details"][step] = json!(false);
        reply["reason"] = json!(reason);
        verifier(&Fake::new(200, reply), &evidence)
    };
    let opinion = no("event_log_verified", "Event log verification failed: RTMR3 mismatch");
    says(&opinion, &[(Id::Hardware, Pass), (Id::EventLog, Fail)]);
    assert!(opinion.checks.iter().all(|check| check.id != Id::OsImage), "it did not get so far");
    says(
        &no("os_image_hash_verified", "OS image hash verification failed: other"),
        &[(Id::OsImage, Fail)],
    );
    let opinion =
        no("quote_verified", "Quote verification failed: ISV enclave report signature is invalid");
    says(&opinion, &[(Id::Hardware, Fail)]);
    // One that finds a fault wins over those that find none, and there is a warning.
    let policy = Policy::default();
    let verdict = combine(local(&world, &evidence, &policy), &[opinion], &policy);
    assert_eq!((verdict.overall, verdict.check(Id::Hardware).unwrap().result), (Fail, Fail));
    assert!(verdict.warnings.iter().any(|warning| warning.id == Concern::Disagreement));
    assert!(!verdict.identity.proved);
}

#[test]
fn a_failure_found_here_stays_one() {
    let world = World::new(Options::default());
    let mut machine = Machine::default();
    machine.log.rtmr[3][0] ^= 1;
    let evidence = machine.evidence(&world.pki);
    let policy = Policy::default();
    let before = local(&world, &evidence, &policy);
    let verdict = combine(before, &[verifier(&Fake::new(200, valid()), &evidence)], &policy);
    assert_eq!(verdict.check(Id::EventLog).unwrap().result, Fail);
    assert!(verdict.warnings.iter().any(|warning| warning.id == Concern::Disagreement));
    assert_eq!((verdict.overall, verdict.identity.proved), (Fail, false));
}

/// `is_valid` alone is not enough: it stays true for a good deal that is not.
#[test]
fn valid_says_little() {
    let (_, evidence) = world();
    let but = |field: &str, value: Value| {
        let mut reply = valid();
        reply["details"][field] = value;
        verifier(&Fake::new(200, reply), &evidence)
    };
    says(&but("os_image_hash_verified", json!(false)), &[(Id::OsImage, Inconclusive)]);
    says(&but("os_image_is_dev", json!(true)), &[(Id::OsImage, Fail)]);
    says_nothing(&but("report_data", json!("88".repeat(64))));
    let opinion = but("tcb_status", json!("OutOfDate"));
    let tcb = opinion.checks.iter().find(|check| check.id == Id::Tcb).unwrap();
    assert_eq!((tcb.result, tcb.value.as_deref()), (Outcome::NotEvaluated, Some("OutOfDate")));
}

#[test]
fn phala_cloud() {
    let (world, evidence) = world();
    let ask = |reply: Value| {
        PhalaCloud::new("https://cloud.example").ask(&Fake::new(200, reply), &evidence)
    };
    let data = format!("0x{}", "77".repeat(64));
    let verified = |verified: bool, data: &str| json!({"success": true, "quote": {"verified": verified, "body": {"reportdata": data}}});
    let opinion = ask(verified(true, &data));
    says(&opinion, &[(Id::Hardware, Pass)]);
    says(&ask(verified(false, &data)), &[(Id::Hardware, Fail)]);
    says_nothing(&ask(verified(true, "0x88")));
    says_nothing(&ask(json!({"message": "busy"})));
    says_nothing(&ask(json!({"quote": {"verified": true}})));
    // Two agree, as this policy wants it.
    let policy = Policy::from_toml("required = [\"hardware\"]\nminimum-backends = 2").unwrap();
    let verdict = combine(local(&world, &evidence, &policy), &[opinion], &policy);
    assert_eq!(verdict.overall, Pass);
}

/// Who was asked, what they said, and whether they agree is a row of its own.
#[test]
fn asking_others_is_a_row() {
    let (world, evidence) = world();
    let policy = Policy::default();
    let row = |fakes: &[Fake]| {
        let opinions: Vec<_> = fakes.iter().map(|fake| verifier(fake, &evidence)).collect();
        let verdict = combine(local(&world, &evidence, &policy), &opinions, &policy);
        verdict.check(Id::Backends).unwrap().result
    };
    let no = || {
        let mut reply = valid();
        reply["is_valid"] = json!(false);
        reply["details"]["quote_verified"] = json!(false);
        reply["reason"] = json!("ISV enclave report signature is invalid");
        Fake::new(200, reply)
    };
    assert_eq!(row(&[]), Outcome::NotEvaluated);
    assert_eq!(row(&[Fake::new(200, valid())]), Pass);
    assert_eq!(row(&[Fake::new(500, valid())]), Inconclusive);
    assert_eq!(row(&[Fake::new(200, valid()), Fake::new(500, valid())]), Inconclusive);
    assert_eq!(row(&[no()]), Fail);
    assert_eq!(row(&[Fake::new(500, ""), no(), Fake::new(200, valid())]), Fail);
}
