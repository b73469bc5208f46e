//! News as Atom (RFC 4287).

use super::{app_of, name_of, news, root};
use crate::{
    AnswerError,
    alerts::Alert,
    answers,
    rest::{AppState, ProblemReply, reply},
};
use alloy_primitives::Address;
use atom_syndication::{Content, Entry, Feed, FixedDateTime, Generator, Link, Person, Text};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use std::collections::BTreeSet;

type Reply = Result<Response, ProblemReply>;

const KIND: &str = "application/atom+xml; charset=utf-8";

pub(super) async fn all(State(state): State<AppState>, headers: HeaderMap) -> Reply {
    let mut alerts = Vec::new();
    for chain in answers::chains(state.store()).await?.chains {
        match news(&state, chain.chain_id, None).await {
            Ok(told) => alerts.extend(told),
            Err(error @ AnswerError::Store(_)) => return Err(error.into()),
            // A chain of which nothing can be told yet hides no other.
            Err(_) => {}
        }
    }
    alerts.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
    Ok(feed(&state, &headers, ("all", "All changes", "/changes", "/feed.atom"), &alerts))
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
    let alerts = news(&state, declared.chain_id, Some(&apps)).await?;
    let page = format!("/families/{name}");
    let of = format!("family:{name}");
    let title = format!("Changes of {name}");
    Ok(feed(&state, &headers, (&of, &title, &page, &format!("{page}/feed.atom")), &alerts))
}

pub(super) async fn app(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
) -> Reply {
    let (chain_id, app) = app_of(&path)?;
    let apps = BTreeSet::from([app]);
    // An app that is not known has no feed, rather than an empty one.
    let finality = crate::Finality::default_of(chain_id);
    answers::app(state.store(), state.families(), chain_id, app, finality).await?;
    let alerts = news(&state, chain_id, Some(&apps)).await?;
    let page = format!("/chains/{chain_id}/apps/{app:#x}");
    let of = format!("{chain_id}:{app:#x}");
    let title = format!("Changes of {}", name_of(&state, chain_id, Some(app)));
    Ok(feed(&state, &headers, (&of, &title, &page, &format!("{page}/feed.atom")), &alerts))
}

fn feed(
    state: &AppState,
    headers: &HeaderMap,
    (of, title, page, own): (&str, &str, &str, &str),
    alerts: &[Alert],
) -> Response {
    let root = root(state, headers);
    let link = |path: &str, rel: &str, kind: &str| Link {
        href: format!("{root}{path}"),
        rel: rel.to_owned(),
        mime_type: Some(kind.to_owned()),
        ..Link::default()
    };
    // Of a feed without news the time is that of the beginning: it has to have one, and it must not change by itself.
    let updated = alerts.first().map_or(jiff::Timestamp::UNIX_EPOCH, |it| it.at);
    let entries = alerts.iter().map(|it| Entry {
        title: Text::plain(it.title.clone()),
        id: format!("urn:devproof:{}", it.id),
        updated: date(it.at),
        published: Some(date(it.at)),
        links: vec![link(&it.path, "alternate", "text/html")],
        categories: vec![atom_syndication::Category {
            term: it.kind.name().to_owned(),
            ..Default::default()
        }],
        content: Some(Content {
            value: Some(format!("{}\n\n{}", it.text, it.advice)),
            content_type: Some("text".to_owned()),
            ..Content::default()
        }),
        ..Entry::default()
    });
    let feed = Feed {
        title: Text::plain(title.to_owned()),
        id: format!("urn:devproof:feed:{of}"),
        updated: date(updated),
        authors: vec![Person { name: "devproof".to_owned(), ..Person::default() }],
        generator: Some(Generator {
            value: "devproof".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            ..Generator::default()
        }),
        subtitle: Some(Text::plain(
            "What changes, from when, and what you can do. Allowed is not running.".to_owned(),
        )),
        links: vec![link(own, "self", KIND), link(page, "alternate", "text/html")],
        entries: entries.collect(),
        ..Feed::default()
    };
    reply::text(feed.to_string(), KIND, headers)
}

/// As the crate wants it, which keeps time with another library.
fn date(time: jiff::Timestamp) -> FixedDateTime {
    time.to_string().parse().unwrap_or_default()
}
