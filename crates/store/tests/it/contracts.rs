//! Contracts: who named them, from where on their logs are known.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, log, page, topic, who},
};
use devproof_store::{Backfill, Contract, Gap, Role, Store, StoreError};

pub(crate) async fn what_was_found_first_is_kept(db: &Db) {
    let early = Contract { code_kind: "dstack_app".to_owned(), ..contract(5, 10) };
    let late = Contract { named_by: Some(who(1)), ..contract(5, 20) };
    let named = Contract { named_by: None, ..contract(5, 15) };
    for order in [[&early, &late, &named], [&late, &named, &early], [&named, &late, &early]] {
        let store = db.store().await;
        for told in order {
            store.upsert_contract(told).await.unwrap();
        }
        let expected = Contract { named_by: None, ..early.clone() };
        assert_eq!(store.contract(CHAIN, who(5)).await.unwrap(), Some(expected));
    }
    // At the same block the later telling is the better one.
    let store = db.store().await;
    store.upsert_contract(&early).await.unwrap();
    let better = Contract { code_hash: Some(topic(50)), implementation: Some(who(51)), ..early };
    store.upsert_contract(&better).await.unwrap();
    assert_eq!(store.contract(CHAIN, who(5)).await.unwrap(), Some(better));
}

pub(crate) async fn every_contract_can_be_read_back(db: &Db) {
    let store = db.bare().await;
    store.ensure_chain(CHAIN, 0).await.unwrap();
    let mut all = Vec::new();
    for (n, role) in
        [Role::Kms, Role::Factory, Role::DeletionRegistry, Role::App].into_iter().enumerate()
    {
        let n = n as u64;
        let one = Contract { role, code_hash: (n == 1).then(|| topic(n)), ..contract(n, 9 - n) };
        store.upsert_contract(&one).await.unwrap();
        all.push(one);
    }
    all.sort_by_key(|c| c.found_at);
    assert_eq!(store.contracts(CHAIN).await.unwrap(), all);
    assert_eq!(store.contracts(1).await.unwrap(), []);
    assert_eq!(store.contract(CHAIN, who(99)).await.unwrap(), None);
}

/// What is remembered of a chain is what it is, after whatever is written.
pub(crate) async fn what_is_remembered_is_what_was_written_last(db: &Db) {
    let store = db.store().await;
    store.commit(&page(None, block(99, 0), vec![])).await.unwrap();
    let agrees = async |told: &str| {
        let status = store.chain(CHAIN).await.unwrap().unwrap();
        let known = store.known_of(&status).await.unwrap();
        for role in [Role::Kms, Role::Factory, Role::DeletionRegistry] {
            let of: Vec<_> = known.of(role).cloned().collect();
            assert_eq!(of, store.contracts_of(CHAIN, role).await.unwrap(), "{told}");
        }
        let gaps = store.gaps(CHAIN).await.unwrap();
        assert_eq!(known.gaps(), Some(&gaps[..]), "{told}");
        (status.writes, known.others().len(), gaps.len())
    };
    let (first, others, _) = agrees("at first").await;
    let kms = Contract { role: Role::Kms, ..contract(70, 99) };
    store.upsert_contract(&kms).await.unwrap();
    let (second, now, _) = agrees("after a contract came").await;
    assert!(second > first && now == others + 1);
    let hash = Some(topic(5));
    let kms = Contract { code_hash: hash, code_kind: "dstack_kms".to_owned(), ..kms };
    store.upsert_contract(&kms).await.unwrap();
    agrees("after it became known better").await;
    let mut found = page(Some(block(99, 0)), block(199, 0), vec![log(block(150, 0), 0, 7)]);
    found.contracts.push(contract(7, 150));
    store.commit(&found).await.unwrap();
    let (_, _, gaps) = agrees("after one was found late").await;
    assert_eq!(gaps, 2, "and that of the key service");
    let fill = Backfill { chain_id: CHAIN, address: who(7), from: 0, to: 99, logs: vec![] };
    store.commit_backfill(&fill).await.unwrap();
    let (_, _, gaps) = agrees("after its past was read").await;
    assert_eq!(gaps, 1);
    store.rewind(CHAIN, Some(&block(99, 0))).await.unwrap();
    agrees("after a reorganisation").await;
    let many = |n: u64| contract(1_000 + n, 160);
    let mut page = page(Some(block(99, 0)), block(200, 0), vec![]);
    page.contracts.extend((0..300).map(many));
    store.commit(&page).await.unwrap();
    let status = store.chain(CHAIN).await.unwrap().unwrap();
    let known = store.known_of(&status).await.unwrap();
    assert_eq!(known.gaps(), None, "so many are asked for one by one");
}

