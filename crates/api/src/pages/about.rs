//! What is proved, by whom, and what is not known.

use super::{Page, PageReply};
use axum::http::HeaderMap;
use maud::html;

pub(super) async fn page(headers: HeaderMap) -> PageReply {
    let body = html! {
        h1 { "What is proved, and what is not" }
        p.lead {
            "A quote of a trusted execution environment says what runs at one moment. It does not say who may change it, when, or what ran last month. This register is about that."
        }
        section {
            h2 { "Three things that are never mixed up" }
            dl.facts {
                dt { "Allowed" } dd { "The chain allowed this version for this app at this block. Proved by the state of the chain." }
                dt { "Seen running" } dd { "A verified quote showed an instance of the app with this version at this time." }
                dt { "Running" } dd {
                    "Seen, and just now. It never follows from allowed. Removing a version stops no instance that is already running, and takes back no key that it already has."
                }
            }
        }
        section {
            h2 { "What the words mean" }
            dl.facts {
                dt { "Version" } dd { "The SHA-256 of the exact bytes of an app's configuration, " code { "app-compose.json" } ", its compose hash." }
                dt { "Notice" } dd { "The time between the announcement of a change and the first moment at which it can come into force." }
                dt { "Announced, possible, expired" } dd { "While the notice runs a change is announced. Then anybody can put it in force, for 14 days. If nobody does, it is dead and has to be announced again." }
                dt { "Notice enforced" } dd { "We say so only where the contract's code is one that we know by its hash, which cannot be replaced and has the notice built in." }
                dt { "Checked against the contract's own history" } dd { "Each change extends a chain of hashes in the contract. Where that was compared, nobody left an entry out or put one in." }
                dt { "What its events said" } dd { "The contract's code is not known, or can be replaced. Nothing enforces what it said." }
                dt { "Final" } dd { "The node that is asked calls the block final. On public chains the pages tell only what is final unless you ask otherwise." }
            }
        }
        section {
            h2 { "Who can still get around it" }
            ul {
                li { "The operators of a key service can admit another operating system for all apps, and replace the service's contract. An app is safe from the first only if it has pinned its own list." }
                li { "The owner of a stock app can change its code at any moment. So can whoever owns a contract behind a proxy." }
                li { "A version may itself fetch code or take instructions from outside. Read its configuration; its page shows what is known of it." }
                li { "Whoever runs this service may lie to you. Everything here can be computed again from the chain: " code { "devproof index" } " does, and " code { "devproof fsck" } " compares." }
            }
        }
        section {
            h2 { "What is not known" }
            ul {
                li { "Whether what is allowed runs. Nobody has to show a quote." }
                li { "What apps do that no followed key service or factory has named." }
                li { "Whether a deletion was done. A signed deletion proves that code holding the app's key asserted it, not that no copy exists." }
                li { "Who the owners are. Names of families are what whoever runs this service says." }
            }
        }
    };
    Ok(Page { title: "About", part: "About", feeds: &[], body }.reply(&headers))
}
