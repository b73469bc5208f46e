//! Questions about the canonical chain.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, log, page, who},
};
use alloy_primitives::B256;
use devproof_store::{Backfill, BlockRef, Contract, Page, RawLog};

fn places(logs: &[RawLog]) -> Vec<(u64, u64)> {
    logs.iter().map(|l| (l.block.number, l.log_index)).collect()
}

/// Of a chain beside others, whose blocks stand before and behind its own, and with blocks that are gone.
pub(crate) async fn a_time_is_that_of_the_last_block_before_it(db: &Db) {
    let store = db.store().await;
    let seconds = |n: u64| 1_000 + n * n / 7;
    let at = |n: u64, branch: u64| BlockRef { timestamp: seconds(n), ..block(n, branch) };
    for chain_id in [1, CHAIN, 2] {
        store.ensure_chain(chain_id, 0).await.unwrap();
        assert_eq!(store.last_block_at_or_before(chain_id, u64::MAX).await.unwrap(), None);
        let blocks = (3..200).filter(|n| n % 3 != 1).map(|n| at(n, 1));
        let page = |previous: Option<B256>, blocks: Vec<BlockRef>, checkpoint| Page {
            chain_id,
            previous,
            contracts: Vec::new(),
            blocks,
            logs: Vec::new(),
            readings: Vec::new(),
            newborn: Vec::new(),
            checkpoint,
        };
        store.commit(&page(None, blocks.collect(), at(200, 1))).await.unwrap();
        store.rewind(chain_id, Some(&at(150, 1))).await.unwrap();
        let again = (151..200).filter(|n| n % 5 == 0).map(|n| at(n, 2)).collect();
        store.commit(&page(Some(at(150, 1).hash), again, at(201, 2))).await.unwrap();
    }
    let held = |n: &u64| match n {
        0..150 => *n >= 3 && n % 3 != 1,
        _ => n.is_multiple_of(5) && *n != 200 || *n == 201,
    };
    for time in (0..2_000).chain([seconds(149), seconds(201), u64::MAX]) {
        let last = (0..202).filter(held).filter(|n| seconds(*n) <= time).max();
        let last = last.map(|n| at(n, if n > 150 { 2 } else { 1 }));
        assert_eq!(store.last_block_at_or_before(CHAIN, time).await.unwrap(), last, "{time}");
    }
}

pub(crate) async fn logs_are_in_chain_order_however_they_came(db: &Db) {
    let store = db.store().await;
    // The later block first, the higher log first, the middle one last of all.
    let later = vec![log(block(9, 0), 4, 1), log(block(9, 0), 1, 1), log(block(3, 0), 11, 1)];
    store.commit(&page(None, block(9, 0), later)).await.unwrap();
    let filled = vec![log(block(9, 0), 2, 1), log(block(3, 0), 6, 1), log(block(6, 0), 1, 1)];
    store.commit(&page(Some(block(9, 0)), block(9, 0), filled)).await.unwrap();
    let expected = [(3, 6), (3, 11), (6, 1), (9, 1), (9, 2), (9, 4)];
    assert_eq!(places(&store.logs(CHAIN, &[who(1)], 9).await.unwrap()), expected);
    store.rewind(CHAIN, None).await.unwrap();
    assert_eq!(places(&store.orphaned_logs(CHAIN, who(1)).await.unwrap()), expected);
}

pub(crate) async fn many_addresses_are_merged_in_order(db: &Db) {
    let store = db.store().await;
    let mut page = page(None, block(100, 0), vec![]);
    for n in 3..80 {
        page.contracts.push(contract(n, 1));
        page.logs.push(log(block(100 - n, 0), n, n));
        page.logs.push(log(block(n, 0), n + 200, n));
    }
    store.commit(&page).await.unwrap();
    let mut asked: Vec<_> = (3..80).map(who).collect();
    asked.push(who(5));
    asked.push(who(999));
    let found = places(&store.logs(CHAIN, &asked, 100).await.unwrap());
    assert_eq!(found.len(), 154);
    assert!(found.is_sorted());
    assert_eq!(store.logs(CHAIN, &[], 100).await.unwrap(), []);
}

