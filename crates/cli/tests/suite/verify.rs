//! `devproof verify` and `devproof sigchain verify`: what they say, and with which exit code.

use crate::{
    evidence::{
        data,
        log::Log,
        machine::{COMPOSE, Machine, World},
        pki::{NOW, Options},
    },
    run::{Said, command, devproof_in},
    words::same,
};
use serde_json::{Value, json};
use std::{fs, io::Write, process::Stdio};
use tempfile::TempDir;

/// A folder with evidence of ours, its collateral and its root.
struct Folder {
    dir: TempDir,
    time: String,
}

impl Folder {
    fn new(machine: &Machine, options: Options) -> Self {
        let world = World::new(options);
        let folder = Self { dir: TempDir::new().unwrap(), time: NOW.to_string() };
        folder.write("quote.json", machine.get_quote(&world.pki).to_string());
        folder.write("collateral.json", world.pki.collateral().to_string());
        folder.write("root.pem", world.pki.root_pem());
        folder.write("root.der", &world.pki.root_der);
        folder
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), content).unwrap();
    }

    /// Verifies the quote with its own collateral and root, unless `more` names others.
    fn verify(&self, more: &[&str]) -> Said {
        let usual = [["--collateral", "collateral.json"], ["--root-ca", "root.pem"]];
        let usual = usual.iter().filter(|[option, _]| !more.contains(option)).flatten();
        let args: Vec<_> = ["verify", "quote.json", "--time", &self.time]
            .iter()
            .chain(usual)
            .chain(more)
            .copied()
            .collect();
        devproof_in(&self.dir, &args)
    }

    fn json(&self, more: &[&str]) -> (i32, Value) {
        let said = self.verify(&[&["--json"], more].concat());
        assert_eq!(said.err, "");
        (said.code, serde_json::from_str(&said.out).unwrap())
    }
}

fn result(document: &Value, id: &str) -> String {
    let checks = document["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == id).unwrap();
    check["result"].as_str().unwrap().to_owned()
}

const REQUIRED: &str = "required = [\"hardware\", \"tcb\", \"event_log\"]\n";

#[test]
fn exit_codes_are_the_verdict() {
    let folder = Folder::new(&Machine::default(), Options::default());
    folder.write("policy.toml", REQUIRED);
    let (code, document) = folder.json(&["--policy", "policy.toml"]);
    assert_eq!((code, &document["overall"]), (0, &json!("pass")));
    // The operating system is not known: the strict policy cannot tell.
    let (code, document) = folder.json(&[]);
    assert_eq!((code, &document["overall"]), (2, &json!("inconclusive")));
    assert_eq!(document["identity"]["proved"], false);
    let out_of_date = Options { status: "OutOfDate", ..Options::default() };
    let folder = Folder::new(&Machine::default(), out_of_date);
    let (code, document) = folder.json(&[]);
    assert_eq!((code, &document["overall"]), (1, &json!("fail")));
    let said = folder.verify(&["--quiet"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (1, "", ""));
}

#[test]
fn options_that_are_compared_with() {
    let folder = Folder::new(&Machine::default(), Options::default());
    folder.write("compose.json", COMPOSE);
    folder.write("other.json", "{}");
    let row = |more: &[&str], id| result(&folder.json(more).1, id);
    assert_eq!(row(&["--compose", "compose.json"], "compose_preimage"), "pass");
    assert_eq!(row(&["--compose", "other.json"], "compose_preimage"), "fail");
    assert_eq!(row(&["--report-data", &"77".repeat(64)], "report_data"), "pass");
    assert_eq!(row(&["--report-data", "app-data:77"], "report_data"), "fail");
    assert_eq!(row(&["--kms-ca-key", "0x3059"], "key_provider"), "fail");
    assert_eq!(row(&["--root-ca", "root.der"], "hardware"), "pass");
    let said = devproof_in(&folder.dir, &["verify", "quote.json", "--json"]);
    let document = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, result(&document, "hardware").as_str()), (2, "inconclusive"));
}

