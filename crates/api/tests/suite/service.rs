//! The service beside the documents: what it tells as it comes, what it takes, how often, and for how long an answer is good.

use crate::world::{APP, LOCAL, OWNER, PUBLIC, STOCK, STRANGER, World, hash};
use axum::{
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, header},
};
use devproof_api::{AppState, Families, RateLimit, documents::Declared, router};
use devproof_contracts::stock::DstackApp;
use devproof_primitives::{Action, ComposeHash, Setting};
use serde_json::{Value, json};
use std::{net::SocketAddr, num::NonZeroU32, time::Duration};
use tokio::time::timeout;
use tower::ServiceExt;

async fn call(world: &World, request: Request<Body>) -> (u16, HeaderMap, Vec<u8>) {
    let reply = router(AppState::new(world.store.clone(), None)).oneshot(request).await.unwrap();
    let (parts, body) = reply.into_parts();
    (parts.status.as_u16(), parts.headers, to_bytes(body, 1 << 22).await.unwrap().to_vec())
}

async fn get(world: &World, path: &str) -> (u16, HeaderMap, Value) {
    let (status, headers, body) =
        call(world, Request::get(path).body(Body::empty()).unwrap()).await;
    (status, headers, serde_json::from_slice(&body).unwrap_or_default())
}

/// One event: kind, id and data.
type Event = (String, Option<String>, Value);

/// Listens until so many events came.
async fn listen(world: &World, query: &str, last: Option<&str>, count: usize) -> Vec<Event> {
    let mut request = Request::get(format!("/v1/chains/{LOCAL}/events{query}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let request = request.body(Body::empty()).unwrap();
    let reply = router(AppState::new(world.store.clone(), None)).oneshot(request).await.unwrap();
    assert_eq!(reply.status(), StatusCode::OK);
    let kind = reply.headers()[header::CONTENT_TYPE].to_str().unwrap();
    assert!(kind.starts_with("text/event-stream"), "{kind}");
    let mut body = reply.into_body().into_data_stream();
    let (mut text, mut events) = (String::new(), Vec::new());
    while events.len() < count {
        let next = futures::StreamExt::next(&mut body);
        let piece = timeout(Duration::from_secs(20), next).await.unwrap();
        text.push_str(std::str::from_utf8(&piece.unwrap().unwrap()).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(name));
                line.map(|value| value.trim_start().to_owned())
            };
            if let Some(kind) = field("event:") {
                let data = serde_json::from_str(&field("data:").unwrap()).unwrap();
                events.push((kind, field("id:"), data));
            }
            text = rest.to_owned();
        }
    }
    events
}

