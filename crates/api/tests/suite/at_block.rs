//! What was allowed at block X, for several X.

use crate::world::{
    APP, DAY, IMPLEMENTATION, KMS, LOCAL, NOTICE, OWNER, STOCK, STRANGER, T0, World, block, hash,
};
use alloy_primitives::{Address, B256, U256};
use devproof_api::{
    AnswerError, Finality, HeaderFuture, Headers, When, at,
    documents::{AtBlock, Completeness},
};
use devproof_contracts::stock::DstackApp;
use devproof_primitives::{Action, BlockRef, Setting};
use devproof_store::{Page, Store};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

/// A node that has every block of the world.
#[derive(Debug)]
pub(crate) struct Fake;

impl Headers for Fake {
    fn chain_id(&self) -> u64 {
        LOCAL
    }

    fn block(&self, number: u64) -> HeaderFuture<'_> {
        Box::pin(async move { Ok(Some(block(number))) })
    }

    /// It also remembers a block of another branch.
    fn block_by_hash(&self, hash: B256) -> HeaderFuture<'_> {
        let other = BlockRef { hash: LEFT, ..block(77) };
        let known = (0..=200).map(block).chain([other]).find(|block| block.hash == hash);
        Box::pin(async move { Ok(known) })
    }
}

/// A block that only the node knows, and that is not on the chain.
const LEFT: B256 = B256::repeat_byte(0x1f);

async fn ask(world: &World, app: Address, number: u64) -> AtBlock {
    at(&world.store, Some(&Fake), LOCAL, app, When::Block(number), Finality::Unsafe).await.unwrap()
}

fn hashes(answer: &AtBlock) -> Vec<B256> {
    answer.authorised.iter().map(|a| a.compose_hash).collect()
}

fn states(answer: &AtBlock) -> Vec<(B256, &str)> {
    answer.proposals.iter().map(|p| (p.value, p.state.as_str())).collect()
}

#[tokio::test]
async fn each_block_has_its_own_answer() {
    let world = World::whole(LOCAL).await;
    // The last log of block X counts, the first of X + 1 does not.
    for (number, allowed, proposed) in [
        (9, vec![], vec![]),
        (10, vec![hash(1)], vec![]),
        (19, vec![hash(1)], vec![]),
        (20, vec![hash(1)], vec![(hash(2), "pending")]),
        (47, vec![hash(1)], vec![(hash(2), "pending")]),
        (48, vec![hash(1), hash(2)], vec![]),
        (50, vec![hash(1), hash(2)], vec![(hash(3), "pending")]),
        (59, vec![hash(1), hash(2)], vec![(hash(3), "pending")]),
        (60, vec![hash(2)], vec![(hash(3), "pending")]),
        (77, vec![hash(2)], vec![(hash(3), "pending")]),
        (78, vec![hash(2)], vec![(hash(3), "ripe")]),
        (133, vec![hash(2)], vec![(hash(3), "ripe")]),
        (134, vec![hash(2)], vec![(hash(3), "expired")]),
        (140, vec![hash(2)], vec![(hash(3), "expired"), (hash(1), "pending")]),
        (169, vec![hash(2)], vec![(hash(3), "expired"), (hash(1), "ripe")]),
        // Added, removed, added: it ends allowed.
        (170, vec![hash(2), hash(1)], vec![(hash(3), "expired")]),
        (200, vec![hash(2), hash(1)], vec![(hash(3), "expired")]),
    ] {
        let answer = ask(&world, APP, number).await;
        assert_eq!(hashes(&answer), allowed, "block {number}");
        assert_eq!(states(&answer), proposed, "block {number}");
        assert_eq!(answer.block.number, number);
        assert_eq!(answer.block.hash, block(number).hash);
        assert_eq!(answer.born, number >= 10, "block {number}");
        assert_eq!(answer.index_head.number, 200);
    }
}

#[tokio::test]
async fn notice_is_what_users_had() {
    let world = World::whole(LOCAL).await;
    let answer = ask(&world, APP, 48).await;
    let notice: Vec<_> = answer.authorised.iter().map(|a| a.notice_seconds).collect();
    assert_eq!(notice, [None, Some(NOTICE)], "born with it, and announced 28 blocks before");
    assert_eq!(answer.authorised[1].since.actor, Some(STRANGER));
    let late = ask(&world, APP, 200).await;
    assert_eq!(late.authorised[1].notice_seconds, Some(30 * DAY / 4), "activated late");
    let stock = ask(&world, STOCK, 22).await;
    let notice: Vec<_> = stock.authorised.iter().map(|a| a.notice_seconds).collect();
    assert_eq!(notice, [None, Some(0)]);
    assert_eq!(stock.authorised[1].since.actor, Some(OWNER), "from the event behind it");
    assert_eq!(stock.authorised[0].since.actor, None, "no event says");
}

