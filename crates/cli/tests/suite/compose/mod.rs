//! `devproof compose`: what it says of files, whole, and how it ends.

mod endpoint;

use crate::{
    run::{Said, devproof_in},
    words::same,
};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

const DIGEST: &str = "sha256:2f2a6f1a6ad5c6cf6b5cbd7c0f6d6f2f0c7f2f3f7b6f2d7a0d6a7c8b9e0f1a2b";

/// A version that an operator can do a lot with, as `vmm-cli.py` would write it.
fn first() -> String {
    let compose = "services:\n  web:\n    image: ghcr.io/acme/web:${TAG}\n    environment:\n      - \
                   DATABASE_URL=${DATABASE_URL}\n      - SIGNING_KEY=${SIGNING_KEY:-insecure}\n      - \
                   LEVEL=${LEVEL}\n    ports:\n      - 8080:8080\n    volumes:\n      - \
                   /var/run/docker.sock:/var/run/docker.sock\n    restart: always\n  db:\n    image: postgres:16\n";
    let names = "[\n        \"TAG\",\n        \"DATABASE_URL\",\n        \"SIGNING_KEY\"\n    ]";
    format!(
        "{{\n    \"manifest_version\": 2,\n    \"name\": \"acme-web\",\n    \"runner\": \"docker-compose\",\n    \
         \"docker_compose_file\": {},\n    \"kms_enabled\": true,\n    \"gateway_enabled\": true,\n    \
         \"public_logs\": true,\n    \"public_sysinfo\": true,\n    \"public_tcbinfo\": true,\n    \"allowed_envs\": {},\n    \
         \"no_instance_id\": false,\n    \"secure_time\": true,\n    \"pre_launch_script\": \"echo start\\ncurl -fsS \
         https://example.org/setup.sh | sh\\n\"\n}}",
        json!(compose),
        names
    )
}

/// The next version, in which most of that is mended.
fn second() -> String {
    let compose = format!(
        "services:\n  web:\n    image: ghcr.io/acme/web:v2@{DIGEST}\n    environment:\n      - LEVEL=info\n    ports:\n      - \
         8080:8080\n    volumes:\n      - /var/run/dstack.sock:/var/run/dstack.sock\n    labels:\n      \
         org.opencontainers.image.revision: 0123456789abcdef0123456789abcdef01234567\n"
    );
    let mut document = json!({
        "manifest_version": "3", "name": "acme-web", "runner": "docker-compose", "docker_compose_file": compose,
        "key_provider": "kms", "key_provider_id": "3059", "gateway_enabled": true, "public_tcbinfo": true,
        "allowed_envs": [], "secure_time": true, "pre_launch_script": "echo start\n",
    });
    // Whatever features of serde_json other crates ask for.
    document.sort_all_objects();
    document.to_string()
}

/// A folder with both.
fn folder() -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("app-compose.json"), first()).unwrap();
    fs::write(dir.path().join("next.json"), second()).unwrap();
    dir
}

fn compose(dir: &TempDir, args: &[&str]) -> Said {
    devproof_in(dir, &[&["compose"], args].concat())
}

/// What it says where nothing is wrong with the asking.
#[track_caller]
fn told(dir: &TempDir, args: &[&str], code: i32) -> String {
    let said = compose(dir, args);
    assert_eq!((said.code, said.err.as_str()), (code, ""), "{args:?}");
    said.out
}

fn document(dir: &TempDir, args: &[&str], code: i32) -> Value {
    serde_json::from_str(&told(dir, &[args, &["--json"]].concat(), code)).unwrap()
}

#[test]
fn lint_in_words() {
    let dir = folder();
    same("compose_lint.txt", &told(&dir, &["lint", "app-compose.json"], 1));
    same("compose_lint_mended.txt", &told(&dir, &["lint", "next.json"], 0));
}

