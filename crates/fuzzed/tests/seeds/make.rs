//! Makes the seeds.

use crate::evidence::{
    encode,
    log::{Log, hex},
    machine::{APP_ID, Machine, World, known_system},
    pki::{NOW, Options},
    ratls,
};
use crate::outside;
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolError, SolEvent};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use devproof_attestation::TdxQuote;
use devproof_contracts::{bindings::AppAuth, stock};
use devproof_testkit::KmsKeys;
use serde_json::json;
use std::{fs, path::Path};

/// The document of a version with most of what is looked at in one.
const APP_COMPOSE: &str = r#"{"manifest_version":2,"name":"app","runner":"docker-compose","docker_compose_file":"services:\n  web:\n    image: ghcr.io/acme/web@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n    environment:\n      - KEY=${KEY:-none}\n    volumes: [\"/var/run/dstack.sock:/var/run/dstack.sock\"]\n","kms_enabled":true,"gateway_enabled":true,"public_logs":true,"public_sysinfo":true,"public_tcbinfo":true,"allowed_envs":["KEY"],"key_provider":"kms","key_provider_id":"","local_key_provider_enabled":false,"no_instance_id":false,"secure_time":true,"pre_launch_script":"echo ready\n"}"#;

const YAML: &str = "x-shared: &shared\n  restart: always\nservices:\n  web:\n    <<: *shared\n    image: acme/web:latest\n    \
                    build: {context: .}\n    environment: {A: '1', B: ${B}}\n    env_file: [.env]\n    volumes:\n      - type: bind\n        source: /\n        target: /host\n    \
                    privileged: true\n";

/// A PKI's quote with version 5 around it: the same signed body of TDX 1.0, its type and length named.
fn v5(quote: &[u8]) -> Vec<u8> {
    let mut out = vec![5, 0];
    out.extend(&quote[2..48]);
    out.extend([2, 0]);
    out.extend(584_u32.to_le_bytes());
    out.extend(&quote[48..632]);
    out
}

fn encoded<E: SolEvent>(event: &E) -> Vec<u8> {
    let log = event.encode_log_data();
    let mut out = vec![u8::try_from(log.topics().len()).unwrap()];
    out.extend(log.topics().iter().flat_map(|topic| topic.0));
    out.extend(log.data.iter());
    out
}

