//! The first page: which changes are on their way, across all apps, and what happened last.

use super::{
    Page, PageReply,
    lists::change_lines,
    parts::{app_name, app_path, countdown, sign, stage_now, version, when},
};
use crate::{
    AppState, Finality, NoticeState, Surface, answers,
    documents::{Block, Changes, Notice, Notices},
    shared::Made,
    words::{setting, value},
};
use axum::{extract::State, http::HeaderMap};
use jiff::Timestamp;
use maud::{Markup, html};
use std::sync::Arc;

/// Notices that are shown of each chain.
const NOTICES: usize = 30;

/// Changes that are shown of each chain.
const CHANGES: usize = 12;

/// What is known of one chain.
struct OfChain {
    chain_id: u64,
    notices: Arc<Made<Notices>>,
    changes: Arc<Made<Changes>>,
}

pub(super) async fn page(State(state): State<AppState>, headers: HeaderMap) -> PageReply {
    let chains = answers::chains(state.store()).await?;
    let (mut told, mut silent) = (Vec::new(), Vec::new());
    for chain in &chains.chains {
        match of_chain(&state, chain.chain_id).await {
            Ok(it) => told.push(it),
            Err(error) => silent.push((chain.chain_id, error.sentence(Surface::Rest))),
        }
    }
    let body = html! {
        section.hero {
            h1 { "Who can change the code that holds your data, and how long before?" }
            p.lead {
                "Apps that run in a trusted execution environment are only as good as the rule by which they change. "
                "This register shows that rule for each app, every change that was announced, and every version that was ever allowed."
            }
        }
        section aria-labelledby="notices" {
            h2 id="notices" { "Changes on their way" }
            (notices(&state, &told))
        }
        section aria-labelledby="changes" {
            h2 id="changes" { "Latest changes" }
            @for it in &told {
                (change_lines(&state, it.chain_id, &it.changes.answer))
            }
            @if told.iter().all(|it| it.changes.answer.changes.is_empty()) {
                p.empty { "Nothing has happened yet in what is indexed here." }
            }
            p { a.more href="/changes" { "All changes" } }
        }
        section aria-labelledby="index" {
            h2 id="index" { "What is looked at" }
            @if chains.chains.is_empty() {
                p.empty { "Nothing is indexed yet. Whoever runs this service starts with " code { "devproof index" } "." }
            }
            ul.lines {
                @for it in &told {
                    @let Block { number, timestamp, .. } = it.notices.answer.index_head;
                    li { "Chain " (it.chain_id) ", up to block " span.number { (number) } " of " (when(timestamp))
                        @if it.notices.answer.unread > 0 { "; the past of " (it.notices.answer.unread) " apps is still being read" } }
                }
                @for (chain_id, why) in &silent {
                    li { "Chain " (chain_id) ": " (why) }
                }
            }
        }
    };
    let feeds = [("All changes".to_owned(), "/feed.atom".to_owned())];
    Ok(Page { title: "Register of changes", part: "", feeds: &feeds, body }.reply(&headers))
}

async fn of_chain(state: &AppState, chain_id: u64) -> Result<OfChain, crate::AnswerError> {
    let finality = Finality::default_of(chain_id);
    let notices = state.notices(chain_id, NoticeState::Open, NOTICES, finality).await?;
    let changes = state.latest(chain_id, CHANGES, finality).await?;
    Ok(OfChain { chain_id, notices, changes })
}

fn notices(state: &AppState, told: &[OfChain]) -> Markup {
    let mut all: Vec<(&OfChain, &Notice)> =
        told.iter().flat_map(|it| it.notices.answer.notices.iter().map(move |n| (it, n))).collect();
    all.sort_by_key(|(_, notice)| notice.ripe_at);
    html! {
        @if all.is_empty() {
            p.empty {
                "No change is announced. Apps whose owner needs no notice do not appear here: their page says so."
            }
        }
        ul.cards {
            @for (chain, notice) in all {
                li.card { (card(state, chain.chain_id, chain.notices.answer.block.timestamp, notice)) }
            }
        }
        @for it in told {
            @if it.notices.answer.next.is_some() {
                p { "There are more on chain " (it.chain_id) ": " a href=(format!("/v1/chains/{}/notices", it.chain_id)) { "all of them as JSON" } }
            }
        }
    }
}

/// What is announced, of which app, and when it becomes possible. `read`: the time of the block after which it was read.
pub(super) fn card(state: &AppState, chain_id: u64, read: Timestamp, notice: &Notice) -> Markup {
    let now = state.now_after(read);
    let stage = stage_now(&notice.state, notice.ripe_at, now);
    let families = state.families().of(chain_id, notice.app);
    let enforced = notice.code.kind == "app_auth";
    html! {
        p.what {
            a.app href=(app_path(chain_id, notice.app)) { (app_name(notice.app, &families)) }
            " "
            @if stage == "ripe" { (sign("may", "possible now")) } @else { (sign("may", "announced")) }
        }
        @if stage == "ripe" {
            p.big { "at any moment" }
        } @else {
            p.big { "in " (countdown(notice.ripe_at, now)) }
        }
        p {
            @if notice.kind == "compose_hash" { "Version " (version(chain_id, notice.value)) " may take over" }
            @else { (setting(&notice.kind)) " " (value(&notice.kind, notice.value)) " may come into force" }
            " from " (when(notice.ripe_at)) "."
            @if !enforced { " Nothing that we know enforces this." }
        }
    }
}