#[tokio::test]
async fn the_document_is_the_one_of_the_design() {
    let world = World::whole(LOCAL).await;
    let answer = serde_json::to_value(ask(&world, APP, 48).await).unwrap();
    let tx = |at: u64, address: Address| {
        alloy_primitives::keccak256([at.to_be_bytes().as_slice(), address.as_slice()].concat())
    };
    let expected = json!({
        "chainId": LOCAL,
        "app": "0x00000000000000000000000000000000000000a1",
        "contract": "0x00000000000000000000000000000000000000a1",
        "block": {"number": 48, "hash": block(48).hash, "timestamp": "2026-03-13T12:00:00Z", "finality": "finalized"},
        "indexHead": {"number": 200, "hash": block(200).hash, "timestamp": "2026-04-20T12:00:00Z", "finality": "unsafe"},
        "indexedFrom": 4,
        "completeness": "complete",
        "historyVerifiedAt": {"block": 200},
        "born": true,
        "code": {"kind": "app_auth", "codeHash": hash(0xcc), "implementation": null, "implementationHash": null, "immutable": true},
        "authorised": [
            {
                "composeHash": "0x0101010101010101010101010101010101010101010101010101010101010101",
                "since": {"block": 10, "timestamp": "2026-03-04T00:00:00Z", "transaction": tx(10, APP), "logIndex": 4, "actor": OWNER},
                "readByCall": false, "proposed": null, "noticeSeconds": null, "sourceDigest": null, "uri": null
            },
            {
                "composeHash": "0x0202020202020202020202020202020202020202020202020202020202020202",
                "since": {"block": 48, "timestamp": "2026-03-13T12:00:00Z", "transaction": tx(48, APP), "logIndex": 0, "actor": STRANGER},
                "readByCall": false, "proposed": {"block": 20, "timestamp": "2026-03-06T12:00:00Z", "transaction": tx(20, APP), "logIndex": 0, "actor": OWNER},
                "noticeSeconds": 604800, "sourceDigest": hash(0x5c), "uri": "https://example.org/v2"
            }
        ],
        "proposals": [],
        "policy": {
            "owner": "0x0000000000000000000000000000000000000001", "pendingOwner": null, "guardian": null,
            "noticePeriodSeconds": 604800, "allowAnyDevice": true, "devices": [], "requireTcbUpToDate": false,
            "osImagesPinned": false, "osImagePins": [], "frozen": []
        },
        "kms": [{
            "contract": KMS, "registered": true, "controller": null, "implementation": IMPLEMENTATION,
            "implementationHash": null, "owner": OWNER, "pendingOwner": null,
            "allowedOsImages": [hash(0xe1), hash(0xe2)], "k256Root": "0x02a3", "gatewayAppId": null,
            "aggregatedMrs": [], "devices": [], "appImplementation": null, "orphaned": []
        }],
        "readByCall": [],
        "notKnown": [],
        "observed": [],
        "orphaned": []
    });
    assert_eq!(answer, expected);
    let back: AtBlock = serde_json::from_value(answer.clone()).unwrap();
    assert_eq!(serde_json::to_value(back).unwrap(), answer);
}

#[tokio::test]
async fn a_proposal_carries_its_times_and_its_source() {
    let world = World::whole(LOCAL).await;
    let answer = serde_json::to_value(ask(&world, APP, 20).await).unwrap();
    let proposal = &answer["proposals"][0];
    assert_eq!(proposal["kind"], "compose_hash");
    assert_eq!(proposal["proposed"]["block"], 20);
    assert_eq!(proposal["ripeAt"], "2026-03-13T12:00:00Z");
    assert_eq!(proposal["expiresAt"], "2026-03-27T12:00:00Z");
    assert_eq!(proposal["uri"], "https://example.org/v2");
}

