//! Every alert arrives, once, whatever the receiver and this process do.

use crate::{
    Working, add, all_arrived, everything, quick,
    receiver::{Play, Receiver},
    webhook,
    world::{LOCAL, World, block},
};
use devproof_api::{ChangesOf, Part, Surface, alerts, changes};
use devproof_notify::delivery_id;
use devproof_store::{DeliveryState, Store, Subscribers};
use devproof_testkit::postgres::Cluster;
use std::{collections::BTreeMap, collections::BTreeSet, time::Duration};

/// What a receiver may do before it takes a letter.
const FLAKY: [Play; 7] = [
    Play::Say(500),
    Play::Break,
    Play::Drip,
    Play::Redirect,
    Play::Hang,
    Play::Say(503),
    Play::Wait(0),
];

/// The story up to block 19, and somebody who hears the rest.
async fn told(world: &mut World) {
    world.tell();
    world.commit(None, 19).await;
}

/// The ids that letters about everything behind block 19 have to have.
async fn expected(world: &World, subscription: &str) -> BTreeSet<String> {
    let (of, finality) = (ChangesOf::default(), devproof_api::Finality::Unsafe);
    let page = Part { limit: 1_000, after: None };
    let all = changes(&world.store, LOCAL, of, page, finality, Surface::Cli).await.unwrap();
    let new = all.changes.iter().filter_map(|it| alerts::of_change(LOCAL, "", it));
    let new = new.filter(|alert| alert.block.is_some_and(|number| number > 19));
    new.map(|alert| delivery_id(subscription, &alert.id, 0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_alert_arrives_once_at_a_flaky_receiver_through_restarts() {
    let mut world = World::empty(LOCAL).await;
    told(&mut world).await;
    let receiver = Receiver::start_rudely(&FLAKY, 5).await;
    let channel = webhook(&receiver.url());
    receiver.expects(channel.signing_secret().unwrap());
    let id = add(&world.store, everything(LOCAL), &channel).await.id;
    let mut working = Working::start(&world.store, quick());
    // It is stopped and started again while letters are written and on their way.
    let mut previous = 19;
    for to in [30, 50, 100, 200] {
        world.commit(Some(block(previous)), to).await;
        previous = to;
        tokio::time::sleep(Duration::from_millis(400)).await;
        working.stop().await;
        working = Working::start(&world.store, quick());
    }
    all_arrived(&world.store, &id, 170).await;
    working.stop().await;

    let times = receiver.times();
    let doubled: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    let arrived: BTreeSet<String> = times.into_keys().collect();
    let wanted = expected(&world, &id).await;
    assert!(wanted.len() >= 10, "{}", wanted.len());
    let missing: Vec<_> = wanted.difference(&arrived).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // What time alone did is what is left.
    let by_time: BTreeSet<String> = receiver
        .taken()
        .iter()
        .filter(|came| !wanted.contains(&came.id))
        .map(|came| came.kind())
        .collect();
    assert!(by_time.iter().all(|it| ["ripe_soon", "ripe", "expired"].contains(&it.as_str())));
    assert!(by_time.contains("expired"), "{by_time:?}");
    // The same letter at every attempt, byte for byte, and each as it is kept.
    let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for came in receiver.came() {
        assert_eq!(bodies.entry(came.id).or_insert_with(|| came.body.clone()), &came.body);
        assert_eq!(came.path, "/hooks", "no redirect is followed");
    }
    for letter in world.store.deliveries(Some(&id), DeliveryState::Acknowledged, 999).await.unwrap()
    {
        assert_eq!(bodies[&letter.id], letter.body);
        assert!(letter.attempts >= 8 && letter.last_error.is_none(), "{letter:?}");
    }
    assert!(receiver.resets() > 3, "{}", receiver.resets());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_not_sent_again_by_whoever_comes_after_a_crash() {
    let mut world = World::empty(LOCAL).await;
    told(&mut world).await;
    let receiver = Receiver::start(&[Play::Say(500)]).await;
    let channel = webhook(&receiver.url());
    receiver.expects(channel.signing_secret().unwrap());
    let id = add(&world.store, everything(LOCAL), &channel).await.id;
    world.commit(Some(block(19)), 200).await;
    let mut settled: BTreeMap<String, usize> = BTreeMap::new();
    for cut in 0..8 {
        let store = Store::open(&world.path).await.unwrap();
        let working = Working::start(&store, quick());
        tokio::time::sleep(Duration::from_millis(60 + 37 * cut)).await;
        working.cut().await;
        store.close().await;
        let times = receiver.times();
        let done =
            world.store.deliveries(Some(&id), DeliveryState::Acknowledged, 999).await.unwrap();
        for letter in done {
            let before = *settled.entry(letter.id.clone()).or_insert(times[&letter.id]);
            assert_eq!(times[&letter.id], before, "{} was acknowledged before", letter.title);
        }
    }
    let working = Working::start(&world.store, quick());
    all_arrived(&world.store, &id, 170).await;
    working.stop().await;
    let times = receiver.times();
    for (letter, before) in &settled {
        assert_eq!(times[letter], *before, "{letter}");
    }
    assert!(!settled.is_empty());
    let arrived: BTreeSet<String> = times.into_keys().collect();
    assert!(arrived.is_superset(&expected(&world, &id).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_senders_one_sends_and_the_other_takes_over() {
    let mut world = World::empty(LOCAL).await;
    told(&mut world).await;
    senders(&world, &world.path).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_on_postgres() {
    let Some(cluster) = Cluster::start().unwrap() else { return };
    let url = cluster.database().unwrap();
    let mut world = World::empty(LOCAL).await;
    told(&mut world).await;
    let store = Store::open(&url).await.unwrap();
    world.store.copy_to(&store, Subscribers::LeaveOut, &mut |_, _| {}).await.unwrap();
    world.store = store;
    senders(&world, &url).await;
    world.store.close().await;
}

async fn senders(world: &World, url: &str) {
    let receiver = Receiver::start(&[Play::Say(500), Play::Break]).await;
    let channel = webhook(&receiver.url());
    receiver.expects(channel.signing_secret().unwrap());
    let id = add(&world.store, everything(LOCAL), &channel).await.id;
    let other = Store::open(url).await.unwrap();
    let (one, two) = (Working::start(&world.store, quick()), Working::start(&other, quick()));
    world.commit(Some(block(19)), 60).await;
    all_arrived(&world.store, &id, 60).await;
    let so_far = receiver.times().len();
    one.stop().await;
    world.commit(Some(block(60)), 200).await;
    all_arrived(&world.store, &id, 170).await;
    two.stop().await;
    other.close().await;
    let times = receiver.times();
    assert!(so_far > 0 && times.len() > so_far, "{so_far} then {}", times.len());
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    assert!(times.into_keys().collect::<BTreeSet<_>>().is_superset(&expected(world, &id).await));
}
