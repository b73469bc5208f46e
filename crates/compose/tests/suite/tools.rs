//! The predictions against the serialisers themselves: JavaScript by node, Python by python3. Where one is not
//! installed its test says so and passes.

use devproof_compose::{AppCompose, predict::Tool};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// Reads one document a line as a JSON string, and writes what `names` make of each, in that order, likewise.
const JAVASCRIPT: &str = r#"
const sorted = (v) => Array.isArray(v) ? v.map(sorted)
  : v && typeof v === "object" ? Object.keys(v).sort().reduce((o, k) => { o[k] = sorted(v[k]); return o; }, {}) : v;
for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const v = JSON.parse(JSON.parse(line));
  console.log(JSON.stringify([JSON.stringify(sorted(v)), JSON.stringify(v, null, 2), JSON.stringify(v)]));
}
"#;
const PYTHON: &str = r#"
import json, sys
for line in sys.stdin:
    v = json.loads(json.loads(line))
    compact = json.dumps({k: x for k, x in v.items() if x is not None}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    print(json.dumps([compact, json.dumps(v, indent=4, ensure_ascii=False), json.dumps(v)]))
"#;

/// Documents whose names, strings and numbers languages disagree about.
fn documents() -> Vec<String> {
    let name = prop_oneof![
        "[a-z]{1,4}",
        "[0-9]{1,3}",
        "\\PC{1,3}",
        Just("\u{ff5e}".into()),
        Just("\u{1f600}".into())
    ];
    let number = prop_oneof![
        (-1000_i64..1000).prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        (any::<i32>(), -30_i32..30).prop_map(|(n, e)| format!("{n}e{e}")),
        (0_u32..100, 0_u32..1000).prop_map(|(a, b)| format!("{a}.{b:03}")),
    ];
    let text = prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        "[\u{0}-\u{20}\u{7f}-\u{a0}\u{2028}\u{2029}<>&\"\\\\/]{0,8}"
    ];
    let quoted = |text: String| Value::from(text).to_string();
    let scalar = prop_oneof![
        number,
        text.prop_map(quoted),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
    ];
    let name = name.prop_map(|text: String| Value::from(text).to_string());
    let value = scalar.prop_recursive(2, 8, 3, move |inner| {
        let member =
            (name.clone(), inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..4)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    let document = prop::collection::vec(("[a-z]{1,6}", value), 0..6).prop_map(|members| {
        let members = members.into_iter().map(|(key, value)| format!(",\"{key}\":{value}"));
        format!("{{\"runner\":\"bash\"{}}}", members.collect::<String>())
    });
    let mut runner = TestRunner::deterministic();
    (0..2000).map(|_| document.new_tree(&mut runner).unwrap().current()).collect()
}

fn compare(program: &str, arguments: &[&str], tools: [Tool; 3]) {
    let documents = documents();
    let child = Command::new(program)
        .args(arguments)
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED: {program} is not installed");
        return;
    };
    let mut input = child.stdin.take().unwrap();
    let lines: String =
        documents.iter().map(|text| format!("{}\n", ascii(&json!(text).to_string()))).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let mut compared = 0;
    assert_eq!(output.lines().count(), documents.len());
    for (document, line) in documents.iter().zip(output.lines()) {
        let theirs: Vec<String> = serde_json::from_str(line).unwrap();
        let parsed = AppCompose::parse(document.as_bytes()).unwrap();
        for (tool, theirs) in tools.into_iter().zip(theirs) {
            // What is not predicted cannot be wrong.
            if let Ok(ours) = tool.serialise(&parsed) {
                assert_eq!(ours, theirs, "{tool:?} of {document}");
                compared += 1;
            }
        }
    }
    assert!(compared > 5_500, "only {compared} were predicted");
}

/// So that no console encoding comes between.
fn ascii(json: &str) -> String {
    let unit = |unit: &u16| format!("\\u{unit:04x}");
    let escaped = |c: char| {
        if c.is_ascii() {
            c.to_string()
        } else {
            c.encode_utf16(&mut [0; 2]).iter().map(unit).collect()
        }
    };
    json.chars().map(escaped).collect()
}

#[test]
fn javascript_writes_what_is_predicted() {
    compare(
        "node",
        &["-e", JAVASCRIPT],
        [Tool::JavaScript, Tool::StringifyIndented, Tool::Stringify],
    );
}

#[test]
fn python_writes_what_is_predicted() {
    compare("python3", &["-c", PYTHON], [Tool::Python, Tool::VmmCli, Tool::JsonDumps]);
}
