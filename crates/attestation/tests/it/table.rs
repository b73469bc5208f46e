//! Every row of the table both ways, on quotes of our own making.

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
        | Id::IsAppAllowed => NotEvaluated,
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

#[test]
fn without_collateral_nothing_is_verified() {
    let verdict = Case::with(|case| case.with_collateral = false);
    let open = [Id::Hardware, Id::Collateral, Id::Tcb, Id::Platform];
    only(&verdict, &open.map(|id| (id, Inconclusive)));
    assert_eq!(verdict.overall, Inconclusive);
    // Also if all the policy wants is that the hardware is genuine.
    let verdict = Case::with(|case| {
        case.with_collateral = false;
        case.policy = Policy::from_toml("required = [\"hardware\"]").unwrap();
    });
    assert_eq!(verdict.overall, Inconclusive);
}

#[test]
fn collateral_of_another_time_platform_or_root() {
    let open = [Id::Hardware, Id::Collateral, Id::Tcb, Id::Platform];
    let open = open.map(|id| (id, Inconclusive));
    only(&Case::with(|case| case.now += 60 * 86_400), &open);
    only(&Case::with(|case| case.now -= 60 * 86_400), &open);
    only(&Case::with(|case| case.now = 0), &open);
    only(&Case::pki(|o| o.fmspc = [1; 6]), &open);
    only(&Case::pki(|o| o.lowest_svn = 3), &open);
    // Under Intel's root this collateral is worth nothing, whoever made the quote.
    let verdict = Case::with(|case| case.intel = true);
    only(&verdict, &open);
    assert_eq!(verdict.warnings, []);
}

#[test]
fn a_quote_of_another_pki_is_a_forgery() {
    let mut case = Case::default();
    case.evidence = Some(case.machine.evidence(&World::new(Options::default()).pki));
    let verdict = case.verdict();
    only(
        &verdict,
        &[
            (Id::Hardware, Fail),
            (Id::Collateral, Inconclusive),
            (Id::Tcb, Inconclusive),
            (Id::Platform, Inconclusive),
        ],
    );
    assert_eq!(verdict.overall, Fail);
}

/// Services put the chain of the quote they were asked about into the collateral; another quote must not be held
/// against that.
#[test]
fn collateral_that_was_fetched_for_another_quote() {
    let mut case = Case::default();
    let other = World::new(Options::default());
    let mut collateral = case.world.pki.collateral();
    collateral["pck_certificate_chain"] = json!(other.pki.pck_chain());
    case.world.collateral = Collateral::parse(&collateral.to_string()).unwrap();
    only(&case.verdict(), &[]);
}

#[test]
fn a_quote_that_was_changed_is_a_forgery() {
    for at in [50, 200, 400, 600, 640, 700, 900] {
        let mut case = Case::default();
        let mut evidence = case.machine.evidence(&case.world.pki);
        evidence.quote[at] ^= 1;
        case.evidence = Some(evidence);
        is(&case.verdict(), &[(Id::Hardware, Fail)]);
    }
}

#[test]
fn a_platform_whose_keys_were_revoked() {
    let policy = "[tcb]\naccept = [\"UpToDate\", \"OutOfDate\", \"SWHardeningNeeded\"]";
    for verdict in [
        Case::pki_and_policy(|o| o.pck_revoked = true, policy),
        Case::pki_and_policy(|o| o.status = "Revoked", policy),
    ] {
        is(&verdict, &[(Id::Hardware, Fail), (Id::Tcb, Fail)]);
        assert_eq!(verdict.check(Id::Tcb).unwrap().value.as_deref(), Some("Revoked"));
    }
    assert!(Policy::from_toml("[tcb]\naccept = [\"Revoked\"]").is_err());
}

