//! A local chain with everything deployed that an app needs.

use crate::{
    Anvil, KmsKeys,
    anvil::CHAIN_ID,
    bindings::{LocalDstackKms, LocalProxy, app::LocalDstackApp},
};
use alloy::{
    primitives::{Address, B256, Bytes, keccak256},
    sol_types::{SolCall, SolConstructor},
};
use devproof_chain::{Account, Node};
use devproof_contracts::{
    bindings::{
        IAppAuth::Settings,
        factory::{AppAuthFactory, IAppAuth},
        registry::DeletionRegistry,
        verifier::SimpleDstackVerifier,
    },
    stock::DstackKms,
};
use eyre::{OptionExt, Result};

/// A chain, its people and its contracts.
#[derive(Debug)]
pub struct Bench {
    /// The chain. It ends with this value.
    pub anvil: Anvil,
    /// A connection to it.
    pub node: Node,
    /// Runs the KMS.
    pub operator: Account,
    /// Owns the app.
    pub owner: Account,
    /// Guards it.
    pub guardian: Account,
    /// Anybody.
    pub stranger: Account,
    /// Owns a stock app.
    pub rival: Account,
    /// The keys the KMS issues.
    pub keys: KmsKeys,
    /// The stand-in for DstackKms, behind a proxy as the real one is.
    pub kms: Address,
    /// The AppAuthFactory.
    pub factory: Address,
    /// The DeletionRegistry.
    pub registry: Address,
    /// The OS images that the KMS admits.
    pub os_images: [B256; 2],
}

impl Bench {
    /// Starts a chain at a time, Unix seconds, and deploys KMS, factory, verifier and registry.
    ///
    /// # Errors
    /// If anvil is missing or a deployment fails.
    pub async fn start(genesis_time: u64) -> Result<Self> {
        Self::start_as(CHAIN_ID, genesis_time).await
    }

    /// As [`Bench::start`], on a chain with another chain id.
    ///
    /// # Errors
    /// As [`Bench::start`].
    pub async fn start_as(chain_id: u64, genesis_time: u64) -> Result<Self> {
        Self::on(Anvil::start_as(chain_id, genesis_time)?).await
    }

    /// Deploys KMS, factory, verifier and registry to a fresh chain.
    ///
    /// # Errors
    /// If a deployment fails.
    pub async fn on(anvil: Anvil) -> Result<Self> {
        let node = Node::connect(anvil.url()).await?;
        let account = |index| anvil.key(index).map(|key| Account::new(&node, key));
        let [operator, owner, guardian, stranger, rival] =
            [account(0)?, account(1)?, account(2)?, account(3)?, account(4)?];
        let keys = KmsKeys::new("devproof local KMS")?;
        let os_images = ["dstack-0.5.3", "dstack-0.5.4"].map(keccak256);

        let app_code = deploy(&operator, &LocalDstackApp::BYTECODE, &[]).await?;
        let kms_code = deploy(&operator, &LocalDstackKms::BYTECODE, &[]).await?;
        let initialization = LocalDstackKms::initializeCall {
            initialOwner: operator.address(),
            appImplementation_: app_code,
        };
        let proxy = LocalProxy::constructorCall {
            implementation: kms_code,
            initialization: initialization.abi_encode().into(),
        };
        let kms = deploy(&operator, &LocalProxy::BYTECODE, &proxy.abi_encode()).await?;
        let info = DstackKms::KmsInfo {
            k256Pubkey: keys.root_key(),
            caPubkey: Bytes::new(),
            quote: Bytes::new(),
            eventlog: Bytes::new(),
        };
        operator.send(kms, &DstackKms::setKmsInfoCall { info }).await?;
        for image in os_images {
            operator.send(kms, &DstackKms::addOsImageHashCall { osImageHash: image }).await?;
        }
        let factory = deploy(&operator, &AppAuthFactory::BYTECODE, &[]).await?;
        let root = SimpleDstackVerifier::constructorCall { kmsRoot_: keys.root_address() };
        let verifier =
            deploy(&operator, &SimpleDstackVerifier::BYTECODE, &root.abi_encode()).await?;
        let registry = DeletionRegistry::constructorCall { verifier_: verifier };
        let registry =
            deploy(&operator, &DeletionRegistry::BYTECODE, &registry.abi_encode()).await?;
        Ok(Self {
            anvil,
            node,
            operator,
            owner,
            guardian,
            stranger,
            rival,
            keys,
            kms,
            factory,
            registry,
            os_images,
        })
    }

    /// Deploys an AppAuth through the factory and registers it with the KMS.
    ///
    /// # Errors
    /// If the settings are not such that an app can be born with them.
    pub async fn deploy_app(&self, settings: &Settings, salt: B256) -> Result<Address> {
        let settings = IAppAuth::Settings {
            owner: settings.owner,
            guardian: settings.guardian,
            noticePeriod: settings.noticePeriod,
            allowAnyDevice: settings.allowAnyDevice,
            requireTcbUpToDate: settings.requireTcbUpToDate,
            composeHashes: settings.composeHashes.clone(),
            devices: settings.devices.clone(),
            osImages: settings.osImages.clone(),
        };
        let predict = AppAuthFactory::predictCall { settings: settings.clone(), salt };
        let app = self.node.call(self.factory, &predict, None).await?;
        let deploy = AppAuthFactory::deployCall { settings, salt, kms: self.kms };
        self.owner.send(self.factory, &deploy).await?;
        Ok(app)
    }

    /// Deploys a stock app through the KMS: instant upgrades, any device.
    ///
    /// # Errors
    /// What the node says.
    pub async fn deploy_stock_app(&self, compose_hash: B256) -> Result<Address> {
        let call = DstackKms::deployAndRegisterAppCall {
            initialOwner: self.rival.address(),
            disableUpgrades: false,
            requireTcbUpToDate: false,
            allowAnyDevice: true,
            initialDeviceId: B256::ZERO,
            initialComposeHash: compose_hash,
        };
        let app = self.node.call(self.kms, &call, None).await?;
        self.rival.send(self.kms, &call).await?;
        Ok(app)
    }
}

/// Deploys a contract from its creation code and its encoded constructor arguments.
pub(crate) async fn deploy(from: &Account, code: &Bytes, arguments: &[u8]) -> Result<Address> {
    let receipt = from.deploy([code.as_ref(), arguments].concat().into()).await?;
    receipt.created.ok_or_eyre("no contract was created")
}
