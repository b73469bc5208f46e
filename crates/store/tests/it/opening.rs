//! Opening what is ours, and refusing what is not.

use crate::{
    db::Db,
    make::{CHAIN, block, log, page, who},
};
use devproof_store::{Store, StoreError, Tags};
use sqlx::{Connection as _, PgConnection, SqliteConnection};

/// Runs a statement behind the store's back.
pub(crate) async fn meddle(url: &str, sql: &'static str) {
    if url.starts_with("postgres") {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

pub(crate) async fn a_newer_schema_is_refused(db: &Db) {
    let url = db.url();
    Store::open(&url).await.unwrap().close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        SELECT 9000, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    meddle(&url, newer).await;
    for opened in [Store::open(&url).await, Store::open_read_only(&url).await] {
        let error = opened.unwrap_err();
        assert!(matches!(error, StoreError::SchemaNewer { found: 9000, .. }), "{error}");
        let words = error.to_string();
        assert!(words.contains("upgrade devproof or name another database"), "{words}");
    }
    // An edited migration is not ours either.
    meddle(&url, "DELETE FROM _sqlx_migrations WHERE version = 9000").await;
    Store::open(&url).await.unwrap().close().await;
}

pub(crate) async fn a_read_only_store_reads_and_never_writes(db: &Db) {
    let url = db.url();
    let writer = Store::open(&url).await.unwrap();
    writer.ensure_chain(CHAIN, 0).await.unwrap();
    writer.upsert_contract(&crate::make::contract(1, 0)).await.unwrap();
    writer.commit(&page(None, block(1, 0), vec![log(block(1, 0), 1, 1)])).await.unwrap();
    let reader = Store::open_read_only(&url).await.unwrap();
    assert_eq!(reader.digest(CHAIN).await.unwrap(), writer.digest(CHAIN).await.unwrap());
    // It sees what is written while it is open.
    writer
        .commit(&page(Some(block(1, 0)), block(2, 0), vec![log(block(2, 0), 1, 1)]))
        .await
        .unwrap();
    assert_eq!(reader.logs(CHAIN, &[who(1)], 9).await.unwrap().len(), 2);

    let tags = Tags { head: block(9, 0), safe: None, finalized: None, polled_at: 1 };
    for refused in [
        reader.commit(&page(Some(block(2, 0)), block(3, 0), vec![])).await.unwrap_err(),
        reader.rewind(CHAIN, None).await.unwrap_err(),
        reader.ensure_chain(1, 0).await.unwrap_err(),
        reader.set_tags(CHAIN, &tags).await.unwrap_err(),
    ] {
        assert!(matches!(refused, StoreError::ReadOnly), "{refused}");
    }
    writer.close().await;
    reader.close().await;
    // And again with nobody writing.
    let reader = Store::open_read_only(&url).await.unwrap();
    assert_eq!(reader.chain(CHAIN).await.unwrap().unwrap().checkpoint, Some(block(2, 0)));
}

pub(crate) async fn an_empty_database_is_not_ours_to_read(db: &Db) {
    let url = db.url();
    let error = Store::open_read_only(&url).await.unwrap_err();
    match &error {
        // An empty database of a server does exist.
        StoreError::Foreign { .. } if url.starts_with("postgres") => {}
        StoreError::MissingFile { path } => assert!(!std::path::Path::new(path).exists()),
        _ => panic!("{error}"),
    }
    // Tables of another program are left alone.
    meddle(
        &format!("{url}{}", if url.starts_with("sqlite") { "?mode=rwc" } else { "" }),
        "CREATE TABLE chains (a TEXT)",
    )
    .await;
    for opened in [Store::open(&url).await, Store::open_read_only(&url).await] {
        let error = opened.unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }
}

pub(crate) async fn opening_twice_keeps_everything(db: &Db) {
    let url = db.url();
    let (left, right) = tokio::join!(Store::open(&url), Store::open(&url));
    let (left, right) = (left.unwrap(), right.unwrap());
    left.ensure_chain(CHAIN, 0).await.unwrap();
    left.commit(&page(None, block(1, 0), vec![])).await.unwrap();
    let digest = right.digest(CHAIN).await.unwrap();
    left.close().await;
    right.close().await;
    let again = Store::open(&url).await.unwrap();
    assert_eq!(again.digest(CHAIN).await.unwrap(), digest);
}

/// PostgreSQL only.
pub(crate) async fn a_server_that_is_not_there_is_named(db: &Db) {
    let cluster = db.cluster().unwrap();
    let error = Store::open(&cluster.url("nosuch")).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    // Bound and let go, so that nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error =
        Store::open(&format!("postgres://me:secret@127.0.0.1:{port}/db")).await.unwrap_err();
    let words = error.to_string();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{words}");
    assert!(words.contains(&format!("127.0.0.1:{port}")) && !words.contains("secret"), "{words}");
}
