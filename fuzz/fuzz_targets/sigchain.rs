//! Signature chains, as JSON.
#![no_main]

use alloy_primitives::Address;
use devproof_attestation::sigchain::{SignatureChain, address_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &str| {
    let _ = address_of(json.as_bytes());
    if let Ok(chain) = SignatureChain::parse(json) {
        let _ = (chain.verify(Address::repeat_byte(1)), chain.calldata());
    }
});
