//! What the operator of an app does on the chain: planned, simulated, signed, sent and waited for.
//!
//! Nothing here remembers anything between two runs: what was done is read from the chain each time
//! ([`read`]), so that a run may be interrupted at any moment and the next one takes up where it stopped.
//! A call is executed on the state of the chain before anybody signs it ([`simulate`]); keys are only used
//! in [`Sender`]; whoever signs elsewhere gets the call as data ([`Call`]) or as a file for a Safe ([`safe`]).
//! Words are the command line's: what is said here are facts ([`Plan`]).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking"))]

mod action;
mod error;
pub mod fees;
mod history;
pub mod keys;
mod plan;
pub mod preflight;
mod read;
pub mod safe;
mod send;
mod simulate;
mod state;
pub mod verify;

pub use action::{Action, Argument, Born, Call, Setting, Source};
pub use error::OperatorError;
pub use history::{Happened, History, Pending, history, proved_history};
pub use plan::{Done, Effect, Plan, Standing, announced_in, plan, predict};
pub use read::{AppView, ValueView, read, value};
pub use send::{Finality, Included, Sender, Ticket, Waiting, Waits};
pub use simulate::{Simulation, simulate};
