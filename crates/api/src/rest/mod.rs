//! The REST service: the same documents as `--json`, under `/v1`.

mod events;
mod handlers;
mod input;
mod openapi;
mod operations;
mod problem;
mod rate;
mod replica;
pub(crate) mod reply;
mod verify;

pub use openapi::document as openapi;
pub use operations::{Operations, operations};
pub use problem::ProblemReply;
pub use rate::RateLimit;
pub use verify::Verification;

use crate::{
    AnswerError, ChangesOf, Families, Finality, Headers, NoticeState, Part, Surface, answers,
    documents::{Changes, Notices},
    shared::{self, Made},
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use devproof_store::Store;
use jiff::Timestamp;
use replica::Lag;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::{Any, CorsLayer},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    trace::{DefaultMakeSpan, TraceLayer},
};

/// The longest a request may take. An answer takes milliseconds; one header from a node, a second.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers that are assembled at a time: each takes a connection of the store, which has eight, so that more would only
/// wait there.
const CONCURRENT_ANSWERS: usize = 16;

/// Clients that listen to events at a time.
const LISTENERS: usize = 256;

/// By which a request is found in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every request needs. Cheap to clone, which each layer does.
#[derive(Clone, Debug)]
pub struct AppState(Arc<Service>);

#[derive(Clone, Debug)]
struct Service {
    store: Store,
    headers: Arc<BTreeMap<u64, Arc<dyn Headers>>>,
    slots: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
    closing: Option<watch::Receiver<bool>>,
    lag: Lag,
    families: Arc<Families>,
    operations: Option<Operations>,
    rate: Option<RateLimit>,
    public_url: Option<String>,
    clock: Clock,
    verification: Option<Verification>,
    shared: shared::Answers,
}

/// What time it is for those who read a page.
#[derive(Clone, Copy, Debug, Default)]
pub enum Clock {
    /// As the system says.
    #[default]
    System,
    /// Always this, so that what is said can be known beforehand.
    At(Timestamp),
}

impl AppState {
    /// Answers from `store`, and asks `nodes` for the headers that it does not hold.
    #[must_use]
    pub fn new(store: Store, nodes: impl IntoIterator<Item = Arc<dyn Headers>>) -> Self {
        let headers = nodes.into_iter().map(|node| (node.chain_id(), node)).collect();
        let slots = Arc::new(Semaphore::new(CONCURRENT_ANSWERS));
        let listeners = Arc::new(Semaphore::new(LISTENERS));
        let (lag, families) = (Lag::default(), Arc::default());
        Self(Arc::new(Service {
            store,
            headers: Arc::new(headers),
            slots,
            listeners,
            closing: None,
            lag,
            families,
            operations: None,
            rate: None,
            public_url: None,
            clock: Clock::System,
            verification: None,
            shared: shared::Answers::default(),
        }))
    }

    /// The same, but for this.
    fn but(mut self, change: impl FnOnce(&mut Service)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Takes the time from another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        self.but(|it| it.clock = clock)
    }

    /// What is now, for who reads an answer from this block: blocks are read when they are final, minutes later, and a notice
    /// ends meanwhile. Never earlier than the block, whatever the clock says.
    pub(crate) fn now_after(&self, block: Timestamp) -> Timestamp {
        match self.0.clock {
            Clock::System => Timestamp::now().max(block),
            Clock::At(time) => time.max(block),
        }
    }

    /// Also answers about families of apps.
    #[must_use]
    pub fn with_families(self, families: Families) -> Self {
        self.but(|it| it.families = Arc::new(families))
    }

    /// Also tells those who run the service how it is doing.
    #[must_use]
    pub fn with_operations(self, operations: Operations) -> Self {
        self.but(|it| it.operations = Some(operations))
    }

    /// Lets those who listen go once this says so.
    #[must_use]
    pub fn with_closing(self, closing: watch::Receiver<bool>) -> Self {
        self.but(|it| it.closing = Some(closing))
    }

