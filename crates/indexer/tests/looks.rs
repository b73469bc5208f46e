//! What is asked of contracts in one call is what they say when they are asked one thing after the other.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use devproof_chain::{Identity, Look, Node};
use devproof_contracts::{
    Code,
    bindings::IAppAuth::Settings,
    stock::{DstackApp, LegacyAppAuth, TimelockAppAuth},
};
use devproof_testkit::{
    Bench, Birth,
    proxy::{FaultyProxy, Question},
};

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;

/// A contract that runs this.
async fn running(bench: &Bench, runtime: &[u8]) -> Address {
    let size = u8::try_from(runtime.len()).unwrap();
    let creation = [&[0x60, size, 0x80, 0x60, 0x0b, 0x60, 0, 0x39, 0x60, 0, 0xf3], runtime];
    bench.stranger.deploy(creation.concat().into()).await.unwrap().created.unwrap()
}

/// One of each kind, with the kind it is.
async fn all_kinds(bench: &Bench) -> Vec<(&'static str, Address, Code)> {
    let births = [
        Birth { compose_hash: keccak256("first"), ..Birth::default() },
        Birth { disable_upgrades: true, require_tcb_up_to_date: true, ..Birth::default() },
        Birth { allow_any_device: true, device: keccak256("device"), ..Birth::default() },
    ];
    let settings = Settings {
        owner: bench.owner.address(),
        guardian: Address::ZERO,
        noticePeriod: 2 * 86_400,
        allowAnyDevice: true,
        requireTcbUpToDate: false,
        composeHashes: vec![keccak256("first")],
        devices: vec![],
        osImages: vec![],
    };
    let legacy_kms = bench.deploy_legacy_kms().await.unwrap();
    let mut all = vec![
        ("ours", bench.deploy_app(&settings, B256::ZERO).await.unwrap(), Code::AppAuth),
        ("a KMS", bench.kms, Code::Unknown),
        ("its predecessor", legacy_kms, Code::Unknown),
        ("nothing", Address::repeat_byte(0x77), Code::Unknown),
        ("an account", bench.owner.address(), Code::Unknown),
    ];
    for birth in births {
        let stock = bench.deploy_stock_app_with(birth).await.unwrap();
        let (_, legacy) = bench.deploy_legacy_app(legacy_kms, birth).await.unwrap();
        let timelock = bench.deploy_timelock_app(86_400, birth).await.unwrap();
        all.push(("stock", stock, Code::DstackApp));
        all.push(("legacy", legacy, Code::LegacyAppAuth));
        all.push(("the tutorial's", timelock, Code::TimelockAppAuth));
    }
    // Looks at the selector: for that of `allowAnyDevice` all gas is gone, for others there is a one.
    let mut once = vec![0x5f, 0x35, 0x60, 0xe0, 0x1c, 0x63];
    once.extend(DstackApp::allowAnyDeviceCall::SELECTOR);
    once.extend([0x14, 0x60, 0x16, 0x57, 0x60, 1, 0x5f, 0x52, 0x60, 32, 0x5f, 0xf3, 0x5b, 0xfe]);
    for (name, runtime) in [
        ("one that eats the gas of one question", &once[..]),
        ("one that never ends", &[0x5b, 0x60, 0, 0x56]),
        ("one that eats all gas", &[0xfe]),
        // PUSH3 0x020000 PUSH0 RETURN and REVERT: 128 KiB of nothing.
        // It has an answer to everything, as the tutorial's contract has.
        ("one that says very much", &[0x62, 2, 0, 0, 0x5f, 0xf3]),
        ("one that refuses at length", &[0x62, 2, 0, 0, 0x5f, 0xfd]),
        ("one that says nothing", &[0x00]),
        // PUSH1 7 PUSH0 MSTORE PUSH1 1 PUSH1 31 RETURN: one byte.
        ("one that says too little", &[0x60, 7, 0x5f, 0x52, 0x60, 1, 0x60, 31, 0xf3]),
    ] {
        let talks = runtime.ends_with(&[2, 0, 0, 0x5f, 0xf3]);
        let kind = if talks { Code::TimelockAppAuth } else { Code::Unknown };
        all.push((name, running(bench, runtime).await, kind));
    }
    all
}

