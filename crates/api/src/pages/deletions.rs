//! Whether an app said that somebody's data is gone. Who asks types the id and the salt that he holds; the script computes the
//! commitment, and only that is sent.

use super::{
    Page, PageReply, Sorry,
    parts::{address, app_path, hash, stand, when},
};
use crate::{
    AppState, DeletionsOf, Finality, Part, answers,
    documents::{DELETIONS_MEAN, Deletions},
    parse,
};
use axum::{
    extract::{Query, State},
    http::HeaderMap,
};
use maud::{Markup, html};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    chain: Option<u64>,
    #[serde(default)]
    app: String,
    #[serde(default)]
    commitment: String,
}

pub(super) async fn page(
    State(state): State<AppState>,
    Query(Asked { chain, app, commitment }): Query<Asked>,
    headers: HeaderMap,
) -> PageReply {
    let chains = answers::chains(state.store()).await?.chains;
    let chain = chain.or_else(|| chains.first().map(|it| it.chain_id));
    let found = match (chain, commitment.trim()) {
        (Some(chain_id), text) if !text.is_empty() => {
            let commitment = parse::commitment(text).map_err(Sorry::malformed)?;
            let of = DeletionsOf::Commitment(commitment);
            let (store, node) = (state.store(), state.headers(chain_id));
            let (part, finality) =
                (Part { limit: 100, after: None }, Finality::default_of(chain_id));
            let found =
                answers::deletions(store, node, chain_id, of, (None, None), part, finality).await?;
            Some(found)
        }
        _ => None,
    };
    let body = html! {
        h1 { "Was my data deleted?" }
        p.lead { "An app can sign that it deleted somebody's data. The signature names a commitment instead of a person: whoever knows the user's id and the salt can find it, and nobody else." }
        form.lookup id="lookup" action="/deletions" data-needs-script="" {
            h2 { "With the id and salt that the app gave you" }
            p.quiet.no-script { "This needs a script, since the commitment is computed in your browser: neither the id nor the salt is sent anywhere. Without one, compute it yourself and use the form below." }
            label for="lookup-app" { "App id" }
            input id="lookup-app" value=(app) placeholder="0x…" autocomplete="off" spellcheck="false" required;
            label for="lookup-user" { "Your user id, exactly as the app knows it" }
            input id="lookup-user" autocomplete="off" spellcheck="false" required;
            label for="lookup-salt" { "The salt, 0x and 64 digits" }
            input id="lookup-salt" placeholder="0x…" autocomplete="off" spellcheck="false" required;
            button disabled { "Compute, and look it up" }
            p.note role="alert" hidden {}
        }
        form.lookup action="/deletions" {
            h2 { "With the commitment itself" }
            label for="chain" { "Chain" }
            input id="chain" name="chain" inputmode="numeric" value=[chain] required;
            label for="commitment" { "Commitment (userIdHash)" }
            input id="commitment" name="commitment" value=(commitment.trim()) placeholder="0x…" autocomplete="off" spellcheck="false" required;
            button { "Look it up" }
        }
        @if let Some(found) = &found { (answer(found)) }
        p.quiet { (DELETIONS_MEAN) }
    };
    Ok(Page { title: "Deletions", part: "Deletions", feeds: &[], body }.reply(&headers))
}

fn answer(found: &Deletions) -> Markup {
    html! {
        section aria-labelledby="found" {
            h2 id="found" { "Found" }
            @if let Some(commitment) = found.user_id_hash { p.ids { "Commitment " code.whole { (format!("{commitment:#x}")) } } }
            @if found.registries.is_empty() {
                p.empty { "No registry of deletions is followed on this chain, so nothing is known." }
            } @else if found.entries.is_empty() {
                p.empty {
                    "No deletion is recorded for this commitment in the " (found.registries.len()) " registry followed here. "
                    "It may have been signed as one of many under a root, which only its app can open; or the id or salt is another one."
                }
            } @else {
                ul.lines {
                    @for entry in &found.entries {
                        @if let Some(statement) = &entry.statement {
                            li {
                                "The key of the app " a href=(app_path(found.chain_id, entry.app)) { (address(entry.app)) }
                                " signed on " (when(entry.at.timestamp)) " that the data behind this commitment was deleted on "
                                (when(statement.deleted_at)) ", while it ran the version " (hash(statement.compose_hash)) ", as it says."
                            }
                        }
                    }
                }
                p { "That shows the app said so; it cannot show that no copy exists." }
            }
            @if !found.registries.is_empty() {
                p.quiet {
                    @if found.history == "agrees" { "What the registries said leads to the roots that they keep: nothing was left out." }
                    @else { "Whether a registry said more than this was not checked against the root that it keeps." }
                }
            }
            (stand(found.chain_id, &found.block, &found.index_head))
        }
    }
}
