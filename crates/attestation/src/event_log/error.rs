//! What can be wrong with an event log.

use crate::{EncodingError, limits};

/// Why a log is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventLogError {
    /// More than [`limits::EVENT_LOG`] bytes.
    #[error(
        "the event log has {length} bytes, more than the {} that are looked at",
        limits::EVENT_LOG
    )]
    TooLong {
        /// Bytes found.
        length: usize,
    },
    /// More than [`limits::EVENTS`] events.
    #[error("the event log has more than {} events", limits::EVENTS)]
    TooMany,
    /// Not the JSON of an event log.
    #[error("the event log cannot be read: {0}")]
    Malformed(String),
    /// A field of an event is not the bytes it should be.
    #[error("event {index}: {error}")]
    Encoding {
        /// Place in the log, from 0.
        index: usize,
        /// What is wrong.
        error: EncodingError,
    },
    /// There are four registers.
    #[error("event {index} went into register {imr}, which does not exist")]
    NoSuchRegister {
        /// Place in the log, from 0.
        index: usize,
        /// The register.
        imr: u32,
    },
    /// An event of the guest in a register of the firmware, or the other way round.
    #[error("event {index} of type {event_type:#x} cannot be in register {imr}")]
    WrongRegister {
        /// Place in the log, from 0.
        index: usize,
        /// The register.
        imr: u8,
        /// The type.
        event_type: u32,
    },
    /// A digest version that nobody knows.
    #[error("event {index} has digest version {version}; 1 and 2 are known")]
    UnknownVersion {
        /// Place in the log, from 0.
        index: usize,
        /// The version.
        version: u32,
    },
    /// An event of the firmware, or one with a V2 digest, that says no digest.
    #[error("event {index} has no digest")]
    NoDigest {
        /// Place in the log, from 0.
        index: usize,
    },
    /// The digest in the log is not of the name and the payload in the log.
    #[error("event {index} ({name:?}): the digest is not of this name and payload")]
    DigestMismatch {
        /// Place in the log, from 0.
        index: usize,
        /// The name.
        name: String,
    },
    /// A V2 event without the text that was hashed, or with another.
    #[error("event {index} ({name:?}): the preimage is missing, or not of this name and payload")]
    PreimageMismatch {
        /// Place in the log, from 0.
        index: usize,
        /// The name.
        name: String,
    },
    /// A name during boot that dstack does not use.
    #[error("{name:?} is no event of dstack's boot; it may hide one that is")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// Said twice during boot.
    #[error("{name:?} is in the boot events more than once")]
    Duplicate {
        /// The name.
        name: &'static str,
    },
    /// Not said during boot.
    #[error("{name:?} is not in the boot events")]
    Missing {
        /// The name.
        name: &'static str,
    },
    /// Said at another place than dstack says it.
    #[error("{name:?} is out of order in the boot events")]
    OutOfOrder {
        /// The name.
        name: &'static str,
    },
    /// A payload of another length than such a thing has.
    #[error("{name:?} has a payload of {length} bytes")]
    PayloadLength {
        /// The name.
        name: &'static str,
        /// Bytes found.
        length: usize,
    },
    /// The key provider is not the JSON that it should be.
    #[error("the key provider in the event log cannot be read: {0}")]
    KeyProvider(String),
}
