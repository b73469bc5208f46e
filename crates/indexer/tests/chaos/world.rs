//! The chain, and what happens on it.

use crate::Done;
use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, Bytes, hex, keccak256};
use devproof_contracts::{
    bindings::{
        AppAuth::*,
        factory::{AppAuthFactory, IAppAuth},
    },
    stock::{DstackApp, DstackKms},
};
use devproof_primitives::Setting;
use devproof_testkit::{Anvil, Bench};
use serde_json::{Value, json};

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;
const DAY: u64 = 86_400;
/// Blocks from `safe` to `latest`, and from `finalized` to `safe`.
const EPOCH: u64 = 4;
/// The most apps of a kind.
const APPS: usize = 5;

/// A chain with a KMS, a factory and apps, in which things happen at random.
pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) rng: fastrand::Rng,
    /// The AppAuths that were ever born or will be, in the order of their salts; not all are there on every branch.
    pub(crate) apps: Vec<Address>,
    /// Stock apps; likewise.
    pub(crate) stock: Vec<Address>,
    /// The highest block that was ever final: never left behind.
    floor: u64,
    /// States to go back to, with the height.
    snapshots: Vec<(Value, u64)>,
}

impl World {
    pub(crate) async fn create(rng: fastrand::Rng) -> Self {
        let bench = Bench::on(Anvil::start_with(31_337, NOW, EPOCH).unwrap()).await.unwrap();
        let mut world =
            Self { bench, rng, apps: vec![], stock: vec![], floor: 0, snapshots: vec![] };
        world.request("evm_setAutomine", json!([false])).await;
        for salt in 0..APPS {
            let predict =
                AppAuthFactory::predictCall { settings: world.settings(), salt: word(salt) };
            let app = world.bench.node.call(world.bench.factory, &predict, None).await.unwrap();
            world.apps.push(app);
        }
        for salt in 0..2 {
            world.deploy(salt).await;
        }
        world.deploy_stock().await;
        world.mine(1).await;
        world.finalize().await;
        world
    }

    /// Lets all that has happened become final.
    pub(crate) async fn finalize(&mut self) {
        self.mine(2 * EPOCH).await;
        self.forget_snapshots();
        self.see().await;
    }

    /// Blocks at the end of the chain that may still change.
    pub(crate) async fn may_move(&self) -> u64 {
        self.head().await - self.floor
    }

    /// The chain had so many more blocks than now for a moment.
    pub(crate) async fn was_longer(&mut self, than: u64, by: u64) {
        self.floor = self.floor.max((than + by).saturating_sub(2 * EPOCH));
        self.see().await;
    }

    pub(crate) async fn head(&self) -> u64 {
        self.bench.node.heads().await.unwrap().latest.number
    }

    pub(crate) fn hash(rng: &mut fastrand::Rng) -> B256 {
        keccak256(format!("version {}", rng.u8(..5)))
    }

    /// Something happens.
    pub(crate) async fn step(&mut self, done: &mut Done) {
        let what = match self.rng.u8(..100) {
            0..55 => {
                for _ in 0..self.rng.u8(1..=3) {
                    for _ in 0..self.rng.u8(1..=3) {
                        self.transact().await;
                    }
                    self.mine(1).await;
                }
                "transactions"
            }
            55..65 => {
                let blocks = self.rng.u64(1..=6);
                self.mine(blocks).await;
                "empty blocks"
            }
            65..72 => {
                let seconds = self.rng.u64(1..=4 * DAY);
                self.request("evm_increaseTime", json!([seconds])).await;
                self.mine(1).await;
                "time jumps"
            }
            72..84 => match self.depth().await {
                0 => "nothing",
                depth => {
                    self.bench.anvil.reorg(depth).await.unwrap();
                    self.snapshots.clear();
                    "reorgs"
                }
            },
            84..90 => match self.depth().await {
                0 => "nothing",
                depth => {
                    self.bench.anvil.rollback(depth).await.unwrap();
                    self.snapshots.clear();
                    "rollbacks"
                }
            },
            90..95 => {
                let height = self.head().await;
                let snapshot = self.request("evm_snapshot", json!([])).await;
                self.snapshots.push((snapshot, height));
                "snapshots"
            }
            _ => match self.snapshots.pop() {
                Some((snapshot, height)) if height >= self.floor => {
                    self.request("evm_revert", json!([snapshot])).await;
                    "reverts"
                }
                _ => "nothing",
            },
        };
        *done.moves.entry(what).or_default() += 1;
        self.see().await;
    }

    /// The proxies moved the chain: what was remembered of it may be of another branch.
    pub(crate) fn forget_snapshots(&mut self) {
        self.snapshots.clear();
    }

