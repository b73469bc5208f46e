//! What evidence needs from outside: quotes from machines, collateral from Intel's caches, other verifiers, and a chain.
//!
//! `devproof-attestation` says what evidence proves and asks nobody. This crate asks: it fetches evidence
//! ([`fetch`]), keeps collateral ([`Collaterals`]), asks other verifiers ([`ask`]), and asks a node what a KMS would say
//! to the boot that was proved, over the whole time in which the quote can have been made, which a challenge bounds. Nothing that comes from outside is believed for where it comes from, and none of it can be
//! without end.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking"))]

mod authorisation;
mod cache;
mod challenge;
mod examine;
mod fetch;
mod http;
mod kms_quote;
mod pccs;
mod random;
mod rows;
mod services;

pub use authorisation::{
    AskError, Authorisation, KmsInfo, Said, Which, authorisation, kms_info, resolve,
};
pub use cache::{CacheError, Collaterals, Found, Origin};
pub use challenge::{Challenge, ChallengeDocument, ChallengeError, MAX_CHALLENGE, Standing};
pub use examine::{ChainAsked, Examined, Examiner, Exhibit};
pub use fetch::{FetchError, Fetched, Place, fetch};
pub use http::{Answer, Http, HttpError, Limits, named};
pub use pccs::{INTEL_PCS, PHALA_PCCS, Pccs};
pub use random::random;
/// What [`Http::get_with`] takes.
pub use reqwest::header;
pub use services::{PHALA_CLOUD, Verifier, VerifierError, ask};
