//! Evidence as JSON.

use super::{Evidence, EvidenceError, Form, binary};
use crate::{CertificateChain, Collateral, EventLog, EventLogError, encoding, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of all JSON forms. Those that are not known are skipped; one that is said twice is an error, since two
/// readers could believe different ones.
#[derive(Deserialize)]
struct Document {
    quote: Option<String>,
    #[serde(alias = "eventlog", alias = "eventLog")]
    event_log: Option<Box<RawValue>>,
    #[serde(alias = "vmConfig")]
    vm_config: Option<Box<RawValue>>,
    #[serde(alias = "appCompose")]
    app_compose: Option<String>,
    mr_config: Option<String>,
    attestation: Option<String>,
    #[serde(alias = "appCert")]
    app_cert: Option<String>,
    #[serde(alias = "certificateChain")]
    certificate_chain: Option<Vec<String>>,
    tcb_info: Option<Box<RawValue>>,
    collateral: Option<Box<RawValue>>,
    time: Option<u64>,
    instances: Option<Vec<Instance>>,
}

/// One instance in Phala Cloud's reply. The fields of stopped ones are null.
#[derive(Deserialize)]
struct Instance {
    quote: Option<String>,
    #[serde(alias = "event_log")]
    eventlog: Option<Box<RawValue>>,
    vm_config: Option<Box<RawValue>>,
    app_compose: Option<String>,
}

/// What the guest agent's `Info` says of itself.
#[derive(Deserialize)]
struct TcbInfo {
    app_compose: Option<String>,
}

pub(super) fn read(text: &str) -> Result<Vec<Evidence>, EvidenceError> {
    let document: Document =
        serde_json::from_str(text).map_err(|e| EvidenceError::Json(e.to_string()))?;
    match document.instances {
        Some(instances) if document.quote.is_none() => several(instances),
        _ => Ok(vec![one(document)?]),
    }
}

fn several(instances: Vec<Instance>) -> Result<Vec<Evidence>, EvidenceError> {
    if instances.len() > limits::INSTANCES {
        return Err(EvidenceError::TooManyInstances);
    }
    let mut found = Vec::new();
    for (index, instance) in instances.into_iter().enumerate() {
        let Some(quote) = &instance.quote else { continue };
        let mut evidence = Evidence::new(Form::PhalaCloud, self::quote(quote)?);
        evidence.instance = Some(index);
        fill(&mut evidence, instance.eventlog, instance.vm_config, instance.app_compose)?;
        found.push(evidence);
    }
    if found.is_empty() { Err(EvidenceError::NoQuote) } else { Ok(found) }
}

fn one(document: Document) -> Result<Evidence, EvidenceError> {
    let pem = document.app_cert.or_else(|| document.certificate_chain.map(|all| all.join("\n")));
    let chain = pem.map(|pem| CertificateChain::from_pem(&pem)).transpose()?;
    // A GetQuote reply of dstack 0.6 carries both; the fields are the ones that people look at.
    let mut evidence = match (&document.quote, &document.attestation, chain) {
        (Some(quote), _, chain) => {
            let mut evidence = Evidence::new(Form::GetQuote, self::quote(quote)?);
            evidence.certificates = chain;
            evidence
        }
        (None, Some(attestation), _) => {
            binary::read(&encoding::text(attestation, "the attestation", limits::DOCUMENT)?)?
        }
        (None, None, Some(chain)) => Evidence::from_certificates(chain)?,
        (None, None, None) => return Err(EvidenceError::NoQuote),
    };
    let app_compose = match (document.app_compose, document.tcb_info) {
        (None, Some(info)) => {
            let info = nested(&info, "tcb_info", limits::DOCUMENT)?;
            let info: TcbInfo =
                serde_json::from_str(&info).map_err(|e| EvidenceError::Json(e.to_string()))?;
            info.app_compose
        }
        (compose, _) => compose,
    };
    fill(&mut evidence, document.event_log, document.vm_config, app_compose)?;
    if let Some(mr_config) = document.mr_config {
        evidence.mr_config = Some(part(mr_config, "mr_config", limits::VM_CONFIG)?);
    }
    if let Some(collateral) = document.collateral {
        let collateral = nested(&collateral, "the collateral", limits::COLLATERAL)?;
        evidence.collateral = Some(Collateral::parse(&collateral)?);
        evidence.form = Form::Bundle;
    }
    evidence.time = document.time;
    Ok(evidence)
}

fn fill(
    evidence: &mut Evidence,
    event_log: Option<Box<RawValue>>,
    vm_config: Option<Box<RawValue>>,
    app_compose: Option<String>,
) -> Result<(), EvidenceError> {
    // Some agents write an empty string where they have none.
    if let Some(log) = event_log.filter(|log| log.get() != "\"\"") {
        evidence.event_log = Some(self::event_log(&log));
    }
    if let Some(config) = vm_config {
        evidence.vm_config = Some(nested(&config, "vm_config", limits::VM_CONFIG)?);
    }
    if let Some(config) = &evidence.vm_config
        && evidence.mr_config.is_none()
    {
        evidence.mr_config = binary::mr_config_in(config);
    }
    if let Some(compose) = app_compose {
        evidence.app_compose = Some(part(compose, "app_compose", limits::APP_COMPOSE)?);
    }
    Ok(())
}

fn event_log(log: &RawValue) -> Result<EventLog, EventLogError> {
    // As a string in JSON a log is longer than it is, by its escapes.
    if log.get().len() > 2 * limits::EVENT_LOG {
        return Err(EventLogError::TooLong { length: log.get().len() });
    }
    match nested(log, "the event log", limits::EVENT_LOG) {
        Ok(log) => EventLog::parse(&log),
        Err(e) => Err(EventLogError::Malformed(e.to_string())),
    }
}

fn quote(text: &str) -> Result<Vec<u8>, EvidenceError> {
    Ok(encoding::text(text, "the quote", limits::DOCUMENT)?)
}

/// JSON that stands in JSON, as a string (as dstack writes it) or as it is.
fn nested(raw: &RawValue, what: &'static str, max: usize) -> Result<String, EvidenceError> {
    let text = if raw.get().starts_with('"') {
        serde_json::from_str(raw.get()).map_err(|e| EvidenceError::Json(e.to_string()))?
    } else {
        raw.get().to_owned()
    };
    part(text, what, max)
}

fn part(text: String, what: &'static str, max: usize) -> Result<String, EvidenceError> {
    if text.len() > max { Err(EvidenceError::PartTooLong { what, max }) } else { Ok(text) }
}