#[test]
fn a_bundle_brings_its_own_collateral_and_time() {
    let world = World::new(Options::default());
    let dir = TempDir::new().unwrap();
    let mut bundle = Machine::default().get_quote(&world.pki);
    bundle["collateral"] = world.pki.collateral();
    bundle["time"] = json!(NOW);
    fs::write(dir.path().join("root.pem"), world.pki.root_pem()).unwrap();
    let mut child = command()
        .current_dir(dir.path())
        .args(["verify", "-", "--root-ca", "root.pem", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bundle.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result(&document, "hardware"), "pass");
    assert_eq!(document["time"], "2026-03-01T00:00:00Z");
    assert_eq!(document["form"], "bundle");
}

#[test]
fn several_instances() {
    let folder = Folder::new(&Machine::default(), Options::default());
    let one: Value =
        serde_json::from_slice(&fs::read(folder.dir.path().join("quote.json")).unwrap()).unwrap();
    let instance = json!({"quote": one["quote"], "eventlog": one["event_log"]});
    let reply = json!({"instances": [instance, {"quote": null}, instance]});
    folder.write("quote.json", reply.to_string());
    let said = folder.verify(&[]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (64, "error: the evidence is of 2 instances; name one with --instance.\n")
    );
    assert_eq!(result(&folder.json(&["--instance", "2"]).1, "event_log"), "pass");
    assert_eq!(folder.verify(&["--instance", "1"]).code, 64);
}

#[test]
fn what_makes_no_sense() {
    let folder = Folder::new(&Machine::default(), Options::default());
    folder.write("bad", b"\x1b[2J{");
    folder.write("empty", "");
    folder.write("long", vec![b'x'; 5 << 20]);
    let refused = |args: &[&str], code| {
        let said = folder.verify(args);
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{args:?}");
        assert!(said.err.starts_with("error: ") && !said.err.contains('\u{1b}'), "{}", said.err);
    };
    for option in ["--policy", "--root-ca", "--collateral"] {
        refused(&[option, "bad"], 64);
        refused(&[option, "missing"], 2);
    }
    refused(&["--compose", "long"], 64);
    refused(&["--compose", "missing"], 2);
    refused(&["--report-data", "zz"], 64);
    refused(&["--report-data", &"00".repeat(65)], 64);
    refused(&["--signature-chain", "bad"], 64);
    for file in ["bad", "empty", "long", "missing"] {
        let said = devproof_in(&folder.dir, &["verify", file]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{file}");
        assert!(!said.err.contains('\u{1b}'), "{}", said.err);
    }
    assert_eq!(devproof_in(&folder.dir, &["verify"]).code, 64);
    assert_eq!(devproof_in(&folder.dir, &["verify", "quote.json", "--time", "soon"]).code, 64);
}

/// A quote that is none is no evidence that could not be read: it is evidence that proves nothing.
#[test]
fn a_quote_that_is_cut_off() {
    let folder = Folder::new(&Machine::default(), Options::default());
    folder.write("quote.json", "{\"quote\":\"0400020081000000\"}");
    let (code, document) = folder.json(&[]);
    assert_eq!((code, result(&document, "hardware").as_str()), (1, "fail"));
}

#[test]
fn words_of_evidence_cannot_act_on_the_terminal() {
    let mut machine = Machine { log: Log::default(), ..Machine::default() };
    machine.log.runtime("\u{1b}[2J\u{202e}", b"");
    let folder = Folder::new(&machine, Options::default());
    let said = folder.verify(&[]);
    assert_eq!(said.code, 1);
    assert!(!said.out.contains('\u{1b}') && !said.out.contains('\u{202e}'), "{}", said.out);
    assert!(said.out.contains("u{202e}"), "{}", said.out);
}

#[test]
fn the_table_in_words() {
    let folder = Folder::new(&Machine::default(), Options::default());
    let said = folder.verify(&[]);
    assert_eq!((said.code, said.err.as_str()), (2, ""));
    same("verify.txt", &said.out);
}

#[test]
fn recorded_evidence_on_the_command_line() {
    let Some(folder) = data::folder() else { return };
    let file = |name: &str| folder.join(name).canonicalize().unwrap().display().to_string();
    let quote = file("dstack-quote-report.json");
    let collateral = file("collateral-90c06f-2026-02.json");
    let dir = TempDir::new().unwrap();
    let args = ["verify", &quote, "--time", "1771500000", "--collateral", &collateral, "--json"];
    let said = devproof_in(&dir, &args);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(said.code, 2);
    for id in ["hardware", "collateral", "tcb", "td_attributes", "platform", "event_log", "app_id"]
    {
        assert_eq!(result(&document, id), "pass", "{id}");
    }
    assert_eq!(document["identity"]["appId"], "0x3763bc34552cf3a27ff71ad5f7a90471562a1a2d");
    assert_eq!(document["warnings"][0]["id"], "local_keys");

    let chain = file("sigchain-prod7.json");
    let ask =
        |root: &str| devproof_in(&dir, &["sigchain", "verify", &chain, "--root", root, "--json"]);
    let said = ask("0x52d3CF51c8A37A2CCfC79bBb98c7810d7Dd4CE51");
    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &document["overall"]), (0, &json!("pass")));
    let said = ask("0x2f83172A49584C017F2B256F0FB2Dca14126Ba9C");
    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &document["valid"]), (1, &json!(false)));
}

