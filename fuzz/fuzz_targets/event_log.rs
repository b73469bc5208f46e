//! Event logs, as JSON.
#![no_main]

use devproof_attestation::EventLog;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &str| {
    if let Ok(log) = EventLog::parse(json) {
        let _ = log.identity();
        for imr in 0..4 {
            let _ = log.replay(imr);
        }
    }
});
