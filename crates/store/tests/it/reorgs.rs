//! Blocks that go, and blocks that come back.

use crate::{
    db::Db,
    make::{CHAIN, block, log, page, who},
};
use alloy_primitives::B256;
use devproof_store::{BlockRef, Page, Rewound, Store, StoreError};

/// Blocks 5 and 6 with a log each, checkpoint 8.
async fn followed(db: &Db) -> Store {
    let store = db.store().await;
    let logs = vec![log(block(5, 0), 1, 1), log(block(6, 0), 1, 1), log(block(6, 0), 4, 1)];
    store.commit(&page(None, block(8, 0), logs)).await.unwrap();
    store
}

pub(crate) async fn an_orphaned_block_answers_nothing_but_is_listed(db: &Db) {
    let store = followed(db).await;
    let rewound = store.rewind(CHAIN, Some(&block(5, 0))).await.unwrap();
    assert_eq!(rewound, Rewound { orphaned_blocks: 2, orphaned_logs: 2, orphaned_contracts: 0 });
    let gone = block(6, 0);
    assert_eq!(store.chain(CHAIN).await.unwrap().unwrap().checkpoint, Some(block(5, 0)));
    assert_eq!(store.logs(CHAIN, &[who(1)], 99).await.unwrap(), [log(block(5, 0), 1, 1)]);
    assert_eq!(store.block_by_number(CHAIN, 6).await.unwrap(), None);
    assert_eq!(
        store.last_block_at_or_before(CHAIN, gone.timestamp).await.unwrap(),
        Some(block(5, 0))
    );
    assert_eq!(store.canonical_blocks_below(CHAIN, 99, 99).await.unwrap(), [block(5, 0)]);
    assert_eq!(store.block_by_hash(CHAIN, gone.hash).await.unwrap(), Some((gone, false)));
    assert_eq!(
        store.orphaned_logs(CHAIN, who(1)).await.unwrap(),
        [log(gone, 1, 1), log(gone, 4, 1)]
    );

    // The other branch has its own block 6; both are kept.
    store
        .commit(&page(Some(block(5, 0)), block(7, 1), vec![log(block(6, 1), 1, 1)]))
        .await
        .unwrap();
    assert_eq!(store.block_by_number(CHAIN, 6).await.unwrap(), Some(block(6, 1)));
    assert_eq!(
        store.logs(CHAIN, &[who(1)], 99).await.unwrap(),
        [log(block(5, 0), 1, 1), log(block(6, 1), 1, 1)]
    );
    assert_eq!(store.orphaned_logs(CHAIN, who(1)).await.unwrap().len(), 2);
}

pub(crate) async fn a_block_that_comes_back_is_canonical_again(db: &Db) {
    let store = followed(db).await;
    let before = store.digest(CHAIN).await.unwrap();
    store.rewind(CHAIN, Some(&block(5, 0))).await.unwrap();
    store
        .commit(&page(Some(block(5, 0)), block(7, 1), vec![log(block(6, 1), 1, 1)]))
        .await
        .unwrap();
    let rewound = store.rewind(CHAIN, Some(&block(5, 0))).await.unwrap();
    assert_eq!((rewound.orphaned_blocks, rewound.orphaned_logs), (2, 1));
    let again =
        page(Some(block(5, 0)), block(8, 0), vec![log(block(6, 0), 1, 1), log(block(6, 0), 4, 1)]);
    assert_eq!(store.commit(&again).await.unwrap().new_logs, 0);
    assert_eq!(store.digest(CHAIN).await.unwrap(), before);
    assert_eq!(store.orphaned_logs(CHAIN, who(1)).await.unwrap(), [log(block(6, 1), 1, 1)]);
}

pub(crate) async fn a_fork_without_a_rewind_is_refused(db: &Db) {
    let store = followed(db).await;
    let before = store.digest(CHAIN).await.unwrap();
    let error = store
        .commit(&page(Some(block(8, 0)), block(9, 0), vec![log(block(6, 1), 1, 1)]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Fork { number: 6, stored, given, .. }
            if stored == block(6, 0).hash && given == block(6, 1).hash),
        "{error}"
    );
    assert_eq!(store.digest(CHAIN).await.unwrap(), before);
}

