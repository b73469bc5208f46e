//! For those who run the service: whether the process lives, whether its answers are current, and its metrics.

use crate::documents::{ChainReadiness, Ready, ReplicaLag};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use devproof_indexer::{BLOCK_TIME_SAMPLE, Pulse, Readiness, block_time, stored_readiness};
use devproof_store::{ChainStatus, Replica, Store, StoreError};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text::encode},
    metrics::{
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What these pages tell about.
#[derive(Clone, Debug)]
pub struct Operations {
    store: Store,
    poll: Duration,
    pulses: BTreeMap<u64, Pulse>,
    registry: Arc<Registry>,
    gauges: Gauges,
}

/// What the database tells whenever somebody asks.
#[derive(Clone, Debug, Default)]
struct Gauges {
    age: Family<OfChain, Gauge<f64, AtomicU64>>,
    replica: Arc<Mutex<Option<Replica>>>,
    letters_due: Gauge,
    letters_dead: Gauge,
    letters_wait: Gauge<f64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfChain {
    chain_id: u64,
}

impl Operations {
    /// Tells about a database, and about the indexers of this process. `poll` is how often an indexer elsewhere is taken
    /// to look at its chain. What is in `registry` is shown as well.
    #[must_use]
    pub fn new(
        store: Store,
        poll: Duration,
        pulses: impl IntoIterator<Item = (u64, Pulse)>,
        mut registry: Registry,
    ) -> Self {
        let gauges = Gauges::default();
        registry.register(
            "answer_age_seconds",
            "Age of the last block that the database holds",
            gauges.age.clone(),
        );
        registry.register(
            "letters_due",
            "Letters to subscribers that are still to be sent",
            gauges.letters_due.clone(),
        );
        registry.register(
            "letters_dead",
            "Letters to subscribers that were given up",
            gauges.letters_dead.clone(),
        );
        registry.register(
            "letters_wait_seconds",
            "For so long the oldest letter that is still to be sent has waited; 0 if there is none",
            gauges.letters_wait.clone(),
        );
        registry.register_collector(Box::new(OfReplica(Arc::clone(&gauges.replica))));
        let (pulses, registry) = (pulses.into_iter().collect(), Arc::new(registry));
        Self { store, poll, pulses, registry, gauges }
    }

    /// Whether the answers about every chain are current.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn readiness(&self) -> Result<Ready, StoreError> {
        let stored: BTreeMap<u64, ChainStatus> =
            self.store.chains().await?.into_iter().map(|chain| (chain.chain_id, chain)).collect();
        let ids = stored.keys().chain(self.pulses.keys());
        let ids: std::collections::BTreeSet<u64> = ids.copied().collect();
        let mut chains = Vec::new();
        for chain_id in ids {
            let status = stored.get(&chain_id);
            let here = self.pulses.get(&chain_id).filter(|pulse| !pulse.is_standby());
            let readiness = match (here, status) {
                (Some(pulse), _) => pulse.readiness(),
                (None, Some(status)) => self.stored(status).await?,
                // Another process has just begun with it.
                (None, None) => continue,
            };
            chains.push(document(chain_id, status, readiness, here.is_some()));
        }
        let ready = !chains.is_empty() && chains.iter().all(|chain| chain.ready);
        let reason = chains.is_empty().then(|| "the database holds no chain yet".to_owned());
        let replica = self.store.replica().await?.map(ReplicaLag::from);
        Ok(Ready { ready, reason, chains, replica })
    }

    async fn stored(&self, status: &ChainStatus) -> Result<Readiness, StoreError> {
        let below = status.checkpoint.map_or(0, |block| block.number.saturating_add(1));
        let newest =
            self.store.canonical_blocks_below(status.chain_id, below, BLOCK_TIME_SAMPLE).await?;
        Ok(stored_readiness(status, block_time(&newest), self.poll))
    }

    async fn measure(&self) -> Result<(), StoreError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        for chain in self.store.chains().await? {
            if let Some(block) = chain.checkpoint {
                let of = OfChain { chain_id: chain.chain_id };
                self.gauges.age.get_or_create(&of).set(now - block.timestamp as f64);
            }
        }
        let (due, since, dead) = self.store.unread_letters().await?;
        self.gauges.letters_due.set(i64::try_from(due).unwrap_or(i64::MAX));
        self.gauges.letters_dead.set(i64::try_from(dead).unwrap_or(i64::MAX));
        let waits = since.map_or(0.0, |since| (now - since as f64 / 1_000.0).max(0.0));
        self.gauges.letters_wait.set(waits);
        let replica = self.store.replica().await?;
        *self.gauges.replica.lock().unwrap_or_else(PoisonError::into_inner) = replica;
        Ok(())
    }
}

/// Nothing where there is no replica.
#[derive(Debug)]
struct OfReplica(Arc<Mutex<Option<Replica>>>);

impl Collector for OfReplica {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let replica = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(Replica { lag_ms, receiving, .. }) = replica else { return Ok(()) };
        let help = "1 if this database is connected to the one it follows";
        let gauge = ConstGauge::new(i64::from(receiving));
        let kind = gauge.metric_type();
        gauge.encode(encoder.encode_descriptor("replica_receiving", help, None, kind)?)?;
        let Some(lag) = lag_ms else { return Ok(()) };
        let help = "At most so much is this database behind the one it follows";
        let gauge = ConstGauge::new(lag as f64 / 1_000.0);
        gauge.encode(encoder.encode_descriptor("replica_lag_seconds", help, None, kind)?)
    }
}

fn document(
    chain_id: u64,
    status: Option<&ChainStatus>,
    readiness: Readiness,
    here: bool,
) -> ChainReadiness {
    ChainReadiness {
        chain_id,
        ready: readiness.is_ready(),
        reason: readiness.reason.map(|reason| reason.name().to_owned()),
        detail: readiness.detail,
        judged_by: if here { "indexer" } else { "database" }.to_owned(),
        index_head: status.and_then(|status| status.checkpoint).map(|block| block.number),
        node_head: status.and_then(|status| status.tags).map(|tags| tags.head.number),
        block_age_ms: readiness.block_age.map(millis),
        block_time_ms: readiness.block_time.map(millis),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn operations<S: Clone + Send + Sync + 'static>(of: Operations) -> Router<S> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(of)
}

/// The process lives, and nothing more: whoever restarts it for another reason makes things worse.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(of): State<Operations>) -> Response {
    let ready = of.readiness().await.unwrap_or_else(|error| {
        tracing::error!(%error, "readiness cannot be told");
        let reason = Some("the database does not answer".to_owned());
        Ready { ready: false, reason, chains: Vec::new(), replica: None }
    });
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut reply = (status, Json(ready)).into_response();
    let no_store = HeaderValue::from_static("no-store");
    reply.headers_mut().insert(header::CACHE_CONTROL, no_store);
    reply
}

async fn metrics(State(of): State<Operations>) -> Response {
    // Without a database there is still a lot to tell.
    if let Err(error) = of.measure().await {
        tracing::error!(%error, "the database cannot be measured");
    }
    let mut text = String::new();
    if let Err(error) = encode(&mut text, &of.registry) {
        tracing::error!(%error, "the metrics could not be written");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
