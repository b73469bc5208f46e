//! A node, over HTTP or WebSockets, at one endpoint or several.

use crate::{ChainError, News, Refusal, RpcMetrics, endpoint::Endpoint, probe::Strikes};
use alloy::{
    eips::{BlockId, BlockNumberOrTag, RpcBlockHash},
    primitives::{Address, B256, Bytes, TxKind, U256},
    providers::Provider,
    rpc::types::{Block, TransactionRequest},
    sol_types::SolCall,
};
use devproof_primitives::BlockRef;
use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// How a node is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many endpoints have to give the same logs before they count.
    pub agreement: NonZeroUsize,
    /// How often a node that is too busy, or was asked too often, is asked again.
    pub retries: u32,
    /// The pause before that; each further one is twice as long.
    pub pause: Duration,
}

impl Default for Options {
    /// One node is enough; five more attempts over half a minute.
    fn default() -> Self {
        Self { agreement: NonZeroUsize::MIN, retries: 5, pause: Duration::from_secs(1) }
    }
}

/// A node of one chain, at one or several endpoints. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Node {
    endpoints: Arc<[Endpoint]>,
    /// The one that answered last.
    preferred: Arc<AtomicUsize>,
    pub(crate) options: Options,
    metrics: RpcMetrics,
    pub(crate) strikes: Strikes,
    chain_id: u64,
}

/// What the node's own tags point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// `latest`.
    pub latest: BlockRef,
    /// `safe`; `None` where the node has no such tag.
    pub safe: Option<BlockRef>,
    /// `finalized`; likewise. By its hash, so that it can be recognised later.
    pub finalized: Option<BlockRef>,
}

impl Node {
    /// Connects and asks for the chain id, once.
    ///
    /// # Errors
    /// [`ChainError::BadUrl`], or what the node says.
    pub async fn connect(url: &str) -> Result<Self, ChainError> {
        Self::connect_any(&[url], Options::default()).await
    }

    /// Connects to the first endpoint that answers. The others are turned to when it does not, in order,
    /// and have to serve the same chain.
    ///
    /// # Errors
    /// [`ChainError::BadUrl`] for any of them, or for none at all; what the last one says if none answers.
    pub async fn connect_any(urls: &[&str], options: Options) -> Result<Self, ChainError> {
        let metrics = RpcMetrics::default();
        let endpoint = |url: &&str| Endpoint::new(url, &metrics);
        let endpoints = urls.iter().map(endpoint).collect::<Result<Arc<[_]>, _>>()?;
        let mut answer = Err(ChainError::BadUrl { url: String::new() });
        let mut preferred = 0;
        for (index, endpoint) in endpoints.iter().enumerate() {
            answer = endpoint.chain_id().await;
            if answer.is_ok() {
                endpoint.is_verified();
                preferred = index;
                break;
            }
        }
        let chain_id = answer?;
        let preferred = Arc::new(preferred.into());
        let strikes = Strikes::default();
        Ok(Self { endpoints, preferred, options, metrics, strikes, chain_id })
    }

