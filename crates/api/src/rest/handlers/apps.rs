//! Answers about one app, and the list of them.

use super::Reply;
use crate::{
    AnswerError, DeletionsOf, Surface, When, answers,
    documents::{
        Apps, AsOf, AtBlock, Completeness, Deletions, Diff, History, Notices, Observations, OneApp,
        Stage,
    },
    finality::Finality,
    rest::{
        AppState,
        input::{
            self, AppPath, AsOfPath, AtPath, ChainPath, InPath, InQuery, Nothing, OfAppNotices,
            OfApps, Paged, PagedSpan, Plain, Span,
        },
        problem::{ProblemReply, Problems},
        reply,
    },
};
use axum::{extract::State, http::HeaderMap};
use std::time::Duration;

/// How long after a block something that was seen before it may still be taken down.
const SETTLED: Duration = Duration::from_secs(3_600);

/// Which apps there are.
///
/// All that the parameters say has to be true of an app. What somebody looks for may also be an id, an owner or a hash that
/// is not known here: then the list is empty.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/apps", tag = "apps", operation_id = "listApps",
    params(ChainPath, OfApps), responses((status = 200, body = Apps), Problems)
)]
pub(in crate::rest) async fn list(
    State(state): State<AppState>,
    InPath(path): InPath<ChainPath>,
    InQuery(asked): InQuery<OfApps>,
    headers: HeaderMap,
) -> Reply {
    let chain = path.chain()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let part = input::page_of_apps(asked.limit.as_deref(), asked.after.as_deref())?;
    let filter = asked.filter()?;
    let (store, families) = (&state.0.store, &*state.0.families);
    let surface = Surface::Rest;
    let answer = answers::apps(store, families, chain, &filter, part, finality, surface).await;
    let answer = answer.map_err(|error| match error {
        AnswerError::UnknownFamily { .. } => ProblemReply::from(error).in_field("family"),
        error => error.into(),
    })?;
    Ok(reply::document(&answer, &headers))
}

/// One app in short, as of the last block of the finality asked for.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/apps/{app}", tag = "apps", operation_id = "getApp",
    params(AppPath, Plain), responses((status = 200, body = OneApp), Problems)
)]
pub(in crate::rest) async fn app(
    State(state): State<AppState>,
    InPath(path): InPath<AppPath>,
    InQuery(asked): InQuery<Plain>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = path.read()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let answer = answers::app(&state.0.store, &state.0.families, chain, app, finality).await?;
    Ok(reply::document(&answer, &headers))
}

/// What an app was allowed to run after a block, or at a time.
///
/// Authorised is not running: it is what the chain allowed.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/apps/{app}/at/{when}", tag = "apps", operation_id = "getAppAt",
    params(AtPath, Plain), responses((status = 200, body = AtBlock), Problems)
)]
pub(in crate::rest) async fn at(
    State(state): State<AppState>,
    InPath(path): InPath<AtPath>,
    InQuery(asked): InQuery<Plain>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app, when) = path.read()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let node = state.headers(chain);
    let answer = answers::at(&state.0.store, node, chain, app, when, finality).await?;
    // What was seen by then is taken down at once, and is told in other words when it is seen again.
    let age = state.now_after(answer.block.timestamp).duration_since(answer.block.timestamp);
    let is_old = Duration::try_from(age).is_ok_and(|age| age > SETTLED);
    // Nothing can come before a block that is final any more, and nothing that the contract said is missing.
    let forever = matches!(when, When::Block(_) | When::Hash(_))
        && answer.observed.is_empty()
        && is_old
        && answer.block.finality == Finality::Finalized
        && answer.completeness == Completeness::Complete;
    Ok(if forever { reply::forever(&answer, &headers) } else { reply::document(&answer, &headers) })
}

/// What this index held at some time about what an app was allowed to run after a block, and what it learnt since.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/apps/{app}/at/{when}/as-of/{recorded}", tag = "apps",
    operation_id = "getAppAtAsOf", params(AsOfPath), responses((status = 200, body = AsOf), Problems)
)]
pub(in crate::rest) async fn as_of(
    State(state): State<AppState>,
    InPath(path): InPath<AsOfPath>,
    InQuery(Nothing {}): InQuery<Nothing>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app, when, recorded) = path.read()?;
    let answer = answers::as_of(&state.0.store, chain, app, when, recorded).await?;
    Ok(reply::document(&answer, &headers))
}

