//! Errors as RFC 9457 problem details. What is our own business is logged, not sent.

use crate::{AnswerError, Surface, documents::Problem};
use alloy_primitives::B256;
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::{any::Any, collections::BTreeMap};
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{self, ContentBuilder, Ref, RefOr, ResponseBuilder},
};

/// A problem as a reply.
#[derive(Clone, Debug)]
pub struct ProblemReply {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    /// What of the request is wrong, and an example of what is right there.
    field: Option<(&'static str, &'static str)>,
    /// Seconds after which to try again.
    retry_after: Option<u64>,
}

/// The problems that any answer may have, for the OpenAPI document.
#[derive(Debug)]
pub(super) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let body =
            || ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let said = |what: &str| -> RefOr<openapi::Response> {
            ResponseBuilder::new()
                .description(what)
                .content("application/problem+json", body())
                .build()
                .into()
        };
        [
            ("304", ResponseBuilder::new().description("What `If-None-Match` names is still so.").build().into()),
            ("400", said("The request cannot be read, or makes no sense.")),
            ("403", said("Nothing is written here.")),
            ("404", said("The chain, app, block or version is not known here.")),
            ("405", said("Another method is for this path.")),
            ("409", said("The index cannot answer this, or not any more: the block is not final enough, was reorganised away, or lies outside of what is indexed.")),
            ("413", said("The body is too large.")),
            ("422", said("The bytes have another hash.")),
            ("429", said("Too many requests; `Retry-After` says how long to wait.")),
            ("500", said("The service made a mistake.")),
            ("503", said("The index cannot tell at the moment.")),
        ]
        .into_iter()
        .map(|(status, response)| (status.to_owned(), response))
        .collect()
    }
}

impl ProblemReply {
    const fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: String,
    ) -> Self {
        Self { status, kind, title, detail, field: None, retry_after: None }
    }

    /// 400: something in the request cannot be read.
    pub(crate) fn malformed(field: &'static str, example: &'static str, detail: String) -> Self {
        let (kind, title) = ("malformed", "The request cannot be read");
        let field = Some((field, example));
        Self { field, ..Self::new(StatusCode::BAD_REQUEST, kind, title, end(detail)) }
    }

    /// The same, where what is wrong stands in another field of the request.
    pub(super) fn in_field(self, name: &'static str) -> Self {
        Self { field: self.field.map(|(_, example)| (name, example)), ..self }
    }

    /// 404: nobody handed in the bytes.
    pub(super) fn no_compose(hash: B256) -> Self {
        let detail = format!(
            "Nobody handed in the app-compose.json with the hash {hash:#x}. Whoever has it can: PUT it to this path."
        );
        let (kind, title) = ("unknown-compose", "The bytes are not known here");
        let field = Some(("hash", "a hash whose bytes somebody handed in"));
        Self { field, ..Self::new(StatusCode::NOT_FOUND, kind, title, detail) }
    }

    /// 404: no app announced or allowed the version.
    pub(super) fn nobody_asks(hash: B256) -> Self {
        let detail = format!(
            "No app that is followed here has announced or allowed {hash:#x}. Hand it in after it was announced."
        );
        let (kind, title) = ("unknown-version", "No app has this version");
        let field = Some(("hash", "the compose hash of an announced version"));
        Self { field, ..Self::new(StatusCode::NOT_FOUND, kind, title, detail) }
    }

    /// 422: the bytes are others.
    pub(super) fn other_hash(asked: B256, theirs: B256) -> Self {
        let detail = format!(
            "The SHA-256 of these bytes is {theirs:#x}, not {asked:#x}. Send the file as it lies on the machine, \
             byte for byte: a re-serialised copy has another hash."
        );
        let (kind, title) = ("other-hash", "The bytes have another hash");
        let field = Some(("body", "the exact bytes of app-compose.json"));
        Self { field, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, detail) }
    }

    /// 413: the body has too many bytes.
    pub(super) fn too_large(most: usize) -> Self {
        let detail = format!("The body may have {most} bytes at most, and has to arrive whole.");
        let (kind, title) = ("too-large", "The body is too large");
        let field = Some(("body", "a shorter one"));
        Self { field, ..Self::new(StatusCode::PAYLOAD_TOO_LARGE, kind, title, detail) }
    }

    /// 403: this process only reads.
    pub(super) fn read_only() -> Self {
        let detail = "This service only reads its database. Hand it in at one that also indexes.";
        let (kind, title) = ("read-only", "Nothing is written here");
        let field = Some(("method", "GET"));
        Self { field, ..Self::new(StatusCode::FORBIDDEN, kind, title, detail.to_owned()) }
    }

    /// 429: one client asks too often.
    pub(super) fn too_many(wait: u64) -> Self {
        let detail = format!("Wait {wait} seconds; the pages and feeds need far fewer requests.");
        let (kind, title) = ("too-many-requests", "Too many requests");
        let retry_after = Some(wait.max(1));
        Self { retry_after, ..Self::new(StatusCode::TOO_MANY_REQUESTS, kind, title, detail) }
    }

    /// 404: no such path.
    pub(super) fn no_path() -> Self {
        let detail = "The paths are listed under /docs, and for machines in /v1/openapi.json; /v1/chains is one of them.";
        let (kind, title) = ("no-such-path", "There is nothing here");
        let field = Some(("path", "/v1/chains"));
        Self { field, ..Self::new(StatusCode::NOT_FOUND, kind, title, detail.to_owned()) }
    }

    /// 405: another method.
    pub(super) fn no_method() -> Self {
        let detail = "Nearly everything here is only read: use GET. /docs says what is not.";
        let (kind, title) = ("method-not-allowed", "Another method is for this path");
        let field = Some(("method", "GET"));
        Self { field, ..Self::new(StatusCode::METHOD_NOT_ALLOWED, kind, title, detail.to_owned()) }
    }

    /// 500: our mistake.
    pub(super) fn internal() -> Self {
        let detail = "It has been logged; nothing about the app follows from it.";
        let (kind, title) = ("internal", "The service made a mistake");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, kind, title, detail.to_owned())
    }

    /// 503: the answer took too long.
    pub(super) fn too_slow() -> Self {
        let detail = "The service is busy or its node is slow; try again later.";
        let (kind, title) = ("too-slow", "The answer took too long");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail.to_owned())
    }

    /// 503: as many listen as can.
    pub(super) fn too_many_listeners() -> Self {
        let detail = "As many clients listen as this service takes; ask /v1/chains/{chainId}/changes instead.";
        let (kind, title) = ("too-many-listeners", "Too many listen");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail.to_owned())
    }
}

