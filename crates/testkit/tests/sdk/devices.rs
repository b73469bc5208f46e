//! Devices by the SDK's calls.

use crate::world::{World, device, version};
use alloy::primitives::{Address, B256};
use devproof_contracts::{
    bindings::AppAuth,
    stock::DstackApp::{AllowAnyDeviceSet, DeviceAdded, DeviceRemoved},
};
use devproof_primitives::Setting;
use serde_json::{Value, json};

/// Lets the owner announce a widening of a setting, and lets its notice pass.
async fn announce(world: &World, setting: Setting, value: B256) {
    let call = AppAuth::proposeCall { kind: setting as u8, value };
    world.bench.owner.send(world.app, &call).await.unwrap();
    world.wait_for_the_notice().await;
}

/// The transaction in an answer of the SDK.
fn transaction(answer: &Value) -> B256 {
    answer["transactionHash"].as_str().unwrap().parse().unwrap()
}

/// Adds the second device at once, and asks the SDK before and afterwards. The same calls for our app
/// and for a stock one.
fn add_at_once(world: &mut World, owner: usize, app: Address) -> (bool, bool, bool) {
    let before = world.checks(app, version(1), device(2)).device;
    let with = json!({"appAddress": app, "deviceId": device(2)});
    let added = world.send(owner, "addDevice", with).is_ok();
    (before, added, world.checks(app, version(1), device(2)).device)
}

#[tokio::test]
async fn a_device_waits_for_its_notice() {
    let mut world = World::start().await;
    let (app, root) = (world.app, world.root().await);
    assert_eq!(add_at_once(&mut world, 1, app), (false, false, false));
    let thrown = world.add_device(device(2)).unwrap_err();
    assert!(
        world.sentence(&thrown).await.starts_with(&format!(
            "device {} has to be proposed first, and could be in force from 2027-01-22 08:0",
            device(2)
        )),
        "{}",
        thrown.message
    );
    assert_eq!(world.root().await, root);

    announce(&world, Setting::Device, device(2)).await;
    assert!(!world.checks(app, version(1), device(2)).device, "ripe is not activated");
    let answer = world.add_device(device(2)).unwrap();
    let (added, _) = world.events::<DeviceAdded>(transaction(&answer)).await;
    assert_eq!(added, [DeviceAdded { deviceId: device(2) }]);
    assert!(world.checks(app, version(1), device(2)).device);

    let root = world.root().await;
    let again = world.add_device(device(2)).unwrap();
    assert_eq!(world.events::<DeviceAdded>(transaction(&again)).await.1, 0);
    assert_eq!(world.root().await, root);
}

#[tokio::test]
async fn a_stock_app_takes_a_device_at_once() {
    let mut world = World::start().await;
    let app = world.deploy_stock();
    assert_eq!(add_at_once(&mut world, 4, app), (false, true, true));
}

/// `phala deploy` to a machine the app does not know stops at the device, before the compose hash.
#[tokio::test]
async fn a_release_to_a_new_device_stops_there() {
    let mut world = World::start().await;
    let app = world.app;
    let release = world.release(1, app, version(1), device(2));
    assert_eq!(release.restarted, [] as [B256; 0]);
    let words = release.refused.unwrap();
    assert!(words.starts_with("Failed to register device on-chain (device: "), "{words}");

    announce(&world, Setting::Device, device(2)).await;
    let release = world.release(1, app, version(1), device(2));
    assert_eq!((release.refused, release.restarted), (None, vec![version(1)]));
}

/// The SDK does not ask who the owner is before it narrows, so the guardian can do it with stock tools.
#[tokio::test]
async fn a_device_is_removed_at_once_also_by_the_guardian() {
    let mut world = World::start().await;
    let app = world.app;
    let with = json!({"appAddress": app, "deviceId": device(1)});
    let thrown = world.send(3, "removeDevice", with.clone()).unwrap_err();
    assert!(
        world.sentence(&thrown).await.starts_with("only the owner or the guardian may do this"),
        "{}",
        thrown.message
    );
    let answer = world.send(2, "removeDevice", with).unwrap();
    let (removed, _) = world.events::<DeviceRemoved>(transaction(&answer)).await;
    assert_eq!(removed, [DeviceRemoved { deviceId: device(1) }]);
    assert!(!world.checks(app, version(1), device(1)).device);
}

#[tokio::test]
async fn any_device_waits_for_its_notice_and_ends_at_once() {
    let mut world = World::start().await;
    let app = world.app;
    let allow = |allow: bool| json!({"appAddress": app, "allow": allow});
    let known = |world: &mut World| {
        let with = json!({"appAddress": app, "deviceIds": [device(1), device(2)]});
        world.ask("getAllowedDevices", with).unwrap()["devices"].clone()
    };
    assert_eq!(known(&mut world), json!([device(1)]));
    let thrown = world.send(1, "setAllowAnyDevice", allow(true)).unwrap_err();
    assert!(
        world.sentence(&thrown).await.starts_with("accepting any device has to be proposed first"),
        "{}",
        thrown.message
    );

    announce(&world, Setting::AnyDevice, B256::with_last_byte(1)).await;
    let answer = world.send(1, "setAllowAnyDevice", allow(true)).unwrap();
    let (set, _) = world.events::<AllowAnyDeviceSet>(transaction(&answer)).await;
    assert_eq!(set, [AllowAnyDeviceSet { allowAny: true }]);
    assert!(world.checks(app, version(1), device(3)).any_device);
    assert_eq!(known(&mut world), json!([device(1), device(2)]));

    world.send(2, "setAllowAnyDevice", allow(false)).unwrap();
    assert_eq!(known(&mut world), json!([device(1)]));
}
