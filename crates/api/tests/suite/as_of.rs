//! What was recorded is told as it was, and what became of it.

use crate::world::{APP, LOCAL, World, block, hash};
use devproof_api::{AnswerError, Finality, When, as_of, at, documents::AsOf};
use std::time::{Duration, SystemTime};

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

async fn ask(world: &World, when: When, recorded: u64) -> Result<AsOf, AnswerError> {
    as_of(&world.store, LOCAL, APP, when, recorded).await
}

/// What is recorded from here on has a later second.
async fn a_second_later() -> u64 {
    let begun = now();
    while now() == begun {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun
}

#[tokio::test]
async fn what_was_answered_is_answered_again_with_what_became_of_it() {
    let world = World::whole(LOCAL).await;
    let first = a_second_later().await;
    let then =
        at(&world.store, None, LOCAL, APP, When::Block(200), Finality::Unsafe).await.unwrap();
    let told = ask(&world, When::Block(200), first).await.unwrap();
    assert_eq!(
        (&told.authorised, &told.proposals, &told.policy, &told.block),
        (&then.authorised, &then.proposals, &then.policy, &then.block)
    );
    assert_eq!((told.since.len(), told.index_head.number), (0, 200));
    assert!(told.authorised.iter().any(|it| it.compose_hash == hash(1)));

    // The block in which version 1 came back is reorganised away.
    world.store.rewind(LOCAL, Some(&block(140))).await.unwrap();
    let second = a_second_later().await;
    let again = ask(&world, When::Block(200), first).await.unwrap();
    assert_eq!((&again.authorised, &again.policy), (&told.authorised, &told.policy));
    assert!(!again.since.is_empty());
    for it in &again.since {
        assert_eq!(
            (it.what.as_str(), it.block, it.hash),
            ("reorganised_away", 170, block(170).hash)
        );
        assert!(it.recorded_at > told.recorded_at);
    }
    let now = ask(&world, When::Block(140), second).await.unwrap();
    assert_eq!((now.since.len(), now.index_head.number), (0, 140));
    assert!(now.authorised.iter().all(|it| it.compose_hash != hash(1)));

    // The block comes back: what was answered in between lacked it.
    world.commit(Some(block(140)), 200).await;
    let between = ask(&world, When::Block(140), second).await.unwrap();
    assert_eq!(between.authorised, now.authorised);
    let again = ask(&world, When::Block(200), first).await.unwrap();
    assert_eq!((&again.authorised, again.since.len()), (&told.authorised, 0));
}

#[tokio::test]
async fn a_record_that_is_not_there_is_no_answer() {
    let world = World::whole(LOCAL).await;
    let recorded = now() + 1;
    let error = ask(&world, When::Block(100), 5).await.unwrap_err();
    assert!(matches!(error, AnswerError::NotRecorded { .. }), "{error}");
    let error = ask(&world, When::Block(201), recorded).await.unwrap_err();
    assert!(matches!(error, AnswerError::BeyondHead { asked: 201, head: 200, .. }), "{error}");
    let error = ask(&world, When::Block(3), recorded).await.unwrap_err();
    assert!(matches!(error, AnswerError::BeforeStart { .. }), "{error}");
    let error = ask(&world, When::Hash(block(48).hash), recorded).await.unwrap_err();
    assert!(matches!(error, AnswerError::AsOfHash { .. }), "{error}");
    // The tags were not known yet when the page was written, and are not made up.
    let error = ask(&world, When::Tag(Finality::Finalized), recorded).await.unwrap_err();
    assert!(matches!(error, AnswerError::NotFinal { .. }), "{error}");
}

#[tokio::test]
async fn a_time_is_answered_by_the_last_block_that_was_held_then() {
    let world = World::whole(LOCAL).await;
    let seconds = block(48).timestamp + 5;
    let told = ask(&world, When::Time(seconds), now() + 1).await.unwrap();
    assert_eq!(told.block.number, 48);
    let then =
        at(&world.store, None, LOCAL, APP, When::Time(seconds), Finality::Unsafe).await.unwrap();
    assert_eq!((told.authorised, told.proposals), (then.authorised, then.proposals));
}
