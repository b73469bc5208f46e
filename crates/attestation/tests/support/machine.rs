//! A machine of ours: what it boots, what it logs, and the quote about it.

use super::{
    log::{Log, hex},
    pki::{Options, Pki},
};
use devproof_attestation::{Collateral, Evidence, TdxQuote, TrustAnchor};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const COMPOSE: &str =
    "{\"manifest_version\":2,\"name\":\"app\",\"docker_compose_file\":\"services: {}\\n\"}\n";
pub const APP_ID: [u8; 20] = [0xa1; 20];
pub const INSTANCE_ID: [u8; 20] = [0x15; 20];
pub const OS_IMAGE: [u8; 32] = [0x05; 32];
/// A P-256 key in SubjectPublicKeyInfo, as the id of a KMS.
pub const KMS_ID: &str = "3059301306072a8648ce3d020106082a8648ce3d03010703420004847995b2954126e6d3e1ac584a9ecbe1cbfdd2728ac4d9e39163af74bd85e3f420db2d35cd8f40c1f225cba198f580bc789fc6d125bf15c44fbe2f683af51e69";

pub fn compose_hash() -> [u8; 32] {
    Sha256::digest(COMPOSE).into()
}

/// Everything that a quote is about; a test changes what it is about.
#[derive(Clone, Debug)]
pub struct Machine {
    pub log: Log,
    pub td_attributes: u64,
    pub mr_signer_seam: [u8; 48],
    pub mrtd: [u8; 48],
    pub mr_config_id: [u8; 48],
    pub report_data: [u8; 64],
    pub vm_config: Option<String>,
    pub app_compose: Option<String>,
}

impl Default for Machine {
    fn default() -> Self {
        let mut mr_config_id = [0; 48];
        mr_config_id[0] = 1;
        mr_config_id[1..33].copy_from_slice(&compose_hash());
        Self {
            log: boot("kms", KMS_ID),
            td_attributes: 1 << 28,
            mr_signer_seam: [0; 48],
            mrtd: [0x4d; 48],
            mr_config_id,
            report_data: [0x77; 64],
            vm_config: Some(json!({"os_image_hash": hex(&OS_IMAGE)}).to_string()),
            app_compose: Some(COMPOSE.to_owned()),
        }
    }
}

/// The log of a boot, with keys from a provider.
pub fn boot(provider: &str, id: &str) -> Log {
    let mut log = Log::default();
    log.firmware(0, 1, [1; 48]).firmware(1, 2, [2; 48]).firmware(2, 6, [3; 48]);
    log.runtime("system-preparing", b"")
        .runtime("app-id", &APP_ID)
        .runtime("compose-hash", &compose_hash())
        .runtime("instance-id", &INSTANCE_ID)
        .runtime("boot-mr-done", b"")
        .runtime("os-image-hash", &OS_IMAGE)
        .runtime("key-provider", json!({"name": provider, "id": id}).to_string().as_bytes())
        .runtime("storage-fs", b"zfs")
        .runtime("system-ready", b"");
    log
}

impl Machine {
    /// One that runs a version of an app on a chain; the host says nothing of it.
    pub fn running(app: [u8; 20], version: [u8; 32], image: [u8; 32]) -> Self {
        Self::running_as(app, version, image, INSTANCE_ID)
    }

    /// Likewise, as an instance.
    pub fn running_as(
        app: [u8; 20],
        version: [u8; 32],
        image: [u8; 32],
        instance: [u8; 20],
    ) -> Self {
        let mut log = Log::default();
        log.firmware(0, 1, [1; 48]).firmware(1, 2, [2; 48]).firmware(2, 6, [3; 48]);
        log.runtime("system-preparing", b"")
            .runtime("app-id", &app)
            .runtime("compose-hash", &version)
            .runtime("instance-id", &instance)
            .runtime("boot-mr-done", b"")
            .runtime("os-image-hash", &image)
            .runtime("key-provider", br#"{"name":"kms","id":"3059"}"#)
            .runtime("system-ready", b"");
        let vm_config = Some(json!({"os_image_hash": hex(&image)}).to_string());
        let (mr_config_id, report_data) = ([0; 48], [0; 64]);
        Self { log, mr_config_id, report_data, vm_config, app_compose: None, ..Self::default() }
    }

    /// The 584 bytes of a TDX 1.0 report.
    pub fn body(&self) -> [u8; 584] {
        let mut body = [0; 584];
        body[0..16].copy_from_slice(&[2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        body[64..112].copy_from_slice(&self.mr_signer_seam);
        body[120..128].copy_from_slice(&self.td_attributes.to_le_bytes());
        body[136..184].copy_from_slice(&self.mrtd);
        body[184..232].copy_from_slice(&self.mr_config_id);
        for (n, register) in self.log.rtmr.iter().enumerate() {
            body[328 + 48 * n..376 + 48 * n].copy_from_slice(register);
        }
        body[520..584].copy_from_slice(&self.report_data);
        body
    }

    /// What the guest agent replies.
    pub fn get_quote(&self, pki: &Pki) -> Value {
        json!({
            "quote": hex(&pki.quote(&self.body())),
            "event_log": self.log.json(),
            "report_data": hex(&self.report_data),
            "vm_config": self.vm_config,
            "app_compose": self.app_compose,
        })
    }

    pub fn evidence(&self, pki: &Pki) -> Evidence {
        let document = self.get_quote(pki).to_string();
        Evidence::read(document.as_bytes()).unwrap().remove(0)
    }
}

/// A PKI, and what a verifier needs of it.
pub struct World {
    pub pki: Pki,
    pub root: TrustAnchor,
    pub collateral: Collateral,
}

impl World {
    pub fn new(options: Options) -> Self {
        let pki = Pki::new(options);
        let root = TrustAnchor::read(&pki.root_der).unwrap();
        let collateral = Collateral::parse(&pki.collateral().to_string()).unwrap();
        Self { pki, root, collateral }
    }
}

/// A policy that knows the operating system of a machine, whose image has this hash.
pub fn known_system(evidence: &Evidence, image: [u8; 32]) -> String {
    let quote = TdxQuote::parse(evidence.quote.clone()).unwrap();
    let register = |n| quote.rtmr(n).unwrap();
    format!(
        "key-providers = [\"kms\"]\n[[os.measurements]]\nmrtd = \"{}\"\nrtmr0 = \"{}\"\nrtmr1 = \"{}\"\nrtmr2 = \"{}\"\n\
         os-image-hash = \"{}\"\n",
        quote.mrtd(),
        register(0),
        register(1),
        register(2),
        hex(&image)
    )
}