    /// Answers each client only so often. The server has to tell the addresses of clients
    /// (`into_make_service_with_connect_info::<SocketAddr>`).
    #[must_use]
    pub fn with_rate_limit(self, rate: RateLimit) -> Self {
        self.but(|it| it.rate = Some(rate))
    }

    /// Also verifies evidence that is handed over.
    #[must_use]
    pub fn with_verification(self, verification: Verification) -> Self {
        self.but(|it| it.verification = Some(verification))
    }

    /// Names the service like this where it is read elsewhere, as in a feed, and not as it was asked.
    #[must_use]
    pub fn with_public_url(self, url: String) -> Self {
        self.but(|it| it.public_url = Some(url))
    }

    pub(crate) fn verification(&self) -> Option<&Verification> {
        self.0.verification.as_ref()
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.public_url.as_deref()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// The first page of the notices of a chain: made once for all who ask, until something is written.
    pub(crate) async fn notices(
        &self,
        chain_id: u64,
        of: NoticeState,
        limit: usize,
        finality: Finality,
    ) -> Result<Arc<Made<Notices>>, AnswerError> {
        let page = Part { limit, after: None };
        let make = async || {
            answers::notices(&self.0.store, chain_id, of, page, finality, Surface::Rest).await
        };
        let question = (chain_id, of, limit, finality);
        self.0.shared.notices.get(&self.0.store, (chain_id, question), make).await
    }

    /// The newest changes of a chain, likewise.
    pub(crate) async fn latest(
        &self,
        chain_id: u64,
        limit: usize,
        finality: Finality,
    ) -> Result<Arc<Made<Changes>>, AnswerError> {
        let of = ChangesOf::default();
        let make = async || {
            answers::latest(&self.0.store, chain_id, of, limit, finality, Surface::Rest).await
        };
        let question = (chain_id, limit, finality);
        self.0.shared.latest.get(&self.0.store, (chain_id, question), make).await
    }

    pub(crate) fn families(&self) -> &Families {
        &self.0.families
    }

    pub(crate) fn headers(&self, chain_id: u64) -> Option<&dyn Headers> {
        self.0.headers.get(&chain_id).map(|node| &**node)
    }
}

/// The service.
pub fn router(state: AppState) -> Router {
    let health = match &state.0.operations {
        Some(of) => operations(of.clone()),
        None => Router::new().route("/healthz", get(operations::healthz)),
    };
    let (answers, _) = handlers::all().split_for_parts();
    let answers = answers
        .merge(crate::pages::pages())
        .merge(crate::feeds::feeds())
        .layer(DefaultBodyLimit::max(handlers::composes::MAX_COMPOSE))
        .route_layer(middleware::from_fn_with_state(state.clone(), replica::tell))
        .route_layer(middleware::from_fn_with_state(state.clone(), limit));
    let (events, _) = events::all().split_for_parts();
    // Its questions are longer than the others, and its answers take longer: it keeps limits of its own.
    let (verify, _) = verify::all().split_for_parts();
    let service = answers.merge(events).merge(verify).merge(openapi::pages());
    let service = match &state.0.rate {
        Some(rate) => rate.over(service),
        None => service,
    };
    let cors = CorsLayer::new()
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT])
        .allow_headers([
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            HeaderName::from_static("last-event-id"),
        ])
        .allow_origin(Any)
        .expose_headers([header::ETAG, replica::HEADER, REQUEST_ID, header::RETRY_AFTER]);
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(DefaultMakeSpan::new().include_headers(false)),
        )
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(cors)
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(problem::of_panic));
    // Health is asked for by machines of the house, as often as they like.
    service
        .merge(health)
        .fallback(handlers::not_found)
        .method_not_allowed_fallback(handlers::method_not_allowed)
        .layer(layers)
        .with_state(state)
}

/// Keeps the work within bounds: so many answers at a time, so long for each.
async fn limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let answer = async {
        let Ok(_slot) = state.0.slots.acquire().await else {
            return ProblemReply::internal().into_response();
        };
        next.run(request).await
    };
    timeout(REQUEST_TIMEOUT, answer)
        .await
        .unwrap_or_else(|_| ProblemReply::too_slow().into_response())
}
