//! dstack-verifier over HTTP (dstack, `verifier/src`): `POST /verify`.

use super::{Backend, Opinion, Transport, said, usable};
use crate::{Check, CheckId, Evidence, Outcome};
use alloy_primitives::hex;
use serde::Deserialize;
use serde_json::json;

/// A dstack-verifier.
#[derive(Clone, Debug)]
pub struct DstackVerifier {
    url: String,
}

/// Its reply. It answers with status 200 and `is_valid` false as well when its own work could not be done.
#[derive(Deserialize)]
struct Reply {
    is_valid: bool,
    details: Details,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Details {
    quote_verified: bool,
    event_log_verified: bool,
    os_image_hash_verified: bool,
    #[serde(default)]
    os_image_is_dev: Option<bool>,
    #[serde(default)]
    tcb_status: Option<String>,
    #[serde(default)]
    report_data: Option<String>,
}

/// What it says when it could not reach others.
const TROUBLE: [&str; 6] = [
    "error sending request",
    "Failed to fetch",
    "Failed to download",
    "Internal error",
    "timed out",
    "collateral",
];

impl DstackVerifier {
    /// The one at a base URL, without a slash at the end.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self { url: format!("{}/verify", base.trim_end_matches('/')) }
    }

    /// The request. An `attestation` would make it ignore the rest, so there is none.
    fn request(evidence: &Evidence) -> Option<String> {
        let log = evidence.event_log.as_ref()?.as_ref().ok()?;
        let vm_config = evidence.vm_config.as_ref()?;
        let quote = hex::encode(&evidence.quote);
        Some(
            json!({
                "quote": quote,
                "event_log": log.json(),
                "vm_config": vm_config,
                "attestation": null,
            })
            .to_string(),
        )
    }

    fn read(&self, body: &[u8], evidence: &Evidence) -> Opinion {
        let reply: Reply = match serde_json::from_slice(body) {
            Ok(reply) => reply,
            Err(e) => {
                return Opinion::unavailable(&self.url, format!("its answer makes no sense: {e}"));
            }
        };
        let reason = reply.reason.unwrap_or_default();
        if !reply.is_valid && TROUBLE.iter().any(|word| reason.contains(word)) {
            return Opinion::unavailable(&self.url, format!("it could not do its work: {reason}"));
        }
        let Details { quote_verified, event_log_verified, os_image_hash_verified, .. } =
            reply.details;
        // A service that verified some other quote has said nothing about this one.
        let other = reply.details.report_data.is_some_and(|said| {
            let said = hex::decode(said).unwrap_or_default();
            evidence.quote.get(568..632) != Some(&said) && evidence.quote.starts_with(&[4, 0])
        });
        if other {
            return Opinion::unavailable(&self.url, "its answer is about another quote");
        }
        // It stops at the first thing that is wrong: only that one failed, what comes behind was not looked at.
        let steps = [
            (CheckId::Hardware, quote_verified),
            (CheckId::EventLog, event_log_verified),
            (CheckId::OsImage, os_image_hash_verified),
        ];
        let mut checks: Vec<Check> = Vec::new();
        for (id, verified) in steps {
            if verified {
                checks.push(said(&self.url, id, Outcome::Pass, "it says that it verified this"));
            } else {
                let how = format!("it says: {reason}");
                let result = if reply.is_valid { Outcome::Inconclusive } else { Outcome::Fail };
                checks.push(said(&self.url, id, result, how));
                break;
            }
        }
        // An image for development has a console and lets its host in.
        if os_image_hash_verified && reply.details.os_image_is_dev == Some(true) {
            let how = "it says that this is an image for development";
            checks.retain(|check| check.id != CheckId::OsImage);
            checks.push(said(&self.url, CheckId::OsImage, Outcome::Fail, how));
        }
        if let Some(status) = reply.details.tcb_status {
            let row = said(&self.url, CheckId::Tcb, Outcome::NotEvaluated, "it judges no status");
            checks.push(row.value(status));
        }
        Opinion { url: self.url.clone(), checks }
    }
}

impl Backend for DstackVerifier {
    fn url(&self) -> &str {
        &self.url
    }

    fn ask(&self, transport: &dyn Transport, evidence: &Evidence) -> Opinion {
        let Some(request) = Self::request(evidence) else {
            let why = "it was not asked: it needs an event log and a configuration";
            return Opinion::unavailable(&self.url, why);
        };
        match usable(transport.post(&self.url, &request)) {
            Ok(body) => self.read(&body, evidence),
            Err(why) => Opinion::unavailable(&self.url, why),
        }
    }
}
