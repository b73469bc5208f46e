//! Answers as documents, and the REST service that serves them.
//!
//! [`answers`] assembles them: facts from the store, folded by `devproof-primitives`, with the
//! finality that the node's own tags give. [`rest`] serves them; the command line prints the same.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking"))]

pub mod alerts;
pub mod answers;
mod attested;
pub mod documents;
mod families;
mod feeds;
mod finality;
mod headers;
mod kept;
pub mod listening;
mod pages;
pub mod parse;
pub mod rest;
mod schema;
mod shared;
mod stage;
pub mod words;

pub use answers::{
    AnswerError, AppFilter, ChangePlace, ChangesOf, Cursor, DeletionsOf, Known, MAX_PAGE,
    NoticePlace, NoticeState, Part, SeenPlace, Surface, Told, When, allowed, allowed_for, app,
    apps, as_of, at, attested, chains, changes, changes_placed, deletions, diff, family, history,
    is_allowed, known_versions, latest, notices, notices_of, observations, seen, stage,
};
pub use attested::{put_attested, put_untold, which};
pub use families::{Families, FamilyError};
pub use finality::Finality;
pub use headers::{HeaderFuture, Headers};
pub use rest::{AppState, Clock, Operations, RateLimit, Verification, openapi, operations, router};
pub use stage::reference as stage_reference;
