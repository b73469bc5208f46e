//! What pages are made of: times, hashes, links. All text goes through maud, which escapes it.

use crate::{
    documents::Block,
    words::{short, short_address, span},
};
use alloy_primitives::{Address, B256};
use jiff::Timestamp;
use maud::{Markup, html};

/// A time: to the minute, with the exact one on hover. The script puts the reader's zone in its place.
pub(super) fn when(time: Timestamp) -> Markup {
    html! {
        time datetime=(time) title=(exact(time)) { (time.strftime("%-d %b %Y, %H:%M UTC")) }
    }
}

fn exact(time: Timestamp) -> String {
    crate::words::time(time)
}

/// How long until a time, counting down where there is a script. `now` is what the answer takes for now.
pub(super) fn countdown(until: Timestamp, now: Timestamp) -> Markup {
    let left = until.as_second() - now.as_second();
    let text = match u64::try_from(left) {
        Ok(left) if left > 0 => span(left),
        _ => "now".to_owned(),
    };
    html! { span.count data-until=(until.as_second()) { (text) } }
}

/// How far an announcement is now, where `state` is what it was at the block of the answer. A notice ends by the clock; that a
/// change is dead is said only where a block proves it, for a clock that is wrong must not make anybody feel safe.
pub(super) fn stage_now(state: &str, ripe_at: Timestamp, now: Timestamp) -> &str {
    if state == "pending" && ripe_at <= now { "ripe" } else { state }
}

/// A hash, shortened in the middle, whole on hover and on copying.
pub(super) fn hash(hash: B256) -> Markup {
    html! { code.hash title=(format!("{hash:#x}")) data-copy=(format!("{hash:#x}")) { (short(hash)) } }
}

/// An address, likewise.
pub(super) fn address(address: Address) -> Markup {
    html! {
        code.hash title=(format!("{address:#x}")) data-copy=(format!("{address:#x}")) {
            (short_address(address))
        }
    }
}

/// An address that may be none.
pub(super) fn maybe_address(address_: Option<Address>) -> Markup {
    match address_ {
        Some(it) => address(it),
        None => html! { "nobody" },
    }
}

/// The page of an app.
pub(super) fn app_path(chain_id: u64, app: Address) -> String {
    format!("/chains/{chain_id}/apps/{app:#x}")
}

/// The page of a version.
pub(super) fn compose_path(chain_id: u64, hash: B256) -> String {
    format!("/chains/{chain_id}/versions/{hash:#x}")
}

/// A version, as a link to its page.
pub(super) fn version(chain_id: u64, compose_hash: B256) -> Markup {
    html! { a href=(compose_path(chain_id, compose_hash)) { (hash(compose_hash)) } }
}

/// An app by the name of its families, or its id.
pub(super) fn app_name(app: Address, families: &[String]) -> Markup {
    match families.first() {
        Some(name) => html! { span.name { (name) } },
        None => address(app),
    }
}

/// What an owner says about where the source is. It is a link only if it is one that leads to a page.
pub(super) fn claimed_uri(uri: &str) -> Markup {
    let is_page = uri.starts_with("https://")
        && uri.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\'));
    html! {
        @if is_page {
            a.claimed href=(uri) rel="nofollow noopener noreferrer ugc" { (uri) }
        } @else {
            code.claimed { (printable(uri)) }
        }
    }
}

/// Text from outside as it is, with everything made visible that is not to be seen or turns the direction of what is.
pub(super) fn printable(text: &str) -> String {
    let hidden = |c: char| {
        let marks = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}');
        let spaces = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
        (c.is_control() && c != '\t') || marks || spaces
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Where the answers of a page stand.
pub(super) fn stand(chain_id: u64, block: &Block, head: &Block) -> Markup {
    let finality = match block.finality {
        crate::Finality::Finalized => "final",
        crate::Finality::Safe => "safe, not final yet",
        crate::Finality::Unsafe => "not final",
    };
    html! {
        p.stand {
            "Chain " (chain_id) ", up to block " span.number { (block.number) } " of " (when(block.timestamp))
            ", " (finality) ". The index reaches block " span.number { (head.number) } "."
        }
    }
}

/// A sign with words, of one of the three tones: `harm`, `may`, `unknown`, or `plain`.
pub(super) fn sign(tone: &str, text: &str) -> Markup {
    html! { span class=(format!("sign {tone}")) { (text) } }
}
