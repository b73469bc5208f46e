//! Evidence in all its forms, and what is none.

use crate::support::{
    encode,
    log::hex,
    machine::{COMPOSE, Machine, World},
    pki::{NOW, Options},
};
use devproof_attestation::{
    CheckId as Id, EventLogError, Evidence, EvidenceError as Error, Form, KmsKeys, Outcome, Policy,
    Question, limits, verify,
};
use serde_json::{Value, json};

fn read(document: impl AsRef<[u8]>) -> Result<Evidence, Error> {
    let mut all = Evidence::read(document.as_ref())?;
    assert_eq!(all.len(), 1);
    Ok(all.remove(0))
}

/// Every form says the same about the same machine.
#[test]
fn every_form_of_the_same() {
    let world = World::new(Options::default());
    let machine = Machine { report_data: [0x77; 64], ..Machine::default() };
    let pki = &world.pki;
    let reply = machine.get_quote(pki);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut reply = reply.clone();
        change(&mut reply);
        reply.to_string().into_bytes()
    };
    let log: Value = serde_json::from_str(&machine.log.json()).unwrap();
    let scale = encode::scale(&machine, pki);
    let msgpack = encode::msgpack(&machine, pki, "tdx");
    let quote = alloy_primitives::hex::decode(reply["quote"].as_str().unwrap()).unwrap();
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &quote);
    let forms: [(Form, Vec<u8>); 14] = [
        (Form::GetQuote, with(&|_| ())),
        (Form::GetQuote, with(&|r| r["quote"] = json!(format!("0x{}", r["quote"].as_str().unwrap())))),
        (Form::GetQuote, with(&|r| r["quote"] = json!(base64))),
        (Form::GetQuote, with(&|r| r["event_log"] = log.clone())),
        (Form::GetQuote, with(&|r| {
            r["eventlog"] = r["event_log"].take();
            r.as_object_mut().unwrap().remove("event_log");
        })),
        (Form::GetQuote, with(&|r| r["vm_config"] = json!({"os_image_hash": "05".repeat(32)}))),
        (Form::GetQuote, with(&|r| {
            r.as_object_mut().unwrap().remove("app_compose");
            r["tcb_info"] = json!(json!({"app_compose": COMPOSE, "mrtd": "00"}).to_string());
        })),
        (Form::Bundle, with(&|r| {
            r["collateral"] = world.pki.collateral();
            r["time"] = json!(NOW);
        })),
        (Form::Attestation, scale.clone()),
        (Form::Attestation, msgpack.clone()),
        (Form::Attestation, hex(&msgpack).into_bytes()),
        (Form::Attestation, json!({"attestation": hex(&scale)}).to_string().into_bytes()),
        (Form::Attestation, json!({"attestation": format!("0x{}", hex(&msgpack)), "app_compose": COMPOSE}).to_string().into_bytes()),
        (Form::PhalaCloud, json!({"app_id": "a1", "instances": [{"quote": reply["quote"], "eventlog": reply["event_log"],
            "vm_config": reply["vm_config"], "image_version": "x"}]}).to_string().into_bytes()),
    ];
    for (n, (form, document)) in forms.into_iter().enumerate() {
        let evidence = read(&document).unwrap_or_else(|e| panic!("form {n}: {e}"));
        assert_eq!(evidence.form, form, "form {n}");
        let verdict = verify(&Question {
            evidence: &evidence,
            now: NOW,
            root: &world.root,
            collateral: Some(evidence.collateral.as_ref().unwrap_or(&world.collateral)),
            compose: None,
            report_data: None,
            kms: &KmsKeys::default(),
            chain: None,
            policy: &Policy::default(),
        });
        for id in [Id::Hardware, Id::EventLog, Id::AppId, Id::ComposeHash, Id::MrConfigId] {
            let check = verdict.check(id).unwrap();
            assert_eq!(check.result, Outcome::Pass, "form {n}: {}: {}", id.name(), check.how);
        }
        assert_eq!(verdict.identity.os_image_hash.unwrap().0, [5; 32], "form {n}");
    }
}

