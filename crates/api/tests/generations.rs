//! Every generation of dstack contracts on a real chain: what the index answers about any block is what the contracts
//! themselves answer after it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    non_snake_case,
    reason = "a test fails by panicking, and arguments of contracts have names of their own"
)]

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use devproof_api::{
    Finality, Part, When, at,
    documents::{AtBlock, BootInfo, History},
    history, is_allowed,
};
use devproof_chain::Node;
use devproof_contracts::{
    Code,
    bindings::{AppAuth, IAppAuth::Settings},
    stock::{AppBootInfo, DstackApp, DstackKms, LegacyKmsAuth, TimelockAppAuth},
};
use devproof_indexer::{Indexer, Options, Sources};
use devproof_store::Store;
use devproof_testkit::{Bench, Birth, proxy::FaultyProxy};
use std::{num::NonZeroU64, time::Duration};
use tempfile::TempDir;

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;
const DAY: u64 = 86_400;
/// Notice of the tutorial's contract: two minutes, as it is there.
const NOTICE: u64 = 120;

fn hash(n: u8) -> B256 {
    keccak256([n])
}

/// A chain with apps of every generation.
struct World {
    bench: Bench,
    legacy_kms: Address,
    ours: Address,
    stock: Address,
    /// App id and contract: one deployed by the KMS, one that was given an id later.
    legacy: [(Address, Address); 2],
    timelock: Address,
    folder: TempDir,
}

impl World {
    async fn create() -> Self {
        let bench = Bench::start(NOW).await.unwrap();
        let birth = Birth { device: hash(100), compose_hash: hash(0), ..Birth::default() };
        let silent = Birth { require_tcb_up_to_date: true, disable_upgrades: true, ..birth };
        let legacy_kms = bench.deploy_legacy_kms().await.unwrap();
        let settings = Settings {
            owner: bench.owner.address(),
            guardian: Address::ZERO,
            noticePeriod: 2 * DAY as u32,
            allowAnyDevice: false,
            requireTcbUpToDate: false,
            composeHashes: vec![hash(0)],
            devices: vec![hash(100)],
            osImages: vec![],
        };
        bench.anvil.mine(3).await.unwrap();
        let ours = bench.deploy_app(&settings, B256::ZERO).await.unwrap();
        let stock = bench.deploy_stock_app_with(silent).await.unwrap();
        let by_kms = bench.deploy_legacy_app(legacy_kms, silent).await.unwrap();
        // The id that the rival is given next, for a contract that is there before it.
        let id = next_app_id(legacy_kms, bench.rival.address(), 1);
        let any = Birth { allow_any_device: true, ..birth };
        let controller = bench.deploy_legacy_controller(id, any).await.unwrap();
        bench.anvil.mine(2).await.unwrap();
        bench.rival.send(legacy_kms, &LegacyKmsAuth::registerAppCall { controller }).await.unwrap();
        let timelock = bench.deploy_timelock_app(NOTICE, birth).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let legacy = [by_kms, (id, controller)];
        Self { bench, legacy_kms, ours, stock, legacy, timelock, folder }
    }

    fn sources(&self) -> Sources {
        Sources {
            kms: vec![self.bench.kms, self.legacy_kms],
            factories: vec![self.bench.factory],
            registries: vec![],
            apps: vec![self.timelock],
        }
    }

    async fn index(&self, node: Node, name: &str, start_block: u64, page: u64) -> Store {
        let store = Store::open(self.folder.path().join(name).to_str().unwrap()).await.unwrap();
        self.go_on(node, &store, start_block, page).await;
        store
    }

    async fn go_on(&self, node: Node, store: &Store, start_block: u64, page: u64) {
        let options = Options {
            sources: self.sources(),
            start_block,
            poll_interval: Duration::from_millis(5),
            page_blocks: NonZeroU64::new(page).unwrap(),
            lag_patience: Duration::ZERO,
        };
        let mut indexer = Indexer::new(node, store.clone(), options).await.unwrap();
        indexer.catch_up(&mut |_| {}).await.unwrap();
    }

    async fn head(&self) -> u64 {
        self.bench.node.heads().await.unwrap().latest.number
    }

    async fn ask(&self, store: &Store, app: Address, block: u64) -> AtBlock {
        let node = &self.bench.node;
        let when = When::Block(block);
        at(store, Some(node), node.chain_id(), app, when, Finality::Unsafe).await.unwrap()
    }

