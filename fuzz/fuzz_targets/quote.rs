//! Bytes as a quote.
#![no_main]

use devproof_attestation::{MrConfigId, TdxQuote, mr_aggregated};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(quote) = TdxQuote::parse(bytes.to_vec()) {
        let _ = (quote.id(), quote.fmspc(), mr_aggregated(&quote));
        let _ = MrConfigId::read(quote.mr_config_id());
    }
});
