//! A small world in a temporary database, out of real event encodings: an AppAuth app that goes through
//! everything once, a stock app, and a KMS.

use alloy_primitives::{Address, B256, Bytes, U256, address, aliases::U48, keccak256};
use alloy_sol_types::SolEvent;
use devproof_contracts::{
    Code, app_event,
    bindings::AppAuth,
    stock::{DstackApp, DstackKms},
};
use devproof_primitives::{
    Action, BlockRef, Change, Event, GRACE_PERIOD, HistoryRoot, Setting, source_commitment,
};
use devproof_store::{Contract, Page, RawLog, Role, Store, Tags};
use tempfile::TempDir;

pub(crate) const APP: Address = address!("00000000000000000000000000000000000000a1");
pub(crate) const STOCK: Address = address!("00000000000000000000000000000000000000b1");
pub(crate) const KMS: Address = address!("00000000000000000000000000000000000000c1");
pub(crate) const REGISTRY: Address = address!("00000000000000000000000000000000000000f1");
pub(crate) const OWNER: Address = address!("0000000000000000000000000000000000000001");
pub(crate) const STRANGER: Address = address!("0000000000000000000000000000000000000002");
pub(crate) const IMPLEMENTATION: Address = address!("00000000000000000000000000000000000000d1");
pub(crate) const PUBLIC: u64 = 8453;
pub(crate) const LOCAL: u64 = 31337;
pub(crate) const DAY: u64 = 86_400;
/// 2026-03-01 12:00:00 UTC.
pub(crate) const T0: u64 = 1_772_366_400;
pub(crate) const NOTICE: u64 = 7 * DAY;

pub(crate) fn hash(n: u8) -> B256 {
    B256::repeat_byte(n)
}

/// The block at a height; one every quarter of a day.
pub(crate) fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: keccak256(number.to_be_bytes()), timestamp: T0 + number * DAY / 4 }
}

/// A chain in the making.
pub(crate) struct World {
    pub(crate) chain_id: u64,
    pub(crate) store: Store,
    pub(crate) path: String,
    pub(crate) logs: Vec<RawLog>,
    root: HistoryRoot,
    /// The notice period of APP.
    notice: u64,
    /// Behind which heights the chain is another one, each with what tells it apart.
    forks: Vec<(u64, u64)>,
    _dir: TempDir,
}

