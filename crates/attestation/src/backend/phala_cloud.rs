//! Phala Cloud's verifier: `POST /api/v1/attestations/verify`. It says something about the hardware and nothing else. The
//! shape of its reply is the one that several public clients read.

use super::{Backend, Opinion, Transport, said, usable};
use crate::{CheckId, Evidence, Outcome, TdxQuote};
use alloy_primitives::hex;
use serde::Deserialize;
use serde_json::json;

/// Phala Cloud, or something that answers like it.
#[derive(Clone, Debug)]
pub struct PhalaCloud {
    url: String,
}

#[derive(Deserialize)]
struct Reply {
    /// Says only that the service worked, where it is there at all.
    #[serde(default)]
    message: Option<String>,
    quote: Option<Quote>,
}

#[derive(Deserialize)]
struct Quote {
    verified: bool,
    body: Option<Body>,
}

#[derive(Deserialize)]
struct Body {
    reportdata: String,
}

impl PhalaCloud {
    /// The one at a base URL, without a slash at the end.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let base = base.trim_end_matches('/');
        Self { url: format!("{base}/api/v1/attestations/verify") }
    }

    fn read(&self, body: &[u8], evidence: &Evidence) -> Opinion {
        let nothing = |why: &str| Opinion::unavailable(&self.url, why);
        let reply: Reply = match serde_json::from_slice(body) {
            Ok(reply) => reply,
            Err(e) => return nothing(&format!("its answer makes no sense: {e}")),
        };
        let Some(quote) = reply.quote else {
            return nothing(&format!("it says: {}", reply.message.unwrap_or_default()));
        };
        if !quote.verified {
            let how = "it says that the quote does not verify";
            let checks = vec![said(&self.url, CheckId::Hardware, Outcome::Fail, how)];
            return Opinion { url: self.url.clone(), checks };
        }
        let said_data = quote.body.and_then(|body| hex::decode(body.reportdata).ok());
        let ours = TdxQuote::parse(evidence.quote.clone()).ok().map(|quote| quote.report_data());
        if ours.is_none_or(|ours| said_data.as_deref() != Some(ours.as_slice())) {
            return nothing("its answer is not about this quote");
        }
        let how = "it says that the quote verifies";
        let checks = vec![said(&self.url, CheckId::Hardware, Outcome::Pass, how)];
        Opinion { url: self.url.clone(), checks }
    }
}

impl Backend for PhalaCloud {
    fn url(&self) -> &str {
        &self.url
    }

    fn ask(&self, transport: &dyn Transport, evidence: &Evidence) -> Opinion {
        let request = json!({ "hex": hex::encode(&evidence.quote) }).to_string();
        match usable(transport.post(&self.url, &request)) {
            Ok(body) => self.read(&body, evidence),
            Err(why) => Opinion::unavailable(&self.url, why),
        }
    }
}