    async fn tell(&self, store: &Store, app: Address) -> History {
        history(store, self.bench.node.chain_id(), app, Part::default(), Finality::Unsafe)
            .await
            .unwrap()
    }

    /// Something that may or may not succeed happens.
    async fn live(&self, rng: &mut fastrand::Rng) {
        let composeHash = hash(rng.u8(..4));
        let deviceId = hash(100 + rng.u8(..3));
        let Bench { operator, owner, stranger, rival, kms, .. } = &self.bench;
        let apps = [self.stock, self.legacy[0].1, self.legacy[1].1];
        let app = *rng.choice(&apps).unwrap();
        // A refusal costs nothing: it is simulated first.
        let _ = match rng.u8(..34) {
            0..4 => rival.send(app, &DstackApp::addComposeHashCall { composeHash }).await,
            4..7 => rival.send(app, &DstackApp::removeComposeHashCall { composeHash }).await,
            7 => rival.send(app, &DstackApp::addDeviceCall { deviceId }).await,
            8 => rival.send(app, &DstackApp::removeDeviceCall { deviceId }).await,
            9 => {
                let allowAny = rng.bool();
                rival.send(app, &DstackApp::setAllowAnyDeviceCall { allowAny }).await
            }
            10 => {
                let requireUpToDate = rng.bool();
                let call = DstackApp::setRequireTcbUpToDateCall { requireUpToDate };
                rival.send(self.stock, &call).await
            }
            11 => {
                let newOwner = stranger.address();
                rival.send(app, &DstackApp::transferOwnershipCall { newOwner }).await
            }
            12..16 => {
                let call = TimelockAppAuth::proposeComposeHashCall { hash: composeHash };
                rival.send(self.timelock, &call).await
            }
            16..19 => {
                let call = TimelockAppAuth::activateComposeHashCall { hash: composeHash };
                stranger.send(self.timelock, &call).await
            }
            19 => {
                let call = TimelockAppAuth::cancelProposalCall { hash: composeHash };
                rival.send(self.timelock, &call).await
            }
            20..22 => {
                let call = TimelockAppAuth::removeComposeHashCall { hash: composeHash };
                rival.send(self.timelock, &call).await
            }
            22..24 => {
                let call = AppAuth::proposeComposeHash_1Call { composeHash };
                owner.send(self.ours, &call).await
            }
            24 => {
                let call = AppAuth::activateComposeHashCall { composeHash };
                stranger.send(self.ours, &call).await
            }
            25 => {
                let call = AppAuth::removeComposeHashCall { composeHash };
                owner.send(self.ours, &call).await
            }
            26 => {
                operator
                    .send(*kms, &DstackKms::addOsImageHashCall { osImageHash: composeHash })
                    .await
            }
            27 => {
                operator
                    .send(*kms, &DstackKms::removeOsImageHashCall { osImageHash: composeHash })
                    .await
            }
            28 => {
                let appId = format!("gateway {}", rng.u8(..9));
                operator.send(*kms, &DstackKms::setGatewayAppIdCall { appId }).await
            }
            29 => {
                operator
                    .send(*kms, &DstackKms::addKmsAggregatedMrCall { mrAggregated: composeHash })
                    .await
            }
            30 => {
                operator
                    .send(*kms, &DstackKms::removeKmsAggregatedMrCall { mrAggregated: composeHash })
                    .await
            }
            31 => operator.send(*kms, &DstackKms::addKmsDeviceCall { deviceId }).await,
            32 => operator.send(*kms, &DstackKms::removeKmsDeviceCall { deviceId }).await,
            _ => {
                let later = self.bench.node.heads().await.unwrap().latest.timestamp;
                let step = *rng.choice(&[NOTICE, 3 * DAY]).unwrap();
                self.bench.anvil.set_next_time(later + step).await.unwrap();
                self.bench.anvil.mine(1).await.unwrap();
                return;
            }
        };
    }

