//! Certificates of RA-TLS: a TLS key with a quote in its certificate, issued by the app's own CA, which the KMS made
//! (dstack, `ra-tls/src/cert.rs`).
//!
//! What they show: the KMS made an app CA for this app id, and that CA vouches for the key which the quote commits
//! to. A KMS does so only after it checked the machine itself, the operating system included. So a chain up to the CA
//! key in the KMS contract shows what a quote and a log alone cannot. It shows no more than the app's keys are worth: where
//! instances hold the key of their app's CA, a version that gave it away lets any machine have a certificate. All of
//! dstack's keys are P-256.

use crate::{digest::sha256, limits, pem};
use alloy_primitives::{Address, B256, Bytes};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use x509_cert::{
    Certificate,
    der::{Decode, Encode, asn1::OctetStringRef, oid::ObjectIdentifier},
    ext::pkix::BasicConstraints,
    spki::SubjectPublicKeyInfoOwned,
};

const QUOTE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62397.1.1");
const EVENT_LOG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62397.1.2");
const APP_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62397.1.3");
const ATTESTATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62397.1.8");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// Why a chain of certificates is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No PEM of at most [`limits::CERTIFICATES`] certificates.
    #[error("these are not one to {} certificates in PEM", limits::CERTIFICATES)]
    NotPem,
    /// Not a certificate.
    #[error("certificate {index} cannot be read: {why}")]
    Malformed {
        /// Place in the chain, the leaf being 0.
        index: usize,
        /// What is wrong.
        why: String,
    },
    /// An extension of dstack's is there twice, or is not the octets it should be.
    #[error("certificate {index}: the extension {oid} cannot be read")]
    Extension {
        /// Place in the chain.
        index: usize,
        /// Which one.
        oid: String,
    },
    /// Another kind of key or signature than dstack uses.
    #[error("certificate {index} has another key or signature than ECDSA on P-256 with SHA-256")]
    Algorithm {
        /// Place in the chain.
        index: usize,
    },
    /// The next certificate of the chain did not sign this one.
    #[error("certificate {index} was not signed by its issuer")]
    NotSigned {
        /// Place in the chain.
        index: usize,
    },
    /// The next certificate of the chain is not the issuer that this one names.
    #[error("certificate {index} names another issuer than the next one")]
    WrongIssuer {
        /// Place in the chain.
        index: usize,
    },
    /// The issuer may not issue certificates, or not so far down.
    #[error("certificate {index} is not a CA, or not for so long a chain")]
    NotCa {
        /// Place in the chain.
        index: usize,
    },
    /// Outside of its time.
    #[error("certificate {index} is not valid at this time")]
    NotValid {
        /// Place in the chain.
        index: usize,
    },
    /// Good as far as it goes, but it does not lead to the key asked for.
    #[error("the chain does not lead to the CA key of the KMS")]
    OtherRoot,
    /// The key asked for is none.
    #[error("the CA key of the KMS is not a P-256 public key (SubjectPublicKeyInfo, DER)")]
    BadRoot,
}

/// A chain, leaf first, that could be read. Nothing in it is believed yet.
#[derive(Clone, Debug)]
pub struct CertificateChain {
    links: Vec<Link>,
    digest: B256,
}

#[derive(Clone, Debug)]
struct Link {
    certificate: Certificate,
    spki: Vec<u8>,
}

