//! Chains of certificates, PEM and DER.
#![no_main]

use devproof_attestation::{CertificateChain, TrustAnchor};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = TrustAnchor::read(bytes);
    let chains = [
        CertificateChain::from_der(&[bytes.to_vec()]),
        CertificateChain::from_pem(&String::from_utf8_lossy(bytes)),
    ];
    for chain in chains.into_iter().flatten() {
        let _ = (chain.quote(), chain.event_log(), chain.attestation(), chain.app_id());
        let _ = chain.leads_to(bytes, 1_771_500_000);
    }
});
