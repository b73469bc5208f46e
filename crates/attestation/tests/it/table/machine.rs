//! Rows about what a machine booted and says of itself.

use super::*;

#[test]
fn images_that_are_accepted_and_images_that_are_not() {
    let mut case = Case::default();
    let known = case.known();
    let accepts = |image: [u8; 32]| format!("\n[os]\nimages = [\"{}\"]\n", hex(&image));
    for (policy, result) in [
        (accepts(OS_IMAGE), Inconclusive),
        (accepts([9; 32]), Fail),
        (known.replace("[[os", &format!("{}[[os", accepts(OS_IMAGE))), Pass),
        (known.replace("[[os", &format!("{}[[os", accepts([9; 32]))), Fail),
    ] {
        case.policy = Policy::from_toml(&policy).unwrap();
        is(&case.verdict(), &[(Id::OsImageAllowed, result)]);
    }
    case.policy = Policy::from_toml(&accepts(OS_IMAGE)).unwrap();
    case.machine.vm_config = None;
    case.machine.log = Log::default();
    is(&case.verdict(), &[(Id::OsImageAllowed, Inconclusive), (Id::EventLog, Fail)]);
}

/// Rows that stand on the event log, when it is not the quote's.
const UNPROVEN: [(Id, Outcome); 6] = [
    (Id::EventLog, Fail),
    (Id::AppId, Inconclusive),
    (Id::ComposePreimage, Inconclusive),
    (Id::ComposeHash, Inconclusive),
    (Id::MrConfigId, NotEvaluated),
    (Id::KeyProvider, Inconclusive),
];

#[test]
fn every_register_has_to_add_up() {
    for n in 0..4 {
        let verdict = Case::machine(|m| m.log.rtmr[n][0] ^= 1);
        only(&verdict, &UNPROVEN);
        let how = &verdict.check(Id::EventLog).unwrap().how;
        assert!(how.contains(&format!("RTMR{n}")), "{how}");
        assert_eq!(verdict.identity.app_id, None, "a log of another machine names no app");
    }
}

#[test]
fn a_log_without_the_events_of_the_firmware() {
    let stripped = |m: &mut Machine| m.log.events.retain(|event| event["imr"] == 3);
    only(&Case::machine(stripped), &[]);
    // But not without some of them.
    let verdict = Case::machine(|m| {
        m.log.events.remove(0);
    });
    only(&verdict, &UNPROVEN);
    // And RTMR3 still has to add up.
    let verdict = Case::machine(|m| {
        stripped(m);
        m.log.rtmr[3][0] ^= 1;
    });
    only(&verdict, &UNPROVEN);
}

#[test]
fn no_event_log() {
    let mut case = Case::default();
    let mut evidence = case.machine.evidence(&case.world.pki);
    evidence.event_log = None;
    case.evidence = Some(evidence);
    let verdict = case.verdict();
    let expected = UNPROVEN.map(|(id, _)| (id, NotEvaluated));
    only(
        &verdict,
        &[&expected[..2], &[(Id::ComposePreimage, Inconclusive)], &expected[3..]].concat(),
    );
    // The quote itself says what the host says it booted.
    assert_eq!(verdict.identity.compose_hash.unwrap().0.0, compose_hash());
    assert!(!verdict.identity.proved);
}

#[test]
fn the_compose_file_that_is_shown() {
    only(&Case::machine(|m| m.app_compose = None), &[(Id::ComposePreimage, NotEvaluated)]);
    let reserialised = serde_json::from_str::<serde_json::Value>(COMPOSE).unwrap().to_string();
    for other in [String::new(), "{}".to_owned(), format!("{COMPOSE}\n"), reserialised] {
        let verdict = Case::machine(|m| m.app_compose = Some(other));
        only(&verdict, &[(Id::ComposePreimage, Fail)]);
    }
    let shown = |bytes| Case::with(|case| case.compose = Some(bytes));
    only(&shown(COMPOSE.as_bytes()), &[]);
    // One that is right does not make up for one that is wrong.
    only(&shown(b"{}"), &[(Id::ComposePreimage, Fail)]);
}

fn config(version: u8, value: [u8; 32]) -> [u8; 48] {
    let mut field = [0; 48];
    field[0] = version;
    field[1..33].copy_from_slice(&value);
    field
}

#[test]
fn what_the_host_says_it_booted() {
    let says = |field| Case::machine(|m| m.mr_config_id = field);
    only(&says([0; 48]), &[(Id::MrConfigId, NotEvaluated)]);
    only(&says(config(1, [7; 32])), &[(Id::MrConfigId, Fail)]);
    only(&says(config(4, [7; 32])), &[(Id::MrConfigId, Fail)]);
    let mut trailing = config(1, compose_hash());
    trailing[47] = 1;
    only(&says(trailing), &[(Id::MrConfigId, Fail)]);

    let provider = alloy_primitives::hex::decode(KMS_ID).unwrap();
    let v2 =
        |kind: u8, app: &[u8]| keccak256([&compose_hash(), app, &[kind], &provider].concat()).0;
    only(&says(config(2, v2(2, &APP_ID))), &[]);
    only(&says(config(2, v2(1, &APP_ID))), &[(Id::MrConfigId, Fail)]);
    only(&says(config(2, v2(2, &[1; 20]))), &[(Id::MrConfigId, Fail)]);
}