#[test]
fn statuses_that_the_policy_accepts_and_for_how_long() {
    for status in ["SWHardeningNeeded", "ConfigurationNeeded", "OutOfDate"] {
        let verdict = Case::pki(|o| o.status = status);
        only(&verdict, &[(Id::Tcb, Fail)]);
        assert_eq!(verdict.check(Id::Tcb).unwrap().value.as_deref(), Some(status));
        assert_eq!(verdict.overall, Fail);
    }
    // The level is 59 days old.
    let out_of_date = |days: &str| {
        let policy = format!("[tcb]\naccept = [\"OutOfDate\"]\n{days}");
        Case::pki_and_policy(|o| o.status = "OutOfDate", &policy)
    };
    is(&out_of_date("grace-days = 59"), &[(Id::Tcb, Pass)]);
    is(&out_of_date("grace-days = 58"), &[(Id::Tcb, Fail)]);
    is(&out_of_date(""), &[(Id::Tcb, Fail)]);
    // The quoting enclave's age counts as well.
    let enclave = |days| {
        let policy = format!("[tcb]\naccept = [\"OutOfDate\"]\ngrace-days = {days}");
        Case::pki_and_policy(|o| o.qe_status = "OutOfDate", &policy)
    };
    is(&enclave(59), &[(Id::Tcb, Pass)]);
    is(&enclave(58), &[(Id::Tcb, Fail)]);
    // A status that is not out of date has no age.
    let policy = "[tcb]\naccept = [\"SWHardeningNeeded\"]";
    is(&Case::pki_and_policy(|o| o.status = "SWHardeningNeeded", policy), &[(Id::Tcb, Pass)]);
}

#[test]
fn advisories_and_evaluations() {
    let advised =
        |policy: &str| Case::pki_and_policy(|o| o.advisories = vec!["INTEL-SA-1"], policy);
    is(&advised(""), &[(Id::Tcb, Pass)]);
    let verdict = advised("[tcb]\nreject-advisories = [\"intel-sa-1\"]");
    is(&verdict, &[(Id::Tcb, Fail)]);
    assert_eq!(verdict.check(Id::Tcb).unwrap().details["advisories"], json!(["INTEL-SA-1"]));
    let minimum =
        |n: u32| Case::pki_and_policy(|_| {}, &format!("[tcb]\nminimum-evaluation = {n}"));
    is(&minimum(20), &[(Id::Collateral, Pass)]);
    is(&minimum(21), &[(Id::Collateral, Fail)]);
}

#[test]
fn flags_of_the_platform() {
    let verdict = |flags, policy: &str| Case::pki_and_policy(|o| o.flags = flags, policy);
    let strict = "[platform]\nallow-dynamic = false\nallow-cached-keys = false\nallow-smt = false";
    for (n, flag) in
        [[true, false, false], [false, true, false], [false, false, true]].into_iter().enumerate()
    {
        only(&verdict(Some(flag), ""), &[]);
        let verdict = verdict(Some(flag), strict);
        only(&verdict, &[(Id::Platform, Fail)]);
        let name = ["dynamicPlatform", "cachedKeys", "smt"][n];
        assert_eq!(verdict.check(Id::Platform).unwrap().details[name], "yes");
    }
    only(&verdict(Some([false; 3]), strict), &[]);
    only(&verdict(None, strict), &[]);
}

#[test]
fn attributes_of_the_machine() {
    let usual = 1 << 28;
    for (attributes, hardware, result) in [
        (usual | 1, Pass, Fail),
        (usual | 1 << 4, Pass, Fail),
        (usual | 1 << 29, Fail, Fail),
        (usual | 1 << 1, Fail, Fail),
        (usual | 1 << 40, Fail, Fail),
        (0, Fail, Fail),
        (usual | 1 << 63 | 1 << 30, Pass, Pass),
        (usual | 1 << 20, Pass, Pass),
    ] {
        let verdict = Case::machine(|m| m.td_attributes = attributes);
        is(&verdict, &[(Id::Hardware, hardware), (Id::TdAttributes, result)]);
        assert!(!verdict.identity.proved);
    }
    let verdict = Case::machine(|m| m.mr_signer_seam[0] = 1);
    is(&verdict, &[(Id::Hardware, Fail), (Id::TdAttributes, Fail)]);
}

