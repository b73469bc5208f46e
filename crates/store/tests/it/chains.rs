//! Chains, where they start, what their node said.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, page},
};
use devproof_store::{StoreError, Tags};

pub(crate) async fn a_chain_starts_where_asked_and_never_leaves_a_gap(db: &Db) {
    let store = db.bare().await;
    let status = store.ensure_chain(CHAIN, 100).await.unwrap();
    assert_eq!((status.start_block, status.checkpoint, status.tags), (100, None, None));
    // Nothing is indexed yet, so the start may move either way.
    assert_eq!(store.ensure_chain(CHAIN, 50).await.unwrap().start_block, 50);
    assert_eq!(store.ensure_chain(CHAIN, 100).await.unwrap().start_block, 100);

    store.commit(&page(None, block(110, 0), vec![])).await.unwrap();
    assert_eq!(
        store.ensure_chain(CHAIN, 105).await.unwrap().start_block,
        100,
        "more is known than asked for"
    );
    let error = store.ensure_chain(CHAIN, 99).await.unwrap_err();
    assert!(
        matches!(error, StoreError::StartBlock { chain_id: CHAIN, stored: 100, asked: 99 }),
        "{error}"
    );
    let status = store.chain(CHAIN).await.unwrap().unwrap();
    assert_eq!((status.start_block, status.checkpoint), (100, Some(block(110, 0))));
}

pub(crate) async fn tags_are_kept_per_chain(db: &Db) {
    let store = db.bare().await;
    for chain_id in [10, 2] {
        store.ensure_chain(chain_id, 0).await.unwrap();
    }
    let first = Tags { head: block(9, 0), safe: Some(5), finalized: None, polled_at: 77 };
    let second = Tags { head: block(10, 0), safe: None, finalized: Some(3), polled_at: 78 };
    store.set_tags(10, &first).await.unwrap();
    store.set_tags(10, &second).await.unwrap();
    let chains = store.chains().await.unwrap();
    assert_eq!(
        chains.iter().map(|c| (c.chain_id, c.tags)).collect::<Vec<_>>(),
        [(2, None), (10, Some(second))]
    );
}

pub(crate) async fn an_unknown_chain_is_said_to_be_unknown(db: &Db) {
    let store = db.bare().await;
    let tags = Tags { head: block(9, 0), safe: None, finalized: None, polled_at: 77 };
    assert_eq!(store.chain(CHAIN).await.unwrap(), None);
    for error in [
        store.set_tags(CHAIN, &tags).await.unwrap_err(),
        store.commit(&page(None, block(1, 0), vec![])).await.unwrap_err(),
        store.rewind(CHAIN, None).await.unwrap_err(),
        store.upsert_contract(&contract(1, 1)).await.unwrap_err(),
        store.digest(CHAIN).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::UnknownChain { chain_id: CHAIN }), "{error}");
    }
}
