//! Subscriptions and letters in words.

use super::documents::{
    Added, LetterDocument, Letters, Shown, SubscriptionDocument, Subscriptions,
};
use crate::text::{count, minute, plain, short_address, shown as text, span, table};

const RIPE_SOON: &str = devproof_api::alerts::AlertKind::RipeSoon.name();

/// Somebody who was subscribed.
#[must_use]
pub fn added(added: &Added) -> String {
    let it = &added.subscription;
    let mut words = format!(
        "Subscribed: {} is told by {} to {} of {}.\n",
        it.id,
        it.channel,
        plain(&it.target),
        about(it)
    );
    if let Some(secret) = &added.secret {
        words.push_str(&format!(
            "Its secret, which is not shown again: {secret}\nThe receiver checks signatures with it; docs/notifications.md says how.\n"
        ));
    }
    words.push_str(
        "`devproof serve`, `devproof index --follow` and `devproof notify run` send; `devproof notify test` tries it.",
    );
    words
}

fn about(it: &SubscriptionDocument) -> String {
    let apps = match it.apps.as_slice() {
        [] => "everything".to_owned(),
        [one] => short_address(*one),
        many => count(many.len(), "app"),
    };
    let soon = if it.kinds.is_empty() || it.kinds.iter().any(|kind| kind == RIPE_SOON) {
        format!(", also {} before it can happen", span(it.soon_seconds))
    } else {
        String::new()
    };
    let what = match it.kinds.as_slice() {
        [] => apps,
        kinds => format!("{apps} ({})", kinds.join(", ")),
    };
    format!("{what} on chain {}, at finality {}{soon}", it.chain_id, it.finality)
}

/// A list of those who are told.
#[must_use]
pub fn subscriptions(found: &Subscriptions) -> String {
    if found.subscriptions.is_empty() {
        return "Nobody is subscribed; `devproof notify add` subscribes somebody.".to_owned();
    }
    let rows: Vec<_> = found
        .subscriptions
        .iter()
        .map(|it| {
            let state = if it.is_active { "active" } else { "stopped" };
            [
                it.id.clone(),
                plain(&it.name),
                format!("{} to {}", it.channel, plain(&it.target)),
                about(it),
                it.due.to_string(),
                it.dead.to_string(),
                state.to_owned(),
            ]
        })
        .collect();
    let mut words = table(["id", "name", "channel", "about", "due", "dead", "state"], &rows);
    for it in found.subscriptions.iter().filter(|it| !it.is_active) {
        words.push_str(&stopped(it));
    }
    words
}

fn stopped(it: &SubscriptionDocument) -> String {
    let why = it.why.as_deref().map_or_else(String::new, |why| format!(" ({})", plain(why)));
    format!(
        "{} is stopped{why}; `devproof notify retry {}` lets it go on where it was.\n",
        it.id, it.id
    )
}

/// One who is told.
#[must_use]
pub fn subscription(it: &SubscriptionDocument) -> String {
    let name = if it.name.is_empty() { String::new() } else { format!(" \"{}\"", plain(&it.name)) };
    let mut words =
        format!("{}{name}: {} to {}, about {}.\n", it.id, it.channel, plain(&it.target), about(it));
    if let Some(number) = it.told_up_to {
        words.push_str(&format!("Written down up to block {number}.\n"));
    }
    words.push_str(&format!(
        "Letters: {} due, {} acknowledged, {} dead, {} withdrawn.\n",
        it.due, it.acknowledged, it.dead, it.withdrawn
    ));
    if !it.is_active {
        words.push_str(&stopped(it));
    }
    words
}

/// One who is told, with what is on its way.
#[must_use]
pub fn shown(found: &Shown) -> String {
    let mut words = subscription(&found.subscription);
    if !found.letters.is_empty() {
        words.push_str(&rows(&found.letters));
    }
    words
}

/// Letters that did not arrive.
#[must_use]
pub fn letters(found: &Letters) -> String {
    if found.letters.is_empty() {
        return "No letter is dead.".to_owned();
    }
    let mut words = rows(&found.letters);
    words.push_str("`devproof notify retry` sends one again, or all of a subscription.\n");
    words
}

fn rows(letters: &[LetterDocument]) -> String {
    let mut words = String::new();
    for it in letters {
        let made = it.made_at.map(minute).unwrap_or_default();
        words.push_str(&format!(
            "  {} to {}, {}, {} ({made})\n    {}\n",
            it.id,
            it.subscription,
            it.state,
            count(usize::try_from(it.attempts).unwrap_or(usize::MAX), "attempt"),
            plain(&it.title),
        ));
        if let Some(error) = &it.last_error {
            words.push_str(&format!("    {}\n", text(error)));
        }
    }
    words
}

/// One letter with what is sent.
#[must_use]
pub fn letter(it: &LetterDocument) -> String {
    let mut words = rows(std::slice::from_ref(it));
    if let Some(next) = it.next_try {
        words.push_str(&format!("    It is sent next at {}.\n", minute(next)));
    }
    match &it.body {
        Some(body) => {
            for line in body.lines() {
                words.push_str(&format!("    {}\n", text(line)));
            }
        }
        None => words.push_str("    What was sent is not kept any more.\n"),
    }
    words
}
