//! What was observed, in the answer about a block, as a list, and beside what was allowed then.

use crate::world::{APP, DAY, LOCAL, PUBLIC, STOCK, T0, World, block, hash};
use alloy_primitives::{Address, B256, Bytes};
use axum::{
    body::{Body, to_bytes},
    http::{Request, header},
};
use devproof_api::{
    AppState, Finality, Part, When, at,
    documents::{AtBlock, AuthorisedThen, Observed, SeenAs},
    observations, router,
};
use devproof_primitives::ComposeHash;
use devproof_store::{Judged, Sighting};
use serde_json::{Value, json};
use tower::ServiceExt;

/// A sighting of an instance of APP; a test changes what it is about.
pub(crate) fn sighting(chain_id: u64, quote: u8, version: u8, seen_at: u64) -> Sighting {
    Sighting {
        chain_id,
        app: APP,
        quote: hash(quote),
        compose_hash: ComposeHash(hash(version)),
        instance_id: Some(Address::repeat_byte(0x15)),
        os_image_hash: Some(hash(0xe1)),
        key_provider: Some(("kms".to_owned(), Bytes::from_static(&[0x30, 0x59]))),
        source: "https://app.example".to_owned(),
        is_fresh: true,
        seen_at,
        judged: Judged {
            at: seen_at,
            overall: "pass".to_owned(),
            decisive: Vec::new(),
            is_proved: true,
            is_intel_root: true,
            tcb_status: Some("UpToDate".to_owned()),
            hardware_by: "here".to_owned(),
            system_by: Some("https://verifier.example".to_owned()),
            warnings: Vec::new(),
            evidence: Bytes::from_static(b"evidence"),
            collateral: Some(Bytes::from_static(b"collateral")),
            policy: None,
            verdict: Bytes::from_static(b"{}"),
            from: None,
            to: Some(block(20)),
        },
    }
}

/// The second in which a block is.
fn time_of(number: u64) -> u64 {
    block(number).timestamp
}

async fn see(world: &World, all: impl IntoIterator<Item = Sighting>) {
    for it in all {
        world.store.record_sighting(&it).await.unwrap();
    }
}

async fn ask(world: &World, when: When) -> AtBlock {
    let headers = Some(&crate::at_block::Fake as &dyn devproof_api::Headers);
    at(&world.store, headers, LOCAL, APP, when, Finality::Unsafe).await.unwrap()
}

fn short(all: &[Observed]) -> Vec<(B256, SeenAs, AuthorisedThen)> {
    all.iter().map(|it| (it.compose_hash, it.identity, it.authorised)).collect()
}

/// Hash 1 is allowed from 10 to 60 and again from 170; hash 2 from 48.
#[tokio::test]
async fn what_was_seen_by_a_block_is_in_its_answer_and_what_was_seen_later_is_not() {
    let world = World::whole(LOCAL).await;
    let before = ask(&world, When::Block(100)).await;
    assert_eq!(before.observed, []);
    see(
        &world,
        [
            sighting(LOCAL, 1, 1, time_of(20)),
            sighting(LOCAL, 2, 1, time_of(30)),
            sighting(LOCAL, 3, 2, time_of(100) + 1),
        ],
    )
    .await;
    assert_eq!(ask(&world, When::Block(19)).await.observed, []);
    let at_20 = ask(&world, When::Block(20)).await;
    assert_eq!(short(&at_20.observed), [(hash(1), SeenAs::Proved, AuthorisedThen::Allowed)]);
    let (one, then) = (&at_20.observed[0], devproof_api::documents::time);
    assert_eq!((one.first_seen, one.last_seen), (then(time_of(20)), then(time_of(30))));
    assert_eq!((one.looks, one.result.as_str()), (2, "pass"));
    assert_eq!(one.hardware_by, ["here"]);
    assert_eq!(one.system_by, ["https://verifier.example"]);
    assert_eq!((one.instances.len(), one.instances[0].quote), (1, hash(2)));
    assert_eq!(ask(&world, When::Block(100)).await.observed.len(), 1);
    assert_eq!(ask(&world, When::Time(time_of(100) + 1)).await.observed.len(), 2);
    // Authorised is what it was, whatever was seen.
    let after = ask(&world, When::Block(100)).await;
    assert_eq!(AtBlock { observed: Vec::new(), ..after }, before);
}

