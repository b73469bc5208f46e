//! Collateral: what Intel says about platforms and its quoting enclave, as of a time.

use crate::{digest::sha256, limits};
use alloy_primitives::B256;
use dcap_qvl::QuoteCollateralV3;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;
use x509_cert::{crl::CertificateList, der::Decode};

/// Why a text is no collateral.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollateralError {
    /// More than [`limits::COLLATERAL`] bytes.
    #[error(
        "the collateral has {length} bytes, more than the {} that are looked at",
        limits::COLLATERAL
    )]
    TooLong {
        /// Bytes found.
        length: usize,
    },
    /// Not the JSON of collateral.
    #[error("the collateral cannot be read: {0}")]
    Malformed(String),
}

/// Collateral that could be read. Nothing in it is believed yet: it is verified together with a quote.
#[derive(Clone, Debug)]
pub struct Collateral {
    inner: QuoteCollateralV3,
    json: Arc<str>,
    digest: B256,
    fmspc: Option<String>,
    evaluation: Option<u32>,
    issued: Option<Timestamp>,
    next_update: Option<Timestamp>,
}

/// The dates in what Intel signed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dates {
    issue_date: Option<Timestamp>,
    next_update: Option<Timestamp>,
    fmspc: Option<String>,
    tcb_evaluation_data_number: Option<u32>,
}

impl Collateral {
    /// Reads collateral in the JSON of dcap-qvl (`QuoteCollateralV3`): PEM chains, revocation lists and signatures in
    /// hexadecimal, and the signed texts as strings, to the byte.
    ///
    /// A certificate chain of a platform in it is left out. Services put that of the quote they were asked about there,
    /// and it would be taken instead of the one in the quote at hand.
    ///
    /// # Errors
    /// If it is too long or no such JSON.
    pub fn parse(json: &str) -> Result<Self, CollateralError> {
        if json.len() > limits::COLLATERAL {
            return Err(CollateralError::TooLong { length: json.len() });
        }
        let mut inner: QuoteCollateralV3 =
            serde_json::from_str(json).map_err(|e| CollateralError::Malformed(e.to_string()))?;
        inner.pck_certificate_chain = None;
        let tcb = serde_json::from_str::<Dates>(&inner.tcb_info).ok();
        let qe = serde_json::from_str::<Dates>(&inner.qe_identity).ok();
        let both = || tcb.iter().chain(&qe);
        Ok(Self {
            json: json.into(),
            digest: sha256(json.as_bytes()),
            fmspc: tcb.as_ref().and_then(|tcb| tcb.fmspc.clone()),
            evaluation: both().filter_map(|it| it.tcb_evaluation_data_number).min(),
            issued: both().filter_map(|it| it.issue_date).max(),
            next_update: both()
                .filter_map(|it| it.next_update)
                .chain(
                    [&inner.root_ca_crl, &inner.pck_crl].into_iter().filter_map(|it| of_list(it)),
                )
                .min(),
            inner,
        })
    }

    /// SHA-256 of the JSON, by which it is archived.
    #[must_use]
    pub const fn digest(&self) -> B256 {
        self.digest
    }

    /// The JSON, as it came.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The family of platforms it is about, six bytes in hexadecimal, as it says itself.
    #[must_use]
    pub fn fmspc(&self) -> Option<&str> {
        self.fmspc.as_deref()
    }

    /// The number of Intel's evaluation that it is of, as it says itself: the smaller one of its two parts.
    #[must_use]
    pub const fn evaluation_data_number(&self) -> Option<u32> {
        self.evaluation
    }

    /// From when on it is valid, as it says itself.
    #[must_use]
    pub const fn issued(&self) -> Option<Timestamp> {
        self.issued
    }

    /// Until when it is valid, as it says itself: the earliest `nextUpdate` of its two texts and two revocation lists.
    #[must_use]
    pub const fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    pub(crate) const fn inner(&self) -> &QuoteCollateralV3 {
        &self.inner
    }
}

/// Until when a revocation list is valid, if it says so.
fn of_list(der: &[u8]) -> Option<Timestamp> {
    let list: CertificateList = CertificateList::from_der(der).ok()?;
    let time = list.tbs_cert_list.next_update?.to_unix_duration();
    Timestamp::from_second(i64::try_from(time.as_secs()).ok()?).ok()
}
