//! What people write: policies and report data.
#![no_main]

use devproof_attestation::{Policy, ReportData};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Policy::from_toml(text);
    if let Ok(declared) = text.parse::<ReportData>() {
        let _ = (declared.bytes(), declared.scheme());
    }
});
