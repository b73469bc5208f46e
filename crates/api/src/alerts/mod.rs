//! What somebody is told who wants to be told: each alert says what changes, from when, and what the reader can do.

mod observed;
mod telling;

pub use observed::{About, instances_differ, of_observed, out_of_date, unannounced};
pub use telling::{of_orphaned, of_silence, of_test};

use crate::{
    documents::{Change, Deletion, Entry, Notice},
    words::{setting, short, short_address, span, time, value},
};
use alloy_primitives::Address;
use jiff::{Timestamp, ToSpan as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How long before it becomes possible a change is told of once more, unless somebody wants it otherwise: a day, in seconds.
pub const SOON: u64 = 86_400;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident = $name:literal,)*) => {
        /// What an alert is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum AlertKind {
            $($(#[doc = $doc])* $kind,)*
        }

        impl AlertKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The word for it, in snake case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

kinds! {
    /// A change was announced.
    Proposed = "proposed",
    /// What was announced becomes possible soon.
    RipeSoon = "ripe_soon",
    /// What was announced is possible from now on.
    Ripe = "ripe",
    /// What was announced is in force.
    Activated = "activated",
    /// What was announced was withdrawn.
    Cancelled = "cancelled",
    /// What was announced was not put in force in time.
    Expired = "expired",
    /// Something is no longer accepted.
    Removed = "removed",
    /// Something came into force of which nobody had notice.
    NoNotice = "no_notice",
    /// The app, or a key service, has or may get another owner.
    Ownership = "ownership",
    /// The app has another guardian.
    Guardian = "guardian",
    /// The notice period is another one.
    NoticeChanged = "notice_changed",
    /// Code was replaced.
    Upgraded = "upgraded",
    /// A key service changed what it accepts.
    KeyService = "key_service",
    /// Something was said in a block that is gone.
    Orphaned = "orphaned",
    /// An app's key signed deletions, or keys that may sign changed.
    Deletion = "deletion",
    /// Anything else that an app's contract did.
    Policy = "policy",
    /// An instance was seen with a version that the app's contract never allowed or announced.
    ObservedUnannounced = "observed_unannounced",
    /// The platform of an instance that was seen is out of date now, and was not before.
    ObservedOutOfDate = "observed_out_of_date",
    /// Instances of one app that were seen differ in what has to be the same.
    ObservedDiffer = "observed_differ",
    /// Something happened that cannot be told.
    NotTold = "not_told",
    /// Nothing happened: somebody wants to see whether messages arrive.
    Test = "test",
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AlertKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("an alert is one of {}, not {}", names.join(", "), crate::parse::quote(text))
        })
    }
}

/// Something that somebody is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// What tells it apart from all others, for ever: whoever saw it once need not be told again.
    pub id: String,
    /// What it is about.
    pub kind: AlertKind,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The app; null for what a key service did to all.
    pub app: Option<Address>,
    /// When it happened, or becomes possible.
    pub at: Timestamp,
    /// The block that told it; null for what time alone did.
    pub block: Option<u64>,
    /// In one line.
    pub title: String,
    /// What changes, and from when.
    pub text: String,
    /// What the reader can do.
    pub advice: String,
    /// The page about it, as a path.
    pub path: String,
}

/// What a change is told as. `name` is what people call the app; of what a key service did to all it is not used.
#[must_use]
pub fn of_change(chain_id: u64, name: &str, change: &Change) -> Option<Alert> {
    if let Some(deletion) = &change.deletion {
        return Some(of_deletion(chain_id, name, deletion));
    }
    let entry = change.entry.as_ref()?;
    let index = entry.log_index?;
    let id = format!("{chain_id}:{:#x}:{index}", entry.block.hash);
    let is_kms = change.role == "kms";
    let (kind, title, text, advice) =
        if is_kms { key_service(change.contract, entry) } else { app(name, entry) };
    let path = match change.app {
        Some(app) if !is_kms => {
            format!("/chains/{chain_id}/apps/{app:#x}?at={}", entry.block.number)
        }
        _ => format!("/changes?chain={chain_id}"),
    };
    Some(Alert {
        id,
        kind,
        chain_id,
        app: change.app,
        at: entry.block.timestamp,
        block: Some(entry.block.number),
        title,
        text,
        advice: advice.to_owned(),
        path,
    })
}

