//! After which block, and from when to when.

use super::*;

/// The chain is asked at the block, not at its end.
#[tokio::test]
async fn at_the_block_that_was_named() {
    let mut case = Case::stock().await;
    let allowed = case.head().await;
    case.remove().await;
    let removed = case.head().await;
    case.bench.anvil.mine(3).await.unwrap();
    case.add().await;
    for (block, expected) in
        [(allowed, Pass), (removed, Fail), (removed + 1, Fail), (case.head().await, Pass)]
    {
        case.block = Which::Number(block);
        let verdict = case.verdict().await;
        let row = verdict.check(Id::IsAppAllowed).unwrap();
        assert_eq!((row.result, &row.details["block"]["number"]), (expected, &block.into()));
    }
    // Finality is the node's, by its own tags: here one block for safe, two for finalized.
    for (which, finality) in
        [(Which::Latest, "unsafe"), (Which::Safe, "safe"), (Which::Finalized, "finalized")]
    {
        case.block = which;
        let row = case.verdict().await.check(Id::IsAppAllowed).unwrap().clone();
        assert_eq!(row.details["finality"], finality);
    }
    case.block = Which::Number(10_000);
    assert_eq!(case.rows().await, [Inconclusive; 3]);
}

/// The quote lies somewhere between the challenge's block and now, and what runs was not allowed all that time.
#[tokio::test]
async fn removed_in_between() {
    let mut case = Case::stock().await;
    let from = case.challenge().await;
    case.bench.anvil.mine(2).await.unwrap();
    assert_eq!(case.rows().await, [Pass; 3]);
    let verdict = case.verdict().await;
    assert_eq!(result(&verdict, Id::Freshness), Pass);
    let row = verdict.check(Id::IsAppAllowed).unwrap();
    assert!(row.how.contains("all the time from") && row.how.contains(&format!("block {from} ")));
    case.remove().await;
    let removed = case.head().await;
    // Somebody else's app is no news.
    case.bench.deploy_stock_app(version(9)).await.unwrap();
    case.bench.anvil.mine(1).await.unwrap();
    case.add().await;
    case.bench.anvil.mine(2).await.unwrap();
    let verdict = case.verdict().await;
    let row = verdict.check(Id::IsAppAllowed).unwrap();
    assert_eq!((row.result, row.details["said"].as_array().unwrap().len()), (Inconclusive, 4));
    let warning = concern(&verdict, Concern::NotAllowedThroughout).unwrap();
    assert!(warning.contains(&format!("block {removed} ")), "{warning}");
    // An image that the KMS took away and brought back is such a gap as well.
    case.challenge().await;
    let image = case.os_image;
    let operator = &case.bench.operator;
    operator
        .send(case.kms, &DstackKms::removeOsImageHashCall { osImageHash: image })
        .await
        .unwrap();
    operator.send(case.kms, &DstackKms::addOsImageHashCall { osImageHash: image }).await.unwrap();
    case.bench.anvil.mine(1).await.unwrap();
    assert_eq!(case.rows().await, [Pass, Pass, Inconclusive]);
}

/// "Was allowed when it could boot, is no longer" is a finding of its own.
#[tokio::test]
async fn no_longer_allowed() {
    let mut case = Case::stock().await;
    case.challenge().await;
    case.remove().await;
    case.bench.anvil.mine(1).await.unwrap();
    let verdict = case.verdict().await;
    let row = verdict.check(Id::IsAppAllowed).unwrap();
    assert_eq!(row.result, Fail);
    assert!(row.how.starts_with("was allowed when it could boot, and is no longer"), "{}", row.how);
    assert!(concern(&verdict, Concern::NoLongerAllowed).unwrap().contains("goes on running"));
    assert_eq!(verdict.overall, Fail);
}

