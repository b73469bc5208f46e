//! Many questions at a time, to nodes that take batches, take small ones only, take none, or answer them badly.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use alloy::primitives::{Address, Bytes};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use devproof_chain::{ChainError, Node, Options};
use futures::future::join_all;
use serde_json::{Value, json};
use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

const FAST: Options =
    Options { agreement: NonZeroUsize::MIN, retries: 3, pause: Duration::from_millis(1) };
const MANY: u64 = 1_000;

/// What it does with the answers to a batch, the nth one.
type Batches = fn(usize, Vec<Value>) -> Response;

struct Fake {
    batches: Batches,
    /// How many questions were in each request.
    requests: Mutex<Vec<usize>>,
}

async fn fake(batches: Batches) -> (Arc<Fake>, Node) {
    let fake = Arc::new(Fake { batches, requests: Mutex::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(respond)).with_state(Arc::clone(&fake));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let node = Node::connect_any(&[&url], FAST).await.unwrap();
    fake.requests.lock().unwrap().clear();
    (fake, node)
}

async fn respond(State(fake): State<Arc<Fake>>, Json(request): Json<Value>) -> Response {
    let count = request.as_array().map_or(1, Vec::len);
    let nth = {
        let mut requests = fake.requests.lock().unwrap();
        requests.push(count);
        requests.iter().filter(|count| **count > 1).count()
    };
    // As long as the way to a node near by.
    tokio::time::sleep(Duration::from_millis(1)).await;
    match request {
        Value::Array(all) => (fake.batches)(nth, all.iter().map(answer).collect()),
        one => Json(answer(&one)).into_response(),
    }
}

/// The code at an address is the address.
fn answer(asked: &Value) -> Value {
    let result = match asked["method"].as_str().unwrap() {
        "eth_chainId" => json!("0x7"),
        "eth_getCode" => asked["params"][0].clone(),
        method => panic!("{method} was asked"),
    };
    json!({"jsonrpc": "2.0", "id": asked["id"], "result": result})
}

fn whole(answers: Vec<Value>) -> Response {
    Json(answers).into_response()
}

fn error(status: u16, code: i64, message: &str) -> Response {
    let body = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": message}});
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

fn account(number: u64) -> Address {
    Address::left_padding_from(&number.to_be_bytes())
}

/// Asks very much at a time, and makes sure that each question got its own answer. Gives how many questions were in each
/// request.
async fn ask_much((fake, node): &(Arc<Fake>, Node)) -> Vec<usize> {
    let answers = join_all((0..MANY).map(|number| node.code(account(number), 1))).await;
    for (number, answer) in (0..).zip(answers) {
        assert_eq!(answer.unwrap(), Bytes::copy_from_slice(account(number).as_slice()));
    }
    std::mem::take(&mut *fake.requests.lock().unwrap())
}

fn batches(requests: &[usize]) -> Vec<usize> {
    requests.iter().copied().filter(|count| *count > 1).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_questions_go_in_few_requests() {
    let node = fake(|_, answers| whole(answers)).await;
    let requests = ask_much(&node).await;
    assert!(requests.len() <= 20, "{requests:?}");
    assert!(requests.iter().all(|count| *count <= 100), "{requests:?}");
    assert_eq!(requests.iter().sum::<usize>(), 1_000, "each question is asked once");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_one_thing_after_the_other_sends_no_batch() {
    let (fake, node) = fake(|_, answers| whole(answers)).await;
    for number in 0..20 {
        node.code(account(number), 1).await.unwrap();
    }
    assert_eq!(*fake.requests.lock().unwrap(), [1; 20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_may_come_in_any_order() {
    let node = fake(|_, mut answers| {
        answers.reverse();
        whole(answers)
    });
    assert!(ask_much(&node.await).await.len() <= 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_batch_leaves_out_or_answers_twice_is_asked_alone() {
    let node = fake(|_, mut answers| {
        answers.pop();
        let (mut other, last) = (answers[0].clone(), answers.len() - 1);
        other["result"] = json!("0x00");
        answers.insert(last, other);
        whole(answers)
    });
    let requests = ask_much(&node.await).await;
    let alone = requests.iter().filter(|count| **count == 1).count();
    assert!((2..=60).contains(&alone), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_with_the_answer_to_another_question_counts_for_nothing() {
    let node = fake(|_, mut answers| {
        answers[0]["id"] = json!(99_999_999);
        whole(answers)
    });
    ask_much(&node.await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_takes_small_batches_gets_small_ones() {
    let node = fake(|_, answers| match answers.len() {
        0..=10 => whole(answers),
        _ => error(200, -32_600, "batch size too large, at most 10"),
    })
    .await;
    ask_much(&node).await;
    let requests = ask_much(&node).await;
    assert!(requests.iter().all(|count| *count <= 10), "it is remembered: {requests:?}");
    assert!(requests.len() <= 250, "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_takes_no_batches_is_soon_asked_without() {
    let refusals: [Batches; 4] = [
        |_, _| error(200, -32_600, "batch requests are not supported"),
        |_, _| error(400, -32_700, "parse error"),
        |_, _| (StatusCode::METHOD_NOT_ALLOWED, "no").into_response(),
        |_, _| error(413, -32_600, "request entity too large"),
    ];
    for refusal in refusals {
        let node = fake(refusal).await;
        let requests = ask_much(&node).await;
        assert!(batches(&requests).len() <= 9, "{:?}", batches(&requests));
        assert_eq!(ask_much(&node).await, [1; 1_000], "it is remembered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_get_lost_are_tried_again_and_not_for_ever() {
    let node = fake(|_, _| (StatusCode::BAD_GATEWAY, "502 Bad Gateway").into_response()).await;
    let requests = ask_much(&node).await;
    assert!(batches(&requests).len() <= 30, "{:?}", batches(&requests));

    // One that gets lost now and then is none that is refused.
    let node = fake(|nth, answers| match nth % 3 {
        0 => (StatusCode::BAD_GATEWAY, "502 Bad Gateway").into_response(),
        _ => whole(answers),
    })
    .await;
    ask_much(&node).await;
    let requests = ask_much(&node).await;
    assert!(batches(&requests).contains(&100), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_not_answered_with_more_questions() {
    let busy: [Batches; 2] = [
        |nth, answers| if nth > 2 { whole(answers) } else { error(429, 429, "Too Many Requests") },
        |nth, answers| if nth > 2 { whole(answers) } else { error(200, -32_005, "rate limited") },
    ];
    for batches in busy {
        let node = fake(batches).await;
        let requests = ask_much(&node).await;
        let alone = requests.iter().filter(|count| **count == 1).count();
        assert!(alone <= 10, "{requests:?}");
        assert!(requests.contains(&100), "no smaller ones: {requests:?}");
    }
    let node = fake(|_, _| error(429, 429, "Too Many Requests")).await.1;
    let answers = join_all((0..50).map(|number| node.code(account(number), 1))).await;
    assert!(answers.iter().any(|answer| matches!(answer, Err(ChainError::Refused { .. }))));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_waiting_holds_up_nobody() {
    let node = fake(|_, answers| whole(answers)).await;
    for wait in 0..20 {
        let much = join_all((0..MANY).map(|number| node.1.code(account(number), 1)));
        let _ = tokio::time::timeout(Duration::from_micros(wait * 300), much).await;
    }
    let answer = tokio::time::timeout(Duration::from_secs(10), node.1.code(account(5), 1)).await;
    assert!(answer.unwrap().is_ok());
}

#[test]
fn a_node_outlives_the_runtime_of_who_asked_first() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, first, second) = (runtime(), runtime(), runtime());
    let (_, node) = server.block_on(fake(|_, answers| whole(answers)));
    let asking = node.clone();
    first.spawn(async move { join_all((0..MANY).map(|n| asking.code(account(n), 1))).await.len() });
    std::thread::sleep(Duration::from_millis(3));
    first.shutdown_background();
    let asked = async {
        let much = join_all((0..MANY).map(|number| node.code(account(number), 1)));
        tokio::time::timeout(Duration::from_secs(20), much).await
    };
    assert_eq!(second.block_on(asked).unwrap().len(), 1_000);
}
