//! What the pages say in sentences that a layman understands. Each means exactly what it says.

use crate::{
    documents::{AtBlock, Change, Completeness, Entry, Proposal},
    pages::parts::{address, countdown, hash, version, when},
    words::{setting, span, value},
};
use alloy_primitives::Address;
use jiff::Timestamp;
use maud::{Markup, html};

/// How much it matters to the reader: red harms now, amber may, grey is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// The code may be changed without notice.
    Harm,
    /// A change is on its way, or may be.
    May,
    /// We do not know.
    Unknown,
    /// Nothing of that.
    Plain,
}

impl Tone {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Harm => "harm",
            Self::May => "may",
            Self::Unknown => "unknown",
            Self::Plain => "plain",
        }
    }
}

/// The first answer of a page: who can change the code, and how long before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) tone: Tone,
    /// In two or three words.
    pub(super) sign: String,
    /// In a sentence.
    pub(super) sentence: String,
}

/// The notice that the contract's own code enforces, in seconds; `None` if none does, or nobody knows.
pub(super) fn enforced(kind: &str, notice: Option<u64>) -> Option<u64> {
    notice.filter(|_| kind == "app_auth")
}

/// Who can change the code of an app, and how long before.
pub(super) fn verdict(state: &AtBlock, name: &str) -> Verdict {
    let kind = state.code.kind.as_str();
    let notice = state.policy.notice_period_seconds;
    let frozen = state.policy.frozen.iter().any(|it| it == "compose_hash");
    let unchecked = state.completeness == Completeness::AsEmitted;
    let verdict =
        |tone, sign: &str, sentence: String| Verdict { tone, sign: sign.to_owned(), sentence };
    if !state.born {
        let sentence = format!(
            "Nothing is known of {name} by this block: its contract had not said anything yet."
        );
        return verdict(Tone::Unknown, "not known", sentence);
    }
    match (kind, notice) {
        ("app_auth", _) if frozen => {
            let mut sentence = format!(
                "The code of {name} can never be extended again: its owner gave that up for good. Versions can still be removed."
            );
            if unchecked {
                sentence.push_str(UNCHECKED);
            }
            verdict(Tone::Plain, "frozen", sentence)
        }
        ("app_auth", Some(seconds)) => {
            let notice = days(seconds);
            let mut sentence =
                format!("The code of {name} can change only after {notice} of public notice.");
            if unchecked {
                sentence.push_str(UNCHECKED);
            }
            let tone = if unchecked { Tone::Unknown } else { Tone::Plain };
            verdict(tone, &format!("notice {}", span(seconds)), sentence)
        }
        ("app_auth_test", _) => verdict(
            Tone::Harm,
            "test build",
            "Test build: the notice period is not enforced. The owner can change the code at any moment.".to_owned(),
        ),
        ("dstack_app" | "legacy_app_auth", _) => verdict(
            Tone::Harm,
            "instant changes",
            "The owner of this app can change its code at any moment, without notice.".to_owned(),
        ),
        ("timelock_app_auth", Some(seconds)) => verdict(
            Tone::May,
            "time lock",
            format!(
                "New versions of {name} wait {} after they are announced. The contract behaves like the time lock of dstack's \
                 tutorial; we have not recognised its code, so we cannot say that nothing else is in it.",
                days(seconds)
            ),
        ),
        _ => verdict(
            Tone::Unknown,
            "unknown code",
            "We do not know the code that decides here. What follows is what its events said; nothing enforces it.".to_owned(),
        ),
    }
}

/// Of what was not compared with the contract's own history.
const UNCHECKED: &str = " That is what its code enforces; whether we know of all its announcements has not been compared with \
    the contract's own history for this block yet.";

/// Days where they are whole, as people say them.
pub(super) fn days(seconds: u64) -> String {
    match (seconds / 86_400, seconds % 86_400) {
        (1, 0) => "one day".to_owned(),
        (days, 0) if days > 0 => format!("{days} days"),
        _ => span(seconds),
    }
}

