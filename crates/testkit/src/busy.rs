//! Chains with much on them, for benchmarks.

use crate::Bench;
use alloy::{
    primitives::{Address, B256, U64, keccak256},
    sol_types::SolCall,
};
use devproof_contracts::stock::{DstackApp, DstackKms};
use eyre::{OptionExt, Result, ensure};
use serde_json::{Value, json};

/// Apps that are deployed in one block: anvil fills its blocks by what transactions may take, whatever limit it was given.
const DEPLOYED_PER_BLOCK: usize = 4;
/// More than a deployment takes.
const DEPLOY_GAS: &str = "0x1e8480";
/// More than a change takes.
const CHANGE_GAS: &str = "0x30d40";

/// How much is on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Stock apps, registered with the KMS.
    pub apps: usize,
    /// Blocks in which they change.
    pub blocks: usize,
    /// Changes in each of these blocks, two logs a change, as stock contracts of 2026 emit them.
    pub changes_per_block: usize,
}

impl Busy {
    /// 1,000 apps, and 50,000 logs of changes in 500 blocks: of many more blocks than that, anvil forgets the state.
    pub const USUAL: Self = Self { apps: 1_000, blocks: 500, changes_per_block: 50 };
}

impl Bench {
    /// Deploys stock apps and changes them, app after app: versions come, and every other one goes again. Gives the apps.
    ///
    /// # Errors
    /// What anvil says.
    pub async fn make_busy(&self, busy: Busy) -> Result<Vec<Address>> {
        let owner = self.rival.address();
        self.anvil.request("evm_setAutomine", json!([false])).await?;
        self.anvil.request("evm_setBlockGasLimit", json!(["0x2540be400"])).await?;
        let count = self.anvil.request("eth_getTransactionCount", json!([owner, "latest"])).await?;
        let mut nonce = serde_json::from_value::<U64>(count)?.to::<u64>();
        let mut send = |to: Address, input: Vec<u8>, gas: &str| {
            let nonce = (U64::from(nonce), nonce += 1).0;
            let input = alloy::primitives::Bytes::from(input);
            json!(["eth_sendTransaction", [{ "from": owner, "to": to, "data": input, "gas": gas, "nonce": nonce }]])
        };

        let first = self.node.heads().await?.latest.number + 1;
        let mut calls = Vec::new();
        for app in 0..busy.apps {
            let call = DstackKms::deployAndRegisterAppCall {
                initialOwner: owner,
                disableUpgrades: false,
                requireTcbUpToDate: false,
                allowAnyDevice: true,
                initialDeviceId: B256::ZERO,
                initialComposeHash: keccak256(app.to_be_bytes()),
            };
            calls.push(send(self.kms, call.abi_encode(), DEPLOY_GAS));
            if app % DEPLOYED_PER_BLOCK == DEPLOYED_PER_BLOCK - 1 {
                self.mine_with(&mut calls).await?;
            }
        }
        self.mine_with(&mut calls).await?;
        let head = self.node.heads().await?.latest.number;
        let named =
            self.node.logs(&[self.kms], first..=head).await?.into_iter().filter_map(|log| {
                match devproof_contracts::kms_event(&log.topics, &log.data) {
                    Some(devproof_primitives::KmsEvent::AppRegistered(app)) => Some(app),
                    _ => None,
                }
            });
        let apps: Vec<Address> = named.collect();
        ensure!(apps.len() == busy.apps, "only {} of {} apps were deployed", apps.len(), busy.apps);

        let mut change = 0;
        for _ in 0..busy.blocks {
            for _ in 0..busy.changes_per_block {
                let app =
                    *apps.get(change % apps.len().max(1)).ok_or_eyre("no app was deployed")?;
                let turn = change / apps.len().max(1);
                let compose_hash = keccak256((turn / 2).to_be_bytes());
                let input = if turn.is_multiple_of(2) {
                    DstackApp::addComposeHashCall { composeHash: compose_hash }.abi_encode()
                } else {
                    DstackApp::removeComposeHashCall { composeHash: compose_hash }.abi_encode()
                };
                calls.push(send(app, input, CHANGE_GAS));
                change += 1;
            }
            self.mine_with(&mut calls).await?;
        }
        self.anvil.request("evm_setAutomine", json!([true])).await?;
        Ok(apps)
    }

    /// Puts these transactions into one block. They go in one request, and the block is asked for in another: what is in one
    /// request anvil takes in any order, at the latest when somebody else asks meanwhile.
    async fn mine_with(&self, calls: &mut Vec<Value>) -> Result<()> {
        self.anvil.batch(std::mem::take(calls)).await?;
        self.anvil.request("evm_mine", json!([])).await?;
        Ok(())
    }
}
