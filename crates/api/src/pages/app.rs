//! The page of an app: who can change its code, how long before, whether a change is on its way; and the evidence.

use super::{
    Page, PageReply, Sorry, observed,
    parts::{
        address, app_path, claimed_uri, countdown, hash, maybe_address, sign, stage_now, stand,
        version, when,
    },
    sentences::{self, Tone},
    timeline,
};
use crate::{
    AppState, Cursor, DeletionsOf, Finality, Part, When, answers,
    documents::{AtBlock, Authorised, Deletions, History, Kms, Proposal, Statement},
    parse,
    words::{setting, span, value},
};
use alloy_primitives::Address;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

/// Versions that are drawn.
const LANES: usize = 40;

/// Quotes that are listed and drawn.
const SEEN: usize = 20;

/// Lines of a page of the history.
const LINES: usize = 200;

/// What the address bar says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// A block or time that is asked about.
    at: Option<String>,
    finality: Option<String>,
    /// Only the answer about that moment, for the script.
    part: Option<String>,
    after: Option<String>,
}

/// An app as pages ask about it.
struct Question {
    chain_id: u64,
    app: Address,
    finality: Finality,
    asked: Asked,
}

fn question((chain, app): (String, String), asked: Query<Asked>) -> Result<Question, Sorry> {
    let chain_id = chain.parse().map_err(|_| {
        Sorry::malformed(format!(
            "A chain id is a decimal number such as 8453, not {}",
            parse::quote(&chain)
        ))
    })?;
    let app = parse::app(&app).map_err(Sorry::malformed)?;
    let Query(asked) = asked;
    let finality = match asked.finality.as_deref() {
        None | Some("") => Finality::default_of(chain_id),
        Some(text) => text.parse().map_err(|why: String| Sorry::malformed(why))?,
    };
    Ok(Question { chain_id, app, finality, asked })
}

/// The page.
pub(super) async fn page(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    asked: Query<Asked>,
    headers: HeaderMap,
) -> PageReply {
    let question = question(path, asked)?;
    let Question { chain_id, app, finality, ref asked } = question;
    let store = state.store();
    let node = state.headers(chain_id);
    let latest = answers::at(store, node, chain_id, app, When::Tag(finality), finality).await?;
    let at = match asked.at.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(text) => {
            let when = parse::moment(text).or_else(|why| loose(text).ok_or(why));
            let when = when.map_err(Sorry::malformed)?;
            Some(answers::at(store, node, chain_id, app, when, finality).await?)
        }
    };
    let shown = at.as_ref().unwrap_or(&latest);
    if asked.part.as_deref() == Some("then") {
        let markup = then(&question, shown, at.is_some());
        return Ok(crate::rest::reply::text(
            markup.into_string(),
            "text/html; charset=utf-8",
            &headers,
        ));
    }
    let families = state.families().of(chain_id, latest.app);
    let lanes = answers::lanes(store, chain_id, app, LANES, finality).await?;
    let of = DeletionsOf::App(latest.app);
    let part = Part { limit: 5, after: None };
    let deletions =
        answers::deletions(store, node, chain_id, of, (None, None), part, finality).await?;
    let part = Part { limit: SEEN, after: None };
    let seen = answers::observations(store, chain_id, app, part, finality).await?;
    let now = state.now_after(latest.block.timestamp);
    let stage = answers::stage_of(store, &latest, finality, now).await?;
    let name = families.first().map_or_else(|| "this app".to_owned(), Clone::clone);
    let path = app_path(chain_id, latest.app);
    let asked_time = at.as_ref().map(time_of);
    let body = html! {
        (head(&latest, &name, &families))
        (first_screen(&latest, &name, now))
        (announced(&latest, now))
        section aria-labelledby="life" {
            h2 id="life" { "Time line" }
            (timeline::draw(chain_id, &lanes, &observed::dots(&seen), asked_time))
        }
        section.then id="then" aria-labelledby="then-title" aria-live="polite" {
            (then(&question, shown, at.is_some()))
        }
        (policy(&latest))
        (key_services(&latest))
        (observed::section(chain_id, &seen))
        (observed::stage(&stage))
        (deleted(&latest, &deletions))
        (orphans(&latest))
        (subscribe(&path))
        (stand(chain_id, &latest.block, &latest.index_head))
    };
    let title =
        families.first().cloned().unwrap_or_else(|| crate::words::short_address(latest.app));
    let feeds = [(format!("Changes of {title}"), format!("{path}/feed.atom"))];
    Ok(Page { title: &title, part: "", feeds: &feeds, body }.reply(&headers))
}

