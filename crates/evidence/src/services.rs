//! Other verifiers: which ones, and how they are asked, all at once.

use crate::{Http, HttpError, http};
use devproof_attestation::{
    By, Evidence,
    backend::{Backend, DstackVerifier, Opinion, PhalaCloud, Reply, Transport},
};
use std::{str::FromStr, sync::Arc};
use tokio::{runtime::Handle, task::spawn_blocking};

/// Where Phala Cloud's own is, unless another one is named.
pub const PHALA_CLOUD: &str = "https://cloud-api.phala.network";

/// One that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verifier {
    /// This machine, with dcap-qvl.
    Local,
    /// A dstack-verifier at a base URL.
    DstackVerifier(String),
    /// Phala Cloud, or one that answers like it, at a base URL.
    PhalaCloud(String),
}

/// Why a text names no verifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierError {
    /// None that is known.
    #[error("{0:?} is no verifier: local, dstack-verifier=URL, phala or phala=URL")]
    Unknown(String),
    /// What stands behind the equals sign.
    #[error(transparent)]
    Url(#[from] HttpError),
}

impl FromStr for Verifier {
    type Err = VerifierError;

    fn from_str(text: &str) -> Result<Self, VerifierError> {
        let (name, url) = match text.split_once('=') {
            Some((name, url)) => (name, Some(http::parse(url).map(|_| url.to_owned())?)),
            None => (text, None),
        };
        match (name, url) {
            ("local", None) => Ok(Self::Local),
            ("dstack-verifier", Some(url)) => Ok(Self::DstackVerifier(url)),
            ("phala", url) => Ok(Self::PhalaCloud(url.unwrap_or_else(|| PHALA_CLOUD.to_owned()))),
            _ => Err(VerifierError::Unknown(text.chars().take(200).collect())),
        }
    }
}

impl Verifier {
    fn backend(&self) -> Option<Box<dyn Backend + Send + Sync>> {
        match self {
            Self::Local => None,
            Self::DstackVerifier(url) => Some(Box::new(DstackVerifier::new(url))),
            Self::PhalaCloud(url) => Some(Box::new(PhalaCloud::new(url))),
        }
    }
}

/// The client as those want it who read what verifiers say: one request, one answer, on a thread that may wait.
struct Waiting {
    http: Http,
    runtime: Handle,
}

impl Transport for Waiting {
    fn post(&self, url: &str, json: &str) -> Result<Reply, String> {
        let answer = self.runtime.block_on(self.http.post(url, json.to_owned()));
        let answer = answer.map_err(|why| why.to_string())?;
        Ok(Reply { status: answer.status, body: answer.body })
    }
}

/// What all of them say about evidence, in their order; this machine is not asked here. Each is asked on its own, so that
/// a slow one holds up nobody.
pub async fn ask(http: &Http, verifiers: &[Verifier], evidence: &Evidence) -> Vec<Opinion> {
    let evidence = Arc::new(evidence.clone());
    let asked = verifiers.iter().filter_map(Verifier::backend).map(|backend| {
        let (evidence, url) = (Arc::clone(&evidence), backend.url().to_owned());
        let transport = Waiting { http: http.clone(), runtime: Handle::current() };
        (url, spawn_blocking(move || backend.ask(&transport, &evidence)))
    });
    // All are on their way before the first is waited for.
    let asked: Vec<_> = asked.collect();
    let mut opinions = Vec::with_capacity(asked.len());
    for (url, opinion) in asked {
        let silent = |_| Opinion::unavailable(&url, "asking it failed on this machine");
        opinions.push(without_secrets(opinion.await.unwrap_or_else(silent)));
    }
    opinions
}

/// The same, with a name that has no password in it.
fn without_secrets(mut opinion: Opinion) -> Opinion {
    opinion.url = http::named(&opinion.url);
    for check in &mut opinion.checks {
        check.by = By::Service(opinion.url.clone());
    }
    opinion
}