/// Every change of an app's policy, oldest first.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/apps/{app}/history", tag = "apps", operation_id = "getAppHistory",
    params(AppPath, Paged), responses((status = 200, body = History), Problems)
)]
pub(in crate::rest) async fn history(
    State(state): State<AppState>,
    InPath(path): InPath<AppPath>,
    InQuery(asked): InQuery<Paged>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = path.read()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let part = input::page(asked.limit.as_deref(), asked.after.as_deref())?;
    let answer = answers::history(&state.0.store, chain, app, part, finality).await?;
    Ok(reply::document(&answer, &headers))
}

/// What changed of an app between two blocks or times, and what was done and undone in between.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/apps/{app}/diff", tag = "apps", operation_id = "getAppDiff",
    params(AppPath, Span), responses((status = 200, body = Diff), Problems)
)]
pub(in crate::rest) async fn diff(
    State(state): State<AppState>,
    InPath(path): InPath<AppPath>,
    InQuery(asked): InQuery<Span>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = path.read()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let from = input::must_end("from", asked.from.as_deref())?;
    let to = input::must_end("to", asked.to.as_deref())?;
    let node = state.headers(chain);
    let answer = answers::diff(&state.0.store, node, chain, app, (from, to), finality).await?;
    Ok(reply::document(&answer, &headers))
}

/// What an app announced, and what became of it.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/apps/{app}/notices", tag = "notices", operation_id = "getAppNotices",
    params(AppPath, OfAppNotices), responses((status = 200, body = Notices), Problems)
)]
pub(in crate::rest) async fn notices(
    State(state): State<AppState>,
    InPath(path): InPath<AppPath>,
    InQuery(asked): InQuery<OfAppNotices>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = path.read()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let of = input::state(asked.state.as_deref())?;
    let answer = answers::notices_of(&state.0.store, chain, app, of, finality).await?;
    Ok(reply::document(&answer, &headers))
}

/// What verified quotes showed of instances of an app, the quote that was first seen last at the beginning.
///
/// Observed is not authorised: each entry says whether the app's contract allowed the version then. Where the identity is
/// claimed, the machine only says that it is this app.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/apps/{app}/observations", tag = "evidence", operation_id = "getAppObservations",
    params(AppPath, Paged), responses((status = 200, body = Observations), Problems)
)]
pub(in crate::rest) async fn observations(
    State(state): State<AppState>,
    InPath(path): InPath<AppPath>,
    InQuery(asked): InQuery<Paged>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = path.read()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let part = input::part(asked.limit.as_deref(), input::after(asked.after.as_deref())?)?;
    let answer = answers::observations(&state.0.store, chain, app, part, finality).await?;
    Ok(reply::document(&answer, &headers))
}

/// How an app stands against the points of ERC-733's Stage 1, each with what it rests on.
///
/// What is not known never passes: some points nobody can tell from here.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/apps/{app}/stage", tag = "apps", operation_id = "getAppStage",
    params(AppPath, Plain), responses((status = 200, body = Stage), Problems)
)]
pub(in crate::rest) async fn stage(
    State(state): State<AppState>,
    InPath(path): InPath<AppPath>,
    InQuery(asked): InQuery<Plain>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = path.read()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let now = state.now_after(jiff::Timestamp::UNIX_EPOCH);
    let node = state.headers(chain);
    let answer = answers::stage(&state.0.store, node, chain, app, finality, now).await?;
    Ok(reply::document(&answer, &headers))
}

/// What keys of an app said they deleted.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/apps/{app}/deletions", tag = "deletions",
    operation_id = "getAppDeletions", params(AppPath, PagedSpan),
    responses((status = 200, body = Deletions), Problems)
)]
pub(in crate::rest) async fn deletions(
    State(state): State<AppState>,
    InPath(path): InPath<AppPath>,
    InQuery(asked): InQuery<PagedSpan>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = path.read()?;
    super::chains::deletions_of(&state, chain, DeletionsOf::App(app), &asked, &headers).await
}