/// What a person types for a moment: a day, or a time without its zone, which is UTC then.
fn loose(text: &str) -> Option<When> {
    let text = text.replace(' ', "T");
    let full = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => return None,
    };
    parse::moment(&full).ok()
}

fn time_of(state: &AtBlock) -> u64 {
    let time = state.asked.as_ref().map_or(state.block.timestamp, |asked| asked.time);
    u64::try_from(time.as_second()).unwrap_or_default()
}

fn head(state: &AtBlock, name: &str, families: &[String]) -> Markup {
    html! {
        div.title {
            h1 { @if families.is_empty() { "App " (address(state.app)) } @else { (name) } }
            p.ids {
                "App id " code.whole data-copy=(format!("{:#x}", state.app)) { (format!("{:#x}", state.app)) }
                @if state.contract != state.app {
                    ", decided by the contract " (address(state.contract))
                }
                " on chain " (state.chain_id)
                @for family in families.iter() {
                    ", of the family " a href=(format!("/families/{family}")) { (family) }
                }
            }
        }
    }
}

/// Who can change the code, how long before, and is a change on its way.
fn first_screen(state: &AtBlock, name: &str, now: Timestamp) -> Markup {
    let verdict = sentences::verdict(state, name);
    let way = sentences::on_its_way(state, now);
    let tone = match &way {
        Some((Tone::May, _)) if verdict.tone == Tone::Plain => Tone::May,
        _ => verdict.tone,
    };
    html! {
        section class=(format!("answer {}", tone.class())) aria-label="In short" {
            p.signs {
                (sign(verdict.tone.class(), &verdict.sign))
                @if let Some((Tone::May, _)) = &way { (sign("may", "change announced")) }
            }
            p.lead { (verdict.sentence) }
            @if let Some((_, sentence)) = &way { p.lead { (sentence) } }
            @if let Some(sentence) = last_change(state) { p { (sentence) } }
            @if state.authorised.is_empty() && state.born {
                p { "No version is allowed to run at the moment." }
            }
        }
    }
}

/// When the code last changed, and how much warning there was.
fn last_change(state: &AtBlock) -> Option<Markup> {
    let newest = state.authorised.iter().max_by_key(|it| (it.since.block, it.since.log_index))?;
    Some(html! {
        "The newest version that is allowed has been so since " (when(newest.since.timestamp))
        @match newest.notice_seconds {
            None => { ", from the beginning as far as we know." },
            Some(0) => { ". It came " strong { "without notice" } "." },
            Some(seconds) => { ", after " (span(seconds)) " of notice." },
        }
    })
}

/// What is announced.
fn announced(state: &AtBlock, now: Timestamp) -> Markup {
    html! {
        @if !state.proposals.is_empty() {
            section aria-labelledby="announced" {
                h2 id="announced" { "Announced" }
                ul.cards {
                    @for proposal in in_order(&state.proposals) {
                        li class=(if proposal.state == "expired" { "card old" } else { "card" }) { (card(state, proposal, now)) }
                    }
                }
            }
        }
    }
}

/// What comes next first, and what is dead last.
fn in_order(proposals: &[Proposal]) -> Vec<&Proposal> {
    let mut list: Vec<_> = proposals.iter().collect();
    list.sort_by_key(|it| (it.state == "expired", it.ripe_at));
    list
}

fn card(state: &AtBlock, proposal: &Proposal, now: Timestamp) -> Markup {
    let Proposal { kind, ripe_at, expires_at, .. } = proposal;
    let stage = stage_now(&proposal.state, *ripe_at, now);
    html! {
        p.what {
            @if kind == "compose_hash" { "Version " (version(state.chain_id, proposal.value)) }
            @else { (setting(kind)) " " (value(kind, proposal.value)) }
            " "
            @match stage {
                "pending" => { (sign("may", "announced")) },
                "ripe" => { (sign("may", "possible now")) },
                _ => { (sign("plain", "expired")) },
            }
        }
        @if stage == "pending" {
            p.big { "in " (countdown(*ripe_at, now)) }
        }
        dl {
            dt { "Announced" } dd { (when(proposal.proposed.timestamp)) @if let Some(by) = proposal.proposed.actor { " by " (address(by)) } }
            dt { "Possible from" } dd { (when(*ripe_at)) }
            dt { "Dead from" } dd { @match expires_at { Some(dies) => { (when(*dies)) }, None => { "never" } } }
            @if let Some(uri) = &proposal.uri { dt { "Source, as the owner claims" } dd { (claimed_uri(uri)) } }
            @if let Some(digest) = proposal.source_digest { dt { "Digest, as the owner claims" } dd { (hash(digest)) } }
        }
    }
}

