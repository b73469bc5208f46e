//! A PKI of our own that signs quotes for any content, and everything that Intel signs beside them.

use super::log::hex;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension,
    DistinguishedName, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A time at which everything here is valid: 2026-03-01.
pub const NOW: u64 = 1_772_323_200;
pub const FMSPC: [u8; 6] = [0x90, 0xc0, 0x6f, 0, 0, 0];
const CPU_SVN: [u8; 16] = [2; 16];
const PCE_SVN: u8 = 13;
const MR_SIGNER_QE: [u8; 32] = [0xdc; 32];

/// What can be other than usual.
#[derive(Clone, Debug)]
pub struct Options {
    pub status: &'static str,
    pub advisories: Vec<&'static str>,
    pub qe_status: &'static str,
    pub tcb_date: &'static str,
    /// Dynamic platform, cached keys, SMT.
    pub flags: Option<[bool; 3]>,
    pub issued: &'static str,
    pub next_update: &'static str,
    pub fmspc: [u8; 6],
    pub pck_revoked: bool,
    pub evaluation: u32,
    /// The lowest level that Intel's list has.
    pub lowest_svn: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            status: "UpToDate",
            advisories: vec![],
            qe_status: "UpToDate",
            tcb_date: "2026-01-01T00:00:00Z",
            flags: Some([true; 3]),
            issued: "2026-02-20T00:00:00Z",
            next_update: "2026-03-22T00:00:00Z",
            fmspc: FMSPC,
            pck_revoked: false,
            evaluation: 20,
            lowest_svn: 2,
        }
    }
}

/// The authorities.
pub struct Pki {
    pub root_der: Vec<u8>,
    root_pem: String,
    pck_ca_pem: String,
    pck_pem: String,
    pck_key: EcdsaKeyPair,
    root_crl: Vec<u8>,
    pck_crl: Vec<u8>,
    tcb_pem: String,
    tcb_key: EcdsaKeyPair,
    pub options: Options,
}

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

fn signer(key: &KeyPair) -> EcdsaKeyPair {
    let rng = SystemRandom::new();
    let der = key.serialize_der();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &rng).unwrap()
}

pub fn params(name: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2035, 1, 1);
    params.key_identifier_method = KeyIdMethod::Sha256;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

pub fn ca(name: &str, serial: u64, below: u8) -> CertificateParams {
    let mut params = params(name, serial);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn crl(issuer: &Issuer<'_, KeyPair>, revoked: Option<u64>) -> Vec<u8> {
    let revoked_certs = revoked.into_iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(serial),
        revocation_time: date_time_ymd(2026, 1, 1),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 6, 1),
        next_update: date_time_ymd(2030, 1, 1),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: revoked_certs.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().der().to_vec()
}

/// One entry of the Intel extension: an OID below 1.2.840.113741.1.13.1, and a value.
fn entry(path: &[u8], value: &[u8]) -> Vec<u8> {
    let oid = [&[0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 1, 13, 1], path].concat();
    sequence(&[tlv(6, &oid), value.to_vec()].concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        n @ 0..=127 => vec![n as u8],
        n => vec![0x82, (n >> 8) as u8, n as u8],
    };
    [&[tag], &length[..], content].concat()
}

fn sequence(content: &[u8]) -> Vec<u8> {
    tlv(0x30, content)
}

fn intel_extension(options: &Options) -> Vec<u8> {
    let mut tcb: Vec<u8> = (1..=16).flat_map(|n| entry(&[2, n], &tlv(2, &[2]))).collect();
    tcb.extend(entry(&[2, 17], &tlv(2, &[PCE_SVN])));
    tcb.extend(entry(&[2, 18], &tlv(4, &CPU_SVN)));
    let mut all = [
        entry(&[1], &tlv(4, &[0x11; 16])),
        entry(&[2], &sequence(&tcb)),
        entry(&[3], &tlv(4, &[0, 0])),
        entry(&[4], &tlv(4, &FMSPC)),
        entry(&[5], &tlv(10, &[1])),
        entry(&[6], &tlv(4, &[0x22; 16])),
    ]
    .concat();
    if let Some(flags) = options.flags {
        let flags: Vec<u8> = (1..=3)
            .zip(flags)
            .flat_map(|(n, on)| entry(&[7, n], &tlv(1, &[if on { 0xff } else { 0 }])))
            .collect();
        all.extend(entry(&[7], &sequence(&flags)));
    }
    sequence(&all)
}

impl Pki {
    pub fn new(options: Options) -> Self {
        let (root_key, pck_ca_key, pck_key, tcb_key) = (key(), key(), key(), key());
        let root_params = ca("Test SGX Root CA", 1, 2);
        let root = root_params.self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(root_params, root_key);
        let pck_ca_params = ca("Test SGX PCK Platform CA", 2, 0);
        let pck_ca = pck_ca_params.signed_by(&pck_ca_key, &root_issuer).unwrap();
        let pck_issuer = Issuer::new(pck_ca_params, pck_ca_key);
        let mut pck_params = params("Test PCK Certificate", 3);
        let oid = &[1, 2, 840, 113_741, 1, 13, 1];
        let extension = CustomExtension::from_oid_content(oid, intel_extension(&options));
        pck_params.custom_extensions.push(extension);
        let pck = pck_params.signed_by(&pck_key, &pck_issuer).unwrap();
        let tcb = params("Test TCB Signing", 4).signed_by(&tcb_key, &root_issuer).unwrap();
        Self {
            root_der: root.der().to_vec(),
            root_pem: root.pem(),
            pck_ca_pem: pck_ca.pem(),
            pck_pem: pck.pem(),
            pck_key: signer(&pck_key),
            root_crl: crl(&root_issuer, None),
            pck_crl: crl(&pck_issuer, options.pck_revoked.then_some(3)),
            tcb_pem: tcb.pem(),
            tcb_key: signer(&tcb_key),
            options,
        }
    }

    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    pub fn pck_chain(&self) -> String {
        format!("{}{}{}", self.pck_pem, self.pck_ca_pem, self.root_pem)
    }

