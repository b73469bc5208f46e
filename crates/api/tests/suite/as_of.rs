//! What was recorded is told as it was, and what became of it.

use crate::{
    observed::sighting,
    world::{APP, LOCAL, World, block, hash},
};
use devproof_api::{AnswerError, Finality, When, as_of, at, documents::AsOf};
use devproof_store::{Judged, Sighting};
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

/// What was seen is told as it had been judged, and what was seen or judged later had not been.
#[tokio::test]
async fn what_had_been_observed_is_in_the_record() {
    let world = World::whole(LOCAL).await;
    let seen_at = block(150).timestamp.min(now() - 10);
    let seen = sighting(LOCAL, 1, 1, seen_at);
    world.store.record_sighting(&seen).await.unwrap();
    let first = a_second_later().await;
    // Newer collateral says that its hardware is out of date; and another instance is seen.
    let judged = Judged {
        overall: "fail".to_owned(),
        decisive: vec!["tcb".to_owned()],
        tcb_status: Some("OutOfDate".to_owned()),
        ..seen.judged.clone()
    };
    let anew = Sighting { judged, seen_at: now(), ..seen };
    world.store.record_sighting(&anew).await.unwrap();
    world.store.record_sighting(&sighting(LOCAL, 2, 1, now())).await.unwrap();
    let second = a_second_later().await;
    let then = ask(&world, When::Block(200), first).await.unwrap();
    assert_eq!(then.observed.len(), 1, "{:?}", then.observed);
    let it = &then.observed[0];
    assert_eq!((it.result.as_str(), it.tcb_status.as_deref()), ("pass", Some("UpToDate")));
    assert_eq!((it.quote, it.judged_anew, it.last_seen), (hash(1), true, None));
    assert!(!then.observed_left_out);
    let later = ask(&world, When::Block(200), second).await.unwrap();
    let it = later.observed.iter().find(|it| it.quote == hash(1)).unwrap();
    assert_eq!((it.result.as_str(), it.judged_anew), ("fail", false));
    // The record about an earlier block has nothing that was seen behind it.
    let before = ask(&world, When::Block(140), second).await.unwrap();
    assert_eq!(before.observed, []);
    // What is allowed does not come from there.
    assert_eq!(then.authorised, later.authorised);
}