/// What time alone makes of an announcement: that it becomes possible soon (`soon` seconds before), is possible, has expired.
#[must_use]
pub fn of_notice(
    chain_id: u64,
    name: &str,
    notice: &Notice,
    now: Timestamp,
    soon: u64,
) -> Vec<Alert> {
    let what = subject(&notice.kind, notice.value);
    let (index, transaction) = (notice.proposed.log_index, notice.proposed.transaction);
    let (Some(index), Some(transaction)) = (index, transaction) else { return Vec::new() };
    let path = format!("/chains/{chain_id}/apps/{:#x}", notice.app);
    let alert = |kind: AlertKind, at, title: String, text: String, advice: &str| Alert {
        id: format!("{chain_id}:{transaction:#x}:{index}:{kind}"),
        kind,
        chain_id,
        app: Some(notice.app),
        at,
        block: None,
        title,
        text,
        advice: advice.to_owned(),
        path: path.clone(),
    };
    let mut alerts = Vec::new();
    let before =
        i64::try_from(soon).ok().and_then(|soon| notice.ripe_at.checked_sub(soon.seconds()).ok());
    let announced = notice.proposed.timestamp;
    // What was announced with less notice than that was told of when it was announced.
    if let Some(before) = before.filter(|at| *at <= now && *at > announced)
        && notice.state == "pending"
    {
        let left = notice.ripe_at.as_second() - now.as_second();
        let left = span(u64::try_from(left).unwrap_or(0));
        let title = format!("{name}: {what} may come into force in {left}");
        let text = format!("{what} can come into force from {}.", time(notice.ripe_at));
        alerts.push(alert(AlertKind::RipeSoon, before, title, text, LEAVE));
    }
    if notice.ripe_at <= now && notice.state == "ripe" {
        let title = format!("{name}: {what} may come into force at any moment");
        let dies = notice
            .expires_at
            .map(|at| format!(" It must do so before {} or be announced again.", time(at)));
        let text = format!(
            "The notice of {what} ended at {}.{}",
            time(notice.ripe_at),
            dies.unwrap_or_default()
        );
        alerts.push(alert(AlertKind::Ripe, notice.ripe_at, title, text, LEAVE));
    }
    if let Some(dies) = notice.expires_at
        && dies <= now
        && notice.state == "expired"
    {
        let title = format!("{name}: the announcement of {what} has expired");
        let text = format!(
            "Nobody put it in force before {}. It would need a new full notice.",
            time(dies)
        );
        alerts.push(alert(AlertKind::Expired, dies, title, text, NOTHING));
    }
    alerts
}

const LEAVE: &str = "Read what the new version is on the page of this app. If you disagree, take your data out before then.";
const NOTHING: &str = "Nothing needs to be done.";
const LOOK: &str =
    "Look at the page of this app, and decide whether you still trust it with your data.";

/// What a setting and a value are about, in words.
fn subject(kind: &str, it: alloy_primitives::B256) -> String {
    match kind {
        "compose_hash" => format!("version {}", short(it)),
        "notice_period" => format!("a notice period of {}", value(kind, it)),
        "freeze" => format!("freezing of {}", value(kind, it)),
        "any_device" => "acceptance of any device".to_owned(),
        "tcb_requirement" => "another demand on the hardware".to_owned(),
        "any_os_image" => {
            "acceptance of any operating system that the key service admits".to_owned()
        }
        other => format!("{} {}", setting(other), value(other, it)),
    }
}