#[test]
fn several_instances() {
    let world = World::new(Options::default());
    let quote = machine_quote(&world);
    let reply = json!({"instances": [{"quote": quote, "eventlog": "[]"}, {"quote": null}, {"quote": quote}]});
    let all = Evidence::read(reply.to_string().as_bytes()).unwrap();
    let places: Vec<_> = all.iter().map(|evidence| evidence.instance).collect();
    assert_eq!(places, [Some(0), Some(2)]);
    assert!(all[1].event_log.is_none());
    let stopped = json!({"instances": [{"quote": null, "eventlog": null}]}).to_string();
    assert_eq!(Evidence::read(stopped.as_bytes()).unwrap_err(), Error::NoQuote);
    let many = json!({"instances": vec![json!({"quote": "00"}); 257]}).to_string();
    assert_eq!(Evidence::read(many.as_bytes()).unwrap_err(), Error::TooManyInstances);
}

fn machine_quote(world: &World) -> String {
    hex(&world.pki.quote(&Machine::default().body()))
}

#[test]
fn what_is_no_evidence() {
    for (document, error) in [
        (vec![], Error::Empty),
        (b" \n".to_vec(), Error::Empty),
        (b"0x".to_vec(), Error::Empty),
        (b"{}".to_vec(), Error::NoQuote),
        (b"{\"quote\":null}".to_vec(), Error::NoQuote),
        (b"hello, world".to_vec(), Error::Unknown),
        (b"[1,2]".to_vec(), Error::Unknown),
        (b"\xff\xfe".to_vec(), Error::Unknown),
        (vec![b' '; limits::DOCUMENT + 1], Error::TooLong),
        (vec![4; 10 << 20], Error::TooLong),
    ] {
        assert_eq!(
            read(&document).unwrap_err(),
            error,
            "{:?}",
            String::from_utf8_lossy(&document[..document.len().min(20)])
        );
    }
    for document in
        ["{\"quote\":1}", "{\"quote\":\"00\",\"quote\":\"01\"}", "{", "{\"quote\":[4,0]}"]
    {
        assert!(matches!(read(document), Err(Error::Json(_))), "{document}");
    }
    for document in ["{\"quote\":\"\"}", "{\"quote\":\"0\"}", "{\"quote\":\"\u{e9}\"}", "040"] {
        assert!(matches!(read(document), Err(Error::Encoding(_))), "{document}");
    }
    let deep = format!("{{\"quote\":{}", "[".repeat(100_000));
    assert!(matches!(read(deep), Err(Error::Json(_))));
    // Nested as deep as it likes where nobody looks.
    let skipped =
        format!("{{\"quote\":\"00\",\"x\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(read(skipped).is_ok());
    assert!(matches!(
        read("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"),
        Err(Error::Certificate(_))
    ));
    assert!(matches!(read("-----BEGIN CERTIFICATE-----\nAA"), Err(Error::Certificate(_))));
}

/// Both spellings of a field are the same field.
#[test]
fn a_log_that_is_there_twice() {
    let twice = r#"{"quote":"00","event_log":"[]","eventlog":"[]"}"#;
    assert!(matches!(read(twice), Err(Error::Json(_))));
}

#[test]
fn a_log_that_is_none_is_for_the_table_to_say() {
    for (log, too_long) in [
        (json!("[{}]"), false),
        (json!({}), false),
        (json!("not json"), false),
        (json!(" ".repeat((1 << 20) + 1)), false),
        (json!(" ".repeat(3 << 20)), true),
    ] {
        let evidence = read(json!({"quote": "00", "event_log": log}).to_string()).unwrap();
        let error = evidence.event_log.unwrap().unwrap_err();
        assert_eq!(matches!(error, EventLogError::TooLong { .. }), too_long, "{error}");
    }
}

#[test]
fn a_log_that_is_not_there() {
    for log in [json!(null), json!("")] {
        let evidence = read(json!({"quote": "00", "event_log": log}).to_string()).unwrap();
        assert!(evidence.event_log.is_none());
    }
}

#[test]
fn parts_that_are_too_long() {
    let long = |n: usize| "x".repeat(n + 1);
    for (field, max) in [
        ("vm_config", limits::VM_CONFIG),
        ("mr_config", limits::VM_CONFIG),
        ("app_compose", limits::APP_COMPOSE),
    ] {
        let mut document = json!({"quote": "00"});
        document[field] = json!(long(max));
        let error = read(document.to_string()).unwrap_err();
        assert!(matches!(error, Error::PartTooLong { max: m, .. } if m == max), "{error}");
    }
}

#[test]
fn binary_attestations_that_do_not_fit_together() {
    let world = World::new(Options::default());
    let machine = Machine::default();
    let pki = &world.pki;
    for bytes in [encode::scale(&machine, pki), encode::msgpack(&machine, pki, "tdx")] {
        for cut in [1, 2, 3, 100, 5000, bytes.len() - 1] {
            assert!(matches!(read(&bytes[..cut]), Err(Error::Attestation(_))), "{cut}");
        }
        let trailing = [&bytes[..], &[0]].concat();
        assert!(matches!(read(trailing), Err(Error::Attestation(_))));
    }
    let platform = read(encode::msgpack(&machine, pki, "sev-snp"));
    assert_eq!(platform.unwrap_err(), Error::Platform("sev-snp".to_owned()));
    assert_eq!(read([0, 3, 0, 0xff]).unwrap_err(), Error::Platform("sev-snp".to_owned()));

    // Report data beside the quote that is not the quote's.
    let mut other = encode::scale(&machine, pki);
    let at = other.windows(64).rposition(|w| w == [0x77; 64]).unwrap();
    other[at] ^= 1;
    assert!(matches!(read(other), Err(Error::Attestation(_))));

    // Events of the guest that are not those of the log: two readers would see two machines.
    let mut other = encode::scale(&machine, pki);
    let at = other.windows(6).rposition(|w| w == b"app-id").unwrap();
    other[at + 8] ^= 1;
    let log = read(other).unwrap().event_log.unwrap();
    assert!(matches!(log, Err(EventLogError::Malformed(_))));
}

#[test]
fn an_attestation_that_says_something_twice() {
    let world = World::new(Options::default());
    let one = encode::msgpack(&Machine::default(), &world.pki, "tdx");
    // One entry more, at the end: a second version.
    let twice = [&[0x84], &one[1..], b"\xa7version\x01"].concat();
    let error = read(twice).unwrap_err();
    assert_eq!(error, Error::Attestation("it says something twice".to_owned()));
    let other = [&[0x84], &one[1..], b"\xa7another\x01"].concat();
    assert!(read(other).is_ok());
}

/// Lengths that promise more than there is reserve no memory for it.
#[test]
fn lengths_that_lie() {
    let huge = [
        vec![0, 0, 0xfe, 0xff, 0xff, 0xff],
        vec![0, 0, 0x03, 0xff, 0xff, 0xff, 0xff],
        vec![0, 0, 0, 0xfe, 0xff, 0xff, 0xff],
        vec![0xdf, 0xff, 0xff, 0xff, 0xff],
        vec![0x81, 0xa1, b'a', 0xdd, 0xff, 0xff, 0xff, 0xff],
        vec![0x81, 0xa1, b'a', 0xc6, 0xff, 0xff, 0xff, 0xff],
        vec![0x81, 0xdb, 0xff, 0xff, 0xff, 0xff],
        [vec![0x81, 0xa1, b'a'], vec![0x91; 100_000]].concat(),
        [vec![0x81, 0xa1, b'a', 0xdd, 0x7f, 0xff, 0xff, 0xff], vec![0; 3 << 20]].concat(),
    ];
    for bytes in huge {
        assert!(matches!(read(&bytes), Err(Error::Attestation(_))), "{:?}", &bytes[..6]);
    }
}
