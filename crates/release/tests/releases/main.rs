//! Releases, from a repository of git and a local chain to files that somebody else verifies.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod check;
#[path = "../../../attestation/tests/support/mod.rs"]
mod evidence;
mod init;
mod publish;
mod registry;
mod verify;
mod world;
