//! The other generations of dstack contracts, on a [`Bench`].

use crate::{
    Bench,
    bench::deploy,
    bindings::{
        LocalDstackKms, LocalProxy,
        app::LocalDstackApp,
        legacy::{LocalLegacyKmsAuth, app::LocalLegacyAppAuth},
        safe::LocalSafe,
        timelock::LocalTimelockAppAuth,
    },
};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::{SolCall, SolConstructor},
};
use devproof_chain::Account;
use devproof_contracts::{
    kms_event,
    stock::{DstackKms, LegacyKmsAuth},
};
use devproof_primitives::KmsEvent;
use eyre::{OptionExt, Result};

/// How a stock app is born.
#[derive(Clone, Copy, Debug, Default)]
pub struct Birth {
    /// Its code can never be replaced. No event says so.
    pub disable_upgrades: bool,
    /// The TCB must be up to date. No event says so.
    pub require_tcb_up_to_date: bool,
    /// Any device may boot it. No event says so.
    pub allow_any_device: bool,
    /// The first device; zero for none.
    pub device: B256,
    /// The first compose hash; zero for none.
    pub compose_hash: B256,
}

impl Bench {
    /// Deploys a stock app through the KMS as it is told; the rival owns it.
    ///
    /// # Errors
    /// What the node says.
    pub async fn deploy_stock_app_with(&self, birth: Birth) -> Result<Address> {
        let call = DstackKms::deployAndRegisterAppCall {
            initialOwner: self.rival.address(),
            disableUpgrades: birth.disable_upgrades,
            requireTcbUpToDate: birth.require_tcb_up_to_date,
            allowAnyDevice: birth.allow_any_device,
            initialDeviceId: birth.device,
            initialComposeHash: birth.compose_hash,
        };
        let app = self.node.call(self.kms, &call, None).await?;
        self.rival.send(self.kms, &call).await?;
        Ok(app)
    }

    /// Deploys the KMS contract of the generation before DstackKms, and gives its address.
    ///
    /// # Errors
    /// What the node says.
    pub async fn deploy_legacy_kms(&self) -> Result<Address> {
        let app_code = deploy(&self.operator, &LocalLegacyAppAuth::BYTECODE, &[]).await?;
        let code = deploy(&self.operator, &LocalLegacyKmsAuth::BYTECODE, &[]).await?;
        let initialization = LocalLegacyKmsAuth::initializeCall {
            initialOwner: self.operator.address(),
            implementation: app_code,
        };
        self.deploy_proxy(&self.operator, code, initialization.abi_encode()).await
    }

    /// Deploys an app of that generation through its KMS. Gives its id and its contract.
    ///
    /// # Errors
    /// What the node says.
    pub async fn deploy_legacy_app(
        &self,
        kms: Address,
        birth: Birth,
    ) -> Result<(Address, Address)> {
        let call = LegacyKmsAuth::deployAndRegisterAppCall {
            initialOwner: self.rival.address(),
            disableUpgrades: birth.disable_upgrades,
            allowAnyDevice: birth.allow_any_device,
            initialDeviceId: birth.device,
            initialComposeHash: birth.compose_hash,
        };
        let receipt = self.rival.send(kms, &call).await?;
        let logs = self.node.logs(&[kms], receipt.block..=receipt.block).await?;
        let deployed = logs.iter().find_map(|log| match kms_event(&log.topics, &log.data) {
            Some(KmsEvent::AppDeployed { app, contract }) => Some((app, contract)),
            _ => None,
        });
        deployed.ok_or_eyre("the KMS did not say what it deployed")
    }

    /// Deploys a contract for an app of that generation without its KMS: it has yet to be given an id there.
    ///
    /// # Errors
    /// What the node says.
    pub async fn deploy_legacy_controller(&self, app: Address, birth: Birth) -> Result<Address> {
        let code = deploy(&self.operator, &LocalLegacyAppAuth::BYTECODE, &[]).await?;
        let initialization = LocalLegacyAppAuth::initializeCall {
            initialOwner: self.rival.address(),
            appId_: app,
            disableUpgrades_: birth.disable_upgrades,
            allowAnyDevice_: birth.allow_any_device,
            initialDeviceId: birth.device,
            initialComposeHash: birth.compose_hash,
        };
        self.deploy_proxy(&self.rival, code, initialization.abi_encode()).await
    }

    /// Deploys the tutorial's contract; the rival owns it.
    ///
    /// # Errors
    /// What the node says.
    pub async fn deploy_timelock_app(&self, notice: u64, birth: Birth) -> Result<Address> {
        let arguments = LocalTimelockAppAuth::constructorCall {
            noticePeriod_: U256::from(notice),
            allowAnyDevice_: birth.allow_any_device,
            initialComposeHash: birth.compose_hash,
        };
        deploy(&self.rival, &LocalTimelockAppAuth::BYTECODE, &arguments.abi_encode()).await
    }

    /// Deploys a stand-in for a Safe whose one owner is the bench's owner.
    ///
    /// # Errors
    /// What the node says.
    pub async fn deploy_safe(&self) -> Result<Address> {
        let arguments = LocalSafe::constructorCall { owner: self.owner.address() };
        deploy(&self.operator, &LocalSafe::BYTECODE, &arguments.abi_encode()).await
    }

    /// Has it make a call; gives the block.
    ///
    /// # Errors
    /// If the call fails, or what the node says.
    pub async fn execute_by_safe(&self, safe: Address, to: Address, data: Bytes) -> Result<u64> {
        let call = LocalSafe::executeCall { to, data };
        Ok(self.owner.send(safe, &call).await?.block)
    }

    /// Deploys code that a stock app can be upgraded to, or the code of a KMS.
    ///
    /// # Errors
    /// What the node says.
    pub async fn deploy_implementation(&self, of_a_kms: bool) -> Result<Address> {
        let code = if of_a_kms { &LocalDstackKms::BYTECODE } else { &LocalDstackApp::BYTECODE };
        deploy(&self.operator, code, &[]).await
    }

    async fn deploy_proxy(
        &self,
        by: &Account,
        implementation: Address,
        initialization: Vec<u8>,
    ) -> Result<Address> {
        let initialization = initialization.into();
        let proxy = LocalProxy::constructorCall { implementation, initialization };
        deploy(by, &LocalProxy::BYTECODE, &proxy.abi_encode()).await
    }
}
