//! What each kind of channel sends, and where.

use crate::{
    Working, add, all_arrived, channel, only, quick,
    receiver::{Play, Receiver},
    world::{LOCAL, World, block},
};
use devproof_api::alerts::AlertKind;
use devproof_notify::{ChannelKind, Given, Notifier, Options, Sent};

/// The one letter about a new operating system that a receiver gets, after it refused it once.
async fn one(kind: ChannelKind, given: impl Fn(&Receiver) -> Given) -> Receiver {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    world.commit(None, 19).await;
    let receiver = Receiver::start(&[Play::Say(500)]).await;
    let channel = channel(kind, given(&receiver));
    let id = add(&world.store, only(LOCAL, &[AlertKind::KeyService]), &channel).await.id;
    let public_url = Some("https://devproof.example.org".to_owned());
    let working = Working::start(&world.store, Options { public_url, ..quick() });
    world.commit(Some(block(19)), 40).await;
    all_arrived(&world.store, &id, 35).await;
    working.stop().await;
    let came = receiver.came();
    assert_eq!(came[0].body, came.last().unwrap().body);
    receiver
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_and_discord_get_what_they_read() {
    let target = |it: &Receiver| Given { target: it.url(), ..Given::default() };
    let came = one(ChannelKind::Slack, target).await.came().pop().unwrap();
    assert_eq!((came.method.as_str(), came.path.as_str()), ("POST", "/hooks"));
    assert_eq!(came.headers["content-type"], "application/json");
    let text = came.json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("admits the operating system 0xe2"), "{text}");
    assert!(text.ends_with("https://devproof.example.org/changes?chain=31337"), "{text}");
    let came = one(ChannelKind::Discord, target).await.came().pop().unwrap();
    let text = came.json()["content"].as_str().unwrap().to_owned();
    assert!(text.starts_with("**Key service "), "{text}");
    assert!(!came.headers.contains_key("webhook-signature"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_of_telegram_writes_to_its_chat() {
    let given = |it: &Receiver| Given {
        target: "-100123".to_owned(),
        server: Some(it.root()),
        token: Some("12:abc_D".to_owned()),
        ..Given::default()
    };
    let came = one(ChannelKind::Telegram, given).await.came().pop().unwrap();
    assert_eq!(came.path, "/bot12:abc_D/sendMessage");
    assert_eq!(came.json()["chat_id"], "-100123");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_of_matrix_gets_each_letter_as_one_transaction() {
    let given = |it: &Receiver| Given {
        target: "!a/b:example.org".to_owned(),
        server: Some(it.root()),
        token: Some("syt_x".to_owned()),
        ..Given::default()
    };
    let came = one(ChannelKind::Matrix, given).await.came();
    let start = "/_matrix/client/v3/rooms/!a%2Fb:example.org/send/m.room.message/msg_";
    for it in &came {
        assert_eq!(it.method, "PUT");
        assert!(it.path.starts_with(start), "{}", it.path);
        assert_eq!(it.headers["authorization"], "Bearer syt_x");
    }
    assert_eq!(came[0].path, came[1].path, "the same transaction at every attempt");
    assert_eq!(came[0].json()["msgtype"], "m.notice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_can_try_whether_letters_arrive() {
    let world = World::whole(LOCAL).await;
    let receiver = Receiver::start(&[]).await;
    let given = Given { target: receiver.url(), ..Given::default() };
    let channel = channel(ChannelKind::Webhook, given);
    receiver.expects(channel.signing_secret().unwrap());
    let it = add(&world.store, only(LOCAL, &[AlertKind::Ripe]), &channel).await;
    let notifier = Notifier::new(world.store.clone(), quick()).unwrap();
    assert_eq!(notifier.test(&it).await, Sent::Acknowledged);
    assert_eq!(receiver.taken()[0].kind(), "test");
    assert_eq!(world.store.unread(&it.id).await.unwrap(), 0, "it is not kept");
    receiver.expects("whsec_AAAA");
    assert_eq!(notifier.test(&it).await, Sent::Failed("it answered 401 Unauthorized".to_owned()));
}
