//! `devproof compare`: instances that are the same, and instances that are not.

use crate::{
    evidence::{
        machine::{Machine, World},
        pki::{NOW, Options},
    },
    run::{Said, devproof_in},
    words::same,
};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

struct Folder {
    dir: TempDir,
    world: World,
}

impl Folder {
    fn new() -> Self {
        let folder = Self { dir: TempDir::new().unwrap(), world: World::new(Options::default()) };
        folder.write("root.pem", folder.world.pki.root_pem());
        folder.write("c.json", &folder.world.pki.collateral().to_string());
        folder.machine("one.json", |_| {});
        folder
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.dir.path().join(name), content).unwrap();
    }

    fn machine(&self, name: &str, change: impl FnOnce(&mut Machine)) -> Value {
        let mut machine = Machine::default();
        change(&mut machine);
        let evidence = machine.get_quote(&self.world.pki);
        self.write(name, &evidence.to_string());
        evidence
    }

    fn run(&self, more: &[&str]) -> Said {
        let now = NOW.to_string();
        let args = [&["compare", "--root-ca", "root.pem", "--time", &now], more].concat();
        devproof_in(&self.dir, &args)
    }

    /// Exit code, and the fields that are not the same.
    fn compare(&self, more: &[&str]) -> (i32, Vec<String>) {
        let said = self.run(&[&["--json", "--collateral", "c.json"], more].concat());
        assert_eq!(said.err, "");
        let document: Value = serde_json::from_str(&said.out).unwrap();
        let fields = document["fields"].as_array().unwrap().iter();
        let other = fields.filter(|it| it["result"] != "pass");
        (said.code, other.map(|it| it["field"].as_str().unwrap().to_owned()).collect())
    }
}

#[test]
fn what_has_to_be_the_same_and_what_has_not() {
    let folder = Folder::new();
    // Another RTMR3, by what the app logged itself.
    folder.machine("two.json", |machine| {
        machine.log.runtime("of-the-app", b"x");
    });
    assert_eq!(folder.compare(&["one.json", "two.json"]), (0, vec![]));
    folder.machine("firmware.json", |machine| machine.mrtd = [0x4e; 48]);
    let differ = |field: &str| (1, vec![field.to_owned()]);
    assert_eq!(folder.compare(&["one.json", "firmware.json"]), differ("mrtd"));
    folder.machine("kernel.json", |machine| {
        machine.log.firmware(1, 9, [9; 48]);
    });
    assert_eq!(folder.compare(&["one.json", "two.json", "kernel.json"]), differ("rtmr1"));
    folder.machine("keys.json", |machine| {
        machine.log = crate::evidence::machine::boot("local-sgx", "00")
    });
    assert_eq!(folder.compare(&["one.json", "keys.json"]), differ("key_provider"));
    let said = folder.run(&["--collateral", "c.json", "one.json", "keys.json"]);
    assert!(said.out.starts_with("The instances differ in key_provider."), "{}", said.out);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    same("compare.txt", &said.out);
}

/// Two that say the same and are not known to be real prove nothing.
#[test]
fn the_same_lie_twice() {
    let folder = Folder::new();
    let said = folder.run(&["one.json", "one.json"]);
    assert_eq!(said.code, 2);
    assert!(
        said.out.starts_with("What is known of the instances is the same, but"),
        "{}",
        said.out
    );
    folder.machine("forged.json", |machine| machine.log.rtmr[3][0] ^= 1);
    let (code, fields) = folder.compare(&["forged.json", "forged.json"]);
    assert_eq!((code, fields.contains(&"compose_hash".to_owned())), (1, false), "the host said it");
    let other = World::new(Options::default());
    folder.write("c.json", &other.pki.collateral().to_string());
    assert_eq!(folder.compare(&["one.json", "one.json"]).0, 2);
}

#[test]
fn all_instances_of_a_reply() {
    let folder = Folder::new();
    let one = folder.machine("one.json", |_| {});
    let two = folder.machine("two.json", |machine| machine.mrtd = [0x4e; 48]);
    let of = |it: &Value| json!({"quote": it["quote"], "eventlog": it["event_log"]});
    let reply = |all: Vec<Value>| json!({ "instances": all }).to_string();
    folder.write("all.json", &reply(vec![of(&one), json!({"quote": null}), of(&one)]));
    assert_eq!(folder.compare(&["all.json"]).0, 0);
    folder.write("all.json", &reply(vec![of(&one), of(&two)]));
    assert_eq!(folder.compare(&["all.json"]), (1, vec!["mrtd".to_owned()]));
    assert_eq!(folder.run(&["one.json"]).code, 64);
    assert_eq!(folder.run(&["one.json", "missing.json"]).code, 2);
    assert_eq!(folder.run(&[]).code, 64);
}
