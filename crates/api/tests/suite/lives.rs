//! Random lives: a contract of each kind goes through everything, and the key service as well.

use crate::world::{APP, LOCAL, OWNER, REGISTRY, STOCK, STRANGER, World, block, hash};
use alloy_primitives::{Address, B256, Bytes, U256};
use devproof_contracts::{
    About,
    stock::{DstackApp, DstackKms},
};
use devproof_primitives::{Action, Setting};
use devproof_store::Reading;

/// The last block of a life.
pub(crate) const END: u64 = 60;

/// A life on the store, with what was read of the stock app by call.
pub(crate) async fn random(seed: u64) -> World {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut world = World::empty(LOCAL).await;
    world.kms(5, &DstackKms::OsImageHashAdded { osImageHash: hash(0xe1) });
    world.birth(10);
    world.stock_birth(12);
    for number in 13..END {
        live(&mut world, number, &mut rng);
    }
    world.commit(None, END).await;
    world.verified(END).await;
    let mut readings = vec![read(12, About::Birth.word(), Bytes::new(), B256::with_last_byte(1))];
    for _ in 0..rng.u8(0..4) {
        let subject = Bytes::copy_from_slice(hash(rng.u8(1..5)).as_slice());
        let setting = Setting::ComposeHash.name();
        readings.push(read(rng.u64(12..END), setting, subject, B256::with_last_byte(1)));
    }
    world.store.add_readings(LOCAL, STOCK, &readings, &block(END)).await.unwrap();
    world
}

/// A block of a life.
pub(crate) fn live(world: &mut World, number: u64, rng: &mut fastrand::Rng) {
    for _ in 0..rng.u8(1..3) {
        match number % 4 {
            0 | 1 => entry(world, number, rng),
            2 => stock(world, number, rng),
            _ => kms(world, number, rng),
        }
    }
}

/// What STOCK answered after a block.
pub(crate) fn read(number: u64, what: &str, subject: Bytes, value: B256) -> Reading {
    let value = Bytes::copy_from_slice(value.as_slice());
    Reading { block: block(number), what: what.to_owned(), subject, value }
}

fn someone(rng: &mut fastrand::Rng) -> Address {
    [OWNER, STRANGER, REGISTRY, Address::ZERO][rng.usize(..4)]
}

fn entry(world: &mut World, at: u64, rng: &mut fastrand::Rng) {
    use Setting as S;
    let value = hash(rng.u8(1..5));
    let flag = B256::with_last_byte(rng.u8(..2));
    let address = someone(rng).into_word();
    let (action, setting, value) = match rng.u8(..24) {
        0..4 => return world.propose(at, value, rng.bool().then_some((value, "x:y"))),
        4..7 => (Action::Set, S::ComposeHash, value),
        7..9 => (Action::Removed, S::ComposeHash, value),
        9..11 => (Action::Cancelled, S::ComposeHash, value),
        11 => return world.announce(at, S::Device, value),
        12 => (Action::Set, S::Device, value),
        13 => (Action::Removed, S::Device, value),
        14 => (Action::Set, S::AnyDevice, flag),
        15 => (Action::Set, S::TcbRequirement, flag),
        16 => (Action::Set, S::OsImage, value),
        17 => (Action::Removed, S::OsImage, value),
        18 => (Action::Set, S::AnyOsImage, B256::with_last_byte(1)),
        19 => (Action::Set, S::NoticePeriod, U256::from(rng.u32(172_800..604_800)).into()),
        20 => (Action::Set, S::Guardian, address),
        21 => (Action::Set, S::PendingOwner, address),
        22 => (Action::Set, S::Owner, address),
        _ => {
            let frozen = [S::Device, S::OsImage, S::ComposeHash][rng.usize(..3)];
            (Action::Set, S::Freeze, B256::with_last_byte(frozen as u8))
        }
    };
    world.extend(at, action, setting, value, OWNER);
}

fn stock(world: &mut World, at: u64, rng: &mut fastrand::Rng) {
    let value = hash(rng.u8(1..5));
    let (from, to) = (OWNER, someone(rng));
    match rng.u8(..14) {
        0..4 => world.stock(at, &DstackApp::ComposeHashAdded { composeHash: value }),
        4..8 => world.stock(at, &DstackApp::ComposeHashRemoved { composeHash: value }),
        8 => world.stock(at, &DstackApp::DeviceAdded { deviceId: value }),
        9 => world.stock(at, &DstackApp::DeviceRemoved { deviceId: value }),
        10 => world.stock(at, &DstackApp::AllowAnyDeviceSet { allowAny: rng.bool() }),
        11 => {
            world.stock(at, &DstackApp::OwnershipTransferred { previousOwner: from, newOwner: to })
        }
        12 => world.stock(at, &DstackApp::UpgradesDisabled {}),
        _ => world.stock(at, &DstackApp::Upgraded { implementation: to }),
    }
}

fn kms(world: &mut World, at: u64, rng: &mut fastrand::Rng) {
    let value = hash(rng.u8(1..5));
    let (from, to) = (OWNER, someone(rng));
    match rng.u8(..14) {
        0..2 => world.kms(at, &DstackKms::OsImageHashAdded { osImageHash: value }),
        2..4 => world.kms(at, &DstackKms::OsImageHashRemoved { osImageHash: value }),
        4 => world.kms(at, &DstackKms::KmsAggregatedMrAdded { mrAggregated: value }),
        5 => world.kms(at, &DstackKms::KmsAggregatedMrRemoved { mrAggregated: value }),
        6 => world.kms(at, &DstackKms::KmsDeviceAdded { deviceId: value }),
        7 => world.kms(at, &DstackKms::OwnershipTransferred { previousOwner: from, newOwner: to }),
        8 => world
            .kms(at, &DstackKms::OwnershipTransferStarted { previousOwner: from, newOwner: to }),
        9 => world.kms(at, &DstackKms::Upgraded { implementation: to }),
        10 => world.kms(at, &DstackKms::GatewayAppIdSet { gatewayAppId: format!("{value}") }),
        11 => world.kms(at, &DstackKms::AppRegistered { appId: APP }),
        12 => world.kms(at, &DstackKms::AppRegistered { appId: STRANGER }),
        _ => world.kms(at, &DstackKms::KmsInfoSet { k256Pubkey: Bytes::from(value.to_vec()) }),
    }
}

/// The addresses of the lives.
pub(crate) const APPS: [Address; 2] = [APP, STOCK];
