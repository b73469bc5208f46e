//! One place at which a node is asked.

use crate::{
    ChainError, NodeLog, Refusal, RpcMetrics,
    gather::Gathering,
    logs::{ToldLog, one_in_each_place},
    matching::Matching,
    metrics::Counted,
    post::Post,
    socket::{Socket, connector},
};
use alloy::{
    primitives::Address,
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::{client::RpcClient, types::Filter},
    transports::{http::reqwest, ws::WsConnect},
};
use std::{
    collections::HashSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::sync::OnceCell;

/// How long a call may take. A page of logs of a busy contract takes seconds; a minute is a hang.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a node on this machine is asked whether a transaction is included.
const LOCAL_POLL_INTERVAL: Duration = Duration::from_millis(10);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A URL, and what was learnt about who answers there.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) provider: DynProvider,
    /// What may be shown of it.
    pub(crate) url: String,
    /// How to subscribe to its heads, where it offers that.
    pub(crate) subscription: Option<WsConnect>,
    /// Whether it was found to serve the right chain.
    verified: OnceCell<()>,
    /// The most blocks of logs it takes, as far as it refused more.
    width: AtomicU64,
}

impl Endpoint {
    /// Does not connect yet.
    pub(crate) fn new(url: &str, metrics: &RpcMetrics) -> Result<Self, ChainError> {
        let bad = || ChainError::BadUrl { url: url.to_owned() };
        let parsed: reqwest::Url = url.parse().map_err(|_| bad())?;
        let host = parsed.host_str().ok_or_else(bad)?;
        let endpoint =
            parsed.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let is_local = matches!(host, "127.0.0.1" | "localhost");
        // Only the origin is ever shown: keys of hosted nodes stand in the path or the user part.
        let shown = parsed.origin().ascii_serialization();
        let metrics = metrics.clone();
        let (client, subscription) = match parsed.scheme() {
            "http" | "https" => {
                let client = reqwest::Client::builder()
                    .timeout(CALL_TIMEOUT)
                    .connect_timeout(CONNECT_TIMEOUT)
                    .build()
                    .map_err(|_| bad())?;
                let inner = Gathering::new(Matching(Post::new(client, parsed)));
                (RpcClient::new(Counted { inner, endpoint, metrics }, is_local), None)
            }
            "ws" | "wss" => {
                let connector = connector(parsed.as_str());
                let inner = Socket::new(connector.clone(), CONNECT_TIMEOUT, CALL_TIMEOUT);
                let client = RpcClient::new(Counted { inner, endpoint, metrics }, is_local);
                (client, Some(connector))
            }
            _ => return Err(bad()),
        };
        let provider = ProviderBuilder::new().connect_client(client).erased();
        if is_local {
            // A chain on this machine makes a block per transaction: nobody wants to wait for it.
            provider.client().set_poll_interval(LOCAL_POLL_INTERVAL);
        }
        Ok(Self {
            provider,
            url: shown,
            subscription,
            verified: OnceCell::new(),
            width: AtomicU64::new(u64::MAX),
        })
    }

    /// EIP-155 id of the chain it serves.
    pub(crate) async fn chain_id(&self) -> Result<u64, ChainError> {
        self.provider
            .get_chain_id()
            .await
            .map_err(|e| ChainError::from_rpc(&self.url, "eth_chainId", e))
    }

    /// Makes sure, once, that it serves this chain: it may have been down when we began. Of many who ask at a time one
    /// does, for all.
    pub(crate) async fn verify(&self, expected: u64) -> Result<(), ChainError> {
        let ask = async || {
            let serves = self.chain_id().await?;
            if serves == expected {
                return Ok(());
            }
            Err(ChainError::OtherChain { url: self.url.clone(), expected, serves })
        };
        self.verified.get_or_try_init(ask).await.copied()
    }

    /// Takes note that it said that it serves the right chain.
    pub(crate) fn is_verified(&self) {
        // It may have been known before.
        let _ = self.verified.set(());
    }

    /// The logs from block `from` on, as far as it sends them at once, at most to `to` and at most
    /// `step` blocks. Gives the last block covered as well.
    pub(crate) async fn logs(
        &self,
        addresses: &[Address],
        from: u64,
        to: u64,
        step: u64,
    ) -> Result<(u64, Vec<NodeLog>), ChainError> {
        let most = self.width.load(Ordering::Relaxed).min(step).max(1);
        let mut end = to.min(from.saturating_add(most - 1));
        loop {
            let filter = Filter::new().address(addresses.to_vec()).from_block(from).to_block(end);
            let asked = self.provider.client().request("eth_getLogs", (filter,));
            let error = match asked.await {
                Ok(logs) => {
                    let logs: Vec<ToldLog> = logs;
                    // Looked through for each log, a list would cost the square of what an honest node sends.
                    let asked: HashSet<Address> = addresses.iter().copied().collect();
                    let mut logs = logs
                        .into_iter()
                        .map(|log| log.checked(Some(&asked), from..=end))
                        .collect::<Result<Vec<_>, _>>()?;
                    logs.sort_by_key(|log| (log.block_number, log.log_index));
                    one_in_each_place(&logs)?;
                    return Ok((end, logs));
                }
                Err(error) => ChainError::from_rpc(&self.url, "eth_getLogs", error),
            };
            let blocks = (end - from).saturating_add(1);
            let ChainError::Refused { why, message, .. } = &error else { return Err(error) };
            // A hint is taken only if it is less than what was just refused: some name that very range.
            let fewer = match *why {
                Refusal::TooWide { at_most } => {
                    let fewer = at_most.filter(|most| *most < blocks).unwrap_or(blocks / 2);
                    self.width.fetch_min(fewer.max(1), Ordering::Relaxed);
                    fewer
                }
                Refusal::TooMany { up_to } => up_to
                    .filter(|up_to| (from..end).contains(up_to))
                    .map_or(blocks / 2, |up_to| up_to - from + 1),
                _ => return Err(error),
            };
            if fewer == 0 {
                // A single block, and still too much.
                return Err(error);
            }
            tracing::debug!(from, end, fewer, message, url = self.url, "asking for fewer blocks");
            end = from + (fewer - 1);
        }
    }
}
