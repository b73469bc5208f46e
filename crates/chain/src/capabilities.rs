//! What a node can do that not every node can: found out by asking, with answers that are checked.
//!
//! Each of these is asked of the endpoint that a [`Node`] asks first, so that a node of one endpoint tells what that endpoint
//! can do. The number of calls is bounded; how long they may take is up to the caller.

use crate::{ChainError, Node, Refusal, probe::is_answered};
use alloy::{
    eips::{BlockId, BlockNumberOrTag, RpcBlockHash},
    primitives::{Address, B256, Bytes, U256, address, keccak256},
    providers::{Provider, ProviderBuilder},
    rpc::types::{Block, EIP1186AccountProofResponse, TransactionRequest},
};
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};
use devproof_primitives::BlockRef;

/// The precompile that gives back what it is given (address 4, in the yellow paper's appendix E). Every EVM has it, and what it
/// answers is known beforehand.
const IDENTITY: Address = address!("0000000000000000000000000000000000000004");

/// What is sent there.
const ECHO: [u8; 32] = *b"devproof asks, and wants it back";

/// The most calls for one search. A chain with 2^60 blocks takes no more.
const MOST_CALLS: u32 = 64;

/// How far back a node has state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateDepth {
    /// As far as it was asked for.
    Whole,
    /// From this block on, and not of the one before.
    From(u64),
}

impl Node {
    /// How far back this node has the state of the chain, down to block `oldest`. The state after `head` has to be there.
    ///
    /// A node that drops old state has it from some block on; that block is found by halving, in at most 64 calls.
    ///
    /// # Errors
    /// What the node says of `head`; and of other blocks, where it is not that it has no state.
    pub async fn state_depth(&self, oldest: u64, head: u64) -> Result<StateDepth, ChainError> {
        self.code(IDENTITY, head).await?;
        let has = async |block: u64| match self.code(IDENTITY, block).await {
            Ok(_) => Ok(true),
            // It answered the same question about another block, so it is the block that it minds, in whatever words.
            Err(ChainError::Refused { why: Refusal::Missing | Refusal::Other, .. }) => Ok(false),
            Err(error) => Err(error),
        };
        if oldest >= head || has(oldest).await? {
            return Ok(StateDepth::Whole);
        }
        let (mut without, mut with) = (oldest, head);
        for _ in 0..MOST_CALLS {
            if with - without <= 1 {
                break;
            }
            let middle = without + (with - without) / 2;
            if has(middle).await? {
                with = middle;
            } else {
                without = middle;
            }
        }
        Ok(StateDepth::From(with))
    }

