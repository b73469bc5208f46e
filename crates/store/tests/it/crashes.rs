//! A process that dies in the middle, played by a trigger that refuses the last statement of a transaction.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, log, page, who},
    opening::meddle,
};
use devproof_store::Store;

const SQLITE: &str = "CREATE TRIGGER stop BEFORE UPDATE OF checkpoint_hash ON chains
    BEGIN SELECT RAISE(ABORT, 'stopped'); END";
const POSTGRES: &str = "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'stopped'; END $$;
    CREATE TRIGGER stop BEFORE UPDATE OF checkpoint_hash ON chains FOR EACH ROW EXECUTE FUNCTION stop()";

pub(crate) async fn a_crash_before_the_end_of_a_transaction_leaves_nothing(db: &Db) {
    let url = db.url();
    let store = Store::open(&url).await.unwrap();
    store.ensure_chain(CHAIN, 0).await.unwrap();
    store.upsert_contract(&contract(1, 0)).await.unwrap();
    store
        .commit(&page(None, block(5, 0), vec![log(block(4, 0), 0, 1), log(block(5, 0), 0, 1)]))
        .await
        .unwrap();
    let before = store.digest(CHAIN).await.unwrap();

    let postgres = url.starts_with("postgres");
    meddle(&url, if postgres { POSTGRES } else { SQLITE }).await;
    let mut next =
        page(Some(block(5, 0)), block(9, 0), vec![log(block(6, 0), 0, 1), log(block(7, 0), 0, 4)]);
    next.contracts.push(contract(4, 6));
    store.commit(&next).await.unwrap_err();
    store.rewind(CHAIN, Some(&block(4, 0))).await.unwrap_err();
    assert_eq!(store.digest(CHAIN).await.unwrap(), before);
    assert_eq!(store.block_by_hash(CHAIN, block(6, 0).hash).await.unwrap(), None);
    assert_eq!(store.contract(CHAIN, who(4)).await.unwrap(), None);
    assert_eq!(store.orphaned_logs(CHAIN, who(1)).await.unwrap(), []);

    meddle(&url, if postgres { "DROP TRIGGER stop ON chains" } else { "DROP TRIGGER stop" }).await;
    assert_eq!(store.commit(&next).await.unwrap().new_logs, 2);
    assert_eq!(store.rewind(CHAIN, Some(&block(4, 0))).await.unwrap().orphaned_logs, 3);
}
