//! Other verifiers, and how their word is put beside what was found here.
//!
//! What a service says is trust in whoever runs it, and is labelled so. A failure that anybody finds wins over every
//! pass; a pass by a service closes only rows that could not be told here; and a service that could not be asked, or
//! that could not do its own work, has said nothing.

mod combine;
mod dstack_verifier;
mod phala_cloud;

pub use combine::combine;
pub use dstack_verifier::DstackVerifier;
pub use phala_cloud::PhalaCloud;

use crate::{By, Check, CheckId, Evidence, Outcome};
use std::fmt;

/// Bytes of a reply that are looked at.
pub const REPLY: usize = 1 << 20;

/// What came back from a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, cut off behind [`REPLY`] bytes and one more.
    pub body: Vec<u8>,
}

/// Whatever can send a request: a client of the caller's, or a fake in a test. It sets the limits of time, follows no
/// redirects, and reads no more than [`REPLY`] bytes and one.
pub trait Transport {
    /// Posts JSON and gives what came back.
    ///
    /// # Errors
    /// In words, if nothing did.
    fn post(&self, url: &str, json: &str) -> Result<Reply, String>;
}

/// A verifier somewhere else.
pub trait Backend {
    /// Where it is.
    fn url(&self) -> &str;

    /// Asks it about evidence. Nothing private is sent: quotes, logs and configurations are public.
    fn ask(&self, transport: &dyn Transport, evidence: &Evidence) -> Opinion;
}

/// What a service said, row by row.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// Where it is.
    pub url: String,
    /// The rows that it says anything about.
    pub checks: Vec<Check>,
}

impl Opinion {
    /// One row: that it could not be asked, or could not tell.
    pub fn unavailable(url: &str, why: impl fmt::Display) -> Self {
        let checks = vec![said(url, CheckId::Hardware, Outcome::Inconclusive, why)];
        Self { url: url.to_owned(), checks }
    }
}

/// A row on the word of a service.
fn said(url: &str, id: CheckId, result: Outcome, how: impl fmt::Display) -> Check {
    Check { by: By::Service(url.to_owned()), ..Check::new(id, result, how) }
}

/// The JSON of a reply that can be used at all.
fn usable(reply: Result<Reply, String>) -> Result<Vec<u8>, String> {
    let Reply { status, body } = reply.map_err(|why| format!("it could not be asked: {why}"))?;
    if status != 200 {
        return Err(format!("it answered with HTTP status {status}"));
    }
    if body.len() > REPLY {
        return Err(format!("it answered with more than {REPLY} bytes"));
    }
    Ok(body)
}
