//! The history in pages: they add up, whatever comes in between, or are refused.

use crate::{
    lives::{self, APPS, END},
    world::{APP, LOCAL, OWNER, STOCK, World, block, hash},
};
use alloy_primitives::{Address, B256, Bytes};
use devproof_api::{
    AnswerError, Cursor, Finality, Part, Surface,
    documents::{Entry, History},
    history,
};
use devproof_primitives::{Action, Setting};

async fn page(
    world: &World,
    app: Address,
    limit: usize,
    after: Option<Cursor>,
) -> Result<History, AnswerError> {
    history(&world.store, LOCAL, app, Part { limit, after }, Finality::Unsafe).await
}

fn next(page: &History) -> Option<Cursor> {
    page.next.as_ref().map(|next| next.parse().unwrap())
}

#[tokio::test]
async fn pages_add_up_whatever_their_size() {
    for life in 0..12 {
        let world = lives::random(life).await;
        for app in APPS {
            let whole = page(&world, app, 1000, None).await.unwrap();
            assert_eq!(whole.next, None);
            for limit in [1, 2, 3, 7, whole.entries.len(), whole.entries.len() + 1] {
                let mut entries: Vec<Entry> = Vec::new();
                let mut after = None;
                loop {
                    let page = page(&world, app, limit, after).await.unwrap();
                    assert!(page.entries.len() <= limit);
                    // All but what happened is the same on each.
                    let same =
                        History { entries: whole.entries.clone(), next: None, ..page.clone() };
                    assert_eq!(same, whole);
                    after = next(&page);
                    entries.extend(page.entries);
                    assert!(entries.len() <= whole.entries.len(), "a page came twice");
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(entries, whole.entries, "life {life}, {app}, {limit} at a time");
            }
        }
    }
}

#[tokio::test]
async fn a_page_goes_on_while_data_arrives() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.commit(None, 20).await;
    let first = page(&world, APP, 3, None).await.unwrap();
    world.logs.clear();
    world.propose(30, hash(2), None);
    world.commit(Some(block(20)), 40).await;
    let rest = page(&world, APP, 9, next(&first)).await.unwrap();
    let lines: Vec<_> = rest.entries.iter().map(|e| (e.block.number, e.setting.as_str())).collect();
    assert_eq!(lines, [(10, "tcb_requirement"), (10, "compose_hash"), (30, "compose_hash")]);
    assert!(rest.entries[0].born_with && !rest.entries[2].born_with);
}

#[tokio::test]
async fn a_page_behind_a_block_that_is_gone_is_refused() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.extend(30, Action::Set, Setting::Guardian, OWNER.into_word(), OWNER);
    world.extend(30, Action::Set, Setting::Guardian, B256::ZERO, OWNER);
    world.commit(None, 40).await;
    let first = page(&world, APP, 6, None).await.unwrap();
    world.store.rewind(LOCAL, Some(&block(10))).await.unwrap();
    // The same happened in another block of that height; and then it did not.
    world.logs.retain(|log| log.block.number == 30);
    for log in &mut world.logs {
        log.block.hash = hash(0x77);
    }
    world.commit(Some(block(10)), 39).await;
    let error = page(&world, APP, 6, next(&first)).await.unwrap_err();
    assert!(matches!(error, AnswerError::CursorGone { number: 30, .. }), "{error}");
    world.store.rewind(LOCAL, Some(&block(10))).await.unwrap();
    world.logs.clear();
    world.commit(Some(block(10)), 39).await;
    let error = page(&world, APP, 6, next(&first)).await.unwrap_err();
    assert_eq!(
        error.sentence(Surface::Rest),
        format!(
            "block 30 ({}), in which the page before ended, was reorganised away, so that what was told before may not \
             be so any more; begin again without ?after=",
            block(30).hash
        )
    );
    assert_eq!(page(&world, APP, 6, None).await.unwrap().entries.len(), 5);
    let made_up = Cursor { number: 31, ..next(&first).unwrap() };
    assert!(matches!(
        page(&world, APP, 6, Some(made_up)).await.unwrap_err(),
        AnswerError::CursorGone { number: 31, .. }
    ));
}

#[tokio::test]
async fn a_page_behind_which_something_was_learnt_is_refused() {
    let world = lives::random(3).await;
    let first = page(&world, STOCK, 9, None).await.unwrap();
    let cursor = next(&first).unwrap();
    // The contract was called late, about a block that was told already.
    let subject = Bytes::copy_from_slice(hash(77).as_slice());
    let reading = lives::read(13, "compose_hash", subject, B256::with_last_byte(1));
    world.store.add_readings(LOCAL, STOCK, &[reading], &block(END)).await.unwrap();
    let error = page(&world, STOCK, 9, Some(cursor)).await.unwrap_err();
    assert!(matches!(error, AnswerError::CursorStale { .. }), "{error}");
    assert!(error.sentence(Surface::Cli).ends_with("ask again from the beginning"));
}