#[tokio::test]
async fn who_listens_is_told_and_goes_on_where_he_was() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.stock_birth(12);
    world.commit(None, 20).await;
    world.tags(Some(20), Some(20)).await;
    // Who comes without a place is told what is new from now on: at first only where he stands.
    let events = listen(&world, "", None, 1).await;
    let (kind, id, data) = &events[0];
    assert_eq!((kind.as_str(), &data["number"]), ("head", &json!(20)));
    let id = id.clone().unwrap();

    world.stock(22, &DstackApp::ComposeHashAdded { composeHash: hash(2) });
    world.extend(23, Action::Set, Setting::AnyDevice, hash(0), OWNER);
    world.commit(Some(world.block(20)), 30).await;
    let events = listen(&world, "", Some(&id), 3).await;
    let told = |n: usize| (events[n].0.as_str(), events[n].2["entry"]["block"]["number"].as_u64());
    assert_eq!((told(0), told(1)), (("change", Some(22)), ("change", Some(23))));
    assert_eq!((events[2].0.as_str(), &events[2].2["number"]), ("head", &json!(30)));
    // Behind the first of the two there is only the second, also by the parameter.
    let first = events[0].1.clone().unwrap();
    for (query, last) in [(String::new(), Some(first.as_str())), (format!("?after={first}"), None)]
    {
        let again = listen(&world, &query, last, 1).await;
        assert_eq!(again[0].2, events[1].2);
    }
    // Only one app.
    let of_app = listen(&world, &format!("?app={APP:#x}"), Some(&id), 1).await;
    assert_eq!(of_app[0].2, events[1].2);

    // A reorg is told, and what stands in its place.
    let last = events[1].1.clone().unwrap();
    world.tags(Some(20), Some(20)).await;
    world.fork(20).await;
    world.stock(22, &DstackApp::ComposeHashAdded { composeHash: hash(3) });
    world.commit(Some(world.block(20)), 31).await;
    let events = listen(&world, "", Some(&last), 3).await;
    assert_eq!((events[0].0.as_str(), &events[0].2), ("told-again", &json!({ "from": 21 })));
    assert_eq!(events[1].2["entry"]["value"], json!(hash(3)));
    assert_eq!(events[2].0, "head");

    // One that was cut or made longer is not taken for none, which would leave out what came meanwhile.
    let long = format!("{last}{}", "0".repeat(300));
    for (query, last) in
        [("?after=5", None), ("", Some("5")), ("", Some(long.as_str())), ("?app=0x12", None)]
    {
        let mut request = Request::get(format!("/v1/chains/{LOCAL}/events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let (status, ..) = call(&world, request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, 400, "{query}");
    }
}

#[tokio::test]
async fn bytes_are_taken_from_anybody_if_they_are_the_right_ones() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    let text = b"{\"manifest_version\": 2}\n";
    let version = ComposeHash::of(text).0;
    world.propose(186, version, None);
    world.commit(None, 200).await;
    let path = format!("/v1/compose-hashes/{version}/app-compose");
    let put = async |path: &str, body: Vec<u8>| {
        let (status, _, body) =
            call(&world, Request::put(path).body(Body::from(body)).unwrap()).await;
        (status, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    let (status, _, problem) = get(&world, &path).await;
    assert_eq!((status, &problem["field"]), (404, &json!("hash")));

    // A copy that means the same is another file.
    let (status, problem) = put(&path, b"{\"manifest_version\":2}".to_vec()).await;
    assert_eq!((status, &problem["type"]), (422, &json!("urn:devproof:problem:other-hash")));
    // What no app announced would only fill the database.
    let unknown = ComposeHash::of(b"else").0;
    let other = format!("/v1/compose-hashes/{unknown}/app-compose");
    let (status, problem) = put(&other, b"else".to_vec()).await;
    assert_eq!((status, &problem["type"]), (404, &json!("urn:devproof:problem:unknown-version")));
    let (status, problem) = put(&path, vec![b' '; (1 << 20) + 1]).await;
    assert_eq!((status, &problem["field"]), (413, &json!("body")));
    assert_eq!(get(&world, &path).await.0, 404);

    assert_eq!(put(&path, text.to_vec()).await.0, 204);
    assert_eq!(put(&path, text.to_vec()).await.0, 204);
    let (status, headers, body) =
        call(&world, Request::get(&path).body(Body::empty()).unwrap()).await;
    assert_eq!((status, body.as_slice()), (200, text.as_slice()));
    assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream");
    assert!(headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));

    // Where only somebody else writes, nothing is taken.
    let reader = devproof_store::Store::open_read_only(&world.path).await.unwrap();
    let service = router(AppState::new(reader, None));
    let request = Request::put(&path).body(Body::from(text.to_vec())).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn only_what_can_never_change_may_be_kept_without_asking() {
    let world = World::whole(PUBLIC).await;
    let app = format!("/v1/chains/{PUBLIC}/apps/{APP:#x}");
    let stock = format!("/v1/chains/{PUBLIC}/apps/{STOCK:#x}");
    let at_60 = world.block(60).hash;
    for (path, forever) in [
        (format!("{app}/at/60"), true),
        (format!("{app}/at/{at_60}"), true),
        // A tag moves, a time may be answered better, a block that is only safe may go.
        (format!("{app}/at/finalized"), false),
        (format!("{app}/at/2026-03-13T12:00:00Z"), false),
        (format!("{app}/at/140?finality=safe"), false),
        // What a node left out of what a contract emitted may come yet.
        (format!("{stock}/at/60"), false),
        (format!("{app}/history"), false),
        ("/v1/chains".to_owned(), false),
    ] {
        let (status, headers, _) = get(&world, &path).await;
        assert_eq!(status, 200, "{path}");
        let cache = headers[header::CACHE_CONTROL].to_str().unwrap();
        assert_eq!(cache.contains("immutable"), forever, "{path}: {cache}");
        assert_eq!(cache == "no-cache", !forever, "{path}: {cache}");
    }
}

#[tokio::test]
async fn a_client_that_asks_too_often_waits_and_others_do_not() {
    let world = World::whole(LOCAL).await;
    let per_second = NonZeroU32::new(2).unwrap();
    let ask = async |service: &axum::Router, peer: [u8; 4], says: &str| {
        let mut request =
            Request::get("/v1/chains").header("x-forwarded-for", says).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 1))));
        let reply = service.clone().oneshot(request).await.unwrap();
        (reply.status().as_u16(), reply.headers().get(header::RETRY_AFTER).cloned())
    };
    let limited = |behind_proxy| {
        let rate = RateLimit { per_second, behind_proxy };
        router(AppState::new(world.store.clone(), None).with_rate_limit(rate))
    };
    let service = limited(false);
    let (me, you) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    let mut refused = 0;
    for n in 0..40 {
        // Who says that he is somebody else is not believed.
        let (status, retry) = ask(&service, me, &format!("198.51.100.{n}")).await;
        if status == 429 {
            refused += 1;
            assert!(retry.is_some());
        }
    }
    assert!(refused > 20, "{refused}");
    assert_eq!(ask(&service, you, "").await.0, 200);
    // Behind a proxy everybody comes from there, and it says who asks.
    let service = limited(true);
    for n in 0..40 {
        assert_eq!(ask(&service, me, &format!("198.51.100.{n}")).await.0, 200);
    }
    let mut refused = 0;
    for _ in 0..40 {
        refused += u32::from(ask(&service, me, "198.51.100.1").await.0 == 429);
    }
    assert!(refused > 20, "{refused}");
}

