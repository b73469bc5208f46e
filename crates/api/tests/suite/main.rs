//! The answers and the service, over a database filled with real event encodings.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod at_block;
mod finality;
mod history;
mod refusals;
mod rest;
#[allow(dead_code, reason = "shared with the tests of the command line")]
mod world;
