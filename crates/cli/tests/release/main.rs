//! `devproof release`, played from `init` to `verify`: by the operator in a repository, and by somebody else who has only what was
//! published and a node.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "shared with the tests of the operator's verbs")]
#[path = "../operator/bench.rs"]
mod bench;
#[path = "../support/schemas.rs"]
mod held;
mod interrupted;
mod play;
#[allow(dead_code, reason = "shared with the tests of the evidence crate")]
#[path = "../../../evidence/tests/it/server.rs"]
mod server;
mod stage;
