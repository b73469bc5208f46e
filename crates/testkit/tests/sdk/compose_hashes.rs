//! Releases: a new compose hash by `phala deploy` and by the SDK's own calls.

use crate::world::{Checks, NOTICE, Release, World, device, version};
use alloy::{
    primitives::{Address, B256, hex},
    sol_types::SolError,
};
use devproof_contracts::{bindings::AppAuth, stock::DstackApp::ComposeHashAdded};
use serde_json::json;

/// An update at once, and what the SDK says of it before and afterwards. The same calls for our app and
/// for a stock one.
async fn release_at_once(
    world: &mut World,
    owner: usize,
    app: Address,
) -> (Checks, Release, Checks) {
    let before = world.checks(app, version(2), device(1));
    let release = world.release(owner, app, version(2), device(1));
    let after = world.checks(app, version(2), device(1));
    (before, release, after)
}

const REFUSED: Checks = Checks { compose_hash: false, device: true, any_device: false };
const ACCEPTED: Checks = Checks { compose_hash: true, device: true, any_device: false };

#[tokio::test]
async fn a_release_without_notice_fails_before_anything_is_sent_or_restarted() {
    let mut world = World::start().await;
    let (app, root) = (world.app, world.root().await);
    let sent = world.sent(&world.bench.owner).await;
    let (before, release, after) = release_at_once(&mut world, 1, app).await;
    assert_eq!((before, after), (REFUSED, REFUSED));
    assert_eq!(release.restarted, [] as [B256; 0]);
    let words = release.refused.unwrap();
    assert!(
        words.starts_with(&format!(
            "Failed to register compose hash on-chain (hash: {}...): Transaction execution \
             failed: The contract function \"addComposeHash\" reverted",
            &version(2).to_string()[..10]
        )),
        "{words}"
    );
    assert_eq!(world.sent(&world.bench.owner).await, sent, "a transaction was paid for");
    assert_eq!(world.root().await, root);
}

/// The control: the very same calls, of an app without notice.
#[tokio::test]
async fn the_same_release_of_a_stock_app_restarts_at_once() {
    let mut world = World::start().await;
    let app = world.deploy_stock();
    let (before, release, after) = release_at_once(&mut world, 4, app).await;
    assert_eq!((before, after), (REFUSED, ACCEPTED));
    assert_eq!((release.refused, release.restarted), (None, vec![version(2)]));
    let (added, _) = world.events::<ComposeHashAdded>(release.transactions[0]).await;
    assert_eq!(added, [ComposeHashAdded { composeHash: version(2) }]);
}

/// The SDK decodes by an ABI of its own, which has none of our errors. What it prints is therefore the
/// selector, not the name, and the time only where the node repeats the data in its message, as anvil
/// does and other nodes need not. The data is in the error for who looks.
#[tokio::test]
async fn the_sdk_hands_on_the_refusal_but_cannot_read_it() {
    let mut world = World::start().await;
    let thrown = world.add_compose_hash(version(2)).unwrap_err();
    let data = hex::decode(thrown.revert.as_ref().unwrap()).unwrap();
    let error = AppAuth::NoticeRequired::abi_decode(&data).unwrap();
    assert_eq!((error.kind, error.value), (1, version(2)));
    let earliest: u64 = error.earliest.to();
    let now = world.now().await;
    // The call is tried on the block after the newest.
    assert!((now..now + 60).contains(&(earliest - NOTICE)), "{earliest} after {now}");

    let signature = hex::encode_prefixed(AppAuth::NoticeRequired::SELECTOR);
    let (address, hash) = (world.app.to_string().to_lowercase(), version(2));
    let (sender, arguments) = (world.bench.owner.address(), hex::encode(&data[4..]));
    assert_eq!(thrown.name, "TransactionError");
    assert_eq!(
        thrown.message,
        format!(
            "Transaction execution failed: The contract function \"addComposeHash\" reverted with \
             the following signature:\n\
             {signature}\n\
             \n\
             Unable to decode signature \"{signature}\" as it was not found on the provided ABI.\n\
             Make sure you are using the correct ABI and that the error exists on it.\n\
             You can look up the decoded signature here: \
             https://4byte.sourcify.dev/?q={signature}.\n \n\
             Contract Call:\n\
             \x20 address:   {address}\n\
             \x20 function:  addComposeHash(bytes32 composeHash)\n\
             \x20 args:                    ({hash})\n\
             \x20 sender:    {sender}\n\
             \n\
             Docs: https://viem.sh/docs/contract/decodeErrorResult\n\
             Details: execution reverted: custom error {signature}: {arguments}\n\
             Version: viem@2.57.20"
        )
    );
    let sentence = world.sentence(&thrown).await;
    assert!(
        sentence.starts_with(&format!(
            "compose hash {hash} has to be proposed first, and could be in force from 2027-01-22 08:0"
        )),
        "{sentence}"
    );
}

