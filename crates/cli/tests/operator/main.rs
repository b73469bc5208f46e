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
mod interrupted;
mod keys;
mod policy;
mod preflight;
mod prompts;
mod refusals;
mod release;
mod safes;
mod sending;
mod steps;
mod story;
mod terminal;