#[tokio::test]
async fn the_key_service_is_a_leg_of_its_own() {
    let world = World::whole(LOCAL).await;
    let kms = |answer: AtBlock| serde_json::to_value(&answer.kms).unwrap();
    let before = kms(ask(&world, APP, 9).await);
    assert_eq!(
        (&before[0]["registered"], &before[0]["allowedOsImages"]),
        (&json!(false), &json!([hash(0xe1)]))
    );
    let at = kms(ask(&world, APP, 10).await);
    assert_eq!(at[0]["registered"], Value::Bool(true));
    let stock = kms(ask(&world, STOCK, 200).await);
    assert_eq!(stock[0]["registered"], Value::Bool(false), "only the other app registered");
}

#[tokio::test]
async fn code_that_nobody_looked_at_is_unknown() {
    let world = World::whole(LOCAL).await;
    let before = ask(&world, STOCK, 41).await;
    assert_eq!(
        (before.code.kind.as_str(), before.code.implementation),
        ("dstack_app", Some(IMPLEMENTATION))
    );
    assert_eq!(before.completeness, Completeness::AsEmitted);
    let after = ask(&world, STOCK, 42).await;
    assert_eq!((after.code.kind.as_str(), after.code.implementation), ("unknown", Some(STRANGER)));
}

/// Everything up to block 200, and the history of APP verified at some of its blocks.
async fn verified_at(blocks: &[u64]) -> World {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    world.commit(None, 200).await;
    for at in blocks {
        world.verified(*at).await;
    }
    world
}

#[tokio::test]
async fn an_answer_is_complete_up_to_where_the_root_was_compared() {
    for (blocks, verified) in [(vec![], None), (vec![140], Some(140)), (vec![140, 200], Some(200))]
    {
        let world = verified_at(&blocks).await;
        for number in [9, 10, 139, 140, 141, 170, 199, 200] {
            let answer = ask(&world, APP, number).await;
            assert_eq!(answer.history_verified_at.map(|v| v.block), verified, "block {number}");
            let complete = verified.is_some_and(|at| number <= at);
            assert_eq!(answer.completeness == Completeness::Complete, complete, "block {number}");
            // The rest of the answer is the same.
            assert_eq!(answer.code.kind, "app_auth");
            assert_eq!(answer.code.immutable, Some(true));
        }
    }
    let unverified = serde_json::to_value(ask(&verified_at(&[]).await, APP, 48).await).unwrap();
    assert_eq!(unverified["historyVerifiedAt"], Value::Null);
    assert_eq!(unverified["completeness"], "as_emitted");
}

#[tokio::test]
async fn a_removal_that_the_node_left_out_is_in_no_complete_answer() {
    // The root was compared at 140; the node then says nothing of the removal at 180.
    let mut world = verified_at(&[140]).await;
    world.commit(Some(block(200)), 220).await;
    let answer = ask(&world, APP, 220).await;
    assert_eq!(hashes(&answer), [hash(2), hash(1)], "which is wrong, and what was emitted");
    assert_eq!(answer.completeness, Completeness::AsEmitted);
    // Reorganised away together with the block at which the root was compared, and told by another node.
    world.verified(220).await;
    assert_eq!(ask(&world, APP, 200).await.completeness, Completeness::Complete);
    world.store.rewind(LOCAL, Some(&block(170))).await.unwrap();
    world.logs.retain(|log| log.block.number <= 170);
    world.extend(180, Action::Removed, Setting::ComposeHash, hash(1), OWNER);
    world.commit(Some(block(170)), 210).await;
    assert_eq!(ask(&world, APP, 170).await.completeness, Completeness::Complete);
    for number in [171, 179, 180, 210] {
        let answer = ask(&world, APP, number).await;
        assert_eq!(answer.completeness, Completeness::AsEmitted, "block {number}");
        assert_eq!(answer.history_verified_at.unwrap().block, 170);
    }
    world.verified(210).await;
    let answer = ask(&world, APP, 210).await;
    assert_eq!((hashes(&answer), answer.completeness), (vec![hash(2)], Completeness::Complete));
}

#[tokio::test]
async fn a_time_is_complete_if_a_later_block_was_compared() {
    let ask = async |world: &World, seconds| {
        let when = When::Time(seconds);
        let answer = at(&world.store, None, LOCAL, APP, when, Finality::Unsafe).await.unwrap();
        (answer.block.number, answer.completeness == Completeness::Complete)
    };
    let world = verified_at(&[140]).await;
    assert_eq!(ask(&world, block(60).timestamp).await, (60, true));
    assert_eq!(ask(&world, block(140).timestamp - 1).await, (101, true));
    // Block 140 answers, but one right after it, of which the node said nothing, would be at that time too.
    assert_eq!(ask(&world, block(140).timestamp).await, (140, false), "one may share its second");
    assert_eq!(ask(&world, block(169).timestamp).await, (140, false), "169 is not held");
    assert_eq!(ask(&world, block(170).timestamp).await, (170, false));
    world.verified(170).await;
    assert_eq!(ask(&world, block(169).timestamp).await, (140, true));
}