/// Whether a change is on its way; `None` where changes need no announcement.
pub(super) fn on_its_way(state: &AtBlock, now: Timestamp) -> Option<(Tone, Markup)> {
    let kind = state.code.kind.as_str();
    let open: Vec<&Proposal> = state.proposals.iter().filter(|it| it.state != "expired").collect();
    if open.is_empty() {
        let announces = matches!(kind, "app_auth" | "timelock_app_auth");
        return announces.then(|| (Tone::Plain, html! { "No change is on its way." }));
    }
    let next = open.iter().min_by_key(|it| it.ripe_at)?;
    let more = open.len() - 1;
    let what = if next.kind == "compose_hash" {
        html! { "A new version" }
    } else {
        html! { "A change (" (setting(&next.kind)) " " (value(&next.kind, next.value)) ")" }
    };
    let is_ripe = next.state == "ripe" || next.ripe_at <= now;
    let is_version = next.kind == "compose_hash";
    let sentence = html! {
        @if is_ripe {
            @if is_version { "The announced version may take over" } @else { (what) " may come into force" }
            " at any moment now: the notice ended on " (when(next.ripe_at)) "."
            @if let Some(dies) = next.expires_at {
                " It must do so before " (when(dies)) " or be announced again."
            }
        } @else {
            (what) " was announced on " (when(next.proposed.timestamp)) ". It can "
            @if is_version { "take over" } @else { "come into force" }
            " from " (when(next.ripe_at)) " (in " (countdown(next.ripe_at, now)) ")."
            @if is_version { " Until then what is allowed now stays as it is. If you disagree, leave before." }
        }
        @if more > 0 { " " (more) @if more == 1 { " more change is" } @else { " more changes are" } " announced below." }
    };
    Some((Tone::May, sentence))
}

/// What happened, as a sentence without a subject: `announced version 0x12..ab`.
pub(super) fn happened(chain_id: u64, entry: &Entry) -> Markup {
    let Entry { action, setting: of, value: it, .. } = entry;
    let what = html! {
        @if of == "compose_hash" { "version " (version(chain_id, *it)) } @else { (setting(of)) " " (value_of(of, entry)) }
    };
    let born = entry.born_with;
    html! {
        @match (action.as_str(), of.as_str()) {
            ("proposed", "notice_period") => { "announced a notice period of " (value(of, *it)) },
            ("proposed", "freeze") => { "announced that " (value(of, *it)) " will be frozen" },
            ("proposed", _) => { "announced " (what) },
            ("cancelled", _) => { "withdrew " (what) },
            ("removed", _) => { "no longer accepts " (what) },
            (_, "compose_hash") | (_, "device") | (_, "os_image") => {
                @if born { "was born with " (what) } @else { "accepts " (what) " now" }
                @match entry.notice_seconds {
                    Some(0) => { ", " strong { "without notice" } },
                    Some(seconds) => { ", after " (span(seconds)) " of notice" },
                    None => {},
                }
            },
            (_, "owner") => { "belongs to " (value_of(of, entry)) @if !born { " now" } },
            (_, "pending_owner") => { "may be taken over by " (value_of(of, entry)) },
            (_, "guardian") => { "is guarded by " (value_of(of, entry)) @if !born { " now" } },
            (_, "notice_period") => { "has a notice period of " (value(of, *it)) @if !born { " now" } },
            (_, "any_device") => { (if it.is_zero() { "accepts only listed devices" } else { "accepts any device" }) },
            (_, "tcb_requirement") => { (if it.is_zero() { "does not require up-to-date hardware" } else { "requires up-to-date hardware" }) },
            (_, "any_os_image") => { "gave up its own list of operating systems" },
            (_, "freeze") => { "can never accept another " (value(of, *it)) },
            (_, "implementation") => { "had its code replaced by " (value_of(of, entry)) },
            (_, "upgrades_disabled") => { "gave up replacing its contract's code" },
            _ => { "set " (what) },
        }
        @if !entry.effective && action != "proposed" { " (it was so before)" }
        @if entry.read_by_call { " (found by a call)" }
    }
}

/// A value: addresses and hashes can be copied whole.
fn value_of(of: &str, entry: &Entry) -> Markup {
    match of {
        "owner" | "pending_owner" | "guardian" | "implementation" | "app_implementation"
        | "registered_app" | "deployed_app"
            if !entry.value.is_zero() =>
        {
            address(Address::from_word(entry.value))
        }
        "device" | "os_image" | "aggregated_mr" | "kms_device" | "kms_info" | "gateway_app_id" => {
            hash(entry.value)
        }
        _ => html! { (value(of, entry.value)) },
    }
}

/// What a key service did, as a sentence about it.
pub(super) fn kms_happened(entry: &Entry) -> Markup {
    let Entry { action, setting: of, .. } = entry;
    let it = value_of(of, entry);
    html! {
        @match (action.as_str(), of.as_str()) {
            ("set", "os_image") => { "admits the operating system " (it) " for all its apps" },
            ("removed", "os_image") => { "no longer admits the operating system " (it) },
            (_, "implementation") => { "had its own code replaced by " (it) },
            (_, "owner") => { "belongs to " (it) " now" },
            (_, "pending_owner") => { "may be taken over by " (it) },
            (_, "kms_info") => { "published root keys" },
            (_, "gateway_app_id") => { "trusts another gateway" },
            (_, "registered_app") => { "registered this app" },
            (_, "deployed_app") => { "deployed this app" },
            (_, "app_implementation") => { "deploys the next apps with the code " (it) },
            ("removed", _) => { "no longer accepts " (setting(of)) " " (it) },
            _ => { "accepts " (setting(of)) " " (it) },
        }
    }
}

