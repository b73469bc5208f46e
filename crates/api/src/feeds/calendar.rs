//! Announcements as a calendar (RFC 5545): one event for each, at the moment at which it becomes possible.
//!
//! An event keeps its UID, whatever becomes of the announcement: what was withdrawn is sent as cancelled, so that it disappears
//! from calendars that hold it.

use super::{app_of, name_of, notices, root};
use crate::{
    AnswerError, NoticeState, answers,
    documents::Notice,
    rest::{AppState, ProblemReply, reply},
    words::{setting, short, time, value},
};
use alloy_primitives::Address;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use icalendar::{Calendar, Component, Event, EventStatus, Property};
use jiff::{Timestamp, ToSpan as _};
use std::collections::BTreeSet;

type Reply = Result<Response, ProblemReply>;

const KIND: &str = "text/calendar; charset=utf-8";

/// Whatever became of an announcement, its event stays.
const STATES: [NoticeState; 4] =
    [NoticeState::Open, NoticeState::Expired, NoticeState::Activated, NoticeState::Cancelled];

pub(super) async fn all(State(state): State<AppState>, headers: HeaderMap) -> Reply {
    let mut events = Vec::new();
    let root = root(&state, &headers);
    for chain in answers::chains(state.store()).await?.chains {
        match notices(&state, chain.chain_id, None, &STATES).await {
            Ok(told) => {
                let told = told.iter().map(|(it, _)| event(&state, &root, chain.chain_id, it));
                events.extend(told);
            }
            Err(error @ AnswerError::Store(_)) => return Err(error.into()),
            Err(_) => {}
        }
    }
    Ok(calendar("Announced changes", events, &headers))
}

pub(super) async fn family(
    State(state): State<AppState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Reply {
    let families = state.families();
    let Some(declared) = families.get(&name) else {
        let (name, known) = (crate::parse::quote(&name), families.names());
        return Err(AnswerError::UnknownFamily { name, known }.into());
    };
    let apps: BTreeSet<Address> = declared.apps.iter().copied().collect();
    of_apps(&state, declared.chain_id, &apps, &format!("Changes of {name}"), &headers).await
}

pub(super) async fn app(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
) -> Reply {
    let (chain_id, app) = app_of(&path)?;
    let title = format!("Changes of {}", name_of(&state, chain_id, Some(app)));
    of_apps(&state, chain_id, &BTreeSet::from([app]), &title, &headers).await
}

async fn of_apps(
    state: &AppState,
    chain_id: u64,
    apps: &BTreeSet<Address>,
    title: &str,
    headers: &HeaderMap,
) -> Reply {
    let root = root(state, headers);
    let told = notices(state, chain_id, Some(apps), &STATES).await?;
    let events = told.iter().map(|(it, _)| event(state, &root, chain_id, it)).collect();
    Ok(calendar(title, events, headers))
}

fn calendar(title: &str, events: Vec<Event>, headers: &HeaderMap) -> Response {
    let mut calendar = Calendar::empty();
    calendar
        .append_property(Property::new("VERSION", "2.0"))
        .append_property(Property::new("PRODID", "-//devproof//notices//EN"))
        .append_property(Property::new("CALSCALE", "GREGORIAN"))
        .append_property(Property::new("METHOD", "PUBLISH"))
        .append_property(Property::new("REFRESH-INTERVAL;VALUE=DURATION", "PT1H"))
        .append_property(Property::new("X-PUBLISHED-TTL", "PT1H"))
        .name(title);
    for event in events {
        calendar.push(event);
    }
    reply::text(calendar.done().to_string(), KIND, headers)
}

fn event(state: &AppState, root: &str, chain_id: u64, notice: &Notice) -> Event {
    let name = name_of(state, chain_id, Some(notice.app));
    let what = if notice.kind == "compose_hash" {
        format!("version {}", short(notice.value))
    } else {
        format!("{} {}", setting(&notice.kind), value(&notice.kind, notice.value))
    };
    let (status, title, sequence) = match notice.state.as_str() {
        "pending" | "ripe" => {
            (EventStatus::Confirmed, format!("{name}: {what} may come into force"), 0)
        }
        "activated" => {
            (EventStatus::Confirmed, format!("{name}: {what} could come into force, and did"), 1)
        }
        "expired" => (
            EventStatus::Confirmed,
            format!("{name}: {what} could come into force, and expired"),
            1,
        ),
        _ => (EventStatus::Cancelled, format!("{name}: {what} was withdrawn"), 1),
    };
    let transaction = notice.proposed.transaction.unwrap_or_default();
    let index = notice.proposed.log_index.unwrap_or_default();
    // What the event was last changed by: with the same announcement the calendar is the same to the byte.
    let changed = notice.ended.as_ref().map_or(notice.proposed.timestamp, |ended| ended.timestamp);
    let page = format!("{root}/chains/{chain_id}/apps/{:#x}", notice.app);
    let dies = notice.expires_at.map_or_else(|| "never".to_owned(), time);
    let text = format!(
        "Announced at {}. Possible from {}, dead from {dies}. If you disagree, take your data out before. {page}",
        time(notice.proposed.timestamp),
        time(notice.ripe_at),
    );
    let mut event = Event::new();
    event
        .uid(&format!("{chain_id}-{transaction:x}-{index}@devproof"))
        .append_property(Property::new("DTSTAMP", stamp(changed)))
        .append_property(Property::new("LAST-MODIFIED", stamp(changed)))
        .append_property(Property::new("DTSTART", stamp(notice.ripe_at)))
        .append_property(Property::new("DTEND", stamp(end(notice.ripe_at))))
        .append_property(Property::new("TRANSP", "TRANSPARENT"))
        .append_property(Property::new("SEQUENCE", sequence.to_string()))
        .status(status)
        .summary(&title)
        .description(&text)
        .url(&page);
    event.done()
}

/// A quarter of an hour, so that it can be seen.
fn end(from: Timestamp) -> Timestamp {
    from.checked_add(15.minutes()).unwrap_or(from)
}

/// A time in UTC, in the basic format.
fn stamp(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}
