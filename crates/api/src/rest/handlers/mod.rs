//! One function per path, by what it is about. What each says of itself is the OpenAPI document.

pub(super) mod apps;
pub(super) mod chains;
pub(super) mod composes;
pub(super) mod families;
pub(super) mod verdicts;

use super::ProblemReply;
use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What a handler gives.
type Reply = Result<Response, ProblemReply>;

/// All of them.
pub(super) fn all() -> OpenApiRouter<super::AppState> {
    OpenApiRouter::new()
        .routes(routes!(chains::chains))
        .routes(routes!(apps::list))
        .routes(routes!(apps::app))
        .routes(routes!(apps::at))
        .routes(routes!(apps::as_of))
        .routes(routes!(apps::history))
        .routes(routes!(apps::diff))
        .routes(routes!(apps::notices))
        .routes(routes!(apps::deletions))
        .routes(routes!(apps::observations))
        .routes(routes!(apps::stage))
        .routes(routes!(chains::notices))
        .routes(routes!(chains::changes))
        .routes(routes!(chains::allowed))
        .routes(routes!(chains::deletions))
        .routes(routes!(families::list))
        .routes(routes!(families::family))
        .routes(routes!(composes::get, composes::put))
        .routes(routes!(verdicts::is_allowed))
}

/// Who asks for a page gets one.
pub(super) async fn not_found(headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    if accepts.is_some_and(|it| it.contains("text/html")) {
        return crate::pages::nothing_here();
    }
    ProblemReply::no_path().into_response()
}

pub(super) async fn method_not_allowed() -> ProblemReply {
    ProblemReply::no_method()
}
