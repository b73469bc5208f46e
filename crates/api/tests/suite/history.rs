//! The history: every change, who made it, and the notice users had.

use crate::world::{APP, LOCAL, NOTICE, OWNER, PUBLIC, STOCK, STRANGER, World, block, hash};
use devproof_api::{
    Finality, Part,
    documents::{Completeness, Entry, History},
    history,
};
use serde_json::json;

async fn tell(world: &World, app: alloy_primitives::Address) -> History {
    history(&world.store, LOCAL, app, Part::default(), Finality::Unsafe).await.unwrap()
}

fn line(entry: &Entry) -> (u64, &str, &str, Option<u64>) {
    (entry.block.number, entry.action.as_str(), entry.setting.as_str(), entry.notice_seconds)
}

#[tokio::test]
async fn it_tells_every_change_once() {
    let world = World::whole(LOCAL).await;
    let history = tell(&world, APP).await;
    let lines: Vec<_> = history.entries.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            (10, "set", "owner", None),
            (10, "set", "notice_period", None),
            (10, "set", "any_device", None),
            (10, "set", "tcb_requirement", None),
            (10, "set", "compose_hash", None),
            (20, "proposed", "compose_hash", None),
            (48, "set", "compose_hash", Some(NOTICE)),
            (50, "proposed", "compose_hash", None),
            (60, "removed", "compose_hash", None),
            (140, "proposed", "compose_hash", None),
            (170, "set", "compose_hash", Some(648_000)),
        ]
    );
    let born: Vec<_> = history.entries.iter().map(|e| e.born_with).collect();
    assert_eq!(born[..6], [true, true, true, true, true, false]);
    assert!(history.entries.iter().all(|e| e.effective));
    assert_eq!(history.proposals.len(), 1, "the one that died");
}

#[tokio::test]
async fn it_is_complete_up_to_where_the_root_was_compared() {
    let mut world = World::empty(PUBLIC).await;
    world.tell();
    world.commit(None, 200).await;
    world.tags(Some(150), Some(100)).await;
    // Told up to 60, 140 and 200.
    let finalities = [Finality::Finalized, Finality::Safe, Finality::Unsafe];
    let told = async |world: &World| {
        let mut complete = Vec::new();
        for finality in finalities {
            let told = history(&world.store, PUBLIC, APP, Part::default(), finality).await.unwrap();
            complete.push(told.completeness == Completeness::Complete);
        }
        complete
    };
    assert_eq!(told(&world).await, [false, false, false]);
    for (at, complete) in
        [(60, [true, false, false]), (140, [true, true, false]), (200, [true, true, true])]
    {
        world.verified(at).await;
        assert_eq!(told(&world).await, complete, "compared at {at}");
    }
}

#[tokio::test]
async fn a_proposal_carries_its_window_and_source() {
    let world = World::whole(LOCAL).await;
    let entry = serde_json::to_value(&tell(&world, APP).await.entries[5]).unwrap();
    assert_eq!(
        entry,
        json!({
            "block": {"number": 20, "hash": block(20).hash, "timestamp": "2026-03-06T12:00:00Z", "finality": "finalized"},
            "transaction": world.logs.iter().find(|l| l.block.number == 20).unwrap().tx_hash,
            "logIndex": 0, "readByCall": false, "actor": OWNER, "action": "proposed", "setting": "compose_hash", "value": hash(2),
            "effective": true, "bornWith": false, "noticeSeconds": null,
            "ripeAt": "2026-03-13T12:00:00Z", "expiresAt": "2026-03-27T12:00:00Z",
            "sourceDigest": hash(0x5c), "uri": "https://example.org/v2"
        })
    );
}

#[tokio::test]
async fn a_stock_app_is_told_as_its_events_told_it() {
    let world = World::whole(LOCAL).await;
    let history = tell(&world, STOCK).await;
    let lines: Vec<_> = history.entries.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            (12, "set", "owner", None),
            (12, "set", "implementation", None),
            (12, "set", "compose_hash", None),
            (22, "set", "compose_hash", Some(0)),
            (32, "removed", "compose_hash", None),
            (42, "set", "implementation", None),
        ]
    );
    let actors: Vec<_> = history.entries.iter().map(|e| e.actor).collect();
    assert_eq!(actors, [None, None, None, Some(OWNER), None, None]);
    assert_eq!(history.entries[5].value, STRANGER.into_word());
    assert_eq!(history.code.kind, "unknown", "its code was replaced by what nobody looked at");
}
