//! Rows about the hardware.

use super::*;

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