pub(crate) async fn a_late_contract_has_a_gap_until_it_is_filled(db: &Db) {
    let store = db.store().await;
    store.commit(&page(None, block(99, 0), vec![])).await.unwrap();
    assert_eq!(
        store.gaps(CHAIN).await.unwrap(),
        [],
        "named before the first page, so known from the start"
    );
    let mut found = page(Some(block(99, 0)), block(199, 0), vec![log(block(150, 0), 0, 7)]);
    found.contracts.push(contract(7, 150));
    store.commit(&found).await.unwrap();
    assert_eq!(store.gaps(CHAIN).await.unwrap(), [Gap { address: who(7), from: 0, to: 99 }]);

    let fill = |from, to, logs| Backfill { chain_id: CHAIN, address: who(7), from, to, logs };
    for wrong in [
        fill(0, 50, vec![]),
        fill(0, 100, vec![]),
        fill(0, 99, vec![log(block(70, 0), 0, 1)]),
        fill(50, 99, vec![log(block(20, 0), 0, 7)]),
        fill(100, 99, vec![]),
    ] {
        let error = store.commit_backfill(&wrong).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidPage { .. }), "{wrong:?}: {error}");
    }
    store.commit_backfill(&fill(50, 99, vec![log(block(70, 0), 2, 7)])).await.unwrap();
    assert_eq!(store.gaps(CHAIN).await.unwrap(), [Gap { address: who(7), from: 0, to: 49 }]);
    store.commit_backfill(&fill(0, 49, vec![log(block(20, 0), 4, 7)])).await.unwrap();
    assert_eq!(store.gaps(CHAIN).await.unwrap(), []);
    let places: Vec<u64> =
        store.logs(CHAIN, &[who(7)], 999).await.unwrap().iter().map(|l| l.block.number).collect();
    assert_eq!(places, [20, 70, 150]);
    let error = store.commit_backfill(&fill(0, 49, vec![])).await.unwrap_err();
    assert!(matches!(error, StoreError::InvalidPage { .. }), "{error}");
}

pub(crate) async fn contracts_go_and_come_with_the_block_that_named_them(db: &Db) {
    let store = db.store().await;
    let mut found =
        page(None, block(20, 0), vec![log(block(10, 0), 0, 0), log(block(15, 0), 0, 0)]);
    found.contracts = vec![contract(5, 10), contract(6, 15)];
    store.commit(&found).await.unwrap();
    assert_eq!(store.rewind(CHAIN, Some(&block(12, 0))).await.unwrap().orphaned_contracts, 1);
    assert_eq!(store.contract(CHAIN, who(6)).await.unwrap(), None);
    assert!(store.contract(CHAIN, who(5)).await.unwrap().is_some());
    assert_eq!(store.contracts(CHAIN).await.unwrap().len(), 4);
    let ghost = page(Some(block(12, 0)), block(16, 1), vec![log(block(16, 1), 0, 6)]);
    assert!(matches!(store.commit(&ghost).await, Err(StoreError::UnknownContract { .. })));

    // On the other branch it is registered later; what was known of the first time does not count.
    let mut again = page(Some(block(12, 0)), block(30, 1), vec![log(block(25, 1), 0, 0)]);
    again.contracts = vec![contract(6, 25)];
    store.commit(&again).await.unwrap();
    assert_eq!(store.contract(CHAIN, who(6)).await.unwrap().unwrap().found_at, 25);
    assert_eq!(store.gaps(CHAIN).await.unwrap(), [Gap { address: who(6), from: 0, to: 12 }]);

    // The configuration's own are never orphaned.
    assert_eq!(store.rewind(CHAIN, None).await.unwrap().orphaned_contracts, 2);
    assert_eq!(store.contracts(CHAIN).await.unwrap().len(), 3);
}

