//! What a KMS contract says, on a real chain with contracts of every generation, and what a challenge proves.

mod blocks;

use crate::{
    server::{Server, quick},
    support::{
        machine::{Machine, World, known_system},
        pki::{NOW, Options},
        ratls,
    },
};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use devproof_attestation::{
    By, CheckId as Id, Concern, Evidence, KmsKeys,
    Outcome::{self, Fail, Inconclusive, Pass},
    Policy, Verdict,
};
use devproof_chain::Node;
use devproof_contracts::{
    bindings::{AppAuth, IAppAuth::Settings},
    stock::{DstackApp, DstackKms, TimelockAppAuth},
};
use devproof_evidence::{
    ChainAsked, Challenge, Collaterals, Examined, Examiner, Exhibit, Http, Verifier, Which,
};
use devproof_testkit::{Bench, Birth};
use serde_json::{Value, json};

/// 2026-11-20 00:00:00 UTC: the chain's clock, which has nothing to do with that of the quotes.
const GENESIS: u64 = 1_795_132_800;
/// Notice of the tutorial's contract, in seconds.
const NOTICE: u64 = 120;

fn version(n: u8) -> B256 {
    keccak256([n])
}

/// A chain, and a machine that runs an app of it on an operating system that the policy knows.
struct Case {
    bench: Bench,
    world: World,
    kms: Address,
    /// The id, and the contract that decides.
    app: (Address, Address),
    running: B256,
    os_image: B256,
    block: Which,
    challenge: Option<Challenge>,
}

impl Case {
    fn new(bench: Bench, app: (Address, Address)) -> Self {
        let (kms, os_image) = (bench.kms, bench.os_images[0]);
        let world = World::new(Options::default());
        let (running, block, challenge) = (version(0), Which::Latest, None);
        Self { bench, world, kms, app, running, os_image, block, challenge }
    }

    async fn stock() -> Self {
        let bench = bench().await;
        let app = bench.deploy_stock_app_with(birth()).await.unwrap();
        Self::new(bench, (app, app))
    }

    fn machine(&self) -> Machine {
        let report_data = self.challenge.as_ref().map_or([0; 64], |it| it.report_data().0);
        let machine = Machine::running(self.app.0.0.0, self.running.0, self.os_image.0);
        Machine { report_data, ..machine }
    }

    fn evidence(&self) -> Evidence {
        self.machine().evidence(&self.world.pki)
    }

    /// One that knows the machine's operating system.
    fn policy(&self, evidence: &Evidence) -> Policy {
        Policy::from_toml(&known_system(evidence, self.os_image.0)).unwrap()
    }

    async fn ask(&self) -> Examined {
        let evidence = self.evidence();
        let policy = self.policy(&evidence);
        self.examine(evidence, policy).await
    }

    async fn examine(&self, evidence: Evidence, policy: Policy) -> Examined {
        let http = Http::new(quick()).unwrap();
        let chain = ChainAsked {
            node: self.bench.node.clone(),
            name: "http://node.example/".to_owned(),
            kms: Some(self.kms),
            block: self.block,
        };
        let examiner = Examiner {
            collaterals: Collaterals::new(http.clone(), vec![], None),
            http,
            verifiers: vec![Verifier::Local],
            chain: Some(chain),
        };
        let exhibit = Exhibit {
            evidence,
            now: NOW,
            root: self.world.root.clone(),
            collateral: Some(self.world.collateral.clone()),
            compose: None,
            report_data: None,
            kms: KmsKeys { ca: Some(Bytes::from_static(&[0x30, 0x59])), k256: None },
            chain: None,
            challenge: self.challenge.clone(),
            policy,
        };
        examiner.examine(exhibit).await
    }

    async fn verdict(&self) -> Verdict {
        self.ask().await.verdict
    }

    /// The three rows about the KMS, in the order of the table.
    async fn rows(&self) -> [Outcome; 3] {
        let verdict = self.verdict().await;
        [Id::OsImageAllowed, Id::AppRegistered, Id::IsAppAllowed]
            .map(|id| verdict.check(id).unwrap().result)
    }

    async fn remove(&self) {
        let call = DstackApp::removeComposeHashCall { composeHash: self.running };
        self.bench.rival.send(self.app.1, &call).await.unwrap();
    }

    async fn add(&self) {
        let call = DstackApp::addComposeHashCall { composeHash: self.running };
        self.bench.rival.send(self.app.1, &call).await.unwrap();
    }

    /// A challenge for the newest block, which the machine's quote is then made for.
    async fn challenge(&mut self) -> u64 {
        let head = self.bench.node.heads().await.unwrap().latest;
        let chain_id = self.bench.node.chain_id();
        self.challenge = Some(Challenge::new(chain_id, head).unwrap());
        head.number
    }

