//! What it takes to send a transaction that somebody signed, and to learn what became of it.

use crate::{ChainError, Node};
use alloy::{
    consensus::{Transaction as _, TxEnvelope},
    eips::eip1559::Eip1559Estimation,
    primitives::{Address, B256, Bytes, TxKind},
    providers::Provider,
    rpc::types::{Log, Transaction, TransactionReceipt},
};

/// How many transactions an account has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonces {
    /// That are in blocks: the nonce of the next one that can be.
    pub included: u64,
    /// And that wait, as far as the node knows.
    pub waiting: u64,
}

/// A transaction that is known to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its hash.
    pub hash: B256,
    /// Its place among those of its sender.
    pub nonce: u64,
    /// Whom it calls; `None` if it creates a contract.
    pub to: Option<Address>,
    /// With what.
    pub input: Bytes,
    /// The most that it pays for a unit of gas, in wei.
    pub max_fee_per_gas: u128,
    /// And of that to who makes the block.
    pub max_priority_fee_per_gas: u128,
    /// The block that holds it; `None` while it waits.
    pub block: Option<u64>,
}

/// What became of a transaction that is in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// Its hash.
    pub transaction: B256,
    /// The block.
    pub block: u64,
    /// Its hash.
    pub block_hash: B256,
    /// Whether it did what it was to do.
    pub succeeded: bool,
    /// What it took, in gas.
    pub gas_used: u64,
    /// What a unit of it cost, in wei.
    pub gas_price: u128,
    /// What contracts said: address, topics and data.
    pub logs: Vec<(Address, Vec<B256>, Bytes)>,
}

impl Node {
    /// How many transactions an account has sent.
    ///
    /// # Errors
    /// What the node says.
    pub async fn nonces(&self, account: Address) -> Result<Nonces, ChainError> {
        self.ask(|endpoint| async move {
            let said = |e| ChainError::from_rpc(&endpoint.url, "eth_getTransactionCount", e);
            let provider = &endpoint.provider;
            let included = provider.get_transaction_count(account).await.map_err(said)?;
            let waiting = provider.get_transaction_count(account).pending().await.map_err(said)?;
            Ok(Nonces { included, waiting: waiting.max(included) })
        })
        .await
    }

    /// What a transaction should offer at the moment (EIP-1559), from the fees of the last blocks.
    ///
    /// # Errors
    /// What the node says; also if the chain has no such fees.
    pub async fn fees(&self) -> Result<Eip1559Estimation, ChainError> {
        self.ask(|endpoint| async move {
            let fees = endpoint.provider.estimate_eip1559_fees().await;
            fees.map_err(|e| ChainError::from_rpc(&endpoint.url, "eth_feeHistory", e))
        })
        .await
    }

    /// Hands a signed transaction to the node. It is not asked again, and no other node is: what came of it is to be
    /// looked up.
    ///
    /// # Errors
    /// What the node says.
    pub async fn broadcast(&self, signed: &[u8]) -> Result<(), ChainError> {
        let endpoint = self.endpoint();
        endpoint.verify(self.chain_id()).await?;
        (endpoint.provider.send_raw_transaction(signed).await)
            .map(|_| ())
            .map_err(|e| ChainError::from_rpc(&endpoint.url, "eth_sendRawTransaction", e))
    }

    /// A transaction by its hash; `None` if the node does not know it (any more).
    ///
    /// # Errors
    /// What the node says.
    pub async fn transaction(&self, hash: B256) -> Result<Option<Sent>, ChainError> {
        self.ask(|endpoint| async move {
            let found = endpoint.provider.get_transaction_by_hash(hash).await;
            found
                .map(|found| found.map(sent))
                .map_err(|e| ChainError::from_rpc(&endpoint.url, "eth_getTransactionByHash", e))
        })
        .await
    }

    /// The transaction of an account that has this nonce, where the node can tell: not all have such a question, and
    /// `None` says nothing.
    pub async fn transaction_at(&self, from: Address, nonce: u64) -> Option<Sent> {
        let endpoint = self.endpoint();
        let found = endpoint.provider.get_transaction_by_sender_nonce(from, nonce).await;
        found.ok().flatten().map(sent).filter(|it| it.nonce == nonce)
    }

    /// What became of a transaction; `None` while it is in no block.
    ///
    /// # Errors
    /// What the node says.
    pub async fn included(&self, hash: B256) -> Result<Option<Included>, ChainError> {
        let method = "eth_getTransactionReceipt";
        self.ask(|endpoint| async move {
            let found = endpoint.provider.get_transaction_receipt(hash).await;
            let found: Option<TransactionReceipt> =
                found.map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))?;
            let Some(receipt) = found else { return Ok(None) };
            let (Some(block), Some(block_hash)) = (receipt.block_number, receipt.block_hash) else {
                return Ok(None);
            };
            if receipt.transaction_hash != hash {
                let problem = format!("asked for {hash}, got {}", receipt.transaction_hash);
                return Err(ChainError::Nonsense { method, problem });
            }
            let parts = |log: &Log| (log.address(), log.topics().to_vec(), log.data().data.clone());
            Ok(Some(Included {
                transaction: hash,
                block,
                block_hash,
                succeeded: receipt.status(),
                gas_used: receipt.gas_used,
                gas_price: receipt.effective_gas_price,
                logs: receipt.logs().iter().map(parts).collect(),
            }))
        })
        .await
    }
}

fn sent(found: Transaction<TxEnvelope>) -> Sent {
    let inner = &found.inner;
    Sent {
        hash: *inner.tx_hash(),
        nonce: inner.nonce(),
        to: match inner.kind() {
            TxKind::Call(to) => Some(to),
            TxKind::Create => None,
        },
        input: inner.input().clone(),
        max_fee_per_gas: inner.max_fee_per_gas(),
        max_priority_fee_per_gas: inner.max_priority_fee_per_gas().unwrap_or_default(),
        block: found.block_number,
    }
}