/// What was authorised at a moment, with a way to ask about another one.
fn then(question: &Question, state: &AtBlock, is_past: bool) -> Markup {
    let path = app_path(question.chain_id, state.app);
    let text = question.asked.at.as_deref().unwrap_or_default();
    let now = state.asked.as_ref().map_or(state.block.timestamp, |asked| asked.time);
    html! {
        h2 id="then-title" {
            @if is_past { "What was allowed at this moment" } @else { "What is allowed now" }
        }
        form.moment action=(path) {
            label for="at" { "Block, hash or time (UTC)" }
            input id="at" name="at" value=(text) placeholder=(format!("{}, or {}", state.block.number, state.block.timestamp.strftime("%Y-%m-%d %H:%M"))) autocomplete="off" spellcheck="false";
            button { "Show" }
            @if is_past { a href=(path) { "Now" } }
        }
        p.moment-says id="ruler-says" {
            @if let Some(asked) = &state.asked { "At " (when(asked.time)) ", after" } @else { "After" }
            " block " a.number href=(format!("{path}?at={}", state.block.number)) { (state.block.number) }
            " of " (when(state.block.timestamp)) ":"
        }
        @if !state.born {
            p.empty { "The app's contract had not said anything yet. Nothing was allowed as far as we know." }
        } @else if state.authorised.is_empty() {
            p.empty { "No version was allowed to run." }
        } @else {
            (versions(question.chain_id, &state.authorised))
            (observed::shown(state))
        }
        @let open: Vec<&Proposal> = state.proposals.iter().filter(|it| it.state != "expired").collect();
        @if is_past && !open.is_empty() {
            p {
                "Announced then: "
                @for (n, it) in open.iter().enumerate() {
                    @if n > 0 { ", " }
                    @if it.kind == "compose_hash" { "version " (version(question.chain_id, it.value)) }
                    @else { (setting(&it.kind)) " " (value(&it.kind, it.value)) }
                    " (possible from " (when(it.ripe_at)) ")"
                }
                "."
            }
        }
        @if !state.not_known.is_empty() {
            p.note {
                "Could not be found out: "
                @for (n, it) in state.not_known.iter().enumerate() { @if n > 0 { ", " } (setting(it)) }
                ". The answer may lack some of it."
            }
        }
        (checked(state))
        p.quiet {
            "The same for machines: "
            a href=(format!("/v1/chains/{}/apps/{:#x}/at/{}", question.chain_id, state.app, machine_when(state, now))) { "JSON" }
        }
    }
}

fn machine_when(state: &AtBlock, now: Timestamp) -> String {
    match state.asked {
        Some(_) => now.to_string(),
        None => state.block.number.to_string(),
    }
}

/// How far it may be believed.
fn checked(state: &AtBlock) -> Markup {
    use crate::documents::Completeness as C;
    html! {
        p.quiet {
            @match (state.completeness, state.code.kind.as_str()) {
                (C::Complete, _) => { "All of it was checked against the contract's own history: nothing is missing." },
                (C::AsEmitted, "app_auth" | "app_auth_test") => {
                    "This was not compared with the contract's own history for this block yet; a node may have left something out."
                },
                (C::AsEmitted, "dstack_app" | "legacy_app_auth") => {
                    "This is what the contract's events said, as a node gave them. Its owner can replace its code."
                },
                (C::AsEmitted, _) => {
                    "This is what the contract's events said, as a node gave them. Nothing enforces it."
                },
            }
        }
    }
}

fn versions(chain_id: u64, list: &[Authorised]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Versions that are allowed" {
            table {
                thead { tr {
                    th scope="col" { "Version" } th scope="col" { "Since" } th scope="col" { "Notice users had" }
                    th scope="col" { "Put in force by" } th scope="col" { "Source, as the owner claims" }
                } }
                tbody {
                    @for it in list.iter().rev() {
                        tr {
                            td { (version(chain_id, it.compose_hash)) }
                            td { (when(it.since.timestamp)) @if it.read_by_call { " or before" } }
                            td {
                                @match it.notice_seconds {
                                    None => { "from the beginning" },
                                    Some(0) => { (sign("harm", "none")) },
                                    Some(seconds) => { (span(seconds)) },
                                }
                            }
                            td { (maybe_actor(it.since.actor)) }
                            td { @if let Some(uri) = &it.uri { (claimed_uri(uri)) } @else { "nothing" } }
                        }
                    }
                }
            }
        }
    }
}

