//! One function per path.

use super::{
    AppState, ProblemReply,
    input::{self, Allowed, Asked, Nothing, Paged, PagedSpan, Plain, Span},
    reply,
};
use crate::{Surface, answers, answers::DeletionsOf};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};

type Reply = Result<Response, ProblemReply>;

pub(super) async fn at(
    State(state): State<AppState>,
    Path((chain, app, when)): Path<(String, String, String)>,
    asked: Asked<Plain>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = (input::chain(&chain)?, input::app(&app)?);
    let finality = input::finality(input::parameters(asked)?.finality, chain)?;
    let when = input::moment(&when)?;
    let node = state.headers(chain);
    let answer = answers::at(&state.store, node, chain, app, when, finality).await?;
    Ok(reply::document(&answer, &headers))
}

pub(super) async fn as_of(
    State(state): State<AppState>,
    Path((chain, app, when, recorded)): Path<(String, String, String, String)>,
    asked: Asked<Nothing>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = (input::chain(&chain)?, input::app(&app)?);
    let Nothing {} = input::parameters(asked)?;
    let (when, recorded) = (input::moment(&when)?, input::time(&recorded)?);
    let answer = answers::as_of(&state.store, chain, app, when, recorded).await?;
    Ok(reply::document(&answer, &headers))
}

pub(super) async fn history(
    State(state): State<AppState>,
    Path((chain, app)): Path<(String, String)>,
    asked: Asked<Paged>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = (input::chain(&chain)?, input::app(&app)?);
    let Paged { finality, limit, after } = input::parameters(asked)?;
    let finality = input::finality(finality, chain)?;
    let part = input::part(limit, after)?;
    let answer = answers::history(&state.store, chain, app, part, finality).await?;
    Ok(reply::document(&answer, &headers))
}

pub(super) async fn diff(
    State(state): State<AppState>,
    Path((chain, app)): Path<(String, String)>,
    asked: Asked<Span>,
    headers: HeaderMap,
) -> Reply {
    let (chain, app) = (input::chain(&chain)?, input::app(&app)?);
    let Span { finality, from, to } = input::parameters(asked)?;
    let finality = input::finality(finality, chain)?;
    let span = (input::must_end(from)?, input::must_end(to)?);
    let node = state.headers(chain);
    let answer = answers::diff(&state.store, node, chain, app, span, finality).await?;
    Ok(reply::document(&answer, &headers))
}

pub(super) async fn allowed(
    State(state): State<AppState>,
    Path((chain, hash)): Path<(String, String)>,
    asked: Asked<Allowed>,
    headers: HeaderMap,
) -> Reply {
    let (chain, hash) = (input::chain(&chain)?, input::compose_hash(&hash)?);
    let Allowed { finality, app, limit, after } = input::parameters(asked)?;
    let finality = input::finality(finality, chain)?;
    let store = &state.store;
    let answer = match app {
        Some(_) if limit.is_some() || after.is_some() => {
            return Err(ProblemReply::malformed(
                "with app there is only one page: leave out limit and after, as in \
                 ?app=0x52908400098527886e0f7030069857d2e4169ee7"
                    .to_owned(),
            ));
        }
        Some(app) => answers::allowed_for(store, chain, hash, input::app(&app)?, finality).await?,
        None => {
            let after = after.map(|text| input::app(&text)).transpose()?;
            let part = input::part_after(limit, after)?;
            answers::allowed(store, chain, hash, part, finality, Surface::Rest).await?
        }
    };
    Ok(reply::document(&answer, &headers))
}

pub(super) async fn deletions_of_app(
    State(state): State<AppState>,
    Path((chain, app)): Path<(String, String)>,
    asked: Asked<PagedSpan>,
    headers: HeaderMap,
) -> Reply {
    let of = DeletionsOf::App(input::app(&app)?);
    deletions(&state, &chain, of, asked, &headers).await
}

pub(super) async fn deletions_of_commitment(
    State(state): State<AppState>,
    Path((chain, commitment)): Path<(String, String)>,
    asked: Asked<PagedSpan>,
    headers: HeaderMap,
) -> Reply {
    let of = DeletionsOf::Commitment(input::commitment(&commitment)?);
    deletions(&state, &chain, of, asked, &headers).await
}

async fn deletions(
    state: &AppState,
    chain: &str,
    of: DeletionsOf,
    asked: Asked<PagedSpan>,
    headers: &HeaderMap,
) -> Reply {
    let chain = input::chain(chain)?;
    let PagedSpan { finality, from, to, limit, after } = input::parameters(asked)?;
    let finality = input::finality(finality, chain)?;
    let span = (input::end(from)?, input::end(to)?);
    let part = input::part(limit, after)?;
    let node = state.headers(chain);
    let answer = answers::deletions(&state.store, node, chain, of, span, part, finality).await?;
    Ok(reply::document(&answer, headers))
}

pub(super) async fn families(State(state): State<AppState>, headers: HeaderMap) -> Reply {
    Ok(reply::document(&state.families.document(), &headers))
}

pub(super) async fn family(
    State(state): State<AppState>,
    Path(name): Path<String>,
    asked: Asked<Plain>,
    headers: HeaderMap,
) -> Reply {
    let finality = input::named_finality(input::parameters(asked)?.finality)?;
    let families = &state.families;
    let answer = answers::family(&state.store, families, &name, finality, Surface::Rest).await?;
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
