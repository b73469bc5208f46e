//! The chain the SDK is tried on, and how it is asked.

use crate::driver::{Driver, Thrown};
use alloy::{
    primitives::{Address, B256, Bytes, keccak256},
    providers::{DynProvider, Provider, ProviderBuilder},
    sol_types::SolEvent,
};
use devproof_chain::Account;
use devproof_contracts::{
    bindings::{AppAuth, IAppAuth::Settings},
    explain_revert,
    stock::{AppBootInfo, DstackKms},
};
use devproof_testkit::Bench;
use serde_json::{Value, json};

/// Base: the SDK knows three chains by their ids, and of its own local one it cannot ask
/// `checkOnChainPrerequisites`, because it names no Multicall3 there.
const CHAIN_ID: u64 = 8_453;
/// 2027-01-15 08:00:00 UTC.
pub(crate) const GENESIS: u64 = 1_800_000_000;
/// The notice of the app.
pub(crate) const NOTICE: u64 = 7 * 24 * 3_600;

/// A chain with a KMS, an AppAuth and the SDK.
pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) sdk: Driver,
    /// An AppAuth, registered with the KMS: seven days of notice, one compose hash, one device.
    pub(crate) app: Address,
    pub(crate) provider: DynProvider,
}

/// What became of `phala deploy`.
#[derive(Debug)]
pub(crate) struct Release {
    /// What the command ends with, if it fails.
    pub(crate) refused: Option<String>,
    /// The compose hashes for which the platform was told to restart the CVM.
    pub(crate) restarted: Vec<B256>,
    /// The transactions it was given as evidence.
    pub(crate) transactions: Vec<B256>,
}

/// What the SDK's three questions say of a compose hash on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checks {
    pub(crate) compose_hash: bool,
    pub(crate) device: bool,
    pub(crate) any_device: bool,
}

pub(crate) fn version(n: u32) -> B256 {
    keccak256(format!("version {n}"))
}

pub(crate) fn device(n: u32) -> B256 {
    keccak256(format!("device {n}"))
}

impl World {
    pub(crate) async fn start() -> Self {
        let bench = Bench::start_as(CHAIN_ID, GENESIS).await.unwrap();
        let settings = Settings {
            owner: bench.owner.address(),
            guardian: bench.guardian.address(),
            noticePeriod: NOTICE as u32,
            allowAnyDevice: false,
            requireTcbUpToDate: true,
            composeHashes: vec![version(1)],
            devices: vec![device(1)],
            osImages: vec![bench.os_images[0]],
        };
        let app = bench.deploy_app(&settings, B256::ZERO).await.unwrap();
        let provider =
            ProviderBuilder::new().connect_http(bench.anvil.url().parse().unwrap()).erased();
        let mut world = Self { bench, sdk: Driver::start(), app, provider };
        world.ask("installMulticall", json!({})).unwrap();
        world
    }

    /// The private key of one of anvil's accounts, as tools take it. 1 owns the app, 2 guards it, 3 is
    /// anybody, 4 owns the stock app.
    fn key(&self, account: usize) -> String {
        self.bench.anvil.key(account).unwrap().to_bytes().to_string()
    }

    /// Asks the SDK something about this chain, as nobody.
    pub(crate) fn ask(&mut self, call: &str, mut with: Value) -> Result<Value, Thrown> {
        with["chainId"] = CHAIN_ID.into();
        with["rpcUrl"] = self.bench.anvil.url().into();
        self.sdk.call(call, with)
    }

    /// Lets the SDK send a transaction, as one of anvil's accounts.
    pub(crate) fn send(
        &mut self,
        from: usize,
        call: &str,
        mut with: Value,
    ) -> Result<Value, Thrown> {
        with["privateKey"] = self.key(from).into();
        self.ask(call, with)
    }

    /// Deploys a stock app by the SDK, with the compose hash and the device of ours; gives its id.
    pub(crate) fn deploy_stock(&mut self) -> Address {
        let with = json!({
            "kmsContractAddress": self.bench.kms,
            "composeHash": version(1),
            "deviceId": device(1),
        });
        let made = self.send(4, "deployAppAuth", with).unwrap();
        made["appId"].as_str().unwrap().parse().unwrap()
    }

    /// `addComposeHash` of the SDK, as the owner.
    pub(crate) fn add_compose_hash(&mut self, hash: B256) -> Result<Value, Thrown> {
        let with = json!({"appId": self.app, "composeHash": hash});
        self.send(1, "addComposeHash", with)
    }

