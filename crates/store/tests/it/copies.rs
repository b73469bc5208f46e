//! A whole database into another one.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, log, page, who},
};
use alloy_primitives::B256;
use devproof_store::{Page, RawLog, Store, StoreError, Subscribers, Tags};

/// More rows than are read at a time, with a reorg, a contract that was orphaned and one with a gap.
async fn filled(store: &Store) {
    let logs = |from: u64, to: u64, branch: u64| -> Vec<RawLog> {
        (from..=to).flat_map(|n| (0..40).map(move |i| log(block(n, branch), i, i % 3))).collect()
    };
    store.commit(&page(None, block(30, 0), logs(1, 30, 0))).await.unwrap();
    let wrong = Page {
        contracts: vec![contract(5, 33)],
        ..page(Some(block(30, 0)), block(35, 1), logs(31, 35, 1))
    };
    store.commit(&wrong).await.unwrap();
    store.rewind(CHAIN, Some(&block(30, 0))).await.unwrap();
    store.commit(&page(Some(block(30, 0)), block(36, 0), logs(31, 36, 0))).await.unwrap();
    store.upsert_contract(&contract(6, 20)).await.unwrap();
    store.set_history_verified(CHAIN, &[who(1)], &block(36, 0)).await.unwrap();
    let tags = Tags { head: block(36, 0), safe: Some(34), finalized: Some(32), polled_at: 7 };
    store.set_tags(CHAIN, &tags).await.unwrap();
    store.ensure_chain(CHAIN + 1, 5).await.unwrap();
}

/// Everything that can be asked.
async fn told(store: &Store) -> String {
    let mut orphans = Vec::new();
    for n in 0..3 {
        orphans.push(store.orphaned_logs(CHAIN, who(n)).await.unwrap());
    }
    let digest: B256 = store.digest(CHAIN).await.unwrap();
    format!(
        "{digest} {:?} {:?} {:?} {orphans:?} {:?} {:?}",
        store.chains().await.unwrap(),
        store.contracts(CHAIN).await.unwrap(),
        store.gaps(CHAIN).await.unwrap(),
        store.orphaned_blocks(CHAIN, 0, 99).await.unwrap(),
        store.logs_between(CHAIN, 0, 99).await.unwrap(),
    )
}

pub(crate) async fn a_copy_there_and_back_is_the_same(db: &Db) {
    let here = db.store().await;
    filled(&here).await;
    let expected = told(&here).await;
    assert!(!here.orphaned_logs(CHAIN, who(1)).await.unwrap().is_empty());
    // To SQLite, whatever this is, and back to whatever this is.
    let there = db.bare_twin().await;
    let copied = here.copy_to(&there, Subscribers::LeaveOut, &mut |_, _| {}).await.unwrap();
    assert_eq!(copied.rows["blocks"], 41);
    assert_eq!(told(&there).await, expected);
    let back = db.bare().await;
    assert_eq!(there.copy_to(&back, Subscribers::LeaveOut, &mut |_, _| {}).await.unwrap(), copied);
    assert_eq!(told(&back).await, expected);
    // The copy goes on where the original would: new rows get numbers of their own.
    back.upsert_contract(&contract(9, 36)).await.unwrap();
    let more = page(Some(block(36, 0)), block(37, 0), vec![log(block(37, 0), 4, 9)]);
    assert_eq!(back.commit(&more).await.unwrap().new_logs, 1);
}

pub(crate) async fn nothing_is_copied_over_anything(db: &Db) {
    let here = db.store().await;
    filled(&here).await;
    let there = db.bare_twin().await;
    there.ensure_chain(1, 0).await.unwrap();
    let refused = here.copy_to(&there, Subscribers::LeaveOut, &mut |_, _| {}).await;
    assert!(matches!(refused, Err(StoreError::NotEmpty { .. })), "{refused:?}");
    assert_eq!(there.chains().await.unwrap().len(), 1);
}

pub(crate) async fn a_copy_that_is_cut_short_leaves_nothing(db: &Db) {
    let here = db.store().await;
    filled(&here).await;
    let there = db.bare_twin().await;
    let begun = tokio::sync::Notify::new();
    let mut told_of = |table: &str, _: u64| {
        if table == "spoke" {
            begun.notify_one();
            // Longer than statements run before others get their turn: else it may be at its end before it is cut, for what is
            // being committed is not undone.
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    // Dropped as soon as there are facts in the target.
    tokio::select! {
        biased;
        () = begun.notified() => {}
        done = here.copy_to(&there, Subscribers::LeaveOut, &mut told_of) => panic!("{done:?}"),
    }
    assert!(there.chains().await.unwrap().is_empty());
    here.copy_to(&there, Subscribers::LeaveOut, &mut |_, _| {}).await.unwrap();
    assert_eq!(told(&there).await, told(&here).await);
}
