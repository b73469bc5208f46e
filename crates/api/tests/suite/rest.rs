//! The service: paths, status codes, problem bodies, tags.

use crate::{
    at_block::Fake,
    world::{APP, LOCAL, PUBLIC, STOCK, World, block, hash},
};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use devproof_api::{
    AppState, DeletionsOf, Families, Finality, Headers, Operations, Part, Surface, When, allowed,
    allowed_for, as_of, at, deletions, diff, documents::Declared, family, history, router,
};
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;

async fn call(world: &World, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
    let node: Arc<dyn Headers> = Arc::new(Fake);
    let reply = router(AppState::new(world.store.clone(), [node])).oneshot(request).await.unwrap();
    let (parts, body) = reply.into_parts();
    (parts.status, parts.headers, to_bytes(body, 1 << 20).await.unwrap().to_vec())
}

async fn get(world: &World, path: &str) -> (u16, String, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (status, headers, body) = call(world, request).await;
    let kind = headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    (status.as_u16(), kind, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn the_documents_are_those_of_the_library() {
    let world = World::whole(LOCAL).await;
    let (status, kind, body) = get(&world, &format!("/v1/chains/{LOCAL}/apps/{APP}/at/48")).await;
    assert_eq!((status, kind.as_str()), (200, "application/json"));
    let when = When::Block(48);
    let ours = at(&world.store, None, LOCAL, APP, when, Finality::Unsafe).await.unwrap();
    assert_eq!(body, serde_json::to_value(ours).unwrap());

    let (status, _, body) = get(&world, &format!("/v1/chains/{LOCAL}/apps/{APP}/history")).await;
    assert_eq!((status, body["entries"].as_array().unwrap().len()), (200, 11));
    let path = format!("/v1/chains/{LOCAL}/apps/{APP:#x}/at/2026-03-13T12:00:00Z");
    let (status, _, body) = get(&world, &path).await;
    assert_eq!((status, body["block"]["number"].as_u64()), (200, Some(48)));
    let (status, _, body) = get(&world, &format!("/v1/chains/{LOCAL}/apps/{APP}/at/47")).await;
    assert_eq!(
        (status, body["block"]["number"].as_u64()),
        (200, Some(47)),
        "its header from the node"
    );
    let path = format!("/v1/chains/{LOCAL}/apps/{APP:#x}/at/48/as-of/2100-01-01T00:00:00Z");
    let (status, _, body) = get(&world, &path).await;
    let recorded = "2100-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second() as u64;
    let ours = as_of(&world.store, LOCAL, APP, when, recorded).await.unwrap();
    assert_eq!((status, body), (200, value(&ours)));
    let (status, _, body) = get(&world, &format!("{path}?finality=safe")).await;
    assert_eq!((status, body["detail"].as_str()), (400, Some("This path takes no parameters.")));
    let (status, _, body) = get(&world, "/v1/chains").await;
    assert_eq!((status, body["chains"][0]["chainId"].as_u64()), (200, Some(LOCAL)));
}

fn value(document: &impl serde::Serialize) -> Value {
    serde_json::to_value(document).unwrap()
}

#[tokio::test]
async fn so_are_those_about_more_than_one_block() {
    let world = World::whole(LOCAL).await;
    let (store, finality) = (&world.store, Finality::Unsafe);
    let hash = hash(1);
    let app = format!("/v1/chains/{LOCAL}/apps/{APP}");
    let all = allowed(store, LOCAL, hash, Part::default(), finality, Surface::Rest).await.unwrap();
    let one = allowed_for(store, LOCAL, hash, APP, finality).await.unwrap();
    let part = Part { limit: 2, after: None };
    let first = history(store, LOCAL, APP, part, finality).await.unwrap();
    let after = Some(first.next.as_ref().unwrap().parse().unwrap());
    let part = Part { limit: 3, after };
    let second = history(store, LOCAL, APP, part, finality).await.unwrap();
    let span = (When::Block(20), When::Time(block(60).timestamp));
    let changes = diff(store, Some(&Fake), LOCAL, APP, span, finality).await.unwrap();
    let ends = (Some(span.0), Some(span.1));
    let gone = async |of| {
        let part = Part::default();
        deletions(store, Some(&Fake), LOCAL, of, ends, part, finality).await.unwrap()
    };
    let of_app = gone(DeletionsOf::App(APP)).await;
    let of_commitment = gone(DeletionsOf::Commitment(hash)).await;
    let next = first.next.clone().unwrap();
    for (path, document) in [
        (format!("/v1/chains/{LOCAL}/compose-hashes/{hash}"), value(&all)),
        (format!("/v1/chains/{LOCAL}/compose-hashes/{hash}?app={APP}"), value(&one)),
        (format!("{app}/history?limit=2"), value(&first)),
        (format!("{app}/history?limit=3&after={next}"), value(&second)),
        (format!("{app}/diff?from=20&to=2026-03-16T12:00:00Z"), value(&changes)),
        (format!("{app}/deletions?from=20&to=2026-03-16T12:00:00Z"), value(&of_app)),
        (
            format!("/v1/chains/{LOCAL}/deletions/{hash}?from=20&to=2026-03-16T12:00:00Z"),
            value(&of_commitment),
        ),
    ] {
        let (status, _, body) = get(&world, &path).await;
        assert_eq!((status, &body), (200, &document), "{path}");
    }
}

#[tokio::test]
async fn families_are_served_as_they_were_declared() {
    let world = World::whole(LOCAL).await;
    let (name, apps) = ("product".to_owned(), vec![APP, STOCK]);
    let declared = Declared { name, chain_id: LOCAL, apps };
    let families = Families::new([declared]).unwrap();
    let state = AppState::new(world.store.clone(), None).with_families(families.clone());
    let service = router(state);
    let ask = async |path: &str| -> Value {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (parts, body) = service.clone().oneshot(request).await.unwrap().into_parts();
        assert_eq!(parts.status, StatusCode::OK);
        serde_json::from_slice(&to_bytes(body, 1 << 20).await.unwrap()).unwrap()
    };
    let all = ask("/v1/families").await;
    assert_eq!(all["families"][0]["name"], "product");
    let ours = family(&world.store, &families, "product", None, Surface::Rest).await.unwrap();
    assert_eq!(ask("/v1/families/product").await, serde_json::to_value(&ours).unwrap());
    assert_eq!(ask("/v1/families/product?finality=safe").await["block"]["finality"], "safe");
}

#[tokio::test]
async fn every_error_is_a_problem_that_says_what_to_do() {
    let local = World::whole(LOCAL).await;
    let app = format!("/v1/chains/{LOCAL}/apps/{APP}");
    for (path, status, kind, detail) in [
        (
            format!("{app}/at/latest"),
            400,
            "malformed",
            "Ask for a block by number such as 1234, by hash, or by tag (finalized, safe, unsafe), or for a time such as 2026-03-01T12:00:00Z, not \"latest\".",
        ),
        (
            format!("{app}/at/99999999999999999999"),
            400,
            "malformed",
            "Ask for a block by number such as 1234, by hash, or by tag (finalized, safe, unsafe), or for a time such as 2026-03-01T12:00:00Z, not \
             \"99999999999999999999\".",
        ),
        (
            format!("/v1/chains/{LOCAL}/apps/0x12/at/1"),
            400,
            "malformed",
            "An app id looks like 0x52908400098527886e0f7030069857d2e4169ee7, not \"0x12\".",
        ),
        (
            format!("/v1/chains/base/apps/{APP}/at/1"),
            400,
            "malformed",
            "A chain id is a decimal number such as 8453, not \"base\".",
        ),
        (
            format!("{app}/at/48?finality=final"),
            400,
            "malformed",
            "A finality is unsafe, safe or finalized, not \"final\".",
        ),
        (
            format!("{app}/at/48?finalty=safe"),
            400,
            "malformed",
            "The only parameter is finality, as in ?finality=safe, each given once.",
        ),
        (
            format!("/v1/chains/1/apps/{APP}/at/1"),
            404,
            "unknown-chain",
            "Chain 1 is not in this index, which holds chain 31337; GET /v1/chains lists them.",
        ),
        (
            format!("/v1/chains/{LOCAL}/apps/0x00000000000000000000000000000000000000ff/history"),
            404,
            "unknown-app",
            "App 0x00000000000000000000000000000000000000ff is not in this index of chain 31337; check \
             the id and the chain.",
        ),
        (
            format!("{app}/at/201"),
            409,
            "beyond-index",
            "Block 201 is not in the index yet, which ends at block 200 (2026-04-20T12:00:00Z); ask for \
             an earlier one, or again later.",
        ),
        (
            format!("{app}/at/170?finality=safe"),
            409,
            "not-final",
            "Block 170 is unsafe, not safe, by the node's tags when it was last asked; wait, or take \
             what may still change with ?finality=unsafe.",
        ),
        (
            "/v2".to_owned(),
            404,
            "no-such-path",
            "The paths are listed under /docs, and for machines in /v1/openapi.json; /v1/chains is one of them.",
        ),
        (
            format!("{app}/history?limit=0"),
            400,
            "malformed",
            "A limit is a number from 1 to 1000, not \"0\".",
        ),
        (
            format!("{app}/history?after=7"),
            400,
            "malformed",
            "A page begins behind the `next` of the page before it, as it was given, not \"7\".",
        ),
        (
            format!("{app}/diff?from=5"),
            400,
            "malformed",
            "Name both ends of the span, as in ?from=1234&to=2026-03-01T12:00:00Z.",
        ),
        (
            format!("{app}/diff?from=60&to=20"),
            400,
            "malformed",
            "The span ends at block 20, before it begins at block 60; exchange the two.",
        ),
        (
            format!("{app}/deletions?form=5"),
            400,
            "malformed",
            "The parameters are from, to, finality, limit and after, as in ?from=2026-03-01T12:00:00Z&limit=100, each given \
             once.",
        ),
        (
            format!("/v1/chains/{LOCAL}/deletions/0x12"),
            400,
            "malformed",
            "A commitment is the userIdHash of a deletion, 0x and 64 hexadecimal digits, not \"0x12\".",
        ),
        (
            format!("/v1/chains/{LOCAL}/compose-hashes/0x12"),
            400,
            "malformed",
            "A compose hash is 64 hexadecimal digits, as `sha256sum app-compose.json` prints them, not \"0x12\".",
        ),
        (
            "/v1/families/nobody".to_owned(),
            404,
            "unknown-family",
            "No family is called \"nobody\"; this index knows none; GET /v1/families lists them.",
        ),
    ] {
        let (got, content, body) = get(&local, &path).await;
        assert_eq!((got, content.as_str()), (status, "application/problem+json"), "{path}");
        assert_eq!(body["type"], format!("urn:devproof:problem:{kind}"), "{path}");
        assert_eq!(body["detail"], detail, "{path}");
        assert_eq!(body["status"], status, "{path}");
        assert!(body["title"].is_string(), "{path}");
        // Whoever is wrong is told where, and what would be right there.
        if (400..500).contains(&status) {
            assert!(body["field"].is_string() && body["example"].is_string(), "{path}: {body}");
        }
    }
}

#[tokio::test]
async fn public_chains_answer_what_is_finalized_unless_asked_otherwise() {
    let world = World::whole(PUBLIC).await;
    let path = format!("/v1/chains/{PUBLIC}/apps/{APP}/at/140");
    assert_eq!(get(&world, &path).await.0, 409);
    assert_eq!(get(&world, &format!("{path}?finality=safe")).await.0, 200);
    assert_eq!(get(&world, &format!("{path}?finality=unsafe")).await.0, 200);
    let history = get(&world, &format!("/v1/chains/{PUBLIC}/apps/{APP}/history")).await.2;
    assert_eq!(history["block"]["finality"], "finalized");
}

#[tokio::test]
async fn an_index_that_contradicts_itself_is_unavailable() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    world.logs.retain(|log| log.block.number != 20);
    world.commit(None, 200).await;
    let (status, _, body) = get(&world, &format!("/v1/chains/{LOCAL}/apps/{APP}/at/200")).await;
    assert_eq!((status, body["type"].as_str()), (503, Some("urn:devproof:problem:index-unusable")));
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.starts_with("The index contradicts the contract's own history (the history does not add up at block 48"), "{detail}");
}

