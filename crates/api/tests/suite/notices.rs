//! What was announced, across all apps: against the histories of each, and in pages.

use crate::{
    lives::{self, APPS, END},
    world::{APP, DAY, LOCAL, OWNER, PUBLIC, STRANGER, World, block, hash},
};
use axum::{
    body::{Body, to_bytes},
    http::{Request, header},
};
use devproof_api::{
    AppState, Finality, NoticePlace, NoticeState, Part, Surface, When, at,
    documents::{Notice, Notices},
    history, notices, notices_of, router,
};
use devproof_primitives::{Action, Setting};
use tower::ServiceExt;

async fn page(
    world: &World,
    state: NoticeState,
    limit: usize,
    after: Option<NoticePlace>,
) -> Notices {
    let page = Part { limit, after };
    notices(&world.store, world.chain_id, state, page, Finality::Unsafe, Surface::Rest)
        .await
        .unwrap()
}

/// All of them, so many at a time.
async fn all(world: &World, state: NoticeState, limit: usize) -> Vec<Notice> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = page(world, state, limit, after).await;
        assert_eq!((page.unread, page.not_told.as_slice()), (0, [].as_slice()));
        found.extend(page.notices);
        assert!(found.len() < 1000, "a page came twice");
        let Some(next) = page.next else { return found };
        after = Some(next.parse().unwrap());
    }
}

fn short(notices: &[Notice]) -> Vec<(u8, &str, u64, Option<u64>)> {
    let short = |it: &Notice| -> (u8, u64, Option<u64>) {
        (it.value.0[0], it.proposed.block, it.ended.as_ref().map(|at| at.block))
    };
    notices
        .iter()
        .map(|it| {
            let (value, proposed, ended) = short(it);
            (value, it.state.as_str(), proposed, ended)
        })
        .collect()
}

/// A service makes them once for all who ask, and never tells what is not so any more.
#[tokio::test]
async fn what_is_served_is_what_was_written_last() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    world.commit(None, 185).await;
    let service = router(AppState::new(world.store.clone(), []));
    let served = async |state: NoticeState| {
        let path = format!("/v1/chains/{LOCAL}/notices?state={}&finality=unsafe", state.name());
        let request = Request::get(path).body(Body::empty()).unwrap();
        let reply = service.clone().oneshot(request).await.unwrap();
        let tag = reply.headers()[header::ETAG].to_str().unwrap().to_owned();
        let body = to_bytes(reply.into_body(), 1 << 20).await.unwrap();
        let home = Request::get("/").body(Body::empty()).unwrap();
        let home = service.clone().oneshot(home).await.unwrap();
        let home = to_bytes(home.into_body(), 1 << 20).await.unwrap();
        let told = serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        (told, tag, String::from_utf8(home.to_vec()).unwrap())
    };
    let (mut told, mut homes, mut tags) = (Vec::new(), Vec::new(), Vec::new());
    for from in [185, 187, 189] {
        for state in NoticeState::ALL {
            let expected = serde_json::to_value(page(&world, state, 100, None).await).unwrap();
            for _ in 0..2 {
                let (served, tag, home) = served(state).await;
                assert_eq!(served, expected, "{} at {from}", state.name());
                told.push(served);
                tags.push(tag);
                homes.push(home);
            }
        }
        world.propose(from + 1, hash(from as u8), None);
        world.commit(Some(world.block(from)), from + 2).await;
    }
    for all in [&mut tags, &mut homes] {
        all.dedup();
    }
    assert!(tags.len() > 6 && homes.len() == 3, "{} tags, {} homes", tags.len(), homes.len());
}

#[tokio::test]
async fn each_announcement_is_told_with_what_became_of_it() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    // Ripe at 214, and a notice that is withdrawn before it was ever ripe.
    world.propose(186, hash(7), Some((hash(9), "https://example.org/7")));
    // Somebody clears away what died at 134.
    world.extend(187, Action::Cancelled, Setting::ComposeHash, hash(3), STRANGER);
    world.propose(188, hash(8), None);
    world.extend(189, Action::Cancelled, Setting::ComposeHash, hash(8), OWNER);
    world.announce(190, Setting::Device, hash(6));
    world.commit(None, 200).await;
    world.verified(200).await;

    let open = all(&world, NoticeState::Open, 100).await;
    assert_eq!(short(&open), [(7, "pending", 186, None), (6, "pending", 190, None)]);
    assert_eq!((open[0].kind.as_str(), open[1].kind.as_str()), ("compose_hash", "device"));
    assert_eq!(open[0].ripe_at.as_second() as u64, block(186).timestamp + 7 * DAY);
    assert_eq!(open[0].uri.as_deref(), Some("https://example.org/7"));
    assert_eq!((open[0].app, open[0].code.kind.as_str()), (APP, "app_auth"));
    assert_eq!(all(&world, NoticeState::Pending, 1).await, open);
    assert_eq!(all(&world, NoticeState::Ripe, 1).await, []);

    let activated = all(&world, NoticeState::Activated, 100).await;
    let expected = [(1, "activated", 140, Some(170)), (2, "activated", 20, Some(48))];
    assert_eq!(short(&activated), expected);
    let given = |n: usize| activated[n].notice_seconds;
    assert_eq!((given(0), given(1)), (Some(30 * DAY / 4), Some(7 * DAY)));
    let expired = all(&world, NoticeState::Expired, 100).await;
    assert_eq!(short(&expired), [(3, "expired", 50, Some(187))]);
    let cancelled = all(&world, NoticeState::Cancelled, 100).await;
    assert_eq!(short(&cancelled), [(8, "cancelled", 188, Some(189))]);
}

