//! What is executed here comes to what the chain makes of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use alloy::{
    primitives::{Address, B256, Bytes},
    sol_types::SolCall,
};
use devproof_chain::Account;
use devproof_contracts::{
    Code,
    bindings::{AppAuth, IAppAuth::Settings},
};
use devproof_operator::{
    Action, Born, Call, OperatorError, Setting, Simulation, plan, predict, simulate,
};
use devproof_testkit::Bench;

/// 2027-01-15 08:00:00 UTC.
const GENESIS: u64 = 1_800_000_000;
const DAY: u64 = 24 * 3_600;
const DEVICE: B256 = B256::repeat_byte(0xd2);

async fn world() -> (Bench, Address) {
    let bench = Bench::start(GENESIS).await.unwrap();
    let settings = Settings {
        owner: bench.owner.address(),
        guardian: bench.guardian.address(),
        noticePeriod: u32::try_from(2 * DAY).unwrap(),
        allowAnyDevice: false,
        requireTcbUpToDate: false,
        composeHashes: vec![B256::repeat_byte(1)],
        devices: Vec::new(),
        osImages: Vec::new(),
    };
    let app = bench.deploy_app(&settings, B256::ZERO).await.unwrap();
    (bench, app)
}

/// Executes it here as if in the next block.
async fn here(bench: &Bench, from: Address, call: &Call) -> Simulation {
    let head = bench.node.heads().await.unwrap().latest;
    let time = bench.node.next_time(head).await.unwrap();
    simulate(&bench.node, head, time, from, call).await.unwrap()
}

/// Sends it, and gives the receipt or the reason.
async fn there<C: SolCall>(
    bench: &Bench,
    who: &Account,
    to: Address,
    call: &C,
) -> Result<(u64, B256), String> {
    match who.send(to, call).await {
        Ok(receipt) => Ok((receipt.gas_used, receipt.transaction)),
        Err(devproof_chain::ChainError::Reverted { reason, .. }) => Err(reason),
        Err(error) => panic!("{error} {bench:?}"),
    }
}

#[tokio::test]
async fn gas_logs_and_refusals_are_those_of_the_chain() {
    let (bench, app) = world().await;
    let propose = Action::Propose { setting: Setting::Device, value: DEVICE, source: None };
    let propose = propose.call(app, Code::AppAuth);
    let sent = AppAuth::proposeCall { kind: Setting::Device as u8, value: DEVICE };
    assert_eq!(propose.data, Bytes::from(sent.abi_encode()));
    for who in [&bench.stranger, &bench.owner, &bench.owner] {
        let simulated = here(&bench, who.address(), &propose).await;
        match (simulated, there(&bench, who, app, &sent).await) {
            (Simulation::Refused(ours), Err(theirs)) => {
                // How far away a time is, each says by its own block.
                let cut = |why: &str| why.split(", in ").next().map(str::to_owned);
                assert_eq!(cut(&ours), cut(&theirs));
            }
            (Simulation::Succeeds { gas, logs, .. }, Ok((used, transaction))) => {
                assert_eq!(gas, used);
                let included = bench.node.included(transaction).await.unwrap().unwrap();
                // Times are in it: the block may have come a second later.
                let topics = |logs: &[(Address, Vec<B256>, Bytes)]| -> Vec<_> {
                    logs.iter().map(|(who, topics, _)| (*who, topics.first().copied())).collect()
                };
                assert_eq!(topics(&logs), topics(&included.logs));
                assert!(!logs.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn time_is_that_of_the_block_it_would_be_in() {
    let (bench, app) = world().await;
    let sent = AppAuth::proposeCall { kind: Setting::Device as u8, value: DEVICE };
    bench.owner.send(app, &sent).await.unwrap();
    let head = bench.node.heads().await.unwrap().latest;
    let activate = Action::Activate { setting: Setting::Device, value: DEVICE };
    let call = activate.call(app, Code::AppAuth);
    let at = async |time| {
        let from = bench.stranger.address();
        simulate(&bench.node, head, time, from, &call).await.unwrap()
    };
    let ripe = head.timestamp + 2 * DAY;
    let Simulation::Refused(why) = at(ripe - 1).await else { panic!("too early") };
    assert!(why.ends_with("in 1 s"), "{why}");
    assert!(matches!(at(ripe).await, Simulation::Succeeds { .. }));
    assert!(matches!(at(ripe + 14 * DAY - 1).await, Simulation::Succeeds { .. }));
    let Simulation::Refused(why) = at(ripe + 14 * DAY).await else { panic!("dead") };
    assert!(why.contains("needs a new full notice"), "{why}");
}

#[tokio::test]
async fn a_deployment_gets_the_address_that_was_computed() {
    let (bench, _) = world().await;
    let born = Born {
        owner: bench.rival.address(),
        guardian: Address::ZERO,
        notice_seconds: u32::try_from(3 * DAY).unwrap(),
        allow_any_device: false,
        require_tcb_up_to_date: true,
        compose_hashes: (1..=40).map(B256::repeat_byte).collect(),
        devices: vec![DEVICE],
        os_images: bench.os_images.to_vec(),
    };
    let salt = B256::repeat_byte(3);
    let app = predict(bench.factory, &born, salt);
    let (factory, kms) = (bench.factory, bench.kms);
    let action = Action::Deploy { factory, born: Box::new(born), salt, kms };
    let plan = plan(&bench.node, None, action, None).await.unwrap();
    assert_eq!(plan.app, app);
    let Simulation::Succeeds { output, .. } =
        here(&bench, bench.stranger.address(), &plan.call).await
    else {
        panic!("refused")
    };
    assert_eq!(Address::from_word(B256::from_slice(&output)), app);
}

/// What is not on the chain any more is no state to execute anything on.
#[tokio::test]
async fn a_block_that_is_gone_gives_an_error() {
    let (bench, app) = world().await;
    let head = bench.node.heads().await.unwrap().latest;
    bench.anvil.reorg(1).await.unwrap();
    bench.anvil.mine(2).await.unwrap();
    let propose = Action::Propose { setting: Setting::Device, value: DEVICE, source: None };
    let call = propose.call(app, Code::AppAuth);
    let told = simulate(&bench.node, head, head.timestamp + 1, bench.owner.address(), &call).await;
    assert!(matches!(told, Err(OperatorError::Chain(_))), "{told:?}");
}

/// Whoever wants to keep us busy does not.
#[tokio::test]
async fn a_contract_that_reads_without_end_is_given_up() {
    let (bench, _) = world().await;
    // Creation: PUSH11 code, PUSH0 MSTORE, return its 11 bytes at 21 of the word. Code: i = 0; loop { sload(i); i = i + 1 }.
    let code = "6a5f5b805450600101600156" // PUSH0 JUMPDEST DUP1 SLOAD POP PUSH1 1 ADD PUSH1 1 JUMP
        .to_owned()
        + "5f52600b6015f3";
    let made = bench.owner.deploy(code.parse().unwrap()).await.unwrap().created.unwrap();
    let call =
        Call { target: made, value: 0, data: Bytes::new(), function: "", arguments: Vec::new() };
    let head = bench.node.heads().await.unwrap().latest;
    let told = simulate(&bench.node, head, head.timestamp + 1, bench.owner.address(), &call).await;
    assert!(matches!(told, Err(OperatorError::TooMuchState(_))), "{told:?}");
}
