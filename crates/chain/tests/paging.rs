//! Pages of logs from nodes that refuse, lag, die and leave things out: a scripted node over real HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloy::primitives::{Address, B256, address};
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use devproof_chain::{ChainError, Node, Options};
use serde_json::{Value, json};
use std::{
    num::NonZeroUsize,
    ops::RangeInclusive,
    sync::{Arc, Mutex},
    time::Duration,
};

const APP: Address = address!("00000000000000000000000000000000000000aa");
const FAST: Options =
    Options { agreement: NonZeroUsize::MIN, retries: 3, pause: Duration::from_millis(1) };

/// What it says to a question for logs of a range that holds so many, the nth of that kind; `None`: the logs.
type Rule = dyn Fn(usize, RangeInclusive<u64>, usize) -> Option<(u16, i64, String)> + Send + Sync;

struct Fake {
    chain: u64,
    /// The blocks with a log.
    logs: Vec<u64>,
    rule: Box<Rule>,
    /// Whether it gives receipts.
    receipts: bool,
    asked: Mutex<Vec<(u64, u64)>>,
}

impl Fake {
    async fn start(
        logs: impl IntoIterator<Item = u64>,
        rule: impl Fn(usize, RangeInclusive<u64>, usize) -> Option<(u16, i64, String)>
        + Send
        + Sync
        + 'static,
    ) -> (Arc<Self>, String) {
        let logs = logs.into_iter().collect();
        Self::serve(Self {
            chain: 7,
            logs,
            rule: Box::new(rule),
            receipts: false,
            asked: Mutex::default(),
        })
        .await
    }

    async fn serve(fake: Self) -> (Arc<Self>, String) {
        let fake = Arc::new(fake);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(answer)).with_state(Arc::clone(&fake));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (fake, url)
    }

    fn asked(&self) -> Vec<(u64, u64)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

async fn answer(
    State(fake): State<Arc<Fake>>,
    Json(request): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let id = &request["id"];
    let number = |text: &Value| u64::from_str_radix(&text.as_str().unwrap()[2..], 16).unwrap();
    match request["method"].as_str().unwrap() {
        "eth_chainId" => {
            let chain = format!("{:#x}", fake.chain);
            (StatusCode::OK, Json(json!({"jsonrpc": "2.0", "id": id, "result": chain})))
        }
        "eth_getLogs" => {
            let filter = &request["params"][0];
            let (from, to) = (number(&filter["fromBlock"]), number(&filter["toBlock"]));
            let contracts = filter["address"].as_array().cloned().unwrap_or_default();
            assert!(contracts.len() <= 500, "{} contracts in one question", contracts.len());
            let is_asked = contracts.contains(&json!(APP)) || filter["address"] == json!(APP);
            let found: Vec<u64> = (fake.logs.iter().copied())
                .filter(|block| is_asked && (from..=to).contains(block))
                .collect();
            let nth = {
                let mut asked = fake.asked.lock().unwrap();
                asked.push((from, to));
                asked.len() - 1
            };
            if let Some((status, code, message)) = (fake.rule)(nth, from..=to, found.len()) {
                let error = json!({"code": code, "message": message});
                let body = json!({"jsonrpc": "2.0", "id": id, "error": error});
                return (StatusCode::from_u16(status).unwrap(), Json(body));
            }
            let logs: Vec<Value> = found.iter().map(|block| log(*block)).collect();
            (StatusCode::OK, Json(json!({"jsonrpc": "2.0", "id": id, "result": logs})))
        }
        "eth_getBlockReceipts" if fake.receipts => {
            let block = number(&request["params"][0]);
            let mut other = log(block);
            other["address"] = json!(Address::with_last_byte(0xbb));
            other["logIndex"] = json!("0x1");
            let receipt = json!({
                // Of a type that nobody knows.
                "type": "0x6a", "status": "0x1", "cumulativeGasUsed": "0x5208",
                "logsBloom": format!("0x{}", "00".repeat(256)), "logs": [log(block), other],
            });
            (StatusCode::OK, Json(json!({"jsonrpc": "2.0", "id": id, "result": [receipt]})))
        }
        method => panic!("{method} was asked"),
    }
}

fn log(block: u64) -> Value {
    json!({
        "address": APP, "topics": [B256::with_last_byte(1)], "data": "0x",
        "blockNumber": format!("{block:#x}"), "blockHash": B256::from(alloy::primitives::U256::from(block)),
        "transactionHash": B256::with_last_byte(2), "transactionIndex": "0x0", "logIndex": "0x0",
        "removed": false,
    })
}

async fn node(url: &str) -> Node {
    Node::connect_any(&[url], FAST).await.unwrap()
}

async fn blocks(node: &Node, range: RangeInclusive<u64>) -> Vec<u64> {
    node.logs(&[APP], range).await.unwrap().iter().map(|log| log.block_number).collect()
}