    /// The endpoint that is asked first.
    #[expect(clippy::indexing_slicing, reason = "`preferred` is only ever set to the place of one")]
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoints[self.preferred.load(Ordering::Relaxed)]
    }

    /// The others, with their places, in the order in which they are turned to.
    pub(crate) fn others(&self) -> impl Iterator<Item = (usize, &Endpoint)> {
        let first = self.preferred.load(Ordering::Relaxed);
        (self.endpoints.iter().enumerate().skip(first + 1))
            .chain(self.endpoints.iter().enumerate().take(first))
    }

    /// Asks one endpoint after the other until one answers; all of them again, after a pause, where they are
    /// only too busy or were asked too often.
    pub(crate) async fn ask<'a, T, F>(
        &'a self,
        question: impl Fn(&'a Endpoint) -> F,
    ) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, ChainError>>,
    {
        let mut pause = self.options.pause;
        for _ in 0..self.options.retries {
            match self.ask_each(&question).await {
                Err(error) if error.is_of_load() => {
                    tracing::warn!(%error, seconds = pause.as_secs_f32(), "waiting");
                }
                answer => return answer,
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        self.ask_each(&question).await
    }

    async fn ask_each<'a, T, F>(
        &'a self,
        question: &impl Fn(&'a Endpoint) -> F,
    ) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, ChainError>>,
    {
        let ask = async |endpoint: &'a Endpoint| {
            endpoint.verify(self.chain_id).await?;
            question(endpoint).await
        };
        let mut answer = ask(self.endpoint()).await;
        for (index, endpoint) in self.others() {
            match answer {
                Err(error) if error.is_worth_another_try() => {
                    tracing::debug!(%error, "turning to another node");
                }
                answer => return answer,
            }
            answer = ask(endpoint).await;
            if answer.is_ok() {
                tracing::warn!(url = endpoint.url, "turned to another node");
                self.preferred.store(index, Ordering::Relaxed);
            }
        }
        answer
    }

    /// What was asked and what went wrong, by endpoint.
    #[must_use]
    pub const fn metrics(&self) -> &RpcMetrics {
        &self.metrics
    }

    /// Subscribes to new heads at every endpoint that offers it, those with a `ws://` or `wss://` URL. Needs the runtime
    /// it is called on.
    #[must_use]
    pub fn news(&self) -> News {
        News::of(
            self.endpoints.iter().filter_map(|endpoint| {
                Some((endpoint.subscription.clone()?, endpoint.url.clone()))
            }),
        )
    }

    /// Where it is asked, fit to be shown: without paths, users and passwords.
    #[must_use]
    pub fn name(&self) -> String {
        let names: Vec<_> = self.endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
        names.join(", ")
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
        self.ask(|endpoint| header(endpoint, BlockNumberOrTag::Number(number))).await
    }

    /// The block with this hash, on whatever branch; `None` if the node knows none.
    ///
    /// # Errors
    /// What the node says.
    pub async fn block_by_hash(&self, hash: B256) -> Result<Option<BlockRef>, ChainError> {
        let method = "eth_getBlockByHash";
        let asked = self.ask(|endpoint| async move {
            let block = endpoint.provider.get_block_by_hash(hash).await;
            block.map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))
        });
        let Some(header) = asked.await?.map(|block| block.header) else { return Ok(None) };
        if header.hash != hash {
            let problem = format!("asked for block {hash}, got block {}", header.hash);
            return Err(ChainError::Nonsense { method, problem });
        }
        Ok(Some(BlockRef { number: header.number, hash, timestamp: header.timestamp }))
    }

    /// What `latest`, `safe` and `finalized` point at.
    ///
    /// # Errors
    /// What the node says. A node without the last two tags is no error.
    pub async fn heads(&self) -> Result<Heads, ChainError> {
        self.prefer_the_highest().await;
        self.ask(|endpoint| async move {
            let latest =
                header(endpoint, BlockNumberOrTag::Latest).await?.ok_or(ChainError::Nonsense {
                    method: "eth_getBlockByNumber",
                    problem: "it has no latest block".into(),
                })?;
            let safe = tag(endpoint, BlockNumberOrTag::Safe).await?;
            let finalized = tag(endpoint, BlockNumberOrTag::Finalized).await?;
            Ok(Heads { latest, safe, finalized })
        })
        .await
    }

    /// Turns to an endpoint that is ahead of the one asked first, if there is one: nobody wants the news of
    /// the one that lags.
    async fn prefer_the_highest(&self) {
        if self.endpoints.len() == 1 {
            return;
        }
        let height = async |endpoint: &Endpoint| {
            endpoint.verify(self.chain_id).await.ok()?;
            Some(header(endpoint, BlockNumberOrTag::Latest).await.ok()??.number)
        };
        let mut best = height(self.endpoint()).await;
        for (index, endpoint) in self.others() {
            let theirs = height(endpoint).await;
            if theirs > best {
                best = theirs;
                self.preferred.store(index, Ordering::Relaxed);
            }
        }
    }

    /// The runtime code of an account after a block.
    ///
    /// # Errors
    /// What the node says.
    pub async fn code(&self, address: Address, block: u64) -> Result<Bytes, ChainError> {
        self.ask(|endpoint| async move {
            let code = endpoint.provider.get_code_at(address).block_id(block.into()).await;
            code.map_err(|e| ChainError::from_rpc(&endpoint.url, "eth_getCode", e))
        })
        .await
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
        let method = "eth_getStorageAt";
        self.ask(|endpoint| async move {
            let at = BlockNumberOrTag::Number(block);
            let word = endpoint.provider.raw_request(method.into(), (address, slot, at)).await;
            let word: String = word.map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))?;
            // Nothing at all, or a number, would pass for an empty slot.
            word_of(&word)
                .ok_or_else(|| ChainError::Nonsense { method, problem: format!("{word:.80?}") })
        })
        .await
    }

    /// The same nodes, but another one is asked first, if there is one.
    #[must_use]
    pub fn turned(&self) -> Self {
        let next = (self.preferred.load(Ordering::Relaxed) + 1) % self.endpoints.len().max(1);
        Self { preferred: Arc::new(next.into()), ..self.clone() }
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
        match self.call_within(to, call, block, None).await {
            Err(error) => Err(self.explain(to, error).await),
            answer => answer,
        }
    }

    /// Calls a view of a contract on the state after exactly this block. A node that no longer has it on its chain
    /// refuses, so that nothing is answered from another branch.
    ///
    /// # Errors
    /// As [`Node::call`].
    pub async fn call_after<C: SolCall>(
        &self,
        to: Address,
        call: &C,
        block: BlockRef,
    ) -> Result<C::Return, ChainError> {
        let at = BlockId::Hash(RpcBlockHash::from_hash(block.hash, Some(true)));
        match self.call_on(to, call, at, None).await {
            Err(error) => Err(self.explain(to, error).await),
            answer => answer,
        }
    }

    /// As [`Node::call`], with no more than so much gas: a contract that nobody knows may want to keep us busy. A revert
    /// is a refusal here, and its reason is not put into words.
    pub(crate) async fn call_within<C: SolCall>(
        &self,
        to: Address,
        call: &C,
        block: Option<u64>,
        gas: Option<u64>,
    ) -> Result<C::Return, ChainError> {
        self.call_on(to, call, block.map_or(BlockId::latest(), Into::into), gas).await
    }

    async fn call_on<C: SolCall>(
        &self,
        to: Address,
        call: &C,
        at: BlockId,
        gas: Option<u64>,
    ) -> Result<C::Return, ChainError> {
        let request = TransactionRequest {
            to: Some(TxKind::Call(to)),
            input: call.abi_encode().into(),
            gas,
            ..Default::default()
        };
        let asked = self.ask(|endpoint| {
            let request = request.clone();
            async move {
                let answer = endpoint.provider.call(request).block(at).await;
                answer.map_err(|e| ChainError::from_rpc(&endpoint.url, "eth_call", e))
            }
        });
        let answer = asked.await?;
        C::abi_decode_returns(&answer)
            .map_err(|_| ChainError::Undecodable { to, signature: C::SIGNATURE })
    }

    /// Turns the refusal of a call into the contract's reason, where it gave one.
    pub(crate) async fn explain(&self, to: Address, error: ChainError) -> ChainError {
        let ChainError::Refused { data, message, why, .. } = &error else { return error };
        let Some(data) = data else {
            let reverted = *why == Refusal::Reverted;
            let reason = message.clone();
            return if reverted { ChainError::Reverted { to, reason } } else { error };
        };
        // "In 6 d 23 h" counts from the chain's clock, not from ours.
        let now = self.ask(|endpoint| header(endpoint, BlockNumberOrTag::Latest)).await;
        let now = now.ok().flatten().map_or(0, |block| block.timestamp);
        let reason =
            devproof_contracts::explain_revert(data, now).unwrap_or_else(|| message.clone());
        ChainError::Reverted { to, reason }
    }
}

