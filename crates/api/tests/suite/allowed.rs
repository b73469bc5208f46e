//! Which apps were ever allowed to run a version, and when.

use crate::{
    at_block::Fake,
    lives::{self, APPS, END},
    world::{APP, KMS, LOCAL, OWNER, PUBLIC, STOCK, STRANGER, World, block, hash},
};
use alloy_primitives::{Address, B256, Bytes, address};
use devproof_api::{
    Finality, Part, Surface, When, allowed, allowed_for, at,
    documents::{AllowedApps, Completeness, Interval},
};
use devproof_contracts::{About, stock::DstackApp};
use devproof_store::Contract;

async fn ask(world: &World, hash: B256) -> AllowedApps {
    let part = Part::default();
    allowed(&world.store, LOCAL, hash, part, Finality::Unsafe, Surface::Rest).await.unwrap()
}

/// Since and until, by block.
fn spans(intervals: &[Interval]) -> Vec<(u64, Option<u64>)> {
    intervals.iter().map(|it| (it.since.block, it.until.as_ref().map(|at| at.block))).collect()
}

#[tokio::test]
async fn each_time_it_was_allowed_is_an_interval() {
    let world = World::whole(LOCAL).await;
    let answer = ask(&world, hash(1)).await;
    let [app, stock] = &answer.apps[..] else { panic!("{answer:?}") };
    assert_eq!((app.app, stock.app, answer.next), (APP, STOCK, None));
    assert_eq!(spans(&app.intervals), [(10, Some(60)), (170, None)]);
    assert_eq!(spans(&stock.intervals), [(12, Some(32))]);
    assert_eq!((app.allowed, stock.allowed), (true, false));
    assert_eq!(
        (app.completeness, stock.completeness),
        (Completeness::Complete, Completeness::AsEmitted)
    );
    let [first, second] = &app.intervals[..] else { panic!("{app:?}") };
    let until = first.until.as_ref().unwrap();
    assert_eq!((until.actor, until.log_index), (Some(OWNER), Some(0)));
    assert_eq!(
        until.transaction,
        world.logs.iter().find(|log| log.block.number == 60).map(|log| log.tx_hash)
    );
    assert_eq!((first.notice_seconds, &first.proposed), (None, &None), "born with it");
    assert_eq!(second.notice_seconds, Some(648_000));
    assert_eq!(second.proposed.as_ref().unwrap().block, 140);

    let answer = ask(&world, hash(2)).await;
    let interval = &answer.apps[0].intervals[0];
    assert_eq!(interval.since.actor, Some(STRANGER));
    assert_eq!(interval.uri.as_deref(), Some("https://example.org/v2"));
    assert_eq!(interval.source_digest, Some(hash(0x5c)));
    // From block 42 on other code decides.
    let upgrades = &answer.apps[1].intervals[0].upgrades;
    assert_eq!(upgrades.len(), 1);
    assert_eq!((upgrades[0].at.block, upgrades[0].implementation), (42, STRANGER));
    assert!(ask(&world, hash(3)).await.apps.is_empty(), "announced, and never allowed");
    let one = allowed_for(&world.store, LOCAL, hash(3), APP, Finality::Unsafe).await.unwrap();
    assert!(one.apps[0].intervals.is_empty() && !one.apps[0].allowed);
}

#[tokio::test]
async fn an_interval_is_told_up_to_the_finality_asked_for() {
    let world = World::whole(PUBLIC).await;
    for (finality, end, still) in [
        (Finality::Unsafe, 200, true),
        (Finality::Safe, 140, false),
        (Finality::Finalized, 60, false),
    ] {
        let answer = allowed_for(&world.store, PUBLIC, hash(1), APP, finality).await.unwrap();
        assert_eq!((answer.block.finality, answer.apps[0].allowed), (finality, still));
        assert!(answer.block.number >= end, "{}", answer.block.number);
    }
}

/// For each block, the intervals that cover it are the compose hashes that were allowed after it.
#[tokio::test]
async fn the_intervals_are_what_each_block_answers() {
    let mut seen = 0;
    for life in 0..12 {
        let world = lives::random(life).await;
        for app in APPS {
            let mut intervals = Vec::new();
            for n in 1..6 {
                let answer =
                    allowed_for(&world.store, LOCAL, hash(n), app, Finality::Unsafe).await.unwrap();
                let ours = answer.apps[0].intervals.clone();
                seen += ours.len();
                // Whoever has one is found by the hash alone.
                let found = ask(&world, hash(n)).await.apps;
                let found = found.iter().find(|it| it.app == app).map(|it| it.intervals.clone());
                assert_eq!(found.unwrap_or_default(), ours, "life {life}, {app}, hash {n}");
                intervals.push((hash(n), ours));
            }
            for number in 10..=END {
                let when = When::Block(number);
                let answer = at(&world.store, Some(&Fake), LOCAL, app, when, Finality::Unsafe);
                let answer = answer.await.unwrap();
                let mut allowed: Vec<B256> =
                    answer.authorised.iter().map(|it| it.compose_hash).collect();
                allowed.sort_unstable();
                let covers = |it: &Interval| {
                    it.since.block <= number
                        && it.until.as_ref().is_none_or(|until| until.block > number)
                };
                let covering: Vec<&Interval> =
                    intervals.iter().flat_map(|(_, all)| all).filter(|it| covers(it)).collect();
                let ours: Vec<B256> = intervals
                    .iter()
                    .filter(|(_, all)| all.iter().any(covers))
                    .map(|(hash, _)| *hash)
                    .collect();
                assert_eq!(ours, allowed, "life {life}, {app}, block {number}");
                for it in &answer.authorised {
                    let same = |other: &&&Interval| {
                        (&other.since, &other.proposed, other.notice_seconds, &other.uri)
                            == (&it.since, &it.proposed, it.notice_seconds, &it.uri)
                            && other.read_by_call == it.read_by_call
                    };
                    assert!(covering.iter().any(|other| same(&other)), "{it:?} {covering:?}");
                }
            }
        }
    }
    assert!(seen > 60, "{seen} intervals");
}

