//! Collateral, as JSON.
#![no_main]

use devproof_attestation::Collateral;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &str| {
    let _ = Collateral::parse(json);
});