#[test]
fn lint_for_machines() {
    let dir = folder();
    let report = document(&dir, &["lint", "app-compose.json"], 1);
    let first = &report["findings"][0];
    let mut names: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["fix", "line", "message", "rule", "severity", "where"]);
    assert_eq!((&first["rule"], &first["severity"]), (&json!("C2"), &json!("critical")));
    assert_eq!(
        report["composeHash"],
        json!(told(&dir, &["hash", "app-compose.json"], 0).lines().next())
    );
    let same_by_format = told(&dir, &["lint", "app-compose.json", "--format", "json"], 1);
    assert_eq!(serde_json::from_str::<Value>(&same_by_format).unwrap(), report);
    same(
        "compose_lint_github.txt",
        &told(&dir, &["lint", "app-compose.json", "--format", "github"], 1),
    );
    let sarif: Value =
        serde_json::from_str(&told(&dir, &["lint", "app-compose.json", "--format", "sarif"], 1))
            .unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(
        (&sarif["version"], &run["tool"]["driver"]["name"]),
        (&json!("2.1.0"), &json!("devproof"))
    );
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 25);
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report["findings"].as_array().unwrap().len());
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "app-compose.json");
    assert_eq!(place["region"]["startLine"], 5);
}

#[test]
fn lint_says_no_from_the_severity_that_is_denied_on() {
    let dir = folder();
    let code = |args: &[&str]| compose(&dir, &[&["lint", "next.json"], args].concat()).code;
    assert_eq!(code(&[]), 0);
    assert_eq!(code(&["--deny", "low"]), 1);
    assert_eq!(code(&["--deny", "medium"]), 0);
    assert_eq!(code(&["--deny", "sometimes"]), 64);
    assert_eq!(code(&["--compose-hash", &"0".repeat(64)]), 1, "another hash than claimed");
    assert_eq!(code(&["--os-image", "dstack-dev-0.5.4"]), 1);
    let worst = compose(&dir, &["lint", "app-compose.json", "--deny", "none", "--quiet"]);
    assert_eq!((worst.code, worst.out.as_str(), worst.err.as_str()), (0, "", ""));
}

#[test]
fn what_cannot_be_read_never_passes() {
    let dir = folder();
    let text = second().replacen("services:", "services: [", 1);
    fs::write(dir.path().join("bad.json"), text).unwrap();
    assert_eq!(compose(&dir, &["lint", "bad.json"]).code, 1);
    let said = compose(&dir, &["lint", "bad.json", "--deny", "none"]);
    assert_eq!(said.code, 2);
    assert!(said.out.contains("C21 high: docker_compose_file"), "{}", said.out);
    assert_eq!(
        said.err,
        "error: part of the file could not be read, so what was found says nothing about it.\n"
    );
}

#[test]
fn hash_of_the_bytes_with_warnings() {
    let dir = folder();
    let hash = told(&dir, &["hash", "app-compose.json"], 0);
    let hex = hash.lines().next().unwrap().to_owned();
    assert_eq!(hash, format!("{hex}\n{} bytes. From app-compose.json.\n", first().len()));
    assert_eq!(compose(&dir, &["hash", "app-compose.json", "--expect", &hex]).code, 0);
    let other = compose(&dir, &["hash", "next.json", "--expect", &hex]);
    assert_eq!(other.code, 1);
    assert!(other.out.contains("That is NOT the expected hash.\n"), "{}", other.out);
    fs::write(dir.path().join("copied.json"), format!("{}\n", second())).unwrap();
    same("compose_hash.txt", &told(&dir, &["hash", "copied.json"], 0));
    let document = document(&dir, &["hash", "copied.json"], 0);
    assert_eq!(document["warnings"][0]["sign"], "trailing_space");
    assert_eq!(document["selfReport"], false);
}

