//! Metrics, readiness and liveness of a process.

use crate::Failure;
use axum::Router;
use devproof_api::{Operations, operations};
use devproof_chain::Node;
use devproof_indexer::Pulse;
use devproof_store::Store;
use prometheus_client::{metrics::gauge::ConstGauge, registry::Registry};
use std::{io, net::SocketAddr, time::Duration};
use tokio::net::TcpListener;

/// What there is to tell: of the database, of the nodes that are asked, and of the indexers of this process.
pub(super) fn of(
    store: &Store,
    poll: Duration,
    node: Option<&Node>,
    pulses: impl IntoIterator<Item = (u64, Pulse)>,
) -> Operations {
    let mut registry = Registry::with_prefix("devproof");
    let version = [("version".into(), env!("CARGO_PKG_VERSION").into())];
    let build = registry.sub_registry_with_labels(version.into_iter());
    build.register("build", "Always 1; the label says which devproof this is", ConstGauge::new(1));
    if let Some(node) = node {
        node.metrics().register(&mut registry);
    }
    let pulses: Vec<(u64, Pulse)> = pulses.into_iter().collect();
    for (chain_id, pulse) in &pulses {
        let label = ("chain_id".into(), chain_id.to_string().into());
        pulse.register(registry.sub_registry_with_label(label));
    }
    Operations::new(store.clone(), poll, pulses, registry)
}

/// Serves them on an address of their own until the process ends; gives the root.
pub(super) async fn serve(of: Operations, listen: SocketAddr) -> Result<String, Failure> {
    let refused = |e: io::Error| {
        Failure::CouldNotTell(format!(
            "{listen} cannot be listened on ({e}); name another --metrics-listen"
        ))
    };
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let url = format!("http://{}", listener.local_addr().map_err(refused)?);
    let router: Router = operations(of);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}
