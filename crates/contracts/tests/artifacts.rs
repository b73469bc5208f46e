//! The committed artifacts are what the committed sources compile to.
//!
//! `DEVPROOF_BLESS=1 cargo test -p devproof-contracts --test artifacts` (or `make artifacts`) writes
//! them anew.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use foundry_compilers::{
    artifacts::{
        BytecodeHash, EvmVersion, Settings, SolcInput, SolcLanguage, Source, Sources,
        output_selection::OutputSelection, remappings::Remapping,
    },
    solc::Solc,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Contract, source, and where its artifact is read: the bindings, or the harness for stand-ins that
/// are never deployed elsewhere.
const CONTRACTS: &[(&str, &str, &str)] = &[
    ("AppAuth", "contracts/AppAuth.sol", "crates/contracts/artifacts"),
    ("AppAuthTestBuild", "contracts/local/AppAuthTestBuild.sol", "crates/contracts/artifacts"),
    ("AppAuthFactory", "contracts/AppAuthFactory.sol", "crates/contracts/artifacts"),
    ("SimpleDstackVerifier", "contracts/SimpleDstackVerifier.sol", "crates/contracts/artifacts"),
    ("DeletionRegistry", "contracts/DeletionRegistry.sol", "crates/contracts/artifacts"),
    ("StateProbe", "contracts/read/StateProbe.sol", "crates/contracts/artifacts"),
    ("LocalDstackKms", "contracts/local/LocalDstackKms.sol", "crates/testkit/artifacts"),
    ("LocalDstackApp", "contracts/local/LocalDstackApp.sol", "crates/testkit/artifacts"),
    ("LocalLegacyKmsAuth", "contracts/local/LocalLegacyKmsAuth.sol", "crates/testkit/artifacts"),
    ("LocalLegacyAppAuth", "contracts/local/LocalLegacyAppAuth.sol", "crates/testkit/artifacts"),
    (
        "LocalTimelockAppAuth",
        "contracts/local/LocalTimelockAppAuth.sol",
        "crates/testkit/artifacts",
    ),
    ("LocalSafe", "contracts/local/LocalSafe.sol", "crates/testkit/artifacts"),
    ("LocalProxy", "contracts/local/LocalProxy.sol", "crates/testkit/artifacts"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The compiler settings of foundry.toml: forge and this test must build the same code.
fn settings(root: &Path) -> Settings {
    let text = fs::read_to_string(root.join("foundry.toml")).unwrap();
    let config: toml::Value = toml::from_str(&text).unwrap();
    let profile = &config["profile"]["default"];
    let mut settings = Settings::default();
    settings.optimizer.enabled = profile["optimizer"].as_bool();
    settings.optimizer.runs = profile["optimizer_runs"].as_integer().map(|n| n as usize);
    settings.evm_version =
        Some(profile["evm_version"].as_str().unwrap().parse::<EvmVersion>().unwrap());
    let hash: BytecodeHash = profile["bytecode_hash"].as_str().unwrap().parse().unwrap();
    settings.metadata = Some(hash.into());
    settings.remappings = profile["remappings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap().parse::<Remapping>().unwrap())
        .collect();
    settings.output_selection = OutputSelection::common_output_selection(
        ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"]
            .map(str::to_owned),
    );
    settings
}

fn sources(root: &Path) -> Sources {
    let mut sources = Sources::new();
    let folders = ["", "/interfaces", "/libraries", "/local", "/read"];
    for folder in folders.map(|folder| format!("contracts{folder}")) {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "sol") {
                let name = path.strip_prefix(root).unwrap().to_owned();
                sources.insert(name, Source::read(&path).unwrap());
            }
        }
    }
    sources
}

/// What is kept of the compiler's answer; positions in the syntax tree change with every comment.
fn artifact(name: &str, source: &str, contract: &Value) -> Value {
    let code = |key: &str| format!("0x{}", contract["evm"][key]["object"].as_str().unwrap());
    let storage: Vec<Value> = contract["storageLayout"]["storage"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| {
            let ty = v["type"].as_str().unwrap();
            let label = &contract["storageLayout"]["types"][ty]["label"];
            json!({"label": v["label"], "slot": v["slot"], "offset": v["offset"], "type": label})
        })
        .collect();
    json!({
        "contractName": name,
        "sourceName": source,
        "abi": contract["abi"],
        "bytecode": code("bytecode"),
        "deployedBytecode": code("deployedBytecode"),
        "storage": storage,
    })
}

#[test]
fn artifacts_are_compiled_from_the_sources() {
    let root = root();
    assert!(
        root.join("node_modules/solc").exists(),
        "run `bin/setup` first: the compiler is missing"
    );
    let mut solc = Solc::new(root.join("bin/solc")).unwrap();
    solc.base_path = Some(root.clone());
    let input = SolcInput::new(SolcLanguage::Solidity, sources(&root), settings(&root));
    let output: Value = solc.compile_as(&input).unwrap();
    for error in output["errors"].as_array().into_iter().flatten() {
        assert_ne!(error["severity"], "error", "{}", error["formattedMessage"]);
    }
    for (name, source, folder) in CONTRACTS {
        let mut fresh = artifact(name, source, &output["contracts"][source][name]);
        // Whatever features other crates turned on: the order of keys is one of serde_json's.
        fresh.sort_all_objects();
        // EIP-170 allows 24,576 bytes. A contract that comes near it cannot be mended.
        let size = fresh["deployedBytecode"].as_str().unwrap().len() / 2 - 1;
        assert!(size <= 20_480, "{name} has {size} bytes of code");
        let text = serde_json::to_string_pretty(&fresh).unwrap() + "\n";
        let path = root.join(folder).join(format!("{name}.json"));
        if std::env::var_os("DEVPROOF_BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            continue;
        }
        let kept: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap_or_default())
            .unwrap_or_default();
        for part in ["abi", "storage", "bytecode", "deployedBytecode"] {
            assert_eq!(
                kept[part], fresh[part],
                "{part} of {name} is not what the sources compile to: run `make artifacts`"
            );
        }
    }
}
