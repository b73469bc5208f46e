//! Pages: all or nothing, each fact once.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, log, page, topic, who},
};
use alloy_primitives::{B256, Bytes};
use devproof_store::{BlockRef, Page, RawLog, StoreError};

pub(crate) async fn facts_come_back_as_they_went_in(db: &Db) {
    let store = db.store().await;
    // Zero to four topics, data from none to 32 bytes.
    let logs: Vec<RawLog> = (0..40).map(|index| log(block(7, 0), index, index % 3)).collect();
    assert!(logs.iter().any(|l| l.topics.is_empty()) && logs.iter().any(|l| l.topics.len() == 4));
    let committed = store.commit(&page(None, block(9, 0), logs.clone())).await.unwrap();
    assert_eq!(committed.new_logs, 40);
    assert_eq!(store.logs(CHAIN, &[who(0), who(1), who(2)], 9).await.unwrap(), logs);
    assert_eq!(store.chain(CHAIN).await.unwrap().unwrap().checkpoint, Some(block(9, 0)));
}

pub(crate) async fn the_same_fact_twice_is_one_row(db: &Db) {
    let store = db.store().await;
    let logs: Vec<RawLog> = (0..5).map(|index| log(block(1, 0), index, 1)).collect();
    let twice = [logs.clone(), logs.clone()].concat();
    assert_eq!(store.commit(&page(None, block(2, 0), twice)).await.unwrap().new_logs, 5);
    let mut more = logs.clone();
    more.push(log(block(1, 0), 5, 1));
    let again = page(Some(block(2, 0)), block(2, 0), more.clone());
    assert_eq!(store.commit(&again).await.unwrap().new_logs, 1);
    assert_eq!(store.logs(CHAIN, &[who(1)], 9).await.unwrap(), more);
}

pub(crate) async fn a_page_that_follows_another_checkpoint_is_refused(db: &Db) {
    let store = db.store().await;
    let error = store.commit(&page(Some(block(4, 0)), block(5, 0), vec![])).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { stored: None, .. }), "{error}");
    store.commit(&page(None, block(5, 0), vec![])).await.unwrap();
    let before = store.digest(CHAIN).await.unwrap();
    for previous in [None, Some(block(4, 0)), Some(block(5, 1))] {
        let error = store.commit(&page(previous, block(6, 0), vec![])).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Conflict { stored: Some(hash), .. } if hash == block(5, 0).hash),
            "{error}"
        );
    }
    assert_eq!(store.digest(CHAIN).await.unwrap(), before);
}

pub(crate) async fn of_two_writers_one_wins(db: &Db) {
    let store = db.store().await;
    for n in 0..10 {
        let previous = (n > 0).then(|| block(n - 1, 0));
        let pages: Vec<Page> = (0..2)
            .map(|writer| page(previous, block(n, 0), vec![log(block(n, 0), writer, 1)]))
            .collect();
        let (left, right) = tokio::join!(store.commit(&pages[0]), store.commit(&pages[1]));
        let lost = match (left, right) {
            (Ok(_), Err(error)) | (Err(error), Ok(_)) => error,
            other => panic!("both or neither: {other:?}"),
        };
        assert!(matches!(lost, StoreError::Conflict { .. }), "{lost}");
    }
    assert_eq!(store.logs(CHAIN, &[who(1)], 99).await.unwrap().len(), 10);
}

pub(crate) async fn a_commit_that_fails_leaves_nothing(db: &Db) {
    let store = db.store().await;
    store.commit(&page(None, block(5, 0), vec![log(block(5, 0), 0, 1)])).await.unwrap();
    let before = store.digest(CHAIN).await.unwrap();
    // Everything before the last log is fine and would be written.
    let mut logs: Vec<RawLog> = (0..100).map(|index| log(block(6, 0), index, 1)).collect();
    let mut changed = log(block(5, 0), 0, 1);
    changed.data = Bytes::from_static(b"another");
    logs.push(changed);
    let mut bad = page(Some(block(5, 0)), block(7, 0), logs);
    bad.contracts.push(contract(9, 6));
    let error = store.commit(&bad).await.unwrap_err();
    assert!(matches!(error, StoreError::FactConflict { .. }), "{error}");

    assert_eq!(store.digest(CHAIN).await.unwrap(), before);
    assert_eq!(store.contract(CHAIN, who(9)).await.unwrap(), None);
    assert_eq!(store.block_by_hash(CHAIN, block(6, 0).hash).await.unwrap(), None);
    assert_eq!(store.block_by_hash(CHAIN, block(7, 0).hash).await.unwrap(), None);
    assert_eq!(store.chain(CHAIN).await.unwrap().unwrap().checkpoint, Some(block(5, 0)));
    assert_eq!(store.logs(CHAIN, &[who(1)], 99).await.unwrap(), [log(block(5, 0), 0, 1)]);
    // And the store still works.
    bad.logs.pop();
    store.commit(&bad).await.unwrap();
}