fn width(range: &RangeInclusive<u64>) -> u64 {
    range.end() - range.start() + 1
}

#[tokio::test]
async fn a_limit_on_blocks_is_met_and_remembered() {
    for hint in ["query exceeds max block range 1000", "block range is too wide"] {
        let (fake, url) = Fake::start((0..10_000).step_by(7), move |_, range, _| {
            (width(&range) > 1_000).then(|| (200, -32602, hint.to_owned()))
        })
        .await;
        let node = node(&url).await;
        let expected: Vec<u64> = (0..10_000).step_by(7).collect();
        assert_eq!(blocks(&node, 0..=9_999).await, expected);
        let refused = fake.asked().iter().filter(|(from, to)| to - from >= 1_000).count();
        assert!(refused <= if hint.contains("1000") { 1 } else { 4 }, "{refused} wasted calls");
        // The second time it knows.
        assert_eq!(blocks(&node, 0..=9_999).await, expected);
        assert!(fake.asked().iter().all(|(from, to)| to - from < 1_000));
    }
}

#[tokio::test]
async fn a_limit_on_logs_is_met_with_and_without_a_good_hint() {
    type Hint = fn(&RangeInclusive<u64>) -> String;
    let hints: [Hint; 3] = [
        |_| "query returned more than 100 results".to_owned(),
        |range| {
            let end = range.start() + 99;
            format!("query exceeds max results 100, retry with the range {}-{end}", range.start())
        },
        // The very range that it refuses, again and again.
        |range| {
            let (from, to) = (range.start(), range.end());
            format!(
                "Log response size exceeded. this block range should work: [{from:#x}, {to:#x}]"
            )
        },
    ];
    for hint in hints {
        let (fake, url) = Fake::start(0..5_000, move |_, range, found| {
            (found > 100).then(|| (200, -32005, hint(&range)))
        })
        .await;
        let node = node(&url).await;
        assert_eq!(blocks(&node, 0..=4_999).await, (0..5_000).collect::<Vec<_>>());
        let asked = fake.asked().len();
        assert!(asked <= 160, "{asked} calls for 50 pages");
    }
}

#[tokio::test]
async fn a_single_block_that_is_too_much_is_an_error() {
    let (_, url) =
        Fake::start([5], |_, _, found| (found > 0).then(|| (200, -32005, "too many logs".into())))
            .await;
    let error = node(&url).await.logs(&[APP], 0..=9).await.unwrap_err();
    assert!(matches!(error, ChainError::Refused { .. }) && !error.is_passing(), "{error}");
}

#[tokio::test]
async fn a_contract_that_floods_a_block_keeps_no_other_from_being_read() {
    let rule = |_, range: RangeInclusive<u64>, _: usize| {
        range.contains(&5).then(|| (200, -32005, "query returned more than 10000 results".into()))
    };
    let fake = Fake {
        chain: 7,
        logs: vec![3, 5, 8],
        rule: Box::new(rule),
        receipts: true,
        asked: Mutex::default(),
    };
    let (_, url) = Fake::serve(fake).await;
    assert_eq!(blocks(&node(&url).await, 0..=9).await, [3, 5, 8]);
}

