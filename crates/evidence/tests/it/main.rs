//! What evidence needs from outside, from servers that answer, and from servers that do anything else.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod chain;
mod collateral;
mod http;
mod machines;
mod server;
#[path = "../../../attestation/tests/support/mod.rs"]
mod support;
mod verifiers;
