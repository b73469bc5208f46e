//! The command line: what it says, on which stream, and with which exit code.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    non_snake_case,
    reason = "a test fails by panicking, and arguments of contracts have names of their own"
)]

mod attested;
mod bad_input;
mod compare;
mod compose;
#[path = "../../../attestation/tests/support/mod.rs"]
mod evidence;
mod fresh;
#[path = "../support/schemas.rs"]
mod held;
mod kms_quote;
mod network;
mod observe;
mod openapi;
mod questions;
mod run;
mod schemas;
#[allow(dead_code, reason = "shared with the tests of the evidence crate")]
#[path = "../../../evidence/tests/it/server.rs"]
mod server;
mod snapshots;
mod tree;
mod verbs;
mod verify;
mod words;
#[allow(dead_code, reason = "shared with the tests of the answers")]
#[path = "../../../api/tests/suite/world.rs"]
mod world;
