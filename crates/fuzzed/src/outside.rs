//! What services, nodes and publishers reply, through the clients that ask them.

use crate::wire::wire;
use alloy_primitives::{Address, B256, B512, Bytes};
use axum::{body::Body, http::HeaderValue, response::Response};
use devproof_attestation::Collateral;
use devproof_chain::{Node, Options};
use devproof_evidence::{Challenge, Fetched, Http, Limits, Pccs, Place, fetch};
use devproof_operator::{Call, Finality, safe};
use devproof_release::{Demands, FILES, Judge, PROOF_FILE, Verdict, Verified, verify};
use serde_json::{Value, value::RawValue};
use std::{
    num::NonZeroUsize,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// What stands between the parts of an input that is several replies.
const SEAM: &[u8] = b"\n--\n";

/// The parts of an input.
fn parts(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        if let Some(next) = rest.strip_prefix(SEAM) {
            parts.push(Vec::new());
            rest = next;
        } else {
            if let Some(part) = parts.last_mut() {
                part.push(*first);
            }
            rest = after;
        }
    }
    parts
}

fn response(status: u16, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status.try_into().unwrap_or_default();
    response
}

/// A reply is as it comes, once: whoever asks again would only ask the same.
const fn limits() -> Limits {
    Limits { retries: 0, pause: Duration::ZERO, ..Limits::of_services() }
}

/// The file of a challenge.
pub(crate) fn challenge(bytes: &[u8]) {
    let Ok(json) = std::str::from_utf8(bytes) else { return };
    let Ok(challenge) = Challenge::parse(json) else { return };
    let document = serde_json::to_string(&challenge.document()).unwrap_or_default();
    assert_eq!(Challenge::parse(&document), Ok(challenge.clone()), "it reads back as another");
    assert_eq!(challenge.declared().bytes().ok(), Some(challenge.report_data()));
}

/// What a PCCS replies, in parts: the TCB info, the identity of the quoting enclave, the platform's list, the root's list, and
/// the headers of the first three. Returns what was made of it.
#[must_use]
pub fn collateral_of(bytes: &[u8]) -> Option<String> {
    static HTTP: LazyLock<Option<Http>> = LazyLock::new(|| Http::new(limits()).ok());
    let (wire, parts) = (wire(), parts(bytes));
    let part = move |n: usize| parts.get(n).cloned().unwrap_or_default();
    let answer = move |path: &str, _: &[u8]| {
        let (n, header) = match path.rsplit('/').next() {
            Some("tcb") => (0, Some((4, "TCB-Info-Issuer-Chain"))),
            Some("identity") => (1, Some((5, "SGX-Enclave-Identity-Issuer-Chain"))),
            Some("pckcrl") => (2, Some((6, "SGX-PCK-CRL-Issuer-Chain"))),
            _ => (3, None),
        };
        let mut response = response(200, part(n));
        if let Some((n, name)) = header
            && let Ok(value) = HeaderValue::from_bytes(&part(n))
        {
            response.headers_mut().insert(name, value);
        }
        response
    };
    let asked = async {
        let service = Pccs::new(wire.url()).ok()?;
        service.collateral(HTTP.as_ref()?, [0; 6], "platform").await.ok()
    };
    wire.while_it_says(answer, asked)
}

/// The same, for what is made of it.
pub(crate) fn pccs(bytes: &[u8]) {
    let Some(json) = collateral_of(bytes) else { return };
    if let Ok(collateral) = Collateral::parse(&json) {
        let _ = (collateral.fmspc(), collateral.evaluation_data_number());
    }
}

/// What a guest agent replies to being asked for a quote and for its `Info`, in two parts; the first byte says of which
/// generation it is. Returns what was made of it.
#[must_use]
pub fn fetched(bytes: &[u8]) -> Option<Fetched> {
    let (wire, (first, rest)) = (wire(), bytes.split_first()?);
    let socket = wire.socket().to_owned();
    let place = if *first == b'!' { Place::Tappd(socket) } else { Place::Agent(socket) };
    let parts = parts(rest);
    let answer = move |path: &str, _: &[u8]| {
        let n = usize::from(path.ends_with("Info"));
        response(200, parts.get(n).cloned().unwrap_or_default())
    };
    wire.while_it_says(answer, fetch(&place, B512::ZERO)).ok()?
}

/// The same, for whether it panics.
pub(crate) fn agents(bytes: &[u8]) {
    let _ = fetched(bytes);
}

/// A reply of a node: a batch is answered one by one. `None` if the result is no JSON.
fn node_reply(question: &[u8], result: &[u8]) -> Option<Vec<u8>> {
    let result: Box<RawValue> = serde_json::from_slice(result).ok()?;
    let one = |question: &Value| {
        let id = question.get("id").cloned().unwrap_or_default();
        if question.get("method").and_then(Value::as_str) == Some("eth_chainId") {
            return format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"0x7a69"}}"#);
        }
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
    };
    match serde_json::from_slice(question).ok()? {
        Value::Array(all) => {
            let all: Vec<_> = all.iter().map(one).collect();
            Some(format!("[{}]", all.join(",")).into_bytes())
        }
        question => Some(one(&question).into_bytes()),
    }
}