#[tokio::test]
async fn a_record_makes_no_code_keep_a_history() {
    let world = World::whole(LOCAL).await;
    world.store.set_history_verified(LOCAL, &[STOCK], &block(200)).await.unwrap();
    assert_eq!(ask(&world, STOCK, 22).await.completeness, Completeness::AsEmitted);
}

#[tokio::test]
async fn a_list_of_images_that_became_empty_is_still_a_list() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    world.extend(180, Action::Set, Setting::OsImage, hash(0xe1), OWNER);
    world.extend(181, Action::Removed, Setting::OsImage, hash(0xe1), OWNER);
    world.commit(None, 200).await;
    for (number, pinned, pins) in [(179, false, 0), (180, true, 1), (181, true, 0)] {
        let policy = ask(&world, APP, number).await.policy;
        assert_eq!(
            (policy.os_images_pinned, policy.os_image_pins.len()),
            (pinned, pins),
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_question_about_a_time_is_answered_by_the_last_block_held_before_it() {
    let world = World::whole(LOCAL).await;
    let ask = async |seconds| {
        at(&world.store, None, LOCAL, APP, When::Time(seconds), Finality::Unsafe).await
    };
    // Block 78, where hash 3 becomes ripe, is not held: the state is that after 60, looked at then.
    let ripe = block(78).timestamp;
    let answer = ask(ripe).await.unwrap();
    assert_eq!((answer.block.number, states(&answer)), (60, vec![(hash(3), "ripe")]));
    assert_eq!(
        serde_json::to_value(&answer).unwrap()["asked"],
        json!({"time": "2026-03-21T00:00:00Z"})
    );
    assert_eq!(states(&ask(ripe - 1).await.unwrap()), [(hash(3), "pending")]);
    // The second of the change, and the one before.
    assert_eq!(hashes(&ask(block(60).timestamp).await.unwrap()), [hash(2)]);
    assert_eq!(hashes(&ask(block(60).timestamp - 1).await.unwrap()), [hash(1), hash(2)]);
    assert_eq!(ask(block(200).timestamp).await.unwrap().block.number, 200);
    let future = ask(block(200).timestamp + 1).await.unwrap_err();
    assert!(matches!(future, AnswerError::TimeBeyondHead { head: 200, .. }), "{future}");
    let past = ask(T0).await.unwrap_err();
    assert!(matches!(past, AnswerError::TimeBeforeStart { start: 4, .. }), "{past}");
}

#[tokio::test]
async fn what_was_reorganised_away_is_told_and_answers_nothing() {
    let mut world = World::whole(LOCAL).await;
    // Block 170, where hash 1 came back, is dropped, and included again at 171 on the other chain.
    world.store.rewind(LOCAL, Some(&block(140))).await.unwrap();
    let mut moved = world.logs.pop().unwrap();
    moved.block = block(171);
    let change = devproof_primitives::Change {
        action: Action::Set,
        setting: Setting::ComposeHash,
        value: hash(1),
    };
    let last = world.logs.last().unwrap().clone();
    let root = devproof_primitives::HistoryRoot(last.topics[1]).extend(
        &change,
        OWNER,
        171,
        block(171).timestamp,
    );
    moved.topics[1] = root.0;
    world.logs = vec![moved];
    world.commit(Some(block(140)), 199).await;

    let before = ask(&world, APP, 170).await;
    assert_eq!(hashes(&before), [hash(2)]);
    let orphan = serde_json::to_value(&before.orphaned).unwrap();
    assert_eq!(orphan[0]["block"], 170);
    assert_eq!(orphan[0]["hash"], json!(block(170).hash));
    assert_eq!(
        (&orphan[0]["action"], &orphan[0]["setting"], &orphan[0]["value"]),
        (&json!("set"), &json!("compose_hash"), &json!(hash(1)))
    );
    assert_eq!(orphan[0]["includedAgain"], false, "not by block 170");
    let after = ask(&world, APP, 171).await;
    assert_eq!(hashes(&after), [hash(2), hash(1)]);
    assert!(after.orphaned[0].included_again);
    assert!(ask(&world, APP, 169).await.orphaned.is_empty(), "block 169 comes before it");
}

/// A node under whose answer the index goes back to block 140 and forward again to 199, the first time.
#[derive(Debug)]
struct Restless {
    store: Store,
    calm: AtomicBool,
}

impl Headers for Restless {
    fn chain_id(&self) -> u64 {
        LOCAL
    }

    fn block(&self, number: u64) -> HeaderFuture<'_> {
        Box::pin(async move {
            // First it is asked for the head.
            if number < 199 && !self.calm.swap(true, Ordering::Relaxed) {
                self.store.rewind(LOCAL, Some(&block(140))).await.unwrap();
                let page = Page {
                    chain_id: LOCAL,
                    previous: Some(block(140).hash),
                    contracts: Vec::new(),
                    blocks: Vec::new(),
                    logs: Vec::new(),
                    readings: Vec::new(),
                    newborn: Vec::new(),
                    checkpoint: block(199),
                };
                self.store.commit(&page).await.unwrap();
            }
            Ok(Some(block(number)))
        })
    }

    fn block_by_hash(&self, _: B256) -> HeaderFuture<'_> {
        Box::pin(async { Ok(None) })
    }
}