#[tokio::test]
async fn a_block_that_was_reorganised_away() {
    let mut case = Case::stock().await;
    case.bench.anvil.mine(3).await.unwrap();
    let gone = case.bench.node.heads().await.unwrap().latest;
    case.challenge().await;
    case.bench.anvil.reorg(1).await.unwrap();
    case.bench.anvil.mine(2).await.unwrap();
    assert_ne!(case.bench.node.block(gone.number).await.unwrap().unwrap().hash, gone.hash);
    // As the block of a challenge: the quote was made for it, and when that was is not known.
    let examined = case.ask().await;
    let row = examined.verdict.check(Id::Freshness).unwrap();
    assert_eq!((row.result, examined.from), (Inconclusive, None));
    assert!(row.how.contains("not on the chain any more"), "{}", row.how);
    assert!(concern(&examined.verdict, Concern::ChallengeReorganised).is_some());
    assert_eq!(result(&examined.verdict, Id::ReportData), Pass);
    // As the block that is asked about: nothing is answered from another one.
    case.challenge = None;
    case.block = Which::Hash(gone.hash);
    assert_eq!(case.rows().await, [Inconclusive; 3]);
    let there = case.bench.node.block(gone.number).await.unwrap().unwrap();
    case.block = Which::Hash(there.hash);
    assert_eq!(case.rows().await, [Pass; 3]);
}

#[tokio::test]
async fn challenges() {
    let mut case = Case::stock().await;
    case.challenge().await;
    case.bench.anvil.mine(1).await.unwrap();
    let evidence = case.evidence();
    let policy = case.policy(&evidence);
    assert_eq!(
        result(&case.examine(evidence.clone(), policy.clone()).await.verdict, Id::Freshness),
        Pass
    );
    // Another challenge for the same block is another one.
    case.challenge().await;
    let verdict = case.examine(evidence, policy).await.verdict;
    assert_eq!([Id::ReportData, Id::Freshness].map(|id| result(&verdict, id)), [Fail; 2]);
    // One of another chain.
    let head = case.bench.node.heads().await.unwrap().latest;
    case.challenge = Some(Challenge::new(1, head).unwrap());
    assert_eq!(result(&case.verdict().await, Id::Freshness), Inconclusive);
    // Asked after a block before that of the challenge.
    case.challenge().await;
    case.block = Which::Number(head.number - 1);
    assert_eq!(case.rows().await, [Inconclusive; 3]);
}

/// A node before the chain's that still knows a block that is gone, and answers calls after it, as nodes do that keep the
/// states of branches.
async fn remembering(anvil: &str, gone: Value) -> Server {
    let (anvil, hash) = (anvil.to_owned(), gone["hash"].clone());
    let answer = move |body: String| {
        let (anvil, gone, hash) = (anvil.clone(), gone.clone(), hash.clone());
        async move {
            let mut asked: Value = serde_json::from_str(&body).unwrap();
            if asked["method"] == "eth_getBlockByHash" && asked["params"][0] == hash {
                return json!({"jsonrpc": "2.0", "id": asked["id"], "result": gone}).to_string();
            }
            if asked["method"] == "eth_call" && asked["params"][1]["blockHash"] == hash {
                asked["params"][1] = json!("latest");
            }
            let http = Http::new(quick()).unwrap();
            let answer = http.post(&anvil, asked.to_string()).await.unwrap();
            String::from_utf8(answer.body).unwrap()
        }
    };
    Server::new(axum::Router::new().fallback(answer)).await
}

#[tokio::test]
async fn a_node_that_remembers_what_is_gone() {
    let mut case = Case::stock().await;
    case.bench.anvil.mine(3).await.unwrap();
    let gone = case.bench.anvil.request("eth_getBlockByNumber", json!(["latest", false])).await;
    let gone = gone.unwrap();
    case.bench.anvil.reorg(1).await.unwrap();
    case.bench.anvil.mine(2).await.unwrap();
    let server = remembering(case.bench.anvil.url(), gone.clone()).await;
    case.bench.node = Node::connect(&server.url).await.unwrap();
    assert_eq!(case.rows().await, [Pass; 3], "it is a node like any other");
    case.block = Which::Hash(gone["hash"].as_str().unwrap().parse().unwrap());
    assert_eq!(case.rows().await, [Inconclusive; 3]);
    let verdict = case.verdict().await;
    let how = &verdict.check(Id::IsAppAllowed).unwrap().how;
    assert!(how.contains("reorganised away"), "{how}");
}