#[tokio::test]
async fn replies_are_compressed_and_can_be_found_in_the_log() {
    let world = World::whole(LOCAL).await;
    let path = format!("/v1/chains/{LOCAL}/apps/{APP:#x}/history");
    let (_, headers, plain) = call(&world, Request::get(&path).body(Body::empty()).unwrap()).await;
    assert!(headers.get(header::CONTENT_ENCODING).is_none());
    assert_eq!(headers["x-request-id"].len(), 36);
    for encoding in ["br", "gzip"] {
        let request = Request::get(&path).header(header::ACCEPT_ENCODING, encoding);
        let (_, headers, body) = call(&world, request.body(Body::empty()).unwrap()).await;
        assert_eq!(headers[header::CONTENT_ENCODING], encoding);
        assert!(body.len() * 2 < plain.len(), "{} of {}", body.len(), plain.len());
    }
}

/// The same from a service that knows a name.
async fn get_of_product(world: &World, path: &str) -> (u16, HeaderMap, Value) {
    let product = Declared { name: "product".to_owned(), chain_id: LOCAL, apps: vec![APP] };
    let families = Families::new([product]).unwrap();
    let state = AppState::new(world.store.clone(), None).with_families(families);
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (parts, body) = router(state).oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, 1 << 22).await.unwrap();
    (parts.status.as_u16(), parts.headers, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn apps_are_found_by_whatever_is_known_of_them() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    world.propose(186, hash(7), None);
    world.extend(187, Action::Set, Setting::Owner, STRANGER.into_word(), STRANGER);
    world.commit(None, 200).await;
    world.verified(200).await;
    let list = async |query: &str| {
        let (status, _, body) =
            get_of_product(&world, &format!("/v1/chains/{LOCAL}/apps{query}")).await;
        assert_eq!(status, 200, "{query}: {body}");
        let apps = body["apps"].as_array().unwrap().iter();
        let apps: Vec<String> = apps.map(|a| a["app"].as_str().unwrap().to_owned()).collect();
        (apps, body["next"].clone())
    };
    let (app, stock) = (format!("{APP:#x}"), format!("{STOCK:#x}"));
    let both = vec![app.clone(), stock.clone()];
    assert_eq!(list("").await, (both.clone(), Value::Null));
    let (first, next) = list("?limit=1").await;
    assert_eq!((&first, &next), (&vec![app.clone()], &json!(app)));
    assert_eq!(list(&format!("?limit=1&after={app}")).await.0, vec![stock.clone()]);
    for (query, found) in [
        (format!("?id={app}"), vec![app.clone()]),
        (format!("?id={OWNER:#x}"), vec![]),
        // Its owner of before is said in its logs as well.
        (format!("?owner={OWNER:#x}"), vec![stock.clone()]),
        (format!("?owner={STRANGER:#x}"), vec![app.clone()]),
        (format!("?owner={stock}"), vec![]),
        // Announced, allowed by both or one, not any more.
        (format!("?composeHash={}", hash(7)), vec![app.clone()]),
        (format!("?composeHash={}", hash(2)), both.clone()),
        (format!("?composeHash={}", hash(3)), vec![]),
        // What people call it: a part of it, but only what is declared.
        ("?name=ROD".to_owned(), vec![app.clone()]),
        ("?name=rod&kind=dstack_app".to_owned(), vec![]),
        ("?name=rival".to_owned(), vec![]),
        ("?family=product".to_owned(), vec![app.clone()]),
        ("?kind=app_auth".to_owned(), vec![app.clone()]),
        ("?kind=dstack_app".to_owned(), vec![]),
        // Its code was replaced by something that nobody looked at.
        ("?kind=unknown".to_owned(), vec![stock.clone()]),
        ("?pending=true".to_owned(), vec![app.clone()]),
        (format!("?pending=true&owner={STRANGER:#x}"), vec![app.clone()]),
        (format!("?pending=true&owner={OWNER:#x}"), vec![]),
        ("?pending=false".to_owned(), both),
    ] {
        assert_eq!(list(&query).await.0, found, "{query}");
    }
    let (status, _, body) =
        get_of_product(&world, &format!("/v1/chains/{LOCAL}/apps?family=prod")).await;
    assert_eq!((status, &body["field"]), (404, &json!("family")), "{body}");
    for query in ["?kind=dstack", "?pending=yes", "?owner=0x1", "?composeHash=1", "?own=1"] {
        let (status, _, body) =
            get_of_product(&world, &format!("/v1/chains/{LOCAL}/apps{query}")).await;
        assert_eq!((status, body["example"].is_string()), (400, true), "{query}");
    }
    let (status, _, one) = get(&world, &format!("/v1/chains/{LOCAL}/apps/{app}")).await;
    assert_eq!((status, &one["noticePeriodSeconds"]), (200, &json!(604_800)));
    assert_eq!(
        (&one["proposals"][1]["state"], &one["authorisedCount"]),
        (&json!("pending"), &json!(2))
    );
}
