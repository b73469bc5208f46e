#![no_main]
#![doc = "crates/fuzzed says what is done."]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| devproof_fuzzed::run("releases", bytes));