    /// Compares an answer about an app with what its contract says at that block.
    async fn compare(&self, store: &Store, app: Address, contract: Address, block: u64) {
        let node = &self.bench.node;
        let answer = self.ask(store, app, block).await;
        assert_eq!((answer.app, answer.contract), (app, contract));
        if node.code(contract, block).await.unwrap().is_empty() {
            assert!(!answer.born && answer.authorised.is_empty(), "{app} at {block}: {answer:?}");
            return;
        }
        assert!(answer.born, "{app} at {block}");
        let context = format!("{} {app} at {block}: {answer:#?}", answer.code.kind);
        let at = Some(block);
        for n in 0..4 {
            let composeHash = hash(n);
            let call = DstackApp::allowedComposeHashesCall { composeHash };
            let allowed = node.call(contract, &call, at).await.unwrap();
            let told = answer.authorised.iter().any(|a| a.compose_hash == composeHash);
            assert_eq!(told, allowed, "hash {n} of {context}");
        }
        for n in 100..103 {
            let call = DstackApp::allowedDeviceIdsCall { deviceId: hash(n) };
            let allowed = node.call(contract, &call, at).await.unwrap();
            assert_eq!(answer.policy.devices.contains(&hash(n)), allowed, "{n} of {context}");
        }
        let any = node.call(contract, &DstackApp::allowAnyDeviceCall {}, at).await.unwrap();
        assert_eq!(answer.policy.allow_any_device, Some(any), "{context}");
        let owner = node.call(contract, &DstackApp::ownerCall {}, at).await.unwrap();
        assert_eq!(answer.policy.owner, Some(owner), "{context}");
        let tcb = node.call(contract, &DstackApp::requireTcbUpToDateCall {}, at).await;
        assert_eq!(answer.policy.require_tcb_up_to_date, Some(tcb.unwrap_or(false)), "{context}");
        let pending = node.call(contract, &DstackApp::pendingOwnerCall {}, at).await;
        let pending = pending.ok().filter(|a| !a.is_zero());
        assert_eq!(answer.policy.pending_owner, pending, "{context}");
        assert!(answer.not_known.is_empty(), "{context}");
        if contract == self.timelock {
            for n in 0..4 {
                let call = TimelockAppAuth::proposedAtCall { hash: hash(n) };
                let proposed = node.call(contract, &call, at).await.unwrap();
                let told = answer.proposals.iter().find(|p| p.value == hash(n));
                let ripe = told.map(|p| U256::from(p.ripe_at.as_second()));
                let expected = (!proposed.is_zero()).then(|| proposed + U256::from(NOTICE));
                assert_eq!(ripe, expected, "{n} of {context}");
                assert!(told.is_none_or(|p| p.expires_at.is_none()), "{context}");
            }
        }
    }

    /// Compares what would be said to a boot with what the contracts say, of the app and of each key service; gives how many
    /// of them said yes.
    async fn compare_verdict(
        &self,
        store: &Store,
        (app, contract): (Address, Address),
        block: u64,
        rng: &mut fastrand::Rng,
    ) -> usize {
        let node = &self.bench.node;
        if node.code(contract, block).await.unwrap().is_empty() {
            return 0;
        }
        let other = rng.u8(..12) == 0;
        let boot = BootInfo {
            app_id: app,
            compose_hash: hash(rng.u8(..4)),
            instance_id: None,
            device_id: hash(100 + rng.u8(..3)),
            mr_aggregated: None,
            mr_system: None,
            os_image_hash: *rng.choice(&[hash(1), self.bench.os_images[0]]).unwrap(),
            tcb_status: rng.choice(["UpToDate", "OutOfDate", ""]).unwrap().to_owned(),
            advisory_ids: vec![],
        };
        let call = DstackApp::isAppAllowedCall {
            bootInfo: AppBootInfo {
                appId: if other { contract } else { app },
                composeHash: boot.compose_hash,
                instanceId: Address::ZERO,
                deviceId: boot.device_id,
                mrAggregated: B256::ZERO,
                mrSystem: B256::ZERO,
                osImageHash: boot.os_image_hash,
                tcbStatus: boot.tcb_status.clone(),
                advisoryIds: vec![],
            },
        };
        let boot = BootInfo { app_id: call.bootInfo.appId, ..boot };
        let when = When::Block(block);
        let ours =
            is_allowed(store, Some(node), node.chain_id(), &boot, when, Finality::Unsafe).await;
        let ours = ours.unwrap();
        let context = format!("{app} at {block}: {boot:?}, {ours:#?}");
        let theirs = node.call(contract, &call, Some(block)).await.unwrap();
        let leg = &ours.app_leg;
        assert_eq!(leg.is_allowed, Some(theirs.isAllowed), "{context}");
        assert_eq!(leg.reason, theirs.reason, "{context}");
        let mut yes = usize::from(theirs.isAllowed);
        for kms in &ours.kms {
            if node.code(kms.contract, block).await.unwrap().is_empty() {
                continue;
            }
            let theirs = node.call(kms.contract, &call, Some(block)).await.unwrap();
            let verdict = &kms.verdict;
            assert_eq!(verdict.is_allowed, Some(theirs.isAllowed), "{} {context}", kms.contract);
            assert_eq!(verdict.reason, theirs.reason, "{} {context}", kms.contract);
            yes += usize::from(theirs.isAllowed);
        }
        yes
    }

