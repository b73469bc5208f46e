//! Bad input gets one clear sentence that says what to do, and the right exit code.

use crate::{
    run::{devproof, devproof_in},
    world::{LOCAL, World},
};
use sqlx::Connection;
use std::fs;
use tempfile::TempDir;

const APP: &str = "0x00000000000000000000000000000000000000a1";

#[track_caller]
fn refused(args: &[&str], code: i32, err: &str) {
    let said = devproof(args);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (code, "", err), "{args:?}");
}

#[test]
fn a_malformed_app_id() {
    refused(
        &["at", "0x12", "--block", "1"],
        64,
        "error: invalid value '0x12' for '<APP>': an app id looks like \
         0x52908400098527886e0f7030069857d2e4169ee7, not \"0x12\"\n\nFor more information, try '--help'.\n",
    );
}

#[test]
fn a_malformed_compose_hash() {
    refused(
        &["at", APP, "--block", "1", "--compose-hash", "0xabc"],
        64,
        "error: invalid value '0xabc' for '--compose-hash <HASH>': a compose hash is 64 hexadecimal digits, \
         as `sha256sum app-compose.json` prints them, not \"0xabc\"\n\nFor more information, try '--help'.\n",
    );
}

#[test]
fn a_malformed_time_and_no_moment_at_all() {
    refused(
        &["at", APP, "--time", "yesterday"],
        64,
        "error: invalid value 'yesterday' for '--time <TIME>': a time looks like 2026-03-01T12:00:00Z, not \
         \"yesterday\"\n\nFor more information, try '--help'.\n",
    );
    let said = devproof(&["at", APP]);
    assert_eq!(said.code, 64);
    assert!(said.err.contains("--block <BLOCK>|--time <TIME>"), "{}", said.err);
    assert_eq!(devproof(&["at", APP, "--block", "1", "--time", "1"]).code, 64);
}

#[test]
fn a_verb_that_does_not_exist() {
    assert_eq!(devproof(&["prove"]).code, 64);
    assert_eq!(devproof(&[]).code, 64);
}

#[test]
fn help_is_no_error() {
    for args in [&["--help"][..], &["at", "--help"], &["index", "--help"], &["--version"]] {
        let said = devproof(args);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{args:?}");
        assert!(said.out.contains("devproof"), "{args:?}");
    }
}

#[test]
fn a_database_that_is_not_there() {
    for verb in [&["at", APP, "--block", "1"][..], &["history", APP], &["serve"]] {
        refused(
            verb,
            2,
            "error: there is no database at devproof.db; run `devproof index` first or name another path.\n",
        );
    }
}

#[test]
fn a_database_name_that_makes_no_sense() {
    refused(
        &["--database", "mysql://me:secret@host/db", "history", APP],
        64,
        "error: `mysql://me@host/db` does not name a database (unknown scheme); use a file path, sqlite://PATH or \
         postgres://USER@HOST/NAME.\n",
    );
}

#[test]
fn a_file_that_is_no_database() {
    let dir = TempDir::new().unwrap();
    fs::write(
        dir.path().join("devproof.db"),
        "not a database, but long enough to be looked at ".repeat(40),
    )
    .unwrap();
    let said = devproof_in(&dir, &["at", APP, "--block", "1"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (
            2,
            "error: devproof.db is not an SQLite database; name another path (the file was left as it is).\n"
        )
    );
}

#[test]
fn a_database_of_a_newer_schema() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("devproof.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        devproof_store::Store::open(path.to_str().unwrap()).await.unwrap().close().await;
        let mut database =
            sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
        let newer = "INSERT INTO _sqlx_migrations SELECT 99990101000000, 'newer', installed_on, 1, checksum, 1
             FROM _sqlx_migrations LIMIT 1";
        sqlx::query(newer).execute(&mut database).await.unwrap();
        database.close().await.unwrap();
    });
    for verb in [&["at", APP, "--block", "1"][..], &["serve"]] {
        let said = devproof_in(&dir, verb);
        assert_eq!(said.code, 2, "{verb:?}");
        assert!(said.err.starts_with("error: devproof.db has schema 99990101000000, and this devproof knows schemas up to "), "{}", said.err);
        assert!(
            said.err.ends_with("; upgrade devproof or name another database.\n"),
            "{}",
            said.err
        );
    }
}