#[test]
fn what_the_host_says_in_a_document() {
    let document = |app: &[u8], compose: &[u8]| {
        json!({"version": 3, "app_id": hex(app), "compose_hash": hex(compose), "key_provider": "kms"})
            .to_string()
    };
    let measured = |document: &str| {
        let hash = Sha256::digest([b"dstack-mr-config-v3:\0", document.as_bytes()].concat());
        config(3, hash.into())
    };
    let case = |said: &str, shown: Option<&str>| {
        Case::machine(|m| {
            m.mr_config_id = measured(said);
            let config = json!({"os_image_hash": hex(&OS_IMAGE), "mr_config": shown});
            m.vm_config = Some(config.to_string());
        })
    };
    let right = document(&APP_ID, &compose_hash());
    only(&case(&right, Some(&right)), &[]);
    only(&case(&right, None), &[(Id::MrConfigId, Inconclusive)]);
    only(&case(&right, Some(&right.replace(',', ", "))), &[(Id::MrConfigId, Fail)]);
    for wrong in [
        document(&[1; 20], &compose_hash()),
        document(&APP_ID, &[1; 32]),
        right.replace("\"version\":3", "\"version\":2"),
        "{}".to_owned(),
    ] {
        only(&case(&wrong, Some(&wrong)), &[(Id::MrConfigId, Fail)]);
    }
}

#[test]
fn what_is_no_quote() {
    for quote in [vec![], vec![4, 0, 2, 0], vec![4; 700], vec![0; 20_000]] {
        let mut case = Case::default();
        let mut evidence = case.machine.evidence(&case.world.pki);
        evidence.quote = quote;
        case.evidence = Some(evidence);
        let verdict = case.verdict();
        assert_eq!(verdict.overall, Fail);
        assert_eq!(verdict.check(Id::Hardware).unwrap().result, Fail);
        let rest = verdict.checks.iter().filter(|check| check.id != Id::Hardware);
        assert!(rest.into_iter().all(|check| check.result == NotEvaluated));
    }
}

#[test]
fn names_that_mean_something_only_during_boot() {
    let verdict = Case::machine(|m| {
        m.log.runtime("compose-hash", &[9; 32]).runtime("mine", b"x");
    });
    only(&verdict, &[]);
    assert_eq!(verdict.identity.compose_hash.unwrap().0.0, compose_hash());
    assert_eq!(verdict.warnings[1].id, Concern::LookalikeEvents);
}

/// What a KMS was told when it was asked for keys: nothing that came behind that is in it.
#[test]
fn what_a_kms_is_told() {
    let at_boot = Case::default().verdict().boot_info.unwrap();
    assert_eq!(at_boot.app_id.0, APP_ID);
    assert_eq!((at_boot.compose_hash.0, at_boot.os_image_hash.0), (compose_hash(), OS_IMAGE));
    assert_eq!(at_boot.device_id.0, <[u8; 32]>::from(Sha256::digest([0x11; 16])));
    assert_eq!((at_boot.tcb_status.as_str(), at_boot.advisory_ids.len()), ("UpToDate", 0));
    let later = Case::machine(|machine| {
        machine.log.runtime("of-the-app", b"x");
    });
    assert_eq!(later.boot_info.unwrap(), at_boot);
    let mut measured = vec![0x4d; 48];
    let log = log_until_keys(Log::default());
    measured.extend(log.rtmr.concat());
    let mut config = [0; 48];
    config[0] = 1;
    config[1..33].copy_from_slice(&compose_hash());
    measured.extend(config);
    measured.extend([0; 96]);
    assert_eq!(at_boot.mr_aggregated.0, <[u8; 32]>::from(Sha256::digest(&measured)));
    let unproved = Case::machine(|machine| machine.log.rtmr[3][0] ^= 1);
    assert_eq!(unproved.boot_info, None, "a log that is not the quote's tells nothing");
    assert_eq!(Case::with(|case| case.with_collateral = false).boot_info, None);
}

fn log_until_keys(mut log: Log) -> Log {
    log.firmware(0, 1, [1; 48]).firmware(1, 2, [2; 48]).firmware(2, 6, [3; 48]);
    log.runtime("system-preparing", b"")
        .runtime("app-id", &APP_ID)
        .runtime("compose-hash", &compose_hash())
        .runtime("instance-id", &[0x15; 20])
        .runtime("boot-mr-done", b"");
    log
}