pub(crate) async fn a_changed_fact_is_refused_whatever_changed(db: &Db) {
    let store = db.store().await;
    let fact = log(block(5, 0), 3, 1);
    store.commit(&page(None, block(5, 0), vec![fact.clone()])).await.unwrap();
    let changes: [fn(&mut RawLog); 8] = [
        |l| l.data = Bytes::from_static(b"another"),
        |l| l.topics[0] = topic(99),
        |l| l.topics[2] = topic(99),
        |l| l.topics.truncate(1),
        |l| l.topics.clear(),
        |l| l.address = who(2),
        |l| l.tx_hash = B256::ZERO,
        |l| l.tx_index = 77,
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut changed = fact.clone();
        change(&mut changed);
        let error = store
            .commit(&page(Some(block(5, 0)), block(6, 0), vec![changed.clone()]))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::FactConflict { .. }), "change {n}: {error}");
        // The same within one page.
        let both = page(Some(block(5, 0)), block(6, 0), vec![fact.clone(), changed]);
        let error = store.commit(&both).await.unwrap_err();
        assert!(matches!(error, StoreError::FactConflict { .. }), "change {n}: {error}");
    }
    let lied = BlockRef { timestamp: 1, ..block(5, 0) };
    let error = store.commit(&page(Some(block(5, 0)), lied, vec![])).await.unwrap_err();
    assert!(matches!(error, StoreError::FactConflict { .. }), "{error}");
    let moved = BlockRef { number: 6, ..block(5, 0) };
    let error = store.commit(&page(Some(block(5, 0)), moved, vec![])).await.unwrap_err();
    assert!(matches!(error, StoreError::FactConflict { .. }), "{error}");
    assert_eq!(store.logs(CHAIN, &[who(1)], 99).await.unwrap(), [fact]);
}

pub(crate) async fn a_page_that_contradicts_itself_is_refused(db: &Db) {
    let store = db.store().await;
    store.commit(&page(None, block(5, 0), vec![])).await.unwrap();
    let good = page(Some(block(5, 0)), block(8, 0), vec![]);
    let changes: [fn(&mut Page); 6] = [
        |p| p.logs.push(log(block(9, 0), 0, 1)),
        |p| p.blocks.push(block(9, 0)),
        |p| p.blocks.push(block(8, 1)),
        |p| p.logs.extend([log(block(7, 0), 0, 1), log(block(7, 1), 1, 1)]),
        |p| p.checkpoint = block(4, 0),
        |p| {
            let mut other = contract(1, 6);
            other.chain_id = 1;
            p.contracts.push(other);
        },
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        let error = store.commit(&bad).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidPage { .. }), "change {n}: {error}");
    }
    let mut five = log(block(7, 0), 0, 1);
    five.topics = vec![topic(1); 5];
    let error = store.commit(&page(Some(block(5, 0)), block(8, 0), vec![five])).await.unwrap_err();
    assert!(matches!(error, StoreError::InvalidPage { .. }), "{error}");
    store.commit(&good).await.unwrap();
}

pub(crate) async fn a_log_of_an_unknown_contract_is_refused(db: &Db) {
    let store = db.store().await;
    let mut stranger =
        page(None, block(5, 0), vec![log(block(5, 0), 0, 1), log(block(5, 0), 1, 8)]);
    let error = store.commit(&stranger).await.unwrap_err();
    assert!(
        matches!(error, StoreError::UnknownContract { address, .. } if address == who(8)),
        "{error}"
    );
    stranger.contracts.push(contract(8, 5));
    store.commit(&stranger).await.unwrap();
}

pub(crate) async fn numbers_that_do_not_fit_are_refused(db: &Db) {
    let store = db.store().await;
    let huge = BlockRef { number: u64::MAX, ..block(1, 0) };
    let error = store.commit(&page(None, huge, vec![])).await.unwrap_err();
    assert!(matches!(error, StoreError::OutOfRange { value: u64::MAX, .. }), "{error}");
    let error = store.ensure_chain(u64::MAX, 0).await.unwrap_err();
    assert!(matches!(error, StoreError::OutOfRange { .. }), "{error}");
    let over = BlockRef { number: 1 << 36, ..block(1, 0) };
    let error = store.commit(&page(None, over, vec![])).await.unwrap_err();
    assert!(error.to_string().contains("the largest is 68719476735"), "{error}");
    let largest = BlockRef { number: (1 << 36) - 1, timestamp: i64::MAX as u64, ..block(1, 0) };
    store.commit(&page(None, largest, vec![log(largest, 0, 1)])).await.unwrap();
    assert_eq!(store.logs(CHAIN, &[who(1)], u64::MAX).await.unwrap(), [log(largest, 0, 1)]);
    assert_eq!(store.last_block_at_or_before(CHAIN, u64::MAX).await.unwrap(), Some(largest));
}