impl World {
    pub(crate) async fn empty(chain_id: u64) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("test.db").display().to_string();
        let store = Store::open(&path).await.unwrap();
        store.ensure_chain(chain_id, 4).await.unwrap();
        let root = HistoryRoot::seed(chain_id, APP);
        Self {
            chain_id,
            store,
            path,
            logs: Vec::new(),
            root,
            notice: NOTICE,
            forks: Vec::new(),
            _dir: dir,
        }
    }

    /// Everything, up to block 200, where the history of APP is verified; `safe` is 150 and `finalized` is 100.
    pub(crate) async fn whole(chain_id: u64) -> Self {
        let mut world = Self::empty(chain_id).await;
        world.tell();
        world.commit(None, 200).await;
        world.verified(200).await;
        world.tags(Some(150), Some(100)).await;
        world
    }

    /// The story. APP is born at block 10 with hash 1. Hash 2 is announced at 20 with its source, is ripe
    /// at 48 and comes into force right then, by a stranger. Hash 3 is announced at 50 and never comes:
    /// ripe at 78, dead from 134. Hash 1 is removed at 60, announced again at 140 and back at 170.
    /// STOCK is born at 12 with hash 1, gets 2 at 22, loses 1 at 32, and has its code replaced at 42.
    pub(crate) fn tell(&mut self) {
        self.kms(
            5,
            &DstackKms::OwnershipTransferred { previousOwner: Address::ZERO, newOwner: OWNER },
        );
        self.kms(5, &DstackKms::Upgraded { implementation: IMPLEMENTATION });
        self.kms(5, &DstackKms::OsImageHashAdded { osImageHash: hash(0xe1) });
        self.kms(5, &DstackKms::KmsInfoSet { k256Pubkey: Bytes::from_static(&[2, 0xa3]) });
        self.birth(10);
        self.kms(10, &DstackKms::AppRegistered { appId: APP });
        self.stock_birth(12);
        self.propose(20, hash(2), Some((hash(0x5c), "https://example.org/v2")));
        self.stock(22, &DstackApp::ComposeHashAdded { composeHash: hash(2) });
        self.stock(
            22,
            &DstackApp::PolicyChanged {
                actor: OWNER,
                policy: keccak256("compose-hash"),
                value: hash(2),
                enabled: true,
            },
        );
        self.stock(32, &DstackApp::ComposeHashRemoved { composeHash: hash(1) });
        self.kms(35, &DstackKms::OsImageHashAdded { osImageHash: hash(0xe2) });
        self.stock(42, &DstackApp::Upgraded { implementation: STRANGER });
        self.extend(48, Action::Set, Setting::ComposeHash, hash(2), STRANGER);
        self.propose(50, hash(3), None);
        self.extend(60, Action::Removed, Setting::ComposeHash, hash(1), OWNER);
        self.propose(140, hash(1), None);
        self.extend(170, Action::Set, Setting::ComposeHash, hash(1), OWNER);
    }

    /// The block of this chain at a height.
    pub(crate) fn block(&self, number: u64) -> BlockRef {
        let fork = self.forks.iter().rev().find(|(behind, _)| number > *behind);
        match fork {
            None => block(number),
            Some((_, salt)) => {
                let hash = keccak256([number.to_be_bytes(), salt.to_be_bytes()].concat());
                BlockRef { hash, ..block(number) }
            }
        }
    }

    /// Goes back to a height, and on from there on another branch; the store is rewound.
    pub(crate) async fn fork(&mut self, behind: u64) {
        self.store.rewind(self.chain_id, Some(&self.block(behind))).await.unwrap();
        self.forks.push((behind, self.forks.len() as u64));
        self.logs.retain(|log| log.block.number <= behind);
        (self.root, self.notice) = (HistoryRoot::seed(self.chain_id, APP), NOTICE);
        for log in self.logs.iter().filter(|log| log.address == APP) {
            let Some(Event::History { root, kind, value, .. }) = app_event(&log.topics, &log.data)
            else {
                continue;
            };
            self.root = HistoryRoot(root);
            let change = Change::from_kind(kind, value).unwrap();
            if (change.action, change.setting) == (Action::Set, Setting::NoticePeriod) {
                self.notice = U256::from_be_bytes(value.0).to();
            }
        }
    }

    pub(crate) fn birth(&mut self, at: u64) {
        let born = [
            (Setting::Owner, OWNER.into_word()),
            (Setting::NoticePeriod, U256::from(NOTICE).into()),
            (Setting::AnyDevice, B256::with_last_byte(1)),
            (Setting::TcbRequirement, B256::ZERO),
            (Setting::ComposeHash, hash(1)),
        ];
        for (setting, value) in born {
            self.extend(at, Action::Set, setting, value, OWNER);
        }
    }

    pub(crate) fn stock_birth(&mut self, at: u64) {
        let owner =
            DstackApp::OwnershipTransferred { previousOwner: Address::ZERO, newOwner: OWNER };
        self.stock(at, &owner);
        self.stock(at, &DstackApp::Upgraded { implementation: IMPLEMENTATION });
        self.stock(at, &DstackApp::ComposeHashAdded { composeHash: hash(1) });
    }

    /// An entry of APP's history, as the contract emits it.
    pub(crate) fn extend(
        &mut self,
        at: u64,
        action: Action,
        setting: Setting,
        value: B256,
        by: Address,
    ) {
        let change = Change { action, setting, value };
        self.root = self.root.extend(&change, by, at, block(at).timestamp);
        let event =
            AppAuth::HistoryExtended { root: self.root.0, kind: change.kind(), value, actor: by };
        self.emit(at, APP, &event);
        if action == Action::Set && setting == Setting::NoticePeriod {
            self.notice = U256::from_be_bytes(value.0).to();
        }
    }

    pub(crate) fn propose(&mut self, at: u64, value: B256, source: Option<(B256, &str)>) {
        self.extend(at, Action::Proposed, Setting::ComposeHash, value, OWNER);
        let ripe_at = block(at).timestamp + self.notice;
        let (digest, uri) = source.unwrap_or_default();
        let announced = AppAuth::ComposeHashProposed {
            composeHash: value,
            ripeAt: U48::from(ripe_at),
            expiresAt: U48::from(ripe_at + GRACE_PERIOD),
            sourceDigest: digest,
            uri: uri.to_owned(),
        };
        self.emit(at, APP, &announced);
        let commitment = source_commitment(value, digest, uri);
        self.extend(at, Action::Proposed, Setting::Source, commitment, OWNER);
    }

    /// Announces something else than a version.
    pub(crate) fn announce(&mut self, at: u64, setting: Setting, value: B256) {
        self.extend(at, Action::Proposed, setting, value, OWNER);
        let ripe_at = block(at).timestamp + self.notice;
        let announced = AppAuth::Proposed {
            kind: setting as u8,
            value,
            ripeAt: U48::from(ripe_at),
            expiresAt: U48::from(ripe_at + GRACE_PERIOD),
        };
        self.emit(at, APP, &announced);
    }

    pub(crate) fn stock(&mut self, at: u64, event: &impl SolEvent) {
        self.emit(at, STOCK, event);
    }

    pub(crate) fn kms(&mut self, at: u64, event: &impl SolEvent) {
        self.emit(at, KMS, event);
    }

    /// One transaction per block: number and contract make its hash.
    pub(crate) fn emit(&mut self, at: u64, address: Address, event: &impl SolEvent) {
        let data = event.encode_log_data();
        let log_index = self.logs.iter().filter(|log| log.block.number == at).count() as u64;
        let here = self.block(at);
        let branch: &[u8] = if here == block(at) { &[] } else { here.hash.as_slice() };
        let transactions = [KMS, APP, STOCK, REGISTRY];
        self.logs.push(RawLog {
            block: here,
            log_index,
            tx_hash: keccak256([at.to_be_bytes().as_slice(), address.as_slice(), branch].concat()),
            tx_index: transactions.iter().position(|a| *a == address).unwrap() as u64,
            address,
            topics: data.topics().to_vec(),
            data: data.data,
        });
    }

    pub(crate) fn contracts(&self) -> Vec<Contract> {
        let contract = |address, role, code: Code, found_at, implementation| Contract {
            chain_id: self.chain_id,
            address,
            role,
            named_by: None,
            code_kind: code.name().to_owned(),
            code_hash: Some(hash(0xcc)),
            implementation,
            found_at,
            history_verified_at: None,
        };
        vec![
            contract(KMS, Role::Kms, Code::Unknown, 5, Some(IMPLEMENTATION)),
            contract(APP, Role::App, Code::AppAuth, 10, None),
            contract(STOCK, Role::App, Code::DstackApp, 12, Some(IMPLEMENTATION)),
            contract(REGISTRY, Role::DeletionRegistry, Code::Unknown, 4, None),
        ]
    }

    /// Writes what was told up to a block, with all contracts.
    pub(crate) async fn commit(&self, previous: Option<BlockRef>, to: u64) {
        let page = Page {
            chain_id: self.chain_id,
            previous: previous.map(|b| b.hash),
            contracts: self.contracts(),
            blocks: (to > 101).then(|| self.block(101)).into_iter().collect(),
            logs: (self.logs.iter())
                .filter(|log| previous.is_none_or(|it| log.block.number > it.number))
                .filter(|log| log.block.number <= to)
                .cloned()
                .collect(),
            readings: Vec::new(),
            newborn: Vec::new(),
            checkpoint: self.block(to),
        };
        self.store.commit(&page).await.unwrap();
    }

    /// Records that the root in APP was that of its history after a block.
    pub(crate) async fn verified(&self, at: u64) {
        self.store.set_history_verified(self.chain_id, &[APP], &block(at)).await.unwrap();
    }

    pub(crate) async fn tags(&self, safe: Option<u64>, finalized: Option<u64>) {
        let tags = Tags { head: block(200), safe, finalized, polled_at: block(200).timestamp };
        self.store.set_tags(self.chain_id, &tags).await.unwrap();
    }
}