/// What happened, about whichever contract.
pub(super) fn change(chain_id: u64, change: &Change) -> Markup {
    match (&change.entry, &change.deletion, change.role.as_str()) {
        (Some(entry), _, "kms") => html! {
            "Key service " (address(change.contract)) " " (kms_happened(entry))
        },
        (Some(entry), ..) => happened(chain_id, entry),
        (None, Some(deletion), _) => html! {
            @match deletion.kind.as_str() {
                "signer_registered" => { "may sign deletions with the key " (address(deletion.signer)) },
                "signer_revoked" => { "had the key " (address(deletion.signer)) " revoked" },
                _ => {
                    "signed that "
                    @match deletion.statement.as_ref().map_or(0, |it| it.count) {
                        1 => { "one deletion was done" },
                        count => { (count) " deletions were done" },
                    }
                },
            }
        },
        (None, None, _) => html! {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{Block, Code, Policy, time};
    use alloy_primitives::B256;

    fn state(kind: &str, notice: Option<u64>) -> AtBlock {
        let finality = crate::Finality::Finalized;
        let block = Block { number: 9, hash: B256::ZERO, timestamp: time(1_795_132_800), finality };
        AtBlock {
            chain_id: 8453,
            app: Address::ZERO,
            contract: Address::ZERO,
            asked: None,
            block,
            index_head: block,
            indexed_from: 0,
            completeness: Completeness::Complete,
            history_verified_at: None,
            born: true,
            code: Code {
                kind: kind.to_owned(),
                code_hash: None,
                implementation: None,
                implementation_hash: None,
                immutable: None,
            },
            authorised: vec![],
            proposals: vec![],
            policy: Policy {
                owner: None,
                pending_owner: None,
                guardian: None,
                notice_period_seconds: notice,
                allow_any_device: None,
                devices: vec![],
                require_tcb_up_to_date: None,
                os_images_pinned: false,
                os_image_pins: vec![],
                frozen: vec![],
            },
            kms: vec![],
            read_by_call: vec![],
            not_known: vec![],
            observed: vec![],
            orphaned: vec![],
        }
    }

    /// Only code that we know promises a notice in our words, whatever a contract says of itself.
    #[test]
    fn only_known_code_is_said_to_give_notice() {
        let week = Some(7 * 86_400);
        let said = |kind: &str, notice| verdict(&state(kind, notice), "Acme");
        let ours = said("app_auth", week);
        assert_eq!(
            ours.sentence,
            "The code of Acme can change only after 7 days of public notice."
        );
        assert_eq!((ours.tone, ours.sign.as_str()), (Tone::Plain, "notice 7 d"));
        for kind in [
            "app_auth_test",
            "dstack_app",
            "legacy_app_auth",
            "timelock_app_auth",
            "unknown",
            "else",
        ] {
            let theirs = said(kind, week);
            assert_ne!(theirs.tone, Tone::Plain, "{kind}");
            assert!(!theirs.sentence.contains("only after"), "{kind}: {}", theirs.sentence);
            assert_eq!(enforced(kind, week), None, "{kind}");
        }
        for kind in ["app_auth_test", "dstack_app", "legacy_app_auth"] {
            assert_eq!(said(kind, None).tone, Tone::Harm, "{kind}");
        }
        assert!(
            said("app_auth_test", week)
                .sentence
                .starts_with("Test build: the notice period is not enforced.")
        );
        assert_eq!(said("unknown", week).tone, Tone::Unknown);
        // A contract of ours that has not told its notice is none that we can speak for.
        assert_eq!(said("app_auth", None).tone, Tone::Unknown);
        let unborn = AtBlock { born: false, ..state("app_auth", week) };
        assert_eq!(verdict(&unborn, "Acme").tone, Tone::Unknown);
    }

    /// What is announced is said wherever it is announced, and that nothing is only where that would be announced.
    #[test]
    fn that_nothing_is_on_its_way_is_said_only_where_it_would_be_announced() {
        let now = time(1_795_132_800);
        for (kind, said) in [
            ("app_auth", true),
            ("timelock_app_auth", true),
            ("dstack_app", false),
            ("app_auth_test", false),
            ("unknown", false),
        ] {
            assert_eq!(on_its_way(&state(kind, Some(86_400)), now).is_some(), said, "{kind}");
        }
    }

    #[test]
    fn days_are_said_as_people_do() {
        assert_eq!(days(7 * 86_400), "7 days");
        assert_eq!(days(86_400), "one day");
        assert_eq!(days(120), "2 min");
        assert_eq!(days(86_400 + 3_600), "1 d 1 h");
    }
}