#[tokio::test]
async fn what_is_wrong_inside_is_not_told() {
    let world = World::whole(LOCAL).await;
    world.store.close().await;
    let (status, _, body) = get(&world, "/v1/chains").await;
    assert_eq!(status, 503);
    assert_eq!(body["detail"], "The index could not be read; try again later.");
}

#[tokio::test]
async fn a_process_that_cannot_read_its_index_lives_and_is_not_ready() {
    let world = World::whole(LOCAL).await;
    let poll = std::time::Duration::from_secs(5);
    let of = Operations::new(world.store.clone(), poll, [], Default::default());
    let service = router(AppState::new(world.store.clone(), None).with_operations(of));
    let ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (parts, body) = service.clone().oneshot(request).await.unwrap().into_parts();
        (parts.status.as_u16(), to_bytes(body, 1 << 20).await.unwrap().to_vec())
    };
    let (status, body) = ask("/readyz").await;
    let ready: Value = serde_json::from_slice(&body).unwrap();
    // Nobody has looked at that chain since the spring.
    assert_eq!((status, &ready["chains"][0]["reason"]), (503, &"not_indexed".into()), "{ready}");
    assert_eq!(ready["chains"][0]["blockTimeMs"], 21_600_000);
    world.store.close().await;
    assert_eq!(ask("/healthz").await, (200, b"ok\n".to_vec()));
    let (status, body) = ask("/readyz").await;
    let ready: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &ready["reason"]), (503, &"the database does not answer".into()));
    // Without a database there is still something to count.
    assert_eq!(ask("/metrics").await.0, 200);
}

