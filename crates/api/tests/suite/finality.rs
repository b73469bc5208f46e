//! Labels are the node's own tags, and an answer that is not final enough is refused.

use crate::{
    at_block::Fake,
    world::{APP, LOCAL, PUBLIC, STOCK, World, block},
};
use devproof_api::{AnswerError, Finality, Part, Surface, When, at, chains, history};

#[tokio::test]
async fn the_label_of_a_block_is_the_tag_it_has_reached() {
    let world = World::whole(PUBLIC).await;
    // Held blocks on both sides of the tags 100 and 150.
    for (number, label) in [
        (60, Finality::Finalized),
        (101, Finality::Safe),
        (140, Finality::Safe),
        (170, Finality::Unsafe),
    ] {
        let when = When::Block(number);
        let answer = at(&world.store, None, PUBLIC, APP, when, Finality::Unsafe).await.unwrap();
        assert_eq!(answer.block.finality, label, "block {number}");
        assert_eq!(answer.index_head.finality, Finality::Unsafe);
    }
    world.tags(Some(150), Some(101)).await;
    let when = When::Block(101);
    let answer = at(&world.store, None, PUBLIC, APP, when, Finality::Finalized).await.unwrap();
    assert_eq!(answer.block.finality, Finality::Finalized, "the finalized block itself");
}

#[tokio::test]
async fn what_is_not_final_enough_is_refused_with_the_way_out() {
    let world = World::whole(PUBLIC).await;
    let ask = async |n, finality| {
        at(&world.store, None, PUBLIC, APP, When::Block(n), finality).await.map(|_| ())
    };
    assert!(ask(60, Finality::Finalized).await.is_ok());
    assert!(ask(140, Finality::Safe).await.is_ok());
    let error = ask(101, Finality::Finalized).await.unwrap_err();
    assert_eq!(
        error.sentence(Surface::Cli),
        "block 101 is safe, not finalized, by the node's tags when it was last asked; wait and index again, \
         or take what may still change with --finality unsafe"
    );
    let error = ask(170, Finality::Safe).await.unwrap_err();
    assert_eq!(
        error.sentence(Surface::Rest),
        "block 170 is unsafe, not safe, by the node's tags when it was last asked; wait, or take what may \
         still change with ?finality=unsafe"
    );
}

#[tokio::test]
async fn a_node_without_tags_makes_nothing_final() {
    let world = World::whole(PUBLIC).await;
    world.tags(None, None).await;
    let when = When::Block(10);
    let error = at(&world.store, None, PUBLIC, APP, when, Finality::Safe).await.unwrap_err();
    assert!(matches!(error, AnswerError::NotFinal { is: Finality::Unsafe, .. }), "{error}");
    let error =
        history(&world.store, PUBLIC, APP, Part::default(), Finality::Finalized).await.unwrap_err();
    assert!(matches!(error, AnswerError::NotFinal { .. }), "{error}");
}

#[tokio::test]
async fn a_time_is_as_final_as_a_later_block() {
    let world = World::whole(PUBLIC).await;
    let label = async |seconds| {
        let when = When::Time(seconds);
        let answer = at(&world.store, None, PUBLIC, APP, when, Finality::Unsafe).await.unwrap();
        (answer.block.number, answer.block.finality)
    };
    // Held: 60, 101, 140, 170, 200; finalized: 100. Up to the time of 60 everything is final. A second
    // later, block 60 still answers, but a reorg above 100 is not known to leave that second alone.
    assert_eq!(label(block(60).timestamp - 1).await, (50, Finality::Finalized));
    assert_eq!(label(block(60).timestamp).await, (60, Finality::Safe), "60 is held, 61 not");
    assert_eq!(label(block(60).timestamp + 1).await, (60, Finality::Safe));
    assert_eq!(label(block(139).timestamp).await, (101, Finality::Safe));
    assert_eq!(label(block(140).timestamp + 1).await, (140, Finality::Unsafe));
}

#[tokio::test]
async fn a_node_dates_its_tags() {
    let world = World::whole(LOCAL).await;
    let label = async |seconds| {
        let when = When::Time(seconds);
        let answer =
            at(&world.store, Some(&Fake), LOCAL, APP, when, Finality::Unsafe).await.unwrap();
        answer.block.finality
    };
    assert_eq!(label(block(100).timestamp - 1).await, Finality::Finalized);
    assert_eq!(label(block(100).timestamp).await, Finality::Safe, "101 might share its second");
    assert_eq!(label(block(150).timestamp - 1).await, Finality::Safe);
    assert_eq!(label(block(150).timestamp).await, Finality::Unsafe);
}

#[tokio::test]
async fn a_history_ends_where_finality_does() {
    let world = World::whole(PUBLIC).await;
    let tell = async |app, finality| {
        history(&world.store, PUBLIC, app, Part::default(), finality).await.unwrap()
    };
    let finalized = tell(APP, Finality::Finalized).await;
    assert_eq!((finalized.block.number, finalized.block.finality), (60, Finality::Finalized));
    assert_eq!(finalized.not_final_enough, 4, "three logs of block 140 and one of 170");
    assert_eq!(finalized.entries.last().unwrap().block.number, 60);
    let safe = tell(APP, Finality::Safe).await;
    assert_eq!((safe.block.number, safe.not_final_enough), (140, 1));
    let all = tell(APP, Finality::Unsafe).await;
    assert_eq!((all.block.number, all.not_final_enough), (200, 0));
    assert_eq!(all.entries.last().unwrap().block.finality, Finality::Unsafe);
    assert_eq!(tell(STOCK, Finality::Finalized).await.not_final_enough, 0);
}

#[tokio::test]
async fn the_chains_are_listed_with_their_tags() {
    let world = World::whole(LOCAL).await;
    world.store.ensure_chain(1, 7).await.unwrap();
    let listed = serde_json::to_value(chains(&world.store).await.unwrap()).unwrap();
    assert_eq!(
        listed,
        serde_json::json!({"chains": [
            {"chainId": 1, "indexedFrom": 7, "indexHead": null, "node": null},
            {"chainId": LOCAL, "indexedFrom": 4,
             "indexHead": {"number": 200, "hash": block(200).hash, "timestamp": "2026-04-20T12:00:00Z", "finality": "unsafe"},
             "node": {"head": 200, "safe": 150, "finalized": 100, "polledAt": "2026-04-20T12:00:00Z"}}
        ]})
    );
}
