//! Documents as replies, with a strong `ETag` over the bytes sent.

use super::ProblemReply;
use alloy_primitives::{hex, keccak256};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// The document, or 304 if the client has it already.
pub(super) fn document(document: &impl Serialize, request: &HeaderMap) -> Response {
    let body = match serde_json::to_vec(document) {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "a document could not be written");
            return ProblemReply::internal().into_response();
        }
    };
    let tag = format!("\"{}\"", hex::encode(keccak256(&body)));
    let known = has(request, &tag);
    let mut reply = Response::new(if known { Body::empty() } else { Body::from(body) });
    if known {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        let json = HeaderValue::from_static("application/json");
        reply.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        reply.headers_mut().insert(header::ETAG, tag);
    }
    // The index moves on, so a copy has to be checked before it is used.
    let no_cache = HeaderValue::from_static("no-cache");
    reply.headers_mut().insert(header::CACHE_CONTROL, no_cache);
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
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}
