//! What was found out about instances of an app that were looked at: takes it down, and tells what has to be told.
//!
//! Somebody captures evidence and has it examined. [`take_down`] decides whether that is an observation: only a quote whose
//! hardware and log verified is one, and only of the app that it names itself. [`find`] compares what was taken down with
//! what the chain allowed, with what was seen before, and instances with each other; each finding is told once, also
//! after a restart, since the store says which were told.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking"))]

mod find;
mod take_down;

pub use find::{FindError, Findings, find};
pub use take_down::{Capture, NotObserved, TakeDownError, Target, seen_as, take_down};
