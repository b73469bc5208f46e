//! The answers and the service, over a database filled with real event encodings.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod allowed;
mod as_of;
mod at_block;
mod changes;
mod deletions;
mod diff;
#[path = "../../../attestation/tests/support/mod.rs"]
mod evidence;
mod families;
mod finality;
mod history;
mod lives;
mod notices;
mod observed;
mod pages;
mod refusals;
mod rest;
#[allow(dead_code, reason = "shared with the tests of the evidence crate")]
#[path = "../../../evidence/tests/it/server.rs"]
mod server;
mod service;
mod site;
mod stage;
mod verify;
#[allow(dead_code, reason = "shared with the tests of the command line")]
mod world;