    async fn compare_kms(&self, store: &Store, block: u64) {
        let node = &self.bench.node;
        let kms = self.bench.kms;
        if node.code(kms, block).await.unwrap().is_empty() {
            return;
        }
        let answer = self.ask(store, self.stock, block).await;
        let leg = answer.kms.iter().find(|leg| leg.contract == kms).unwrap();
        let context = format!("at {block}: {leg:#?}");
        let at = Some(block);
        for n in 0..4 {
            let osImageHash = hash(n);
            let call = DstackKms::allowedOsImagesCall { osImageHash };
            let allowed = node.call(kms, &call, at).await.unwrap();
            assert_eq!(leg.allowed_os_images.contains(&hash(n)), allowed, "{n} {context}");
            let call = DstackKms::kmsAllowedAggregatedMrsCall { mrAggregated: hash(n) };
            let allowed = node.call(kms, &call, at).await.unwrap();
            assert_eq!(leg.aggregated_mrs.contains(&hash(n)), allowed, "{n} {context}");
        }
        for n in 100..103 {
            let call = DstackKms::kmsAllowedDeviceIdsCall { deviceId: hash(n) };
            let allowed = node.call(kms, &call, at).await.unwrap();
            assert_eq!(leg.devices.contains(&hash(n)), allowed, "{n} {context}");
        }
        let gateway = node.call(kms, &DstackKms::gatewayAppIdCall {}, at).await.unwrap();
        assert_eq!(leg.gateway_app_id.clone().unwrap_or_default(), gateway, "{context}");
        let owner = node.call(kms, &DstackKms::ownerCall {}, at).await.unwrap();
        assert_eq!(leg.owner, Some(owner), "{context}");
        let code = node.call(kms, &DstackKms::appImplementationCall {}, at).await.unwrap();
        assert_eq!(leg.app_implementation, Some(code), "{context}");
        let registered = DstackKms::registeredAppsCall { appId: self.stock };
        let registered = node.call(kms, &registered, at).await.unwrap();
        assert_eq!(leg.registered, registered, "{context}");
    }
}