    /// `addDevice` of the SDK, as the owner.
    pub(crate) fn add_device(&mut self, device: B256) -> Result<Value, Thrown> {
        let with = json!({"appAddress": self.app, "deviceId": device});
        self.send(1, "addDevice", with)
    }

    /// `phala deploy` of a compose hash on a device.
    pub(crate) fn release(&mut self, from: usize, app: Address, hash: B256, on: B256) -> Release {
        let with = json!({"appId": app, "composeHash": hash, "deviceId": on});
        let told = self.send(from, "release", with).unwrap();
        let all = |key: &str| {
            let told = told["told"].as_array().unwrap();
            told.iter().map(|t| t[key].as_str().unwrap().parse().unwrap()).collect()
        };
        Release {
            refused: told["refused"].as_str().map(str::to_owned),
            restarted: all("composeHash"),
            transactions: all("transactionHash"),
        }
    }

    /// What the SDK's checks say; all of them, and that they agree.
    pub(crate) fn checks(&mut self, app: Address, hash: B256, on: B256) -> Checks {
        let with = json!({"appAddress": app, "composeHash": hash, "deviceId": on});
        let all = self.ask("checkOnChainPrerequisites", with.clone()).unwrap();
        let one = |value: &Value| value.as_bool().unwrap();
        let checks = Checks {
            compose_hash: one(&all["composeHashAllowed"]),
            device: one(&all["deviceAllowed"]),
            any_device: one(&all["allowAnyDevice"]),
        };
        let hash = self.ask("checkComposeHashAllowed", with.clone()).unwrap();
        assert_eq!(one(&hash), checks.compose_hash);
        let device = self.ask("checkDeviceAllowed", with).unwrap();
        assert_eq!(one(&device), checks.device);
        checks
    }

    /// What a KMS would say to a platform that is in order.
    pub(crate) fn boot(&self, app: Address) -> AppBootInfo {
        AppBootInfo {
            appId: app,
            composeHash: version(1),
            instanceId: Address::ZERO,
            deviceId: device(1),
            mrAggregated: B256::ZERO,
            mrSystem: B256::ZERO,
            osImageHash: self.bench.os_images[0],
            tcbStatus: "UpToDate".into(),
            advisoryIds: vec![],
        }
    }

    /// The answer of the KMS to a boot, and its reason.
    pub(crate) async fn kms_says(&self, boot: AppBootInfo) -> (bool, String) {
        let call = DstackKms::isAppAllowedCall { bootInfo: boot };
        let answer = self.bench.node.call(self.bench.kms, &call, None).await.unwrap();
        (answer.isAllowed, answer.reason)
    }

    /// Lets the owner announce a compose hash; gives the time from which it may be activated.
    pub(crate) async fn propose(&self, hash: B256) -> u64 {
        let call = AppAuth::proposeComposeHash_1Call { composeHash: hash };
        self.bench.owner.send(self.app, &call).await.unwrap();
        self.now().await + NOTICE
    }

    /// The time of the newest block.
    pub(crate) async fn now(&self) -> u64 {
        self.bench.node.heads().await.unwrap().latest.timestamp
    }

    /// Lets the notice of what was announced last pass.
    pub(crate) async fn wait_for_the_notice(&self) {
        self.at(self.now().await + NOTICE).await;
    }

    /// Lets the next block have this time.
    pub(crate) async fn at(&self, time: u64) {
        self.bench.anvil.set_next_time(time).await.unwrap();
        self.bench.anvil.mine(1).await.unwrap();
    }

    /// How many transactions an account has sent.
    pub(crate) async fn sent(&self, account: &Account) -> u64 {
        self.provider.get_transaction_count(account.address()).await.unwrap()
    }

    /// The history root of the app.
    pub(crate) async fn root(&self) -> B256 {
        self.bench.node.call(self.app, &AppAuth::historyRootCall {}, None).await.unwrap()
    }

    /// How many events of a kind a transaction left behind, and how many in all.
    pub(crate) async fn events<E: SolEvent>(&self, transaction: B256) -> (Vec<E>, usize) {
        let receipt = self.provider.get_transaction_receipt(transaction).await.unwrap().unwrap();
        assert!(receipt.status());
        let logs = receipt.logs();
        let events = logs.iter().filter_map(|log| E::decode_log(&log.inner).ok());
        (events.map(|log| log.data).collect(), logs.len())
    }

    /// The sentence for the data of a revert, at the time of the newest block.
    pub(crate) async fn sentence(&self, thrown: &Thrown) -> String {
        let data: Bytes = thrown.revert.as_ref().unwrap().parse().unwrap();
        explain_revert(&data, self.now().await).unwrap()
    }
}
