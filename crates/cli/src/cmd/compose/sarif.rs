//! Findings as SARIF 2.1.0 (OASIS), as code scanning services read them.

use devproof_compose::lint::{Finding, RULES, Report, RuleInfo, Severity};
use serde_json::{Value, json};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A log with one run. `source` names the file.
pub(super) fn log(report: &Report, source: &str) -> Value {
    let rule = |info: &RuleInfo| {
        json!({
            "id": info.rule,
            "shortDescription": { "text": info.title },
            "fullDescription": { "text": info.means },
            "help": { "text": info.fix },
        })
    };
    let uri = uri(source);
    let results: Vec<_> = report.findings.iter().map(|it| result(it, &uri)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "devproof",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
            }},
            "results": results,
            "properties": { "composeHash": report.compose_hash },
        }],
    })
}

fn result(it: &Finding, uri: &str) -> Value {
    let (level, score) = match it.severity {
        Severity::Critical => ("error", "9.5"),
        Severity::High => ("error", "8.0"),
        Severity::Medium => ("warning", "5.5"),
        Severity::Low => ("note", "2.5"),
        Severity::Note => ("note", "0.0"),
    };
    json!({
        "ruleId": it.rule,
        "level": level,
        "message": { "text": format!("{} {}", it.message, it.fix) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri },
                "region": { "startLine": it.line },
            },
            "logicalLocations": [{ "fullyQualifiedName": it.place }],
        }],
        "properties": { "severity": it.severity, "security-severity": score },
    })
}

/// A path as a relative URI reference; a URL stays one.
fn uri(source: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:?=&".contains(&byte);
    let source = if source == "standard input" { "app-compose.json" } else { source };
    let source = source.strip_prefix("./").unwrap_or(source);
    let byte =
        |byte: u8| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    source.bytes().map(byte).collect()
}
