//! What a node that is not there, or is none, leads to.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use alloy::primitives::Address;
use devproof_chain::{ChainError, Node};

#[tokio::test]
async fn an_unreachable_node_is_named_without_its_key() {
    // Port 1 is reserved and nobody listens there.
    let error = Node::connect("http://user:pass@127.0.0.1:1/v2/KEY").await.unwrap_err();
    assert!(error.is_passing());
    let text = error.to_string();
    assert!(
        text.starts_with("the node at http://127.0.0.1:1 cannot be reached (Connection refused"),
        "{text}"
    );
    assert!(!text.contains("KEY") && !text.contains("pass"), "{text}");
}

#[tokio::test]
async fn a_word_is_no_url() {
    for url in ["", "localhost:8545", "ftp://127.0.0.1", "/tmp/x"] {
        let error = Node::connect(url).await.unwrap_err();
        assert!(matches!(error, ChainError::BadUrl { .. }), "{url}: {error}");
    }
}

/// As much white space as a whole chain has logs, and then an answer that would do.
async fn endless(axum::Json(question): axum::Json<serde_json::Value>) -> axum::body::Body {
    let result = match question["method"].as_str() {
        Some("eth_chainId") => serde_json::json!("0x7a69"),
        _ => serde_json::json!([]),
    };
    let answer = serde_json::json!({"jsonrpc": "2.0", "id": question["id"], "result": result});
    let spaces = if result.is_array() { 70 } else { 0 };
    let spaces = (0..spaces).map(|_| " ".repeat(1 << 20));
    let pieces = spaces.chain([answer.to_string()]).map(Ok::<_, std::io::Error>);
    axum::body::Body::from_stream(futures::stream::iter(pieces))
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(endless);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let node = Node::connect(&url).await.unwrap();
    // One block: there is nothing smaller to ask for.
    let error = node.logs(&[Default::default()], 5..=5).await.unwrap_err();
    assert!(error.to_string().contains("response too large: more than 67108864 bytes"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_memory_is_taken_because_an_answer_claims_to_be_long() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4611686018427387904\r\n\r\n{}",
            );
        }
    });
    let error = Node::connect(&url).await.unwrap_err();
    assert!(matches!(error, ChainError::Unreachable { .. }), "{error:?}");
}

/// One log of whoever is asked for first, in a transaction that is its own and in a place that is not.
async fn one_each(axum::Json(question): axum::Json<serde_json::Value>) -> String {
    let who = &question["params"][0]["address"];
    let who =
        who.get(0).unwrap_or(who).as_str().unwrap_or_default().trim_start_matches("0x").to_owned();
    let result = match question["method"].as_str() {
        Some("eth_getLogs") => serde_json::json!([{
            "address": format!("0x{who}"), "topics": [], "data": "0x", "blockNumber": "0x5",
            "blockHash": format!("0x{:064x}", 9), "logIndex": format!("0x{}", &who[39..]),
            "transactionHash": format!("0x{who:0>64}"), "transactionIndex": "0x3",
        }]),
        _ => serde_json::json!("0x7a69"),
    };
    serde_json::json!({"jsonrpc": "2.0", "id": question["id"], "result": result}).to_string()
}

#[tokio::test]
async fn what_two_answers_say_cannot_both_be_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(one_each);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let node = Node::connect(&url).await.unwrap();
    let many: Vec<Address> =
        (0..501_u16).map(|n| Address::left_padding_from(&n.to_be_bytes())).collect();
    for few in [&many[..500], &many[500..]] {
        assert_eq!(node.logs(few, 5..=5).await.unwrap().len(), 1);
    }
    let error = node.logs(&many, 5..=5).await.unwrap_err();
    assert!(error.to_string().contains("two transactions for one place in block 5"), "{error}");
}