#[tokio::test]
async fn after_its_notice_the_same_release_goes_through() {
    let mut world = World::start().await;
    let app = world.app;
    let ripe = world.propose(version(2)).await;

    // A minute too early. The proposal changes nothing but the sentence.
    world.at(ripe - 60).await;
    let (before, release, after) = release_at_once(&mut world, 1, app).await;
    assert_eq!((before, after), (REFUSED, REFUSED));
    assert_eq!(release.restarted, [] as [B256; 0]);
    let thrown = world.add_compose_hash(version(2)).unwrap_err();
    let data = hex::decode(thrown.revert.as_ref().unwrap()).unwrap();
    let error = AppAuth::NoticeNotElapsed::abi_decode(&data).unwrap();
    assert_eq!(error.ripeAt.to::<u64>(), ripe);
    assert!(world.sentence(&thrown).await.contains(" may be activated from 2027-01-22 08:0"));

    world.at(ripe).await;
    let (before, release, after) = release_at_once(&mut world, 1, app).await;
    assert_eq!((before, after), (REFUSED, ACCEPTED));
    assert_eq!((release.refused, release.restarted), (None, vec![version(2)]));
    // What the platform and every index look for in the transaction, in the stock layout.
    let (added, _) = world.events::<ComposeHashAdded>(release.transactions[0]).await;
    assert_eq!(added, [ComposeHashAdded { composeHash: version(2) }]);
}

#[tokio::test]
async fn a_proposal_that_died_does_not_go_through() {
    let mut world = World::start().await;
    let app = world.app;
    let ripe = world.propose(version(2)).await;
    world.at(ripe + 14 * 24 * 3_600).await;
    let (before, release, after) = release_at_once(&mut world, 1, app).await;
    assert_eq!((before, after), (REFUSED, REFUSED));
    assert_eq!(release.restarted, [] as [B256; 0]);
    let thrown = world.add_compose_hash(version(2)).unwrap_err();
    assert!(world.sentence(&thrown).await.contains(" has to be proposed first"));
}

/// `phala deploy` adds the hash also where it is allowed already. The SDK looks only at whether the
/// transaction succeeded: one without any event is as good as one with the event.
#[tokio::test]
async fn what_is_allowed_is_added_again_without_effect() {
    let mut world = World::start().await;
    let (app, root) = (world.app, world.root().await);
    let result = world.add_compose_hash(version(1)).unwrap();
    assert_eq!(result["composeHash"], version(1).to_string());
    assert_eq!(result["appId"], json!(app));
    let release = world.release(1, app, version(1), device(1));
    assert_eq!((release.refused, release.restarted), (None, vec![version(1)]));
    for transaction in
        [release.transactions[0], result["transactionHash"].as_str().unwrap().parse().unwrap()]
    {
        let (_, all) = world.events::<ComposeHashAdded>(transaction).await;
        assert_eq!(all, 0);
    }
    assert_eq!(world.root().await, root, "nothing happened, and the history says something did");
}

/// Anyone may activate what is ripe, but not through the SDK: it asks for `owner()` and compares.
#[tokio::test]
async fn through_the_sdk_only_the_owner_adds() {
    let mut world = World::start().await;
    let ripe = world.propose(version(2)).await;
    world.at(ripe).await;
    for (account, who) in [(2, world.bench.guardian.address()), (3, world.bench.stranger.address())]
    {
        let with = json!({"appId": world.app, "composeHash": version(2)});
        let thrown = world.send(account, "addComposeHash", with).unwrap_err();
        let app = world.app.to_string().to_lowercase();
        let owner = world.bench.owner.address();
        assert_eq!(
            thrown.message,
            format!("Sender {who} is not the owner of contract {app}. Contract owner is {owner}.")
        );
    }
    let call = AppAuth::activateComposeHashCall { composeHash: version(2) };
    world.bench.stranger.send(world.app, &call).await.unwrap();
    let app = world.app;
    assert_eq!(world.checks(app, version(2), device(1)), ACCEPTED);
}

/// The SDK makes apps through the KMS, so what it makes is a stock app. It has no way to make an
/// AppAuth: the factory is no KMS.
#[tokio::test]
async fn the_sdk_makes_stock_apps_only() {
    let mut world = World::start().await;
    let with = json!({
        "kmsContractAddress": world.bench.factory,
        "composeHash": version(1),
        "deviceId": device(1),
    });
    let thrown = world.send(4, "deployAppAuth", with).unwrap_err();
    assert_eq!(thrown.revert.as_deref(), Some("0x"), "{}", thrown.message);
}

/// What the SDK calls prerequisites are three getters: nothing of the TCB, of OS images or of the KMS.
/// And a question that nobody answers is answered with no.
#[tokio::test]
async fn the_sdks_prerequisites_are_not_the_boot_decision() {
    let mut world = World::start().await;
    let app = world.app;
    assert_eq!(world.checks(app, version(1), device(1)), ACCEPTED);
    let mut boot = world.boot(app);
    boot.tcbStatus = "OutOfDate".into();
    assert_eq!(world.kms_says(boot).await, (false, "TCB status is not up to date".to_owned()));
    let mut boot = world.boot(app);
    boot.osImageHash = world.bench.os_images[1];
    assert_eq!(world.kms_says(boot).await, (false, "OS image not allowed by the app".to_owned()));

    let with = json!({"appAddress": app, "composeHash": version(1), "deviceId": device(1),
        "chainId": 8_453, "rpcUrl": "http://127.0.0.1:1"});
    let said = world.sdk.call("checkOnChainPrerequisites", with).unwrap();
    assert_eq!(
        said,
        json!({"allowAnyDevice": false, "deviceAllowed": false, "composeHashAllowed": false})
    );
}
