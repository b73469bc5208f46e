//! The KMS in front of the app: it has to pass on the right answer, and the right reason.

use crate::world::{World, device, version};
use alloy::primitives::{Address, B256, keccak256};
use devproof_contracts::{
    bindings::{
        AppAuth,
        factory::{AppAuthFactory, IAppAuth::Settings},
    },
    stock::{AppBootInfo, DstackKms},
};

const YES: (bool, &str) = (true, "");

/// Asks the KMS, and compares.
async fn expect(world: &World, boot: &AppBootInfo, (allowed, reason): (bool, &str)) {
    assert_eq!(world.kms_says(boot.clone()).await, (allowed, reason.to_owned()), "{boot:?}");
}

#[tokio::test]
async fn the_kms_says_no_before_the_notice_and_yes_after_it() {
    let mut world = World::start().await;
    let app = world.app;
    let mut boot = world.boot(app);
    expect(&world, &boot, YES).await;
    boot.composeHash = version(2);
    let no = (false, "Compose hash not allowed");
    expect(&world, &boot, no).await;
    world.add_compose_hash(version(2)).unwrap_err();
    expect(&world, &boot, no).await;
    let ripe = world.propose(version(2)).await;
    expect(&world, &boot, no).await;
    world.at(ripe).await;
    // Ripe is not allowed: somebody has to activate it.
    expect(&world, &boot, no).await;
    world.add_compose_hash(version(2)).unwrap();
    expect(&world, &boot, YES).await;

    let call = AppAuth::removeComposeHashCall { composeHash: version(2) };
    world.bench.guardian.send(app, &call).await.unwrap();
    expect(&world, &boot, no).await;
}

/// As the control: of a stock app the KMS says yes as soon as the SDK has called.
#[tokio::test]
async fn of_a_stock_app_the_kms_says_yes_at_once() {
    let mut world = World::start().await;
    let app = world.deploy_stock();
    let mut boot = world.boot(app);
    expect(&world, &boot, YES).await;
    boot.composeHash = version(2);
    expect(&world, &boot, (false, "Compose hash not allowed")).await;
    assert_eq!(world.release(4, app, version(2), device(1)).refused, None);
    expect(&world, &boot, YES).await;
}

/// Everything is wrong at first. What a stock KMS, and then a stock app, would name next is mended each
/// time; our own reasons come after all of theirs.
#[tokio::test]
async fn every_stock_reason_comes_in_stock_order() {
    let world = World::start().await;
    let stranger = Address::repeat_byte(0x5a);
    let mut boot = AppBootInfo {
        appId: stranger,
        composeHash: version(9),
        deviceId: device(9),
        osImageHash: keccak256("no image"),
        tcbStatus: "OutOfDate".into(),
        advisoryIds: vec!["INTEL-SA-00001".into()],
        ..world.boot(stranger)
    };
    expect(&world, &boot, (false, "App not registered")).await;
    let call = DstackKms::registerAppCall { appId: stranger };
    world.bench.stranger.send(world.bench.kms, &call).await.unwrap();
    expect(&world, &boot, (false, "OS image is not allowed")).await;
    boot.osImageHash = world.bench.os_images[1];
    expect(&world, &boot, (false, "App not deployed or invalid address")).await;
    boot.appId = world.app;
    expect(&world, &boot, (false, "TCB status is not up to date")).await;
    boot.tcbStatus = "UpToDate".into();
    expect(&world, &boot, (false, "Compose hash not allowed")).await;
    boot.composeHash = version(1);
    expect(&world, &boot, (false, "Device not allowed")).await;
    boot.deviceId = device(1);
    expect(&world, &boot, (false, "OS image not allowed by the app")).await;
    boot.osImageHash = world.bench.os_images[0];
    expect(&world, &boot, YES).await;
}

/// A KMS that the factory was not told of takes the app like any other.
#[tokio::test]
async fn an_app_is_registered_by_anyone_later() {
    let world = World::start().await;
    let settings = Settings {
        owner: world.bench.owner.address(),
        guardian: Address::ZERO,
        noticePeriod: 2 * 24 * 3_600,
        allowAnyDevice: true,
        requireTcbUpToDate: false,
        composeHashes: vec![version(1)],
        devices: vec![],
        osImages: vec![],
    };
    let salt = B256::with_last_byte(7);
    let predict = AppAuthFactory::predictCall { settings: settings.clone(), salt };
    let app = world.bench.node.call(world.bench.factory, &predict, None).await.unwrap();
    let deploy = AppAuthFactory::deployCall { settings, salt, kms: Address::ZERO };
    world.bench.owner.send(world.bench.factory, &deploy).await.unwrap();
    let boot = AppBootInfo { deviceId: device(9), ..world.boot(app) };
    expect(&world, &boot, (false, "App not registered")).await;
    let call = DstackKms::registerAppCall { appId: app };
    world.bench.stranger.send(world.bench.kms, &call).await.unwrap();
    expect(&world, &boot, YES).await;
}
