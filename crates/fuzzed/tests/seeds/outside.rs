//! Makes the seeds of what services, nodes and publishers reply; what a node does is asked of one.

use crate::evidence::log::hex;
use alloy_primitives::{Address, B256, U256, hex as digits};
use alloy_sol_types::SolValue;
use devproof_evidence::Challenge;
use devproof_release::{Proof, proof, sha256};
use devproof_testkit::Anvil;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What stands between the parts of an input.
const SEAM: &[u8] = b"\n--\n";

fn joined(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.join(SEAM)
}

/// Every byte that is no letter or digit in percent signs, as a PCCS does.
fn percent(text: &str) -> Vec<u8> {
    let byte = |b: u8| match b {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect::<String>().into_bytes()
}

/// What a PCCS that has this collateral replies.
fn pccs(collateral: &Value) -> Vec<u8> {
    let text = |key: &str| collateral[key].as_str().unwrap();
    let signed = |name: &str, key: &str| {
        let signature = text(&format!("{key}_signature"));
        format!("{{\"{name}\":{},\"signature\":\"{signature}\"}}", text(key)).into_bytes()
    };
    joined(&[
        signed("tcbInfo", "tcb_info"),
        signed("enclaveIdentity", "qe_identity"),
        digits::decode(text("pck_crl")).unwrap(),
        text("root_ca_crl").as_bytes().to_vec(),
        percent(text("tcb_info_issuer_chain")),
        percent(text("qe_identity_issuer_chain")),
        percent(text("pck_crl_issuer_chain")),
    ])
}

/// A release as somebody publishes it, with no more in it than there has to be.
fn release(compose: &[u8]) -> Vec<u8> {
    let at = "2026-03-01T00:00:00Z".parse().unwrap();
    let block = proof::Block { number: 5, hash: B256::repeat_byte(5), timestamp: at };
    let happening = proof::Happening {
        transaction: B256::repeat_byte(6),
        block: 5,
        block_hash: block.hash,
        timestamp: at,
        log_index: 0,
        by: Some(Address::repeat_byte(7)),
    };
    let document = devproof_compose::AppCompose::parse(compose).unwrap();
    let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let proof = Proof {
        format: devproof_release::FORMAT.to_owned(),
        app: proof::App {
            chain_id: 31_337,
            address: Address::repeat_byte(0xa1),
            code: "app_auth".to_owned(),
            code_hash: B256::repeat_byte(8),
            notice_seconds: Some(172_800),
        },
        version: proof::Version {
            compose_hash: document.hash().0,
            compose_file: "app-compose.json".to_owned(),
            size: compose.len() as u64,
            name: Some("app".to_owned()),
        },
        source: proof::Source {
            repository: Some("https://example.org/acme/web".to_owned()),
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            on_chain: Some(proof::OnChain {
                digest: B256::repeat_byte(9),
                uri: "https://example.org/acme/web".to_owned(),
            }),
        },
        images: vec![proof::ImageOf {
            service: "web".to_owned(),
            reference: format!("ghcr.io/acme/web@{digest}"),
            digest: Some(digest.to_owned()),
        }],
        state: "announced".to_owned(),
        announced: Some(proof::Announced {
            happening: happening.clone(),
            ripe_at: at,
            expires_at: Some(at),
        }),
        in_force: Some(happening),
        ended: None,
        notice_seconds: Some(172_800),
        born_with: false,
        history: proof::HistoryOf {
            completeness: "complete".to_owned(),
            changes: 1,
            root: Some(B256::repeat_byte(10)),
            from: 1,
            through: block,
        },
        evidence: None,
        files: BTreeMap::from([("app-compose.json".to_owned(), sha256(compose))]),
    };
    joined(&[proof.bytes(), compose.to_vec()])
}

/// What a node replies to each question that is asked of it.
async fn nodes() -> Vec<(&'static str, Vec<u8>)> {
    let anvil = Anvil::start(1_772_000_000).unwrap();
    anvil.mine(4).await.unwrap();
    // Code that leaves a log behind it and is nothing.
    let owner = anvil.key(0).unwrap().address();
    let call = json!([{"from": owner, "data": "0x60006000a0"}]);
    anvil.request("eth_sendTransaction", call).await.unwrap();
    anvil.mine(1).await.unwrap();
    let ask = async |method, params| anvil.request(method, params).await.unwrap().to_string();
    let block = ask("eth_getBlockByNumber", json!(["0x5", false])).await;
    let receipts = ask("eth_getBlockReceipts", json!(["0x5"])).await;
    let logs = ask("eth_getLogs", json!([{"fromBlock": "0x5", "toBlock": "0x5"}])).await;
    let mut logs: Value = serde_json::from_str(&logs).unwrap();
    logs[0]["address"] = json!(Address::repeat_byte(0xa1));
    let mut same: Value = serde_json::from_str(&block).unwrap();
    same["hash"] = json!(B256::repeat_byte(5));
    let other = block.replace(r#""number":"0x5""#, r#""number":"0x6""#);
    assert_ne!(other, block);
    let word = |value: u64| json!(B256::from(U256::from(value))).to_string();
    let owners = vec![Address::repeat_byte(1), Address::repeat_byte(2)];
    let owners = json!(digits::encode_prefixed(owners.abi_encode())).to_string();
    let version = json!(digits::encode_prefixed("1.4.1".to_owned().abi_encode())).to_string();
    let input = |which: u8, how: u8, replies: &[&str]| {
        let replies: Vec<_> = replies.iter().map(|it| it.as_bytes().to_vec()).collect();
        [&[which, how][..], &joined(&replies)].concat()
    };
    vec![
        ("heads", input(0, b'.', &[&block])),
        ("block", input(1, b'.', &[&block])),
        ("block_by_hash", input(2, b'.', &[&same.to_string()])),
        ("header", input(3, b'.', &[&block, &receipts])),
        ("other_header", input(3, b'.', &[&other])),
        ("logs", input(4, b'.', &[&logs.to_string()])),
        ("code", input(5, b'.', &["\"0x6000\""])),
        ("storage", input(6, b'.', &[&word(7)])),
        ("owners", input(7, b'.', &[&word(2), &owners])),
        (
            "safe",
            input(
                8,
                b'.',
                &[&block, &block, &block, &version, &word(3), &word(2), &owners, &word(9)],
            ),
        ),
        ("identity", input(9, b'.', &["\"0x6000\"", &word(0)])),
        ("page", input(0, b'?', &["<html><body>502 Bad Gateway</body></html>"])),
        (
            "error",
            input(
                4,
                b'?',
                &[
                    r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"query returned more than 10000 results"}}"#,
                ],
            ),
        ),
        ("busy", input(1, b'!', &[r#"{"error":"too many requests"}"#])),
    ]
}

/// Every seed, with its name.
pub(crate) fn seeds(collateral: &Value, reply: &Value, compose: &str) -> Vec<(String, Vec<u8>)> {
    let hash = B256::repeat_byte(5);
    let challenge = Challenge { chain_id: 8453, number: 258, hash, random: B256::repeat_byte(6) };
    let challenge = serde_json::to_vec(&challenge.document()).unwrap();
    let tcb_info = json!({"mrtd": "4d", "app_compose": compose}).to_string();
    let info = json!({"app_id": hex(&[1; 20]), "tcb_info": tcb_info}).to_string().into_bytes();
    let agent = |first: u8, reply: &Value| {
        let reply = reply.to_string().into_bytes();
        [&[first][..], &joined(&[reply, info.clone()])].concat()
    };
    let tappd = json!({"quote": reply["quote"], "event_log": reply["event_log"]});
    let mut all = vec![
        ("challenges/good.json".to_owned(), challenge),
        ("pccs/good".to_owned(), pccs(collateral)),
        ("agents/guest".to_owned(), agent(b'?', reply)),
        ("agents/tappd".to_owned(), agent(b'!', &tappd)),
        ("releases/whole".to_owned(), release(compose.as_bytes())),
        ("releases/empty".to_owned(), b"{\"format\":\"devproof.release/1\"}".to_vec()),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let nodes = runtime.block_on(nodes());
    all.extend(nodes.into_iter().map(|(name, seed)| (format!("nodes/{name}"), seed)));
    all
}
