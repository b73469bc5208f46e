//! What the tests, the benchmark and the tests of the command share.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and not every one needs everything"
)]

pub mod data;
pub mod encode;
pub mod log;
pub mod machine;
pub mod pki;
pub mod ratls;