#[tokio::test]
async fn whether_a_version_was_allowed_while_it_was_seen() {
    let world = World::whole(LOCAL).await;
    let seen = |quote, version, at| sighting(LOCAL, quote, version, time_of(at));
    see(
        &world,
        [
            // Never allowed or announced.
            seen(1, 9, 20),
            // Announced since 20, allowed since 48.
            seen(2, 2, 47),
            // Removed at 60, and goes on running; back at 170, when nobody looked any more.
            seen(3, 1, 61),
        ],
    )
    .await;
    let told = |answer: AtBlock| {
        short(&answer.observed).into_iter().map(|it| (it.0, it.2)).collect::<Vec<_>>()
    };
    use AuthorisedThen::{Allowed, NotAllowed, NotKnown, Partly};
    let all = told(ask(&world, When::Block(180)).await);
    assert_eq!(all, [(hash(1), NotAllowed), (hash(2), NotAllowed), (hash(9), NotAllowed)]);
    // From before it was removed until after.
    see(&world, [seen(4, 1, 59)]).await;
    assert_eq!(told(ask(&world, When::Block(180)).await)[0], (hash(1), Partly));
    // As of a block before the end of that time it had been allowed all the time until then.
    assert_eq!(told(ask(&world, When::Block(59)).await)[0], (hash(1), Allowed));
    // Between being removed and being allowed again, and beyond.
    see(&world, [seen(5, 2, 48), seen(5, 2, 180)]).await;
    let of = async |world: &World| {
        let part = Part { limit: 10, after: None };
        let list = observations(&world.store, LOCAL, APP, part, Finality::Unsafe).await.unwrap();
        list.observations.iter().map(|it| (it.quote, it.authorised)).collect::<Vec<_>>()
    };
    assert_eq!(
        of(&world).await,
        [
            (hash(3), NotAllowed),
            (hash(4), Allowed),
            (hash(5), Allowed),
            (hash(2), NotAllowed),
            (hash(1), NotAllowed)
        ]
    );
    // Nobody knows what is allowed at a time that the index does not reach; it is behind the chain by some minutes always.
    see(&world, [seen(6, 2, 200), sighting(LOCAL, 6, 2, time_of(200) + 600)]).await;
    assert_eq!(of(&world).await[0], (hash(6), Allowed));
    see(&world, [sighting(LOCAL, 7, 2, time_of(200) + DAY)]).await;
    assert_eq!(of(&world).await[0], (hash(7), NotKnown));
}

/// What only a call found out may have been so before; what an index does not hold may have been allowed.
#[tokio::test]
async fn what_is_not_known_is_not_said_to_be_forbidden() {
    let world = World::whole(LOCAL).await;
    let of_stock = |quote, version, at| Sighting {
        app: STOCK,
        ..sighting(LOCAL, quote, version, time_of(at))
    };
    see(&world, [of_stock(1, 1, 15), of_stock(2, 1, 40)]).await;
    let told = |finality| {
        let store = world.store.clone();
        async move {
            let part = Part { limit: 10, after: None };
            let list = observations(&store, LOCAL, STOCK, part, finality).await.unwrap();
            list.observations.iter().map(|it| it.authorised).collect::<Vec<_>>()
        }
    };
    use AuthorisedThen::{Allowed, NotAllowed};
    assert_eq!(told(Finality::Unsafe).await, [NotAllowed, Allowed]);
}

#[tokio::test]
async fn what_is_claimed_or_of_a_test_is_never_said_to_be_proved() {
    let world = World::whole(LOCAL).await;
    let mut claimed = sighting(LOCAL, 0x71, 1, time_of(20));
    claimed.judged.is_proved = false;
    claimed.judged.overall = "inconclusive".to_owned();
    // Somebody let the system pass, but the whole is not proved.
    see(&world, [claimed]).await;
    let mut test = sighting(LOCAL, 2, 1, time_of(21));
    test.judged.is_intel_root = false;
    see(&world, [test]).await;
    let answer = ask(&world, When::Block(30)).await;
    let told: Vec<_> = answer.observed.iter().map(|it| (it.identity, &*it.result)).collect();
    assert_eq!(told, [(SeenAs::TestRoot, "pass"), (SeenAs::Claimed, "inconclusive")]);
    assert_eq!(answer.observed[1].system_by, Vec::<String>::new());
    let document = serde_json::to_value(&answer).unwrap();
    assert_eq!(document["observed"][0]["identity"], "test_root");
    assert_eq!(document["observed"][1]["authorised"], "allowed");
    // The worst of the instances is what a version is judged as.
    let mut other = sighting(LOCAL, 3, 1, time_of(22));
    other.instance_id = None;
    other.judged.is_proved = false;
    other.judged.overall = "fail".to_owned();
    see(&world, [other]).await;
    let answer = ask(&world, When::Block(30)).await;
    let claimed = answer.observed.iter().find(|it| it.identity == SeenAs::Claimed).unwrap();
    assert_eq!((claimed.result.as_str(), claimed.instances.len()), ("fail", 2));
}