#[tokio::test]
async fn an_answer_is_of_one_branch_though_the_chain_moves_under_it() {
    let world = World::whole(LOCAL).await;
    // Below what is orphaned: an answer with orphans is looked at again anyway.
    let number = 165;
    let node = Restless { store: world.store.clone(), calm: AtomicBool::new(false) };
    let when = When::Block(number);
    let answer = at(&world.store, Some(&node), LOCAL, APP, when, Finality::Unsafe).await.unwrap();
    assert!(node.calm.load(Ordering::Relaxed), "nothing moved");
    assert_eq!((answer.index_head.number, answer.index_head.hash), (199, block(199).hash));
}

#[tokio::test]
async fn a_longer_notice_counts_from_its_block_on() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.extend(11, Action::Set, Setting::NoticePeriod, U256::from(10 * DAY).into(), OWNER);
    world.stock(12, &DstackApp::ComposeHashAdded { composeHash: hash(1) });
    world.commit(None, 200).await;
    for (number, notice) in [(10, NOTICE), (11, 10 * DAY)] {
        let answer = ask(&world, APP, number).await;
        assert_eq!(answer.policy.notice_period_seconds, Some(notice));
    }
}

#[tokio::test]
async fn a_block_is_asked_for_by_its_hash_or_a_tag() {
    let world = World::whole(LOCAL).await;
    let ask = async |world: &World, headers: Option<&dyn Headers>, when| {
        at(&world.store, headers, LOCAL, APP, when, Finality::Unsafe).await
    };
    for number in [48, 60, 170] {
        let by_hash = ask(&world, None, When::Hash(block(number).hash)).await.unwrap();
        let by_number = ask(&world, None, When::Block(number)).await.unwrap();
        assert_eq!(by_hash, by_number);
    }
    // Not held, but the node knows it and has it on the chain; or knows it from another branch.
    let error = ask(&world, None, When::Hash(block(49).hash)).await.unwrap_err();
    assert!(matches!(error, AnswerError::UnknownHash { .. }), "{error}");
    let answer = ask(&world, Some(&Fake), When::Hash(block(49).hash)).await.unwrap();
    assert_eq!((answer.block.number, answer.block.hash), (49, block(49).hash));
    let error = ask(&world, Some(&Fake), When::Hash(LEFT)).await.unwrap_err();
    assert!(matches!(error, AnswerError::Orphaned { number: 77, .. }), "{error}");
    let error = ask(&world, Some(&Fake), When::Hash(B256::ZERO)).await.unwrap_err();
    assert!(matches!(error, AnswerError::UnknownHash { .. }), "{error}");
    // Held, and reorged out: never answered from the branch that took its place.
    world.store.rewind(LOCAL, Some(&block(60))).await.unwrap();
    let error = ask(&world, None, When::Hash(block(170).hash)).await.unwrap_err();
    assert!(matches!(error, AnswerError::Orphaned { number: 170, .. }), "{error}");

    let world = World::whole(LOCAL).await;
    for (tag, last) in [(Finality::Finalized, 60), (Finality::Safe, 140), (Finality::Unsafe, 200)] {
        // Who names a tag takes what has it, whatever is asked for otherwise.
        let answer = at(&world.store, None, LOCAL, APP, When::Tag(tag), Finality::Finalized).await;
        let block = answer.unwrap().block;
        assert_eq!((block.number, block.finality), (last, tag));
    }
}