#[tokio::test]
async fn a_tag_saves_a_document_that_has_not_changed() {
    let world = World::whole(LOCAL).await;
    let path = format!("/v1/chains/{LOCAL}/apps/{APP}/at/48");
    let (status, headers, body) =
        call(&world, Request::get(&path).body(Body::empty()).unwrap()).await;
    assert_eq!((status, body.is_empty()), (StatusCode::OK, false));
    let tag = headers[header::ETAG].to_str().unwrap().to_owned();
    let opaque = tag.strip_prefix("W/").unwrap().to_owned();
    assert!(opaque.starts_with('"') && opaque.len() == 34, "{tag}");
    for (given, status) in [
        (tag.clone(), StatusCode::NOT_MODIFIED),
        (opaque, StatusCode::NOT_MODIFIED),
        (format!("\"x\", {tag}"), StatusCode::NOT_MODIFIED),
        ("*".to_owned(), StatusCode::NOT_MODIFIED),
        ("\"x\"".to_owned(), StatusCode::OK),
    ] {
        let request = Request::get(&path).header(header::IF_NONE_MATCH, &given);
        let (got, headers, body) = call(&world, request.body(Body::empty()).unwrap()).await;
        assert_eq!((got, body.is_empty()), (status, status != StatusCode::OK), "{given}");
        assert_eq!(headers[header::ETAG].to_str().unwrap(), tag);
    }
    // Another state is another document.
    world.tags(Some(150), Some(101)).await;
    world.tags(Some(200), Some(200)).await;
    let request = Request::get(&path).header(header::IF_NONE_MATCH, &tag);
    assert_eq!(call(&world, request.body(Body::empty()).unwrap()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn any_page_may_read_and_nobody_may_write() {
    let world = World::whole(LOCAL).await;
    let request = Request::get("/v1/chains").header(header::ORIGIN, "https://example.org");
    let (_, headers, _) = call(&world, request.body(Body::empty()).unwrap()).await;
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let request = Request::builder().method(Method::POST).uri("/v1/chains");
    let (status, _, body) = call(&world, request.body(Body::empty()).unwrap()).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status.as_u16(), body["detail"].as_str()),
        (405, Some("Nearly everything here is only read: use GET. /docs says what is not."))
    );
}
