//! Families of apps.

use super::Reply;
use crate::{
    Surface, answers,
    documents::{Families, Family},
    rest::{
        AppState,
        input::{self, FamilyPath, InPath, InQuery, Nothing, Plain},
        problem::Problems,
        reply,
    },
};
use axum::{extract::State, http::HeaderMap};

/// Which families are declared here.
///
/// Whoever runs the index says that the apps belong together; no contract does.
#[utoipa::path(
    get, path = "/v1/families", tag = "families", operation_id = "listFamilies",
    responses((status = 200, body = Families), Problems)
)]
pub(in crate::rest) async fn list(
    State(state): State<AppState>,
    InQuery(Nothing {}): InQuery<Nothing>,
    headers: HeaderMap,
) -> Reply {
    Ok(reply::document(&state.0.families.document(), &headers))
}

/// What each app of a family is allowed to run, and whether they agree.
#[utoipa::path(
    get, path = "/v1/families/{name}", tag = "families", operation_id = "getFamily",
    params(FamilyPath, Plain), responses((status = 200, body = Family), Problems)
)]
pub(in crate::rest) async fn family(
    State(state): State<AppState>,
    InPath(path): InPath<FamilyPath>,
    InQuery(asked): InQuery<Plain>,
    headers: HeaderMap,
) -> Reply {
    let finality = input::named_finality(asked.finality.as_deref())?;
    let (store, families) = (&state.0.store, &state.0.families);
    let answer = answers::family(store, families, &path.name, finality, Surface::Rest).await?;
    Ok(reply::document(&answer, &headers))
}
