//! Releases of an app: the gate before one, the documents of one, and their check by anybody.
//!
//! [`check`] asks whether a release may go on, line by line. [`publish`] writes what a release can show for itself: a
//! document for machines ([`Proof`]), a report for people, and the history of the app as the chain tells it. [`verify`]
//! is what somebody else runs on these files: it believes none of them, asks a node, and writes the same files again to
//! compare. [`init`] puts the way there into a repository.
//!
//! Nothing here prints, and no document has a time in it that a clock of ours said: times come from the chain, so that
//! the same release always has the same files. Whatever comes from elsewhere (git, registries, the chain, files of a
//! publisher) is bounded, and escaped before it gets into Markdown.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )
)]

pub mod check;
mod config;
mod error;
mod evidence;
mod files;
mod git;
pub mod init;
mod ledger;
mod line;
pub mod proof;
mod publish;
mod registry;
mod render;
mod text;
mod verify;

pub use config::{Build, CONFIG_FILE, Config, Workflow};
pub use error::ReleaseError;
pub use evidence::{Judge, Judged};
pub use files::{
    COLLATERAL_FILE, COMPOSE_FILE, DEPLOYMENTS_FILE, EVIDENCE_FILE, FILES, Files, NOTES_FILE,
    PROOF_FILE, Place, REPORT_FILE, WELL_KNOWN_FILE, Written,
};
pub use git::{Commit, Git};
pub use ledger::{Ledger, Row, State};
pub use line::{Line, Lines, Verdict};
pub use proof::{FORMAT, Proof, sha256};
pub use publish::{Given, Published, Publishing, publish};
pub use registry::{Registry, RegistryError};
pub use verify::{Demands, Verified, verify};
