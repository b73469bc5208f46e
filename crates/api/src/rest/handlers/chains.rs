//! Answers about a chain.

use super::Reply;
use crate::{
    ChangesOf, DeletionsOf, Surface, answers,
    documents::{AllowedApps, Chains, Changes, Deletions, Notices},
    parse,
    rest::{
        AppState, ProblemReply,
        input::{
            self, Allowed, ChainHashPath, ChainPath, CommitmentPath, InPath, InQuery, Nothing,
            OfChanges, OfNotices, PagedSpan,
        },
        problem::Problems,
        reply,
    },
};
use axum::{extract::State, http::HeaderMap};

/// Which chains are indexed, and how far.
#[utoipa::path(
    get, path = "/v1/chains", tag = "chains", operation_id = "listChains",
    responses((status = 200, body = Chains), Problems)
)]
pub(in crate::rest) async fn chains(
    State(state): State<AppState>,
    InQuery(Nothing {}): InQuery<Nothing>,
    headers: HeaderMap,
) -> Reply {
    Ok(reply::document(&answers::chains(&state.0.store).await?, &headers))
}

/// What all apps of a chain announced, by the time at which it becomes possible.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/notices", tag = "notices", operation_id = "listNotices",
    params(ChainPath, OfNotices), responses((status = 200, body = Notices), Problems)
)]
pub(in crate::rest) async fn notices(
    State(state): State<AppState>,
    InPath(path): InPath<ChainPath>,
    InQuery(asked): InQuery<OfNotices>,
    headers: HeaderMap,
) -> Reply {
    let chain = path.chain()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let of = input::state(asked.state.as_deref())?;
    let part = input::part(asked.limit.as_deref(), input::after(asked.after.as_deref())?)?;
    // Where a reader begins, many do.
    let Some(_) = part.after else {
        let made = state.notices(chain, of, part.limit, finality).await?;
        return Ok(reply::shared(&made, &headers));
    };
    let (store, surface) = (&state.0.store, Surface::Rest);
    let answer = answers::notices(store, chain, of, part, finality, surface).await?;
    Ok(reply::document(&answer, &headers))
}

/// Everything that happens on a chain, oldest or newest first.
///
/// `next` is a place behind which to ask later for what is new; the stream under `events` tells it by itself.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/changes", tag = "chains", operation_id = "listChanges",
    params(ChainPath, OfChanges), responses((status = 200, body = Changes), Problems)
)]
pub(in crate::rest) async fn changes(
    State(state): State<AppState>,
    InPath(path): InPath<ChainPath>,
    InQuery(asked): InQuery<OfChanges>,
    headers: HeaderMap,
) -> Reply {
    let chain = path.chain()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let part = input::part(asked.limit.as_deref(), input::after(asked.after.as_deref())?)?;
    let app = asked.app.as_deref().map(|text| input::app("app", text)).transpose()?;
    let (store, of, surface) = (&state.0.store, ChangesOf { app }, Surface::Rest);
    let answer = match asked.order.as_deref() {
        None | Some("oldest") => {
            answers::changes(store, chain, of, part, finality, surface).await?
        }
        Some("newest") if part.after.is_none() => {
            answers::latest(store, chain, of, part.limit, finality, surface).await?
        }
        Some("newest") => {
            let why = "of the newest there is one page: leave out after, or order";
            return Err(ProblemReply::malformed("after", "?order=oldest", why.to_owned()));
        }
        Some(other) => {
            let why = format!("order is oldest or newest, not {}", parse::quote(other));
            return Err(ProblemReply::malformed("order", "newest", why));
        }
    };
    Ok(reply::document(&answer, &headers))
}

/// Which apps were ever allowed to run a version, and when.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/compose-hashes/{hash}", tag = "versions",
    operation_id = "getComposeHash", params(ChainHashPath, Allowed),
    responses((status = 200, body = AllowedApps), Problems)
)]
pub(in crate::rest) async fn allowed(
    State(state): State<AppState>,
    InPath(path): InPath<ChainHashPath>,
    InQuery(asked): InQuery<Allowed>,
    headers: HeaderMap,
) -> Reply {
    let (chain, hash) = path.read()?;
    let Allowed { finality, app, limit, after } = asked;
    let finality = input::finality(finality.as_deref(), chain)?;
    let store = &state.0.store;
    let answer = match app {
        Some(_) if limit.is_some() || after.is_some() => {
            return Err(ProblemReply::malformed(
                "app",
                "?app=0x52908400098527886e0f7030069857d2e4169ee7",
                "with app there is only one page: leave out limit and after, as in \
                 ?app=0x52908400098527886e0f7030069857d2e4169ee7"
                    .to_owned(),
            ));
        }
        Some(app) => {
            let app = input::app("app", &app)?;
            answers::allowed_for(store, chain, hash, app, finality).await?
        }
        None => {
            let part = input::page_of_apps(limit.as_deref(), after.as_deref())?;
            answers::allowed(store, chain, hash, part, finality, Surface::Rest).await?
        }
    };
    Ok(reply::document(&answer, &headers))
}

/// What was said to be deleted about a commitment.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/deletions/{userIdHash}", tag = "deletions",
    operation_id = "getDeletions", params(CommitmentPath, PagedSpan),
    responses((status = 200, body = Deletions), Problems)
)]
pub(in crate::rest) async fn deletions(
    State(state): State<AppState>,
    InPath(path): InPath<CommitmentPath>,
    InQuery(asked): InQuery<PagedSpan>,
    headers: HeaderMap,
) -> Reply {
    let (chain, commitment) = path.read()?;
    deletions_of(&state, chain, DeletionsOf::Commitment(commitment), &asked, &headers).await
}

pub(super) async fn deletions_of(
    state: &AppState,
    chain: u64,
    of: DeletionsOf,
    asked: &PagedSpan,
    headers: &HeaderMap,
) -> Reply {
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let from = input::end("from", asked.from.as_deref())?;
    let to = input::end("to", asked.to.as_deref())?;
    let part = input::page(asked.limit.as_deref(), asked.after.as_deref())?;
    let node = state.headers(chain);
    let span = (from, to);
    let answer = answers::deletions(&state.0.store, node, chain, of, span, part, finality).await?;
    Ok(reply::document(&answer, headers))
}
