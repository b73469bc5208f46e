//! Recorded evidence: `DEVPROOF_REAL_DATA`, or `../shared/data` beside the repository. Nothing of it is in the repository;
//! where it is absent these tests say so and pass.

use devproof_compose::{
    AppCompose, ComposeHash, SelfReport, Sign,
    lint::{Context, Rule, Severity, lint},
    predict::{Tool, matching, predict},
    services::Services,
    signs,
    trace::{Standing, trace},
};
use std::path::{Path, PathBuf};

fn recorded(name: &str) -> Option<(AppCompose, SelfReport)> {
    let folder = std::env::var_os("DEVPROOF_REAL_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if !path.is_file() {
        eprintln!("SKIPPED: no recorded evidence at {}", path.display());
        return None;
    }
    let report = SelfReport::read(&std::fs::read(path).unwrap()).unwrap();
    Some((AppCompose::parse(report.app_compose.as_bytes()).unwrap(), report))
}

#[test]
fn the_hash_is_the_one_in_the_event_log_of_the_quote() {
    for name in ["tc2-gateway.json", "tc2-kms.json"] {
        let Some((document, report)) = recorded(name) else { return };
        let logged: ComposeHash = report.compose_hash.unwrap().parse().unwrap();
        assert_eq!(document.hash(), logged, "{name}");
        assert_eq!(document.problems(), [], "{name}");
        assert_eq!(document.unknown().count(), 0, "{name}");
    }
}

#[test]
fn the_tool_that_wrote_a_production_file_is_found() {
    let Some((kms, _)) = recorded("tc2-kms.json") else { return };
    assert_eq!(
        matching(&predict(&kms), kms.hash()),
        [Tool::Bytes, Tool::BytesTrimmed, Tool::VmmCli]
    );
    assert_eq!(signs(&kms), []);
    // This one was written by hand, or by a script: no SDK would give its hash.
    let Some((gateway, _)) = recorded("tc2-gateway.json") else { return };
    assert_eq!(matching(&predict(&gateway), gateway.hash()), [Tool::Bytes]);
    assert_eq!(signs(&gateway), [Sign::TrailingSpace, Sign::TwoSpaces]);
}

#[test]
fn lint_sees_what_a_production_gateway_may_do() {
    let Some((gateway, report)) = recorded("tc2-gateway.json") else { return };
    let context =
        Context { claimed_hash: report.compose_hash.unwrap().parse().ok(), os_image: None };
    let found = lint(&gateway, &context);
    let count = |rule: Rule| found.findings.iter().filter(|it| it.rule == rule).count();
    assert_eq!(found.gravest(), Some(Severity::High));
    assert_eq!(
        [count(Rule::C3), count(Rule::C9), count(Rule::C10), count(Rule::C20)],
        [6, 3, 1, 0]
    );
    // Its script checks the launch token, and its hash is the claimed one.
    assert_eq!([count(Rule::C24), count(Rule::C19), count(Rule::C21)], [0, 0, 0]);
}

#[test]
fn the_trace_of_a_production_key_service_ends_at_a_digest() {
    let Some((kms, _)) = recorded("tc2-kms.json") else { return };
    let standings: Vec<_> = trace(&kms, None, &[]).into_iter().map(|link| link.standing).collect();
    use Standing::{Claimed, Missing, Proved};
    assert_eq!(standings, [Proved, Missing, Claimed, Proved, Missing]);
    let services = Services::parse(kms.fields().docker_compose_file.as_deref().unwrap()).unwrap();
    assert_eq!(services.services().len(), 2);
}
