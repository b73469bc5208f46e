//! What is subscribed to: news as Atom, announcements as a calendar, and a badge.

mod atom;
mod badge;
mod calendar;

use crate::{
    Finality, Surface,
    alerts::{self, Alert},
    answers::{
        self, AnswerError, ChangesOf, MAX_PAGE, NoticeState,
        NoticeState::{Expired, Open},
        Part,
    },
    documents::{Change, Notice},
    parse,
    rest::{AppState, ProblemReply},
};
use alloy_primitives::Address;
use axum::{
    Router,
    http::{HeaderMap, header},
    routing::get,
};
use devproof_store::Role;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Changes of a feed.
const CHANGES: usize = 60;

/// Their paths, beside the pages that they are about.
pub(crate) fn feeds() -> Router<AppState> {
    Router::new()
        .route("/feed.atom", get(atom::all))
        .route("/families/{name}/feed.atom", get(atom::family))
        .route("/families/{name}/notices.ics", get(calendar::family))
        .route("/notices.ics", get(calendar::all))
        .route("/chains/{chainId}/apps/{app}/feed.atom", get(atom::app))
        .route("/chains/{chainId}/apps/{app}/notices.ics", get(calendar::app))
        .route("/chains/{chainId}/apps/{app}/badge.svg", get(badge::app))
}

/// A chain and an app of it, as a path names them.
fn app_of((chain, app): &(String, String)) -> Result<(u64, Address), ProblemReply> {
    let chain = chain.parse().map_err(|_| {
        let why =
            format!("a chain id is a decimal number such as 8453, not {}", parse::quote(chain));
        ProblemReply::malformed("chainId", "8453", why)
    })?;
    let example = "0x52908400098527886e0f7030069857d2e4169ee7";
    let app = parse::app(app).map_err(|why| ProblemReply::malformed("app", example, why))?;
    Ok((chain, app))
}

/// What people call an app: by its first family, or by its id.
fn name_of(state: &AppState, chain_id: u64, app: Option<Address>) -> String {
    state.families().name_of(chain_id, app)
}

/// Where the service is for whoever reads a feed elsewhere: as it was configured, or as it was asked.
fn root(state: &AppState, headers: &HeaderMap) -> String {
    if let Some(url) = state.public_url() {
        return url.trim_end_matches('/').to_owned();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let plain = |host: &&str| {
        host.len() < 256 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b))
    };
    format!("http://{}", host.filter(plain).unwrap_or("localhost"))
}

/// What is told about some apps of a chain (`None`: about all), newest first.
async fn news(
    state: &AppState,
    chain_id: u64,
    apps: Option<&BTreeSet<Address>>,
) -> Result<Vec<Alert>, AnswerError> {
    let (store, surface) = (state.store(), Surface::Rest);
    let finality = Finality::default_of(chain_id);
    let mut found = Vec::new();
    let of = ChangesOf::default();
    let most = if apps.is_none() { CHANGES } else { MAX_PAGE };
    let latest = answers::latest(store, chain_id, of, most, finality, surface).await?;
    match apps {
        None => found.extend(latest.changes),
        Some(apps) => {
            // What they and key services did comes from their own histories: on a chain with much on it the latest changes of all may
            // reach back minutes only, and who reads a feed now and then would miss an announcement.
            let is_deletion = |it: &Change| it.deletion.is_some();
            let deletions = latest.changes.into_iter().filter(is_deletion);
            found.extend(deletions.filter(|it| it.app.is_some_and(|app| apps.contains(&app))));
            for app in apps {
                found.extend(own_changes(state, chain_id, *app, finality).await?);
                let services =
                    answers::of_key_services(store, chain_id, *app, CHANGES, finality).await?;
                found.extend(services);
            }
        }
    }
    let mut alerts: Vec<Alert> = found
        .iter()
        .filter_map(|it| alerts::of_change(chain_id, &name_of(state, chain_id, it.app), it))
        .collect();
    for (notice, now) in notices(state, chain_id, apps, &[Open, Expired]).await? {
        let name = name_of(state, chain_id, Some(notice.app));
        alerts.extend(alerts::of_notice(chain_id, &name, &notice, now, alerts::SOON));
    }
    alerts.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
    alerts.dedup_by(|a, b| a.id == b.id);
    alerts.truncate(CHANGES);
    Ok(alerts)
}

/// The last changes in an app's own history, oldest first.
async fn own_changes(
    state: &AppState,
    chain_id: u64,
    app: Address,
    finality: Finality,
) -> Result<Vec<Change>, AnswerError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let part = Part { limit: MAX_PAGE, after };
        let page = answers::history(state.store(), chain_id, app, part, finality).await?;
        found.extend(page.entries.into_iter().map(|entry| Change {
            role: Role::App.as_str().to_owned(),
            contract: page.contract,
            app: Some(page.app),
            entry: Some(entry),
            deletion: None,
        }));
        found.drain(..found.len().saturating_sub(CHANGES));
        after = page.next.and_then(|next| next.parse().ok());
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// The notices of some apps of a chain in these states: all of theirs, or of all apps the first hundred in each state. With the
/// time by which they are told.
async fn notices(
    state: &AppState,
    chain_id: u64,
    apps: Option<&BTreeSet<Address>>,
    states: &[NoticeState],
) -> Result<Vec<(Notice, Timestamp)>, AnswerError> {
    let (store, finality) = (state.store(), Finality::default_of(chain_id));
    let mut pages = Vec::new();
    for of in states {
        match apps {
            None => {
                pages.push(state.notices(chain_id, *of, 100, finality).await?.answer.clone());
            }
            Some(apps) => {
                for app in apps {
                    pages.push(answers::notices_of(store, chain_id, *app, *of, finality).await?);
                }
            }
        }
    }
    let told = pages.into_iter().flat_map(|page| {
        let now = page.block.timestamp;
        page.notices.into_iter().map(move |it| (it, now))
    });
    Ok(told.collect())
}
