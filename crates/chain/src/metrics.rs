//! What was asked of the endpoints and what went wrong, counted where questions leave.

use crate::Refusal;
use alloy::{
    rpc::json_rpc::{ErrorPayload, RequestPacket, ResponsePacket},
    transports::{HttpError, RpcError, TransportError, TransportErrorKind, TransportFut},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use std::task::{Context, Poll};
use tower::Service;

/// Requests and errors of a [`Node`](crate::Node), by endpoint. An endpoint is told by its host (and port, if it has one
/// of its own) and never by its URL: keys of hosted nodes stand in the path.
#[derive(Clone, Debug, Default)]
pub struct RpcMetrics {
    requests: Family<Asked, Counter>,
    errors: Family<Failed, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    endpoint: String,
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    endpoint: String,
    kind: &'static str,
}

impl RpcMetrics {
    /// Adds the two counters to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("rpc_requests", "Questions sent to a node", self.requests.clone());
        registry.register(
            "rpc_errors",
            "Questions that a node did not answer, by what kept it",
            self.errors.clone(),
        );
    }

    /// How many errors of this kind any endpoint gave.
    #[must_use]
    pub fn errors(&self, endpoint: &str, kind: &'static str) -> u64 {
        let of = Failed { endpoint: endpoint.to_owned(), kind };
        self.errors.get(&of).map_or(0, |counter| counter.get())
    }

    fn asked(&self, endpoint: &str, request: &RequestPacket) {
        for one in request.requests() {
            let (endpoint, method) = (endpoint.to_owned(), one.method().to_owned());
            self.requests.get_or_create(&Asked { endpoint, method }).inc();
        }
    }

    fn answered(&self, endpoint: &str, answer: &Result<ResponsePacket, TransportError>) {
        let failed = |kind| {
            let endpoint = endpoint.to_owned();
            self.errors.get_or_create(&Failed { endpoint, kind }).inc();
        };
        match answer {
            Ok(packet) => {
                let refusals = packet.responses().iter().filter_map(|one| one.payload.as_error());
                refusals.for_each(|payload| failed(refused(payload, None)));
            }
            Err(error) => failed(kind(error)),
        }
    }
}

/// A transport whose questions and failures are counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted<T> {
    pub(crate) inner: T,
    pub(crate) endpoint: String,
    pub(crate) metrics: RpcMetrics,
}

impl<T> Service<RequestPacket> for Counted<T>
where
    T: Service<
            RequestPacket,
            Response = ResponsePacket,
            Error = TransportError,
            Future = TransportFut<'static>,
        >,
{
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        self.metrics.asked(&self.endpoint, &request);
        let (metrics, endpoint) = (self.metrics.clone(), self.endpoint.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            metrics.answered(&endpoint, &answer);
            answer
        })
    }
}

/// What kept a node from answering, in one word.
fn kind(error: &TransportError) -> &'static str {
    match error {
        RpcError::ErrorResp(payload) => refused(payload, None),
        RpcError::Transport(TransportErrorKind::HttpError(HttpError { status, body })) => {
            word(Refusal::of(0, body, Some(*status)))
        }
        RpcError::Transport(_) => "unreachable",
        _ => "nonsense",
    }
}

fn refused(payload: &ErrorPayload, status: Option<u16>) -> &'static str {
    if payload.as_revert_data().is_some() {
        // The node did what it was asked; the contract said no.
        return "reverted";
    }
    let data = payload.data.as_ref().map(|data| data.get()).unwrap_or_default();
    word(Refusal::of(payload.code, &format!("{} {data}", payload.message), status))
}

const fn word(why: Refusal) -> &'static str {
    match why {
        Refusal::TooWide { .. } => "too_wide",
        Refusal::TooMany { .. } => "too_many",
        Refusal::Busy => "busy",
        Refusal::Quota => "quota",
        Refusal::Missing => "missing",
        Refusal::Reverted => "reverted",
        Refusal::Other => "refused",
    }
}