async fn get(world: &World, path: &str) -> (u16, String, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let reply = router(AppState::new(world.store.clone(), None)).oneshot(request).await.unwrap();
    let cache = reply.headers().get(header::CACHE_CONTROL).cloned();
    let cache = cache.map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = reply.status().as_u16();
    let body = to_bytes(reply.into_body(), 1 << 22).await.unwrap();
    (status, cache, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_list_in_pages() {
    let world = World::whole(LOCAL).await;
    let path = format!("/v1/chains/{LOCAL}/apps/{APP:#x}/observations");
    let (status, _, document) = get(&world, &path).await;
    assert_eq!(
        (status, &document["observations"], &document["next"]),
        (200, &json!([]), &json!(null))
    );
    for n in 1..=5 {
        see(&world, [sighting(LOCAL, n, 1, time_of(20) + u64::from(n / 2))]).await;
    }
    let (_, _, first) = get(&world, &format!("{path}?limit=2")).await;
    assert_eq!(first["observations"][0]["quote"], json!(hash(5)));
    assert_eq!(first["observations"][0]["fresh"], true);
    assert_eq!(first["observations"][0]["to"]["number"], 20);
    let mut told: Vec<Value> = Vec::new();
    let mut next = String::new();
    loop {
        let (status, _, page) = get(&world, &format!("{path}?limit=2{next}")).await;
        assert_eq!(status, 200, "{page}");
        told.extend(page["observations"].as_array().unwrap().iter().map(|it| it["quote"].clone()));
        match page["next"].as_str() {
            Some(place) => next = format!("&after={place}"),
            None => break,
        }
    }
    assert_eq!(told, [5, 4, 3, 2, 1].map(|n| json!(hash(n))));
    for wrong in ["x", "5-0x12", "-0x", "99999999999999999999-0x"] {
        let (status, _, problem) = get(&world, &format!("{path}?after={wrong}")).await;
        assert_eq!((status, &problem["field"]), (400, &json!("after")), "{problem}");
    }
    let other = format!("/v1/chains/{LOCAL}/apps/{:#x}/observations", Address::repeat_byte(9));
    assert_eq!(get(&world, &other).await.0, 404);
}

/// What is seen again, or taken down a moment later, would be in another answer about the same block.
#[tokio::test]
async fn an_answer_with_what_was_seen_is_not_kept_for_ever() {
    let world = World::whole(PUBLIC).await;
    let path = format!("/v1/chains/{PUBLIC}/apps/{APP:#x}/at/60");
    assert!(get(&world, &path).await.1.contains("immutable"));
    see(&world, [sighting(PUBLIC, 1, 1, T0)]).await;
    let (status, cache, document) = get(&world, &path).await;
    assert_eq!((status, cache.as_str()), (200, "no-cache"));
    assert_eq!(document["observed"].as_array().unwrap().len(), 1);
}

/// What was seen stands on the page of the app: what is only claimed as that, what was not allowed as that, and nothing that came
/// from outside as markup.
#[tokio::test]
async fn the_page_of_an_app_tells_what_was_seen() {
    let world = World::whole(LOCAL).await;
    let page = async || {
        let request =
            Request::get(format!("/chains/{LOCAL}/apps/{APP:#x}")).body(Body::empty()).unwrap();
        let reply = router(AppState::new(world.store.clone(), [])).oneshot(request).await.unwrap();
        assert_eq!(reply.status(), 200);
        String::from_utf8(to_bytes(reply.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    };
    let before = page().await;
    assert!(before.contains("Nobody has shown us a verified quote"), "{before}");
    let tag = "<script>alert(1)</script>";
    let proved = sighting(LOCAL, 0x71, 1, time_of(20));
    let mut claimed = sighting(LOCAL, 0x72, 9, time_of(50));
    claimed.judged.is_proved = false;
    claimed.judged.overall = "inconclusive".to_owned();
    claimed.judged.decisive = vec![format!("os_image{tag}")];
    claimed.judged.hardware_by = format!("https://{tag}");
    claimed.judged.tcb_status = Some(format!("OutOfDate{tag}"));
    let mut test = sighting(LOCAL, 0x73, 1, time_of(30));
    test.judged.is_intel_root = false;
    see(&world, [proved, claimed, test]).await;
    let after = page().await;
    let row = |quote: u8| {
        let quote = format!("{:#x}", hash(quote));
        let rows = after.split("<tr>").filter(|row| row.contains(&quote)).collect::<Vec<_>>();
        assert_eq!(rows.len(), 1, "{quote} in {after}");
        rows[0].to_owned()
    };
    let (proved, claimed, test) = (row(0x71), row(0x72), row(0x73));
    assert!(proved.contains("proved") && proved.contains("yes"), "{proved}");
    assert!(proved.contains("system as said by https://verifier.example"), "{proved}");
    assert!(!claimed.contains("proved") && claimed.contains("only claimed"), "{claimed}");
    assert!(claimed.contains(">no<") || claimed.contains("no</"), "{claimed}");
    assert!(claimed.contains("OutOfDate&lt;script&gt;"), "{claimed}");
    assert!(!test.contains("proved"), "{test}");
    assert!(after.contains("Any machine can say that it is this app."), "{after}");
    assert!(after.contains("They prove nothing."), "{after}");
    assert!(!after.contains("Nobody has shown us a verified quote"), "{after}");
    assert!(!after.contains(tag), "{after}");
}
