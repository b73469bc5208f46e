//! Event logs: what is recomputed, what is refused.

use crate::support::{
    log::{Log, hex, v1},
    machine::{APP_ID, KMS_ID, boot, compose_hash},
};
use devproof_attestation::{DigestVersion, EventLog, EventLogError as Error, KeyProviderKind};
use serde_json::{Value, json};

fn parse(log: &Log) -> Result<EventLog, Error> {
    EventLog::parse(&log.json())
}

/// A log of a boot with one event changed.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Result<EventLog, Error> {
    let mut log = boot("kms", KMS_ID);
    change(log.events.iter_mut().find(|event| event["event"] == name).unwrap());
    parse(&log)
}

/// What a log says that has these events of a guest, all adding up.
fn said(events: &[(&str, &[u8])]) -> Result<devproof_attestation::Identity, Error> {
    let mut log = Log::default();
    for (name, payload) in events {
        log.runtime(name, payload);
    }
    parse(&log).unwrap().identity()
}

#[test]
fn a_log_adds_up() {
    let log = boot("kms", KMS_ID);
    let parsed = parse(&log).unwrap();
    for n in 0..4 {
        assert_eq!(parsed.replay(n).0, log.rtmr[usize::from(n)]);
    }
    let identity = parsed.identity().unwrap();
    assert_eq!(identity.app_id.0.0, APP_ID);
    assert_eq!(identity.compose_hash.0.0, compose_hash());
    assert_eq!(identity.key_provider.unwrap().kind, KeyProviderKind::Kms);
    assert!(identity.ready && !parsed.is_stripped());
}

#[test]
fn a_log_with_v2_digests_adds_up() {
    let mut log = Log::default();
    log.runtime_v2("app-id", &APP_ID).runtime("compose-hash", &[2; 32]);
    log.runtime_v2("system-ready", b"").runtime_v2("a \"name\"\n\u{1}\u{e9}", b"x");
    let parsed = parse(&log).unwrap();
    assert_eq!(parsed.replay(3).0, log.rtmr[3]);
    assert_eq!(parsed.events()[0].version, DigestVersion::V2);
    assert_eq!(parsed.events()[1].version, DigestVersion::V1);
    assert!(parsed.is_stripped());
}

#[test]
fn digests_may_be_left_out_only_of_v1_events_of_the_guest() {
    let mut log = boot("kms", KMS_ID);
    for event in &mut log.events {
        if event["imr"] == 3 {
            event["digest"] = json!("");
        }
    }
    assert_eq!(parse(&log).unwrap().replay(3).0, log.rtmr[3]);
    log.events[1]["digest"] = json!("");
    assert_eq!(parse(&log), Err(Error::NoDigest { index: 1 }));
    let mut log = Log::default();
    log.runtime_v2("app-id", &APP_ID);
    log.events[0]["digest"] = json!("");
    assert_eq!(parse(&log), Err(Error::NoDigest { index: 0 }));
}

#[test]
fn a_payload_or_name_that_was_swapped() {
    let mismatch = |name: &str, index| Err(Error::DigestMismatch { index, name: name.to_owned() });
    let swapped = changed("compose-hash", |event| event["event_payload"] = json!("00".repeat(32)));
    assert_eq!(swapped, mismatch("compose-hash", 5));
    let renamed = changed("app-id", |event| event["event"] = json!("app-ie"));
    assert_eq!(renamed, mismatch("app-ie", 4));
    // The digest of another event of the same log.
    let other = hex(&v1("boot-mr-done", b""));
    let borrowed = changed("system-preparing", |event| event["digest"] = json!(other));
    assert_eq!(borrowed, mismatch("system-preparing", 3));
    // A V1 digest under a V2 event, and the other way round.
    let claimed = changed("app-id", |event| event["version"] = json!(2));
    assert!(matches!(claimed, Err(Error::PreimageMismatch { index: 4, .. })));
    let mut log = Log::default();
    log.runtime_v2("app-id", &APP_ID);
    log.events[0]["version"] = json!(1);
    assert_eq!(parse(&log), mismatch("app-id", 0));
}