/// Writes all of them into a folder.
pub(crate) fn write(folder: &Path) {
    let put = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let world = World::new(Options::default());
    let pki = &world.pki;
    let machine = Machine::default();
    let mut signed = Vec::new();

    put("root.der", &pki.root_der);
    let collateral = pki.collateral();
    put("collateral.json", collateral.to_string().as_bytes());
    put("collateral/good.json", collateral.to_string().as_bytes());

    let quote = pki.quote(&machine.body());
    put("quote/v4", &quote);
    let body = machine.body();
    let five = pki.quote_of(&v5(&quote));
    put("quote/v5", &five);
    for quote in [&quote, &five] {
        signed.push(TdxQuote::parse(quote.clone()).unwrap().id());
    }
    put("evidence/quote.hex", format!("0x{}", hex(&quote)).as_bytes());
    put("evidence/quote.base64", BASE64_STANDARD.encode(&quote).as_bytes());

    let reply = |machine: &Machine| {
        let mut reply = machine.get_quote(pki);
        reply["quote"] = json!(hex(&quote));
        reply
    };
    put("evidence/get_quote.json", reply(&machine).to_string().as_bytes());
    let mut bundle = reply(&machine);
    bundle["collateral"] = collateral.clone();
    bundle["time"] = json!(NOW);
    bundle.as_object_mut().unwrap().remove("app_compose");
    put("evidence/bundle.json", bundle.to_string().as_bytes());
    let instance = json!({"quote": hex(&body), "eventlog": machine.log.events, "image_version": "dstack-0.5.4"});
    let phala = json!({"app_id": hex(&APP_ID), "contract_address": "0x00", "kms_info": {"version": "v0.5.4"},
        "instances": [instance, instance, {"quote": null, "eventlog": null, "image_version": null}]});
    put("evidence/phala.json", phala.to_string().as_bytes());

    let mut certified = machine.clone();
    let chain = ratls::issue(&mut certified, pki, ratls::Options::default());
    put("evidence/chain.pem", chain.pem().as_bytes());
    put("certificates/chain.pem", chain.pem().as_bytes());
    put("certificates/ca.pem", [chain.app_ca.as_str(), &chain.kms_ca].concat().as_bytes());
    put("certificates/root.der", &pki.root_der);
    let leaf = devproof_attestation::Evidence::read(chain.pem().as_bytes()).unwrap().remove(0);
    signed.push(TdxQuote::parse(leaf.quote).unwrap().id());

    // Quotes are signed with a new key each time, but what is signed is the same.
    put("attestation/scale", &encode::scale(&machine, pki));
    put("attestation/msgpack", &encode::msgpack(&machine, pki, "tdx"));

    put("event_log/v1.json", machine.log.json().as_bytes());
    let mut log = Log::default();
    log.firmware(0, 1, [1; 48]).runtime_v2("app-id", &APP_ID).runtime_v2("compose-hash", &[7; 32]);
    log.runtime_v2("system-ready", b"").runtime("ours", b"later");
    put("event_log/v2.json", log.json().as_bytes());

    let keys = KmsKeys::new("seeds").unwrap();
    let links = keys.chain(Address::from(APP_ID), "signing").unwrap();
    put(
        "sigchain/good.json",
        json!({"app_id": hex(&APP_ID), "purpose": "signing", "app_pubkey": links.app_key, "derived_pubkey": links.derived_key,
            "app_signature": links.app_signature, "kms_signature": links.kms_signature})
        .to_string()
        .as_bytes(),
    );
    put("sigchain/key", &keys.root_key());

    let report_data = hex(&machine.report_data);
    let details = |verified: bool| {
        json!({"quote_verified": true, "event_log_verified": true, "os_image_hash_verified": verified, "os_image_is_dev": false,
            "os_image_version": "0.5.4", "tcb_status": "UpToDate", "advisory_ids": [], "report_data": report_data,
            "key_provider": null, "app_info": null, "boot_info": null})
    };
    let replies = [
        ("valid", json!({"is_valid": true, "details": details(true), "reason": null})),
        (
            "os_image",
            json!({"is_valid": false, "details": details(false), "reason": "OS image hash verification failed: it is another"}),
        ),
        (
            "down",
            json!({"is_valid": false, "details": details(false), "reason": "Internal error: error sending request for url"}),
        ),
        (
            "phala",
            json!({"quote": {"verified": true, "body": {"reportdata": format!("0x{report_data}"), "mrconfig": "0x"}}}),
        ),
        ("lie", json!({"success": true, "quote": {"verified": false}, "message": "ok"})),
    ];
    for (name, reply) in replies {
        put(&format!("replies/{name}"), format!("\n{reply}").as_bytes());
        put(&format!("replies/{name}_500"), format!("!{reply}").as_bytes());
    }

    let known = known_system(&machine.evidence(pki), [5; 32]);
    put("texts/measurements.toml", known.as_bytes());
    put(
        "texts/policy.toml",
        b"required = [\"hardware\", \"tcb\"]\nif-checked = [\"mr_config_id\"]\nkey-providers = [\"kms\"]\nminimum-backends = 2\n[tcb]\n\
          accept = [\"UpToDate\", \"OutOfDate\"]\ngrace-days = 30\nreject-advisories = [\"INTEL-SA-00828\"]\nminimum-evaluation = 18\n[platform]\n\
          allow-dynamic = true\nallow-cached-keys = true\nallow-smt = false\n[os]\nimages = [\"0x0505050505050505050505050505050505050505050505050505050505050505\"]\n",
    );
    put("texts/report_data", b"app-data:c0ffee");
    put("texts/ratls", b"ratls:3059301306072a8648ce3d0201");

    put("compose/app-compose.json", APP_COMPOSE.as_bytes());
    let quoted = serde_json::to_string(YAML).unwrap();
    put(
        "compose/more.json",
        format!("{{\"docker_compose_file\":{quoted},\"init_script\":\"true\"}}").as_bytes(),
    );
    put("yaml/compose.yaml", YAML.as_bytes());
    put(
        "yaml/plain.yaml",
        b"services: {web: {image: 'a:b', ports: ['80:80'], command: [sh, -c, \"true\"]}}\n",
    );

    let tcb_info = json!({"mrtd": "4d", "app_compose": APP_COMPOSE, "compose_hash": hex(&[7; 32]), "event_log": []});
    let info = json!({"app_id": hex(&APP_ID), "app_name": "app", "tcb_info": tcb_info.to_string(), "app_cert": ""});
    put("reports/info.json", info.to_string().as_bytes());
    let escaped = APP_COMPOSE.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    put(
        "reports/page.html",
        format!("<!DOCTYPE html>\n<html><body><h1>App</h1><pre>{escaped}</pre></body></html>")
            .as_bytes(),
    );
    let statement = json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{"name": "web", "digest": {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}],
        "predicate": {"buildDefinition": {"resolvedDependencies": [{"uri": "git+https://example.org/acme/web",
        "digest": {"gitCommit": "0123456789abcdef0123456789abcdef01234567"}}]}}});
    put("reports/provenance.json", statement.to_string().as_bytes());

    let hash = B256::repeat_byte(7);
    put("logs/added", &encoded(&stock::DstackApp::ComposeHashAdded { composeHash: hash }));
    put(
        "logs/proposed",
        &encoded(&AppAuth::ComposeHashProposed {
            composeHash: hash,
            ripeAt: alloy_primitives::aliases::U48::from(NOW),
            expiresAt: alloy_primitives::aliases::U48::from(NOW + 1),
            sourceDigest: hash,
            uri: "https://example.org/source".to_owned(),
        }),
    );
    put(
        "logs/history",
        &encoded(&AppAuth::HistoryExtended {
            root: hash,
            kind: 1,
            value: hash,
            actor: Address::repeat_byte(1),
        }),
    );
    put(
        "logs/registered",
        &encoded(&stock::DstackKms::AppRegistered { appId: Address::repeat_byte(2) }),
    );
    put("logs/revert", &alloy_sol_types::Revert::from("Compose hash not allowed").abi_encode());
    put("logs/panic", &alloy_sol_types::Panic { code: U256::from(0x11) }.abi_encode());

    for (name, seed) in outside::seeds(&collateral, &reply(&machine), APP_COMPOSE) {
        put(&name, &seed);
    }

    signed.sort_unstable();
    let lines: Vec<_> = signed.iter().map(|id| format!("{id}\n")).collect();
    put("signed.txt", lines.concat().as_bytes());
}
