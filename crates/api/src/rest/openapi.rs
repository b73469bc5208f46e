//! The document that says what the paths are, made from the code, and a page to read it.

use super::{AppState, events, handlers, reply, verify};
use crate::documents::Problem;
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use std::sync::LazyLock;
use utoipa::{OpenApi, openapi::OpenApi as Document};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Where the document is.
const PATH: &str = "/v1/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "devproof",
        description = "What dstack apps were allowed to run, when, by whom, and with how much notice. Authorised is what the chain \
            allowed; it says nothing about what runs. Every answer names the block it is about, how final that is, and how far \
            the index reaches."
    ),
    components(schemas(Problem)),
    tags(
        (name = "apps", description = "One app, after any block."),
        (name = "notices", description = "What was announced, and what became of it."),
        (name = "versions", description = "Compose hashes, what stands behind them, and what a KMS would say."),
        (name = "chains", description = "What is indexed, and everything that happens."),
        (name = "deletions", description = "What keys of apps said they deleted. That shows that the app said so, not that no copy exists."),
        (name = "evidence", description = "What evidence of an instance proves."),
        (name = "families", description = "Apps that belong to one product, as whoever runs the index says.")
    )
)]
struct Described;

/// The OpenAPI document of the service.
#[must_use]
pub fn document() -> Document {
    let mut document = Described::openapi();
    document.merge(handlers::all().into_openapi());
    document.merge(events::all().into_openapi());
    document.merge(verify::all().into_openapi());
    document
}

static TEXT: LazyLock<String> = LazyLock::new(|| document().to_pretty_json().unwrap_or_default());

/// The document, and the page.
pub(super) fn pages() -> Router<AppState> {
    let ui = SwaggerUi::new("/docs").config(Config::from(PATH).validator_url("none"));
    Router::new().route(PATH, get(serve)).merge(ui)
}

async fn serve(State(_): State<AppState>, headers: HeaderMap) -> Response {
    reply::text(TEXT.clone(), "application/json", &headers)
}
