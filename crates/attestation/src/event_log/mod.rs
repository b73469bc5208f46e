//! The event log: what the firmware and the guest say they measured into RTMR0 to 3, and in which order.
//!
//! The log itself is not signed. It is believed as far as its digests, computed here from names and payloads, add
//! up to the registers of a verified quote. The digests that stand in the log are only compared with: a verifier that
//! replays with those can be shown any payload.

mod digest;
mod error;
mod identity;
mod parse;

pub(crate) use parse::RawEvent;

pub use digest::DigestVersion;
pub use error::EventLogError;
pub use identity::{Identity, KeyProvider, KeyProviderKind};

use crate::digest::sha384;
use crate::quote::Register;

/// The type of events that the guest emits (dstack, `cc-eventlog/src/runtime_events.rs`). Only they have names that
/// are measured.
pub const RUNTIME_EVENT_TYPE: u32 = 0x0800_0001;
/// The register that the guest extends.
pub(crate) const RUNTIME_REGISTER: u8 = 3;
/// The event that ends the boot. What comes behind was emitted by the app, under any name it likes.
const SYSTEM_READY: &str = "system-ready";
/// The event behind which a KMS is asked for keys.
const BOOT_MR_DONE: &str = "boot-mr-done";
/// The type of events with ACPI tables, which dstack leaves in where it strips those of the firmware.
const ACPI_DATA: u32 = 10;

/// One measured event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The register it went into, 0 to 3.
    pub imr: u8,
    /// Its type: [`RUNTIME_EVENT_TYPE`], or one of the TCG's for events of the firmware.
    pub event_type: u32,
    /// What was measured: computed anew for events of the guest, as given for those of the firmware, whose payloads
    /// mean nothing to us.
    pub digest: Register,
    /// The name. Measured only for events of the guest.
    pub name: String,
    /// The payload, likewise.
    pub payload: Vec<u8>,
    /// How the digest covers name and payload.
    pub version: DigestVersion,
}

impl Event {
    /// Whether the guest emitted it.
    #[must_use]
    pub const fn is_runtime(&self) -> bool {
        self.event_type == RUNTIME_EVENT_TYPE
    }
}

/// A log whose parts fit together. That it belongs to a quote is for [`EventLog::replay`] to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLog {
    events: Vec<Event>,
    json: String,
}

impl EventLog {
    /// Reads a log in the JSON of dstack's guest agent. Digests are computed anew; those in the log must be the same
    /// or, as in logs of dstack 0.6, be left out.
    ///
    /// # Errors
    /// If the log is too long, not such JSON, or does not fit together.
    pub fn parse(json: &str) -> Result<Self, EventLogError> {
        parse::log(json).map(|events| Self { events, json: json.to_owned() })
    }

    /// A log from events that were read from elsewhere (a binary attestation).
    pub(crate) fn from_raw(events: Vec<parse::RawEvent>) -> Result<Self, EventLogError> {
        let json =
            serde_json::to_string(&events).map_err(|e| EventLogError::Malformed(e.to_string()))?;
        Self::parse(&json)
    }

    /// The events in their order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The log as it was given.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The value of a register after all events that went into it: 48 zeros, then SHA-384(value || digest) for each.
    #[must_use]
    pub fn replay(&self, imr: u8) -> Register {
        self.of(imr).fold(Register::ZERO, |value, event| {
            sha384([value.as_slice(), event.digest.as_slice()].concat().as_slice())
        })
    }

    /// RTMR3 as it was when the boot had been measured (`boot-mr-done`), which is when a KMS is asked for keys.
    #[must_use]
    pub fn replay_boot(&self) -> Register {
        let mut done = false;
        let before = self.of(RUNTIME_REGISTER).take_while(|event| {
            let before = !done;
            done |= event.name == BOOT_MR_DONE;
            before
        });
        before.fold(Register::ZERO, |value, event| {
            sha384([value.as_slice(), event.digest.as_slice()].concat().as_slice())
        })
    }

    /// Whether the events of the firmware were left out, as dstack does where the log travels in a certificate or a
    /// binary attestation. Then only RTMR3 can be replayed.
    #[must_use]
    pub fn is_stripped(&self) -> bool {
        let firmware = |event: &&Event| event.imr != RUNTIME_REGISTER;
        self.events.iter().filter(firmware).all(|e| e.imr == 0 && e.event_type == ACPI_DATA)
    }

    /// What the events before `system-ready` say about the machine.
    ///
    /// # Errors
    /// If what must be said once is missing, said twice or not in order, or if a name is not one of dstack's: V1
    /// digests do not tell a name from the payload behind it, so any other name may hide one of those.
    pub fn identity(&self) -> Result<Identity, EventLogError> {
        identity::of(self)
    }

    /// Events of the guest up to the end of the boot.
    fn boot(&self) -> impl Iterator<Item = &Event> {
        self.of(RUNTIME_REGISTER).take_while(|event| event.name != SYSTEM_READY)
    }

    /// Events that the app emitted, behind the end of the boot.
    pub(crate) fn behind_boot(&self) -> impl Iterator<Item = &Event> {
        self.of(RUNTIME_REGISTER).skip_while(|event| event.name != SYSTEM_READY).skip(1)
    }

    fn of(&self, imr: u8) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.imr == imr)
    }
}
