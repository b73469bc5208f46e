//! What `--json` prints has a schema, for every verb; that it is held to is part of every test that runs the binary.

use crate::{run::devproof, tree};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_verb_has_a_schema_or_prints_no_document() {
    let verbs: BTreeSet<String> = tree::leaves().into_iter().collect();
    let all = devproof_cli::schema(None).unwrap();
    let named = all["$defs"].as_object().unwrap().keys();
    let named: BTreeSet<String> =
        named.filter_map(|it| it.strip_prefix("devproof ")).map(str::to_owned).collect();
    let without: BTreeSet<String> =
        verbs.iter().filter(|it| devproof_cli::has_no_document(it)).cloned().collect();
    assert_eq!(without.len(), 1, "{without:?}");
    assert_eq!(&named | &without, verbs);
    for verb in &named {
        let schema = devproof_cli::schema(Some(verb)).unwrap();
        assert_eq!(schema["title"], format!("devproof {verb} --json"));
        // Every reference leads somewhere.
        let text = schema.to_string();
        for name in text.split("\"#/$defs/").skip(1) {
            let name = name.split('"').next().unwrap();
            assert!(schema["$defs"].get(name).is_some(), "{verb}: {name}");
        }
    }
}

/// Whoever reads documents sees in the history of this file what changed in them.
#[test]
fn the_committed_schemas_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas.json");
    let current = format!("{:#}\n", devproof_cli::schema(None).unwrap());
    if std::env::var_os("DEVPROOF_BLESS").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "docs/schemas.json is stale; `make reference` writes it anew");
}

#[test]
fn a_schema_is_printed_and_a_verb_that_is_none_is_refused() {
    let said = devproof(&["schema", "app", "show"]);
    assert_eq!(said.code, 0, "{said:?}");
    let schema: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(schema["title"], "devproof app show --json");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"].is_object() || schema["$ref"].is_string(), "{schema:#}");
    for bad in [&["schema", "app"][..], &["schema", "nothing"], &["schema", "completions"]] {
        let said = devproof(bad);
        assert_eq!(said.code, 64, "{said:?}");
        assert!(said.err.contains("for example: devproof schema app show"), "{said:?}");
    }
}
