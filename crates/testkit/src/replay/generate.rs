//! Chains that nobody ever saw: stock apps that come and change, in a random order that follows from a seed.

use super::ledger::{Ledger, Sent};
use crate::{
    KmsKeys,
    bindings::{LocalDstackKms, LocalProxy, app::LocalDstackApp},
};
use alloy::{
    primitives::{Address, B256, Bytes, keccak256},
    sol_types::{SolCall, SolConstructor},
};
use devproof_contracts::{
    kms_event,
    stock::{DstackApp, DstackKms},
};
use devproof_primitives::KmsEvent;
use eyre::{OptionExt, Result, ensure};

/// More than any transaction here takes.
const GAS: u64 = 10_000_000;
/// EIP-1559.
const KIND: u8 = 2;
/// Versions of one app that are allowed at a time, at most: what comes beyond takes the oldest away.
const VERSIONS: usize = 8;

/// How much there is on a generated chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What everything random follows from.
    pub seed: u64,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Time of the first block, Unix seconds; the others come two seconds apart.
    pub genesis_time: u64,
    /// Blocks, beside the first few in which the KMS is set up.
    pub blocks: u64,
    /// Stock apps; they come in the first half of the blocks.
    pub apps: usize,
    /// Logs of changes of apps, two a change, as stock contracts of 2026 emit them. What an app and the KMS say when
    /// the app is born comes to eight more.
    pub events: usize,
}

/// A generated chain.
#[derive(Debug)]
pub struct Generated {
    /// The chain.
    pub ledger: Ledger,
    /// The KMS, behind a proxy.
    pub kms: Address,
    /// The apps, as they came.
    pub apps: Vec<Address>,
}

/// The chain as far as it is made.
struct Maker {
    ledger: Ledger,
    time: u64,
    operator: Address,
    owner: Address,
    kms: Address,
}

impl Plan {
    /// Makes the chain, executing each transaction.
    ///
    /// # Errors
    /// If a transaction fails, which no plan should lead to.
    pub fn make(&self) -> Result<Generated> {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let mut account = || Address::from(std::array::from_fn(|_| rng.u8(..)));
        let (operator, owner) = (account(), account());
        let (ledger, time) = (Ledger::new(self.chain_id), self.genesis_time);
        let mut maker = Maker { ledger, time, operator, owner, kms: Address::ZERO };
        maker.set_up()?;

        // How many apps have come before each block, and how many changes are in it.
        let births = (self.blocks / 2).max(1);
        let come = |block: u64| {
            usize::try_from(u128::from(block.min(births)) * self.apps as u128 / u128::from(births))
        };
        let mut changes = vec![0_usize; usize::try_from(self.blocks)?];
        for _ in 0..self.events / 2 {
            let block = rng.usize(0..changes.len());
            if let Some(count) = changes.get_mut(block) {
                *count += 1;
            }
        }
        let mut apps: Vec<(Address, Vec<B256>)> = Vec::with_capacity(self.apps);
        for (block, changes) in (1..).zip(changes) {
            for _ in apps.len()..come(block)? {
                let version: B256 = rng_word(&mut rng);
                apps.push((maker.birth(version)?, vec![version]));
            }
            for _ in 0..changes {
                let app = rng.usize(0..apps.len().max(1));
                let Some((app, versions)) = apps.get_mut(app) else { break };
                let goes = versions.len() >= VERSIONS || (versions.len() > 1 && rng.bool());
                let input = if goes {
                    DstackApp::removeComposeHashCall { composeHash: versions.remove(0) }
                        .abi_encode()
                } else {
                    let version = rng_word(&mut rng);
                    versions.push(version);
                    DstackApp::addComposeHashCall { composeHash: version }.abi_encode()
                };
                maker.send(owner, Some(*app), input)?;
            }
            maker.seal()?;
        }
        let apps = apps.into_iter().map(|(app, _)| app).collect();
        Ok(Generated { ledger: maker.ledger, kms: maker.kms, apps })
    }
}

fn rng_word(rng: &mut fastrand::Rng) -> B256 {
    B256::from(std::array::from_fn(|_| rng.u8(..)))
}

impl Maker {
    fn seal(&mut self) -> Result<()> {
        self.ledger.seal(self.time)?;
        self.time += 2;
        Ok(())
    }

    /// Includes a transaction, and gives the contract it created.
    fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        input: Vec<u8>,
    ) -> Result<Option<Address>> {
        let sent = Sent { from, to, input: input.into() };
        let hash = self.ledger.hash_of_next();
        let transaction = self.ledger.include(&sent, (hash, KIND), GAS, self.time)?;
        ensure!(transaction.succeeded, "a transaction of a generated chain failed");
        Ok(Ledger::created(transaction))
    }

    fn deploy(&mut self, code: &Bytes, arguments: &[u8]) -> Result<Address> {
        let created = self.send(self.operator, None, [code.as_ref(), arguments].concat())?;
        created.ok_or_eyre("no contract was created")
    }

    /// The KMS, as a [`Bench`](crate::Bench) has it.
    fn set_up(&mut self) -> Result<()> {
        self.seal()?;
        let app_code = self.deploy(&LocalDstackApp::BYTECODE, &[])?;
        let kms_code = self.deploy(&LocalDstackKms::BYTECODE, &[])?;
        self.seal()?;
        let initialization = LocalDstackKms::initializeCall {
            initialOwner: self.operator,
            appImplementation_: app_code,
        };
        let proxy = LocalProxy::constructorCall {
            implementation: kms_code,
            initialization: initialization.abi_encode().into(),
        };
        self.kms = self.deploy(&LocalProxy::BYTECODE, &proxy.abi_encode())?;
        let keys = KmsKeys::new("devproof local KMS")?;
        let info = DstackKms::KmsInfo {
            k256Pubkey: keys.root_key(),
            caPubkey: Bytes::new(),
            quote: Bytes::new(),
            eventlog: Bytes::new(),
        };
        let set = DstackKms::setKmsInfoCall { info }.abi_encode();
        self.send(self.operator, Some(self.kms), set)?;
        let image = DstackKms::addOsImageHashCall { osImageHash: keccak256("dstack-0.5.4") };
        self.send(self.operator, Some(self.kms), image.abi_encode())?;
        self.seal()
    }

    /// A stock app, deployed through the KMS.
    fn birth(&mut self, version: B256) -> Result<Address> {
        let call = DstackKms::deployAndRegisterAppCall {
            initialOwner: self.owner,
            disableUpgrades: false,
            requireTcbUpToDate: false,
            allowAnyDevice: true,
            initialDeviceId: B256::ZERO,
            initialComposeHash: version,
        };
        self.send(self.owner, Some(self.kms), call.abi_encode())?;
        let of_it = self.ledger.transactions.last().map(|last| last.logs.clone());
        let named = of_it.unwrap_or_default().find_map(|log| {
            let (_, topics, data) = self.ledger.log(log)?;
            match kms_event(&topics.copied().collect::<Vec<_>>(), data)? {
                KmsEvent::AppRegistered(app) => Some(app),
                _ => None,
            }
        });
        named.ok_or_eyre("the KMS did not name the app")
    }
}
