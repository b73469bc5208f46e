//! `app-compose.json`: its hash, what is in it, what to look out for, what changed, what tools would make of it.
//!
//! dstack names a version of an app by the SHA-256 of the exact bytes of this file. So nothing here serialises a
//! document to hash it: [`AppCompose`] keeps the bytes, and [`predict`] says openly what it is, a guess at what some
//! tool would write. Every text may come from a stranger: sizes, depths and numbers are bounded, and nothing panics.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking"))]

mod appearance;
pub mod diff;
mod document;
mod fields;
pub mod json;
pub mod lint;
pub mod predict;
pub mod provenance;
mod self_report;
pub mod services;
pub mod trace;
mod words;

pub use appearance::{Sign, signs};
pub use devproof_primitives::ComposeHash;
pub use document::{AppCompose, DocumentError, MAX_BYTES};
pub use fields::{Fields, KNOWN_FIELDS, KeyProvider, Problem};
pub use self_report::{MAX_REPORT, SelfReport, SelfReportError};