mod sigchain {
    use super::*;
    use devproof_testkit::KmsKeys;

    const APP: &str = "0x00000000000000000000000000000000000000a1";

    fn chain(dir: &TempDir, change: impl FnOnce(&mut Value)) -> (String, Value) {
        let keys = KmsKeys::new("root").unwrap();
        let made = keys.chain(APP.parse().unwrap(), "ethereum").unwrap();
        let mut json = json!({
            "app_id": APP, "purpose": "ethereum", "app_pubkey": made.app_key, "derived_pubkey": made.derived_key,
            "app_signature": made.app_signature, "kms_signature": made.kms_signature,
        });
        change(&mut json);
        fs::write(dir.path().join("chain.json"), json.to_string()).unwrap();
        (format!("{:#x}", keys.root_address()), json)
    }

    fn verify(dir: &TempDir, root: &str, more: &[&str]) -> Said {
        devproof_in(dir, &[&["sigchain", "verify", "chain.json", "--root", root], more].concat())
    }

    #[test]
    fn a_chain_that_holds() {
        let dir = TempDir::new().unwrap();
        let (root, json) = chain(&dir, |_| {});
        let said = verify(&dir, &root, &["--json"]);
        let document: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(
            (said.code, &document["overall"], &document["valid"]),
            (0, &json!("pass"), &json!(true))
        );
        assert_eq!(document["derivedKey"], json["derived_pubkey"]);
        assert!(document["calldata"].as_str().unwrap().len() > 1000);
        let said = verify(&dir, &root, &[]);
        assert!(said.out.starts_with("The chain holds"), "{}", said.out);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        let other = verify(&dir, APP, &[]);
        assert_eq!((other.code, other.err.as_str()), (1, ""));
        same("sigchain_verify.txt", &format!("{}\n{}", said.out, other.out));
    }

    #[test]
    fn a_chain_that_does_not() {
        let dir = TempDir::new().unwrap();
        let (root, _) = chain(&dir, |json| json["purpose"] = json!("\u{1b}[2J"));
        let said = verify(&dir, &root, &[]);
        assert_eq!((said.code, said.err.as_str()), (1, ""));
        assert!(said.out.contains("u{1b}") && !said.out.contains('\u{1b}'), "{}", said.out);
        let said = verify(&dir, APP, &["--quiet"]);
        assert_eq!((said.code, said.out.as_str()), (1, ""));
    }

    #[test]
    fn what_makes_no_sense() {
        let dir = TempDir::new().unwrap();
        let (root, _) = chain(&dir, |_| {});
        assert_eq!(verify(&dir, "0x12", &[]).code, 64);
        let zero = "0x0000000000000000000000000000000000000000";
        assert_eq!(verify(&dir, zero, &[]).code, 64);
        for bad in ["", "{}", "{\"app_id\":\"\u{1b}\"}", "[[[["] {
            fs::write(dir.path().join("chain.json"), bad).unwrap();
            let said = verify(&dir, &root, &[]);
            assert_eq!((said.code, said.out.as_str()), (2, ""), "{bad}");
            assert!(said.err.contains("no signature chain") && !said.err.contains('\u{1b}'));
        }
    }
}
