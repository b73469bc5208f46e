//! The quote against Intel's root, with dcap-qvl, at a time and with collateral that are given.

use crate::{Collateral, QuoteError, TcbStatus, TdxQuote, pem};
use dcap_qvl::{PckCertFlag, QuoteClaims, QuoteCollateralV3, QuotePolicy, verify::QuoteVerifier};
use x509_cert::{Certificate, der::Decode};

/// The root that quotes and collateral must lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustAnchor {
    /// Intel's SGX root CA, which signs for TDX as well.
    Intel,
    /// Another root, DER encoded: of a PKI for tests. A verdict under it says nothing about hardware.
    Other(Vec<u8>),
}

/// Why bytes are no root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a root CA is one certificate, PEM or DER")]
pub struct TrustAnchorError;

impl TrustAnchor {
    /// Reads a root from a file's bytes, PEM or DER.
    ///
    /// # Errors
    /// If it is not exactly one certificate.
    pub fn read(bytes: &[u8]) -> Result<Self, TrustAnchorError> {
        let pem = std::str::from_utf8(bytes).ok().filter(|text| pem::looks_like(text));
        let der = match pem {
            Some(text) => match pem::certificates(text).as_deref() {
                Some([one]) => one.clone(),
                _ => return Err(TrustAnchorError),
            },
            None => bytes.to_vec(),
        };
        Certificate::from_der(&der).map_err(|_| TrustAnchorError)?;
        Ok(Self::Other(der))
    }

    fn verifier(&self) -> QuoteVerifier {
        match self {
            Self::Intel => QuoteVerifier::new_prod(),
            Self::Other(der) => QuoteVerifier::new(der.clone()),
        }
    }
}

/// Something that a platform's certificate may say or leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// It says yes.
    Yes,
    /// It says no.
    No,
    /// It does not say.
    Unsaid,
}

impl From<PckCertFlag> for Flag {
    fn from(flag: PckCertFlag) -> Self {
        match flag {
            PckCertFlag::True => Self::Yes,
            PckCertFlag::False => Self::No,
            PckCertFlag::Undefined => Self::Unsaid,
        }
    }
}

/// What a quote that verified says about the hardware.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Status of platform, TDX module and quoting enclave together.
    pub status: TcbStatus,
    /// Intel's advisories about what is out of date.
    pub advisories: Vec<String>,
    /// The date of the platform's level, Unix seconds.
    pub platform_date: u64,
    /// Whether the platform itself is out of date, the quoting enclave aside.
    pub platform_out_of_date: bool,
    /// The date of the quoting enclave's level, Unix seconds, if that is out of date.
    pub enclave_out_of_date_since: Option<u64>,
    /// The number of Intel's evaluation.
    pub evaluation: u32,
    /// From when on all of the collateral is valid, Unix seconds.
    pub issued: u64,
    /// Until when all of it is, Unix seconds.
    pub expires: u64,
    /// The family of platforms, six bytes.
    pub fmspc: [u8; 6],
    /// The platform's id.
    pub ppid: Vec<u8>,
    /// Packages may be added to the platform.
    pub dynamic_platform: Flag,
    /// Intel's registration service keeps the platform's root keys.
    pub cached_keys: Flag,
    /// Two threads share a core.
    pub smt: Flag,
}

/// Why a quote did not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no TDX quote.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// A signature, a hash or an identity in it does not hold.
    #[error("{0}")]
    Forged(String),
    /// The platform's keys were revoked.
    #[error("{0}")]
    Revoked(String),
    /// The machine has attributes under which it protects nothing.
    #[error("{0}")]
    Attributes(String),
    /// The collateral is of another time, platform or root, or broken. Says nothing about the quote.
    #[error("{0}")]
    Collateral(String),
}

/// Beginnings of what dcap-qvl says about the collateral alone, or about the time.
const ABOUT_COLLATERAL: [&str; 26] = [
    "CrlExpired",
    "UnknownRevocationStatus",
    "TCBInfo expired",
    "QE Identity expired",
    "TCBInfo issue date is in the future",
    "QE Identity issue date is in the future",
    "Failed to decode TcbInfo",
    "Failed to decode QeIdentity",
    "Failed to parse TCB Info",
    "Failed to parse QE Identity",
    "Failed to parse root CA CRL",
    "Failed to parse PCK CRL",
    "Failed to parse certs",
    "Failed to load root ca",
    "Certificate chain is too short for",
    "Signature is invalid for tcb_info",
    "Signature is invalid for qe_identity",
    "TCB Info signer must",
    "QE Identity signer must",
    "Unsupported QE Identity",
    "No matching TCB level found",
    "Fmspc mismatch",
    "Failed to decode TCB FMSPC",
    "TDX quote with non-TDX TCB info",
    "TDX TCB Info is missing",
    "Unrecognized TCB status",
];

