//! The page of a version: when and where it was allowed, and what it is.

use super::{
    Page, PageReply, Sorry, compare,
    home::card,
    parts::{address, app_name, app_path, claimed_uri, printable, stand, when},
};
use crate::{
    AppFilter, AppState, Finality, NoticeState, Part, Surface,
    answers::{self, BarKind},
    documents::{AllowedApp, AllowedApps, Interval, Notice},
    parse,
    words::span,
};
use alloy_primitives::B256;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
};
use devproof_primitives::ComposeHash;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

/// Bytes of a configuration that are shown.
const MAX_SHOWN: usize = 200_000;

/// What the address bar says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// The version to compare with, instead of the one that it replaces.
    with: Option<String>,
}

pub(super) async fn page(
    State(state): State<AppState>,
    Path((chain, text)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> PageReply {
    let chain_id: u64 = chain.parse().map_err(|_| {
        Sorry::malformed(format!(
            "A chain id is a decimal number such as 8453, not {}",
            parse::quote(&chain)
        ))
    })?;
    let version = parse::compose_hash(&text).map_err(Sorry::malformed)?;
    let finality = Finality::default_of(chain_id);
    let store = state.store();
    let page = Part { limit: 50, after: None };
    let allowed = answers::allowed(store, chain_id, version, page, finality, Surface::Rest).await?;
    let bytes = store.compose(ComposeHash(version)).await.map_err(crate::AnswerError::from)?;
    let announcing = announcing(&state, chain_id, version, finality).await?;
    let before = predecessor(&state, chain_id, version, asked.with.as_deref(), finality).await?;
    let comparison = match &bytes {
        Some(bytes) => compare::section(&state, chain_id, before, bytes).await?,
        None => html! {},
    };
    let findings = bytes.as_ref().map(|bytes| compare::findings(bytes));
    let body = html! {
        div.title {
            h1 { "Version " (crate::words::short(version)) }
            p.ids { "Compose hash " code.whole data-copy=(format!("{version:#x}")) { (format!("{version:#x}")) } }
        }
        @if !announcing.is_empty() {
            section aria-labelledby="announced" {
                h2 id="announced" { "Where it is announced" }
                ul.cards {
                    @for (read, notice) in &announcing { li.card { (card(&state, chain_id, *read, notice)) } }
                }
            }
        }
        section aria-labelledby="where" {
            h2 id="where" { "Where it was allowed" }
            (apps(&state, &allowed, !announcing.is_empty()))
        }
        (comparison)
        @if let Some(findings) = &findings { (findings) }
        section aria-labelledby="what" {
            h2 id="what" { "What it is" }
            @match &bytes {
                None => {
                    p.empty {
                        "Nobody has handed in the configuration behind this hash. Whoever has the exact file can: "
                        code { "PUT /v1/compose-hashes/" (format!("{version:#x}")) "/app-compose" } "."
                    }
                },
                Some(bytes) => { (text_of(version, bytes)) },
            }
        }
        (stand(chain_id, &allowed.block, &allowed.index_head))
    };
    let title = format!("Version {}", crate::words::short(version));
    Ok(Page { title: &title, part: "", feeds: &[], body }.reply(&headers))
}

/// Apps that are asked whether they announce it.
const ANNOUNCING: usize = 20;

/// The announcements of a version that can still come into force, the next first, each with the time of the block after which it was
/// read.
async fn announcing(
    state: &AppState,
    chain_id: u64,
    version: B256,
    finality: Finality,
) -> Result<Vec<(Timestamp, Notice)>, Sorry> {
    let (store, families) = (state.store(), state.families());
    let filter = AppFilter { compose_hash: Some(version), pending: true, ..AppFilter::default() };
    let page = Part { limit: ANNOUNCING, after: None };
    let apps =
        answers::apps(store, families, chain_id, &filter, page, finality, Surface::Rest).await?;
    let mut found = Vec::new();
    for app in &apps.apps {
        let open = NoticeState::Open;
        let told = answers::notices_of(store, chain_id, app.app, open, finality).await?;
        let is_it = |it: &Notice| it.kind == "compose_hash" && it.value == version;
        let read = told.block.timestamp;
        found.extend(told.notices.into_iter().filter(is_it).map(|it| (read, it)));
    }
    found.sort_by_key(|(_, notice)| notice.ripe_at);
    Ok(found)
}

/// Versions that are looked through for the one before.
const LANES: usize = 500;

/// The version that this one replaces: the one that its app allowed last before it was first announced or allowed; or the one
/// that was asked for.
async fn predecessor(
    state: &AppState,
    chain_id: u64,
    version: B256,
    with: Option<&str>,
    finality: Finality,
) -> Result<Option<B256>, Sorry> {
    if let Some(text) = with.filter(|text| !text.is_empty()) {
        return Ok(Some(parse::compose_hash(text).map_err(Sorry::malformed)?));
    }
    let (store, families) = (state.store(), state.families());
    let filter = AppFilter { compose_hash: Some(version), ..AppFilter::default() };
    let page = Part { limit: 1, after: None };
    let apps =
        answers::apps(store, families, chain_id, &filter, page, finality, Surface::Rest).await?;
    let Some(app) = apps.apps.first() else { return Ok(None) };
    let lanes = answers::lanes(store, chain_id, app.app, LANES, finality).await?;
    let begins = |bars: &[answers::Bar]| bars.first().map(|bar| bar.since.block);
    let ours = lanes.lanes.iter().find(|lane| lane.compose_hash == version);
    let Some(first) = ours.and_then(|lane| begins(&lane.bars)) else { return Ok(None) };
    let last_allowed = |bars: &[answers::Bar]| {
        let allowed = bars.iter().filter(|bar| bar.kind == BarKind::Allowed);
        allowed.map(|bar| bar.since.block).filter(|block| *block < first).max()
    };
    let others = lanes.lanes.iter().filter(|lane| lane.compose_hash != version);
    let before = others.filter_map(|lane| Some((last_allowed(&lane.bars)?, lane.compose_hash)));
    Ok(before.max().map(|(_, hash)| hash))
}

fn apps(state: &AppState, allowed: &AllowedApps, is_announced: bool) -> Markup {
    let chain_id = allowed.chain_id;
    html! {
        @if allowed.apps.is_empty() {
            p.empty { "No app here was ever allowed to run it" @if !is_announced { ", and none announces it now" } "." }
        }
        @for app in &allowed.apps {
            @let families = state.families().of(chain_id, app.app);
            article {
                h3 { a href=(app_path(chain_id, app.app)) { (app_name(app.app, &families)) }
                    @if app.allowed { " allows it now" } @else { " does not allow it now" } }
                (intervals(app))
            }
        }
        @if allowed.next.is_some() { p { "More apps than are shown here were allowed to run it." } }
        @for it in &allowed.not_told { p.note { "Of " (address(it.app)) " nothing can be told: " (it.reason) } }
        @if allowed.unread > 0 { p.note { "The past of " (allowed.unread) " apps is still being read." } }
    }
}

fn intervals(app: &AllowedApp) -> Markup {
    html! {
        ul.lines {
            @for it in app.intervals.iter().rev() { li { (interval(it)) } }
            @if app.intervals_left_out > 0 { li { (app.intervals_left_out) " older times are left out" } }
        }
        @if !app.orphaned.is_empty() {
            p.note { "It was also said about it, in " (app.orphaned.len()) " logs, in blocks that are gone." }
        }
    }
}

fn interval(it: &Interval) -> Markup {
    html! {
        "allowed from " (when(it.since.timestamp)) @if it.read_by_call { " or before" }
        @match &it.until { Some(until) => { " to " (when(until.timestamp)) }, None => { ", still" } }
        @match it.notice_seconds {
            None => { "" },
            Some(0) => { ", " strong { "without notice" } },
            Some(seconds) => { ", after " (span(seconds)) " of notice" },
        }
        @if let Some(uri) = &it.uri { "; source, as the owner claims: " (claimed_uri(uri)) }
    }
}

/// The bytes as text, as they are.
fn text_of(version: alloy_primitives::B256, bytes: &[u8]) -> Markup {
    let shown = bytes.get(..MAX_SHOWN).unwrap_or(bytes);
    let lines: Vec<String> = String::from_utf8_lossy(shown).split('\n').map(printable).collect();
    let text = lines.join("\n");
    html! {
        p { "These are the very bytes: their SHA-256 is the compose hash. "
            a href=(format!("/v1/compose-hashes/{version:#x}/app-compose")) download="app-compose.json" { "Take them" } " (" (bytes.len()) " bytes)." }
        pre.source tabindex="0" { code { (text) } }
        @if bytes.len() > MAX_SHOWN { p.note { "Only the beginning is shown." } }
    }
}