#[test]
fn v2_events_show_what_was_hashed() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut log = Log::default();
        log.runtime_v2("app-id", &APP_ID);
        change(&mut log.events[0]);
        parse(&log).map(|_| ())
    };
    let bad = Err(Error::PreimageMismatch { index: 0, name: "app-id".to_owned() });
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(with(&|e| e["preimage"] = json!("00")), bad);
    assert_eq!(with(&|e| drop(e.as_object_mut().unwrap().remove("preimage"))), bad);
    assert_eq!(
        with(&|e| e["version"] = json!(3)),
        Err(Error::UnknownVersion { index: 0, version: 3 })
    );
    assert_eq!(
        with(&|e| e["version"] = json!(0)),
        Err(Error::UnknownVersion { index: 0, version: 0 })
    );
}

#[test]
fn events_of_the_guest_are_in_rtmr3_and_nothing_else_is() {
    let moved = |imr: u32| changed("app-id", |event| event["imr"] = json!(imr));
    for imr in 0..3 {
        let wrong = Error::WrongRegister { index: 4, imr, event_type: 0x0800_0001 };
        assert_eq!(moved(imr.into()), Err(wrong));
    }
    assert_eq!(moved(4), Err(Error::NoSuchRegister { index: 4, imr: 4 }));
    assert_eq!(moved(u32::MAX), Err(Error::NoSuchRegister { index: 4, imr: u32::MAX }));
    let foreign = changed("app-id", |event| event["event_type"] = json!(1));
    assert_eq!(foreign, Err(Error::WrongRegister { index: 4, imr: 3, event_type: 1 }));
}

const APP: (&str, &[u8]) = ("app-id", &APP_ID);
const COMPOSE: (&str, &[u8]) = ("compose-hash", &[2; 32]);
const READY: (&str, &[u8]) = ("system-ready", b"");

#[test]
fn what_must_be_said_once() {
    assert!(said(&[APP, COMPOSE]).is_ok_and(|identity| !identity.ready));
    assert!(said(&[APP, COMPOSE, READY, APP, COMPOSE, COMPOSE]).is_ok());
    assert_eq!(said(&[]), Err(Error::Missing { name: "app-id" }));
    assert_eq!(said(&[APP, READY, COMPOSE]), Err(Error::Missing { name: "compose-hash" }));
    assert_eq!(said(&[READY, APP, COMPOSE]), Err(Error::Missing { name: "app-id" }));
    assert_eq!(said(&[APP, APP, COMPOSE]), Err(Error::Duplicate { name: "app-id" }));
    assert_eq!(said(&[APP, COMPOSE, COMPOSE]), Err(Error::Duplicate { name: "compose-hash" }));
    for name in ["instance-id", "key-provider", "os-image-hash", "mr-kms"] {
        let twice = said(&[APP, COMPOSE, (name, &[1; 20]), (name, &[1; 20])]);
        assert_eq!(twice, Err(Error::Duplicate { name }));
    }
}

#[test]
fn what_comes_in_order() {
    assert_eq!(said(&[COMPOSE, APP]), Err(Error::OutOfOrder { name: "app-id" }));
    let late = said(&[APP, COMPOSE, ("boot-mr-done", b""), ("instance-id", &[1; 20])]);
    assert_eq!(late, Err(Error::OutOfOrder { name: "instance-id" }));
    let late = said(&[APP, COMPOSE, ("system-preparing", b"")]);
    assert_eq!(late, Err(Error::OutOfOrder { name: "system-preparing" }));
    // What may come several times may, and GPUs are measured at two places.
    let scripts = ("init-script-hash", &[1; 32][..]);
    assert!(said(&[APP, COMPOSE, scripts, scripts]).is_ok());
    let gpu = ("gpu-policy-hash", &[1; 32][..]);
    assert!(said(&[APP, COMPOSE, gpu, ("boot-mr-done", b""), gpu]).is_ok());
}

