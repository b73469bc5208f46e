//! The operator's verbs, against a real node: what they say, what they send, and what they do not.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod apps;
mod bench;
mod changing;
mod contracts;
mod doctor;
mod doctor_postgres;
mod elsewhere;
#[path = "../support/schemas.rs"]
mod held;
mod interrupted;
mod keys;
mod keystores;
mod other_verbs;
mod policy;
mod preflight;
#[allow(dead_code, reason = "shared with the tests of processes that go on")]
#[path = "../operations/process.rs"]
mod process;
mod prompts;
mod refusals;
mod release;
mod safes;
mod sending;
#[allow(dead_code, reason = "shared with the tests of the evidence crate")]
#[path = "../../../evidence/tests/it/server.rs"]
mod server;
mod steps;
mod story;
mod terminal;

/// How long something may take that goes on beside a test.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
