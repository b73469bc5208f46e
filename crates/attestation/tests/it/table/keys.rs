//! Rows about keys, and about what a quote was made for.

use super::*;

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
