//! The state of a chain after one block, named by its hash: a reorg gives an error, never a mixture of two branches.

use crate::{ChainError, Node, node::word_of};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes, TxKind, U256},
    providers::Provider,
    rpc::types::{Block, TransactionRequest},
};
use devproof_primitives::BlockRef;

/// An account after a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// What it has, in wei.
    pub balance: U256,
    /// How many transactions it has sent, or contracts created.
    pub nonce: u64,
    /// Its code; empty where there is none.
    pub code: Bytes,
}

impl Node {
    /// An account after a block.
    ///
    /// # Errors
    /// What the node says, also where it does not know the block (any more).
    pub async fn account_state(
        &self,
        address: Address,
        block: B256,
    ) -> Result<AccountState, ChainError> {
        self.ask(|endpoint| async move {
            let (provider, at) = (&endpoint.provider, BlockId::hash(block));
            let said = |method, e| ChainError::from_rpc(&endpoint.url, method, e);
            let balance = provider.get_balance(address).block_id(at).await;
            let nonce = provider.get_transaction_count(address).block_id(at).await;
            let code = provider.get_code_at(address).block_id(at).await;
            Ok(AccountState {
                balance: balance.map_err(|e| said("eth_getBalance", e))?,
                nonce: nonce.map_err(|e| said("eth_getTransactionCount", e))?,
                code: code.map_err(|e| said("eth_getCode", e))?,
            })
        })
        .await
    }

    /// A storage slot after a block.
    ///
    /// # Errors
    /// As [`Node::account_state`].
    pub async fn slot(
        &self,
        address: Address,
        slot: U256,
        block: B256,
    ) -> Result<U256, ChainError> {
        let method = "eth_getStorageAt";
        self.ask(|endpoint| async move {
            let params = (address, slot, BlockId::hash(block));
            let word = endpoint.provider.raw_request(method.into(), params).await;
            let word: String = word.map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))?;
            word_of(&word)
                .map(|word| U256::from_be_bytes(word.0))
                .ok_or_else(|| ChainError::Nonsense { method, problem: format!("{word:.80?}") })
        })
        .await
    }

    /// The time that the node would give to the next block, Unix seconds: that of its pending block where it has a
    /// sensible one, otherwise a second after `latest`.
    ///
    /// # Errors
    /// What the node says and asking again may mend.
    pub async fn next_time(&self, latest: BlockRef) -> Result<u64, ChainError> {
        let method = "eth_getBlockByNumber";
        let asked = self.ask(|endpoint| async move {
            let block: Option<Block> = (endpoint.provider)
                .get_block_by_number(BlockNumberOrTag::Pending)
                .await
                .map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))?;
            Ok(block.map(|block| (block.header.number, block.header.timestamp)))
        });
        let least = latest.timestamp.saturating_add(1);
        match asked.await {
            Ok(Some((number, time))) if number == latest.number.saturating_add(1) => {
                Ok(time.max(least))
            }
            Err(error) if error.is_passing() => Err(error),
            _ => Ok(least),
        }
    }

    /// How much gas the node thinks that a call takes, on its newest block: what only waits is not counted in.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] with the reason, or what the node says.
    pub async fn estimate_gas(
        &self,
        from: Address,
        to: Address,
        input: &Bytes,
    ) -> Result<u64, ChainError> {
        let request = TransactionRequest {
            from: Some(from),
            to: Some(TxKind::Call(to)),
            input: input.clone().into(),
            ..Default::default()
        };
        let asked = self.ask(|endpoint| {
            let request = request.clone();
            async move {
                let answer = endpoint.provider.estimate_gas(request).block(BlockId::latest()).await;
                answer.map_err(|e| ChainError::from_rpc(&endpoint.url, "eth_estimateGas", e))
            }
        });
        match asked.await {
            Err(error) => Err(self.explain(to, error).await),
            answer => answer,
        }
    }
}
