//! Every row of the table both ways, on quotes of our own making.

mod hardware;
mod keys;
mod machine;

use crate::support::{
    log::{Log, hex},
    machine::{APP_ID, COMPOSE, KMS_ID, Machine, OS_IMAGE, World, boot, compose_hash},
    pki::{NOW, Options},
    ratls,
};
use alloy_primitives::keccak256;
use devproof_attestation::{
    CheckId as Id, Collateral, Concern, Evidence, KmsKeys,
    Outcome::{self, Fail, Inconclusive, NotEvaluated, Pass},
    Policy, Question, ReportData, TrustAnchor, Verdict,
    sigchain::SignatureChain,
    verify,
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// A world, and a question about a machine in it.
struct Case {
    world: World,
    machine: Machine,
    evidence: Option<Evidence>,
    with_collateral: bool,
    intel: bool,
    compose: Option<&'static [u8]>,
    report_data: Option<ReportData>,
    kms: KmsKeys,
    chain: Option<SignatureChain>,
    policy: Policy,
    now: u64,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            world: World::new(Options::default()),
            machine: Machine::default(),
            evidence: None,
            with_collateral: true,
            intel: false,
            compose: None,
            report_data: None,
            kms: KmsKeys::default(),
            chain: None,
            policy: Policy::default(),
            now: NOW,
        }
    }
}

impl Case {
    fn with(change: impl FnOnce(&mut Self)) -> Verdict {
        let mut case = Self::default();
        change(&mut case);
        case.verdict()
    }

    fn machine(change: impl FnOnce(&mut Machine)) -> Verdict {
        Self::with(|case| change(&mut case.machine))
    }

    fn pki(change: impl FnOnce(&mut Options)) -> Verdict {
        Self::pki_and_policy(change, "")
    }

    fn pki_and_policy(change: impl FnOnce(&mut Options), policy: &str) -> Verdict {
        let mut options = Options::default();
        change(&mut options);
        let policy = Policy::from_toml(policy).unwrap();
        Self::with(|case| {
            case.world = World::new(options);
            case.policy = policy;
        })
    }

    fn verdict(&self) -> Verdict {
        let made = || self.machine.evidence(&self.world.pki);
        verify(&Question {
            evidence: &self.evidence.clone().unwrap_or_else(made),
            now: self.now,
            root: if self.intel { &TrustAnchor::Intel } else { &self.world.root },
            collateral: self.with_collateral.then_some(&self.world.collateral),
            compose: self.compose,
            report_data: self.report_data.as_ref(),
            kms: &self.kms,
            chain: self.chain.as_ref(),
            policy: &self.policy,
        })
    }

    /// A policy that knows this machine's operating system and accepts its key provider.
    fn known(&self) -> String {
        let quote =
            devproof_attestation::TdxQuote::parse(self.machine.evidence(&self.world.pki).quote)
                .unwrap();
        let register = |n| quote.rtmr(n).unwrap();
        format!(
            "key-providers = [\"kms\"]\n[[os.measurements]]\nname = \"ours\"\nmrtd = \"{}\"\nrtmr0 = \"{}\"\nrtmr1 = \"{}\"\n\
             rtmr2 = \"{}\"\nos-image-hash = \"{}\"\n",
            quote.mrtd(),
            register(0),
            register(1),
            register(2),
            hex(&OS_IMAGE)
        )
    }
}

#[track_caller]
fn is(verdict: &Verdict, expected: &[(Id, Outcome)]) {
    for (id, result) in expected {
        let check = verdict.check(*id).unwrap();
        assert_eq!(check.result, *result, "{}: {}", id.name(), check.how);
    }
}

/// All rows but one are as they are for a machine with nothing wrong.
#[track_caller]
fn only(verdict: &Verdict, changed: &[(Id, Outcome)]) {
    let usual = |id| match id {
        Id::OsImage | Id::KeyProvider => Inconclusive,
        Id::OsImageAllowed
        | Id::AppRegistered
        | Id::KmsKeys
        | Id::ReportData
        | Id::IsAppAllowed
        | Id::KmsQuote
        | Id::Freshness
        | Id::Backends => NotEvaluated,
        _ => Pass,
    };
    for check in &verdict.checks {
        let expected = changed.iter().find(|(id, _)| *id == check.id);
        let expected = expected.map_or(usual(check.id), |(_, result)| *result);
        assert_eq!(check.result, expected, "{}: {}", check.id.name(), check.how);
    }
}