async fn answers(node: &Node, look: &Look) -> Vec<Option<Bytes>> {
    async fn one<C: SolCall>(node: &Node, look: &Look, call: C) -> Option<Bytes>
    where
        C::Return: std::fmt::Debug,
    {
        let answer = look.asked(node, &call).await.unwrap();
        answer.map(|answer| format!("{answer:?}").into_bytes().into())
    }
    let is_allowed = DstackApp::isAppAllowedCall::SELECTOR.into();
    vec![
        one(node, look, DstackApp::allowAnyDeviceCall {}).await,
        one(node, look, LegacyAppAuth::appIdCall {}).await,
        one(node, look, DstackApp::supportsInterfaceCall { interfaceId: is_allowed }).await,
        one(node, look, DstackApp::ownerCall {}).await,
        one(node, look, DstackApp::requireTcbUpToDateCall {}).await,
        one(node, look, TimelockAppAuth::proposedAtCall { hash: B256::ZERO }).await,
        one(node, look, TimelockAppAuth::noticePeriodCall {}).await,
        one(node, look, DstackApp::allowedComposeHashesCall { composeHash: B256::ZERO }).await,
        // Not among those that are asked ahead.
        one(node, look, DstackApp::allowedComposeHashesCall { composeHash: keccak256("first") })
            .await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_sees_what_single_questions_find() {
    let bench = Bench::start(NOW).await.unwrap();
    let contracts = all_kinds(&bench).await;
    let head = bench.node.heads().await.unwrap().latest.number;
    let proxy = FaultyProxy::before(bench.anvil.url(), 0).await.unwrap();
    let node = Node::connect(proxy.url()).await.unwrap();
    let single = FaultyProxy::before(bench.anvil.url(), 0).await.unwrap();
    single.want_recipients();
    let asks_singly = Node::connect(single.url()).await.unwrap();
    let (mut calls, mut spared) = (0, Vec::new());
    for (name, address, kind) in contracts {
        let before = proxy.asked(Question::Call);
        let (found, look) = node.identify_with_look(address, head, None).await.unwrap();
        calls += proxy.asked(Question::Call) - before;
        let (other, blind) = asks_singly.identify_with_look(address, head, None).await.unwrap();
        assert_eq!(found, other, "{name}");
        assert_eq!(found.code, kind, "{name}");
        let code = bench.node.code(address, head).await.unwrap();
        let hash = (!code.is_empty()).then(|| keccak256(&code));
        assert_eq!(found.code_hash, hash, "{name}");
        let Identity { implementation, implementation_hash, .. } = found;
        if let Some(behind) = implementation {
            let code = bench.node.code(behind, head).await.unwrap();
            assert_eq!(implementation_hash, Some(keccak256(&code)), "{name}");
        }
        let (seen, asked) = (answers(&node, &look).await, answers(&asks_singly, &blind).await);
        assert_eq!(seen, asked, "{name}");
        // Whatever is expected of it, and only what is so spares questions.
        let account = bench.owner.address();
        let expected = [found.implementation, Some(bench.kms), Some(address), Some(account)];
        for likely in expected.into_iter().flatten() {
            let before = proxy.asked(Question::Call);
            let (again, look) = node.identify_with_look(address, head, Some(likely)).await.unwrap();
            assert_eq!(again, found, "{name}, expected to be {likely}");
            assert_eq!(answers(&node, &look).await, seen, "{name}, expected to be {likely}");
            if found.implementation == Some(likely) && found.code != Code::Unknown {
                // One, and those of `answers` that no look holds.
                spared.push(proxy.asked(Question::Call) - before);
            }
        }
    }
    assert_eq!(spared, [5; 6], "stock and legacy ones are known at once");
    // Of ours and of the nine of other generations one each, of the others two, and some more of who answers oddly.
    assert!(calls <= 40, "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_takes_no_such_call_is_not_asked_for_ever() {
    let bench = Bench::start(NOW).await.unwrap();
    let stock = bench.deploy_stock_app(keccak256("first")).await.unwrap();
    let head = bench.node.heads().await.unwrap().latest.number;
    let proxy = FaultyProxy::before(bench.anvil.url(), 0).await.unwrap();
    proxy.want_recipients();
    let node = Node::connect(proxy.url()).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..12 {
        let before = proxy.asked(Question::Call);
        assert_eq!(node.identify(stock, head).await.unwrap().code, Code::DstackApp);
        calls.push(proxy.asked(Question::Call) - before);
    }
    assert_eq!(calls, [4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3]);
}
