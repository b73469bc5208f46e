//! Any document as evidence, up to the whole table.
#![no_main]

use devproof_attestation::{
    Evidence, KmsKeys, Outcome, Policy, Question, TrustAnchor, verify,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    for evidence in Evidence::read(document).unwrap_or_default() {
        let verdict = verify(&Question {
            evidence: &evidence,
            now: 1_771_500_000,
            root: &TrustAnchor::Intel,
            collateral: evidence.collateral.as_ref(),
            compose: None,
            report_data: None,
            kms: &KmsKeys::default(),
            chain: None,
            policy: &Policy::default(),
        });
        // No fuzzer signs as Intel, and nothing shows which operating system it is.
        assert_ne!(verdict.overall, Outcome::Pass);
        assert!(!verdict.identity.proved);
    }
});
