//! A badge that an operator can put into a README: how much notice there is, or when the next change may come.

use super::app_of;
use crate::{
    Finality,
    answers::{self, When},
    documents::{AtBlock, Completeness},
    rest::{AppState, ProblemReply, reply},
    words::span,
};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use jiff::Timestamp;
use maud::{Markup, html};

const KIND: &str = "image/svg+xml";

pub(super) async fn app(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ProblemReply> {
    let (chain_id, app) = app_of(&path)?;
    let finality = Finality::default_of(chain_id);
    let node = state.headers(chain_id);
    let tag = When::Tag(finality);
    let answer = answers::at(state.store(), node, chain_id, app, tag, finality).await?;
    let (text, tone) = words(&answer, state.now_after(answer.block.timestamp));
    Ok(reply::text(draw(&text, tone).into_string(), KIND, &headers))
}

/// What it says, and how much that matters: `harm`, `may`, `unknown` or `plain`.
fn words(state: &AtBlock, now: Timestamp) -> (String, &'static str) {
    let notice = state.policy.notice_period_seconds;
    let next = state
        .proposals
        .iter()
        .filter(|it| it.state != "expired" && it.kind == "compose_hash")
        .map(|it| it.ripe_at)
        .min();
    match (state.code.kind.as_str(), notice, next) {
        _ if !state.born => ("not known".to_owned(), "unknown"),
        ("app_auth_test", ..) => ("test build, no notice".to_owned(), "harm"),
        ("dstack_app" | "legacy_app_auth", ..) => ("instant upgrades".to_owned(), "harm"),
        ("app_auth", _, Some(at)) if at <= now => ("upgrade possible now".to_owned(), "may"),
        ("app_auth", _, Some(at)) => {
            let left = u64::try_from(at.as_second() - now.as_second()).unwrap_or(0);
            (format!("upgrade in {}", span(left)), "may")
        }
        ("app_auth", Some(_), None) if state.completeness == Completeness::AsEmitted => {
            ("not checked yet".to_owned(), "unknown")
        }
        ("app_auth", Some(seconds), None) => (format!("notice {}", span(seconds)), "plain"),
        _ => ("unknown code".to_owned(), "unknown"),
    }
}

/// About the width of a text at 11 pixels, in pixels: a badge cannot measure itself.
fn width(text: &str) -> u32 {
    let narrow = text.chars().filter(|c| " .,ijlt1'".contains(*c)).count();
    let all = text.chars().count();
    u32::try_from((all - narrow) * 7 + narrow * 4).unwrap_or(400)
}

fn draw(text: &str, tone: &str) -> Markup {
    let colour = match tone {
        "harm" => "#a3201d",
        "may" => "#8a5a00",
        "plain" => "#24584a",
        _ => "#4a545a",
    };
    let (left, right) = (width("devproof") + 14, width(text) + 14);
    let all = left + right;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(all) height="20" role="img" aria-label=(format!("devproof: {text}")) {
            title { "devproof: " (text) }
            clipPath id="r" { rect width=(all) height="20" rx="3" {} }
            g clip-path="url(#r)" {
                rect width=(left) height="20" fill="#1b2427" {}
                rect x=(left) width=(right) height="20" fill=(colour) {}
            }
            g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11" {
                text x=(left / 2) y="14" { "devproof" }
                text x=(left + right / 2) y="14" { (text) }
            }
        }
    }
}
