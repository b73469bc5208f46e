//! What is subscribed to: news as Atom, announcements as a calendar, and a badge.

mod atom;
mod badge;
mod calendar;

use crate::{
    Finality, Surface,
    alerts::{self, Alert},
    answers::{self, AnswerError, ChangesOf, NoticeState},
    parse,
    rest::{AppState, ProblemReply},
    words::short_address,
};
use alloy_primitives::Address;
use axum::{
    Router,
    http::{HeaderMap, header},
    routing::get,
};
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
    let Some(app) = app else { return String::new() };
    let families = state.families().of(chain_id, app);
    families.first().cloned().unwrap_or_else(|| short_address(app))
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
    match apps {
        None => {
            let of = ChangesOf::default();
            let changes = answers::latest(store, chain_id, of, CHANGES, finality, surface).await?;
            found.extend(changes.changes);
        }
        Some(apps) => {
            for app in apps {
                let of = ChangesOf { app: Some(*app) };
                let changes =
                    answers::latest(store, chain_id, of, CHANGES, finality, surface).await?;
                found.extend(changes.changes);
            }
        }
    }
    let mut alerts: Vec<Alert> = found
        .iter()
        .filter_map(|it| alerts::of_change(chain_id, &name_of(state, chain_id, it.app), it))
        .collect();
    for (notice, now) in notices(state, chain_id, apps).await? {
        let name = name_of(state, chain_id, Some(notice.app));
        alerts.extend(alerts::of_notice(chain_id, &name, &notice, now, alerts::SOON));
    }
    alerts.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
    alerts.dedup_by(|a, b| a.id == b.id);
    alerts.truncate(CHANGES);
    Ok(alerts)
}

/// The notices of some apps of a chain: of all only those that are open or died lately, of a few all. With the time by which
/// they are told.
async fn notices(
    state: &AppState,
    chain_id: u64,
    apps: Option<&BTreeSet<Address>>,
) -> Result<Vec<(crate::documents::Notice, jiff::Timestamp)>, AnswerError> {
    let (store, finality) = (state.store(), Finality::default_of(chain_id));
    let mut found = Vec::new();
    match apps {
        None => {
            for of in [NoticeState::Open, NoticeState::Expired] {
                let page = crate::Part { limit: 100, after: None };
                let told =
                    answers::notices(store, chain_id, of, page, finality, Surface::Rest).await?;
                let now = told.block.timestamp;
                found.extend(told.notices.into_iter().map(|it| (it, now)));
            }
        }
        Some(apps) => {
            for app in apps {
                for of in NoticeState::ALL.into_iter().filter(|it| *it != NoticeState::Open) {
                    let told = answers::notices_of(store, chain_id, *app, of, finality).await?;
                    let now = told.block.timestamp;
                    found.extend(told.notices.into_iter().map(|it| (it, now)));
                }
            }
        }
    }
    Ok(found)
}
