//! An account that sends transactions.

use crate::{ChainError, Node};
use alloy::{
    network::{EthereumWallet, TransactionBuilder},
    primitives::{Address, B256, Bytes, TxKind},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};
use std::time::Duration;

/// How long a transaction may take to be included.
const INCLUSION_TIMEOUT: Duration = Duration::from_secs(180);

/// A key, and the node its transactions go through.
#[derive(Clone, Debug)]
pub struct Account {
    node: Node,
    signing: DynProvider,
    address: Address,
}

/// What became of a transaction that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its hash.
    pub transaction: B256,
    /// The block that includes it.
    pub block: u64,
    /// The contract it created, if it did.
    pub created: Option<Address>,
    /// What it cost, in gas.
    pub gas_used: u64,
}

impl Account {
    /// An account that signs with this key and sends through this node.
    #[must_use]
    pub fn new(node: &Node, key: PrivateKeySigner) -> Self {
        let address = key.address();
        // The node is asked for the nonce each time: a kept one is wrong after a reorg, or when the key
        // is used elsewhere as well, and the transaction would then wait for ever.
        let signing = ProviderBuilder::new()
            .with_simple_nonce_management()
            .wallet(EthereumWallet::from(key))
            .connect_provider(node.endpoint().provider.clone())
            .erased();
        Self { node: node.clone(), signing, address }
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Calls a function of a contract, and waits until the transaction is included.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] with the contract's reason, before anything is sent;
    /// [`ChainError::Failed`] if it was included and failed; or what the node says.
    pub async fn send<C: SolCall>(&self, to: Address, call: &C) -> Result<Receipt, ChainError> {
        self.submit(TxKind::Call(to), call.abi_encode().into()).await
    }

    /// Deploys a contract from its init code and waits until it is included.
    ///
    /// # Errors
    /// As [`Account::send`].
    pub async fn deploy(&self, init_code: Bytes) -> Result<Receipt, ChainError> {
        self.submit(TxKind::Create, init_code).await
    }

    async fn submit(&self, to: TxKind, input: Bytes) -> Result<Receipt, ChainError> {
        let target = to.to().copied().unwrap_or_default();
        let request =
            TransactionRequest::default().with_from(self.address).with_kind(to).with_input(input);
        // Filling the gas limit simulates the call, so a revert is seen before anything is spent.
        let pending = match self.signing.send_transaction(request).await {
            Ok(pending) => pending,
            Err(error) => {
                let url = &self.node.endpoint().url;
                let error = ChainError::from_rpc(url, "eth_sendRawTransaction", error);
                return Err(self.node.explain(target, error).await);
            }
        };
        let transaction = *pending.tx_hash();
        let receipt =
            pending.with_timeout(Some(INCLUSION_TIMEOUT)).get_receipt().await.map_err(|error| {
                ChainError::Unreachable {
                    url: self.node.endpoint().url.clone(),
                    cause: format!(
                        "transaction {transaction} was sent, its receipt never came: {error}"
                    ),
                }
            })?;
        let block = receipt.block_number.unwrap_or_default();
        if !receipt.status() {
            return Err(ChainError::Failed { transaction, block });
        }
        Ok(Receipt {
            transaction,
            block,
            created: receipt.contract_address,
            gas_used: receipt.gas_used,
        })
    }
}
