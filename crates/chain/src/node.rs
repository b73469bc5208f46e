//! A node, over HTTP.

use crate::ChainError;
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes, TxKind, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{Block, TransactionRequest},
    sol_types::SolCall,
    transports::http::reqwest,
};
use devproof_primitives::BlockRef;
use std::time::Duration;

/// How long a call may take. A page of logs of a busy contract takes seconds; a minute is a hang.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a node on this machine is asked whether a transaction is included.
const LOCAL_POLL_INTERVAL: Duration = Duration::from_millis(10);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A node of one chain. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) provider: DynProvider,
    pub(crate) url: String,
    chain_id: u64,
}

/// What the node's own tags point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// `latest`.
    pub latest: BlockRef,
    /// `safe`; `None` where the node has no such tag.
    pub safe: Option<u64>,
    /// `finalized`; likewise. By its hash, so that it can be recognised later.
    pub finalized: Option<BlockRef>,
}

impl Node {
    /// Connects and asks for the chain id, once.
    ///
    /// # Errors
    /// [`ChainError::BadUrl`], or what the node says.
    pub async fn connect(url: &str) -> Result<Self, ChainError> {
        let bad = || ChainError::BadUrl { url: url.to_owned() };
        let parsed: reqwest::Url = url.parse().map_err(|_| bad())?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(bad());
        }
        let client = reqwest::Client::builder()
            .timeout(CALL_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|_| bad())?;
        // Only the origin is ever shown: keys of hosted nodes stand in the path or the user part.
        let shown = parsed.origin().ascii_serialization();
        let is_local =
            parsed.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "localhost"));
        let provider = ProviderBuilder::new().connect_reqwest(client, parsed).erased();
        if is_local {
            // A chain on this machine makes a block per transaction: nobody wants to wait for it.
            provider.client().set_poll_interval(LOCAL_POLL_INTERVAL);
        }
        let chain_id = provider
            .get_chain_id()
            .await
            .map_err(|e| ChainError::from_rpc(&shown, "eth_chainId", e))?;
        Ok(Self { provider, url: shown, chain_id })
    }

    /// EIP-155 chain id.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The canonical block with this number; `None` if the node has none yet.
    ///
    /// # Errors
    /// What the node says.
    pub async fn block(&self, number: u64) -> Result<Option<BlockRef>, ChainError> {
        self.header(BlockNumberOrTag::Number(number)).await
    }

    /// What `latest`, `safe` and `finalized` point at.
    ///
    /// # Errors
    /// What the node says. A node without the last two tags is no error.
    pub async fn heads(&self) -> Result<Heads, ChainError> {
        let latest = self.header(BlockNumberOrTag::Latest).await?.ok_or(ChainError::Nonsense {
            method: "eth_getBlockByNumber",
            problem: "it has no latest block".into(),
        })?;
        let safe = self.tag(BlockNumberOrTag::Safe).await?.map(|block| block.number);
        let finalized = self.tag(BlockNumberOrTag::Finalized).await?;
        Ok(Heads { latest, safe, finalized })
    }

    /// The block a tag points at. Nodes say "no such tag" in many ways, as null or as an error.
    async fn tag(&self, tag: BlockNumberOrTag) -> Result<Option<BlockRef>, ChainError> {
        match self.header(tag).await {
            Err(ChainError::Refused { .. }) => Ok(None),
            answer => answer,
        }
    }

    async fn header(&self, which: BlockNumberOrTag) -> Result<Option<BlockRef>, ChainError> {
        let method = "eth_getBlockByNumber";
        let block: Option<Block> = self
            .provider
            .get_block_by_number(which)
            .await
            .map_err(|e| ChainError::from_rpc(&self.url, method, e))?;
        let found = block.map(|b| BlockRef {
            number: b.header.number,
            hash: b.header.hash,
            timestamp: b.header.timestamp,
        });
        match (which, found) {
            (BlockNumberOrTag::Number(asked), Some(block)) if block.number != asked => {
                Err(ChainError::Nonsense {
                    method,
                    problem: format!("asked for block {asked}, got block {}", block.number),
                })
            }
            _ => Ok(found),
        }
    }

    /// The runtime code of an account after a block.
    ///
    /// # Errors
    /// What the node says.
    pub async fn code(&self, address: Address, block: u64) -> Result<Bytes, ChainError> {
        self.provider
            .get_code_at(address)
            .block_id(block.into())
            .await
            .map_err(|e| ChainError::from_rpc(&self.url, "eth_getCode", e))
    }

    /// A storage slot of a contract after a block.
    ///
    /// # Errors
    /// What the node says.
    pub async fn storage(
        &self,
        address: Address,
        slot: U256,
        block: u64,
    ) -> Result<B256, ChainError> {
        self.provider
            .get_storage_at(address, slot)
            .block_id(block.into())
            .await
            .map(Into::into)
            .map_err(|e| ChainError::from_rpc(&self.url, "eth_getStorageAt", e))
    }

    /// Calls a view of a contract on the state after a block, or on the latest.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] with the reason, or what the node says.
    pub async fn call<C: SolCall>(
        &self,
        to: Address,
        call: &C,
        block: Option<u64>,
    ) -> Result<C::Return, ChainError> {
        let request = TransactionRequest {
            to: Some(TxKind::Call(to)),
            input: call.abi_encode().into(),
            ..Default::default()
        };
        let at = block.map_or(BlockId::latest(), Into::into);
        let answer = match self.provider.call(request).block(at).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.explain(to, "eth_call", error).await),
        };
        C::abi_decode_returns(&answer).map_err(|_| ChainError::Nonsense {
            method: "eth_call",
            problem: format!("{to} does not answer {} as it should", C::SIGNATURE),
        })
    }

    /// Turns the refusal of a call into the contract's reason, where it gave one.
    pub(crate) async fn explain(
        &self,
        to: Address,
        method: &'static str,
        error: alloy::transports::TransportError,
    ) -> ChainError {
        let error = ChainError::from_rpc(&self.url, method, error);
        let ChainError::Refused { data: Some(data), message, .. } = &error else { return error };
        // "In 6 d 23 h" counts from the chain's clock, not from ours.
        let now = self.header(BlockNumberOrTag::Latest).await.ok().flatten();
        let reason = devproof_contracts::explain_revert(data, now.map_or(0, |b| b.timestamp))
            .unwrap_or_else(|| message.clone());
        ChainError::Reverted { to, reason }
    }
}
