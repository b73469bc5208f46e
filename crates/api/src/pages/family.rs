//! The page of a family: whether its apps agree.

use super::{
    Page, PageReply,
    app::code_name,
    parts::{address, app_path, sign, stand, version},
};
use crate::{AppState, Surface, answers};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
};
use maud::html;

pub(super) async fn page(
    State(state): State<AppState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> PageReply {
    let (store, families) = (state.store(), state.families());
    let family = answers::family(store, families, &name, None, Surface::Rest).await?;
    let chain_id = family.chain_id;
    let body = html! {
        div.title {
            h1 { (family.name) }
            p.ids { "A family of " (family.members.len() + family.not_told.len()) " apps on chain " (chain_id)
                ", as whoever runs this service declared it; no contract says that they belong together." }
        }
        section.answer.plain aria-label="In short" {
            @match family.agree {
                Some(true) => { p.lead { "All its apps allow the same versions." } },
                Some(false) => { p.signs { (sign("may", "they differ")) } p.lead { "Its apps do not allow the same versions." } },
                None => { p.signs { (sign("unknown", "not known")) } p.lead { "Of some of its apps it cannot be told what they allow." } },
            }
        }
        section aria-labelledby="members" {
            h2 id="members" { "Apps" }
            div.scroll tabindex="0" role="region" aria-label="Apps of the family" {
                table {
                    thead { tr { th scope="col" { "App" } th scope="col" { "Code that decides" } th scope="col" { "Versions allowed" } th scope="col" { "Announced" } } }
                    tbody {
                        @for member in &family.members {
                            tr {
                                td { a href=(app_path(chain_id, member.app)) { (address(member.app)) } }
                                td { (code_name(&member.code.kind)) }
                                td { @for (n, it) in member.authorised.iter().enumerate() { @if n > 0 { ", " } (version(chain_id, it.compose_hash)) } }
                                td.figure { (member.proposals.iter().filter(|it| it.state != "expired").count()) }
                            }
                        }
                    }
                }
            }
            @for it in &family.not_told { p.note { "Of " (address(it.app)) " nothing can be told: " (it.reason) } }
        }
        @if !family.differing.is_empty() {
            section aria-labelledby="differing" {
                h2 id="differing" { "What they differ in" }
                ul.lines {
                    @for it in &family.differing {
                        li { "Version " (version(chain_id, it.compose_hash)) ": allowed by " (it.allowed_by.len()) ", not by " (it.not_by.len()) }
                    }
                }
            }
        }
        p { "Follow it as a " a href=(format!("/families/{}/feed.atom", family.name)) { "feed" } "." }
        (stand(chain_id, &family.block, &family.index_head))
    };
    let feeds =
        [(format!("Changes of {}", family.name), format!("/families/{}/feed.atom", family.name))];
    Ok(Page { title: &family.name, part: "", feeds: &feeds, body }.reply(&headers))
}
