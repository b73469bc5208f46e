//! Nothing foreign makes anything panic.

use crate::support::{
    data, encode,
    machine::{KMS_ID, Machine, World, boot},
    pki::{NOW, Options},
};
use devproof_attestation::{
    CertificateChain, Collateral, EventLog, Evidence, KmsKeys, MrConfigId, Outcome, Policy,
    Question, ReportData, TdxQuote, TrustAnchor, sigchain::SignatureChain, verify,
};
use proptest::{prelude::*, sample::Index};
use std::sync::LazyLock;

static WORLD: LazyLock<World> = LazyLock::new(|| World::new(Options::default()));

/// Documents to start from: ours, and recorded ones where there are.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let machine = Machine::default();
    let mut seeds = vec![
        machine.get_quote(&WORLD.pki).to_string().into_bytes(),
        WORLD.pki.quote(&machine.body()),
        encode::scale(&machine, &WORLD.pki),
        encode::msgpack(&machine, &WORLD.pki, "tdx"),
        boot("kms", KMS_ID).json().into_bytes(),
        WORLD.pki.collateral().to_string().into_bytes(),
        WORLD.pki.root_pem().as_bytes().to_vec(),
        br#"{"app_id":"00","purpose":"x","app_pubkey":"","derived_pubkey":"","app_signature":"","kms_signature":""}"#.to_vec(),
        b"required = [\"hardware\"]\n[tcb]\naccept = [\"UpToDate\"]\ngrace-days = 3\n".to_vec(),
    ];
    for name in [
        "dstack-quote-report.json",
        "tc2-app.json",
        "collateral-90c06f-2026-02.json",
        "sigchain-prod7.json",
    ] {
        seeds.extend(data::text(name).map(String::into_bytes));
    }
    seeds
});

/// Some bytes changed, doubled, cut out or cut off.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<Index>(), any::<Index>(), any::<u8>(), 0..5_u8);
    (any::<Index>(), prop::collection::vec(edit, 1..8)).prop_map(|(seed, edits)| {
        let mut bytes = SEEDS[seed.index(SEEDS.len())].clone();
        for (from, to, byte, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let (a, b) = (from.index(bytes.len()), to.index(bytes.len()));
            let (a, b) = (a.min(b), a.max(b));
            match kind {
                0 => bytes[a] = byte,
                1 => bytes[a] ^= 1 << (byte % 8),
                2 => drop(bytes.drain(a..b.min(a + 64))),
                3 => {
                    let again = bytes[a..b.min(a + 64)].to_vec();
                    bytes.splice(a..a, again);
                }
                _ => bytes.truncate(b),
            }
        }
        bytes
    })
}

fn feed(bytes: &[u8]) {
    let none = KmsKeys { ca: Some(bytes.to_vec().into()), k256: Some(bytes.to_vec().into()) };
    let policy = Policy::default();
    for evidence in Evidence::read(bytes).unwrap_or_default() {
        let verdict = verify(&Question {
            evidence: &evidence,
            now: NOW,
            root: &WORLD.root,
            collateral: Some(&WORLD.collateral),
            compose: Some(bytes),
            report_data: None,
            kms: &none,
            chain: None,
            policy: &policy,
        });
        assert_ne!(verdict.overall, Outcome::Pass);
        serde_json::to_string(&verdict).unwrap();
    }
    let _ = TdxQuote::parse(bytes.to_vec());
    let _ = TrustAnchor::read(bytes);
    let _ = CertificateChain::from_der(&[bytes.to_vec()]);
    if let Some(field) = bytes.first_chunk() {
        let _ = MrConfigId::read(field);
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(log) = EventLog::parse(&text) {
        let _ = log.identity();
    }
    let _ = Collateral::parse(&text);
    let _ = CertificateChain::from_pem(&text).map(|chain| chain.check(NOW));
    let _ = Policy::from_toml(&text);
    let _ = text.parse::<ReportData>();
    let root = alloy_primitives::Address::repeat_byte(1);
    let _ = SignatureChain::parse(&text).map(|chain| chain.verify(root));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_documents(bytes in mutated()) {
        feed(&bytes);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000), start in 0..8_usize) {
        let starts: [&[u8]; 8] =
            [b"", b"{", b"[", b"\x00\x00", b"\x83\xa7version\x01", b"0x", b"\x04\x00\x02\x00\x81\x00\x00\x00", b"\x30\x82"];
        feed(&[starts[start], &bytes].concat());
    }

    /// Every event log that is honest replays, whatever the app emits after its boot.
    #[test]
    fn honest_logs(events in prop::collection::vec(("[ -~]{0,20}", prop::collection::vec(any::<u8>(), 0..40), any::<bool>()), 0..20)) {
        let mut log = boot("kms", KMS_ID);
        for (name, payload, v2) in &events {
            if *v2 { log.runtime_v2(name, payload) } else { log.runtime(name, payload) };
        }
        let parsed = EventLog::parse(&log.json()).unwrap();
        prop_assert_eq!(parsed.replay(3).0, log.rtmr[3]);
        prop_assert!(parsed.identity().is_ok());
    }
}
