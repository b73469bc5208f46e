//! Errors as RFC 9457 problem details. What is our own business is logged, not sent.

use crate::{AnswerError, Surface, documents::Problem};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::any::Any;

/// A problem as a reply.
#[derive(Clone, Debug)]
pub struct ProblemReply {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
}

impl ProblemReply {
    /// 400: something in the request cannot be read.
    pub(super) fn malformed(detail: String) -> Self {
        let (kind, title) = ("malformed", "The request cannot be read");
        Self { status: StatusCode::BAD_REQUEST, kind, title, detail: end(detail) }
    }

    /// 404: no such path.
    pub(super) fn no_path() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            kind: "no-such-path",
            title: "There is nothing here",
            detail: "The paths are /v1/chains, /v1/families and /v1/families/{name}; under /v1/chains/{chainId} \
                     there are /apps/{app}/at/{block}, /apps/{app}/history, /apps/{app}/diff, \
                     /apps/{app}/deletions, /compose-hashes/{hash} and /deletions/{userIdHash}; and there are \
                     /healthz, /readyz and /metrics."
                .to_owned(),
        }
    }

    /// 405: everything here is only read.
    pub(super) fn no_method() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            kind: "method-not-allowed",
            title: "Everything here is only read",
            detail: "Use GET.".to_owned(),
        }
    }

    /// 500: our mistake.
    pub(super) fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: "internal",
            title: "The service made a mistake",
            detail: "It has been logged; nothing about the app follows from it.".to_owned(),
        }
    }

    /// 503: the answer took too long.
    pub(super) fn too_slow() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "too-slow",
            title: "The answer took too long",
            detail: "The service is busy or its node is slow; try again later.".to_owned(),
        }
    }
}

impl From<AnswerError> for ProblemReply {
    fn from(error: AnswerError) -> Self {
        use AnswerError as E;
        let (status, kind, title) = match &error {
            E::UnknownChain { .. } => {
                (StatusCode::NOT_FOUND, "unknown-chain", "The chain is not indexed here")
            }
            E::UnknownApp { .. } | E::NotAnApp { .. } => {
                (StatusCode::NOT_FOUND, "unknown-app", "The app is not indexed here")
            }
            E::UnknownHash { .. } => {
                (StatusCode::NOT_FOUND, "unknown-block", "No such block is known here")
            }
            E::Orphaned { .. } => {
                (StatusCode::CONFLICT, "orphaned", "The block was reorganised away")
            }
            E::BeyondHead { .. } | E::TimeBeyondHead { .. } => {
                (StatusCode::CONFLICT, "beyond-index", "The index does not reach that far")
            }
            E::NotRecorded { .. } => {
                (StatusCode::NOT_FOUND, "not-recorded", "Nothing had been recorded then")
            }
            E::AsOfHash { .. } => {
                (StatusCode::BAD_REQUEST, "malformed", "A record is asked for by number")
            }
            E::BeforeStart { .. } | E::TimeBeforeStart { .. } => {
                (StatusCode::CONFLICT, "before-index", "The index begins later")
            }
            E::CursorGone { .. } | E::CursorStale { .. } => {
                (StatusCode::CONFLICT, "cursor-gone", "The pages before are not right any more")
            }
            E::Backwards { .. } => (StatusCode::BAD_REQUEST, "malformed", "The span is backwards"),
            E::TooMuch { .. } => {
                (StatusCode::BAD_REQUEST, "too-much", "More than one answer takes")
            }
            E::UnknownFamily { .. } => {
                (StatusCode::NOT_FOUND, "unknown-family", "No such family is declared here")
            }
            E::NotFinal { .. } => (StatusCode::CONFLICT, "not-final", "Not final enough"),
            E::NoHeader { .. }
            | E::NodeDisagrees { .. }
            | E::WrongNode { .. }
            | E::NodeLacks { .. }
            | E::NodeOfHash { .. }
            | E::Node { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "no-header", "The block cannot be named")
            }
            E::Empty { .. }
            | E::Unfinished { .. }
            | E::Contradiction(_)
            | E::Moving
            | E::Store(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "index-unusable", "The index cannot tell")
            }
        };
        if status.is_server_error() {
            tracing::error!(%error, "no answer");
        }
        Self { status, kind, title, detail: end(error.sentence(Surface::Rest)) }
    }
}

/// Makes a full sentence of what is wrong.
fn end(mut sentence: String) -> String {
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence.push('.');
    sentence
}

impl IntoResponse for ProblemReply {
    fn into_response(self) -> Response {
        let Self { status, kind, title, detail } = self;
        let problem = Problem {
            kind: format!("urn:devproof:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut reply = Response::new(Body::from(body));
        *reply.status_mut() = status;
        let headers = reply.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // What is wrong now may be right in a moment.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        }
        reply
    }
}

/// The reply to a request whose handler panicked.
pub(super) fn of_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    tracing::error!(what, "a request handler panicked");
    ProblemReply::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_not_told() {
        let reply = of_panic(Box::new("secret"));
        assert_eq!(reply.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(reply.into_body(), 1 << 12).await.unwrap();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!((problem.status, problem.kind.as_str()), (500, "urn:devproof:problem:internal"));
        assert!(!problem.detail.contains("secret"));
    }
}
