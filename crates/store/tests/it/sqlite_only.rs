//! Files that are no database, and paths that lead nowhere.

use crate::opening::meddle;
use devproof_store::{Store, StoreError};
use std::fs;

#[tokio::test]
async fn a_file_that_is_not_a_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    let notes = "not a database ".repeat(100);
    fs::write(&path, &notes).unwrap();
    for opened in [
        Store::open(path.to_str().unwrap()).await,
        Store::open_read_only(path.to_str().unwrap()).await,
    ] {
        let error = opened.unwrap_err();
        assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), notes);
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no/such/index.db");
    for opened in [
        Store::open(path.to_str().unwrap()).await,
        Store::open_read_only(path.to_str().unwrap()).await,
    ] {
        let error = opened.unwrap_err();
        assert!(matches!(error, StoreError::MissingDirectory { .. }), "{error}");
    }
    let error = Store::open(directory.path().to_str().unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::BadUrl { .. }), "{error}");
}

#[tokio::test]
async fn writes_are_durable_and_in_wal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.db");
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    store.ensure_chain(1, 0).await.unwrap();
    assert!(directory.path().join("index.db-wal").exists());
    store.close().await;
    assert!(!directory.path().join("index.db-wal").exists(), "a clean close leaves one file");
}

#[tokio::test]
async fn an_edited_migration_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("index.db").display());
    Store::open(&url).await.unwrap().close().await;
    meddle(&url, "DELETE FROM _sqlx_migrations").await;
    let error = Store::open(&url).await.unwrap_err();
    assert!(matches!(error, StoreError::Migration { .. }), "{error}");
}

#[test]
fn a_store_may_be_dropped_where_no_runtime_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(async {
        let store = Store::open(path.to_str().unwrap()).await.unwrap();
        assert!(store.chains().await.unwrap().is_empty());
        store
    });
    drop(runtime);
    drop(store);
}
