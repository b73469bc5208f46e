//! Evidence, and everything in it.

use alloy_primitives::{Address, B256};
use devproof_attestation::{
    CertificateChain, CheckId, Collateral, EventLog, Evidence, KmsKeys, MrConfigId, Outcome,
    Policy, Question, TdxQuote, TrustAnchor, Verdict,
    backend::{Backend, DstackVerifier, PhalaCloud, Reply, Transport, combine},
    mr_aggregated, mr_system,
    sigchain::{SignatureChain, address_of, warning},
    verify, verify_quote,
};
use std::sync::LazyLock;

/// What the seeds were signed with and when, and the quotes that were: written together with them.
const ROOT: &[u8] = include_bytes!("../../../fuzz/seeds/root.der");
const COLLATERAL: &str = include_str!("../../../fuzz/seeds/collateral.json");
const SIGNED: &str = include_str!("../../../fuzz/seeds/signed.txt");
const QUOTE: &[u8] = include_bytes!("../../../fuzz/seeds/quote/v4");
const EVIDENCE: &[u8] = include_bytes!("../../../fuzz/seeds/evidence/get_quote.json");
/// A time at which all of it is valid: 2026-03-01.
const NOW: u64 = 1_772_323_200;

struct World {
    root: TrustAnchor,
    collateral: Option<Collateral>,
    quote: Option<TdxQuote>,
    evidence: Option<Evidence>,
    policy: Policy,
}

static WORLD: LazyLock<World> = LazyLock::new(|| World {
    root: TrustAnchor::read(ROOT).unwrap_or(TrustAnchor::Intel),
    collateral: Collateral::parse(COLLATERAL).ok(),
    quote: TdxQuote::parse(QUOTE.to_vec()).ok(),
    evidence: Evidence::read(EVIDENCE).ok().and_then(|mut all| all.pop()),
    policy: Policy::default(),
});

/// What is judged here of the evidence of the seeds, which other verifiers are asked about.
static VERDICT: LazyLock<Option<Verdict>> = LazyLock::new(|| WORLD.evidence.as_ref().map(verdict));

/// Whether a quote with this identity was signed when the seeds were made.
fn was_signed(id: B256) -> bool {
    SIGNED.lines().any(|line| line.parse() == Ok(id))
}

fn verdict(evidence: &Evidence) -> Verdict {
    let world = &*WORLD;
    verify(&Question {
        evidence,
        now: NOW,
        root: &world.root,
        collateral: evidence.collateral.as_ref().or(world.collateral.as_ref()),
        compose: None,
        report_data: None,
        kms: &KmsKeys::default(),
        chain: None,
        policy: &world.policy,
    })
}

fn judged(evidence: &Evidence) {
    let verdict = verdict(evidence);
    // No fuzzer signs, and nothing shows which operating system it is.
    assert_ne!(verdict.overall, Outcome::Pass, "an unknown system passes");
    assert!(!verdict.identity.proved, "an unknown system proves who it is");
    let hardware = verdict.check(CheckId::Hardware).map(|row| row.result);
    if hardware == Some(Outcome::Pass) {
        assert!(verdict.quote.is_some_and(was_signed), "a quote that nobody signed verifies");
    }
    // What is said is said in JSON.
    assert!(serde_json::to_vec(&verdict).is_ok(), "a verdict cannot be written");
}

/// Any document, up to the whole table.
pub(crate) fn evidence(document: &[u8]) {
    for evidence in Evidence::read(document).unwrap_or_default() {
        judged(&evidence);
    }
}

/// The two binary encodings, which a document of text hardly ever becomes.
pub(crate) fn binary(document: &[u8]) {
    for first in [0, 0x83] {
        let mut document = document.to_vec();
        if let Some(byte) = document.first_mut() {
            *byte = first;
        }
        evidence(&document);
    }
}

/// Event logs, as JSON.
pub(crate) fn event_log(bytes: &[u8]) {
    let Ok(json) = std::str::from_utf8(bytes) else { return };
    if let Ok(log) = EventLog::parse(json) {
        let _ = (log.identity(), log.replay_boot(), log.is_stripped());
        for imr in 0..=4 {
            let _ = log.replay(imr);
        }
    }
}

/// Bytes as a quote, of each version, with the collateral of the seeds.
pub(crate) fn quote(bytes: &[u8]) {
    let Ok(quote) = TdxQuote::parse(bytes.to_vec()) else { return };
    let _ = (quote.fmspc(), quote.mr_service_td(), mr_aggregated(&quote), mr_system(&quote, None));
    let _ = MrConfigId::read(quote.mr_config_id());
    if let Some(collateral) = &WORLD.collateral
        && verify_quote(&quote, collateral, NOW, &WORLD.root).is_ok()
    {
        assert!(was_signed(quote.id()), "a quote that nobody signed verifies");
    }
}

/// Collateral, as JSON, for the quote of the seeds.
pub(crate) fn collateral(bytes: &[u8]) {
    let Ok(json) = std::str::from_utf8(bytes) else { return };
    let Ok(collateral) = Collateral::parse(json) else { return };
    let _ = (collateral.fmspc(), collateral.evaluation_data_number());
    if let Some(quote) = &WORLD.quote {
        let _ = verify_quote(quote, &collateral, NOW, &WORLD.root);
    }
}

/// Chains of certificates, PEM and DER.
pub(crate) fn certificates(bytes: &[u8]) {
    let _ = TrustAnchor::read(bytes);
    let chains = [
        CertificateChain::from_der(&[bytes.to_vec()]),
        CertificateChain::from_pem(&String::from_utf8_lossy(bytes)),
    ];
    for chain in chains.into_iter().flatten() {
        let _ = (chain.quote(), chain.event_log(), chain.attestation(), chain.app_id());
        let _ = (chain.leads_to(&chain.last_key(), NOW), chain.check(NOW), chain.leaf_key());
        assert!(chain.leads_to(bytes, NOW).is_err(), "a chain leads to bytes that are no key");
    }
}

/// Chains of signatures, as JSON.
pub(crate) fn sigchain(bytes: &[u8]) {
    let _ = address_of(bytes);
    let Ok(json) = std::str::from_utf8(bytes) else { return };
    if let Ok(chain) = SignatureChain::parse(json) {
        let verified = chain.verify(Address::repeat_byte(1));
        assert!(verified.is_err(), "a chain leads to a root that signed nothing");
        let _ = (chain.calldata(), warning(Address::repeat_byte(1)));
    }
}

/// A service that answers with these bytes, whatever it is asked.
struct Says<'a>(u16, &'a [u8]);

impl Transport for Says<'_> {
    fn post(&self, _: &str, _: &str) -> Result<Reply, String> {
        Ok(Reply { status: self.0, body: self.1.to_vec() })
    }
}

/// What other verifiers reply: the first byte says whether with 200, the rest is the body.
pub(crate) fn replies(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let Some(evidence) = &WORLD.evidence else { return };
    let Some(verdict) = &*VERDICT else { return };
    let status = if *first == b'!' { 500 } else { 200 };
    let backends: [&dyn Backend; 2] =
        [&DstackVerifier::new("https://a.example"), &PhalaCloud::new("https://b.example")];
    for backend in backends {
        let opinion = backend.ask(&Says(status, body), evidence);
        if status != 200 {
            let says = opinion.checks.iter().any(|row| row.result != Outcome::Inconclusive);
            assert!(!says, "an error is taken for an answer");
        }
        let combined = combine(verdict.clone(), &[opinion], &WORLD.policy);
        assert!(serde_json::to_vec(&combined).is_ok(), "a verdict cannot be written");
    }
}
