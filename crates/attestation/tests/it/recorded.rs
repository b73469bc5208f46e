//! Recorded evidence of real machines. Its outcomes are known, from other verifiers.

use crate::support::data;
use devproof_attestation::{
    CertificateChain, CheckId, Collateral, Concern, Evidence, KmsKeys, Outcome, Policy, Question,
    ReportData, TdxQuote, TrustAnchor, Verdict, device_id, verify, verify_quote,
};

/// A time within the collateral of February 2026.
const FEBRUARY: u64 = 1_771_500_000;
const COLLATERAL: &str = "collateral-90c06f-2026-02.json";

struct Recorded {
    evidence: Evidence,
    collateral: Option<Collateral>,
    kms: KmsKeys,
    compose: Option<String>,
    report_data: Option<ReportData>,
    policy: Policy,
    now: u64,
}

impl Recorded {
    fn new(name: &str, collateral: Option<&str>, now: u64) -> Option<Self> {
        let evidence = Evidence::read(data::text(name)?.as_bytes()).unwrap().remove(0);
        Some(Self::of(evidence, collateral, now))
    }

    fn of(evidence: Evidence, collateral: Option<&str>, now: u64) -> Self {
        let collateral =
            collateral.map(|name| Collateral::parse(&data::text(name).unwrap()).unwrap());
        Self {
            evidence,
            collateral,
            kms: KmsKeys::default(),
            compose: None,
            report_data: None,
            policy: Policy::default(),
            now,
        }
    }

    fn verdict(&self) -> Verdict {
        verify(&Question {
            evidence: &self.evidence,
            now: self.now,
            root: &TrustAnchor::Intel,
            collateral: self.collateral.as_ref(),
            compose: self.compose.as_ref().map(String::as_bytes),
            report_data: self.report_data.as_ref(),
            kms: &self.kms,
            chain: None,
            policy: &self.policy,
        })
    }
}

#[track_caller]
fn rows(verdict: &Verdict, expected: &[(CheckId, Outcome)]) {
    for (id, result) in expected {
        let check = verdict.check(*id).unwrap();
        assert_eq!(check.result, *result, "{}: {}", id.name(), check.how);
    }
}

use CheckId as Id;
use Outcome::{Fail, Inconclusive, NotEvaluated, Pass};

#[test]
fn an_app_with_keys_of_an_enclave() {
    let Some(recorded) = Recorded::new("dstack-quote-report.json", Some(COLLATERAL), FEBRUARY)
    else {
        return;
    };
    let verdict = recorded.verdict();
    rows(
        &verdict,
        &[
            (Id::Hardware, Pass),
            (Id::Collateral, Pass),
            (Id::Tcb, Pass),
            (Id::TdAttributes, Pass),
            (Id::Platform, Pass),
            (Id::EventLog, Pass),
            (Id::OsImage, Inconclusive),
            (Id::OsImageAllowed, NotEvaluated),
            (Id::AppId, Pass),
            (Id::ComposePreimage, NotEvaluated),
            (Id::ComposeHash, Pass),
            (Id::MrConfigId, NotEvaluated),
            (Id::KeyProvider, Inconclusive),
            (Id::KmsKeys, NotEvaluated),
            (Id::ReportData, NotEvaluated),
        ],
    );
    assert_eq!(verdict.overall, Inconclusive);
    assert_eq!(verdict.check(Id::Tcb).unwrap().value.as_deref(), Some("UpToDate"));
    assert_eq!(
        verdict.check(Id::Platform).unwrap().value.as_deref(),
        Some("dynamicPlatform=yes cachedKeys=yes smt=yes")
    );
    let identity = &verdict.identity;
    assert_eq!(
        identity.app_id.unwrap().to_string().to_lowercase(),
        "0x3763bc34552cf3a27ff71ad5f7a90471562a1a2d"
    );
    assert_eq!(
        identity.compose_hash.unwrap().to_string(),
        "0x3763bc34552cf3a27ff71ad5f7a90471562a1a2df552dfc1998cba2d60da27e7"
    );
    assert!(!identity.proved);
    assert_eq!(verdict.warnings[0].id, Concern::LocalKeys);
}

#[test]
fn the_same_with_what_it_was_made_for() {
    let Some(mut recorded) = Recorded::new("dstack-quote-report.json", Some(COLLATERAL), FEBRUARY)
    else {
        return;
    };
    for (said, result) in [("1234", Pass), ("0x1234", Pass), ("1235", Fail), ("sha256:1234", Fail)]
    {
        recorded.report_data = Some(said.parse().unwrap());
        rows(&recorded.verdict(), &[(Id::ReportData, result)]);
    }
}