/// What it says about the attributes of a machine. These are looked at last, after every signature.
const ABOUT_ATTRIBUTES: [&str; 7] = [
    "Debug mode is enabled",
    "TD profiling is enabled",
    "Reserved bits in TD attributes",
    "TD migration is enabled",
    "SERVTD_EXT is enabled",
    "SEPT_VE_DISABLE is not enabled",
    "Invalid MR service TD",
];

/// Verifies a quote at a time (Unix seconds). Judges no status: that is for a policy.
///
/// A machine in debug mode, or bound to a service TD, still verifies: the row about its attributes says so.
///
/// # Errors
/// If it does not verify, and whether that is the quote's fault.
pub fn verify_quote(
    quote: &TdxQuote,
    collateral: &Collateral,
    now: u64,
    root: &TrustAnchor,
) -> Result<Claims, Refusal> {
    let verifier = root.verifier().allow_debug(true).allow_service_td(true);
    let verify = |collateral: &QuoteCollateralV3| {
        verifier
            .verify_with_policy(quote.bytes(), collateral, now, &QuotePolicy::claims_only(now))
            .map_err(|e| format!("{e:#}"))
    };
    match verify(collateral.inner()) {
        Ok(claims) => Ok(Claims::from(claims)),
        Err(why) => Err(refusal(why, collateral.inner(), verify)),
    }
}

fn refusal(
    why: String,
    collateral: &QuoteCollateralV3,
    verify: impl Fn(&QuoteCollateralV3) -> Result<QuoteClaims, String>,
) -> Refusal {
    let starts = |begins: &[&str]| begins.iter().any(|begin| why.starts_with(begin));
    if starts(&ABOUT_COLLATERAL) {
        return Refusal::Collateral(why);
    }
    if starts(&ABOUT_ATTRIBUTES) {
        return Refusal::Attributes(why);
    }
    if starts(&["TCB status is invalid: Revoked"]) {
        return Refusal::Revoked(why);
    }
    if !starts(&["Failed to verify certificate chain"]) {
        return Refusal::Forged(why);
    }
    // Three chains are verified with the same words: of the TCB info, of the enclave's identity, and last of the
    // quote. With the first one put into the place of the last, the same complaint means one of the first two.
    let issuer_chain = collateral.tcb_info_issuer_chain.clone();
    let probe =
        QuoteCollateralV3 { pck_certificate_chain: Some(issuer_chain), ..collateral.clone() };
    if verify(&probe).is_err_and(|again| again == why) {
        return Refusal::Collateral(why);
    }
    let about_time = ["CertExpired", "CertNotValidYet", "CrlExpired", "UnknownRevocationStatus"];
    if why.contains("CertRevoked") {
        Refusal::Revoked(why)
    } else if about_time.iter().any(|word| why.contains(word)) {
        Refusal::Collateral(why)
    } else {
        Refusal::Forged(why)
    }
}

impl From<QuoteClaims> for Claims {
    fn from(claims: QuoteClaims) -> Self {
        let out_of_date = |status| TcbStatus::from(status).is_out_of_date();
        let pck = claims.platform.pck;
        let enclave = claims.qe.tcb_level;
        let since = out_of_date(enclave.tcb_status).then(|| {
            let date = enclave.tcb_date.parse::<jiff::Timestamp>().ok();
            date.and_then(|date| u64::try_from(date.as_second()).ok()).unwrap_or_default()
        });
        Self {
            status: claims.tcb.status.into(),
            advisories: claims.tcb.advisory_ids,
            platform_date: claims.platform.tcb_date_tag,
            platform_out_of_date: out_of_date(claims.platform.tcb_level.tcb_status),
            enclave_out_of_date_since: since,
            evaluation: claims.tcb.eval_data_number,
            issued: claims.latest_issue_date,
            expires: claims.earliest_expiration_date,
            fmspc: pck.fmspc,
            ppid: pck.ppid,
            dynamic_platform: pck.dynamic_platform.into(),
            cached_keys: pck.cached_keys.into(),
            smt: pck.smt_enabled.into(),
        }
    }
}
