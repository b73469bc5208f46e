//! Certificates as dstack issues them: KMS CA, app CA, leaf with a quote.

use super::{
    log::hex,
    machine::{APP_ID, Machine, boot},
    pki::{self, Pki},
};
use devproof_attestation::ReportData;
use rcgen::{CustomExtension, Issuer, KeyPair, PublicKeyData};

const DSTACK: [u64; 8] = [1, 3, 6, 1, 4, 1, 62397, 1];

/// A chain in PEM, leaf first, and the public key of its root.
pub struct Certificates {
    pub leaf: String,
    pub app_ca: String,
    pub kms_ca: String,
    pub ca_key: Vec<u8>,
}

impl Certificates {
    pub fn pem(&self) -> String {
        [self.leaf.as_str(), &self.app_ca, &self.kms_ca].concat()
    }
}

/// What can be other than usual.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub app_id: [u8; 20],
    /// How many CAs the KMS CA lets be below it.
    pub below: u8,
    /// Whether the app "CA" is one.
    pub app_ca: bool,
    /// The quote commits to the leaf's key.
    pub committed: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { app_id: APP_ID, below: 1, app_ca: true, committed: true }
    }
}

fn extension(number: u64, content: &[u8]) -> CustomExtension {
    let length = content.len();
    let head = match length {
        0..=127 => vec![4, length as u8],
        _ => vec![4, 0x82, (length >> 8) as u8, length as u8],
    };
    let oid: Vec<u64> = DSTACK.into_iter().chain([number]).collect();
    CustomExtension::from_oid_content(&oid, [head, content.to_vec()].concat())
}

/// Issues certificates about a machine, whose log then names this KMS, and whose report data becomes what the leaf wants.
pub fn issue(machine: &mut Machine, pki: &Pki, options: Options) -> Certificates {
    let key = || KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let (ca_key, app_key, leaf_key) = (key(), key(), key());
    let ca_spki = ca_key.subject_public_key_info();
    machine.log = boot("kms", &hex(&ca_spki));
    let ca_params = pki::ca("Test KMS CA", 11, options.below);
    let kms_ca = ca_params.self_signed(&ca_key).unwrap();
    let ca_issuer = Issuer::new(ca_params, ca_key);
    let mut app_params =
        if options.app_ca { pki::ca("Test App CA", 12, 0) } else { pki::params("Test App CA", 12) };
    app_params.custom_extensions.push(extension(3, &options.app_id));
    let app_ca = app_params.signed_by(&app_key, &ca_issuer).unwrap();
    let app_issuer = Issuer::new(app_params, app_key);
    if options.committed {
        let declared = ReportData::RaTls(leaf_key.subject_public_key_info().into());
        machine.report_data = declared.bytes().unwrap().0;
    }
    let mut leaf_params = pki::params("app", 13);
    leaf_params.custom_extensions.push(extension(1, &pki.quote(&machine.body())));
    leaf_params.custom_extensions.push(extension(2, machine.log.json().as_bytes()));
    // What the app says of itself is not asked.
    leaf_params.custom_extensions.push(extension(3, &[0xee; 20]));
    let leaf = leaf_params.signed_by(&leaf_key, &app_issuer).unwrap();
    Certificates { leaf: leaf.pem(), app_ca: app_ca.pem(), kms_ca: kms_ca.pem(), ca_key: ca_spki }
}
