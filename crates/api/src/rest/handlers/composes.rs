//! What stands behind compose hashes.

use super::Reply;
use crate::rest::{
    AppState, ProblemReply,
    input::{HashPath, InPath, InQuery, Nothing},
    problem::Problems,
    reply,
};
use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use devproof_primitives::ComposeHash;
use devproof_store::StoreError;
use jiff::Timestamp;

/// The most bytes of an `app-compose.json` that are taken; those that are known have a few kilobytes.
pub(in crate::rest) const MAX_COMPOSE: usize = 1 << 20;

/// The bytes of `app-compose.json` whose SHA-256 this is, if anybody handed them in.
#[utoipa::path(
    get, path = "/v1/compose-hashes/{hash}/app-compose", tag = "versions", operation_id = "getAppCompose",
    params(HashPath),
    responses((status = 200, description = "The very bytes; whether they are JSON, nobody promises.", body = Vec<u8>, content_type = "application/octet-stream"), Problems)
)]
pub(in crate::rest) async fn get(
    State(state): State<AppState>,
    InPath(path): InPath<HashPath>,
    InQuery(Nothing {}): InQuery<Nothing>,
    headers: HeaderMap,
) -> Reply {
    let hash = path.read()?;
    match state.0.store.compose(ComposeHash(hash)).await.map_err(crate::AnswerError::from)? {
        Some(bytes) => Ok(reply::bytes(&bytes, &headers)),
        None => Err(ProblemReply::no_compose(hash)),
    }
}

/// Hands in the bytes of `app-compose.json`. They are taken from anybody, if their SHA-256 is the hash.
///
/// Only of hashes that an app followed here has announced or allowed, so that nobody can fill the database.
#[utoipa::path(
    put, path = "/v1/compose-hashes/{hash}/app-compose", tag = "versions", operation_id = "putAppCompose",
    params(HashPath), request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The exact bytes; at most 1 MiB."),
    responses((status = 204, description = "Kept. It may have been known before."), Problems)
)]
pub(in crate::rest) async fn put(
    State(state): State<AppState>,
    InPath(path): InPath<HashPath>,
    InQuery(Nothing {}): InQuery<Nothing>,
    body: Result<Bytes, BytesRejection>,
) -> Reply {
    let hash = path.read()?;
    let body = body.map_err(|_| ProblemReply::too_large(MAX_COMPOSE))?;
    let theirs = ComposeHash::of(&body).0;
    if theirs != hash {
        return Err(ProblemReply::other_hash(hash, theirs));
    }
    let said = state.0.store.is_compose_hash_said(hash).await.map_err(crate::AnswerError::from)?;
    if !said {
        return Err(ProblemReply::nobody_asks(hash));
    }
    let now = Timestamp::now().as_second().unsigned_abs();
    match state.0.store.keep_compose(&body, now).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(StoreError::ReadOnly) => Err(ProblemReply::read_only()),
        Err(error) => Err(crate::AnswerError::from(error).into()),
    }
}
