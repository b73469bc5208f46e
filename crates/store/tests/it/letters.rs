//! Subscriptions, letters, and who sends them.

use crate::{
    db::Db,
    make::{CHAIN, block, page, who},
    opening::meddle,
};
use devproof_store::{
    DeliveryState, Filling, Letter, MAX_SUBSCRIPTIONS, Sender, Store, StoreError, Subscribers,
    Subscription,
};
use std::time::Duration;

fn subscription(id: &str) -> Subscription {
    Subscription {
        id: id.to_owned(),
        chain_id: CHAIN,
        name: "ops".to_owned(),
        apps: vec![who(1), who(2)],
        kinds: vec!["proposed".to_owned(), "ripe".to_owned()],
        finality: "safe".to_owned(),
        soon: 7,
        channel: "webhook".to_owned(),
        target: "https://example.org".to_owned(),
        secret: "hidden".to_owned(),
        place: None,
        heard_until: 3,
        created_at: 5,
        is_active: true,
        why: None,
    }
}

fn letter(alert: &str, round: u64, at: Option<u64>) -> Letter {
    Letter {
        id: format!("msg_{alert}_{round}"),
        alert: alert.to_owned(),
        round,
        kind: "proposed".to_owned(),
        title: format!("about {alert}"),
        app: Some(who(1)),
        block: at.map(|number| (number, block(number, 0).hash)),
        recurs: false,
        body: format!("body of {alert}").into_bytes(),
    }
}

fn step(from: Option<&str>, place: &str, letters: Vec<Letter>) -> Filling {
    Filling {
        subscription: "sub_1".to_owned(),
        from: from.map(str::to_owned),
        place: Some(place.to_owned()),
        heard_until: 9,
        letters,
        taken_back: Vec::new(),
        now: 100,
    }
}

