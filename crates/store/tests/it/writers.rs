//! One writer at a time.

use crate::{
    db::Db,
    make::{CHAIN, block, log, page},
};
use devproof_store::{Store, StoreError};

pub(crate) async fn one_process_at_a_time_is_the_writer(db: &Db) {
    let url = db.url();
    let (one, two) = (Store::open(&url).await.unwrap(), Store::open(&url).await.unwrap());
    assert_eq!(two.has_writer(CHAIN).await.unwrap(), Some(false));
    let writer = one.try_writer(CHAIN).await.unwrap().unwrap();
    let reader = Store::open_read_only(&url).await.unwrap();
    assert_eq!(reader.has_writer(CHAIN).await.unwrap(), Some(true), "whoever only reads sees it");
    assert_eq!(reader.has_writer(CHAIN + 1).await.unwrap(), Some(false));
    assert!(two.try_writer(CHAIN).await.unwrap().is_none());
    // Another chain of the same database is another matter.
    assert!(two.try_writer(CHAIN + 1).await.unwrap().is_some());
    writer.ensure_chain(CHAIN, 0).await.unwrap();
    writer.commit(&page(None, block(1, 0), Vec::new())).await.unwrap();
    // A clone is the same writer, to the last.
    let clone = writer.clone();
    drop(writer);
    assert!(two.try_writer(CHAIN).await.unwrap().is_none());
    clone.commit(&page(Some(block(1, 0)), block(2, 0), Vec::new())).await.unwrap();
    drop(clone);
    let writer = loop {
        // A server takes a moment to see that a connection is gone.
        if let Some(writer) = two.try_writer(CHAIN).await.unwrap() {
            break writer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    writer.commit(&page(Some(block(2, 0)), block(3, 0), Vec::new())).await.unwrap();
    assert_eq!(reader.has_writer(CHAIN).await.unwrap(), Some(true));
    drop(writer);
    while reader.has_writer(CHAIN).await.unwrap() != Some(false) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

pub(crate) async fn who_lost_the_lock_writes_nothing(db: &Db) {
    let url = db.url();
    let writer = Store::open(&url).await.unwrap().try_writer(CHAIN).await.unwrap().unwrap();
    writer.ensure_chain(CHAIN, 0).await.unwrap();
    writer.upsert_contract(&crate::make::contract(0, 0)).await.unwrap();
    writer.commit(&page(None, block(1, 0), Vec::new())).await.unwrap();
    take_the_lock_away(db, &url);
    let lost = |result| matches!(result, Err(StoreError::WriterLost { chain_id: CHAIN }));
    let next = page(Some(block(1, 0)), block(2, 0), vec![log(block(2, 0), 0, 0)]);
    assert!(lost(writer.commit(&next).await.map(|_| ())));
    assert!(lost(writer.rewind(CHAIN, None).await.map(|_| ())));
    // It does not come back by itself, and somebody else may have it.
    let other = Store::open(&url).await.unwrap().try_writer(CHAIN).await.unwrap().unwrap();
    assert!(lost(writer.commit(&next).await.map(|_| ())));
    let stands = other.chain(CHAIN).await.unwrap().unwrap().checkpoint;
    assert_eq!(stands, Some(block(1, 0)));
    other.commit(&next).await.unwrap();
}

fn take_the_lock_away(db: &Db, url: &str) {
    match db.cluster() {
        Some(cluster) => {
            let name = url.rsplit('/').next().unwrap();
            let sql = "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                 WHERE locktype = 'advisory' AND granted AND d.datname = current_database()";
            assert_eq!(cluster.sql(name, sql).unwrap(), "t");
        }
        None => {
            let path = url.strip_prefix("sqlite://").unwrap();
            std::fs::remove_file(format!("{path}-writer-{CHAIN}")).unwrap();
        }
    }
}