    fn sign_text(&self, text: &str) -> String {
        hex(self.tcb_key.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref())
    }

    /// Collateral in the JSON of dcap-qvl.
    pub fn collateral(&self) -> Value {
        let o = &self.options;
        let component = |svn: u8| json!({ "svn": svn });
        let level = |svn: u8, status: &str| {
            // The second one is the TDX module's version, which is 0 here: a module without an identity of its own.
            let tdx: Vec<_> = (0..16).map(|n| component(if n == 1 { 0 } else { svn })).collect();
            json!({
                "tcb": {
                    "sgxtcbcomponents": vec![component(svn); 16],
                    "pcesvn": PCE_SVN,
                    "tdxtcbcomponents": tdx,
                },
                "tcbDate": o.tcb_date,
                "tcbStatus": status,
                "advisoryIDs": o.advisories,
            })
        };
        let tcb_info = json!({
            "id": "TDX", "version": 3, "issueDate": o.issued, "nextUpdate": o.next_update,
            "fmspc": hex(&o.fmspc), "pceId": "0000", "tcbType": 0, "tcbEvaluationDataNumber": o.evaluation,
            "tdxModule": {"mrsigner": "00".repeat(48), "attributes": "00".repeat(8), "attributesMask": "ff".repeat(8)},
            "tdxModuleIdentities": [],
            "tcbLevels": [level(o.lowest_svn, o.status)],
        })
        .to_string();
        let qe_identity = json!({
            "id": "TD_QE", "version": 2, "issueDate": o.issued, "nextUpdate": o.next_update,
            "tcbEvaluationDataNumber": o.evaluation, "miscselect": "00000000", "miscselectMask": "ffffffff",
            "attributes": "00".repeat(16), "attributesMask": "00".repeat(16), "mrsigner": hex(&MR_SIGNER_QE),
            "isvprodid": 2,
            "tcbLevels": [{"tcb": {"isvsvn": 4}, "tcbDate": o.tcb_date, "tcbStatus": o.qe_status}],
        })
        .to_string();
        let signing = format!("{}{}", self.tcb_pem, self.root_pem);
        json!({
            "pck_crl_issuer_chain": format!("{}{}", self.pck_ca_pem, self.root_pem),
            "root_ca_crl": hex(&self.root_crl),
            "pck_crl": hex(&self.pck_crl),
            "tcb_info_issuer_chain": signing,
            "tcb_info_signature": self.sign_text(&tcb_info),
            "tcb_info": tcb_info,
            "qe_identity_issuer_chain": signing,
            "qe_identity_signature": self.sign_text(&qe_identity),
            "qe_identity": qe_identity,
        })
    }

    /// A quote around the 584 bytes of a TDX 1.0 report.
    pub fn quote(&self, body: &[u8; 584]) -> Vec<u8> {
        // Version 4, ECDSA P-256, TDX, no versions, Intel's vendor id, no user data.
        let mut quote = vec![4, 0, 2, 0, 0x81, 0, 0, 0, 0, 0, 0, 0];
        quote.extend([
            0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f,
            0x06, 0x07,
        ]);
        quote.extend([0; 20]);
        quote.extend(body);
        self.quote_of(&quote)
    }

    /// The same around whatever is signed: header and body of any version.
    pub fn quote_of(&self, signed: &[u8]) -> Vec<u8> {
        let rng = SystemRandom::new();
        let attestation_key = signer(&key());
        let mut quote = signed.to_vec();
        let signature = attestation_key.sign(&rng, &quote).unwrap();

        let public = &attestation_key.public_key().as_ref()[1..];
        let qe_auth_data = [0x33; 32];
        let mut report = [0; 384];
        report[128..160].copy_from_slice(&MR_SIGNER_QE);
        report[256] = 2; // isv_prod_id
        report[258] = 4; // isv_svn
        report[320..352].copy_from_slice(&Sha256::digest([public, &qe_auth_data[..]].concat()));
        let report_signature = self.pck_key.sign(&rng, &report).unwrap();
        let chain = self.pck_chain();
        let mut inner = report.to_vec();
        inner.extend(report_signature.as_ref());
        inner.extend((qe_auth_data.len() as u16).to_le_bytes());
        inner.extend(qe_auth_data);
        inner.extend(5_u16.to_le_bytes());
        inner.extend((chain.len() as u32).to_le_bytes());
        inner.extend(chain.as_bytes());

        let mut auth = signature.as_ref().to_vec();
        auth.extend(public);
        auth.extend(6_u16.to_le_bytes());
        auth.extend((inner.len() as u32).to_le_bytes());
        auth.extend(inner);
        quote.extend((auth.len() as u32).to_le_bytes());
        quote.extend(auth);
        quote
    }
}
