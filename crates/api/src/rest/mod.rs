//! The REST service: the same documents as `--json`, under `/v1`.

mod handlers;
mod input;
mod operations;
mod problem;
mod replica;
mod reply;

pub use operations::{Operations, operations};
pub use problem::ProblemReply;

use crate::{Families, Headers};
use axum::{
    Router,
    extract::{Request, State},
    http::{Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use devproof_store::Store;
use replica::Lag;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
    trace::TraceLayer,
};

/// The longest a request may take. An answer takes milliseconds; one header from a node, a second.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers that are assembled at a time: each takes a connection of the store, which has eight, so that more would only
/// wait there.
const CONCURRENT_ANSWERS: usize = 16;

/// What every request needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    store: Store,
    headers: Arc<BTreeMap<u64, Arc<dyn Headers>>>,
    slots: Arc<Semaphore>,
    lag: Lag,
    families: Arc<Families>,
    operations: Option<Operations>,
}

impl AppState {
    /// Answers from `store`, and asks `nodes` for the headers that it does not hold.
    #[must_use]
    pub fn new(store: Store, nodes: impl IntoIterator<Item = Arc<dyn Headers>>) -> Self {
        let headers = nodes.into_iter().map(|node| (node.chain_id(), node)).collect();
        let slots = Arc::new(Semaphore::new(CONCURRENT_ANSWERS));
        let (lag, families) = (Lag::default(), Arc::default());
        Self { store, headers: Arc::new(headers), slots, lag, families, operations: None }
    }

    /// Also answers about families of apps.
    #[must_use]
    pub fn with_families(self, families: Families) -> Self {
        Self { families: Arc::new(families), ..self }
    }

    /// Also tells those who run the service how it is doing.
    #[must_use]
    pub fn with_operations(self, operations: Operations) -> Self {
        Self { operations: Some(operations), ..self }
    }

    fn headers(&self, chain_id: u64) -> Option<&dyn Headers> {
        self.headers.get(&chain_id).map(|node| &**node)
    }
}

/// The service.
pub fn router(state: AppState) -> Router {
    let cors = CorsLayer::new()
        .allow_methods([Method::GET, Method::HEAD])
        .allow_origin(Any)
        .expose_headers([header::ETAG, replica::HEADER]);
    let health = match &state.operations {
        Some(of) => operations(of.clone()),
        None => Router::new().route("/healthz", get(operations::healthz)),
    };
    let answers = Router::new()
        .route("/v1/chains", get(handlers::chains))
        .route("/v1/chains/{chain_id}/apps/{app}/at/{when}", get(handlers::at))
        .route("/v1/chains/{chain_id}/apps/{app}/at/{when}/as-of/{recorded}", get(handlers::as_of))
        .route("/v1/chains/{chain_id}/apps/{app}/history", get(handlers::history))
        .route("/v1/chains/{chain_id}/apps/{app}/diff", get(handlers::diff))
        .route("/v1/chains/{chain_id}/apps/{app}/deletions", get(handlers::deletions_of_app))
        .route("/v1/chains/{chain_id}/compose-hashes/{hash}", get(handlers::allowed))
        .route(
            "/v1/chains/{chain_id}/deletions/{commitment}",
            get(handlers::deletions_of_commitment),
        )
        .route("/v1/families", get(handlers::families))
        .route("/v1/families/{name}", get(handlers::family))
        .route_layer(middleware::from_fn_with_state(state.clone(), replica::tell))
        .route_layer(middleware::from_fn_with_state(state.clone(), limit));
    answers
        .merge(health)
        .fallback(handlers::not_found)
        .method_not_allowed_fallback(handlers::method_not_allowed)
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(cors)
        .layer(TraceLayer::new_for_http())
        .with_state(state)
}

/// Keeps the work within bounds: so many answers at a time, so long for each.
async fn limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let answer = async {
        let Ok(_slot) = state.slots.acquire().await else {
            return ProblemReply::internal().into_response();
        };
        next.run(request).await
    };
    timeout(REQUEST_TIMEOUT, answer)
        .await
        .unwrap_or_else(|_| ProblemReply::too_slow().into_response())
}
