//! Collateral from Intel's Provisioning Certification Service, or from one of its caches (Intel SGX and TDX PCS API,
//! version 4; a PCCS has the same paths).
//!
//! What comes is not believed: it is verified together with a quote. That is why the texts that Intel signed are taken out
//! of the answers to the byte.

use crate::{Answer, Http, HttpError, http};
use alloy_primitives::hex;
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

/// Intel's own service.
pub const INTEL_PCS: &str = "https://api.trustedservices.intel.com";
/// The cache that dstack's hosts use.
pub const PHALA_PCCS: &str = "https://pccs.phala.network";
/// Where Intel's own service has the revocation list of its root, which a cache has beside the others.
const INTEL_ROOT_CRL: &str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

/// One such service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pccs {
    base: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    #[serde(alias = "enclaveIdentity")]
    tcb_info: Box<RawValue>,
    signature: String,
}

impl Pccs {
    /// The one at a base URL, with or without the path of the API behind it.
    ///
    /// # Errors
    /// [`HttpError::BadUrl`].
    pub fn new(base: &str) -> Result<Self, HttpError> {
        http::parse(base)?;
        let base = base.trim_end_matches('/');
        let base = base.trim_end_matches("/sgx/certification/v4");
        Ok(Self { base: base.trim_end_matches("/tdx/certification/v4").to_owned() })
    }

    /// Its URL, without a password.
    #[must_use]
    pub fn name(&self) -> String {
        http::named(&self.base)
    }

    /// What Intel says about a family of platforms, in the JSON of dcap-qvl, without any certificate of a platform. `ca` is
    /// `processor` or `platform`.
    ///
    /// # Errors
    /// [`HttpError`]: of the first of the four answers that could not be had, or is none.
    pub async fn collateral(
        &self,
        http: &Http,
        fmspc: [u8; 6],
        ca: &str,
    ) -> Result<String, HttpError> {
        let base = &self.base;
        let fmspc = hex::encode_upper(fmspc);
        let get = async |url: String| http.get(&url).await?.ok();
        let root = if base.starts_with(INTEL_PCS) {
            INTEL_ROOT_CRL.to_owned()
        } else {
            format!("{base}/sgx/certification/v4/rootcacrl")
        };
        let (pck_crl, root_crl, tcb, identity) = futures::try_join!(
            get(format!("{base}/sgx/certification/v4/pckcrl?ca={ca}&encoding=der")),
            get(root),
            get(format!("{base}/tdx/certification/v4/tcb?fmspc={fmspc}&update=standard")),
            get(format!("{base}/tdx/certification/v4/qe/identity?update=standard")),
        )?;
        let (tcb_info, identity_text) = (signed(&tcb)?, signed(&identity)?);
        let collateral = json!({
            "pck_crl_issuer_chain": chain(&pck_crl, &["SGX-PCK-CRL-Issuer-Chain"])?,
            "root_ca_crl": list(&root_crl)?,
            "pck_crl": list(&pck_crl)?,
            "tcb_info_issuer_chain": chain(&tcb, &["TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain"])?,
            "tcb_info": tcb_info.tcb_info.get(),
            "tcb_info_signature": tcb_info.signature,
            "qe_identity_issuer_chain": chain(&identity, &["SGX-Enclave-Identity-Issuer-Chain"])?,
            "qe_identity": identity_text.tcb_info.get(),
            "qe_identity_signature": identity_text.signature,
        });
        Ok(collateral.to_string())
    }
}

fn signed(answer: &Answer) -> Result<Signed, HttpError> {
    serde_json::from_slice(&answer.body).map_err(|e| HttpError::Nonsense(e.to_string()))
}

/// A chain of certificates in a header: PEM, percent-encoded.
fn chain(answer: &Answer, names: &[&str]) -> Result<String, HttpError> {
    let missing = || HttpError::Nonsense(format!("there is no {}", names.concat()));
    let value = names.iter().find_map(|name| answer.headers.get(*name)).ok_or_else(missing)?;
    let text = percent_decode(value.as_bytes()).decode_utf8();
    Ok(text.map_err(|e| HttpError::Nonsense(e.to_string()))?.into_owned())
}

/// A revocation list as hexadecimal digits: caches send the root's as such, everything else is DER.
fn list(answer: &Answer) -> Result<String, HttpError> {
    let digits =
        std::str::from_utf8(&answer.body).ok().and_then(|text| hex::decode(text.trim()).ok());
    let der = digits.as_deref().unwrap_or(&answer.body);
    if der.first() != Some(&0x30) {
        return Err(HttpError::Nonsense(
            "a revocation list is neither DER nor hexadecimal".to_owned(),
        ));
    }
    Ok(hex::encode(der))
}