#[tokio::test]
async fn what_was_reorganised_away_is_no_interval() {
    let mut world = World::whole(LOCAL).await;
    world.store.rewind(LOCAL, Some(&block(140))).await.unwrap();
    world.logs.clear();
    world.commit(Some(block(140)), 199).await;
    let answer = ask(&world, hash(1)).await;
    assert_eq!(spans(&answer.apps[0].intervals), [(10, Some(60))]);
    assert!(!answer.apps[0].allowed);
    let orphans: Vec<_> = answer.apps[0].orphaned.iter().map(|it| (it.block, it.value)).collect();
    assert_eq!(orphans, [(170, hash(1))]);
    assert!(ask(&world, hash(2)).await.apps[0].orphaned.is_empty(), "that was another version");
}

#[tokio::test]
async fn an_app_that_was_only_called_is_found() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.stock_birth(12);
    world.commit(None, 60).await;
    let subject = Bytes::copy_from_slice(hash(9).as_slice());
    let yes = B256::with_last_byte(1);
    let readings = [
        lives::read(12, About::Birth.word(), Bytes::new(), B256::ZERO),
        lives::read(12, "compose_hash", subject, yes),
    ];
    world.store.add_readings(LOCAL, STOCK, &readings, &block(60)).await.unwrap();
    let answer = ask(&world, hash(9)).await;
    let interval = &answer.apps[0].intervals[0];
    assert_eq!((answer.apps.len(), answer.apps[0].app, interval.read_by_call), (1, STOCK, true));
    assert_eq!((interval.since.transaction, interval.since.log_index), (None, None));
    // It was there before it was looked at.
    assert!(answer.apps[0].not_known.contains(&"compose_hash".to_owned()));
}

#[tokio::test]
async fn pages_by_app_add_up_and_other_words_are_none() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.stock_birth(12);
    // The index knows a word by its last bytes.
    let mut like = hash(1);
    like.0[0] = 7;
    world.stock(14, &DstackApp::ComposeHashAdded { composeHash: like });
    world.stock(14, &DstackApp::ComposeHashRemoved { composeHash: hash(1) });
    world.commit(None, 60).await;
    let page = async |hash, limit, after| {
        let part = Part { limit, after };
        let answer = allowed(&world.store, LOCAL, hash, part, Finality::Unsafe, Surface::Rest);
        let answer = answer.await.unwrap();
        let apps: Vec<Address> = answer.apps.iter().map(|it| it.app).collect();
        (apps, answer.next)
    };
    assert_eq!(page(hash(1), 1, None).await, (vec![APP], Some(APP)));
    assert_eq!(page(hash(1), 1, Some(APP)).await, (vec![STOCK], None));
    assert_eq!(page(hash(1), 2, None).await, (vec![APP, STOCK], None));
    assert_eq!(page(like, 9, None).await, (vec![STOCK], None));
    assert_eq!(page(like, 1, None).await, (vec![], Some(APP)), "one that only looks alike");
}

#[tokio::test]
async fn an_app_whose_logs_are_still_being_read_is_counted() {
    let world = World::whole(LOCAL).await;
    assert_eq!(ask(&world, hash(1)).await.unread, 0);
    let late = address!("00000000000000000000000000000000000000a2");
    let contract = Contract { address: late, found_at: 200, ..world.contracts().swap_remove(1) };
    world.store.upsert_contract(&contract).await.unwrap();
    let answer = ask(&world, hash(1)).await;
    assert_eq!((answer.unread, answer.apps.len()), (1, 2));
    assert!(allowed_for(&world.store, LOCAL, hash(1), late, Finality::Unsafe).await.is_err());
    assert!(allowed_for(&world.store, LOCAL, hash(1), KMS, Finality::Unsafe).await.is_err());
}

#[tokio::test]
async fn an_app_that_cannot_be_told_hides_no_other() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    // A node left out an announcement.
    world.logs.retain(|log| log.block.number != 20 || log.address != APP);
    world.commit(None, 200).await;
    let answer = ask(&world, hash(1)).await;
    let apps: Vec<_> = answer.apps.iter().map(|it| it.app).collect();
    assert_eq!((apps, answer.not_told.len()), (vec![STOCK], 1));
    assert_eq!(answer.not_told[0].app, APP);
    assert!(answer.not_told[0].reason.contains("contradicts"), "{answer:?}");
}
