//! One function per path. What they are given is text, so that everything malformed gets a sentence.

use super::{AppState, ProblemReply, reply};
use crate::{Finality, When, answers, parse};
use alloy_primitives::Address;
use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;

type Reply = Result<Response, ProblemReply>;

/// The parameters of an answer. An unknown one is refused: a misspelt `finality` must not pass for one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    finality: Option<String>,
}

pub(super) async fn at(
    State(state): State<AppState>,
    Path((chain_id, app, when)): Path<(String, String, String)>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
) -> Reply {
    let (chain_id, app, finality) = read(&chain_id, &app, parameters)?;
    let when = moment(&when)?;
    let node = state.headers(chain_id);
    let answer = answers::at(&state.store, node, chain_id, app, when, finality).await?;
    Ok(reply::document(&answer, &headers))
}

pub(super) async fn history(
    State(state): State<AppState>,
    Path((chain_id, app)): Path<(String, String)>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
) -> Reply {
    let (chain_id, app, finality) = read(&chain_id, &app, parameters)?;
    let answer =
        answers::history(&state.store, chain_id, app, answers::Part::default(), finality).await?;
    Ok(reply::document(&answer, &headers))
}

pub(super) async fn chains(State(state): State<AppState>, headers: HeaderMap) -> Reply {
    Ok(reply::document(&answers::chains(&state.store).await?, &headers))
}

pub(super) async fn not_found() -> ProblemReply {
    ProblemReply::no_path()
}

pub(super) async fn method_not_allowed() -> ProblemReply {
    ProblemReply::no_method()
}

fn read(
    chain_id: &str,
    app: &str,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<(u64, Address, Finality), ProblemReply> {
    let chain_id = chain_id.parse().map_err(|_| {
        ProblemReply::malformed(format!(
            "a chain id is a decimal number such as 8453, not {}",
            parse::quote(chain_id)
        ))
    })?;
    let app = parse::app(app).map_err(ProblemReply::malformed)?;
    let Query(parameters) = parameters.map_err(|_| {
        ProblemReply::malformed(
            "the only parameter is finality, as in ?finality=safe, and it is given once".to_owned(),
        )
    })?;
    let finality = match parameters.finality {
        None => Finality::default_of(chain_id),
        Some(name) => name.parse().map_err(|why| {
            ProblemReply::malformed(format!("{why}, not {}", parse::quote(&name)))
        })?,
    };
    Ok((chain_id, app, finality))
}

/// A block by number, hash or tag, or a time that cannot be mistaken for one.
fn moment(text: &str) -> Result<When, ProblemReply> {
    // A number that is too large for a block must not be taken for a time.
    let time = Some(text).filter(|t| t.contains('T')).and_then(|t| parse::time(t).ok());
    let when = time.map(When::Time).or_else(|| parse::block(text).ok());
    when.ok_or_else(|| {
        ProblemReply::malformed(format!(
            "ask for a block by number such as 1234, by hash, or by tag (finalized, safe, unsafe), or for a time such as \
             2026-03-01T12:00:00Z, not {}",
            parse::quote(text)
        ))
    })
}