type Words = (AlertKind, String, String, &'static str);

fn app(name: &str, entry: &Entry) -> Words {
    use AlertKind as K;
    let Entry { action, setting: of, value: it, .. } = entry;
    let what = subject(of, *it);
    let when = time(entry.block.timestamp);
    match (action.as_str(), of.as_str()) {
        ("proposed", _) => {
            let from =
                entry.ripe_at.map_or_else(|| "later".to_owned(), |at| format!("from {}", time(at)));
            let notice = entry.ripe_at.map(|at| at.as_second() - entry.block.timestamp.as_second());
            let notice = notice
                .and_then(|it| u64::try_from(it).ok())
                .map_or_else(String::new, |it| format!(", {} after its announcement", span(it)));
            let text = format!(
                "{what} was announced at {when}. It can come into force {from}{notice}. Until then what is allowed now stays as it is."
            );
            (K::Proposed, format!("{name} announced {what}, possible {from}"), text, LEAVE)
        }
        ("cancelled", _) => (
            K::Cancelled,
            format!("{name} withdrew {what}"),
            format!("It was withdrawn at {when} and will not come."),
            NOTHING,
        ),
        ("removed", _) => {
            let text = format!(
                "Since {when} {what} is no longer accepted. Instances that run it already are not stopped by that."
            );
            (K::Removed, format!("{name} no longer accepts {what}"), text, NOTHING)
        }
        (_, "owner" | "pending_owner") => {
            let who = value(of, *it);
            let title = if of == "owner" {
                format!("{name} belongs to {who}")
            } else {
                format!("{name} may be taken over by {who}")
            };
            (
                K::Ownership,
                title,
                format!("Said at {when}. The owner announces, withdraws and removes."),
                LOOK,
            )
        }
        (_, "guardian") => (
            K::Guardian,
            format!("{name} is guarded by {}", value(of, *it)),
            format!("Since {when}. The guardian can withdraw and remove, nothing more."),
            LOOK,
        ),
        (_, "notice_period") => (
            K::NoticeChanged,
            format!("{name} has a notice period of {}", value(of, *it)),
            format!("Since {when}. What was announced before keeps its time."),
            LOOK,
        ),
        (_, "implementation") => (
            K::Upgraded,
            format!(
                "{name}: the contract that decides had its code replaced by {}",
                value(of, *it)
            ),
            format!("At {when}. What it allows from now on, the new code decides."),
            LOOK,
        ),
        _ if !entry.effective => (
            K::Policy,
            format!("{name}: {what} was set again"),
            format!("At {when}. It was so before; nothing changed."),
            NOTHING,
        ),
        (
            _,
            "compose_hash" | "device" | "os_image" | "any_os_image" | "any_device"
            | "tcb_requirement",
        ) => match entry.notice_seconds {
            Some(0) => {
                let text = format!("At {when} {what} came into force. Nobody was told before.");
                (K::NoNotice, format!("{name} accepts {what}, without notice"), text, LOOK)
            }
            Some(seconds) => {
                let text = format!(
                    "At {when} {what} came into force, {} after it was announced.",
                    span(seconds)
                );
                (
                    K::Activated,
                    format!("{name} accepts {what}, after {} of notice", span(seconds)),
                    text,
                    LOOK,
                )
            }
            None => {
                (K::Policy, format!("{name} accepts {what}"), format!("Since {when}."), NOTHING)
            }
        },
        _ => (K::Policy, format!("{name}: {what}"), format!("Since {when}."), NOTHING),
    }
}

fn key_service(contract: Address, entry: &Entry) -> Words {
    use AlertKind as K;
    let Entry { action, setting: of, value: it, .. } = entry;
    let who = format!("Key service {}", short_address(contract));
    let (what, when) = (value(of, *it), time(entry.block.timestamp));
    let all = "It concerns every app that gets its keys there. An app that has pinned its operating systems is safe from new ones.";
    match (action.as_str(), of.as_str()) {
        ("set", "os_image") => (
            K::KeyService,
            format!("{who} admits the operating system {what} for all its apps"),
            format!("Since {when}, without notice. {all}"),
            LOOK,
        ),
        ("removed", "os_image") => (
            K::KeyService,
            format!("{who} no longer admits the operating system {what}"),
            format!("Since {when}."),
            NOTHING,
        ),
        (_, "implementation") => (
            K::Upgraded,
            format!("{who} had its own code replaced by {what}"),
            format!("At {when}. What it gives keys to from now on, the new code decides."),
            LOOK,
        ),
        (_, "owner" | "pending_owner") => (
            K::Ownership,
            format!("{who}: {} {what}", setting(of)),
            format!(
                "Said at {when}. Its owner admits operating systems for all apps and can replace its code."
            ),
            LOOK,
        ),
        (_, "registered_app" | "deployed_app") => (
            K::Policy,
            format!("{who} registered the app {what}"),
            format!("Since {when} it can get keys there."),
            NOTHING,
        ),
        _ => (
            K::KeyService,
            format!("{who}: {} {what} {action}", setting(of)),
            format!("Since {when}. {all}"),
            LOOK,
        ),
    }
}

fn of_deletion(chain_id: u64, name: &str, deletion: &Deletion) -> Alert {
    let at = &deletion.at;
    let index = at.log_index.unwrap_or_default();
    let transaction = at.transaction.unwrap_or_default();
    let signer = short_address(deletion.signer);
    let title = match (&deletion.statement, deletion.kind.as_str()) {
        (Some(it), _) => format!("{name} signed that {} deletions were done", it.count),
        (None, "signer_revoked") => {
            format!("{name}: the key {signer} may no longer sign deletions")
        }
        (None, _) => format!("{name}: the key {signer} may sign deletions"),
    };
    Alert {
        id: format!("{chain_id}:{transaction:#x}:{index}"),
        kind: AlertKind::Deletion,
        chain_id,
        app: Some(deletion.app),
        at: at.timestamp,
        block: Some(at.block),
        title,
        text: format!(
            "Recorded at {}. That shows that the app said so; it cannot show that no copy exists.",
            time(at.timestamp)
        ),
        advice: NOTHING.to_owned(),
        path: format!("/chains/{chain_id}/apps/{:#x}", deletion.app),
    }
}
