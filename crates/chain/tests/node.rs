//! What a node that is not there, or is none, leads to.
#![allow(clippy::unwrap_used)]

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