impl CertificateChain {
    /// Reads a chain from PEM, leaf first.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        if text.len() > limits::CERTIFICATE_FILE {
            return Err(CertificateError::NotPem);
        }
        Self::from_der(&pem::certificates(text).ok_or(CertificateError::NotPem)?)
    }

    /// Reads a chain of DER encoded certificates, leaf first.
    ///
    /// # Errors
    /// If one of them is none.
    pub fn from_der(certificates: &[Vec<u8>]) -> Result<Self, CertificateError> {
        if certificates.is_empty() || certificates.len() > limits::CERTIFICATES {
            return Err(CertificateError::NotPem);
        }
        let link = |(index, der): (usize, &Vec<u8>)| {
            let bad = |e: x509_cert::der::Error| CertificateError::Malformed {
                index,
                why: e.to_string(),
            };
            let certificate = Certificate::from_der(der).map_err(bad)?;
            let spki = certificate.tbs_certificate().subject_public_key_info().to_der();
            Ok(Link { certificate, spki: spki.map_err(bad)? })
        };
        let links = certificates.iter().enumerate().map(link).collect::<Result<_, _>>()?;
        Ok(Self { links, digest: sha256(&certificates.concat()) })
    }

    /// SHA-256 of the certificates in DER, one behind the other.
    #[must_use]
    pub const fn digest(&self) -> B256 {
        self.digest
    }

    /// The public key of the leaf (SubjectPublicKeyInfo, DER).
    #[must_use]
    pub fn leaf_key(&self) -> Bytes {
        self.links.first().map(|leaf| leaf.spki.clone().into()).unwrap_or_default()
    }

    /// The public key of the last certificate, likewise: the root's if the chain is whole.
    #[must_use]
    pub fn last_key(&self) -> Bytes {
        self.links.last().map(|last| last.spki.clone().into()).unwrap_or_default()
    }

    /// The quote in the leaf.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn quote(&self) -> Result<Option<Vec<u8>>, CertificateError> {
        self.extension(0, QUOTE)
    }

    /// The event log in the leaf.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn event_log(&self) -> Result<Option<Vec<u8>>, CertificateError> {
        self.extension(0, EVENT_LOG)
    }

    /// The binary attestation in the leaf, in certificates of newer guests.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn attestation(&self) -> Result<Option<Vec<u8>>, CertificateError> {
        self.extension(0, ATTESTATION)
    }

    /// The app that the issuing CAs are for, as the KMS wrote it. The leaf's own word is not asked: the app chose it.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn app_id(&self) -> Result<Option<Address>, CertificateError> {
        for index in 1..self.links.len() {
            if let Some(bytes) = self.extension(index, APP_ID)? {
                let oid = APP_ID.to_string();
                let id: [u8; 20] =
                    bytes.try_into().map_err(|_| CertificateError::Extension { index, oid })?;
                return Ok(Some(id.into()));
            }
        }
        Ok(None)
    }

    /// Checks every link of the chain, and that it leads to a key: the last certificate has it, or was signed by it.
    ///
    /// # Errors
    /// The first thing that is wrong, from the leaf on.
    pub fn leads_to(&self, ca_key: &[u8], now: u64) -> Result<(), CertificateError> {
        self.check(now)?;
        let last = self.links.last().ok_or(CertificateError::NotPem)?;
        if last.spki == ca_key {
            return Ok(());
        }
        let ca =
            SubjectPublicKeyInfoOwned::from_der(ca_key).map_err(|_| CertificateError::BadRoot)?;
        let key = point(&ca).ok_or(CertificateError::BadRoot)?;
        let index = self.links.len() - 1;
        signed_by(&last.certificate, index, key).map_err(|_| CertificateError::OtherRoot)
    }

    /// Checks every link of the chain: signatures, names, times, and that issuers may issue.
    ///
    /// # Errors
    /// The first thing that is wrong, from the leaf on.
    pub fn check(&self, now: u64) -> Result<(), CertificateError> {
        for (index, link) in self.links.iter().enumerate() {
            let tbs = link.certificate.tbs_certificate();
            let validity = tbs.validity();
            let from = validity.not_before.to_unix_duration().as_secs();
            let to = validity.not_after.to_unix_duration().as_secs();
            if now < from || now > to {
                return Err(CertificateError::NotValid { index });
            }
            let Some(issuer) = self.links.get(index + 1) else { continue };
            let by = issuer.certificate.tbs_certificate();
            if tbs.issuer() != by.subject() {
                return Err(CertificateError::WrongIssuer { index });
            }
            if !may_issue(&issuer.certificate, index) {
                return Err(CertificateError::NotCa { index: index + 1 });
            }
            let key = point(by.subject_public_key_info());
            signed_by(&link.certificate, index, key.ok_or(CertificateError::Algorithm { index })?)?;
        }
        Ok(())
    }

    /// The octets in an extension, which dstack wraps into an OCTET STRING of their own.
    fn extension(
        &self,
        index: usize,
        oid: ObjectIdentifier,
    ) -> Result<Option<Vec<u8>>, CertificateError> {
        let Some(link) = self.links.get(index) else { return Ok(None) };
        let bad = || CertificateError::Extension { index, oid: oid.to_string() };
        let extensions = link.certificate.tbs_certificate().extensions();
        let mut found = extensions.into_iter().flatten().filter(|e| e.extn_id == oid);
        let Some(one) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(bad());
        }
        let octets = <&OctetStringRef>::from_der(one.extn_value.as_bytes()).map_err(|_| bad())?;
        Ok(Some(octets.as_bytes().to_vec()))
    }
}

/// Whether a CA may issue with `below` CAs between it and the leaf.
fn may_issue(ca: &Certificate, below: usize) -> bool {
    let extensions = ca.tbs_certificate().extensions();
    let mut found = extensions.into_iter().flatten().filter(|e| e.extn_id == BASIC_CONSTRAINTS);
    let constraints = found.next().map(|e| BasicConstraints::from_der(e.extn_value.as_bytes()));
    match constraints {
        Some(Ok(BasicConstraints { ca: true, path_len_constraint })) => {
            found.next().is_none() && path_len_constraint.is_none_or(|n| usize::from(n) >= below)
        }
        _ => false,
    }
}

/// The point of a P-256 key.
fn point(key: &SubjectPublicKeyInfoOwned) -> Option<&[u8]> {
    let curve = key.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok()?;
    (key.algorithm.oid == EC_PUBLIC_KEY && curve == P256)
        .then(|| key.subject_public_key.as_bytes())
        .flatten()
}

fn signed_by(certificate: &Certificate, index: usize, key: &[u8]) -> Result<(), CertificateError> {
    if certificate.signature_algorithm().oid != ECDSA_WITH_SHA256 {
        return Err(CertificateError::Algorithm { index });
    }
    // DER has one encoding for each content and the parser takes no other, so this is what was read.
    let signed = certificate
        .tbs_certificate()
        .to_der()
        .map_err(|e| CertificateError::Malformed { index, why: e.to_string() })?;
    let signature = certificate.signature().as_bytes().unwrap_or_default();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key)
        .verify(&signed, signature)
        .map_err(|_| CertificateError::NotSigned { index })
}
