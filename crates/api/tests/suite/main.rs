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
mod families;
mod finality;
mod history;
mod lives;
mod notices;
mod pages;
mod refusals;
mod rest;
mod service;
mod site;
#[allow(dead_code, reason = "shared with the tests of the command line")]
mod world;
