//! The seeds that are committed in `fuzz/seeds`: every one goes through its target in every test run, and
//! `DEVPROOF_BLESS=1` writes those that are made here anew, all of them out of a PKI and keys of our own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod make;
mod outside;

#[path = "../../../attestation/tests/support/mod.rs"]
mod evidence;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Bytes that the seeds of one target may have together.
const MAX_SEEDS: u64 = 100_000;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Whether the seeds are being written anew: whoever reads them has to wait for the next run.
fn blessing() -> bool {
    std::env::var_os("DEVPROOF_BLESS").is_some()
}

#[test]
fn every_committed_seed_goes_through_its_target() {
    if blessing() {
        return make::write(&fuzz().join("seeds"));
    }
    for (name, target) in devproof_fuzzed::TARGETS {
        let folder = fuzz().join("seeds").join(name);
        let mut size = 0;
        let files = names(&folder);
        assert!(!files.is_empty(), "there are no seeds for {name}");
        for file in files {
            let bytes = fs::read(folder.join(&file)).unwrap();
            size += bytes.len() as u64;
            target(&bytes);
        }
        assert!(size < MAX_SEEDS, "the seeds of {name} have {size} bytes");
    }
}

/// A seed that its target refuses at once would teach a fuzzer nothing.
#[test]
fn the_seeds_are_what_they_say() {
    use devproof_attestation::{Collateral, EventLog, Evidence, TdxQuote, TrustAnchor};
    if blessing() {
        return;
    }
    let seeds = fuzz().join("seeds");
    let read = |name: &str| fs::read(seeds.join(name)).unwrap();
    let root = TrustAnchor::read(&read("root.der")).unwrap();
    let collateral = Collateral::parse(&String::from_utf8(read("collateral.json")).unwrap());
    for quote in ["quote/v4", "quote/v5"] {
        let quote = TdxQuote::parse(read(quote)).unwrap();
        let claims = devproof_attestation::verify_quote(
            &quote,
            collateral.as_ref().unwrap(),
            evidence::pki::NOW,
            &root,
        );
        assert!(claims.is_ok(), "{claims:?}");
    }
    let log = String::from_utf8(read("event_log/v1.json")).unwrap();
    assert!(EventLog::parse(&log).unwrap().identity().is_ok());
    for name in ["get_quote.json", "bundle.json", "chain.pem", "quote.hex"] {
        let all = Evidence::read(&read(&format!("evidence/{name}"))).unwrap();
        assert_eq!(all.len(), 1, "{name}");
    }
    assert_eq!(Evidence::read(&read("evidence/phala.json")).unwrap().len(), 2);
    for name in ["scale", "msgpack"] {
        let all = Evidence::read(&read(&format!("attestation/{name}"))).unwrap();
        assert!(all[0].event_log.as_ref().unwrap().is_ok(), "{name}");
    }
}

/// What is asked of services and nodes gets as far with its seeds as with the real thing.
#[test]
fn the_seeds_of_replies_are_believed_as_far_as_they_can_be() {
    use devproof_fuzzed::{asked, collateral_of, fetched, verified};
    if blessing() {
        return;
    }
    let seeds = fuzz().join("seeds");
    let read = |name: &str| fs::read(seeds.join(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    assert!(devproof_evidence::Challenge::parse(&text("challenges/good.json")).is_ok());
    let collateral: serde_json::Value =
        serde_json::from_str(&collateral_of(&read("pccs/good")).unwrap()).unwrap();
    assert_eq!(
        collateral,
        serde_json::from_str::<serde_json::Value>(&text("collateral.json")).unwrap()
    );
    for name in ["agents/guest", "agents/tappd"] {
        let fetched = fetched(&read(name)).unwrap();
        assert!(fetched.evidence[0].app_compose.is_some(), "{name}");
        assert!(fetched.evidence[0].event_log.as_ref().unwrap().is_ok(), "{name}");
    }
    let release = verified(&read("releases/whole")).unwrap();
    let told = |id: &str| release.lines.lines.iter().find(|it| it.id == id).unwrap().result;
    for id in ["files", "compose_file", "images"] {
        assert_eq!(told(id), devproof_release::Verdict::Pass, "{id}");
    }
    // A Safe whose hash is another one is refused, and so is what is no reply at all.
    let refused = ["other_header", "safe", "page", "error", "busy"];
    for name in names(&seeds.join("nodes")) {
        let expected = !refused.contains(&name.as_str());
        assert_eq!(asked(&read(&format!("nodes/{name}"))), expected, "{name}");
    }
}

/// Nobody has to remember a target: what is fuzzed, what is seeded and what is listed is the same.
#[test]
fn each_target_has_a_binary_and_each_binary_a_target() {
    if blessing() {
        return;
    }
    let targets: BTreeSet<String> =
        devproof_fuzzed::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let binaries: BTreeSet<String> = names(&fuzz().join("fuzz_targets"))
        .into_iter()
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .collect();
    assert_eq!(targets, binaries);
    let folders = names(&fuzz().join("seeds"));
    let folders: BTreeSet<_> =
        folders.into_iter().filter(|name| fuzz().join("seeds").join(name).is_dir()).collect();
    assert_eq!(targets, folders);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in targets {
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "{name} is not in fuzz/Cargo.toml"
        );
    }
}