fn node() -> Option<&'static Node> {
    static NODE: LazyLock<Option<Node>> = LazyLock::new(|| {
        let here = wire();
        let options = Options { agreement: NonZeroUsize::MIN, retries: 0, pause: Duration::ZERO };
        let answer = |_: &str, question: &[u8]| {
            response(200, node_reply(question, b"null").unwrap_or_default())
        };
        let urls = [here.url()];
        here.while_it_says(answer, Node::connect_any(&urls, options)).ok()
    });
    let node = NODE.as_ref();
    assert!(node.is_some(), "there is no node on loopback");
    node
}

/// What a node replies. The first byte says what it is asked, the second how the reply comes: `!` as a whole body with an error's
/// status, `?` as a whole body, everything else as the result of a reply that fits. Parts are replies to one question after the
/// other, the last of them to all that follow. Returns whether something was made of it.
///
/// # Panics
/// If a node is believed logs that nobody asked for.
#[must_use]
pub fn asked(bytes: &[u8]) -> bool {
    let [which, how, reply @ ..] = bytes else { return false };
    let wire = wire();
    let Some(node) = node() else { return false };
    let (how, replies, count) = (*how, parts(reply), AtomicUsize::new(0));
    let answer = move |_: &str, question: &[u8]| {
        let n = count.fetch_add(1, Ordering::Relaxed).min(replies.len().saturating_sub(1));
        let reply = replies.get(n).cloned().unwrap_or_default();
        match how {
            b'!' => response(500, reply),
            b'?' => response(200, reply),
            _ => response(200, node_reply(question, &reply).unwrap_or_default()),
        }
    };
    let app = Address::repeat_byte(0xa1);
    let which = *which;
    wire.while_it_says(answer, async {
        match which % 10 {
            0 => node.heads().await.is_ok(),
            1 => node.block(5).await.is_ok_and(|it| it.is_some_and(|it| it.number == 5)),
            2 => node.block_by_hash(B256::repeat_byte(5)).await.is_ok_and(|it| it.is_some()),
            3 => match node.header(5).await {
                Ok(Some(header)) => {
                    let _ = node.proved_logs(&header).await;
                    true
                }
                _ => false,
            },
            4 => {
                let logs = node.logs(&[app], 4..=6).await;
                let ours = |logs: &Vec<devproof_chain::NodeLog>| {
                    logs.iter().all(|it| it.address == app && (4..=6).contains(&it.block_number))
                };
                assert!(logs.as_ref().map_or(true, ours), "logs that nobody asked for");
                logs.is_ok_and(|logs| !logs.is_empty())
            }
            5 => node.code(app, 5).await.is_ok(),
            6 => node.storage(app, B256::ZERO.into(), 5).await.is_ok(),
            7 => safe::owners(node, app, 5).await.is_ok(),
            8 => {
                let (data, function, arguments) = (Bytes::new(), "f()", Vec::new());
                let call = Call { target: app, value: 0, data, function, arguments };
                safe::prepare(node, app, &call, None).await.is_ok()
            }
            _ => node.identify(app, 5).await.is_ok(),
        }
    })
}

/// The same, for what it asserts.
pub(crate) fn nodes(bytes: &[u8]) {
    let _ = asked(bytes);
}

/// A published release: its proof, and in further parts the other files in their order. Returns what a third party without a
/// node is told.
///
/// # Panics
/// If it passes though no node was asked.
#[must_use]
pub fn verified(bytes: &[u8]) -> Option<Verified> {
    let wire = wire();
    let folder = wire.folder().join("release");
    let others = FILES.iter().filter(|name| **name != PROOF_FILE);
    let files = std::iter::once(&PROOF_FILE).chain(others).zip(parts(bytes));
    std::fs::create_dir_all(folder.join(".well-known")).ok()?;
    for name in FILES {
        let _ = std::fs::remove_file(folder.join(name));
    }
    for (name, content) in files {
        std::fs::write(folder.join(name), content).ok()?;
    }
    let place = devproof_release::Place::Folder(folder);
    let demands = Demands {
        app: None,
        version: None,
        judge: Judge::default(),
        finality: Finality::Finalized,
    };
    let verify = verify(&place, Err("nobody was asked".to_owned()), &demands);
    let verified = wire.while_it_says(|_, _| response(404, Vec::new()), verify);
    assert_ne!(verified.lines.overall, Verdict::Pass, "a release passes without a node");
    assert!(verified.summary.is_none(), "a summary of what was not verified");
    Some(verified)
}

/// The same, for what it asserts.
pub(crate) fn releases(bytes: &[u8]) {
    let _ = verified(bytes);
}