pub(crate) async fn a_rewind_to_a_block_nobody_stored_keeps_the_rest(db: &Db) {
    let store = followed(db).await;
    let rewound = store.rewind(CHAIN, Some(&block(7, 0))).await.unwrap();
    assert_eq!((rewound.orphaned_blocks, rewound.orphaned_logs), (1, 0));
    assert_eq!(store.chain(CHAIN).await.unwrap().unwrap().checkpoint, Some(block(7, 0)));
    assert_eq!(store.block_by_number(CHAIN, 7).await.unwrap(), Some(block(7, 0)));
    assert_eq!(store.logs(CHAIN, &[who(1)], 99).await.unwrap().len(), 3);
    store.commit(&page(Some(block(7, 0)), block(8, 1), vec![])).await.unwrap();
    // To where it stands already: nothing happens.
    assert_eq!(store.rewind(CHAIN, Some(&block(8, 1))).await.unwrap(), Rewound::default());
}

pub(crate) async fn a_rewind_replaces_the_block_at_its_own_height(db: &Db) {
    let store = followed(db).await;
    let rewound = store.rewind(CHAIN, Some(&block(6, 1))).await.unwrap();
    assert_eq!((rewound.orphaned_blocks, rewound.orphaned_logs), (2, 2));
    assert_eq!(store.block_by_number(CHAIN, 6).await.unwrap(), Some(block(6, 1)));
    assert_eq!(
        store.block_by_hash(CHAIN, block(6, 0).hash).await.unwrap(),
        Some((block(6, 0), false))
    );
}

pub(crate) async fn a_rewind_never_goes_forward(db: &Db) {
    let store = followed(db).await;
    let error = store.rewind(CHAIN, Some(&block(9, 0))).await.unwrap_err();
    assert!(matches!(error, StoreError::InvalidPage { .. }), "{error}");
    // A block that contradicts what is stored about it undoes the whole rewind.
    let lied = BlockRef { timestamp: 1, ..block(5, 0) };
    let error = store.rewind(CHAIN, Some(&lied)).await.unwrap_err();
    assert!(
        matches!(error, StoreError::FactConflict { block, .. } if block != B256::ZERO),
        "{error}"
    );
    assert_eq!(store.logs(CHAIN, &[who(1)], 99).await.unwrap().len(), 3);
}

pub(crate) async fn rewinding_to_nothing_starts_over(db: &Db) {
    let store = followed(db).await;
    let rewound = store.rewind(CHAIN, None).await.unwrap();
    assert_eq!(rewound, Rewound { orphaned_blocks: 3, orphaned_logs: 3, orphaned_contracts: 0 });
    assert_eq!(store.chain(CHAIN).await.unwrap().unwrap().checkpoint, None);
    assert_eq!(store.logs(CHAIN, &[who(1)], 99).await.unwrap(), []);
    assert_eq!(store.orphaned_logs(CHAIN, who(1)).await.unwrap().len(), 3);
    let error = store.rewind(CHAIN, Some(&block(1, 0))).await.unwrap_err();
    assert!(matches!(error, StoreError::InvalidPage { .. }), "{error}");
    store.commit(&page(None, block(5, 1), vec![])).await.unwrap();
}

/// The last block that a chain can have stands right before the first of the next chain.
pub(crate) async fn rewinding_to_nothing_leaves_the_chain_before(db: &Db) {
    let store = followed(db).await;
    let last = block((1 << 36) - 1, 0);
    store.commit(&page(Some(block(8, 0)), last, vec![log(last, 1, 1)])).await.unwrap();
    let before = store.digest(CHAIN).await.unwrap();
    let next = CHAIN + 1;
    store.ensure_chain(next, 0).await.unwrap();
    for number in [0, 3] {
        let page = Page { chain_id: next, ..page(None, block(number, 1), vec![]) };
        store.commit(&page).await.unwrap();
        assert_eq!(store.rewind(next, None).await.unwrap().orphaned_blocks, 1);
        assert_eq!(store.digest(CHAIN).await.unwrap(), before);
        assert_eq!(store.block_by_number(next, number).await.unwrap(), None);
    }
}
