//! What the answers say, in words and as documents.

use crate::{
    run::{command, devproof_in},
    world::{LOCAL, STOCK, World, hash},
};
use devproof_api::{Finality, Part, When};
use devproof_cli::cmd;
use jiff::Timestamp;
use std::process::Stdio;
use tempfile::TempDir;

const APP: &str = "0x00000000000000000000000000000000000000a1";

fn world() -> World {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let world = World::whole(LOCAL).await;
        world.store.close().await;
        world
    })
}

/// An hour after the index head.
pub(crate) fn now() -> Timestamp {
    "2026-04-20T13:00:00Z".parse().unwrap()
}

async fn told(world: &World, app: alloy_primitives::Address, number: u64) -> String {
    let when = When::Block(number);
    let answer = devproof_api::at(&world.store, None, LOCAL, app, when, Finality::Unsafe).await;
    cmd::at::render(&answer.unwrap(), now())
}

/// Compares with a file in `words/`, which `UPDATE_WORDS=1` writes anew for a person to read.
#[track_caller]
pub(crate) fn same(name: &str, text: &str) {
    let path = format!("{}/tests/suite/words/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_WORDS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap());
}

/// Without times of the machine's clock, of which only the form is kept.
pub(crate) fn without_clock(text: &str) -> String {
    let digits = |at: &[u8]| at.iter().all(u8::is_ascii_digit);
    let is_time = |word: &str| {
        word.as_bytes().windows(5).any(|it| {
            digits(&it[..2]) && digits(&it[3..]) && it[2] == b':'
                || digits(&it[..4]) && it[4] == b'-'
        })
    };
    let word = |word: &str| {
        let hide = |c: char| if c.is_ascii_digit() { '#' } else { c };
        if is_time(word) { word.chars().map(hide).collect() } else { word.to_owned() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn at_a_block_with_a_proposal() {
    let world = World::whole(LOCAL).await;
    same("at.txt", &told(&world, APP.parse().unwrap(), 50).await);
}

#[tokio::test]
async fn at_a_block_before_birth() {
    let world = World::whole(LOCAL).await;
    let text = told(&world, APP.parse().unwrap(), 5).await;
    assert_eq!(
        text.lines().next().unwrap(),
        "At block 5 (2026-03-02 18:00:00 UTC, finalized) the contract of this app had said nothing yet: no \
         version was allowed."
    );
}

#[tokio::test]
async fn a_stock_app_and_code_that_nobody_knows() {
    let world = World::whole(LOCAL).await;
    let text = told(&world, STOCK, 22).await;
    assert_eq!(
        text.lines().next().unwrap(),
        "At block 22 (2026-03-07 00:00:00 UTC, finalized) this app was allowed to run 2 versions. The owner of \
         this app can change its code at any moment, without notice."
    );
    let text = told(&world, STOCK, 42).await;
    assert_eq!(
        text.lines().next().unwrap(),
        "At block 42 (2026-03-12 00:00:00 UTC, finalized) this app was allowed to run 1 version. We do not know \
         the code that decides here. What follows is what its events said; nothing enforces it."
    );
}

#[tokio::test]
async fn at_a_time() {
    let world = World::whole(LOCAL).await;
    let when = When::Time(1_773_950_400);
    let app = APP.parse().unwrap();
    let answer = devproof_api::at(&world.store, None, LOCAL, app, when, Finality::Unsafe).await;
    assert_eq!(
        cmd::at::render(&answer.unwrap(), now()).lines().next().unwrap(),
        "At 2026-03-19 20:00:00 UTC (as after block 60, safe) this app was allowed to run 1 version; its \
         owner can change the code only after 7 d notice. It had announced 1 change, which could come from \
         2026-03-21 00:00:00 UTC on."
    );
}

#[tokio::test]
async fn the_history_is_a_table() {
    let world = World::whole(LOCAL).await;
    let history = devproof_api::history(
        &world.store,
        LOCAL,
        APP.parse().unwrap(),
        Part::default(),
        Finality::Unsafe,
    )
    .await;
    let text = cmd::history::render(&history.unwrap(), now());
    same("history.txt", &text);
}

#[test]
fn exit_codes_answer_whether_a_version_was_allowed() {
    let (world, dir) = (world(), TempDir::new().unwrap());
    let (yes, no) = (format!("{:#x}", hash(2)), format!("{:#x}", hash(3)));
    let ask = |hash: &str, extra: &[&str]| {
        let args = ["--database", &world.path, "at", APP, "--block", "60", "--compose-hash", hash];
        devproof_in(&dir, &[&args[..], extra].concat())
    };
    let said = ask(&yes, &[]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (
            0,
            "At block 60 (2026-03-16 12:00:00 UTC, finalized) this app was allowed to run \
             0x0202020202020202020202020202020202020202020202020202020202020202. Allowed is not running.\n"
        )
    );
    let said = ask(&no, &[]);
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (
            1,
            "At block 60 (2026-03-16 12:00:00 UTC, finalized) this app was not allowed to run \
             0x0303030303030303030303030303030303030303030303030303030303030303.\n",
            ""
        )
    );
    let said = ask(&no, &["--quiet"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (1, "", ""));
    let said = ask(&no, &["--json"]);
    let document: devproof_api::documents::AtBlock = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, document.block.number), (1, 60));
}

#[test]
fn settings_come_from_the_file_the_environment_and_flags() {
    let (world, dir) = (world(), TempDir::new().unwrap());
    let file = format!("database = {:?}\nfinality = \"finalized\"\n", world.path);
    std::fs::write(dir.path().join("devproof.toml"), file).unwrap();
    let args = ["at", APP, "--block", "140", "--quiet"];
    let code = |finality: Option<&str>, extra: &[&str]| {
        let mut command = command();
        command.current_dir(dir.path()).args(args).args(extra);
        if let Some(finality) = finality {
            command.env("DEVPROOF_FINALITY", finality);
        }
        command.output().unwrap().status.code().unwrap()
    };
    assert_eq!(code(None, &[]), 2, "the file wants finalized");
    assert_eq!(code(Some("safe"), &[]), 0, "the environment wins over the file");
    assert_eq!(code(Some("safe"), &["--finality", "finalized"]), 2, "a flag wins over both");
    assert_eq!(code(Some("final"), &[]), 64);
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_enough_is_no_error() {
    let (world, dir) = (world(), TempDir::new().unwrap());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command()
        .current_dir(dir.path())
        .args(["--database", &world.path, "history", APP])
        .stdout(Stdio::from(writer))
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[cfg(unix)]
#[test]
fn the_service_says_where_it_listens_and_ends_when_told() {
    use std::io::{BufRead, BufReader, Read, Write};
    let (world, dir) = (world(), TempDir::new().unwrap());
    let mut child = command()
        .current_dir(dir.path())
        .args(["--database", &world.path, "--json", "serve"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    for _ in 0..3 {
        lines.read_line(&mut text).unwrap();
    }
    let serving: serde_json::Value = serde_json::from_str(&text).unwrap();
    let address = serving["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    let mut connection = std::net::TcpStream::connect(&address).unwrap();
    write!(
        connection,
        "GET /v1/chains/{LOCAL}/apps/{APP}/at/60 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut reply = String::new();
    connection.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.contains("\"block\":{\"number\":60,"), "{reply}");
    let told = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(told.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn subscriptions_and_their_letters() {
    let world = world();
    let database = ["--database", &world.path];
    let notify = |args: &[&str]| {
        let args = [&database, &["notify"][..], args].concat();
        devproof_in(&TempDir::new().unwrap(), &args)
    };
    same("notify_help.txt", &notify(&["--help"]).out);
    same("notify_add_help.txt", &notify(&["add", "--help"]).out);
    let nobody = notify(&["list"]);
    assert_eq!((nobody.code, nobody.out.lines().count()), (1, 1), "{nobody:?}");
    assert_eq!(notify(&["list", "--dead"]).out, "No letter is dead.\n");
    let url = "https://user:pw@hooks.example.org/T0/hidden?key=1";
    let added = notify(&[
        "add",
        "webhook",
        url,
        "--app",
        APP,
        "--kind",
        "proposed,no_notice",
        "--name",
        "ops",
    ]);
    assert_eq!(added.code, 0, "{added:?}");
    let id = added.out.split_whitespace().find(|word| word.starts_with("sub_")).unwrap();
    let secret = added.out.split_whitespace().find(|word| word.starts_with("whsec_")).unwrap();
    let plain = |text: &str| text.replace(id, "sub_0123456789abcdef").replace(secret, "whsec_...");
    same("notify_add.txt", &plain(&added.out));
    let (list, show) = (notify(&["list"]), notify(&["show", id]));
    same("notify_list.txt", &plain(&list.out));
    same("notify_show.txt", &plain(&show.out));
    let said =
        [&list.out, &show.out, &notify(&["list", "--json"]).out, &notify(&["-vv", "show", id]).err]
            .map(String::as_str)
            .concat();
    for hidden in [secret, "pw", "hidden", "key=1"] {
        assert!(!said.contains(hidden), "{hidden}: {said}");
    }
    // Where nobody listens, nothing arrives, and nothing is kept of it.
    let dead = notify(&["test", id, "--timeout-seconds", "1"]);
    assert_eq!(dead.code, 1, "{dead:?}");
    assert!(dead.out.starts_with("It did not arrive: no "), "{dead:?}");
    for args in [["retry", "msg_0"], ["remove", "sub_0"]] {
        let said = notify(&args);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.starts_with("Nothing was done: there is no such"), "{said:?}");
    }
    assert_eq!(notify(&["show", "sub_\u{1b}0"]).code, 2);
    let wrong = notify(&["add", "webhook", "http://example.org"]);
    assert_eq!(wrong.code, 64);
    assert_eq!(
        wrong.err,
        "error: the target has to begin with https://, since everybody on the way could read it otherwise; --allow-http takes it all the same.\n"
    );
    let unknown =
        notify(&["add", "webhook", url, "--app", "0x00000000000000000000000000000000000000ff"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert_eq!(notify(&["remove", id]).code, 0);
    assert_eq!(notify(&["list"]).code, 1);
    let nowhere = devproof_in(&TempDir::new().unwrap(), &["notify", "add", "webhook", url]);
    assert_eq!(nowhere.code, 2, "{nowhere:?}");
}
