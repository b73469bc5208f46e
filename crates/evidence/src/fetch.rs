//! Evidence from where it is: a running machine's endpoint, or the guest agent beside us.

use crate::{Http, HttpError, Limits, http};
use alloy_primitives::{B512, hex};
use devproof_attestation::{Evidence, EvidenceError};
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What a guest agent calls itself over its socket, where hosts mean nothing.
const AGENT: &str = "http://dstack";

/// Where evidence is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a URL: a quote, a service's reply about attestations, or a machine's `/prpc/Info` with its certificates.
    Url(String),
    /// The guest agent of dstack 0.5 and later, on this socket of the machine that we run in.
    Agent(PathBuf),
    /// That of dstack before 0.5, `tappd`, likewise.
    Tappd(PathBuf),
    /// Neither: a file, or `-` for standard input.
    File(PathBuf),
}

impl Place {
    /// Whether whoever is there makes a quote for whatever it is asked for.
    #[must_use]
    pub const fn is_agent(&self) -> bool {
        matches!(self, Self::Agent(_) | Self::Tappd(_))
    }
}

impl From<&str> for Place {
    fn from(text: &str) -> Self {
        if text.starts_with("https://") || text.starts_with("http://") {
            Self::Url(text.to_owned())
        } else if let Some(path) = text.strip_prefix("tappd:") {
            Self::Tappd(path.into())
        } else if let Some(path) = text.strip_prefix("unix:").map(PathBuf::from) {
            // The older one is known by the name that it always has.
            let is_older = path.file_name().is_some_and(|name| name == "tappd.sock");
            if is_older { Self::Tappd(path) } else { Self::Agent(path) }
        } else {
            Self::File(text.into())
        }
    }
}

/// Why there is no evidence at a place, in a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Nobody gave an answer that can be used.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What was given is no evidence.
    #[error("what it gives is no evidence: {0}")]
    Evidence(#[from] EvidenceError),
}

/// A document of evidence, and what was read out of it.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The document, to the byte: what the digest of the evidence is of.
    pub document: Vec<u8>,
    /// The evidence in it, of at least one instance.
    pub evidence: Vec<Evidence>,
}

impl Fetched {
    /// Reads a document.
    ///
    /// # Errors
    /// If it is no evidence.
    pub fn read(document: Vec<u8>) -> Result<Self, EvidenceError> {
        let evidence = Evidence::read(&document)?;
        Ok(Self { document, evidence })
    }
}

/// What the guest agent's `Info` says.
#[derive(Deserialize)]
struct Info {
    tcb_info: Option<String>,
}

#[derive(Deserialize)]
struct TcbInfo {
    app_compose: Option<String>,
}

/// The evidence at a URL; at the root of a host that has a page there, that of its `/prpc/Info`.
///
/// # Errors
/// [`FetchError`].
async fn at_url(http: &Http, url: &str) -> Result<Fetched, FetchError> {
    let read = async |url: &str| -> Result<Fetched, FetchError> {
        Ok(Fetched::read(http.get(url).await?.ok()?.body)?)
    };
    let first = read(url).await;
    // Whoever did not answer at all is not asked for something else.
    let answered =
        matches!(first, Err(FetchError::Evidence(_) | FetchError::Http(HttpError::Status(_))));
    let parsed = http::parse(url)?;
    if !answered || parsed.path() != "/" {
        return first;
    }
    let info = parsed.join("/prpc/Info").map_err(|_| HttpError::BadUrl(url.to_owned()))?;
    // Where that is not there either, what the URL itself gave is what matters.
    read(info.as_str()).await.or(first)
}

/// How a guest agent is asked: the paths of its calls, and what they are given.
struct Agent {
    quote: &'static str,
    info: &'static str,
    /// What says that the quote is to have exactly these 64 bytes.
    raw: bool,
}

/// dstack 0.5 and later (`guest-agent/rpc`): what is given is what the quote has.
const GUEST_AGENT: Agent = Agent { quote: "/GetQuote", info: "/Info", raw: false };
/// Before 0.5 (`tappd/rpc`): what is given is hashed, unless it is asked not to be.
const TAPPD: Agent =
    Agent { quote: "/prpc/Tappd.TdxQuote?json", info: "/prpc/Tappd.Info?json", raw: true };

/// A quote of the machine that we run in, made for these 64 bytes, and its app-compose.json if the agent shows it.
async fn of_agent(socket: &Path, agent: &Agent, report_data: B512) -> Result<Fetched, FetchError> {
    let http = Http::on_socket(socket, Limits { follow: false, ..Limits::of_machines() })?;
    let report_data = hex::encode(report_data);
    let asked = if agent.raw {
        json!({ "report_data": report_data, "hash_algorithm": "raw" })
    } else {
        json!({ "report_data": report_data })
    };
    let reply = http.post(&format!("{AGENT}{}", agent.quote), asked.to_string()).await?.ok()?;
    let mut fetched = Fetched::read(reply.body)?;
    let info = http.post(&format!("{AGENT}{}", agent.info), "{}".to_owned()).await;
    let compose = info.ok().and_then(|info| {
        let info: Info = serde_json::from_slice(&info.ok().ok()?.body).ok()?;
        let tcb_info: TcbInfo = serde_json::from_str(&info.tcb_info?).ok()?;
        tcb_info.app_compose
    });
    for evidence in &mut fetched.evidence {
        if evidence.app_compose.is_none() {
            evidence.app_compose.clone_from(&compose);
        }
    }
    Ok(fetched)
}

/// The evidence at a place, and who gave it. `None` for a file, which is read elsewhere. `report_data` is what an agent's
/// quote is made for; what stands at a URL was made before.
///
/// # Errors
/// [`FetchError`].
pub async fn fetch(place: &Place, report_data: B512) -> Result<Option<Fetched>, FetchError> {
    match place {
        Place::Url(url) => at_url(&Http::new(Limits::of_machines())?, url).await.map(Some),
        Place::Agent(socket) => of_agent(socket, &GUEST_AGENT, report_data).await.map(Some),
        Place::Tappd(socket) => of_agent(socket, &TAPPD, report_data).await.map(Some),
        Place::File(_) => Ok(None),
    }
}