/// The id that a KMS of the generation before gives an account, by the formula of its contract.
fn next_app_id(kms: Address, account: Address, sequence: u64) -> Address {
    let sequence = U256::from(sequence).to_be_bytes::<32>();
    let words = [kms.as_slice(), account.as_slice(), &sequence].concat();
    Address::from_word(keccak256(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_random_lives_are_those_of_the_contracts() {
    let seed = 7;
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = World::create().await;
    for _ in 0..90 {
        world.live(&mut rng).await;
    }
    let store = world.index(world.bench.node.clone(), "index.sqlite", 0, 7).await;
    let head = world.head().await;
    let [first, second] = world.legacy;
    let apps = [
        (world.ours, world.ours),
        (world.stock, world.stock),
        first,
        second,
        (world.timelock, world.timelock),
    ];
    let (mut yes, mut asked) = (0, 0);
    let mut blocks: Vec<u64> = (0..=head).collect();
    rng.shuffle(&mut blocks);
    for block in blocks.into_iter().take(30).chain([head]) {
        for (app, contract) in apps {
            world.compare(&store, app, contract, block).await;
            for _ in 0..3 {
                yes += world.compare_verdict(&store, (app, contract), block, &mut rng).await;
                asked += 1;
            }
        }
        world.compare_kms(&store, block).await;
    }
    assert!(
        yes > asked / 20,
        "only {yes} of {asked} boots were allowed: the questions are too easy"
    );
    let mut kinds = Vec::new();
    for (app, _) in apps {
        kinds.push(world.ask(&store, app, head).await.code.kind);
    }
    assert_eq!(
        kinds,
        ["app_auth", "dstack_app", "legacy_app_auth", "legacy_app_auth", "timelock_app_auth"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_app_is_known_by_its_id_and_by_its_contract() {
    let world = World::create().await;
    let store = world.index(world.bench.node.clone(), "index.sqlite", 0, 100).await;
    let head = world.head().await;
    for (id, contract) in world.legacy {
        let [by_id, by_contract] =
            [world.ask(&store, id, head).await, world.ask(&store, contract, head).await];
        assert_eq!((by_id.app, by_id.contract), (id, contract));
        assert_eq!(by_id, by_contract);
        let leg = by_id.kms.iter().find(|leg| leg.contract == world.legacy_kms).unwrap();
        assert!(leg.registered);
        assert_eq!(leg.controller, Some(contract));
        assert!(by_id.kms.iter().all(|leg| leg.contract == world.legacy_kms || !leg.registered));
        let told = world.tell(&store, id).await;
        assert_eq!((told.app, told.contract), (id, contract));
        assert!(told.entries.iter().any(|e| e.setting == "compose_hash" && e.value == hash(0)));
    }
    // The switch that has no getter and no event.
    let immutable = world.ask(&store, world.legacy[0].0, head).await.code.immutable;
    assert_eq!(
        (immutable, world.ask(&store, world.legacy[1].0, head).await.code.immutable),
        (Some(true), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_event_told_is_read_at_birth_and_says_so() {
    let world = World::create().await;
    let store = world.index(world.bench.node.clone(), "index.sqlite", 0, 100).await;
    let head = world.head().await;
    let stock = world.ask(&store, world.stock, head).await;
    let read: Vec<_> =
        stock.read_by_call.iter().map(|r| (r.setting.as_str(), r.at_birth)).collect();
    assert_eq!(
        read,
        [("any_device", true), ("tcb_requirement", true), ("upgrades_disabled", true)],
        "the owner was in an event"
    );
    assert_eq!(stock.policy.require_tcb_up_to_date, Some(true));
    assert_eq!(stock.code.immutable, Some(true));

    let timelock = world.ask(&store, world.timelock, head).await;
    let first = &timelock.authorised[0];
    assert_eq!((first.compose_hash, first.read_by_call), (hash(0), true));
    assert_eq!((first.since.transaction, first.since.log_index), (None, None));
    assert_eq!(first.notice_seconds, None, "born with it");
    assert_eq!(first.since.block, head, "it was the last to be deployed");
    assert!(!world.ask(&store, world.timelock, head - 1).await.born);
    let told = world.tell(&store, world.timelock).await;
    assert!(told.entries.iter().all(|e| e.read_by_call && e.born_with), "{:#?}", told.entries);

    // From an event on, it is the event's.
    let call = DstackApp::setRequireTcbUpToDateCall { requireUpToDate: false };
    world.bench.rival.send(world.stock, &call).await.unwrap();
    world.go_on(world.bench.node.clone(), &store, 0, 100).await;
    let after = world.ask(&store, world.stock, head + 1).await;
    assert_eq!(after.policy.require_tcb_up_to_date, Some(false));
    assert!(after.read_by_call.iter().all(|read| read.setting != "tcb_requirement"));
    // What is said about the block before is the same as before.
    let before = world.ask(&store, world.stock, head).await;
    assert_eq!((before.policy, before.read_by_call), (stock.policy, stock.read_by_call));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_hash_that_cannot_be_found_out_is_said_to_be_unknown() {
    let world = World::create().await;
    world.bench.anvil.mine(5).await.unwrap();
    let head = world.head().await;
    let proxy = FaultyProxy::before(world.bench.anvil.url(), 0).await.unwrap();
    let pruned = async || {
        proxy.prune(head);
        Node::connect(proxy.url()).await.unwrap()
    };
    // A node that keeps only the newest state.
    let store = world.index(pruned().await, "pruned.sqlite", 0, 100).await;
    let timelock = world.ask(&store, world.timelock, head).await;
    assert_eq!(timelock.not_known, ["compose_hash"]);
    assert!(timelock.authorised.is_empty());
    let stock = world.ask(&store, world.stock, head).await;
    assert_eq!(stock.policy.require_tcb_up_to_date, Some(true));
    assert!(stock.read_by_call.iter().all(|read| read.block == head && !read.at_birth));
    let before = world.ask(&store, world.stock, head - 1).await;
    assert_eq!(before.policy.require_tcb_up_to_date, None, "nobody knows how it was then");
    assert!(before.not_known.contains(&"tcb_requirement".to_owned()));

    // An index that begins later than the app.
    let late = world.index(world.bench.node.clone(), "late.sqlite", head - 1, 100).await;
    let timelock = world.ask(&late, world.timelock, head).await;
    assert_eq!(timelock.not_known, ["compose_hash"]);
    assert_eq!(timelock.policy.notice_period_seconds, Some(NOTICE));

    // It is removed, after something else was said: so it had been allowed.
    let call = TimelockAppAuth::proposeComposeHashCall { hash: hash(5) };
    world.bench.rival.send(world.timelock, &call).await.unwrap();
    let call = TimelockAppAuth::removeComposeHashCall { hash: hash(0) };
    world.bench.rival.send(world.timelock, &call).await.unwrap();
    let late = world.index(world.bench.node.clone(), "later.sqlite", head - 1, 100).await;
    let before = world.ask(&late, world.timelock, head).await;
    assert_eq!(before.authorised.iter().map(|a| a.compose_hash).collect::<Vec<_>>(), [hash(0)]);
    let after = world.ask(&late, world.timelock, head + 2).await;
    assert!(after.authorised.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_decides_what_code_it_is_from_its_block_on() {
    let world = World::create().await;
    let bench = &world.bench;
    let birth = Birth { allow_any_device: true, compose_hash: hash(0), ..Birth::default() };
    let app = bench.deploy_stock_app_with(birth).await.unwrap();
    let upgrade = async |newImplementation| {
        let call = DstackApp::upgradeToAndCallCall { newImplementation, data: Bytes::new() };
        bench.rival.send(app, &call).await.unwrap().block
    };
    let same_kind = bench.deploy_implementation(false).await.unwrap();
    let other_kind = bench.deploy_implementation(true).await.unwrap();
    let first = upgrade(same_kind).await;
    let second = upgrade(other_kind).await;
    let call =
        DstackKms::upgradeToAndCallCall { newImplementation: other_kind, data: Bytes::new() };
    bench.operator.send(bench.kms, &call).await.unwrap();
    let store = world.index(bench.node.clone(), "index.sqlite", 0, 3).await;
    let code = async |block| {
        let code = world.ask(&store, app, block).await.code;
        (code.kind, code.implementation.unwrap(), code.implementation_hash.unwrap())
    };
    let hash_of = async |address| keccak256(bench.node.code(address, second).await.unwrap());
    let stock = Code::DstackApp.name().to_owned();
    assert_ne!(code(first - 1).await.1, same_kind);
    assert_eq!(code(first - 1).await.0, stock);
    assert_eq!(code(first).await, (stock, same_kind, hash_of(same_kind).await));
    let unknown = Code::Unknown.name().to_owned();
    assert_eq!(code(second).await, (unknown, other_kind, hash_of(other_kind).await));
    let history = world.tell(&store, app).await;
    let upgrades = history.entries.iter().filter(|e| e.setting == "implementation").count();
    assert_eq!(upgrades, 3, "the first one too");
    let kms = world.ask(&store, app, second + 1).await.kms;
    let leg = kms.iter().find(|leg| leg.contract == bench.kms).unwrap();
    assert_eq!(leg.implementation, Some(other_kind));
    assert_eq!(leg.implementation_hash, Some(hash_of(other_kind).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kms_said_on_a_branch_that_is_gone_is_told() {
    let world = World::create().await;
    let bench = &world.bench;
    bench.anvil.mine(2).await.unwrap();
    let call = DstackKms::addOsImageHashCall { osImageHash: hash(9) };
    bench.operator.send(bench.kms, &call).await.unwrap();
    let store = world.index(bench.node.clone(), "index.sqlite", 0, 100).await;
    bench.anvil.reorg(1).await.unwrap();
    bench.anvil.mine(1).await.unwrap();
    world.go_on(bench.node.clone(), &store, 0, 100).await;
    let answer = world.ask(&store, world.stock, world.head().await).await;
    let leg = answer.kms.iter().find(|leg| leg.contract == bench.kms).unwrap();
    assert!(!leg.allowed_os_images.contains(&hash(9)));
    let orphans: Vec<_> = leg.orphaned.iter().map(|o| (o.setting.as_str(), o.value)).collect();
    assert_eq!(orphans, [("os_image", hash(9))]);
}