#[tokio::test]
async fn many_contracts_are_asked_for_in_pieces() {
    let (fake, url) = Fake::start([3, 5], |_, _, _| None).await;
    let mut contracts: Vec<Address> = (0..1_200)
        .map(|n| Address::from_word(B256::from(alloy::primitives::U256::from(n + 1_000_000))))
        .collect();
    contracts[700] = APP;
    let logs = node(&url).await.logs(&contracts, 0..=9).await.unwrap();
    assert_eq!(logs.iter().map(|log| log.block_number).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(fake.asked().len(), 3);
}

#[tokio::test]
async fn a_quota_is_waited_out_and_never_asked_for_less() {
    let (fake, url) = Fake::start([3], |nth, _, _| {
        (nth < 3)
            .then(|| (429, -32005, "daily request count exceeded, request rate limited".into()))
    })
    .await;
    assert_eq!(blocks(&node(&url).await, 0..=99).await, [3]);
    assert_eq!(fake.asked(), [(0, 99); 4]);
}

#[tokio::test]
async fn a_quota_that_stays_is_told_with_what_to_do() {
    let (fake, url) =
        Fake::start([3], |_, _, _| Some((200, -32016, "over rate limit".to_owned()))).await;
    let error = node(&url).await.logs(&[APP], 0..=99).await.unwrap_err();
    assert!(error.is_passing());
    assert_eq!(
        error.to_string(),
        "the node refused eth_getLogs: over rate limit; it was asked too often: wait, or name another node"
    );
    assert_eq!(fake.asked(), [(0, 99); 4]);
}

#[tokio::test]
async fn a_range_that_takes_too_long_is_halved_after_a_second_chance() {
    let (fake, url) = Fake::start(0..100, |_, range, _| {
        (width(&range) > 30).then(|| (504, 0, "query timeout exceeded".to_owned()))
    })
    .await;
    assert_eq!(blocks(&node(&url).await, 0..=99).await, (0..100).collect::<Vec<_>>());
    assert_eq!(fake.asked()[..5], [(0, 99), (0, 99), (0, 99), (0, 99), (0, 49)]);
}

#[tokio::test]
async fn the_next_node_answers_where_one_is_dead_or_worn_out() {
    let (tired, url) = Fake::start([], |_, _, _| Some((503, -32011, "no backend".into()))).await;
    let (fresh, other) = Fake::start([8], |_, _, _| None).await;
    let node = Node::connect_any(&["http://127.0.0.1:1", &url, &other], FAST).await.unwrap();
    assert_eq!(blocks(&node, 0..=9).await, [8]);
    assert_eq!((tired.asked().len(), fresh.asked().len()), (1, 1));
    // It stays with the one that answers.
    assert_eq!(blocks(&node, 0..=9).await, [8]);
    assert_eq!((tired.asked().len(), fresh.asked().len()), (0, 1));
}

#[tokio::test]
async fn a_node_of_another_chain_never_answers() {
    let (_, tired) = Fake::start([], |_, _, _| Some((503, -32011, "no backend".into()))).await;
    let rule: Box<Rule> = Box::new(|_, _, _| None);
    let foreign = Fake { chain: 8, logs: vec![1], rule, receipts: false, asked: Mutex::default() };
    let (foreign, other) = Fake::serve(foreign).await;
    let node = Node::connect_any(&[&tired, &other], FAST).await.unwrap();
    let error = node.logs(&[APP], 0..=9).await.unwrap_err();
    assert!(matches!(error, ChainError::OtherChain { expected: 7, serves: 8, .. }), "{error}");
    assert_eq!(foreign.asked(), []);
}

#[tokio::test]
async fn nodes_have_to_agree_where_several_must() {
    let (_, honest) = Fake::start([1, 5], |_, _, _| None).await;
    let (_, omits) = Fake::start([1], |_, _, _| None).await;
    let (_, narrow) = Fake::start([1, 5], |_, range, _| {
        (width(&range) > 2).then(|| (200, 0, "block range too wide".to_owned()))
    })
    .await;
    let two = Options { agreement: NonZeroUsize::new(2).unwrap(), ..FAST };
    // The one that omits is asked first, or second: two of three agree only with the honest ones.
    let node = Node::connect_any(&[&honest, &omits, &narrow], two).await.unwrap();
    assert_eq!(blocks(&node, 0..=9).await, [1, 5]);
    for urls in [[&honest, &omits], [&omits, &honest]] {
        let node = Node::connect_any(&urls.map(String::as_str), two).await.unwrap();
        let error = node.logs(&[APP], 0..=9).await.unwrap_err();
        assert!(
            matches!(error, ChainError::Disagreement { from: 0, to: 9, asked: 2, needed: 2 }),
            "{error}"
        );
        assert!(error.is_passing());
    }
}

#[tokio::test]
async fn the_answer_to_another_question_is_none() {
    let wrong = |id: Value| async move {
        let body = json!({"jsonrpc": "2.0", "id": id, "result": "0x7"});
        let url = raw(body.to_string()).await;
        Node::connect_any(&[&url], FAST).await.map(|node| node.chain_id())
    };
    assert_eq!(wrong(json!(0)).await.unwrap(), 7);
    for id in [json!(1), json!("0"), Value::Null] {
        let error = wrong(id).await.unwrap_err();
        assert!(matches!(error, ChainError::Unreachable { .. }), "{error}");
        assert!(error.is_passing());
    }
    // Who could not read a question does not know its id.
    let error = json!({"code": -32700, "message": "unauthorized"});
    let url = raw(json!({"jsonrpc": "2.0", "id": null, "error": error}).to_string()).await;
    let error = Node::connect(&url).await.unwrap_err();
    assert!(matches!(error, ChainError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_ends_in_the_middle_is_asked_for_again() {
    let whole = json!({"jsonrpc": "2.0", "id": 0, "result": "0x7"}).to_string();
    for end in 0..whole.len() {
        let url = raw(whole[..end].to_owned()).await;
        let error = Node::connect(&url).await.unwrap_err();
        assert!(error.is_passing(), "{:?}: {error}", &whole[..end]);
    }
    let url = raw("<html>".to_owned()).await;
    assert!(!Node::connect(&url).await.unwrap_err().is_passing());
}

/// A node that says the same whatever it is asked.
async fn raw(answer: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(async move || answer.clone()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