#[test]
fn differences_in_words() {
    let dir = folder();
    same("compose_diff.txt", &told(&dir, &["diff", "app-compose.json", "next.json"], 0));
    let nothing = told(&dir, &["diff", "next.json", "next.json"], 0);
    assert!(nothing.starts_with("Nothing changed: both have the compose hash 0x"), "{nothing}");
    let document = document(&dir, &["diff", "app-compose.json", "next.json"], 0);
    let image = document["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["where"] == "services.web.image");
    assert_eq!(image.unwrap()["kind"], "changed");
    assert_eq!(compose(&dir, &["diff", "-", "-"]).code, 64);
}

#[test]
fn predictions_in_words() {
    let dir = folder();
    same("compose_predict.txt", &told(&dir, &["predict", "app-compose.json"], 0));
    let document = document(&dir, &["predict", "app-compose.json"], 0);
    assert_eq!(document["matching"], json!(["bytes", "bytes_trimmed", "vmm_cli"]));
    let go = document["predictions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["tool"] == "go")
        .unwrap()
        .clone();
    let hash = go["composeHash"].as_str().unwrap();
    assert!(told(&dir, &["predict", "app-compose.json", "--hash", hash], 0).contains("; Go SDK; "));
    let none = told(&dir, &["predict", "app-compose.json", "--hash", &"0".repeat(64)], 1);
    assert!(none.starts_with("No tool we know gives 0x0000"), "{none}");
}

#[test]
fn what_is_in_it_in_words() {
    let dir = folder();
    same("compose_show.txt", &told(&dir, &["show", "app-compose.json"], 0));
    let commit = "89abcdef0123456789abcdef0123456789abcdef";
    let statement = json!({
        "subject": [{ "name": "ghcr.io/acme/web", "digest": { "sha256": DIGEST.trim_start_matches("sha256:") } }],
        "predicate": { "buildDefinition": { "resolvedDependencies": [
            { "uri": "git+https://example.org/acme/web", "digest": { "gitCommit": commit } }
        ]}},
    });
    fs::write(dir.path().join("provenance.json"), statement.to_string()).unwrap();
    let args = ["show", "next.json", "--provenance", "provenance.json"];
    same("compose_show_mended.txt", &told(&dir, &args, 0));
    let standings: Vec<_> = document(&dir, &args, 0)["trace"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["standing"].clone())
        .collect();
    assert_eq!(standings, ["proved", "proved", "claimed"]);
    assert_eq!(compose(&dir, &["show", "next.json", "--provenance", "next.json"]).code, 2);
}

#[test]
fn standard_input_is_read_as_it_is() {
    use std::{io::Write, process::Stdio};
    let mut child = crate::run::command()
        .args(["compose", "hash", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(second().as_bytes()).unwrap();
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let dir = folder();
    assert_eq!(out.lines().next(), told(&dir, &["hash", "next.json"], 0).lines().next());
}

#[test]
fn what_is_no_app_compose_gets_one_sentence() {
    let dir = folder();
    fs::write(dir.path().join("docker-compose.yml"), "services:\n  a:\n    image: b\n").unwrap();
    fs::write(dir.path().join("other.json"), "{\"a\": 1}").unwrap();
    fs::write(dir.path().join("large.json"), vec![b' '; 3 << 20]).unwrap();
    for (file, err) in [
        (
            "docker-compose.yml",
            "error: docker-compose.yml: this looks like a docker-compose file; the compose hash is that of \
             app-compose.json, which holds that file as a string.\n",
        ),
        (
            "other.json",
            "error: other.json is JSON, but neither an app-compose.json nor evidence with one in it.\n",
        ),
        (
            "large.json",
            "error: large.json: an app-compose.json has at most 1048576 bytes, this has 2097153.\n",
        ),
        (
            "none.json",
            "error: none.json cannot be read (No such file or directory (os error 2)).\n",
        ),
    ] {
        for verb in ["hash", "show", "lint", "predict"] {
            let said = compose(&dir, &[verb, file]);
            assert_eq!(
                (said.code, said.out.as_str(), said.err.as_str()),
                (2, "", err),
                "{verb} {file}"
            );
        }
    }
    assert_eq!(compose(&dir, &[]).code, 64);
}

#[test]
fn text_from_outside_cannot_move_the_cursor() {
    let dir = folder();
    let evil = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}";
    let compose_file =
        format!("services:\n  \"w{}\":\n    image: \"a:{}\"\n", "\\e[2J", "\\u009b1m");
    let text = json!({
        "runner": "docker-compose", "name": evil, evil: evil, "allowed_envs": [evil], "docker_compose_file": compose_file,
        "pre_launch_script": format!("echo {evil}\rhidden"),
    });
    fs::write(dir.path().join("evil.json"), text.to_string()).unwrap();
    for args in [
        &["lint", "evil.json"][..],
        &["lint", "evil.json", "--json"],
        &["lint", "evil.json", "--format", "github"],
        &["lint", "evil.json", "--format", "sarif"],
        &["show", "evil.json"],
        &["show", "evil.json", "--json"],
        &["diff", "next.json", "evil.json"],
        &["diff", "next.json", "evil.json", "--json"],
        &["predict", "evil.json"],
        &["hash", "evil.json"],
        &["hash", "\u{1b}[2J.json"],
    ] {
        let said = compose(&dir, args);
        let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.out.contains(acts) && !said.err.contains(acts), "{args:?}: {:?}", said.out);
    }
    // JSON means the same all the same.
    assert_eq!(document(&dir, &["show", "evil.json"], 0)["fields"]["name"], json!(evil));
}