/// The same question at an earlier time: what was later is not known then.
#[tokio::test]
async fn a_notice_is_what_it_was_at_the_finality_asked_for() {
    let world = World::whole(PUBLIC).await;
    let (store, page) = (&world.store, Part::default());
    let ask = async |state, finality| {
        let answer = notices(store, PUBLIC, state, page, finality, Surface::Rest).await.unwrap();
        (answer.block.number, answer.notices)
    };
    // At block 100 hash 3 is ripe; at 150 it is dead and hash 1 announced; at 200 that is in force.
    let (number, open) = ask(NoticeState::Open, Finality::Finalized).await;
    assert_eq!((number, short(&open)), (60, vec![(3, "pending", 50, None)]));
    let (_, open) = ask(NoticeState::Open, Finality::Safe).await;
    assert_eq!(short(&open), [(1, "pending", 140, None)]);
    let (_, open) = ask(NoticeState::Open, Finality::Unsafe).await;
    assert_eq!(short(&open), []);
    let (_, ended) = ask(NoticeState::Activated, Finality::Safe).await;
    assert_eq!(short(&ended), [(2, "activated", 20, Some(48))]);
}

#[tokio::test]
async fn the_list_is_what_the_histories_of_all_apps_say() {
    let mut told = 0;
    for life in 0..40 {
        let world = lives::random(life).await;
        for state in NoticeState::ALL {
            let whole = all(&world, state, 100).await;
            for limit in [1, 2, 3] {
                assert_eq!(
                    all(&world, state, limit).await,
                    whole,
                    "life {life}, {state:?}, {limit}"
                );
            }
            let mut by_app = Vec::new();
            for app in APPS {
                let of =
                    notices_of(&world.store, LOCAL, app, state, Finality::Unsafe).await.unwrap();
                by_app.extend(of.notices);
            }
            let key = |it: &Notice| (it.app, it.proposed.block, it.proposed.log_index, it.value);
            let mut sorted = whole.clone();
            sorted.sort_by_key(key);
            by_app.sort_by_key(key);
            assert_eq!(sorted, by_app, "life {life}, {state:?}");
            told += whole.len();
        }
        model(&world, life).await;
    }
    assert!(told > 200, "only {told} notices: the lives are too quiet");
}

/// Against a model that only counts: each announcement in the history ends in one state, and those that are open are those
/// of the at-block answer.
async fn model(world: &World, life: u64) {
    let finality = Finality::Unsafe;
    let history = history(&world.store, LOCAL, APP, Part::default(), finality).await.unwrap();
    let announced = history.entries.iter().filter(|e| e.action == "proposed").count();
    let mut states = 0;
    for state in NoticeState::ALL.into_iter().filter(|it| *it != NoticeState::Open) {
        states +=
            notices_of(&world.store, LOCAL, APP, state, finality).await.unwrap().notices.len();
    }
    assert_eq!(states, announced, "life {life}");
    let state = at(&world.store, None, LOCAL, APP, When::Block(END), finality).await.unwrap();
    let mut open: Vec<_> = state.proposals.into_iter().filter(|p| p.state != "expired").collect();
    open.sort_by_key(|p| (p.ripe_at, p.proposed.block, p.value));
    let mut told =
        notices_of(&world.store, LOCAL, APP, NoticeState::Open, finality).await.unwrap().notices;
    told.sort_by_key(|p| (p.ripe_at, p.proposed.block, p.value));
    let open: Vec<_> = open.into_iter().map(|p| (p.kind, p.value, p.state, p.uri)).collect();
    let told: Vec<_> = told.into_iter().map(|p| (p.kind, p.value, p.state, p.uri)).collect();
    assert_eq!(told, open, "life {life}");
}