/// V1 digests do not say where a name ends: a payload with a colon in it can lend its beginning to the name.
#[test]
fn a_boot_that_hides_behind_other_names() {
    let mut hash = [b'a'; 32];
    hash[3] = b':';
    let mut honest = Log::default();
    honest.runtime("app-id", &APP_ID).runtime("compose-hash", &hash);
    honest.runtime("system-ready", b"");
    let mut cut = honest.clone();
    cut.events[1]["event"] = json!("compose-hash:aaa");
    cut.events[1]["event_payload"] = json!(hex(&hash[4..]));
    let cut = parse(&cut).unwrap();
    assert_eq!(cut.replay(3).0, honest.rtmr[3], "every digest is right");
    assert_eq!(cut.identity(), Err(Error::UnknownName { name: "compose-hash:aaa".to_owned() }));
    assert_eq!(parse(&honest).unwrap().identity().unwrap().compose_hash.0.0, hash);
}

#[test]
fn payloads_of_the_wrong_length() {
    let wrong = |name: &'static str, length: usize| {
        let payload = vec![1; length];
        let events = [APP, COMPOSE, (name, payload.as_slice())];
        let events = match name {
            "app-id" => vec![events[2], events[1]],
            "compose-hash" => vec![events[0], events[2]],
            _ => events.to_vec(),
        };
        assert_eq!(said(&events), Err(Error::PayloadLength { name, length }));
    };
    for length in [0, 19, 21, 32] {
        wrong("app-id", length);
    }
    for length in [0, 20, 31, 33] {
        wrong("compose-hash", length);
    }
    wrong("instance-id", 32);
    wrong("os-image-hash", 31);
    assert_eq!(said(&[APP, COMPOSE, ("instance-id", b"")]).unwrap().instance_id, None);
}

#[test]
fn key_providers() {
    let named = |json: &str| said(&[APP, COMPOSE, ("key-provider", json.as_bytes())]);
    assert_eq!(named(r#"{"name":"none","id":""}"#).unwrap().key_provider.unwrap().id.len(), 0);
    for bad in [
        "",
        "{}",
        r#"{"name":"KMS","id":""}"#,
        r#"{"name":"kms","id":"xx"}"#,
        r#"{"name":"kms","id":"ab","name":"none"}"#,
        r#"{"name":"kms"}"#,
    ] {
        assert!(matches!(named(bad), Err(Error::KeyProvider(_))), "{bad}");
    }
}

#[test]
fn what_is_no_log() {
    let deep = "[".repeat(100_000);
    let one = r#"{"imr":3,"event_type":134217729,"digest":"","event":"x","event_payload":""}"#;
    let doubled = one.replace("\"event\":\"x\"", "\"event\":\"x\",\"event\":\"y\"");
    let missing = one.replace("\"event\":\"x\",", "");
    for bad in [
        "",
        "null",
        "{}",
        "[1]",
        "[{}]",
        "[[]]",
        "[",
        &deep,
        &format!("[{doubled}]"),
        &format!("[{missing}]"),
    ] {
        let parsed = EventLog::parse(bad);
        assert!(matches!(parsed, Err(Error::Malformed(_))), "{bad:.40}");
    }
    assert_eq!(EventLog::parse("[]").unwrap().events().len(), 0);
    assert!(EventLog::parse(&format!("[{one}]")).is_ok());
    for (field, bad) in [
        ("digest", "ab"),
        ("digest", "zz"),
        ("digest", &"00".repeat(49)),
        ("event_payload", "abc"),
        ("event_payload", "zz"),
    ] {
        let log = one.replace(&format!("\"{field}\":\"\""), &format!("\"{field}\":\"{bad}\""));
        let parsed = EventLog::parse(&format!("[{log}]"));
        assert!(matches!(parsed, Err(Error::Encoding { index: 0, .. })), "{log}");
    }
    let many = vec![one; 4097].join(",");
    assert_eq!(EventLog::parse(&format!("[{many}]")), Err(Error::TooMany));
    let long = format!("[{}]", " ".repeat(1 << 20));
    assert_eq!(EventLog::parse(&long), Err(Error::TooLong { length: (1 << 20) + 2 }));
}