#[test]
fn a_debugged_machine_proves_nothing_about_itself() {
    let mut case = Case::default();
    case.machine.td_attributes |= 1;
    case.policy = Policy::from_toml(&case.known()).unwrap();
    let verdict = case.verdict();
    is(&verdict, &[(Id::Hardware, Pass), (Id::OsImage, Pass), (Id::AppId, Pass)]);
    assert_eq!((verdict.overall, verdict.identity.proved), (Fail, false));
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
fn who_gives_the_keys() {
    let named = |key: &str, policy: &str| {
        let key = key.parse().unwrap();
        let policy = Policy::from_toml(policy).unwrap();
        Case::with(|case| {
            case.kms.ca = Some(key);
            case.policy = policy;
        })
    };
    only(&named(KMS_ID, ""), &[(Id::KeyProvider, Pass)]);
    only(&named("3059", ""), &[(Id::KeyProvider, Fail)]);
    only(&named("3059", "key-providers = [\"kms\"]"), &[(Id::KeyProvider, Fail)]);
    for kind in ["local-sgx", "tpm", "none"] {
        let provided = |policy: &str| {
            let policy = Policy::from_toml(policy).unwrap();
            Case::with(|case| {
                case.machine.log = boot(kind, "ab");
                case.policy = policy;
            })
        };
        let verdict = provided("");
        only(&verdict, &[(Id::KeyProvider, Inconclusive)]);
        let warned = verdict.warnings.iter().any(|w| w.id == Concern::LocalKeys);
        assert_eq!(warned, kind == "local-sgx");
        only(&provided("key-providers = [\"kms\"]"), &[(Id::KeyProvider, Fail)]);
        let accepted = format!("key-providers = [\"{kind}\"]");
        only(&provided(&accepted), &[(Id::KeyProvider, Pass)]);
    }
}

#[test]
fn what_the_quote_was_made_for() {
    let asked = |text: &str| {
        let declared = text.parse().unwrap();
        Case::with(|case| case.report_data = Some(declared))
    };
    only(&asked(&"77".repeat(64)), &[(Id::ReportData, Pass)]);
    only(&asked(&"77".repeat(63)), &[(Id::ReportData, Fail)]);
    only(&asked(""), &[(Id::ReportData, Fail)]);
    assert!("77".repeat(65).parse::<ReportData>().is_err());
    assert!("md5:77".parse::<ReportData>().is_err());
    for scheme in ["app-data", "sha256", "sha384", "sha3-256", "sha3-512", "keccak256", "keccak512"]
    {
        let text = format!("{scheme}:c0ffee");
        let made = text.parse::<ReportData>().unwrap().bytes().unwrap().0;
        let verdict = Case::with(|case| {
            case.machine.report_data = made;
            case.report_data = Some(text.parse().unwrap());
        });
        only(&verdict, &[(Id::ReportData, Pass)]);
        only(&asked(&text), &[(Id::ReportData, Fail)]);
    }
}

#[test]
fn a_kms_that_commits_to_its_keys() {
    let (ca, k256) = (vec![1; 91].into(), vec![2; 33].into());
    let declared = ReportData::KmsKeys { ca, k256 }.bytes().unwrap().0;
    let keys = KmsKeys { ca: Some(vec![1; 91].into()), k256: Some(vec![2; 33].into()) };
    let verdict = Case::with(|case| {
        case.machine.report_data = declared;
        case.kms = keys.clone();
    });
    is(&verdict, &[(Id::KmsKeys, Pass)]);
    is(&Case::with(|case| case.kms = keys), &[(Id::KmsKeys, NotEvaluated)]);
}

/// A chain of keys of an app, and the key of the root that issued it.
fn keys_of(app: [u8; 20]) -> (SignatureChain, Vec<u8>) {
    use k256::ecdsa::SigningKey;
    let secret = |n: u8| SigningKey::from_slice(&[n; 32]).unwrap();
    let public = |key: &SigningKey| key.verifying_key().to_encoded_point(true).as_bytes().to_vec();
    let sign = |key: &SigningKey, message: Vec<u8>| {
        let (rs, id) = key.sign_prehash_recoverable(keccak256(message).as_slice()).unwrap();
        [&rs.to_bytes()[..], &[id.to_byte()]].concat().into()
    };
    let (root, app_key, derived) = (secret(1), secret(2), public(&secret(3)));
    let issued = [b"dstack-kms-issued:", &app[..], &public(&app_key)].concat();
    let chain = SignatureChain {
        app_id: app.into(),
        purpose: "p".to_owned(),
        app_key: public(&app_key).into(),
        app_signature: sign(&app_key, format!("p:{}", hex(&derived)).into_bytes()),
        kms_signature: sign(&root, issued),
        derived_key: derived.into(),
    };
    (chain, public(&root))
}

#[test]
fn a_chain_of_keys() {
    let with = |app: [u8; 20], root: Option<Vec<u8>>, change: &dyn Fn(&mut SignatureChain)| {
        let (mut chain, key) = keys_of(app);
        change(&mut chain);
        let verdict = Case::with(|case| {
            case.chain = Some(chain);
            case.kms.k256 = Some(root.unwrap_or(key).into());
        });
        // Whoever holds an app's keys: it does not show that this machine does.
        is(&verdict, &[(Id::OsImage, Inconclusive)]);
        verdict.check(Id::KmsKeys).unwrap().result
    };
    assert_eq!(with(APP_ID, None, &|_| {}), Pass);
    assert_eq!(with([9; 20], None, &|_| {}), Fail);
    assert_eq!(with(APP_ID, None, &|c| c.purpose.clear()), Fail);
    assert_eq!(with(APP_ID, Some(vec![2; 32]), &|_| {}), Fail);
    assert_eq!(with(APP_ID, Some([&[2][..], &[5; 32]].concat()), &|_| {}), Fail);
}

/// A case about certificates, with the KMS named that issued them (or another one).
fn certified(options: ratls::Options, change: impl FnOnce(&mut ratls::Certificates)) -> Case {
    let mut case = Case::default();
    let mut made = ratls::issue(&mut case.machine, &case.world.pki, options);
    change(&mut made);
    case.kms.ca = Some(made.ca_key.clone().into());
    case.evidence = Some(Evidence::read(made.pem().as_bytes()).unwrap().remove(0));
    case
}

#[test]
fn certificates_of_a_kms() {
    let verdict = certified(ratls::Options::default(), |_| {}).verdict();
    is(
        &verdict,
        &[
            (Id::Hardware, Pass),
            (Id::EventLog, Pass),
            (Id::OsImage, Pass),
            (Id::AppId, Pass),
            (Id::KmsKeys, Pass),
            (Id::ReportData, Pass),
        ],
    );
    assert!(verdict.identity.proved);
}

#[test]
fn certificates_of_a_kms_that_was_not_named() {
    let mut case = certified(ratls::Options::default(), |_| {});
    case.kms.ca = None;
    is(&case.verdict(), &[(Id::OsImage, Inconclusive), (Id::KmsKeys, Inconclusive)]);
    let other = certified(ratls::Options::default(), |_| {});
    case.kms = other.kms;
    let verdict = case.verdict();
    is(&verdict, &[(Id::OsImage, Inconclusive), (Id::KmsKeys, Fail), (Id::KeyProvider, Fail)]);
    assert!(!verdict.identity.proved);
    case.kms.ca = Some(vec![0x30, 0].into());
    is(&case.verdict(), &[(Id::KmsKeys, Fail)]);
}

#[test]
fn certificates_that_do_not_hold() {
    let usual = ratls::Options::default();
    let fails = |case: Case| {
        let verdict = case.verdict();
        is(&verdict, &[(Id::OsImage, Inconclusive), (Id::KmsKeys, Fail)]);
        assert!(!verdict.identity.proved);
    };
    fails(certified(ratls::Options { app_ca: false, ..usual }, |_| {}));
    fails(certified(ratls::Options { below: 0, ..usual }, |_| {}));
    // A CA that somebody else made, below the right one.
    let mut theirs = Machine::default();
    let theirs = ratls::issue(&mut theirs, &World::new(Options::default()).pki, usual);
    fails(certified(usual, |made| made.app_ca = theirs.app_ca));
    // A leaf that its CA did not sign.
    fails(certified(usual, |made| std::mem::swap(&mut made.app_ca, &mut made.kms_ca)));
    let mut late = certified(usual, |_| {});
    late.now = 2_100_000_000;
    is(&late.verdict(), &[(Id::KmsKeys, Fail)]);
}

#[test]
fn certificates_of_another_app_or_for_another_key() {
    let usual = ratls::Options::default();
    let verdict = certified(ratls::Options { app_id: [9; 20], ..usual }, |_| {}).verdict();
    is(&verdict, &[(Id::OsImage, Inconclusive), (Id::KmsKeys, Fail), (Id::AppId, Fail)]);
    // The KMS vouches for a key, but this quote is not about it.
    let verdict = certified(ratls::Options { committed: false, ..usual }, |_| {}).verdict();
    is(&verdict, &[(Id::OsImage, Inconclusive), (Id::KmsKeys, Pass), (Id::ReportData, Fail)]);
    assert!(!verdict.identity.proved);
    // Without the root in the chain it still leads there.
    let verdict = certified(usual, |made| made.kms_ca = String::new()).verdict();
    is(&verdict, &[(Id::OsImage, Pass), (Id::KmsKeys, Pass)]);
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