    async fn head(&self) -> u64 {
        self.bench.node.heads().await.unwrap().latest.number
    }
}

async fn bench() -> Bench {
    Bench::start(GENESIS).await.unwrap()
}

fn birth() -> Birth {
    Birth { allow_any_device: true, compose_hash: version(0), ..Birth::default() }
}

fn result(verdict: &Verdict, id: Id) -> Outcome {
    verdict.check(id).unwrap().result
}

fn concern(verdict: &Verdict, id: Concern) -> Option<String> {
    verdict.warnings.iter().find(|it| it.id == id).map(|it| it.message.clone())
}

/// Every row both ways, for an app of one generation.
async fn both_ways(mut case: Case) {
    let verdict = case.verdict().await;
    for id in [Id::OsImageAllowed, Id::AppRegistered, Id::IsAppAllowed] {
        let row = verdict.check(id).unwrap();
        assert_eq!(row.result, Pass, "{}: {}", id.name(), row.how);
        assert_eq!(row.by, By::Service("http://node.example/".to_owned()), "on the node's word");
    }
    assert_eq!(verdict.overall, Pass);
    // A version that was never allowed.
    case.running = version(1);
    assert_eq!(case.rows().await, [Pass, Pass, Fail]);
    assert_eq!(concern(&case.verdict().await, Concern::NoLongerAllowed), None);
    case.running = version(0);
    // An image that the KMS never admitted.
    let admitted = std::mem::replace(&mut case.os_image, keccak256("evil"));
    assert_eq!(case.rows().await, [Fail, Pass, Fail]);
    case.os_image = admitted;
    // An app that the KMS does not know.
    let (id, contract) = case.app;
    case.app.0 = Address::repeat_byte(0xee);
    assert_eq!(case.rows().await, [Pass, Fail, Fail]);
    case.app = (id, contract);
    // A contract that is no KMS at all.
    let kms = std::mem::replace(&mut case.kms, case.bench.factory);
    assert_eq!(case.rows().await, [Inconclusive; 3]);
    case.kms = kms;
    assert_eq!(case.rows().await, [Pass; 3]);
}

#[tokio::test]
async fn an_app_of_ours() {
    let bench = bench().await;
    let settings = Settings {
        owner: bench.owner.address(),
        guardian: Address::ZERO,
        noticePeriod: 2 * 86_400,
        allowAnyDevice: true,
        requireTcbUpToDate: true,
        composeHashes: vec![version(0)],
        devices: vec![],
        osImages: vec![],
    };
    let app = bench.deploy_app(&settings, B256::ZERO).await.unwrap();
    let mut case = Case::new(bench, (app, app));
    case.challenge().await;
    let call = AppAuth::removeComposeHashCall { composeHash: version(0) };
    case.bench.anvil.mine(2).await.unwrap();
    case.bench.owner.send(app, &call).await.unwrap();
    let verdict = case.verdict().await;
    assert_eq!(result(&verdict, Id::IsAppAllowed), Fail);
    assert!(concern(&verdict, Concern::NoLongerAllowed).is_some());
    case.bench.anvil.reorg(1).await.unwrap();
    case.challenge = None;
    both_ways(case).await;
}

#[tokio::test]
async fn a_stock_app() {
    both_ways(Case::stock().await).await;
}

#[tokio::test]
async fn an_app_of_the_generation_before() {
    let bench = bench().await;
    let kms = bench.deploy_legacy_kms().await.unwrap();
    let image = DstackKms::addOsImageHashCall { osImageHash: bench.os_images[0] };
    bench.operator.send(kms, &image).await.unwrap();
    let app = bench.deploy_legacy_app(kms, birth()).await.unwrap();
    let mut case = Case::new(bench, app);
    case.kms = kms;
    // Its contract has another address than its id, and what happens there counts.
    case.challenge().await;
    case.remove().await;
    case.add().await;
    case.bench.anvil.mine(1).await.unwrap();
    assert_eq!(case.rows().await, [Pass, Pass, Inconclusive]);
    case.challenge = None;
    both_ways(case).await;
}

#[tokio::test]
async fn an_app_of_the_tutorial() {
    let bench = bench().await;
    let app = bench.deploy_timelock_app(NOTICE, birth()).await.unwrap();
    bench.rival.send(bench.kms, &DstackKms::registerAppCall { appId: app }).await.unwrap();
    let mut case = Case::new(bench, (app, app));
    case.challenge().await;
    let rival = &case.bench.rival;
    let hash = version(0);
    rival.send(app, &TimelockAppAuth::removeComposeHashCall { hash }).await.unwrap();
    rival.send(app, &TimelockAppAuth::proposeComposeHashCall { hash }).await.unwrap();
    assert_eq!(case.rows().await, [Pass, Pass, Fail]);
    case.bench.anvil.set_next_time(GENESIS + 86_400).await.unwrap();
    rival.send(app, &TimelockAppAuth::activateComposeHashCall { hash }).await.unwrap();
    assert_eq!(case.rows().await, [Pass, Pass, Inconclusive]);
    case.challenge = None;
    both_ways(case).await;
}

