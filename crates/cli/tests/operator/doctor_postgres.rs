//! `devproof doctor` on PostgreSQL: whether the schema is ours, who writes, and how old a replica is.

use crate::{
    PATIENCE,
    bench::{Said, World, redacted, said, same},
    process::Process,
};
use devproof_testkit::postgres::Cluster;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The line with this name: how it ends, and what it says.
fn line(told: &Said, id: &str) -> (String, String) {
    let document = told.json();
    let all = document["checks"].as_array().unwrap().iter();
    let found: Vec<&Value> = all.filter(|line| line["id"] == id).collect();
    assert_eq!(found.len(), 1, "{id}: {document:#}");
    let text = |key: &str| found[0][key].as_str().unwrap_or_default().to_owned();
    (text("result"), format!("{}; {}", text("message"), text("advice")))
}

fn doctor(world: &World, database: &str) -> Said {
    let told = said(world.command().args(["doctor", "--json", "--database", database]));
    assert!(!told.out.contains("secret") && !told.err.contains("secret"), "{told:?}");
    told
}

#[track_caller]
fn is(told: &Said, id: &str, result: &str, says: &str) {
    let found = line(told, id);
    assert!(
        found.0 == result && found.1.contains(says),
        "{id} {result} {says:?}: {found:?}\n{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_devproof_is_told_by_which() {
    let Some(cluster) = Cluster::start().unwrap() else { return };
    let world = World::new().await;
    let database = cluster.database().unwrap();
    let kms = format!("--kms={}", world.bench.kms);
    let indexed = said(world.command().args(["index", &kms, "--database", &database]));
    assert_eq!(indexed.code, 0, "{indexed:?}");
    let name = cluster.sql("postgres", "SELECT datname FROM pg_database WHERE datname NOT LIKE 'template%' AND datname <> 'postgres'");
    let name = name.unwrap().trim().to_owned();
    let newer = "INSERT INTO _sqlx_migrations SELECT 99990101000000, 'later', now(), true, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    cluster.sql(&name, newer).unwrap();
    let told = doctor(&world, &database);
    is(&told, "database.open", "fail", "use the devproof that wrote it, or a newer one");
    let older = "DELETE FROM _sqlx_migrations WHERE version IN (SELECT version FROM _sqlx_migrations ORDER BY version DESC LIMIT 2)";
    cluster.sql(&name, older).unwrap();
    let told = doctor(&world, &database);
    is(&told, "database.open", "fail", "which bring it up to date");
    assert_eq!(told.code, 1, "{told:?}");
}

/// Asks again until this line ends so and says this.
async fn until(world: &World, database: &str, id: &str, result: &str, says: &str) -> Said {
    let begun = Instant::now();
    loop {
        let told = doctor(world, database);
        let is_there =
            told.json()["checks"].as_array().unwrap().iter().any(|line| line["id"] == id);
        if is_there {
            let found = line(&told, id);
            if found.0 == result && found.1.contains(says) {
                return told;
            }
        }
        assert!(begun.elapsed() < PATIENCE, "{id} {result} {says:?}: {told:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How old what a replica shows is said to be, in seconds.
fn age(told: &Said) -> u64 {
    let (_, text) = line(told, "database.replica");
    let (_, rest) = text.split_once("at most ").unwrap_or_else(|| panic!("{text}"));
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_and_how_old_a_replica_is() {
    let Some(mut primary) = Cluster::start_on_loopback().unwrap() else { return };
    let world = World::new().await;
    let made = primary.database().unwrap();
    let name = made.rsplit('/').next().unwrap();
    let written = primary.loopback_url(name);
    let replica = primary.replica().unwrap();
    let read = replica.loopback_url(name);
    let kms = format!("--kms={}", world.bench.kms);
    let index = ["index", &kms, "--poll-seconds", "1", "--database", &written];
    let indexed = said(world.command().args(index));
    assert_eq!(indexed.code, 0, "{indexed:?}");
    let mut words = String::new();
    let mut tell = |what: &str, database: &str| {
        let told = said(world.command().args(["doctor", "--database", database]));
        words.push_str(&format!("$ devproof doctor, {what} -> {}\n{}\n", told.code, told.out));
    };

    let free = doctor(&world, &written);
    is(&free, "database.writer", "note", "nobody indexes it at the moment; run `devproof serve`");
    tell("nobody writes", &written);
    let mut following = Process::start(world.command().args(index).arg("--follow"));
    following.says("Following the chain");
    is(&doctor(&world, &written), "database.writer", "pass", "a process indexes it");
    tell("somebody writes", &written);
    // On the replica nobody can see that lock, and nobody is said to be missing.
    let told = until(&world, &read, "database.replica", "note", "it is a replica, and what ").await;
    is(
        &told,
        "database.writer",
        "could_not_tell",
        "a replica does not show who writes; ask on the primary",
    );
    age(&told);
    tell("on a replica", &read);
    following.kill();
    until(&world, &written, "database.writer", "note", "nobody indexes it at the moment").await;

    primary.crash().unwrap();
    let hears_nothing = "it is a replica that hears nothing of its primary, and what it shows is";
    let first = until(&world, &read, "database.replica", "fail", hears_nothing).await;
    assert_eq!(first.code, 1, "{first:?}");
    tell("on a replica whose primary is gone", &read);
    // It grows older.
    let begun = Instant::now();
    while age(&doctor(&world, &read)) <= age(&first) + 1 {
        assert!(begun.elapsed() < PATIENCE, "what nobody sends stays young");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let port = |url: &str| url.split([':', '/']).nth(4).unwrap().to_owned();
    let ports = [port(&written), port(&read)];
    let words = words.replace(&ports[0], "<primary>").replace(&ports[1], "<replica>");
    let words = words.replace(world.bench.anvil.url(), "<node>");
    let words: Vec<_> = words.split("at most ").collect();
    let without_age =
        |rest: &&str| rest.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
    let words = std::iter::once(words[0].to_owned()).chain(words[1..].iter().map(without_age));
    let words = words.collect::<Vec<_>>().join("at most <n>");
    same("doctor_postgres.txt", &redacted(&words, &[]));
}
