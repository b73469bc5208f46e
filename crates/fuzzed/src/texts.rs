//! What people write.

use devproof_attestation::{Policy, ReportData};

/// Policies, which have lists of measurements in them, and report data.
pub(crate) fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Policy::from_toml(text);
    if let Ok(declared) = text.parse::<ReportData>() {
        let _ = (declared.bytes(), declared.scheme());
    }
}