#[test]
fn a_node_that_does_not_answer() {
    let said = devproof(&["index", "--rpc-url", "http://127.0.0.1:1", "--app", APP]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(
        said.err.starts_with("error: the node at http://127.0.0.1:1 cannot be reached ("),
        "{}",
        said.err
    );
    assert!(said.err.ends_with("); check the URL and that the node is up.\n"), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
}

#[test]
fn no_node_at_all() {
    refused(
        &["index", "--app", APP],
        64,
        "error: `devproof index` needs a node; name one with --rpc-url http://127.0.0.1:8545.\n",
    );
    refused(
        &["index", "--rpc-url", "localhost:8545"],
        64,
        "error: \"localhost:8545\" is not a URL of a node; it looks like http://127.0.0.1:8545 or ws://127.0.0.1:8545.\n",
    );
}

#[test]
fn a_configuration_with_a_misspelt_key() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("devproof.toml"), "chain = 31337\ndatabse = \"x.db\"\n").unwrap();
    let said = devproof_in(&dir, &["history", APP]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (
            64,
            "error: devproof.toml, line 2: unknown field `databse`, expected one of `database`, `chain`, `rpc-url`, \
             `agree`, `finality`, `listen`, `metrics-listen`, `no-index`, `no-notify`, `public-url`, `rate-limit`, `behind-proxy`, \
             `kms`, `factory`, `registry`, `app`, `start-block`, `poll-seconds`, `page-blocks`, `pccs`, `collateral-cache`, `backend`, \
             `keystore`, `account`, `password-file`, `aws-kms-key`, `safe`, `family`.\n"
        )
    );
    fs::write(dir.path().join("devproof.toml"), "chain = \"base\"\n").unwrap();
    let said = devproof_in(&dir, &["history", APP]);
    assert_eq!(
        said.err,
        "error: devproof.toml, line 1: invalid type: string \"base\", expected u64.\n"
    );
    let said = devproof(&["--config", "other.toml", "history", APP]);
    assert_eq!(said.code, 64);
    assert!(
        said.err.starts_with("error: the configuration other.toml cannot be read ("),
        "{}",
        said.err
    );
}

#[test]
fn questions_that_the_index_cannot_answer() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(async {
        let world = World::whole(LOCAL).await;
        world.store.close().await;
        world
    });
    let database = world.path.as_str();
    let ask = |args: &[&str]| {
        let dir = TempDir::new().unwrap();
        let said = devproof_in(&dir, &[&["--database", database], args].concat());
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{args:?}");
        said.err
    };
    assert_eq!(
        ask(&["at", APP, "--block", "999"]),
        "error: block 999 is not in the index yet, which ends at block 200 (2026-04-20T12:00:00Z); ask for an \
         earlier one, or run `devproof index` first.\n"
    );
    assert_eq!(
        ask(&["at", APP, "--time", "2027-01-01T00:00:00Z"]),
        "error: 2027-01-01T00:00:00Z is in the future of the index, which ends at block 200 \
         (2026-04-20T12:00:00Z); ask for an earlier one, or run `devproof index` first.\n"
    );
    assert_eq!(
        ask(&["history", "0x00000000000000000000000000000000000000ff"]),
        "error: app 0x00000000000000000000000000000000000000ff is not in this index of chain 31337; check the id \
         and the chain, or run `devproof index --app` with it.\n"
    );
    assert_eq!(
        ask(&["--chain", "1", "history", APP]),
        "error: chain 1 is not in this index, which holds chain 31337; name one with --chain, or run `devproof \
         index` for this one.\n"
    );
    assert_eq!(
        ask(&["at", APP, "--block", "170", "--finality", "finalized"]),
        "error: block 170 is unsafe, not finalized, by the node's tags when it was last asked; wait and index \
         again, or take what may still change with --finality unsafe.\n"
    );
    assert_eq!(
        ask(&["at", APP, "--block", "59"]),
        "error: the index does not hold the header of block 59 (block 50 has the same state: it is held, and \
         nothing happened between the two); pass --rpc-url, or ask for a block or time that is held.\n"
    );
    let err = ask(&["at", APP, "--block", "59", "--rpc-url", "http://127.0.0.1:1"]);
    assert!(err.starts_with("error: the node at http://127.0.0.1:1 cannot be reached ("), "{err}");
}
