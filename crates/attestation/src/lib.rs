//! Evidence of TDX instances: what a quote, an event log and a chain of keys prove, row by row. No I/O.
//!
//! [`Evidence::read`] takes what somebody handed over, in any of the forms in use. [`verify`] answers a
//! [`Question`] about it with a [`Verdict`]: a table with one [`Check`] a row, each with what was proved, how, and
//! by whom. Time, collateral and trust come from the caller, so that a verdict can be repeated years later.
//!
//! Three rules hold everywhere. Nothing foreign is believed before it was measured against the quote: digests of
//! the event log are computed anew, names and values only count where the log replays. What could not be asked is
//! never taken for a yes: it is `inconclusive`. And an identity is only claimed, not proved, while nothing shows that
//! the operating system which wrote it down is a known one.

pub mod backend;
mod collateral;
mod compare;
mod dcap;
mod digest;
mod encoding;
mod event_log;
mod evidence;
pub mod limits;
mod measurements;
mod mr_config;
mod pem;
mod policy;
mod quote;
mod ratls;
mod report_data;
pub mod sigchain;
mod table;

pub use collateral::{Collateral, CollateralError};
pub use compare::{Comparison, Field, Instance, compare};
pub use dcap::{Claims, Flag, Refusal, TrustAnchor, TrustAnchorError, verify_quote};
pub use encoding::EncodingError;
pub use event_log::{
    DigestVersion, Event, EventLog, EventLogError, Identity, KeyProvider, KeyProviderKind,
    RUNTIME_EVENT_TYPE,
};
pub use evidence::{Evidence, EvidenceError, Form};
pub use measurements::{device_id, mr_aggregated, mr_system};
pub use mr_config::{Agreement, MrConfigError, MrConfigId};
pub use policy::{Grace, Measurements, Policy, PolicyError, TcbStatus};
pub use quote::{QuoteError, Register, TdxQuote};
pub use ratls::{CertificateChain, CertificateError};
pub use report_data::{ReportData, ReportDataError, TappdHash};
pub use table::{
    BootInfo, By, Check, CheckId, Concern, KmsKeys, Outcome, Question, Subject, Verdict, Warning,
    verify,
};
