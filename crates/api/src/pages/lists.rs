//! Lists: what was looked for, all apps, all changes.

use super::{
    Page, PageReply, Sorry,
    app::code_name,
    parts::{address, app_name, app_path, compose_path, stand, when},
    sentences,
};
use crate::{
    AppFilter, AppState, ChangePlace, ChangesOf, Finality, Part, Surface, answers,
    documents::{App, Change, Changes},
    parse,
    words::span,
};
use alloy_primitives::{Address, B256};
use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect},
};
use maud::{Markup, html};
use serde::Deserialize;

/// Apps of a page.
const APPS: usize = 100;

/// Changes of a page.
const CHANGES: usize = 100;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Looked {
    #[serde(default)]
    q: String,
}

/// Finds apps by id, owner, version or family.
pub(super) async fn search(
    State(state): State<AppState>,
    Query(Looked { q }): Query<Looked>,
    headers: HeaderMap,
) -> PageReply {
    let q = q.trim();
    let digits = q.strip_prefix("0x").unwrap_or(q);
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let mut apps = Vec::new();
    let mut versions = Vec::new();
    if is_hex && digits.len() == 40 {
        let it = parse::app(q).map_err(Sorry::malformed)?;
        let by_id = AppFilter { id: Some(it), ..AppFilter::default() };
        let by_owner = AppFilter { owner: Some(it), ..AppFilter::default() };
        apps.extend(found(&state, &by_id).await?);
        apps.extend(found(&state, &by_owner).await?);
        apps.dedup_by_key(|(chain_id, app)| (*chain_id, app.contract));
    } else if is_hex && digits.len() == 64 {
        let it: B256 = parse::compose_hash(q).map_err(Sorry::malformed)?;
        let filter = AppFilter { compose_hash: Some(it), ..AppFilter::default() };
        apps.extend(found(&state, &filter).await?);
        for chain in answers::chains(state.store()).await?.chains {
            versions.push((chain.chain_id, it));
        }
    } else if !q.is_empty() {
        let filter = AppFilter { name: Some(q.to_owned()), ..AppFilter::default() };
        apps.extend(found(&state, &filter).await?);
    }
    // What can only be meant is shown at once.
    if let ([(chain_id, app)], []) = (apps.as_slice(), versions.as_slice()) {
        return Ok(Redirect::to(&app_path(*chain_id, app.app)).into_response());
    }
    let body = html! {
        h1 { "Found" }
        @if q.is_empty() {
            p.empty { "Type an app id, an owner's address, a compose hash, or a part of a family's name." }
        } @else {
            p.ids { "Looked for: " code.whole { (super::parts::printable(q)) } }
        }
        @for (chain_id, hash) in &versions {
            p { "The version on chain " (chain_id) ": " a href=(compose_path(*chain_id, *hash)) { "when it was allowed, and what it is" } }
        }
        @if apps.is_empty() && !q.is_empty() {
            p.empty {
                "No app here has this id, owner, version or family. It may be on a chain or with a key service that is not followed here; "
                "that nothing is found does not say that there is no such app."
            }
        } @else { (app_table(&apps)) }
    };
    Ok(Page { title: "Found", part: "", feeds: &[], body }.reply(&headers))
}

async fn found(state: &AppState, filter: &AppFilter) -> Result<Vec<(u64, App)>, Sorry> {
    let mut apps = Vec::new();
    for chain in answers::chains(state.store()).await?.chains {
        let (store, families) = (state.store(), state.families());
        let page = Part { limit: APPS, after: None };
        let finality = Finality::default_of(chain.chain_id);
        let answer =
            answers::apps(store, families, chain.chain_id, filter, page, finality, Surface::Rest);
        match answer.await {
            Ok(answer) => apps.extend(answer.apps.into_iter().map(|app| (chain.chain_id, app))),
            // A chain of which nothing can be told yet hides no other.
            Err(error @ crate::AnswerError::Store(_)) => return Err(error.into()),
            Err(_) => {}
        }
    }
    Ok(apps)
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Paged {
    chain: Option<u64>,
    after: Option<String>,
}

/// All apps.
pub(super) async fn apps(
    State(state): State<AppState>,
    Query(Paged { chain, after }): Query<Paged>,
    headers: HeaderMap,
) -> PageReply {
    let after = match after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(parse::app(text).map_err(Sorry::malformed)?),
    };
    let mut lists = Vec::new();
    for known in answers::chains(state.store()).await?.chains {
        if chain.is_some_and(|chain| chain != known.chain_id) {
            continue;
        }
        let chain_id = known.chain_id;
        let page = Part { limit: APPS, after };
        let finality = Finality::default_of(chain_id);
        let (store, families, all) = (state.store(), state.families(), AppFilter::default());
        let list = answers::apps(store, families, chain_id, &all, page, finality, Surface::Rest);
        lists.push((chain_id, list.await));
    }
    let body = html! {
        h1 { "Apps" }
        p.lead { "Every app that a followed key service or factory has named, with the rule by which its code changes." }
        @for (chain_id, list) in &lists {
            section {
                h2 { "Chain " (chain_id) }
                @match list {
                    Err(error) => { p.empty { (error.sentence(Surface::Rest)) "." } },
                    Ok(list) => {
                        @let rows: Vec<(u64, App)> = list.apps.iter().map(|app| (*chain_id, app.clone())).collect();
                        @if rows.is_empty() { p.empty { "None." } } @else { (app_table(&rows)) }
                        @for it in &list.not_told { p.note { "Of " (address(it.app)) " nothing can be told: " (it.reason) } }
                        @if let Some(next) = list.next { p { a.more href=(format!("/apps?chain={chain_id}&after={next:#x}")) { "Go on" } } }
                        (stand(*chain_id, &list.block, &list.index_head))
                    },
                }
            }
        }
    };
    Ok(Page { title: "Apps", part: "Apps", feeds: &[], body }.reply(&headers))
}