#[test]
fn a_machine_with_nothing_wrong() {
    let verdict = Case::default().verdict();
    only(&verdict, &[]);
    let ids: Vec<_> = verdict.checks.iter().map(|check| check.id).collect();
    assert_eq!(ids, Id::ALL);
    assert_eq!(verdict.overall, Inconclusive, "the operating system is not known");
    assert_eq!(verdict.decisive, [Id::OsImage, Id::KeyProvider]);
    assert!(!verdict.identity.proved);
    assert_eq!(verdict.warnings[0].id, Concern::OtherTrustAnchor);
    assert_eq!(verdict.check(Id::Tcb).unwrap().value.as_deref(), Some("UpToDate"));
    assert_eq!(verdict.identity.os_image_hash.unwrap().0, OS_IMAGE);
}

#[test]
fn a_machine_whose_operating_system_is_known() {
    let mut case = Case::default();
    case.policy = Policy::from_toml(&case.known()).unwrap();
    let verdict = case.verdict();
    only(&verdict, &[(Id::OsImage, Pass), (Id::KeyProvider, Pass)]);
    assert_eq!((verdict.overall, verdict.identity.proved), (Pass, true));
    // One register further and it is another operating system.
    case.machine.mrtd[0] ^= 1;
    let verdict = case.verdict();
    only(&verdict, &[(Id::OsImage, Fail), (Id::KeyProvider, Pass)]);
    assert_eq!((verdict.overall, verdict.identity.proved), (Fail, false));
}

#[test]
fn the_worst_row_that_the_policy_requires() {
    let overall = |policy: &str| {
        let policy = Policy::from_toml(policy).unwrap();
        Case::with(|case| {
            case.machine.app_compose = Some("{}".to_owned());
            case.policy = policy;
        })
        .overall
    };
    assert_eq!(overall(""), Fail);
    assert_eq!(overall("required = [\"hardware\", \"event_log\"]"), Pass);
    assert_eq!(overall("required = [\"hardware\", \"compose_preimage\"]"), Fail);
    assert_eq!(overall("required = [\"hardware\"]\nif-checked = [\"compose_preimage\"]"), Fail);
    assert_eq!(overall("required = [\"hardware\"]\nif-checked = [\"kms_keys\"]"), Pass);
    assert_eq!(overall("required = [\"hardware\", \"os_image\"]"), Inconclusive);
    assert_eq!(overall("required = [\"is_app_allowed\"]"), Inconclusive);
    assert_eq!(overall("required = [\"hardware\"]\nminimum-backends = 2"), Inconclusive);
    assert_eq!(overall("required = []"), Inconclusive);
}

#[test]
fn policies_that_make_no_sense() {
    for text in [
        "requried = []",
        "required = [\"hardwear\"]",
        "[tcb]\naccept = [\"uptodate\"]",
        "[tcb]\ngrace = 1",
        "[tcb]\ngrace-days = -1",
        "key-providers = [\"sgx\"]",
        "minimum-backends = 0",
        "[os]\nimages = [\"0x12\"]",
        "[[os.measurements]]\nmrtd = \"00\"",
        "= 1",
        "[a.b.c",
    ] {
        let error = Policy::from_toml(text).unwrap_err().to_string();
        assert!(!error.is_empty() && !error.contains('\n'), "{error}");
    }
    assert_eq!(Policy::from_toml("").unwrap(), Policy::default());
    assert!(Policy::from_toml(&"#".repeat(2 << 20)).is_err());
}

#[test]
fn the_document() {
    let verdict = serde_json::to_value(Case::default().verdict()).unwrap();
    assert_eq!(verdict["overall"], "inconclusive");
    let first = &verdict["checks"][0];
    assert_eq!(
        (&first["id"], &first["result"], &first["by"]),
        (&json!("hardware"), &json!("pass"), &json!("here"))
    );
    assert_eq!(verdict["identity"]["appId"], format!("0x{}", hex(&APP_ID)));
    assert_eq!(verdict["identity"]["composeHash"], format!("0x{}", hex(&compose_hash())));
    assert_eq!(verdict["identity"]["keyProvider"]["name"], "kms");
    assert_eq!(verdict["identity"]["proved"], false);
    assert_eq!(verdict["warnings"][0]["id"], "other_trust_anchor");
}
