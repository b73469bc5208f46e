//! Receivers that will not have it.

use crate::{
    Working, add, all_arrived, everything, quick,
    receiver::{Play, Receiver},
    until, webhook,
    world::{APP, LOCAL, OWNER, World, block},
};
use devproof_notify::Schedule;
use devproof_primitives::{Action, Setting};
use devproof_store::DeliveryState;
use std::time::{Duration, Instant};

/// An app that was born, and names a guardian in so many blocks from the 20th on.
async fn busy(blocks: u64) -> World {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    for n in 0..blocks {
        world.extend(20 + n, Action::Set, Setting::Guardian, OWNER.into_word(), OWNER);
    }
    world.commit(None, 19).await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_gone_is_left_alone_until_somebody_says_so() {
    let world = busy(4).await;
    let receiver = Receiver::start(&[Play::Say(410)]).await;
    let id = add(&world.store, everything(LOCAL), &webhook(&receiver.url())).await.id;
    let working = Working::start(&world.store, quick());
    world.commit(Some(block(19)), 21).await;
    until("it is stopped", async || {
        !world.store.subscription(&id).await.unwrap().unwrap().is_active
    })
    .await;
    let why = world.store.subscription(&id).await.unwrap().unwrap().why.unwrap();
    assert_eq!(why, "it answered 410 Gone: <b>no [2J</b>");
    // Nothing more goes there, neither what waits nor what happens now.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let so_far = receiver.came().len();
    world.commit(Some(block(21)), 23).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(receiver.came().len(), so_far);
    // It goes on where it was.
    until("each letter was refused once and then taken", async || {
        world.store.retry_subscription(&id).await.unwrap();
        receiver.times().len() == 4
    })
    .await;
    all_arrived(&world.store, &id, 23).await;
    working.stop().await;
    assert!(receiver.times().values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_asks_for_time_gets_it() {
    let world = busy(1).await;
    let receiver = Receiver::start(&[Play::Wait(2)]).await;
    let id = add(&world.store, everything(LOCAL), &webhook(&receiver.url())).await.id;
    let working = Working::start(&world.store, quick());
    world.commit(Some(block(19)), 30).await;
    all_arrived(&world.store, &id, 20).await;
    working.stop().await;
    let came = receiver.came();
    assert_eq!(came.len(), 2);
    let waited = came[1].at - came[0].at;
    assert!(waited >= Duration::from_secs(2) - Duration::from_millis(50), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_without_attempts_left_is_dead_and_can_be_sent_again() {
    let world = busy(1).await;
    let receiver = Receiver::start(&[Play::Redirect, Play::Say(500), Play::Hang]).await;
    let id = add(&world.store, everything(LOCAL), &webhook(&receiver.url())).await.id;
    let options =
        crate::Options { schedule: Schedule::new(vec![Duration::from_millis(40); 2]), ..quick() };
    let working = Working::start(&world.store, options);
    world.commit(Some(block(19)), 30).await;
    let dead = async || {
        world.store.deliveries(None, DeliveryState::Dead, 9).await.unwrap().into_iter().next()
    };
    until("it is dead", async || dead().await.is_some()).await;
    let letter = dead().await.unwrap();
    assert_eq!((letter.attempts, letter.kind.as_str()), (3, "guardian"));
    assert_eq!(letter.last_error.as_deref(), Some("no answer within 2 s"));
    assert_eq!(receiver.came().len(), 3, "the redirect was not followed");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.came().len(), 3);
    assert!(world.store.retry_delivery(&letter.id).await.unwrap());
    all_arrived(&world.store, &id, 20).await;
    working.stop().await;
    assert_eq!(receiver.times()[&letter.id], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_an_endpoint_that_hangs() {
    let world = busy(30).await;
    let hangs = Receiver::start(&[Play::Hang; 99]).await;
    let takes = Receiver::start(&[]).await;
    add(&world.store, everything(LOCAL), &webhook(&hangs.url())).await;
    let id = add(&world.store, everything(LOCAL), &webhook(&takes.url())).await.id;
    let options = crate::Options { timeout: Duration::from_secs(60), ..quick() };
    let working = Working::start(&world.store, options);
    let begun = Instant::now();
    world.commit(Some(block(19)), 50).await;
    all_arrived(&world.store, &id, 49).await;
    let took = begun.elapsed();
    working.cut().await;
    assert_eq!(takes.times().len(), 30);
    assert!(took < Duration::from_secs(40), "{took:?}");
    // And of the one that hangs no more is held up than a few connections.
    let held = hangs.came().len();
    assert!((1..=4).contains(&held), "{held}");
    assert_eq!(hangs.came()[0].json()["data"]["app"], format!("{APP:#x}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_not_written_to_without_end_and_misses_nothing() {
    let world = busy(30).await;
    let receiver = Receiver::start(&[]).await;
    let channel = webhook(&receiver.url());
    // It refuses everything, as one does that was given another secret.
    receiver.expects("whsec_AAAA");
    let id = add(&world.store, everything(LOCAL), &channel).await.id;
    let schedule = Schedule::new(vec![Duration::from_millis(100); 1_000]);
    let working = Working::start(&world.store, crate::Options { backlog: 5, schedule, ..quick() });
    world.commit(Some(block(19)), 29).await;
    let unread = async || world.store.unread(&id).await.unwrap();
    until("the first page is written", async || unread().await == 10).await;
    world.commit(Some(block(29)), 50).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(unread().await, 10);
    receiver.expects(channel.signing_secret().unwrap());
    until("everything arrives", async || receiver.times().len() == 30).await;
    all_arrived(&world.store, &id, 49).await;
    working.stop().await;
    assert!(receiver.times().values().all(|times| *times == 1));
}