pub(crate) async fn a_rewind_forgets_what_was_covered_above_it(db: &Db) {
    let store = db.store().await;
    store.commit(&page(None, block(20, 0), vec![])).await.unwrap();
    // Named by the configuration after the first page, so covered from 21 on.
    store.upsert_contract(&contract(2, 0)).await.unwrap();
    let late = Contract { named_by: None, ..contract(9, 0) };
    store.upsert_contract(&late).await.unwrap();
    let gap = Gap { address: who(9), from: 0, to: 20 };
    assert_eq!(store.gaps(CHAIN).await.unwrap(), [gap], "from now on, not from the next page on");
    store.commit(&page(Some(block(20, 0)), block(30, 0), vec![])).await.unwrap();
    assert_eq!(store.gaps(CHAIN).await.unwrap(), [gap]);
    store.rewind(CHAIN, Some(&block(10, 0))).await.unwrap();
    let gap = Gap { address: who(9), from: 0, to: 10 };
    assert_eq!(store.gaps(CHAIN).await.unwrap(), [gap], "the next page may be long in coming");
    store.commit(&page(Some(block(10, 0)), block(30, 1), vec![])).await.unwrap();
    assert_eq!(store.gaps(CHAIN).await.unwrap(), [gap]);
    store.rewind(CHAIN, None).await.unwrap();
    assert_eq!(store.gaps(CHAIN).await.unwrap(), []);
}

async fn verified(store: &Store, n: u64) -> Option<u64> {
    store.contract(CHAIN, who(n)).await.unwrap().unwrap().history_verified_at
}

pub(crate) async fn only_a_check_moves_the_verified_block_up(db: &Db) {
    let store = db.store().await;
    store.commit(&page(None, block(20, 0), vec![log(block(12, 0), 0, 1)])).await.unwrap();
    assert_eq!(verified(&store, 1).await, None);
    store.set_history_verified(CHAIN, &[who(1), who(2)], &block(12, 0)).await.unwrap();
    store.set_history_verified(CHAIN, &[who(1)], &block(20, 0)).await.unwrap();
    // A check that comes late does not undo the one that went further.
    store.set_history_verified(CHAIN, &[who(1)], &block(12, 0)).await.unwrap();
    assert_eq!((verified(&store, 1).await, verified(&store, 2).await), (Some(20), Some(12)));
    assert_eq!(verified(&store, 0).await, None);
    let listed = store.contracts(CHAIN).await.unwrap();
    let listed = listed.into_iter().find(|c| c.address == who(1)).unwrap();
    assert_eq!(listed.history_verified_at, Some(20));

    // Neither a page nor what is known better about the contract moves it.
    let told = Contract { history_verified_at: Some(99), ..contract(1, 0) };
    store.upsert_contract(&told).await.unwrap();
    store
        .upsert_contract(&Contract { history_verified_at: Some(99), ..contract(2, 0) })
        .await
        .unwrap();
    let mut next = page(Some(block(20, 0)), block(30, 0), vec![log(block(25, 0), 0, 1)]);
    next.contracts = vec![told, Contract { history_verified_at: Some(30), ..contract(7, 25) }];
    store.commit(&next).await.unwrap();
    assert_eq!((verified(&store, 1).await, verified(&store, 2).await), (Some(20), Some(12)));
    assert_eq!(verified(&store, 7).await, None);

    // A block that is not stored, or on another branch, verifies nothing; of a list all or none.
    for nowhere in [block(30, 1), block(29, 0), block(31, 0)] {
        let error = store.set_history_verified(CHAIN, &[who(1)], &nowhere).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    }
    let error = store.set_history_verified(CHAIN, &[who(1), who(99)], &block(30, 0)).await;
    let unknown =
        matches!(error, Err(StoreError::UnknownContract { address, .. }) if address == who(99));
    assert!(unknown, "{error:?}");
    let error = store.set_history_verified(1, &[], &block(30, 0)).await.unwrap_err();
    assert!(matches!(error, StoreError::UnknownChain { chain_id: 1 }), "{error}");
    assert_eq!(verified(&store, 1).await, Some(20));
}