/// What a machine claims to be may well be allowed. That says nothing about the machine.
#[tokio::test]
async fn a_claim_is_not_allowed_into_a_proof() {
    let case = Case::stock().await;
    let verdict = case.examine(case.evidence(), Policy::default()).await.verdict;
    assert!(!verdict.identity.proved);
    let rows = [Id::OsImageAllowed, Id::IsAppAllowed].map(|id| result(&verdict, id));
    assert_eq!(rows, [Inconclusive; 2]);
    // And of a quote whose log is not its own nothing is asked at all.
    let mut machine = case.machine();
    machine.log.rtmr[3][0] ^= 1;
    let evidence = machine.evidence(&case.world.pki);
    let policy = case.policy(&evidence);
    let verdict = case.examine(evidence, policy).await.verdict;
    assert_eq!(result(&verdict, Id::IsAppAllowed), Inconclusive);
}

/// The keys of the KMS are those of its contract: by them a certificate of an app closes who it is.
#[tokio::test]
async fn keys_from_the_contract() {
    let mut case = Case::stock().await;
    let mut machine = Machine::default();
    let certificates = ratls::issue(&mut machine, &case.world.pki, ratls::Options::default());
    let evidence = Evidence::read(certificates.pem().as_bytes()).unwrap().remove(0);
    let policy = Policy::from_toml("required = [\"kms_keys\"]").unwrap();
    let told = async |case: &Case| {
        let http = Http::new(quick()).unwrap();
        let chain = ChainAsked {
            node: case.bench.node.clone(),
            name: "node".to_owned(),
            kms: Some(case.kms),
            block: case.block,
        };
        let examiner = Examiner {
            collaterals: Collaterals::new(http.clone(), vec![], None),
            http,
            verifiers: vec![Verifier::Local],
            chain: Some(chain),
        };
        let exhibit = Exhibit {
            evidence: evidence.clone(),
            now: NOW,
            root: case.world.root.clone(),
            collateral: Some(case.world.collateral.clone()),
            compose: None,
            report_data: None,
            kms: KmsKeys::default(),
            chain: None,
            challenge: None,
            policy: policy.clone(),
        };
        let verdict = examiner.examine(exhibit).await.verdict;
        [Id::OsImage, Id::KeyProvider, Id::KmsKeys].map(|id| verdict.check(id).unwrap().clone())
    };
    assert_eq!(told(&case).await.map(|row| row.result), [Inconclusive; 3]);
    let before = case.head().await;
    set_ca(&case.bench, certificates.ca_key.clone()).await;
    for row in told(&case).await {
        assert_eq!(row.result, Pass, "{}", row.how);
        assert_eq!(row.details["kmsKeysFrom"]["by"], "node");
    }
    // Those of that block, not of the newest.
    case.block = Which::Number(before);
    assert_eq!(told(&case).await.map(|row| row.result), [Inconclusive; 3]);
    case.block = Which::Latest;
    set_ca(&case.bench, vec![0x30, 0x59]).await;
    assert_eq!(told(&case).await[1].result, Fail);
}

async fn set_ca(bench: &Bench, ca: Vec<u8>) {
    let info = DstackKms::KmsInfo {
        k256Pubkey: bench.keys.root_key(),
        caPubkey: ca.into(),
        quote: Bytes::new(),
        eventlog: Bytes::new(),
    };
    bench.operator.send(bench.kms, &DstackKms::setKmsInfoCall { info }).await.unwrap();
}

/// A node that is gone makes nothing of it, and nothing is taken for a yes.
#[tokio::test]
async fn a_node_that_is_gone() {
    let case = Case::stock().await;
    let evidence = case.evidence();
    let policy = case.policy(&evidence);
    let options = devproof_chain::Options { retries: 0, ..Default::default() };
    let node = Node::connect_any(&[case.bench.anvil.url()], options).await.unwrap();
    let Case { mut bench, world, kms, app, running, os_image, block, challenge } = case;
    let other = Bench::start(GENESIS).await.unwrap();
    bench.node = node;
    drop(std::mem::replace(&mut bench.anvil, other.anvil));
    let case = Case { bench, world, kms, app, running, os_image, block, challenge };
    let verdict = case.examine(evidence, policy).await.verdict;
    for id in [Id::OsImageAllowed, Id::AppRegistered, Id::IsAppAllowed] {
        assert_eq!(result(&verdict, id), Inconclusive);
    }
    assert_ne!(verdict.overall, Pass);
}
