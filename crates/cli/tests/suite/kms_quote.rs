//! The KMS's own quote, which its contract shows beside its keys: proved, only claimed, refused, or not known.

use crate::{
    attested::{Place, row, warned},
    evidence::{
        log::{Log, hex},
        machine::{Machine, World},
        pki::Options,
        ratls,
    },
};
use alloy_primitives::{B256, Bytes, keccak256};
use devproof_attestation::ReportData;
use devproof_contracts::stock::DstackKms;
use serde_json::{Value, json};

fn version() -> B256 {
    keccak256("the version of the KMS")
}

/// A KMS as it boots for the first time: keys from the host's enclave, and no instance id.
fn kms_machine(image: B256, report_data: [u8; 64]) -> Machine {
    let mut log = Log::default();
    log.firmware(0, 1, [1; 48]).firmware(1, 2, [2; 48]).firmware(2, 6, [3; 48]);
    log.runtime("system-preparing", b"")
        .runtime("app-id", &[0xc5; 20])
        .runtime("compose-hash", version().as_slice())
        .runtime("instance-id", b"")
        .runtime("boot-mr-done", b"")
        .runtime("os-image-hash", image.as_slice())
        .runtime("key-provider", br#"{"name":"local-sgx","id":"00"}"#)
        .runtime("system-ready", b"");
    let vm_config = Some(json!({"os_image_hash": hex(image.as_slice())}).to_string());
    Machine { log, report_data, vm_config, ..Machine::running([0; 20], [0; 32], image.0) }
}

struct Shown {
    place: Place,
    ca: Bytes,
}

impl Shown {
    async fn new() -> Self {
        let place = Place::new().await;
        let mut any = Machine::default();
        let ca = ratls::issue(&mut any, &place.world.pki, ratls::Options::default()).ca_key;
        Self { place, ca: ca.into() }
    }

    fn machine(&self, keys: &Bytes) -> Machine {
        let (ca, k256) = (keys.clone(), self.place.bench.keys.root_key());
        let declared = ReportData::KmsKeys { ca, k256 };
        kms_machine(self.place.bench.os_images[0], declared.bytes().unwrap().0)
    }

    async fn says(&self, quote: Bytes, eventlog: Bytes) {
        let (k256Pubkey, caPubkey) = (self.place.bench.keys.root_key(), self.ca.clone());
        let info = DstackKms::KmsInfo { k256Pubkey, caPubkey, quote, eventlog };
        let operator = &self.place.bench.operator;
        operator.send(self.place.bench.kms, &DstackKms::setKmsInfoCall { info }).await.unwrap();
    }

    async fn says_of(&self, machine: &Machine, world: &World) {
        let quote = world.pki.quote(&machine.body());
        self.says(quote.into(), machine.log.json().into_bytes().into()).await;
    }

    /// Exit code, the row, and whether there is a warning.
    fn verify(&self, policy: &str) -> (i32, Value, bool) {
        let (url, kms) = (self.place.bench.anvil.url(), self.place.bench.kms.to_string());
        // The instance names another CA than the one below: that is the matter of another row.
        let asked = ["--rpc-url", url, "--kms", &kms, "--kms-ca-key", "0x3059", "--policy", policy];
        let (code, document) = self.place.verify_by(&asked);
        (code, row(&document, "kms_quote").clone(), warned(&document, "kms_quote"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_contract_shows_is_verified_and_never_taken_for_more() {
    let shown = Shown::new().await;
    let place = &shown.place;
    let told = |policy: &str| {
        let (code, row, warned) = shown.verify(policy);
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        (code, text("result"), text("value"), warned)
    };
    let is = |code, result: &str, value: &str, warned| {
        (code, result.to_owned(), value.to_owned(), warned)
    };
    let (_, row, _) = shown.verify("policy.toml");
    assert_eq!((&row["result"], &row["value"]), (&json!("not_evaluated"), &json!("not known")));
    assert!(row["how"].as_str().unwrap().contains("shows no quote"), "{row}");

    let good = shown.machine(&shown.ca);
    shown.says_of(&good, &place.world).await;
    // A version that nobody named may have been given its keys from outside.
    assert_eq!(told("policy.toml"), is(0, "inconclusive", "claimed", false));
    let policy = std::fs::read_to_string(place.path("policy.toml")).unwrap();
    let named = format!("{policy}[kms]\nversions = [\"{:#x}\"]\n", version());
    place.write("named.toml", &named);
    assert_eq!(told("named.toml"), is(0, "pass", "proved", false));
    let (_, row, _) = shown.verify("named.toml");
    assert_eq!(row["by"], place.bench.anvil.url());
    assert_eq!(row["details"]["tcbStatus"], "UpToDate");
    // The same version said by a system that nobody knows.
    place.write("unknown.toml", format!("[kms]\nversions = [\"{:#x}\"]\n", version()));
    let (_, row, _) = shown.verify("unknown.toml");
    assert_eq!((&row["result"], &row["value"]), (&json!("inconclusive"), &json!("claimed")));
    assert!(row["how"].as_str().unwrap().contains("only claimed"), "{row}");

    // A real quote that is about other keys than those beside it.
    let other = shown.machine(&Bytes::from_static(&[0x30; 91]));
    shown.says_of(&other, &place.world).await;
    assert_eq!(told("named.toml"), is(1, "fail", "refused", true));
    // Signed by somebody else than Intel.
    let forged = World::new(Options::default());
    shown.says_of(&good, &forged).await;
    assert_eq!(told("named.toml"), is(1, "fail", "refused", true));
    // A log that says another version than was measured.
    let mut lying = good.clone();
    lying.log = kms_machine(place.bench.os_images[1], [0; 64]).log;
    let quote = place.world.pki.quote(&good.body());
    shown.says(quote.clone().into(), lying.log.json().into_bytes().into()).await;
    assert_eq!(told("named.toml"), is(1, "fail", "refused", true));
    // Without a log nobody knows what asked for the quote.
    shown.says(quote.clone().into(), Bytes::new()).await;
    assert_eq!(told("named.toml"), is(0, "inconclusive", "not known", false));
    // Whatever an owner likes to write there.
    for garbage in [vec![0xff; 3], vec![0x30; 17_000], b"<html>".to_vec()] {
        shown.says(garbage.into(), Bytes::from_static(b"[[[[")).await;
        assert_eq!(told("named.toml"), is(1, "fail", "refused", true));
    }
}

/// Keys outlive the patch level of the machine that made them: what Intel says of it today counts.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_machine_that_is_out_of_date_are_not_proved() {
    let mut shown = Shown::new().await;
    let good = shown.machine(&shown.ca);
    shown.says_of(&good, &shown.place.world).await;
    let policy = std::fs::read_to_string(shown.place.path("policy.toml")).unwrap();
    let named = format!("{policy}[kms]\nversions = [\"{:#x}\"]\n", version());
    shown.place.write("named.toml", &named);
    assert_eq!(shown.verify("named.toml").1["value"], "proved");
    let pki = &mut shown.place.world.pki;
    pki.options.status = "OutOfDate";
    pki.options.evaluation = 21;
    let collateral = pki.collateral().to_string();
    shown.place.write("c.json", collateral);
    let (_, row, warned) = shown.verify("named.toml");
    assert_eq!((&row["result"], &row["value"]), (&json!("inconclusive"), &json!("claimed")));
    assert!(row["how"].as_str().unwrap().contains("patch level") && !warned, "{row}");
}