/// What of a request an answer refuses, and an example of what it may take.
const fn refused(error: &AnswerError) -> Option<(&'static str, &'static str)> {
    use AnswerError as E;
    match error {
        E::UnknownChain { .. } => Some(("chainId", "one of /v1/chains")),
        E::UnknownApp { .. } | E::NotAnApp { .. } => {
            Some(("app", "one of /v1/chains/{chainId}/apps"))
        }
        E::UnknownHash { .. }
        | E::Orphaned { .. }
        | E::BeyondHead { .. }
        | E::TimeBeyondHead { .. }
        | E::BeforeStart { .. }
        | E::TimeBeforeStart { .. }
        | E::AsOfHash { .. } => Some(("when", "finalized")),
        E::NotRecorded { .. } => Some(("recorded", "a time after the index was begun")),
        E::NotFinal { .. } => Some(("finality", "unsafe")),
        E::CursorGone { .. } | E::CursorStale { .. } => {
            Some(("after", "none, to begin with the first page"))
        }
        E::Backwards { .. } => Some(("from", "a block or time before that of to")),
        E::TooMuch { .. } => Some(("to", "a block or time nearer to that of from")),
        E::UnknownFamily { .. } => Some(("name", "one of /v1/families")),
        _ => None,
    }
}

impl AnswerError {
    /// The status of a reply, and the kind of problem in a word and in words.
    const fn problem(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::UnknownChain { .. } => {
                (StatusCode::NOT_FOUND, "unknown-chain", "The chain is not indexed here")
            }
            Self::UnknownApp { .. } | Self::NotAnApp { .. } => {
                (StatusCode::NOT_FOUND, "unknown-app", "The app is not indexed here")
            }
            Self::UnknownHash { .. } => {
                (StatusCode::NOT_FOUND, "unknown-block", "No such block is known here")
            }
            Self::Orphaned { .. } => {
                (StatusCode::CONFLICT, "orphaned", "The block was reorganised away")
            }
            Self::BeyondHead { .. } | Self::TimeBeyondHead { .. } => {
                (StatusCode::CONFLICT, "beyond-index", "The index does not reach that far")
            }
            Self::NotRecorded { .. } => {
                (StatusCode::NOT_FOUND, "not-recorded", "Nothing had been recorded then")
            }
            Self::AsOfHash { .. } => {
                (StatusCode::BAD_REQUEST, "malformed", "A record is asked for by number")
            }
            Self::BeforeStart { .. } | Self::TimeBeforeStart { .. } => {
                (StatusCode::CONFLICT, "before-index", "The index begins later")
            }
            Self::CursorGone { .. } | Self::CursorStale { .. } => {
                (StatusCode::CONFLICT, "cursor-gone", "The pages before are not right any more")
            }
            Self::Backwards { .. } => {
                (StatusCode::BAD_REQUEST, "malformed", "The span is backwards")
            }
            Self::TooMuch { .. } => {
                (StatusCode::BAD_REQUEST, "too-much", "More than one answer takes")
            }
            Self::UnknownFamily { .. } => {
                (StatusCode::NOT_FOUND, "unknown-family", "No such family is declared here")
            }
            Self::NotFinal { .. } => (StatusCode::CONFLICT, "not-final", "Not final enough"),
            Self::NoHeader { .. }
            | Self::NodeDisagrees { .. }
            | Self::WrongNode { .. }
            | Self::NodeLacks { .. }
            | Self::NodeOfHash { .. }
            | Self::Node { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "no-header", "The block cannot be named")
            }
            Self::Empty { .. }
            | Self::Unfinished { .. }
            | Self::Contradiction(_)
            | Self::Moving
            | Self::Store(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "index-unusable", "The index cannot tell")
            }
        }
    }

    /// The status of a reply, and the problem in words.
    pub(crate) const fn status(&self) -> (StatusCode, &'static str) {
        let (status, _, title) = self.problem();
        (status, title)
    }
}

impl From<AnswerError> for ProblemReply {
    fn from(error: AnswerError) -> Self {
        let (status, kind, title) = error.problem();
        if status.is_server_error() {
            tracing::error!(%error, "no answer");
        }
        let field = refused(&error).filter(|_| status.is_client_error());
        Self { field, ..Self::new(status, kind, title, end(error.sentence(Surface::Rest))) }
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
        let Self { status, kind, title, detail, field, retry_after } = self;
        let problem = Problem {
            kind: format!("urn:devproof:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
            field: field.map(|(name, _)| name.to_owned()),
            example: field.map(|(_, example)| example.to_owned()),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut reply = Response::new(Body::from(body));
        *reply.status_mut() = status;
        let headers = reply.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // What is wrong now may be right in a moment.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let busy = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(10);
        if let Some(seconds) = retry_after.or(busy) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
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