fn maybe_actor(actor: Option<Address>) -> Markup {
    match actor {
        Some(actor) => address(actor),
        None => html! { "not said" },
    }
}

fn policy(state: &AtBlock) -> Markup {
    let it = &state.policy;
    html! {
        section aria-labelledby="policy" {
            h2 id="policy" { "What the app's contract demands" }
            dl.facts {
                dt { "Owner" } dd { (maybe_address(it.owner))
                    @match state.code.kind.as_str() {
                        "app_auth" | "timelock_app_auth" => { " may announce, withdraw and remove" },
                        "dstack_app" | "legacy_app_auth" | "app_auth_test" => { " may add and remove versions at any moment" },
                        _ => {},
                    }
                    @if let Some(next) = it.pending_owner { "; " (address(next)) " may take over" } }
                @if state.code.kind == "app_auth" || it.guardian.is_some() {
                    dt { "Guardian" } dd { (maybe_address(it.guardian)) @if it.guardian.is_some() { " may withdraw and remove" } }
                }
                dt { "Notice" } dd {
                    @match it.notice_period_seconds {
                        None => { "none" },
                        Some(seconds) => { (sentences::days(seconds)) @if sentences::enforced(&state.code.kind, Some(seconds)).is_none() { ", which is not enforced" } },
                    }
                }
                dt { "Devices" } dd {
                    @match it.allow_any_device {
                        Some(true) => { "any" },
                        Some(false) => { "only " (it.devices.len()) " listed" (list(&it.devices)) },
                        None => { "not known" },
                    }
                }
                dt { "Hardware up to date" } dd {
                    @match it.require_tcb_up_to_date { Some(true) => { "required" }, Some(false) => { "not required" }, None => { "not known" } }
                }
                dt { "Operating systems" } dd {
                    @if it.os_images_pinned { "only " (it.os_image_pins.len()) " of its own list" (list(&it.os_image_pins)) }
                    @else { "whatever the key service admits" }
                }
                @if !it.frozen.is_empty() {
                    dt { "Frozen for good" } dd { @for (n, name) in it.frozen.iter().enumerate() { @if n > 0 { ", " } (setting(name)) } }
                }
                dt { "Code" } dd {
                    (code_name(&state.code.kind))
                    @if let Some(hash_) = state.code.code_hash { ", hash " (hash(hash_)) }
                    @if let Some(to) = state.code.implementation { ", behind a proxy: " (address(to)) }
                    @match state.code.immutable { Some(true) => { "; it can never be replaced" }, _ => { "; whether it can be replaced is not ruled out" } }
                }
            }
        }
    }
}

fn list(values: &[alloy_primitives::B256]) -> Markup {
    html! {
        @if !values.is_empty() {
            ": " @for (n, it) in values.iter().take(8).enumerate() { @if n > 0 { ", " } (hash(*it)) }
            @if values.len() > 8 { " and " (values.len() - 8) " more" }
        }
    }
}

/// A kind of code in words.
pub(super) fn code_name(kind: &str) -> &'static str {
    match kind {
        "app_auth" => "devproof AppAuth, known by its hash",
        "app_auth_test" => "test build of AppAuth",
        "dstack_app" => "stock dstack app",
        "legacy_app_auth" => "dstack app of the generation before",
        "timelock_app_auth" => "behaves like the time lock of dstack's tutorial",
        _ => "unknown",
    }
}

fn key_services(state: &AtBlock) -> Markup {
    let theirs: Vec<&Kms> = state.kms.iter().filter(|kms| kms.registered).collect();
    html! {
        section aria-labelledby="kms" {
            h2 id="kms" { "The key service" }
            @if theirs.is_empty() {
                p.empty { "No key service that is followed here has registered this app: none of them gives it keys." }
            }
            @for kms in &theirs {
                p {
                    "The operators of the key service " (address(kms.contract))
                    @if state.policy.os_images_pinned {
                        " can admit a new operating system for all apps at once; this app accepts only the "
                        (state.policy.os_image_pins.len()) " it has pinned."
                    } @else {
                        " can admit a new operating system for all apps at once, and with it everything that it lets run, "
                        strong { "without notice" } ". This app has pinned none."
                    }
                    " Its contract can be replaced by its owner, " (maybe_address(kms.owner)) "."
                }
                dl.facts {
                    dt { "Operating systems it admits" } dd { (kms.allowed_os_images.len()) (list(&kms.allowed_os_images)) }
                    @if let Some(code) = kms.implementation { dt { "Its code" } dd { (address(code)) } }
                    @if let Some(root) = &kms.k256_root { dt { "Root key" } dd { code.long { (root.to_string()) } } }
                }
            }
        }
    }
}

