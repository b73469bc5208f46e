//! Compose documents, and what carries them.

use devproof_compose::{
    AppCompose, SelfReport,
    diff::diff,
    lint::{Context, lint},
    predict::predict,
    provenance,
    services::Services,
    trace::trace,
};

/// An app-compose.json: whatever is asked of one.
pub(crate) fn compose(bytes: &[u8]) {
    let Ok(document) = AppCompose::parse(bytes) else { return };
    let _ = (document.problems(), document.readable(), predict(&document));
    let report = lint(&document, &Context::default());
    assert_eq!(report.compose_hash, document.hash(), "a report is about another document");
    let _ = trace(&document, None, &[]);
    let same = diff(&document, &document);
    assert!(same.changes.is_empty(), "a document differs from itself");
}

/// A docker-compose.yaml.
pub(crate) fn yaml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(services) = Services::parse(text) else { return };
    for service in services.services() {
        let _ = (service.image(), service.environment(), service.mounts());
    }
}

/// What a running app says of itself, and what publishers say of their builds.
pub(crate) fn reports(bytes: &[u8]) {
    if let Ok(report) = SelfReport::read(bytes) {
        let _ = AppCompose::parse(report.app_compose.as_bytes());
    }
    let _ = provenance::read(bytes);
}