pub(super) fn app_table(apps: &[(u64, App)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Apps" {
            table {
                thead { tr {
                    th scope="col" { "App" } th scope="col" { "Notice" } th scope="col" { "Code that decides" }
                    th scope="col" { "Versions allowed" } th scope="col" { "Announced" } th scope="col" { "Newest since" }
                } }
                tbody {
                    @for (chain_id, app) in apps {
                        @let open = app.proposals.iter().filter(|it| it.state != "expired").count();
                        tr {
                            td { a href=(app_path(*chain_id, app.app)) { (app_name(app.app, &app.families)) } }
                            td { (notice(app)) }
                            td { (code_name(&app.code.kind)) }
                            td.figure { (app.authorised_count) }
                            td.figure { (open) }
                            td { @if let Some(it) = &app.newest { (when(it.since.timestamp)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The notice that an app's users have.
fn notice(app: &App) -> Markup {
    let sign = super::parts::sign;
    match (app.code.kind.as_str(), app.notice_period_seconds) {
        ("app_auth", Some(seconds)) => html! { (span(seconds)) },
        ("app_auth_test", _) => sign("harm", "not enforced"),
        ("dstack_app" | "legacy_app_auth", _) => sign("harm", "none"),
        (_, Some(seconds)) => html! { (span(seconds)) ", not known to be enforced" },
        _ => sign("unknown", "not known"),
    }
}

/// All changes, newest first, or what is behind a place.
pub(super) async fn changes(
    State(state): State<AppState>,
    Query(Paged { chain, after }): Query<Paged>,
    headers: HeaderMap,
) -> PageReply {
    let after = match after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(text.parse::<ChangePlace>().map_err(Sorry::malformed)?),
    };
    let mut lists = Vec::new();
    for known in answers::chains(state.store()).await?.chains {
        if chain.is_some_and(|chain| chain != known.chain_id) {
            continue;
        }
        let (store, chain_id, surface) = (state.store(), known.chain_id, Surface::Rest);
        let (of, finality) = (ChangesOf::default(), Finality::default_of(chain_id));
        let list = match after {
            None => answers::latest(store, chain_id, of, CHANGES, finality, surface).await,
            Some(_) => {
                let page = Part { limit: CHANGES, after };
                answers::changes(store, chain_id, of, page, finality, surface).await
            }
        };
        lists.push((chain_id, list));
    }
    let body = html! {
        h1 { "Changes" }
        p.lead { "What the contracts of apps and key services did last, newest first." }
        @for (chain_id, list) in &lists {
            section {
                h2 { "Chain " (chain_id) }
                @match list {
                    Err(error) => { p.empty { (error.sentence(Surface::Rest)) "." } },
                    Ok(list) => {
                        @if list.changes.is_empty() { p.empty { "Nothing has happened yet." } }
                        (change_lines(&state, *chain_id, list))
                        @for it in &list.not_told { p.note { "Of " (address(it.app)) " nothing can be told: " (it.reason) } }
                        (stand(*chain_id, &list.block, &list.index_head))
                    },
                }
            }
        }
    };
    let feeds = [("All changes".to_owned(), "/feed.atom".to_owned())];
    Ok(Page { title: "Changes", part: "Changes", feeds: &feeds, body }.reply(&headers))
}

/// Changes as lines, each with its app.
pub(super) fn change_lines(state: &AppState, chain_id: u64, changes: &Changes) -> Markup {
    let app_link = |app: Address| {
        let families = state.families().of(chain_id, app);
        html! { a.app href=(app_path(chain_id, app)) { (app_name(app, &families)) } }
    };
    let time = |change: &Change| {
        let entry = change.entry.as_ref().map(|it| (it.block.timestamp, it.block.number));
        entry.or_else(|| change.deletion.as_ref().map(|it| (it.at.timestamp, it.at.block)))
    };
    html! {
        ol.lines.history {
            @for change in &changes.changes {
                li {
                    @if let Some((timestamp, number)) = time(change) {
                        span.when { (when(timestamp)) " " span.quiet { "block " (number) } }
                    }
                    span.what {
                        @match (change.app, change.role.as_str()) {
                            (Some(app), "kms") => { (sentences::change(chain_id, change)) ": " (app_link(app)) },
                            (Some(app), _) => { (app_link(app)) " " (sentences::change(chain_id, change)) },
                            (None, _) => { (sentences::change(chain_id, change)) },
                        }
                    }
                }
            }
        }
    }
}