pub(crate) async fn a_rewind_takes_the_verified_block_along(db: &Db) {
    let store = db.store().await;
    let mut first = page(None, block(20, 0), vec![log(block(5, 0), 0, 1), log(block(12, 0), 0, 0)]);
    first.contracts = vec![contract(6, 12)];
    store.commit(&first).await.unwrap();
    store.set_history_verified(CHAIN, &[who(1), who(6)], &block(20, 0)).await.unwrap();
    store.set_history_verified(CHAIN, &[who(2)], &block(5, 0)).await.unwrap();

    // One that was verified below stays as it is, one above comes down.
    store.rewind(CHAIN, Some(&block(12, 0))).await.unwrap();
    assert_eq!((verified(&store, 1).await, verified(&store, 2).await), (Some(12), Some(5)));
    assert_eq!(verified(&store, 6).await, Some(12), "named in a block that stays");
    let late = store.set_history_verified(CHAIN, &[who(1)], &block(20, 0)).await.unwrap_err();
    assert!(
        matches!(late, StoreError::Conflict { .. }),
        "it was compared before the reorg: {late}"
    );

    // Block 12 itself is another one now: what was verified is block 5. Contract 6 is gone, and comes back as new.
    store.rewind(CHAIN, Some(&block(12, 1))).await.unwrap();
    assert_eq!((verified(&store, 1).await, verified(&store, 2).await), (Some(5), Some(5)));
    let error = store.set_history_verified(CHAIN, &[who(6)], &block(5, 0)).await.unwrap_err();
    assert!(matches!(error, StoreError::UnknownContract { .. }), "{error}");
    let mut again = page(Some(block(12, 1)), block(30, 1), vec![log(block(25, 1), 0, 0)]);
    again.contracts = vec![contract(6, 25)];
    store.commit(&again).await.unwrap();
    assert_eq!(verified(&store, 6).await, None);
    assert_eq!(verified(&store, 1).await, Some(5), "a page verifies nothing");

    // A block that nobody stored may be on a branch of its own.
    store.set_history_verified(CHAIN, &[who(1)], &block(30, 1)).await.unwrap();
    store.rewind(CHAIN, Some(&block(28, 2))).await.unwrap();
    assert_eq!(verified(&store, 1).await, Some(25));

    store.rewind(CHAIN, None).await.unwrap();
    assert_eq!((verified(&store, 1).await, verified(&store, 2).await), (None, None));
}

pub(crate) async fn code_that_came_later_goes_with_its_block(db: &Db) {
    let store = db.store().await;
    let empty = |found_at| Contract {
        code_kind: "unknown".to_owned(),
        code_hash: None,
        ..contract(5, found_at)
    };
    let mut first =
        page(None, block(20, 0), vec![log(block(15, 0), 0, 5), log(block(12, 0), 0, 1)]);
    first.contracts.push(empty(10));
    store.commit(&first).await.unwrap();
    let kind = async || store.contract(CHAIN, who(5)).await.unwrap().unwrap();
    let born = Contract { implementation: Some(who(9)), ..contract(5, 10) };
    store.set_identity(&born, &block(15, 0)).await.unwrap();
    assert_eq!(kind().await, born);
    // What is known is not told anew, nor on a block that is not held.
    store
        .set_identity(&Contract { implementation: None, ..born.clone() }, &block(15, 0))
        .await
        .unwrap();
    assert_eq!(kind().await, born);
    let elsewhere = store.set_identity(&born, &block(15, 1)).await;
    assert!(matches!(elsewhere, Err(StoreError::Conflict { .. })), "{elsewhere:?}");
    // A later telling takes nothing away.
    store.upsert_contract(&empty(18)).await.unwrap();
    assert_eq!(kind().await, born);
    store.rewind(CHAIN, Some(&block(15, 0))).await.unwrap();
    assert_eq!(kind().await, born);
    store.set_history_verified(CHAIN, &[who(5)], &block(15, 0)).await.unwrap();
    store.rewind(CHAIN, Some(&block(15, 1))).await.unwrap();
    assert_eq!(kind().await, empty(10));
    // An earlier telling is another look.
    store
        .commit(&page(Some(block(15, 1)), block(17, 1), vec![log(block(16, 1), 0, 5)]))
        .await
        .unwrap();
    store.set_identity(&born, &block(16, 1)).await.unwrap();
    store.upsert_contract(&Contract { code_hash: Some(topic(1)), ..empty(8) }).await.unwrap();
    store.rewind(CHAIN, Some(&block(15, 1))).await.unwrap();
    assert_eq!(kind().await.code_hash, Some(topic(1)));
}