#[test]
fn a_log_without_digests_at_a_time_without_collateral() {
    for (collateral, now) in [(None, FEBRUARY), (Some(COLLATERAL), 1_790_000_000)] {
        let Some(recorded) = Recorded::new("dstack-tdx-lite.json", collateral, now) else { return };
        let verdict = recorded.verdict();
        rows(
            &verdict,
            &[
                (Id::Hardware, Inconclusive),
                (Id::Collateral, Inconclusive),
                (Id::Tcb, Inconclusive),
                (Id::Platform, Inconclusive),
                (Id::EventLog, Pass),
                (Id::MrConfigId, Pass),
                (Id::KeyProvider, Inconclusive),
            ],
        );
        assert_eq!(verdict.overall, Inconclusive);
        let warnings: Vec<_> = verdict.warnings.iter().map(|w| w.id).collect();
        assert_eq!(warnings, [Concern::OtherOsImage]);
    }
}

#[test]
fn a_production_set_is_out_of_date() {
    for (name, has_compose) in
        [("tc2-kms.json", true), ("tc2-gateway.json", true), ("tc2-app.json", false)]
    {
        let Some(mut recorded) = Recorded::new(name, Some(COLLATERAL), FEBRUARY) else { return };
        let verdict = recorded.verdict();
        rows(
            &verdict,
            &[
                (Id::Hardware, Pass),
                (Id::Collateral, Pass),
                (Id::Tcb, Fail),
                (Id::EventLog, Pass),
                (Id::MrConfigId, Pass),
                (Id::ComposePreimage, if has_compose { Pass } else { NotEvaluated }),
            ],
        );
        let tcb = verdict.check(Id::Tcb).unwrap();
        assert_eq!(tcb.value.as_deref(), Some("OutOfDate"));
        assert_eq!(tcb.details["advisories"].as_array().unwrap().len(), 5);
        assert_eq!(verdict.overall, Fail);
        // Accepted for as long as the policy says, counted from the date of the level.
        let lenient = |days| {
            let text =
                format!("[tcb]\naccept = [\"UpToDate\", \"OutOfDate\"]\ngrace-days = {days}");
            Policy::from_toml(&text).unwrap()
        };
        recorded.policy = lenient(10_000);
        rows(&recorded.verdict(), &[(Id::Tcb, Pass)]);
        recorded.policy = lenient(30);
        rows(&recorded.verdict(), &[(Id::Tcb, Fail)]);
        if has_compose {
            recorded.compose = Some("{}".to_owned());
            rows(&recorded.verdict(), &[(Id::ComposePreimage, Fail)]);
        }
    }
}

/// The published record shows a KMS's quote beside keys that this quote does not commit to: it was made for something
/// else, so the keys rest on the record's word. (Quotes of our own that do commit are in `table`.)
#[test]
fn a_kms_whose_quote_was_made_for_something_else() {
    let Some(mut recorded) = Recorded::new("tc2-kms.json", Some(COLLATERAL), FEBRUARY) else {
        return;
    };
    let main = &data::json("tc2-kms.json").unwrap()["main"];
    let key = |name: &str| Some(main[name].as_str().unwrap().parse().unwrap());
    recorded.kms = KmsKeys { ca: key("cert_pubkey"), k256: key("wallet_pubkey") };
    let verdict = recorded.verdict();
    rows(&verdict, &[(Id::KmsKeys, NotEvaluated), (Id::KeyProvider, Inconclusive)]);
    assert_eq!(verdict.warnings[0].id, Concern::LocalKeys);
    assert_eq!(verdict.identity.instance_id, None);
}

#[test]
fn certificates_show_that_the_kms_vouches() {
    let Some(app) = data::json("tc2-app.json") else { return };
    let pem = app["main"]["app_cert"].as_str().unwrap();
    let evidence = Evidence::read(pem.as_bytes()).unwrap().remove(0);
    assert_eq!(evidence.form.name(), "ra_tls");
    let mut recorded = Recorded::of(evidence, Some(COLLATERAL), FEBRUARY);
    let verdict = recorded.verdict();
    // Nobody said which KMS: the certificates hold together, and that is all.
    rows(
        &verdict,
        &[
            (Id::Hardware, Pass),
            (Id::EventLog, Pass),
            (Id::OsImage, Inconclusive),
            (Id::KeyProvider, Inconclusive),
            (Id::KmsKeys, Inconclusive),
            (Id::ReportData, Pass),
        ],
    );
    assert!(!verdict.identity.proved);

    let kms = data::json("tc2-kms.json").unwrap();
    let ca = kms["main"]["cert_pubkey"].as_str().unwrap().parse().unwrap();
    recorded.kms.ca = Some(ca);
    let verdict = recorded.verdict();
    rows(
        &verdict,
        &[
            (Id::OsImage, Pass),
            (Id::AppId, Pass),
            (Id::KeyProvider, Pass),
            (Id::KmsKeys, Pass),
            (Id::ReportData, Pass),
        ],
    );
    assert!(verdict.identity.proved, "whatever the TCB status: that is another row");
    assert_eq!(verdict.overall, Fail, "it is out of date");

    // Another quote in the place of the one that commits to the certificate's key.
    let other = data::json("tc2-gateway.json").unwrap();
    let swapped = serde_json::json!({"quote": other["quote"], "event_log": other["event_log"], "app_cert": pem});
    recorded.evidence = Evidence::read(swapped.to_string().as_bytes()).unwrap().remove(0);
    let verdict = recorded.verdict();
    rows(&verdict, &[(Id::OsImage, Inconclusive), (Id::KmsKeys, Fail), (Id::AppId, Fail)]);
    assert!(!verdict.identity.proved);
}

