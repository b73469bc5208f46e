//! What pages are dressed in. Its name carries its hash, so that a browser asks once.

use crate::rest::AppState;
use alloy_primitives::{hex, keccak256};
use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use std::{ops::Deref, sync::LazyLock};

/// A file.
#[derive(Debug)]
pub(super) struct Asset {
    /// Where it is.
    pub(super) path: String,
    text: &'static str,
    kind: &'static str,
}

fn asset(name: &str, suffix: &str, kind: &'static str, text: &'static str) -> Asset {
    let hash = keccak256(text);
    let hash = hex::encode(hash.get(..6).unwrap_or_default());
    Asset { path: format!("/assets/{name}.{hash}.{suffix}"), text, kind }
}

/// How it looks.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    asset("style", "css", "text/css; charset=utf-8", include_str!("../../assets/style.css"))
});

/// What is better with a script.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text =
        concat!(include_str!("../../assets/keccak.js"), include_str!("../../assets/page.js"));
    asset("page", "js", "text/javascript; charset=utf-8", text)
});

const ICON: &str = include_str!("../../assets/icon.svg");

pub(super) fn routes() -> Router<AppState> {
    let icon = || async { file(ICON, "image/svg+xml") };
    Router::new()
        .route(&STYLE.path, get(|| async { serve(STYLE.deref()) }))
        .route(&SCRIPT.path, get(|| async { serve(SCRIPT.deref()) }))
        .route("/assets/icon.svg", get(icon))
}

fn serve(asset: &Asset) -> Response {
    let mut reply = file(asset.text, asset.kind);
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    reply.headers_mut().insert(header::CACHE_CONTROL, forever);
    reply
}

fn file(text: &'static str, kind: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
