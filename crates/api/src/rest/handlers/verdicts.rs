//! What a KMS would answer.

use super::Reply;
use crate::{
    When, answers,
    documents::{AskIsAllowed, IsAllowed},
    rest::{
        AppState, ProblemReply,
        input::{self, InQuery, Nothing},
        problem::Problems,
        reply,
    },
};
use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::HeaderMap,
};

/// The most bytes of a question.
const MAX_QUESTION: usize = 1 << 16;

/// Whether an instance would get its keys, and if not why: the legs and reasons of the KMS and of the app's contract.
///
/// Computed here from the index, for the block asked about; the contracts are not called. Allowed is not running.
#[utoipa::path(
    post, path = "/v1/isAllowed", tag = "versions", operation_id = "isAllowed",
    request_body = AskIsAllowed, responses((status = 200, body = IsAllowed), Problems)
)]
pub(in crate::rest) async fn is_allowed(
    State(state): State<AppState>,
    InQuery(Nothing {}): InQuery<Nothing>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Reply {
    let body = body.ok().filter(|body| body.len() <= MAX_QUESTION);
    let body = body.ok_or_else(|| ProblemReply::too_large(MAX_QUESTION))?;
    // Read here and not by the framework, for the sentence about what is wrong.
    let asked: AskIsAllowed = serde_json::from_slice(&body)
        .map_err(|error| ProblemReply::malformed("body", EXAMPLE, reason(&error)))?;
    let chain = asked.chain_id;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let when = match asked.at.as_deref() {
        Some(text) => input::moment("at", text)?,
        None => When::Tag(finality),
    };
    let node = state.headers(chain);
    let boot = &asked.boot_info;
    let answer = answers::is_allowed(&state.0.store, node, chain, boot, when, finality).await?;
    Ok(reply::document(&answer, &headers))
}

const EXAMPLE: &str = r#"{"chainId": 8453, "bootInfo": {"appId": "0x52908400098527886e0f7030069857d2e4169ee7", "composeHash": "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "osImageHash": "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "tcbStatus": "UpToDate"}}"#;

fn reason(error: &serde_json::Error) -> String {
    let why = error.to_string();
    let short: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
    format!("the body is not a question of this kind ({short}); an example is {EXAMPLE}")
}
