//! Documents from strangers, from other tools, and from production.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod evidence;
mod hostile;
mod reference;
mod tools;