    /// Makes sure that the node executes calls on the state after a block that is named by its hash (EIP-1898): what is read
    /// before anything is signed is read so.
    ///
    /// # Errors
    /// What the node says; [`ChainError::Nonsense`] if it says something else than what the call gives.
    pub async fn calls_by_hash(&self, block: BlockRef) -> Result<(), ChainError> {
        let method = "eth_call";
        let request = TransactionRequest {
            to: Some(IDENTITY.into()),
            input: Bytes::from(ECHO).into(),
            ..Default::default()
        };
        let at = BlockId::Hash(RpcBlockHash::from_hash(block.hash, Some(true)));
        let answer = self.ask(|endpoint| {
            let request = request.clone();
            async move {
                let answer = endpoint.provider.call(request).block(at).await;
                answer.map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))
            }
        });
        let answer = answer.await?;
        if answer.as_ref() == ECHO {
            return Ok(());
        }
        let problem = format!("address 4 gives back what it is given, and gave {answer:.80}");
        Err(ChainError::Nonsense { method, problem })
    }

    /// Whether the node runs code that is only sent along with a call, by which many questions become one. It is asked
    /// twice for things that are known beforehand.
    ///
    /// # Errors
    /// What the node says, where that has nothing to do with how it was asked.
    pub async fn runs_code_of_calls(&self, block: u64) -> Result<bool, ChainError> {
        let questions = [ECHO.to_vec(), Vec::new()];
        let answers = self.probe(&[], IDENTITY, &questions, block).await?;
        Ok(answers.is_some_and(|answers| is_answered(&answers, &questions)))
    }

    /// Makes sure that the node proves what it says of state (`eth_getProof`, EIP-1186): the proof of an account has to lead to
    /// the root in a header, and the header to the block's hash.
    ///
    /// # Errors
    /// What the node says; [`ChainError::Nonsense`] for a proof that proves nothing.
    pub async fn proves_state(&self, block: BlockRef) -> Result<(), ChainError> {
        let method = "eth_getProof";
        let (root, proof) = self
            .ask(|endpoint| async move {
                let which = BlockNumberOrTag::Number(block.number);
                let header: Option<Block> = (endpoint.provider.get_block_by_number(which).await)
                    .map_err(|e| ChainError::from_rpc(&endpoint.url, "eth_getBlockByNumber", e))?;
                let header = header.map(|block| block.header).filter(|it| it.hash == block.hash);
                let header = header.ok_or(ChainError::Moved { number: block.number })?;
                if header.inner.hash_slow() != block.hash {
                    let problem =
                        format!("the hash of block {} is not that of its header", block.number);
                    return Err(ChainError::Nonsense { method: "eth_getBlockByNumber", problem });
                }
                let slots: Vec<B256> = Vec::new();
                let proof =
                    endpoint.provider.get_proof(IDENTITY, slots).block_id(which.into()).await;
                let proof = proof.map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))?;
                Ok((header.state_root, proof))
            })
            .await?;
        leads_to(root, &proof).map_err(|problem| ChainError::Nonsense { method, problem })
    }

    /// The most blocks of logs of a contract that the node gives at once, as far as `from..=to` tells: it is asked for all of it, and
    /// for less wherever it refuses.
    ///
    /// # Errors
    /// What it says to a single block, or where its refusal has nothing to do with the size of the answer.
    pub async fn blocks_of_logs(
        &self,
        address: Address,
        from: u64,
        to: u64,
    ) -> Result<u64, ChainError> {
        let addresses = [address];
        let (last, _) = self.ask(|endpoint| endpoint.logs(&addresses, from, to, u64::MAX)).await?;
        Ok(last.saturating_sub(from).saturating_add(1))
    }

    /// Makes sure that the node takes a subscription to new heads; `None` if its URL is none of a WebSocket.
    ///
    /// # Errors
    /// [`ChainError::Unreachable`] with what kept it from it.
    pub async fn subscribes(&self) -> Option<Result<(), ChainError>> {
        let endpoint = self.endpoint();
        let connector = endpoint.subscription.clone()?;
        let subscribed = async {
            let provider = ProviderBuilder::new().connect_pubsub_with(connector).await?;
            provider.subscribe_blocks().await.map(drop)
        };
        Some(subscribed.await.map_err(|e| ChainError::from_rpc(&endpoint.url, "eth_subscribe", e)))
    }

    /// What an account has after a block, in wei.
    ///
    /// # Errors
    /// What the node says.
    pub async fn balance(&self, address: Address, block: u64) -> Result<U256, ChainError> {
        self.ask(|endpoint| async move {
            let balance = endpoint.provider.get_balance(address).block_id(block.into()).await;
            balance.map_err(|e| ChainError::from_rpc(&endpoint.url, "eth_getBalance", e))
        })
        .await
    }
}

/// That a proof of the account leads to the root of the state.
fn leads_to(root: B256, proof: &EIP1186AccountProofResponse) -> Result<(), String> {
    if proof.address != IDENTITY {
        return Err(format!("it is about {}", proof.address));
    }
    let account = TrieAccount {
        nonce: proof.nonce,
        balance: proof.balance,
        storage_root: proof.storage_hash,
        code_hash: proof.code_hash,
    };
    // An account that was never touched is proved by what stands in its place.
    let is_nothing = proof.nonce == 0 && proof.balance.is_zero();
    let key = Nibbles::unpack(keccak256(IDENTITY));
    let there = alloy_rlp::encode(account);
    let as_said = verify_proof(root, key, Some(there), &proof.account_proof);
    match as_said {
        Err(_) if is_nothing => verify_proof(root, key, None, &proof.account_proof),
        said => said,
    }
    .map_err(|_| "the proof does not lead to the root of the state".to_owned())
}