    async fn depth(&mut self) -> u64 {
        let most = self.may_move().await;
        if most == 0 { 0 } else { self.rng.u64(1..=most) }
    }

    async fn see(&mut self) {
        self.floor = self.floor.max(self.head().await.saturating_sub(2 * EPOCH));
    }

    async fn request(&self, method: &'static str, params: Value) -> Value {
        self.bench.anvil.request(method, params).await.unwrap()
    }

    async fn mine(&self, blocks: u64) {
        self.bench.anvil.mine(blocks).await.unwrap();
    }

    fn settings(&self) -> IAppAuth::Settings {
        IAppAuth::Settings {
            owner: self.bench.owner.address(),
            guardian: self.bench.guardian.address(),
            noticePeriod: 2 * DAY as u32,
            allowAnyDevice: true,
            requireTcbUpToDate: false,
            composeHashes: vec![keccak256("version 0")],
            devices: vec![],
            osImages: vec![],
        }
    }

    /// Puts a transaction into the next block. Whether it succeeds there is its own business.
    async fn send(&self, from: Address, to: Address, call: &impl SolCall) {
        let data = Bytes::from(call.abi_encode());
        let gas = "0x4c4b40";
        let sent =
            json!([{"from": from, "to": to, "data": hex::encode_prefixed(data), "gas": gas}]);
        self.request("eth_sendTransaction", sent).await;
    }

    async fn deploy(&self, salt: usize) {
        let kms = if salt.is_multiple_of(2) { self.bench.kms } else { Address::ZERO };
        let call = AppAuthFactory::deployCall { settings: self.settings(), salt: word(salt), kms };
        self.send(self.bench.stranger.address(), self.bench.factory, &call).await;
    }

    async fn deploy_stock(&mut self) {
        let call = DstackKms::deployAndRegisterAppCall {
            initialOwner: self.bench.rival.address(),
            disableUpgrades: false,
            requireTcbUpToDate: false,
            allowAnyDevice: true,
            initialDeviceId: B256::ZERO,
            initialComposeHash: keccak256("version 0"),
        };
        // Right unless another one is deployed in the same block.
        let app = self.bench.node.call(self.bench.kms, &call, None).await.unwrap();
        self.send(self.bench.rival.address(), self.bench.kms, &call).await;
        if !self.stock.contains(&app) {
            self.stock.push(app);
        }
    }

    async fn transact(&mut self) {
        let composeHash = Self::hash(&mut self.rng);
        let app = self.rng.choice(&self.apps).copied().unwrap();
        let stock = self.rng.choice(&self.stock).copied().unwrap();
        let device = keccak256(format!("device {}", self.rng.u8(..3)));
        let kind = Setting::Device as u8;
        let Bench { kms, operator, owner, guardian, stranger, rival, .. } = &self.bench;
        let kms = *kms;
        let [operator, owner, guardian, stranger, rival] =
            [operator, owner, guardian, stranger, rival].map(|account| account.address());
        match self.rng.u8(..100) {
            0..18 => self.send(owner, app, &proposeComposeHash_1Call { composeHash }).await,
            18..33 => self.send(stranger, app, &activateComposeHashCall { composeHash }).await,
            33..40 => self.send(owner, app, &removeComposeHashCall { composeHash }).await,
            40..45 => self.send(guardian, app, &cancelComposeHashCall { composeHash }).await,
            45..50 => self.send(owner, app, &proposeCall { kind, value: device }).await,
            50..54 => self.send(stranger, app, &activateCall { kind, value: device }).await,
            54..66 => self.send(rival, stock, &DstackApp::addComposeHashCall { composeHash }).await,
            66..74 => {
                self.send(rival, stock, &DstackApp::removeComposeHashCall { composeHash }).await;
            }
            74..80 => {
                let call = DstackKms::addOsImageHashCall { osImageHash: composeHash };
                self.send(operator, kms, &call).await;
            }
            80..84 => {
                let call = DstackKms::removeOsImageHashCall { osImageHash: composeHash };
                self.send(operator, kms, &call).await;
            }
            84..92 => {
                let salt = self.rng.usize(..APPS);
                self.deploy(salt).await;
            }
            92..95 if self.stock.len() < APPS => self.deploy_stock().await,
            // Anybody registers anything: one that is there, that will be, or that nobody ever deploys.
            _ => {
                let nobody = Address::with_last_byte(self.rng.u8(1..=3));
                let appId = if self.rng.bool() { app } else { nobody };
                self.send(stranger, kms, &DstackKms::registerAppCall { appId }).await;
            }
        }
    }
}

fn word(number: usize) -> B256 {
    B256::with_last_byte(number as u8)
}
