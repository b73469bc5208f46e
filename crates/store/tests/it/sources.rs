//! What contracts answered, and logs that turned out to be none.

use crate::{
    db::Db,
    make::{CHAIN, block, log, page, who},
};
use alloy_primitives::Bytes;
use devproof_store::{Page, Reading, StoreError};

fn reading(number: u64, branch: u64, what: &str, subject: &'static [u8]) -> Reading {
    Reading {
        block: block(number, branch),
        what: what.to_owned(),
        subject: Bytes::from_static(subject),
        value: Bytes::from(vec![number as u8, branch as u8]),
    }
}

pub(crate) async fn what_was_answered_holds_from_its_block_on_and_goes_with_it(db: &Db) {
    let store = db.store().await;
    let head = block(8, 0);
    store.commit(&page(None, head, vec![log(block(5, 0), 0, 1)])).await.unwrap();
    // One block that is stored, one that is not yet, and one answer per subject.
    let all = [
        reading(5, 0, "owner", b""),
        reading(7, 0, "hash", b"a"),
        reading(7, 0, "hash", b"b"),
        reading(7, 0, "owner", b""),
    ];
    store.add_readings(CHAIN, who(1), &all, &head).await.unwrap();
    store.add_readings(CHAIN, who(1), &all, &head).await.unwrap();
    let readings = async |up_to| store.readings(CHAIN, who(1), up_to).await.unwrap();
    assert_eq!(readings(4).await, []);
    assert_eq!(readings(6).await, all[..1]);
    assert_eq!(readings(u64::MAX).await, all);
    assert_eq!(store.readings(CHAIN, who(2), 99).await.unwrap(), []);
    let about = store.readings_about(CHAIN, "hash", b"b").await.unwrap();
    assert_eq!(about, [(who(1), all[2].clone())]);
    let mut owners = store.answered(CHAIN, "owner").await.unwrap();
    owners.sort_by_key(|(_, block)| block.number);
    assert_eq!(owners, [(who(1), block(5, 0)), (who(1), block(7, 0))]);

    let above = store.add_readings(CHAIN, who(1), &[reading(9, 0, "owner", b"")], &head).await;
    assert!(matches!(above, Err(StoreError::InvalidPage { .. })), "{above:?}");
    let other = store.add_readings(CHAIN, who(1), &all, &block(8, 1)).await;
    assert!(matches!(other, Err(StoreError::Conflict { .. })), "{other:?}");
    let nobody = store.add_readings(CHAIN, who(99), &all, &head).await;
    assert!(matches!(nobody, Err(StoreError::UnknownContract { .. })), "{nobody:?}");
    let fork = store.add_readings(CHAIN, who(1), &[reading(5, 1, "owner", b"")], &head).await;
    assert!(matches!(fork, Err(StoreError::Fork { .. })), "{fork:?}");

    store.rewind(CHAIN, Some(&block(5, 0))).await.unwrap();
    assert_eq!(readings(u64::MAX).await, all[..1]);
    assert_eq!(store.readings_about(CHAIN, "hash", b"b").await.unwrap(), []);
    // On the way back to that branch they hold again.
    let back = page(Some(block(5, 0)), head, vec![log(block(7, 0), 0, 1)]);
    store.commit(&back).await.unwrap();
    assert_eq!(readings(u64::MAX).await, all);
}