pub(crate) async fn up_to_is_inclusive(db: &Db) {
    let store = db.store().await;
    let logs: Vec<RawLog> = (1..6).map(|n| log(block(n, 0), 1, 1)).collect();
    store.commit(&page(None, block(9, 0), logs)).await.unwrap();
    assert_eq!(store.logs(CHAIN, &[who(1)], 3).await.unwrap().len(), 3);
    assert_eq!(store.logs(CHAIN, &[who(1)], 0).await.unwrap(), []);
    assert_eq!(store.logs(CHAIN, &[who(1)], u64::MAX).await.unwrap().len(), 5);
}

pub(crate) async fn blocks_are_found_by_number_hash_and_time(db: &Db) {
    let store = db.store().await;
    let mut page = page(None, block(9, 0), vec![log(block(4, 0), 0, 1)]);
    page.blocks = vec![block(2, 0), block(4, 0)];
    store.commit(&page).await.unwrap();
    assert_eq!(store.block_by_number(CHAIN, 4).await.unwrap(), Some(block(4, 0)));
    assert_eq!(store.block_by_number(CHAIN, 5).await.unwrap(), None);
    assert_eq!(
        store.block_by_hash(CHAIN, block(2, 0).hash).await.unwrap(),
        Some((block(2, 0), true))
    );
    assert_eq!(store.block_by_hash(CHAIN, block(2, 1).hash).await.unwrap(), None);
    let below = store.canonical_blocks_below(CHAIN, 9, 10).await.unwrap();
    assert_eq!(below, [block(4, 0), block(2, 0)]);
    assert_eq!(store.canonical_blocks_below(CHAIN, u64::MAX, 1).await.unwrap(), [block(9, 0)]);
    for (time, expected) in [
        (block(2, 0).timestamp - 1, None),
        (block(2, 0).timestamp, Some(block(2, 0))),
        (block(4, 0).timestamp - 1, Some(block(2, 0))),
        (block(4, 0).timestamp + 13, Some(block(4, 0))),
        (u64::MAX, Some(block(9, 0))),
    ] {
        assert_eq!(store.last_block_at_or_before(CHAIN, time).await.unwrap(), expected, "{time}");
    }
}

pub(crate) async fn chains_do_not_mix(db: &Db) {
    let store = db.store().await;
    let other = CHAIN + 1;
    store.ensure_chain(other, 5).await.unwrap();
    store.upsert_contract(&Contract { chain_id: other, ..contract(1, 0) }).await.unwrap();
    store.commit(&page(None, block(9, 0), vec![log(block(8, 0), 1, 1)])).await.unwrap();
    let before = store.digest(CHAIN).await.unwrap();
    // The very same blocks and logs on another chain, as after a chain is forked whole.
    let mut twin = page(None, block(9, 0), vec![log(block(8, 0), 1, 1), log(block(9, 0), 1, 1)]);
    twin.chain_id = other;
    store.commit(&twin).await.unwrap();
    assert_eq!(store.digest(CHAIN).await.unwrap(), before);
    assert_eq!(store.logs(CHAIN, &[who(1)], 99).await.unwrap().len(), 1);
    store.rewind(other, None).await.unwrap();
    assert_eq!(store.digest(CHAIN).await.unwrap(), before);
    assert_eq!(store.orphaned_logs(CHAIN, who(1)).await.unwrap(), []);
    assert_eq!(store.orphaned_logs(other, who(1)).await.unwrap().len(), 2);
    let fill = Backfill { chain_id: other, address: who(2), from: 0, to: 1, logs: vec![] };
    assert!(store.commit_backfill(&fill).await.is_err(), "known on the first chain only");
}