/// A word as nodes write them: some leave zeros in front out.
pub(crate) fn word_of(text: &str) -> Option<B256> {
    let digits = text.strip_prefix("0x").filter(|digits| (1..=64).contains(&digits.len()))?;
    format!("{digits:0>64}").parse().ok()
}

/// The block a tag points at. Nodes say "no such tag" in many ways, as null or as an error.
async fn tag(endpoint: &Endpoint, tag: BlockNumberOrTag) -> Result<Option<BlockRef>, ChainError> {
    match header(endpoint, tag).await {
        Err(error @ ChainError::Refused { .. }) if !error.is_of_load() => Ok(None),
        answer => answer,
    }
}

async fn header(
    endpoint: &Endpoint,
    which: BlockNumberOrTag,
) -> Result<Option<BlockRef>, ChainError> {
    let method = "eth_getBlockByNumber";
    let block: Option<Block> = endpoint
        .provider
        .get_block_by_number(which)
        .await
        .map_err(|e| ChainError::from_rpc(&endpoint.url, method, e))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_to_sixty_four_digits() {
        let full = format!("0x{}", "f".repeat(64));
        for (text, word) in [
            ("0x0", Some(B256::ZERO)),
            ("0x7", Some(B256::with_last_byte(7))),
            (full.as_str(), Some(B256::repeat_byte(0xff))),
            ("0x", None),
            ("7", None),
            ("0xzz", None),
            (&format!("{full}0"), None),
        ] {
            assert_eq!(word_of(text), word, "{text}");
        }
    }
}
