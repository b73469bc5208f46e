//! Documents as replies, with an `ETag` over what they say.

use super::ProblemReply;
use crate::shared::Made;
use alloy_primitives::{Bytes, hex};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// How long a copy may be kept without asking.
const ASK: &str = "no-cache";
const NEVER_ASK: &str = "public, max-age=31536000, immutable";

/// The document, or 304 if the client has it already. The index moves on, so a copy has to be checked before it is used.
pub(super) fn document(document: &impl Serialize, request: &HeaderMap) -> Response {
    json(document, request, ASK)
}

/// The same of an answer that can never change. What it says of the index is how that stood when it was given.
pub(super) fn forever(document: &impl Serialize, request: &HeaderMap) -> Response {
    json(document, request, NEVER_ASK)
}

/// The same of an answer that many share.
pub(super) fn shared<T: Serialize>(made: &Made<T>, request: &HeaderMap) -> Response {
    match made.encoded() {
        Ok(encoded) => reply(encoded.clone(), JSON, request, ASK),
        Err(error) => unwritten(&error),
    }
}

const JSON: &str = "application/json";

fn json(document: &impl Serialize, request: &HeaderMap, cache: &'static str) -> Response {
    match serde_json::to_vec(document) {
        Ok(body) => reply(Encoded::of(body.into()), JSON, request, cache),
        Err(error) => unwritten(&error),
    }
}

fn unwritten(error: &serde_json::Error) -> Response {
    tracing::error!(%error, "a document could not be written");
    ProblemReply::internal().into_response()
}

/// A body with its `ETag`, which is weak, since the body may be sent compressed.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    body: axum::body::Bytes,
    tag: String,
}

impl Encoded {
    /// With the tag of what it says.
    pub(crate) fn of(body: axum::body::Bytes) -> Self {
        let hash = Sha256::digest(&body);
        let tag = format!("W/\"{}\"", hex::encode(hash.get(..16).unwrap_or_default()));
        Self { body, tag }
    }
}

/// Bytes that somebody handed in, under the hash that names them. No browser may take them for a page.
pub(super) fn bytes(bytes: &Bytes, request: &HeaderMap) -> Response {
    let encoded = Encoded::of(bytes.0.clone());
    let mut reply = reply(encoded, "application/octet-stream", request, NEVER_ASK);
    let attachment = HeaderValue::from_static("attachment; filename=\"app-compose.json\"");
    reply.headers_mut().insert(header::CONTENT_DISPOSITION, attachment);
    reply
}

/// A text of some kind, such as a page or a feed.
pub(crate) fn text(text: String, kind: &'static str, request: &HeaderMap) -> Response {
    reply(Encoded::of(text.into()), kind, request, ASK)
}

/// The body with a tag, or 304 if the client has it already.
fn reply(
    Encoded { body, tag }: Encoded,
    kind: &'static str,
    request: &HeaderMap,
    cache: &'static str,
) -> Response {
    let known = has(request, &tag);
    let mut reply = Response::new(if known { Body::empty() } else { Body::from(body) });
    let headers = reply.headers_mut();
    if !known {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if known {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
    }
    reply
}

/// Whether `If-None-Match` names the tag. The comparison is weak, as RFC 9110 wants it there.
fn has(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || strong(given) == strong(tag))
}

/// A tag without the sign that it is weak.
fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}