async fn sender(store: &Store) -> Sender {
    loop {
        // A server takes a moment to see that a connection is gone.
        if let Some(sender) = store.try_sender().await.unwrap() {
            return sender;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn subscribed(db: &Db) -> (Store, Sender) {
    let store = db.store().await;
    store.add_subscription(&subscription("sub_1")).await.unwrap();
    let sender = sender(&store).await;
    (store, sender)
}

pub(crate) async fn a_subscription_comes_back_as_it_went_in(db: &Db) {
    let store = db.store().await;
    let one = subscription("sub_1");
    store.add_subscription(&one).await.unwrap();
    let two = Subscription {
        apps: Vec::new(),
        kinds: Vec::new(),
        place: Some("7-x".to_owned()),
        created_at: 4,
        is_active: false,
        why: Some("gone".to_owned()),
        ..subscription("sub_2")
    };
    store.add_subscription(&two).await.unwrap();
    assert_eq!(store.subscriptions().await.unwrap(), [two, one.clone()]);
    assert_eq!(store.subscription("sub_1").await.unwrap(), Some(one.clone()));
    assert!(!format!("{one:?}").contains("hidden"));
    let elsewhere = Subscription { chain_id: CHAIN + 9, ..subscription("sub_3") };
    let refused = store.add_subscription(&elsewhere).await;
    assert!(matches!(refused, Err(StoreError::UnknownChain { .. })), "{refused:?}");
    assert!(store.remove_subscription("sub_1").await.unwrap());
    assert!(!store.remove_subscription("sub_1").await.unwrap());
    for n in 1..MAX_SUBSCRIPTIONS {
        store.add_subscription(&subscription(&format!("sub_x{n}"))).await.unwrap();
    }
    let refused = store.add_subscription(&subscription("sub_more")).await;
    assert!(matches!(refused, Err(StoreError::TooManySubscriptions { .. })), "{refused:?}");
}

pub(crate) async fn letters_and_the_place_behind_them_are_written_together(db: &Db) {
    let url = db.url();
    let store = Store::open(&url).await.unwrap();
    store.ensure_chain(CHAIN, 0).await.unwrap();
    store.add_subscription(&subscription("sub_1")).await.unwrap();
    let sender = sender(&store).await;
    assert!(sender.fill(&step(None, "p1", vec![letter("a", 0, Some(4))])).await.unwrap());
    // A process that dies before the end of the transaction, played by a trigger that refuses the place, and the letter.
    let postgres = url.starts_with("postgres");
    for (table, when) in [("subscriptions", "UPDATE"), ("deliveries", "INSERT")] {
        let sql = if postgres {
            format!(
                "CREATE OR REPLACE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'stopped'; END $$;
                 CREATE TRIGGER stop BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION stop()"
            )
        } else {
            format!(
                "CREATE TRIGGER stop BEFORE {when} ON {table} BEGIN SELECT RAISE(ABORT, 'stopped'); END"
            )
        };
        meddle(&url, Box::leak(sql.into_boxed_str())).await;
        sender.fill(&step(Some("p1"), "p2", vec![letter("b", 0, Some(5))])).await.unwrap_err();
        assert_eq!(store.unread("sub_1").await.unwrap(), 1, "{table}");
        let stands = store.subscription("sub_1").await.unwrap().unwrap().place;
        assert_eq!(stands.as_deref(), Some("p1"), "{table}");
        let drop = if postgres {
            format!("DROP TRIGGER stop ON {table}")
        } else {
            "DROP TRIGGER stop".to_owned()
        };
        meddle(&url, Box::leak(drop.into_boxed_str())).await;
    }
    // What was told already stays as it is, and who thinks that it stands elsewhere writes nothing.
    let both = vec![letter("a", 0, Some(4)), letter("b", 0, Some(5))];
    assert!(!sender.fill(&step(None, "p2", both.clone())).await.unwrap());
    assert!(!sender.fill(&step(Some("p0"), "p2", both.clone())).await.unwrap());
    assert_eq!(store.unread("sub_1").await.unwrap(), 1);
    assert!(sender.fill(&step(Some("p1"), "p2", both)).await.unwrap());
    assert_eq!(store.unread("sub_1").await.unwrap(), 2);
    let now = store.subscription("sub_1").await.unwrap().unwrap();
    assert_eq!((now.place.as_deref(), now.heard_until), (Some("p2"), 9));
    let back = Filling { heard_until: 1, ..step(Some("p2"), "p3", Vec::new()) };
    assert!(sender.fill(&back).await.unwrap());
    assert_eq!(store.subscription("sub_1").await.unwrap().unwrap().heard_until, 9);
    assert_eq!(store.told("sub_1", "a").await.unwrap(), Some((0, false)));
    assert_eq!(store.told("sub_1", "c").await.unwrap(), None);
}

pub(crate) async fn a_letter_goes_until_it_is_acknowledged_and_never_again(db: &Db) {
    let (store, sender) = subscribed(db).await;
    let letters = vec![letter("a", 0, None), letter("b", 0, None), letter("c", 0, None)];
    sender.fill(&step(None, "p1", letters)).await.unwrap();
    assert_eq!(sender.due(99).await.unwrap(), Vec::<String>::new());
    assert_eq!(sender.due(100).await.unwrap(), ["sub_1"]);
    let claimed = sender.claim("sub_1", 100, 500, 2).await.unwrap();
    assert_eq!(claimed.len(), 2);
    assert_eq!(claimed[0].body.as_ref(), b"body of a");
    assert_eq!((claimed[0].attempts, claimed[0].state), (1, DeliveryState::Due));
    // Nobody else takes it before that attempt is over; then somebody does, since it may never have been made.
    assert_eq!(sender.claim("sub_1", 200, 600, 9).await.unwrap().len(), 1);
    sender.acknowledged("msg_a_0", 210).await.unwrap();
    sender.failed("msg_b_0", "it answered 500", Some(900), 210).await.unwrap();
    sender.failed("msg_c_0", "it answered 500", None, 220).await.unwrap();
    let again = sender.claim("sub_1", 100_000, 100_500, 9).await.unwrap();
    assert_eq!(again.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["msg_b_0"]);
    assert_eq!((again[0].attempts, again[0].last_error.as_deref()), (2, Some("it answered 500")));
    // What is settled does not change by what is said late.
    sender.failed("msg_a_0", "late", Some(0), 230).await.unwrap();
    sender.acknowledged("msg_c_0", 230).await.unwrap();
    let state = async |id| store.delivery(id).await.unwrap().unwrap().state;
    assert_eq!(state("msg_a_0").await, DeliveryState::Acknowledged);
    assert_eq!(state("msg_c_0").await, DeliveryState::Dead);
    assert_eq!(store.unread_letters().await.unwrap(), (1, Some(100), 1));
    assert!(!store.retry_delivery("msg_a_0").await.unwrap());
    assert!(store.retry_delivery("msg_c_0").await.unwrap());
    let again = sender.claim("sub_1", 300, 400, 9).await.unwrap();
    assert_eq!((again[0].id.as_str(), again[0].attempts), ("msg_c_0", 1));
    let counts = store.delivery_counts("sub_1").await.unwrap();
    assert_eq!(counts[&DeliveryState::Due], 2);
    assert_eq!(counts[&DeliveryState::Acknowledged], 1);
    assert_eq!(store.deliveries(Some("sub_1"), DeliveryState::Due, 1).await.unwrap().len(), 1);
    assert_eq!(store.deliveries(None, DeliveryState::Acknowledged, 9).await.unwrap().len(), 1);
}

pub(crate) async fn an_endpoint_that_is_gone_gets_nothing_until_somebody_says_so(db: &Db) {
    let (store, sender) = subscribed(db).await;
    sender.fill(&step(None, "p1", vec![letter("a", 0, None), letter("b", 0, None)])).await.unwrap();
    let claimed = sender.claim("sub_1", 100, 500, 1).await.unwrap();
    sender.gone(&claimed[0], "it answered 410 Gone", 110).await.unwrap();
    assert_eq!(sender.due(10_000).await.unwrap(), Vec::<String>::new());
    // What happens meanwhile is not lost: the place stays.
    assert!(!sender.fill(&step(Some("p1"), "p2", vec![letter("c", 0, None)])).await.unwrap());
    let stopped = store.subscription("sub_1").await.unwrap().unwrap();
    assert_eq!((stopped.is_active, stopped.place.as_deref()), (false, Some("p1")));
    assert_eq!(stopped.why.as_deref(), Some("it answered 410 Gone"));
    assert_eq!(store.retry_subscription("sub_1").await.unwrap(), Some(1));
    assert_eq!(store.retry_subscription("sub_9").await.unwrap(), None);
    assert_eq!(sender.claim("sub_1", 10_000, 20_000, 9).await.unwrap().len(), 2);
    assert!(sender.fill(&step(Some("p1"), "p2", vec![letter("c", 0, None)])).await.unwrap());
    assert!(store.remove_subscription("sub_1").await.unwrap());
    assert_eq!(sender.due(100_000).await.unwrap(), Vec::<String>::new());
    sender.acknowledged("msg_b_0", 1).await.unwrap();
}

pub(crate) async fn what_was_told_of_a_block_can_be_taken_back_and_told_again(db: &Db) {
    let (store, sender) = subscribed(db).await;
    let letters = ["a", "b", "c"].into_iter().zip([4, 5, 6]);
    let letters = letters.map(|(name, number)| letter(name, 0, Some(number))).collect();
    sender.fill(&step(None, "p1", letters)).await.unwrap();
    sender.acknowledged("msg_c_0", 110).await.unwrap();
    let told = store.told_from("sub_1", 5).await.unwrap();
    assert_eq!(told.iter().map(|it| it.alert.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!((told[0].number, told[0].hash), (5, block(5, 0).hash));
    let taken_back = told.into_iter().map(|it| it.delivery).collect();
    let orphaned = vec![letter("b:orphaned", 0, None), letter("b", 1, Some(5))];
    let back = Filling { taken_back, ..step(Some("p1"), "p2", orphaned) };
    assert!(sender.fill(&back).await.unwrap());
    let state = async |id| store.delivery(id).await.unwrap().unwrap().state;
    assert_eq!(state("msg_b_0").await, DeliveryState::Withdrawn);
    assert_eq!(state("msg_c_0").await, DeliveryState::Acknowledged);
    assert_eq!(store.told("sub_1", "b").await.unwrap(), Some((1, false)));
    assert_eq!(store.told("sub_1", "c").await.unwrap(), Some((0, true)));
    let told = store.told_from("sub_1", 0).await.unwrap();
    assert_eq!(
        told.iter().map(|it| it.delivery.as_str()).collect::<Vec<_>>(),
        ["msg_a_0", "msg_b_1"]
    );
    let claimed = sender.claim("sub_1", 1_000, 2_000, 9).await.unwrap();
    let mut ids: Vec<_> = claimed.iter().map(|it| it.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["msg_a_0", "msg_b:orphaned_0", "msg_b_1"]);
}

pub(crate) async fn old_letters_are_forgotten_and_what_has_to_be_known_is_not(db: &Db) {
    let (store, sender) = subscribed(db).await;
    let recurring = Letter { recurs: true, ..letter("ripe", 0, Some(4)) };
    let letters =
        vec![letter("a", 0, Some(4)), letter("b", 0, Some(9)), recurring, letter("d", 0, Some(4))];
    sender.fill(&step(None, "p1", letters)).await.unwrap();
    for id in ["msg_a_0", "msg_b_0", "msg_ripe_0"] {
        sender.acknowledged(id, 200).await.unwrap();
    }
    sender.failed("msg_d_0", "no", None, 200).await.unwrap();
    assert_eq!(sender.prune("sub_1", 200, 5).await.unwrap(), 0);
    assert_eq!(sender.prune("sub_1", 201, 5).await.unwrap(), 3);
    assert_eq!(store.delivery("msg_a_0").await.unwrap(), None);
    for id in ["msg_b_0", "msg_ripe_0"] {
        assert!(store.delivery(id).await.unwrap().unwrap().body.is_empty());
    }
    // Somebody has to look at it.
    assert!(!store.delivery("msg_d_0").await.unwrap().unwrap().body.is_empty());
    assert_eq!(store.told("sub_1", "ripe").await.unwrap(), Some((0, false)));
}

pub(crate) async fn one_process_at_a_time_is_the_sender(db: &Db) {
    let url = db.url();
    let (one, two) = (Store::open(&url).await.unwrap(), Store::open(&url).await.unwrap());
    one.ensure_chain(CHAIN, 0).await.unwrap();
    one.add_subscription(&subscription("sub_1")).await.unwrap();
    let first = one.try_sender().await.unwrap().unwrap();
    assert!(two.try_sender().await.unwrap().is_none());
    // A writer of the chain is somebody else.
    let writer = two.try_writer(CHAIN).await.unwrap().unwrap();
    writer.commit(&page(None, block(1, 0), Vec::new())).await.unwrap();
    first.fill(&step(None, "p1", vec![letter("a", 0, None)])).await.unwrap();
    assert!(first.holds().await);
    take_the_lock_away(db, &url);
    let second = sender(&two).await;
    assert!(!first.holds().await);
    // Who was the sender and does not know that he is not any more neither sends nor writes.
    let lost = |result: Result<(), StoreError>| {
        assert!(matches!(result, Err(StoreError::SenderLost)), "{result:?}")
    };
    lost(first.claim("sub_1", 100, 500, 9).await.map(|_| ()));
    lost(first.fill(&step(Some("p1"), "p2", Vec::new())).await.map(|_| ()));
    lost(first.acknowledged("msg_a_0", 5).await);
    lost(first.failed("msg_a_0", "no", None, 5).await);
    lost(first.prune("sub_1", 5, 5).await.map(|_| ()));
    assert_eq!(second.claim("sub_1", 100, 500, 9).await.unwrap().len(), 1);
    second.acknowledged("msg_a_0", 120).await.unwrap();
    let read = Store::open_read_only(&url).await.unwrap();
    assert!(matches!(read.try_sender().await, Err(StoreError::ReadOnly)));
}

fn take_the_lock_away(db: &Db, url: &str) {
    match db.cluster() {
        Some(cluster) => {
            let name = url.rsplit('/').next().unwrap();
            let sql = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                 WHERE application_name = 'devproof sender' AND datname = current_database()";
            assert_eq!(cluster.sql(name, sql).unwrap(), "t");
        }
        None => {
            let path = url.strip_prefix("sqlite://").unwrap();
            std::fs::remove_file(format!("{path}-sender")).unwrap();
        }
    }
}

pub(crate) async fn subscribers_are_no_facts(db: &Db) {
    let (store, sender) = subscribed(db).await;
    store.commit(&page(None, block(3, 0), Vec::new())).await.unwrap();
    let plain = db.store().await;
    plain.commit(&page(None, block(3, 0), Vec::new())).await.unwrap();
    sender.fill(&step(None, "p1", vec![letter("a", 0, Some(2))])).await.unwrap();
    assert_eq!(store.digest(CHAIN).await.unwrap(), plain.digest(CHAIN).await.unwrap());
    // A copy has none of them and none of their secrets, unless somebody says so.
    let copy = db.bare_twin().await;
    let copied = store.copy_to(&copy, Subscribers::LeaveOut, &mut |_, _| {}).await.unwrap();
    assert_eq!(copied.left_out, 1);
    assert!(!copied.rows.contains_key("subscriptions"));
    assert_eq!(copy.subscriptions().await.unwrap(), []);
    let whole = db.bare_twin().await;
    let copied = store.copy_to(&whole, Subscribers::TakeAlong, &mut |_, _| {}).await.unwrap();
    assert_eq!((copied.left_out, copied.rows["deliveries"]), (0, 1));
    assert_eq!(whole.subscriptions().await.unwrap(), store.subscriptions().await.unwrap());
    assert_eq!(whole.delivery("msg_a_0").await.unwrap(), store.delivery("msg_a_0").await.unwrap());
    assert!(store.remove_subscription("sub_1").await.unwrap());
}
