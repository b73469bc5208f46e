//! The whole way.

use crate::{
    bench::{DAY, OWNER, STRANGER, Said, redacted},
    server::Server,
    stage::Stage,
};
use axum::{Router, extract::Path, http::StatusCode, routing::get};
use std::fs;

/// Compares with a file in `words/`, which `UPDATE_WORDS=1` writes anew for a person to read.
#[track_caller]
fn same(name: &str, text: &str) {
    let path = format!("{}/tests/release/words/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_WORDS").is_some() {
        fs::write(&path, text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap());
}

/// Without what is another one each time: the registry's port, and the hashes and times that follow from it.
fn without_port(stage: &Stage, text: &str) -> String {
    let host = stage.registry.url.trim_start_matches("http://");
    let text = redacted(&text.replace(host, "<registry>"), &[]);
    let word = |word: &str| -> String {
        let core: String =
            word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ':').collect();
        let hex = core.bytes().all(|b| b.is_ascii_hexdigit());
        let time = word.contains('T') && core.ends_with('Z') && core.starts_with("2027");
        match core.len() {
            40 if hex => word.replace(&core, "<commit>"),
            8 if hex => word.replace(&core, "<version>"),
            _ if time => "<time>".to_owned(),
            _ => word.to_owned(),
        }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

const INIT: [&str; 12] = [
    "init",
    "--app",
    "APP",
    "--image",
    "ghcr.io/acme/app",
    "--tool-url",
    "https://tools.example/devproof",
    "--tool-sha256",
    "abababababababababababababababababababababababababababababababab",
    "--buildkit",
    "moby/buildkit@sha256:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
    "--deploy=deploy.sh",
];

#[tokio::test(flavor = "multi_thread")]
async fn from_init_to_what_somebody_else_verifies() {
    let stage = Stage::new().await;
    let mut told = String::new();
    let mut tell = |what: &str, said: &Said| {
        told.push_str(&format!(
            "$ devproof release {what} -> {}\n{}{}\n",
            said.code, said.out, said.err
        ));
    };
    let refused = stage.release(&["init"]);
    assert_eq!(refused.code, 64, "{refused:?}");
    tell("init, without what has to be looked at", &refused);
    let said = stage.release(&INIT);
    assert_eq!(said.code, 0, "{said:?}");
    tell("init", &said);
    let again = stage.release(&INIT);
    assert_eq!((again.code, again.out.matches("unchanged").count()), (0, 3), "{again:?}");
    stage.commit_and_push("feat: the first release");

    let said = stage.release(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    tell("check, before the announcement", &said);
    let said = stage.release(&["publish"]);
    assert_eq!(said.code, 1, "{said:?}");
    tell("publish, before the announcement", &said);

    let propose = ["propose", "APP", "--compose", "app-compose.json", "--yes"];
    assert_eq!(stage.world.run(OWNER, &propose).code, 0);
    let said = stage.release(&["check"]);
    assert_eq!(said.code, 0, "{said:?}");
    tell("check", &said);
    let offline = stage.release(&["check", "--offline", "--json"]);
    assert_eq!((offline.code, offline.json()["overall"].as_str()), (2, Some("could_not_tell")));

    stage.world.go_on(2 * DAY).await;
    let activate = ["activate", "APP", "--compose", "app-compose.json", "--yes"];
    assert_eq!(stage.world.run(STRANGER, &activate).code, 0);
    let said = stage.release(&["publish"]);
    assert_eq!(said.code, 0, "{said:?}");
    tell("publish", &said);
    stage.commit_and_push("chore(release): publish");
    let again = stage.release(&["publish", "--json"]);
    assert_eq!(again.code, 0, "{again:?}");
    let files = again.json()["files"].as_array().unwrap().clone();
    assert!(files.iter().all(|file| file["result"] == "unchanged"), "{files:?}");
    assert_eq!(
        stage.git(&["status", "--porcelain"]),
        "",
        "what was published is what was committed"
    );

    // Somebody else, with the files and a node.
    stage.carry_over();
    let verify = ["verify", "files", "--app", "APP"];
    let said = stage.elsewhere(&verify);
    assert_eq!(said.code, 0, "{said:?}");
    tell("verify, by somebody else", &said);
    let path = stage.elsewhere.path().join("files/DEPLOYMENTS.md");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("removed", "x").replace("in force", "in  force")).unwrap();
    let said = stage.elsewhere(&verify);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("No: deployments.\n"), "{said:?}");
    fs::write(&path, text).unwrap();

    // From where it is published.
    let folder = stage.elsewhere.path().join("files");
    let file = move |Path(name): Path<String>| {
        let read = fs::read(folder.join(name));
        async move { read.map_err(|_| StatusCode::NOT_FOUND) }
    };
    let host = Server::new(Router::new().route("/acme/{*name}", get(file))).await;
    let url = format!("{}/acme/", host.url);
    let said = stage.elsewhere(&["verify", &url, "--app", "APP", "--json"]);
    assert_eq!((said.code, said.json()["overall"].as_str()), (0, Some("pass")), "{said:?}");
    let gone = stage.elsewhere(&["verify", &format!("{}/nowhere", host.url)]);
    assert_eq!(gone.code, 1, "{gone:?}");
    drop(host);
    let gone = stage.elsewhere(&["verify", &url]);
    assert_eq!(gone.code, 2, "{gone:?}");
    // Without a node nothing is known of the chain.
    let mut command = stage.world.command();
    command
        .current_dir(stage.elsewhere.path())
        .env_remove("DEVPROOF_RPC_URL")
        .args(["release", "verify", "files"]);
    let said = crate::bench::said(&mut command);
    assert_eq!(said.code, 2, "{said:?}");

    same("play.txt", &without_port(&stage, &told));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_publisher_writes_cannot_move_a_terminal() {
    let stage = Stage::new().await;
    assert_eq!(stage.release(&INIT).code, 0);
    stage.commit_and_push("feat: the first release");
    assert_eq!(
        stage.world.run(OWNER, &["propose", "APP", "--compose", "app-compose.json", "--yes"]).code,
        0
    );
    assert_eq!(stage.release(&["publish"]).code, 0);
    stage.carry_over();
    let path = stage.elsewhere.path().join("files/attestation-proof.json");
    let text = fs::read_to_string(&path).unwrap();
    let commit = stage.git(&["rev-parse", "HEAD"]);
    fs::write(&path, text.replace(&commit, "\\u001b[2J\\u202e")).unwrap();
    for args in [&["verify", "files"][..], &["verify", "files", "--json"]] {
        let said = stage.elsewhere(args);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(
            !said.out.contains(['\u{1b}', '\u{202e}']) && !said.err.contains('\u{1b}'),
            "{said:?}"
        );
    }
    // Configurations that make no sense are told by line.
    stage.world.file("devproof-release.toml", "chain = 31337\napp = \"x\"\n");
    let said = stage.release(&["check"]);
    assert_eq!(said.code, 64, "{said:?}");
    assert!(said.err.contains("devproof-release.toml, line 2"), "{said:?}");
}
