//! Binary attestations of dstack, in either encoding.

use super::{Evidence, EvidenceError, Form, msgpack, scale};
use crate::{
    EventLog, EventLogError, RUNTIME_EVENT_TYPE,
    event_log::{RUNTIME_REGISTER, RawEvent},
    limits,
};
use alloy_primitives::hex;
use serde::Deserialize;

/// What both encodings say.
pub(super) struct Attestation {
    pub(super) quote: Vec<u8>,
    pub(super) events: Vec<RawEvent>,
    /// Name and payload of the events of the guest, a second time.
    pub(super) runtime: Vec<(String, Vec<u8>)>,
    /// What the quote has as well.
    pub(super) report_data: Vec<u8>,
    pub(super) config: String,
}

/// What can be wrong with an encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it ends too early")]
    Truncated,
    #[error("something in it is too long, or nested too deep")]
    TooLong,
    #[error("a text in it is not UTF-8")]
    NotUtf8,
    #[error("something hangs behind it")]
    Trailing,
    #[error("it has a version that is not known")]
    UnknownVersion,
    #[error("it has a value of a kind that no attestation has")]
    UnknownValue,
    #[error("it says something twice")]
    Duplicate,
    #[error("it has no {0} of the right kind")]
    Missing(&'static str),
    #[error("its events of the guest are not those of its event log")]
    OtherEvents,
    #[error("its report data is not that of its quote")]
    OtherReportData,
    #[error("it is of {0}")]
    Platform(String),
}

/// Reads an attestation in the encoding that its first byte tells.
pub(super) fn read(bytes: &[u8]) -> Result<Evidence, EvidenceError> {
    let read = if bytes.first() == Some(&0) { scale::read(bytes) } else { msgpack::read(bytes) };
    let attestation = read.map_err(error)?;
    let Attestation { quote, events, runtime, report_data, config } = attestation;
    if quote.get(568..632).is_some_and(|said| said != report_data) && quote.starts_with(&[4, 0]) {
        return Err(error(Fault::OtherReportData));
    }
    if config.len() > limits::VM_CONFIG {
        let (what, max) = ("the configuration", limits::VM_CONFIG);
        return Err(EvidenceError::PartTooLong { what, max });
    }
    let mut evidence = Evidence::new(Form::Attestation, quote);
    evidence.event_log = Some(log(events, &runtime));
    evidence.mr_config = mr_config_in(&config);
    evidence.vm_config = (!config.is_empty()).then_some(config);
    Ok(evidence)
}

fn error(fault: Fault) -> EvidenceError {
    match fault {
        Fault::Platform(name) => EvidenceError::Platform(name),
        other => EvidenceError::Attestation(other.to_string()),
    }
}

/// The events of the guest are there twice. Both readings have to be the same, or two readers would see two machines.
fn log(
    mut events: Vec<RawEvent>,
    runtime: &[(String, Vec<u8>)],
) -> Result<EventLog, EventLogError> {
    let raw = |(name, payload): &(String, Vec<u8>)| RawEvent {
        imr: RUNTIME_REGISTER.into(),
        event_type: RUNTIME_EVENT_TYPE,
        digest: String::new(),
        event: name.clone(),
        event_payload: hex::encode(payload),
        version: None,
        preimage: None,
    };
    let guest = |e: &&RawEvent| e.event_type == RUNTIME_EVENT_TYPE;
    if events.iter().filter(guest).count() == 0 {
        events.extend(runtime.iter().map(raw));
    } else if !runtime.is_empty() {
        let said = events.iter().filter(guest).map(|e| (&e.event, &e.event_payload));
        let again: Vec<_> = runtime.iter().map(raw).collect();
        if !said.eq(again.iter().map(|e| (&e.event, &e.event_payload))) {
            return Err(EventLogError::Malformed(Fault::OtherEvents.to_string()));
        }
    }
    EventLog::from_raw(events)
}

/// Where the document behind an `mr_config_id` of version 3 stands.
#[derive(Deserialize)]
struct Config {
    mr_config: Option<String>,
    vm_config: Option<String>,
}

/// The document in a machine's configuration, or in the configuration inside of that.
pub(super) fn mr_config_in(config: &str) -> Option<String> {
    let outer: Config = serde_json::from_str(config).ok()?;
    outer.mr_config.or_else(|| {
        let inner: Config = serde_json::from_str(&outer.vm_config?).ok()?;
        inner.mr_config
    })
}