pub(crate) async fn what_was_answered_is_written_with_its_page(db: &Db) {
    let (store, by_itself) = (db.store().await, db.store().await);
    let head = block(8, 0);
    let logs = vec![log(block(5, 0), 0, 1)];
    // After a block with a log, one without, and the last one; and of somebody who said nothing.
    let all = [
        (who(1), reading(5, 0, "owner", b"")),
        (who(1), reading(6, 0, "hash", b"a")),
        (who(2), reading(8, 0, "owner", b"")),
    ];
    let written = Page { readings: all.to_vec(), ..page(None, head, logs.clone()) };
    store.commit(&written).await.unwrap();
    by_itself.commit(&page(None, head, logs)).await.unwrap();
    for (address, reading) in &all {
        by_itself
            .add_readings(CHAIN, *address, std::slice::from_ref(reading), &head)
            .await
            .unwrap();
    }
    assert_eq!(
        store.readings(CHAIN, who(1), 99).await.unwrap(),
        [&all[0].1, &all[1].1].map(Clone::clone)
    );
    assert_eq!(store.digest(CHAIN).await.unwrap(), by_itself.digest(CHAIN).await.unwrap());

    let mut refused = Vec::new();
    for wrong in [
        (who(1), reading(10, 0, "owner", b"")),
        (who(99), reading(9, 0, "owner", b"")),
        (who(1), reading(6, 1, "owner", b"")),
    ] {
        let next = page(Some(head), block(9, 0), vec![log(block(9, 0), 0, 1)]);
        let written = Page { readings: vec![(who(1), reading(9, 0, "owner", b"")), wrong], ..next };
        refused.push(store.commit(&written).await.unwrap_err());
        assert_eq!(
            store.digest(CHAIN).await.unwrap(),
            by_itself.digest(CHAIN).await.unwrap(),
            "all or nothing"
        );
    }
    assert!(matches!(refused[0], StoreError::InvalidPage { .. }), "{:?}", refused[0]);
    assert!(matches!(refused[1], StoreError::UnknownContract { .. }), "{:?}", refused[1]);
    assert!(matches!(refused[2], StoreError::Fork { .. }), "{:?}", refused[2]);
}

pub(crate) async fn a_refuted_log_answers_nothing_and_is_kept(db: &Db) {
    let store = db.store().await;
    let head = block(8, 0);
    // The first two share a transaction.
    let logs = [log(block(6, 0), 0, 1), log(block(6, 0), 1, 1), log(block(6, 0), 2, 2)];
    store.commit(&page(None, head, logs.to_vec())).await.unwrap();
    store.set_history_verified(CHAIN, &[who(1), who(2)], &head).await.unwrap();
    let wrong = store.refute(CHAIN, &logs[..1], "nothing", &block(8, 1)).await;
    assert!(matches!(wrong, Err(StoreError::Conflict { .. })), "{wrong:?}");

    assert_eq!(store.refute(CHAIN, &logs[1..2], "its header", &head).await.unwrap(), 1);
    assert_eq!(store.refute(CHAIN, &logs[1..2], "its header", &head).await.unwrap(), 0);
    let both = [who(1), who(2)];
    let stored = store.logs(CHAIN, &both, 99).await.unwrap();
    assert_eq!(stored, [logs[0].clone(), logs[2].clone()]);
    assert_eq!(store.logs_between(CHAIN, 6, 6).await.unwrap(), stored);
    assert_eq!(store.logs_between(CHAIN, 7, 9).await.unwrap(), []);
    let refuted = store.refuted_logs(CHAIN, who(1)).await.unwrap();
    assert_eq!((refuted.len(), &refuted[0].log), (1, &logs[1]));
    assert_eq!((refuted[0].why.as_str(), refuted[0].head), ("its header", 8));
    let verified =
        async |n| store.contract(CHAIN, who(n)).await.unwrap().unwrap().history_verified_at;
    assert_eq!((verified(1).await, verified(2).await), (None, Some(8)));

    // Another log and another transaction take the places of those that were made up.
    store.refute(CHAIN, &logs[..1], "its receipts", &head).await.unwrap();
    let mut other = log(block(6, 0), 0, 2);
    other.tx_hash = logs[2].tx_hash;
    store.commit(&page(Some(head), head, vec![other.clone()])).await.unwrap();
    assert_eq!(store.logs(CHAIN, &both, 99).await.unwrap(), [other, logs[2].clone()]);
    assert_eq!(store.refuted_logs(CHAIN, who(1)).await.unwrap().len(), 2);
}
