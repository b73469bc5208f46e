//! What somebody hands over as evidence, in any of the forms in use.

mod binary;
mod json;
mod msgpack;
mod scale;

use crate::{
    CertificateChain, CertificateError, Collateral, CollateralError, EncodingError, EventLog,
    EventLogError, digest::sha256, encoding, limits, pem,
};
use alloy_primitives::B256;

/// The form in which evidence came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The JSON that `GetQuote` of dstack's guest agent replies, or anything with the same fields.
    GetQuote,
    /// A binary attestation of dstack 0.6, or JSON around one.
    Attestation,
    /// What Phala Cloud replies about the attestations of an app.
    PhalaCloud,
    /// A chain of certificates with a quote in the first.
    RaTls,
    /// A quote and nothing else.
    Quote,
    /// A quote saved together with its collateral.
    Bundle,
}

impl Form {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetQuote => "get_quote",
            Self::Attestation => "attestation",
            Self::PhalaCloud => "phala_cloud",
            Self::RaTls => "ra_tls",
            Self::Quote => "quote",
            Self::Bundle => "bundle",
        }
    }
}

/// Why a document is no evidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Nothing is there.
    #[error("there is nothing in it")]
    Empty,
    /// More than [`limits::DOCUMENT`] bytes.
    #[error("it has more than the {} bytes that are looked at", limits::DOCUMENT)]
    TooLong,
    /// None of the forms.
    #[error(
        "it is in no form of evidence that is known: the JSON of a GetQuote reply, a dstack attestation, Phala Cloud's reply \
         about attestations, certificates in PEM, or a quote (bytes, hexadecimal or base64)"
    )]
    Unknown,
    /// JSON that is not well formed, says something twice, or has other types.
    #[error("the JSON cannot be read: {0}")]
    Json(String),
    /// JSON without a quote in it.
    #[error("there is no quote in it")]
    NoQuote,
    /// Something in it is not the bytes it should be.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// Something in it is longer than such a thing may be.
    #[error("{what} has more than the {max} bytes that are looked at")]
    PartTooLong {
        /// Which part.
        what: &'static str,
        /// The limit, in bytes.
        max: usize,
    },
    /// A binary attestation that cannot be read.
    #[error("the attestation cannot be read: {0}")]
    Attestation(String),
    /// A binary attestation of another kind of machine.
    #[error("the attestation is of another platform than TDX ({0})")]
    Platform(String),
    /// Certificates that cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Collateral in a bundle that cannot be read.
    #[error(transparent)]
    Collateral(#[from] CollateralError),
    /// More than [`limits::INSTANCES`] instances.
    #[error("it has more than {} instances", limits::INSTANCES)]
    TooManyInstances,
}

/// The evidence of one instance. Nothing in it is believed yet.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The form it came in.
    pub form: Form,
    /// SHA-256 of the whole document.
    pub digest: B256,
    /// Which instance of several, from 0.
    pub instance: Option<usize>,
    /// The quote. Whether it is one is for [`crate::TdxQuote::parse`] to say.
    pub quote: Vec<u8>,
    /// The event log, or why it is none.
    pub event_log: Option<Result<EventLog, EventLogError>>,
    /// The configuration of the machine, as it was given: JSON, and the word of the host only.
    pub vm_config: Option<String>,
    /// The app-compose.json, to the byte.
    pub app_compose: Option<String>,
    /// The document behind an `mr_config_id` of version 3, to the byte.
    pub mr_config: Option<String>,
    /// The certificates that the quote came in.
    pub certificates: Option<CertificateChain>,
    /// The collateral that was saved with it.
    pub collateral: Option<Collateral>,
    /// The time at which it was saved, Unix seconds, as whoever saved it says.
    pub time: Option<u64>,
}

impl Evidence {
    /// Reads a document. There is at least one instance in the result; only Phala Cloud's reply has several.
    ///
    /// # Errors
    /// If it is no evidence. A quote or an event log that is malformed inside well-formed evidence is no error here:
    /// that is a row of the verdict.
    pub fn read(document: &[u8]) -> Result<Vec<Self>, EvidenceError> {
        if document.len() > limits::DOCUMENT {
            return Err(EvidenceError::TooLong);
        }
        if document.is_empty() {
            return Err(EvidenceError::Empty);
        }
        let mut read = match std::str::from_utf8(document) {
            Ok(text) => Self::from_text(text)?,
            Err(_) => vec![Self::from_bytes(document.to_vec())?],
        };
        let digest = sha256(document);
        for evidence in &mut read {
            evidence.digest = digest;
        }
        Ok(read)
    }

    fn from_text(text: &str) -> Result<Vec<Self>, EvidenceError> {
        let start = text.trim_start();
        if start.starts_with('{') {
            return json::read(text);
        }
        if pem::looks_like(text) {
            return Ok(vec![Self::from_certificates(CertificateChain::from_pem(text)?)?]);
        }
        if start.is_empty() {
            return Err(EvidenceError::Empty);
        }
        match encoding::text(text, "the quote", limits::DOCUMENT) {
            Ok(bytes) => Ok(vec![Self::from_bytes(bytes)?]),
            // Bytes that happen to be text are no text.
            Err(EncodingError::Unknown { .. }) => {
                Ok(vec![Self::from_bytes(text.as_bytes().to_vec())?])
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Tells binary forms apart by how they begin.
    fn from_bytes(bytes: Vec<u8>) -> Result<Self, EvidenceError> {
        match bytes.as_slice() {
            [] => Err(EvidenceError::Empty),
            // A little-endian version, then the type of the attestation key (2 or 3).
            [3..=5, 0, 2 | 3, 0, ..] => Ok(Self::new(Form::Quote, bytes)),
            [0x30, 0x82, ..] => Self::from_certificates(CertificateChain::from_der(&[bytes])?),
            // dstack tells its two encodings apart so.
            [0, ..] | [0x80..=0x8f, ..] | [0xde | 0xdf, ..] => binary::read(&bytes),
            _ => Err(EvidenceError::Unknown),
        }
    }

    fn from_certificates(chain: CertificateChain) -> Result<Self, EvidenceError> {
        let mut evidence = match (chain.quote()?, chain.attestation()?) {
            (Some(quote), _) => Self::new(Form::RaTls, quote),
            (None, Some(attestation)) => binary::read(&attestation)?,
            (None, None) => return Err(EvidenceError::NoQuote),
        };
        if evidence.event_log.is_none()
            && let Some(log) = chain.event_log()?
        {
            evidence.event_log = Some(match String::from_utf8(log) {
                Ok(log) => EventLog::parse(&log),
                Err(_) => Err(EventLogError::Malformed("it is not UTF-8".to_owned())),
            });
        }
        evidence.form = Form::RaTls;
        evidence.certificates = Some(chain);
        Ok(evidence)
    }

    fn new(form: Form, quote: Vec<u8>) -> Self {
        Self {
            form,
            digest: B256::ZERO,
            instance: None,
            quote,
            event_log: None,
            vm_config: None,
            app_compose: None,
            mr_config: None,
            certificates: None,
            collateral: None,
            time: None,
        }
    }
}