#[test]
fn a_certificate_of_somebody_else_holds_no_quote() {
    let Some(gateway) = data::json("tc2-gateway.json") else { return };
    let pem = gateway["main"]["app_cert"].as_str().unwrap();
    assert!(Evidence::read(pem.as_bytes()).is_err());
    let chain = CertificateChain::from_pem(pem).unwrap();
    assert_eq!(chain.app_id(), Ok(None));
    assert!(chain.check(FEBRUARY).is_err(), "not of dstack's kind");
}

#[test]
fn a_bare_quote_says_nothing_about_the_app() {
    let collateral = "collateral-b0c06f-2025-06.json";
    let Some(recorded) = Recorded::new("qvl-tdx-v4.json", Some(collateral), 1_750_410_000) else {
        return;
    };
    let verdict = recorded.verdict();
    rows(
        &verdict,
        &[
            (Id::Hardware, Pass),
            (Id::Tcb, Pass),
            (Id::EventLog, NotEvaluated),
            (Id::AppId, NotEvaluated),
            (Id::ComposeHash, NotEvaluated),
            (Id::KeyProvider, NotEvaluated),
        ],
    );
    assert_eq!(verdict.overall, Inconclusive);
    assert_eq!(verdict.identity.app_id, None);
    // The same bytes in every form in which a bare quote comes.
    let quote = data::json("qvl-tdx-v4.json").unwrap()["quote"].as_str().unwrap().to_owned();
    let bytes = alloy_primitives::hex::decode(&quote).unwrap();
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes);
    for document in [
        quote.clone().into_bytes(),
        format!("0x{}\n", quote.to_uppercase()).into_bytes(),
        base64.into_bytes(),
        bytes.clone(),
    ] {
        let read = Evidence::read(&document).unwrap().remove(0);
        assert_eq!((read.form.name(), read.quote), ("quote", bytes.clone()));
    }
}

#[test]
fn collateral_of_another_platform_or_time_says_nothing_about_the_quote() {
    let old = "collateral-b0c06f-2025-06.json";
    for (collateral, now) in [
        (old, 1_750_410_000),
        (COLLATERAL, FEBRUARY + 40 * 86_400),
        (COLLATERAL, FEBRUARY - 40 * 86_400),
        (COLLATERAL, 0),
        (COLLATERAL, u64::MAX),
    ] {
        let Some(recorded) = Recorded::new("dstack-quote-report.json", Some(collateral), now)
        else {
            return;
        };
        rows(&recorded.verdict(), &[(Id::Hardware, Inconclusive), (Id::Collateral, Inconclusive)]);
    }
}

#[test]
fn no_bit_of_what_is_signed_can_change() {
    let Some(recorded) = Recorded::new("dstack-quote-report.json", Some(COLLATERAL), FEBRUARY)
    else {
        return;
    };
    let collateral = recorded.collateral.as_ref().unwrap();
    let id = TdxQuote::parse(recorded.evidence.quote.clone()).unwrap().id();
    for at in (0..recorded.evidence.quote.len()).step_by(7) {
        let mut bytes = recorded.evidence.quote.clone();
        bytes[at] ^= 1 << (at % 8);
        let Ok(quote) = TdxQuote::parse(bytes) else { continue };
        let verified = verify_quote(&quote, collateral, FEBRUARY, &TrustAnchor::Intel);
        // Behind the signed part there is padding that nobody looks at: another quote in bytes, the same statement.
        assert!(verified.is_err() || quote.id() == id, "byte {at}");
        assert_eq!(quote.id() == id, at >= 632, "byte {at}");
    }
}

#[test]
fn real_claims() {
    let Some(recorded) = Recorded::new("dstack-quote-report.json", Some(COLLATERAL), FEBRUARY)
    else {
        return;
    };
    let quote = TdxQuote::parse(recorded.evidence.quote.clone()).unwrap();
    let collateral = recorded.collateral.as_ref().unwrap();
    let claims = verify_quote(&quote, collateral, FEBRUARY, &TrustAnchor::Intel).unwrap();
    assert_eq!(quote.fmspc(), Some([0x90, 0xc0, 0x6f, 0, 0, 0]));
    assert_eq!(claims.fmspc, [0x90, 0xc0, 0x6f, 0, 0, 0]);
    assert_eq!(claims.ppid.len(), 16);
    assert_ne!(device_id(&claims.ppid), device_id(&[]));
    assert_eq!(collateral.fmspc(), Some("90C06F000000"));
    assert_eq!(collateral.evaluation_data_number(), Some(claims.evaluation));
}
