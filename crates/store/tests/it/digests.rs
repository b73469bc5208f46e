//! The digest: equal for equal contents, different for any difference.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, log, page, topic, who},
};
use devproof_store::{Contract, Page, RawLog, Store, Tags};

fn facts() -> Vec<RawLog> {
    (1..30).flat_map(|n| (0..n % 4).map(move |index| log(block(n, 0), index, index % 3))).collect()
}

fn up_to(previous: Option<u64>, last: u64) -> Page {
    let logs = facts()
        .into_iter()
        .filter(|l| previous < Some(l.block.number) && l.block.number <= last)
        .collect();
    page(previous.map(|n| block(n, 0)), block(last, 0), logs)
}

pub(crate) async fn history_of_insertion_does_not_show(db: &Db) {
    let at_once = db.store().await;
    at_once.commit(&up_to(None, 30)).await.unwrap();
    let expected = at_once.digest(CHAIN).await.unwrap();

    // The same on the other database.
    let twin = db.twin().await;
    twin.commit(&up_to(None, 30)).await.unwrap();
    assert_eq!(twin.digest(CHAIN).await.unwrap(), expected);

    // In small steps, with a wrong turn, what is known already, and the newest logs first.
    let store = db.store().await;
    store.commit(&up_to(None, 7)).await.unwrap();
    store
        .set_tags(CHAIN, &Tags { head: block(9, 0), safe: None, finalized: None, polled_at: 1 })
        .await
        .unwrap();
    let mut wrong = page(
        Some(block(7, 0)),
        block(12, 1),
        vec![log(block(11, 1), 0, 1), log(block(12, 1), 1, 2)],
    );
    wrong.contracts.push(contract(8, 11));
    store.commit(&wrong).await.unwrap();
    assert_ne!(store.digest(CHAIN).await.unwrap(), expected);
    store.rewind(CHAIN, Some(&block(5, 0))).await.unwrap();
    let mut newest_first = up_to(Some(5), 29);
    newest_first.logs.reverse();
    newest_first.blocks.extend([block(6, 0), block(28, 0)]);
    store.commit(&newest_first).await.unwrap();
    store.set_history_verified(CHAIN, &[who(1)], &block(28, 0)).await.unwrap();
    store.commit(&Page { logs: facts(), ..up_to(Some(29), 30) }).await.unwrap();
    // When the configuration named a contract, and what stood there then.
    let looked_at_before = Contract {
        implementation: Some(who(40)),
        found_at: 0,
        ..store.contracts(CHAIN).await.unwrap()[0].clone()
    };
    store.upsert_contract(&looked_at_before).await.unwrap();
    assert_eq!(looked_at_before.named_by, None);
    assert_eq!(store.digest(CHAIN).await.unwrap(), expected);
}

async fn changed(db: &Db, change: impl AsyncFn(&Store, &mut Page)) -> alloy_primitives::B256 {
    let store = db.twin().await;
    let mut page = up_to(None, 30);
    change(&store, &mut page).await;
    store.commit(&page).await.unwrap();
    store.digest(CHAIN).await.unwrap()
}

pub(crate) async fn every_difference_shows(db: &Db) {
    let mut seen = vec![
        changed(db, async |_, _| {}).await,
        changed(db, async |_, p| p.logs.truncate(1)).await,
        changed(db, async |_, p| p.logs[3].data = vec![1].into()).await,
        changed(db, async |_, p| p.logs[3].address = who(2)).await,
        changed(db, async |_, p| p.logs[3].topics.push(topic(7))).await,
        changed(db, async |_, p| p.logs[3].log_index += 100).await,
        changed(db, async |_, p| p.checkpoint = block(31, 0)).await,
        changed(db, async |_, p| p.contracts.push(contract(4, 3))).await,
        changed(db, async |_, p| {
            let proxied = Contract { implementation: Some(who(40)), ..contract(4, 3) };
            p.contracts.push(proxied);
        })
        .await,
        changed(db, async |_, p| p.contracts.push(contract(4, 2))).await,
        changed(db, async |s, _| assert!(s.ensure_chain(CHAIN, 1).await.is_ok())).await,
    ];
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all);
}

pub(crate) async fn large_stores_are_read_in_steps(db: &Db) {
    // More than the digest reads at a time, with a step ending inside a block.
    let mut logs: Vec<RawLog> =
        (0..9).flat_map(|n| (0..1_000).map(move |i| log(block(n, 0), i, i % 3))).collect();
    let mut digests = Vec::new();
    for store in [db.store().await, db.twin().await] {
        store.commit(&page(None, block(9, 0), logs.clone())).await.unwrap();
        digests.push(store.digest(CHAIN).await.unwrap());
        assert_eq!(store.logs(CHAIN, &[who(0), who(1), who(2)], 9).await.unwrap(), logs);
    }
    assert_eq!(digests[0], digests[1]);
    // A log right after the first step counts as every other does.
    logs.remove(4_097);
    let shorter = db.twin().await;
    shorter.commit(&page(None, block(9, 0), logs)).await.unwrap();
    assert_ne!(shorter.digest(CHAIN).await.unwrap(), digests[0]);
}