fn deleted(state: &AtBlock, deletions: &Deletions) -> Markup {
    let signed: Vec<_> =
        deletions.entries.iter().filter_map(|it| it.statement.as_ref().map(|s| (it, s))).collect();
    html! {
        section aria-labelledby="deleted" {
            h2 id="deleted" { "Deletions" }
            @if signed.is_empty() {
                p.empty { "The app's keys have signed no deletion that is recorded in a registry followed here." }
            } @else {
                ul.lines {
                    @for (it, statement) in &signed { li { (when(it.at.timestamp)) ": " (deletion(statement)) } }
                }
                @if deletions.next.is_some() {
                    p { "There are more: " a href=(format!("/v1/chains/{}/apps/{:#x}/deletions", state.chain_id, state.app)) { "all of them as JSON" } }
                }
                p.quiet { "That shows the app said so; it cannot show that no copy exists." }
            }
            p { a href=(format!("/deletions?chain={}&app={:#x}", state.chain_id, state.app)) { "Look up your own data" } }
        }
    }
}

fn deletion(statement: &Statement) -> Markup {
    html! {
        "the app's key signed that "
        @match (statement.count, statement.root.is_some()) {
            (1, false) => { "one deletion was done" },
            (count, false) => { (count) " deletions were done" },
            (count, true) => { (count) " deletions, committed to by a root, were done" },
        }
        " on " (when(statement.deleted_at))
    }
}

fn orphans(state: &AtBlock) -> Markup {
    html! {
        @if !state.orphaned.is_empty() {
            section aria-labelledby="orphans" {
                h2 id="orphans" { "Said in blocks that are gone" }
                p {
                    "These blocks are not on the chain any more. A key service reads the newest block, so it may have acted on them."
                }
                ul.lines {
                    @for it in state.orphaned.iter().rev().take(20) {
                        li {
                            (when(it.timestamp)) ", block " (it.block) ": " (setting(&it.setting)) " " (value(&it.setting, it.value)) " " (it.action)
                            @if it.included_again { " (its transaction is on the chain again)" }
                        }
                    }
                }
            }
        }
    }
}

fn subscribe(path: &str) -> Markup {
    html! {
        section aria-labelledby="subscribe" {
            h2 id="subscribe" { "Be told" }
            p {
                "A notice that nobody sees protects nobody. Follow this app as a "
                a href=(format!("{path}/feed.atom")) { "feed" } ", put its announcements into your "
                a href=(format!("{path}/notices.ics")) { "calendar" } ", or read "
                a href=(format!("{path}/history")) { "everything that ever changed" } "."
            }
            p { img src=(format!("{path}/badge.svg")) alt="The badge of this app" height="20"; " is the badge that its developer can show." }
        }
    }
}

/// Everything that ever changed, as lines.
pub(super) async fn history(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    asked: Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Sorry> {
    let Question { chain_id, app, finality, asked } = question(path, asked)?;
    let after = match asked.after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(text.parse::<Cursor>().map_err(Sorry::malformed)?),
    };
    let part = Part { limit: LINES, after };
    let history = answers::history(state.store(), chain_id, app, part, finality).await?;
    let path = app_path(chain_id, history.app);
    let body = html! {
        h1 { "Everything that changed" }
        p.ids { "Of the app " a href=(path) { code { (format!("{:#x}", history.app)) } } ", oldest first." }
        (lines(&history))
        @if let Some(next) = &history.next {
            p { a.more href=(format!("{path}/history?after={next}")) { "Go on" } }
        }
        @if history.not_final_enough > 0 {
            p.note { (history.not_final_enough) " more logs are not final enough to be told." }
        }
        (stand(chain_id, &history.block, &history.index_head))
    };
    let title = format!("History of {}", crate::words::short_address(history.app));
    Ok(Page { title: &title, part: "", feeds: &[], body }.reply(&headers))
}

fn lines(history: &History) -> Markup {
    html! {
        @if history.entries.is_empty() { p.empty { "Nothing has happened yet." } }
        ol.lines.history {
            @for entry in &history.entries {
                li {
                    span.when { (when(entry.block.timestamp)) " " span.quiet { "block " (entry.block.number) } }
                    span.what { (sentences::happened(history.chain_id, entry)) }
                    @if let Some(uri) = &entry.uri { span.claim { "source, as the owner claims: " (claimed_uri(uri)) } }
                }
            }
        }
    }
}
