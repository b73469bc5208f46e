//! `devproof fsck` finds what was done to a database behind its back.

use crate::{NOW, Process, index_at_once, process::devproof};
use devproof_store::Store;
use devproof_testkit::{Story, postgres::Cluster};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::path::Path;

/// The exit code, and what was found.
fn fsck(story: &Story, database: &str, with_node: bool) -> (i32, Value) {
    let mut command = devproof();
    command.args(["fsck", "--json", "--page-blocks", "50", "--database", database]);
    if with_node {
        command.args(["--rpc-url", story.bench.anvil.url()]);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let document = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{said}"));
    (output.status.code().unwrap(), document)
}

fn kinds(found: &Value) -> Vec<String> {
    let differences = found["differences"].as_array().unwrap().iter();
    let mut kinds: Vec<String> =
        differences.map(|one| one["kind"].as_str().unwrap().to_owned()).collect();
    kinds.dedup();
    kinds
}

/// Which block it is in which an app of a kind spoke, so many before its last. The chain is the first of its database, so that it
/// is the block's id as well.
async fn spoke(database: &str, kind: &str, back: usize) -> String {
    let store = Store::open_read_only(database).await.unwrap();
    let chain_id = store.chains().await.unwrap()[0].chain_id;
    let contracts = store.contracts(chain_id).await.unwrap();
    let app = contracts.iter().find(|contract| contract.code_kind.starts_with(kind)).unwrap();
    let logs = store.logs(chain_id, &[app.address], u64::MAX).await.unwrap();
    let mut blocks: Vec<u64> = logs.iter().map(|log| log.block.number).collect();
    blocks.dedup();
    format!("id = {}", blocks[blocks.len() - 1 - back])
}

/// What depends on the clock of the chain.
const ANYTHING: &[&str] = &["?"];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_a_database_is_found() {
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let clean = folder.path().join("clean.sqlite");
    let name = |path: &Path| path.display().to_string();
    Process::start(&mut index_at_once(&story, &name(&clean))).ends_well();
    // Blocks of both branches are held at the same height.
    story.bench.anvil.reorg(2).await.unwrap();
    Process::start(&mut index_at_once(&story, &name(&clean))).ends_well();
    story.bench.anvil.mine(3).await.unwrap();
    Process::start(&mut index_at_once(&story, &name(&clean))).ends_well();
    for with_node in [false, true] {
        let (code, found) = fsck(&story, &name(&clean), with_node);
        assert_eq!((code, &found["clean"], kinds(&found)), (0, &true.into(), vec![]), "{found}");
        assert!(found["logs"].as_u64().unwrap() > 50);
    }

    // The last block of the stock app, which keeps no history: nothing but the chain tells that it is missing. And one of the
    // product, which does, before its last.
    let rival = spoke(&name(&clean), "dstack_app", 0).await;
    let product = spoke(&name(&clean), "app_auth", 2).await;

    // What is done, what shows without a node, and what shows with one.
    let cases: &[(&str, String, &[&str], &[&str])] = &[
        (
            "what was said in a block is deleted",
            format!("UPDATE blocks SET said = X'' WHERE {rival}"),
            &[],
            &["missing_log"],
        ),
        (
            "the index of who spoke forgets an app",
            "DELETE FROM spoke WHERE contract_id = (SELECT id FROM contracts WHERE code_kind = 'dstack_app')".to_owned(),
            &["contract"],
            &["contract"],
        ),
        (
            "the index of words forgets some",
            "DELETE FROM mentions_new WHERE contract_id > 0 AND number = (SELECT number FROM mentions_new WHERE contract_id > 0 LIMIT 1)".to_owned(),
            &["contract"],
            &["contract"],
        ),
        (
            "the index of words forgets the hash of a block",
            "DELETE FROM mentions_new WHERE contract_id < 0 AND number = (SELECT MAX(number) FROM blocks)".to_owned(),
            &["block"],
            &["block"],
        ),
        (
            "an orphaned block has another hash than it is found by",
            "UPDATE blocks SET hash = zeroblob(32) WHERE fork > 0".to_owned(),
            ANYTHING,
            &["block"],
        ),
        (
            "one of an app with a history is deleted",
            format!("UPDATE blocks SET said = X'' WHERE {product}"),
            &["history"],
            &["history", "missing_log"],
        ),
        (
            "a byte of data is changed",
            format!("UPDATE blocks SET said = CAST(SUBSTR(said, 1, LENGTH(said) - 1) || X'5A' AS BLOB) WHERE {rival}"),
            &[],
            &["changed_log"],
        ),
        (
            "a foreign log is added",
            format!(
                "UPDATE blocks SET said = CAST(said || X'3F' || zeroblob(32) || X'017F' || CAST(char((SELECT id FROM contracts
                 WHERE code_kind = 'dstack_app' ORDER BY id DESC LIMIT 1)) AS BLOB) || X'0000' AS BLOB) WHERE {rival}"
            ),
            &[],
            &["extra_log"],
        ),
        (
            "a canonical block is marked as orphaned",
            format!("UPDATE blocks SET id = id + 9 * 17592186044416 WHERE {rival}"),
            &[],
            &["missing_log", "orphan"],
        ),
        (
            "an orphaned block is marked as canonical, in the place of the right one",
            "UPDATE blocks SET id = id + 90 * 17592186044416 WHERE number = (SELECT MAX(o.number) FROM blocks o
                 JOIN blocks c ON c.number = o.number AND c.fork = 0 WHERE o.fork = 1);
             UPDATE blocks SET id = id + (91 - 2 * fork) * 17592186044416 WHERE fork IN (90, 91)".to_owned(),
            ANYTHING,
            &["block", "orphan"],
        ),
        (
            // 2 and 3 are the versions of kept states of stock apps and of ours.
            "a kept state is not what the logs fold to",
            "INSERT INTO folds SELECT id, 100000, CASE WHEN code_kind = 'dstack_app' THEN 2 ELSE 3 END, X'00'
                 FROM contracts WHERE role = 'app' ORDER BY id LIMIT 1".to_owned(),
            &["state"],
            &["state"],
        ),
        (
            "the checkpoint is moved beyond the data",
            "UPDATE chains SET checkpoint_number = checkpoint_number + 1, checkpoint_hash = randomblob(32)".to_owned(),
            &["checkpoint"],
            &["checkpoint"],
        ),
        (
            "an app is forgotten",
            "UPDATE contracts SET canonical = 0 WHERE code_kind = 'dstack_app'".to_owned(),
            &["contract"],
            &["contract"],
        ),
        (
            "a history is called verified further than the index reaches",
            "UPDATE contracts SET history_verified_at = 100000 WHERE code_kind LIKE 'app_auth%'".to_owned(),
            &["history"],
            &["history"],
        ),
    ];
    let mut missed = Vec::new();
    for (n, (what, sql, alone, compared)) in cases.iter().enumerate() {
        let path = folder.path().join(format!("{n}.sqlite"));
        std::fs::copy(&clean, &path).unwrap();
        let mut database = SqliteConnection::connect(&name(&path)).await.unwrap();
        let changed =
            sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&mut database).await.unwrap();
        assert!(changed.rows_affected() > 0, "{what}");
        database.close().await.unwrap();
        for (with_node, expected) in [(false, alone), (true, compared)] {
            let (code, found) = fsck(&story, &name(&path), with_node);
            let mut seen = kinds(&found);
            assert_eq!(code, i32::from(!seen.is_empty()), "{what}");
            if *expected == ANYTHING {
                continue;
            }
            // Whether its time gives it away depends on the clock of the chain.
            seen.retain(|kind| kind != "canonical");
            if seen != *expected {
                missed.push(format!("{what}, node: {with_node}: {seen:?} and not {expected:?}"));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    let words = devproof()
        .args(["fsck", "--database", &name(&folder.path().join("0.sqlite")), "--rpc-url"])
        .arg(story.bench.anvil.url())
        .output()
        .unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(
        words.contains("missing_log: the chain has log") && words.contains("2 differences."),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_not_called_clean() {
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("devproof.sqlite").display().to_string();
    Process::start(&mut index_at_once(&story, &database)).ends_well();
    // A node that is behind.
    story.bench.anvil.rollback(1).await.unwrap();
    let (code, found) = fsck(&story, &database, true);
    assert_eq!((code, &found["clean"]), (2, &Value::Null), "{found:#}");
    // A reorg that the index has not followed yet.
    story.bench.anvil.mine(1).await.unwrap();
    story.bench.anvil.reorg(1).await.unwrap();
    let (code, found) = fsck(&story, &database, true);
    assert!(code != 0, "{found:#}");
    // No node that answers, no answer.
    let output = devproof()
        .args(["fsck", "--database", &database, "--rpc-url", "http://127.0.0.1:9"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_checked_by_the_same_words() {
    let Some(cluster) = Cluster::start().unwrap() else { return };
    let story = Story::play(NOW, &mut |_| {}).await.unwrap();
    let database = cluster.database().unwrap();
    Process::start(&mut index_at_once(&story, &database)).ends_well();
    assert_eq!(fsck(&story, &database, true).0, 0);
    let rival = spoke(&database, "dstack_app", 0).await;
    let name = database.rsplit('/').next().unwrap();
    cluster.sql(name, &format!("UPDATE blocks SET said = '' WHERE {rival}")).unwrap();
    let (code, found) = fsck(&story, &database, true);
    assert_eq!((code, kinds(&found)), (1, vec!["missing_log".to_owned()]), "{found:#}");
}
