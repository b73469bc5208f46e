//! What evidence proves: on recorded evidence with known outcomes, and on quotes of our own making.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod backends;
mod event_log;
mod evidence;
mod properties;
mod recorded;
#[path = "../support/mod.rs"]
mod support;
mod table;
