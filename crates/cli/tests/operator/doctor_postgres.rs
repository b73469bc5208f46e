//! `devproof doctor` on PostgreSQL: whether the schema is ours.

use crate::bench::{Said, World, said};
use devproof_testkit::postgres::Cluster;
use serde_json::Value;

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
