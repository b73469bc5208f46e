//! What is told, what is taken back, and what is not told.

use crate::{
    Working, add, all_arrived, everything, only, quick,
    receiver::Receiver,
    until, webhook,
    world::{APP, LOCAL, OWNER, STOCK, World, block, hash},
};
use devproof_api::{alerts::AlertKind, listening::Wanted};
use devproof_contracts::stock::{DstackApp, DstackKms};
use devproof_primitives::{Action, Setting};
use std::time::Duration;

fn kinds(receiver: &Receiver) -> Vec<String> {
    let mut kinds: Vec<String> = receiver.taken().iter().map(|came| came.kind()).collect();
    kinds.sort_unstable();
    kinds
}

async fn settled(world: &World, id: &str, number: u64) {
    all_arrived(&world.store, id, number).await;
    // What time alone does is written a moment after the place has moved.
    tokio::time::sleep(Duration::from_millis(300)).await;
    all_arrived(&world.store, id, number).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_is_told_when_it_is_made_and_before_it_is_ripe_and_when_it_is_and_when_it_dies()
 {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.commit(None, 19).await;
    world.propose(20, hash(2), None);
    let receiver = Receiver::start(&[]).await;
    let id = add(&world.store, everything(LOCAL), &webhook(&receiver.url())).await.id;
    let working = Working::start(&world.store, quick());
    let mut told = vec!["proposed"];
    for (from, to, new) in [
        (19, 30, None),
        (30, 45, Some("ripe_soon")),
        (45, 48, Some("ripe")),
        (48, 60, None),
        (60, 104, Some("expired")),
        (104, 120, None),
    ] {
        world.commit(Some(block(from)), to).await;
        told.extend(new);
        until(&format!("{told:?}"), async || receiver.taken().len() >= told.len()).await;
        settled(&world, &id, 20).await;
        assert_eq!(
            receiver.taken().iter().map(|it| it.kind()).collect::<Vec<_>>(),
            told,
            "at {to}"
        );
    }
    working.stop().await;
    // Who comes later is told of nothing that is over.
    let late = Receiver::start(&[]).await;
    let id = add(&world.store, everything(LOCAL), &webhook(&late.url())).await.id;
    let working = Working::start(&world.store, quick());
    world.commit(Some(block(120)), 130).await;
    settled(&world, &id, 20).await;
    working.stop().await;
    assert_eq!(kinds(&late), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_hears_what_it_asked_for() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    world.commit(None, 19).await;
    let one = Receiver::start(&[]).await;
    let two = Receiver::start(&[]).await;
    let only_app = Wanted { apps: [APP].into(), ..everything(LOCAL) };
    let first = add(&world.store, only_app, &webhook(&one.url())).await.id;
    let wanted = only(LOCAL, &[AlertKind::NoNotice, AlertKind::KeyService]);
    let second = add(&world.store, wanted, &webhook(&two.url())).await.id;
    let working = Working::start(&world.store, quick());
    world.commit(Some(block(19)), 200).await;
    settled(&world, &first, 170).await;
    settled(&world, &second, 170).await;
    working.stop().await;
    let apps: Vec<_> = one.taken().iter().map(|it| it.json()["data"]["app"].clone()).collect();
    let (app, stock) = (format!("{APP:#x}"), format!("{STOCK:#x}"));
    assert!(apps.iter().any(|it| *it == app) && !apps.iter().any(|it| *it == stock), "{apps:?}");
    assert!(kinds(&one).contains(&"key_service".to_owned()), "what a key service does to all");
    assert_eq!(kinds(&two), ["key_service", "no_notice"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reorganisation_undid_is_taken_back_and_what_comes_back_is_told_again() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.stock_birth(12);
    world.commit(None, 30).await;
    world.tags(Some(25), Some(25)).await;
    let receiver = Receiver::start(&[]).await;
    // Taking back is not asked for, and comes all the same.
    let wanted = only(LOCAL, &[AlertKind::NoNotice, AlertKind::Guardian]);
    let id = add(&world.store, wanted, &webhook(&receiver.url())).await.id;
    let working = Working::start(&world.store, quick());
    world.extend(31, Action::Set, Setting::Guardian, STOCK.into_word(), OWNER);
    world.stock(40, &DstackApp::ComposeHashAdded { composeHash: hash(9) });
    world.commit(Some(block(30)), 41).await;
    settled(&world, &id, 40).await;
    assert_eq!(kinds(&receiver), ["guardian", "no_notice"]);
    let (logs, told) = (world.logs.clone(), receiver.taken());
    let said = told.iter().find(|it| it.kind() == "no_notice").unwrap();

    world.fork(35).await;
    let image = DstackKms::OsImageHashAdded { osImageHash: hash(0xe9) };
    world.kms(38, &image);
    world.commit(Some(world.block(35)), 45).await;
    until("it is taken back", async || receiver.taken().len() == 3).await;
    settled(&world, &id, 38).await;
    let back = receiver.taken().pop().unwrap();
    assert_eq!(back.kind(), "orphaned");
    assert_eq!(back.title(), format!("Taken back: {}", said.title()));
    let data = &back.json()["data"];
    assert_eq!(data["id"], format!("{}:orphaned", said.json()["data"]["id"].as_str().unwrap()));
    assert_eq!(data["block"], 40);
    assert!(data["text"].as_str().unwrap().contains("was reorganised away"));
    // What stands below is neither taken back nor told twice.
    assert_eq!(kinds(&receiver), ["guardian", "no_notice", "orphaned"]);

    // The first branch was the right one after all: what was taken back is told again, as another letter.
    world.store.rewind(LOCAL, Some(&block(35))).await.unwrap();
    let page = devproof_store::Page {
        chain_id: LOCAL,
        previous: Some(block(35).hash),
        contracts: world.contracts(),
        blocks: vec![block(40)],
        logs: logs.into_iter().filter(|log| log.block.number > 35).collect(),
        readings: Vec::new(),
        newborn: Vec::new(),
        checkpoint: block(50),
    };
    world.store.commit(&page).await.unwrap();
    until("it is told again", async || receiver.taken().len() == 4).await;
    settled(&world, &id, 40).await;
    working.stop().await;
    let again = receiver.taken().pop().unwrap();
    assert_eq!(again.json(), said.json());
    assert_ne!(again.id, said.id);
    assert_eq!(kinds(&receiver), ["guardian", "no_notice", "no_notice", "orphaned"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_about_a_block_that_is_gone_is_not_sent_any_more() {
    use crate::receiver::Play;
    let mut world = World::empty(LOCAL).await;
    world.stock_birth(12);
    world.commit(None, 30).await;
    world.tags(Some(25), Some(25)).await;
    let receiver = Receiver::start(&[Play::Say(500)]).await;
    let wanted = only(LOCAL, &[AlertKind::NoNotice]);
    let id = add(&world.store, wanted, &webhook(&receiver.url())).await.id;
    let slow = devproof_notify::Schedule::new(vec![Duration::from_secs(3); 9]);
    let working = Working::start(&world.store, crate::Options { schedule: slow, ..quick() });
    world.stock(40, &DstackApp::ComposeHashAdded { composeHash: hash(9) });
    world.commit(Some(block(30)), 41).await;
    until("it was tried", async || receiver.came().len() == 1).await;
    world.fork(35).await;
    world.commit(Some(world.block(35)), 45).await;
    until("it is withdrawn", async || {
        let counts = world.store.delivery_counts(&id).await.unwrap();
        counts.contains_key(&devproof_store::DeliveryState::Withdrawn)
    })
    .await;
    // Sent late, it would have said that something holds which was taken back before.
    until("what takes it back arrives", async || receiver.taken().len() == 1).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    working.stop().await;
    assert_eq!(kinds(&receiver), ["orphaned"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_is_waited_for_and_then_said() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.commit(None, 19).await;
    let receiver = Receiver::start(&[]).await;
    let id = add(&world.store, everything(LOCAL), &webhook(&receiver.url())).await.id;
    let patience = Duration::from_secs(2);
    let working = Working::start(&world.store, crate::Options { patience, ..quick() });
    // An entry whose root is not that of its history: who says so cannot be believed anything.
    let event = devproof_contracts::bindings::AppAuth::HistoryExtended {
        root: hash(7),
        kind: 1,
        value: hash(2),
        actor: OWNER,
    };
    world.emit(30, APP, &event);
    world.extend(31, Action::Set, Setting::Guardian, STOCK.into_word(), OWNER);
    let image = DstackKms::OsImageHashAdded { osImageHash: hash(0xe9) };
    world.kms(33, &image);
    let begun = std::time::Instant::now();
    world.commit(Some(block(19)), 34).await;
    until("it is said", async || kinds(&receiver).contains(&"not_told".to_owned())).await;
    assert!(begun.elapsed() >= patience);
    settled(&world, &id, 33).await;
    // Once, and all else goes on.
    world.kms(36, &image);
    world.extend(37, Action::Set, Setting::Guardian, OWNER.into_word(), OWNER);
    world.commit(Some(block(34)), 38).await;
    settled(&world, &id, 37).await;
    working.stop().await;
    let told = kinds(&receiver);
    assert_eq!(told.iter().filter(|it| *it == "not_told").count(), 1, "{told:?}");
    assert!(told.iter().filter(|it| *it == "key_service").count() >= 1, "{told:?}");
    let said = receiver.taken().into_iter().find(|it| it.kind() == "not_told").unwrap();
    assert_eq!(said.json()["data"]["app"], format!("{APP:#x}"));
}

/// What observing found out is told to whoever wants to know, once, also by the sender that comes after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_observing_found_out_is_told_once() {
    let world = World::whole(LOCAL).await;
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    let found = |id: &str, app, kind: AlertKind, found_at| devproof_store::ObservedAlert {
        id: id.to_owned(),
        chain_id: LOCAL,
        app,
        kind: kind.name().to_owned(),
        title: format!("found {id}"),
        text: "It was seen.".to_owned(),
        found_at,
    };
    let unannounced = AlertKind::ObservedUnannounced;
    let sighting = devproof_store::Sighting {
        chain_id: LOCAL,
        app: APP,
        quote: hash(1),
        compose_hash: devproof_primitives::ComposeHash(hash(9)),
        instance_id: None,
        os_image_hash: None,
        key_provider: None,
        source: String::new(),
        is_fresh: false,
        seen_at: now,
        judged: devproof_store::Judged {
            at: now,
            overall: "pass".to_owned(),
            decisive: vec![],
            is_proved: true,
            is_intel_root: true,
            tcb_status: None,
            hardware_by: "here".to_owned(),
            system_by: None,
            warnings: vec![],
            evidence: Vec::new().into(),
            collateral: None,
            policy: None,
            verdict: Vec::new().into(),
            from: None,
            to: None,
        },
    };
    world.store.record_sighting(&sighting).await.unwrap();
    // Found before anybody wanted to know.
    let old = found("old", APP, unannounced, now - 3_600);
    world.store.record_alert(&old).await.unwrap();
    let receiver = Receiver::start(&[]).await;
    let wanted = only(LOCAL, &[unannounced, AlertKind::ObservedDiffer]);
    let wanted = Wanted { apps: [APP].into(), ..wanted };
    let id = add(&world.store, wanted, &webhook(&receiver.url())).await.id;
    let working = Working::start(&world.store, quick());
    settled(&world, &id, 20).await;
    assert_eq!(kinds(&receiver), Vec::<String>::new());
    // The chain stands still; of another app, and of a kind that nobody asked for.
    for it in [
        found("a", APP, unannounced, now + 2),
        found("b", STOCK, unannounced, now + 2),
        found("c", APP, AlertKind::ObservedOutOfDate, now + 2),
    ] {
        world.store.record_alert(&it).await.unwrap();
    }
    until("it is told", async || !receiver.taken().is_empty()).await;
    working.stop().await;
    let working = Working::start(&world.store, quick());
    world.store.record_alert(&found("d", APP, AlertKind::ObservedDiffer, now + 3)).await.unwrap();
    until("the next is told", async || receiver.taken().len() == 2).await;
    settled(&world, &id, 20).await;
    assert_eq!(kinds(&receiver), ["observed_differ", "observed_unannounced"]);
    assert_eq!(receiver.taken()[0].title(), "found a");
    working.stop().await;
}
