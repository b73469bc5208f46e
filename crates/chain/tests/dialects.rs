//! What nodes and providers say when they refuse, recorded: from their own sources and issue trackers, where the
//! replies were quoted by those who got them.

use devproof_chain::Refusal::{self, Busy, Missing, Other, Quota, Reverted, TooMany, TooWide};

/// Code, message, HTTP status where it was not 200, and what is meant.
#[rustfmt::skip]
const REPLIES: &[(&str, i64, &str, Option<u16>, Refusal)] = &[
    // More blocks than it takes.
    ("Infura", -32602, "range 1000000 exceeds limit of 10000", None, TooWide { at_most: Some(10_000) }),
    ("QuickNode", -32614, "eth_getLogs is limited to a 10,000 range", Some(413), TooWide { at_most: Some(10_000) }),
    ("Alchemy, free", -32600, "You can make eth_getLogs requests with up to a 500 block range. Based on your parameters, this block range should work: [0x1a30dfd, 0x1a30ff0]", Some(400), TooWide { at_most: Some(500) }),
    ("Erigon, dRPC, Pocket", -32602, "query block range exceeds server limit, narrow your filter: 5000", None, TooWide { at_most: Some(5_000) }),
    ("Reth", -32602, "query exceeds max block range 100000", None, TooWide { at_most: Some(100_000) }),
    ("BNB Smart Chain", -32000, "exceed maximum block range: 50000", None, TooWide { at_most: Some(50_000) }),
    ("Morph", -32000, "block range is larger than max block range, block range = 5120, max block range = 5000", None, TooWide { at_most: Some(5_000) }),
    ("Scroll", -32000, "block range is bigger than maxBlockRange", None, TooWide { at_most: None }),
    ("Moonbeam", -32603, "block range is too wide (maximum 1024)", None, TooWide { at_most: Some(1_024) }),
    ("Tenderly", -32602, "invalid params: range 9009594 is bigger than range limit 2000", None, TooWide { at_most: Some(2_000) }),
    ("dRPC, free", 35, "ranges over 10000 blocks are not supported on freetier", None, TooWide { at_most: Some(10_000) }),
    ("cdk-erigon", -32005, "block range too large, max range: 1000", None, TooWide { at_most: Some(1_000) }),
    ("Candle", -32600, "block range too high", None, TooWide { at_most: None }),
    ("Amoy", -32000, "block range exceeds configured limit", None, TooWide { at_most: None }),
    // More logs than it sends.
    ("Infura", -32005, "query returned more than 10000 results", None, TooMany { up_to: None }),
    ("Infura, with a hint", -32005, "query returned more than 10000 results. Try with this block range [0x10, 0x1f].", None, TooMany { up_to: Some(0x1f) }),
    ("Alchemy", -32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: [0x0, 0x7cf]", None, TooMany { up_to: Some(0x7cf) }),
    ("Reth", -32602, "query exceeds max results 20000, retry with the range 24383075-24383096", None, TooMany { up_to: Some(24_383_096) }),
    ("Nethermind", -32005, "Too many logs requested. Max logs per response is 20000.", None, TooMany { up_to: None }),
    ("Optimism's proxyd", -32020, "backend response too large", Some(413), TooMany { up_to: None }),
    // Asked too often.
    ("Infura", -32005, "daily request count exceeded, request rate limited", Some(429), Quota),
    ("Infura, without the status", -32005, "daily request count exceeded, request rate limited", None, Quota),
    ("Alchemy", 429, "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can safely ignore this message.", Some(429), Quota),
    ("QuickNode", -32007, "50/second request limit reached - reduce calls per second or upgrade your account at quicknode.com", None, Quota),
    ("Optimism's proxyd", -32016, "over rate limit", Some(429), Quota),
    ("Ankr", -32090, "Too many requests, reason: call rate limit exhausted, retry in 10s", None, Quota),
    // Not now.
    ("Optimism's proxyd", -32011, "no backend is currently healthy to serve traffic", Some(503), Busy),
    ("BNB Smart Chain", -32000, "query timeout exceeded", None, Busy),
    ("Go", -32000, "context deadline exceeded", None, Busy),
    ("dRPC, free", 30, "Request timeout on the free tier, please upgrade your tier to the paid one", Some(408), Busy),
    ("a proxy", 0, "<html><h1>502 Bad Gateway</h1></html>", Some(502), Busy),
    // It does not have that.
    ("geth", -32602, "block range extends beyond current head block", None, Missing),
    ("geth, while it lags", -32000, "unknown block", None, Missing),
    ("geth, a state of before", -32000, "missing trie node 9d83 (path ) state 0x9d83 is not available", None, Missing),
    ("Erigon", -32000, "pruned history unavailable: requested 1, earliest available 2", None, Missing),
    ("Nethermind", -32001, "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found.", None, Missing),
    // Nothing that waiting or asking for less would mend.
    ("anything", -32601, "the method eth_getLogs does not exist/is not available", None, Other),
    // The contract that was called, in its own words.
    ("geth", 3, "execution reverted", None, Reverted),
    ("geth, in the words of a contract that plays a busy node", 3, "execution reverted: rate limit, try again", None, Reverted),
    ("Nethermind", -32015, "VM execution error. Revert: daily quota", None, Reverted),
    ("geth", -32000, "out of gas", None, Reverted),
    ("anvil", -32003, "EVM error InvalidFEOpcode", None, Reverted),
    ("a gateway", -32000, "unauthorized", Some(401), Other),
];

#[test]
fn each_dialect_is_understood() {
    for (who, code, message, status, meant) in REPLIES {
        assert_eq!(Refusal::of(*code, message, *status), *meant, "{who}: {message}");
    }
}

#[test]
fn words_of_nobody_do_not_harm() {
    for message in [
        "",
        "[",
        "[]",
        "[,]",
        "range ",
        "range -",
        "[0x, 0x]",
        "block range 0",
        "block range 99999999999999999999k",
    ] {
        let read = Refusal::of(0, message, None);
        assert!(!matches!(read, TooWide { at_most: Some(0) }), "{message}: {read:?}");
    }
}
