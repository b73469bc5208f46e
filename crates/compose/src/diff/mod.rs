//! What changed between two documents, as data and in plain words.
//!
//! Two files with different bytes are two versions, even where every reader would see the same in them: then the one
//! change is that of the layout. What could not be read is a change by itself; it is never taken for no change.

mod fields;
mod lines;
mod services;

pub use lines::{Cell, MAX_LINES, Row, RowKind, SideBySide, side_by_side};

use crate::{
    AppCompose,
    words::{clip, clip_to},
};
use devproof_primitives::ComposeHash;
use schemars::JsonSchema;
use serde::Serialize;

/// The most changes of a difference.
pub const MAX_CHANGES: usize = 1000;
/// How much of a value is told before and after, in characters.
const MAX_VALUE: usize = 2000;

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A field of `app-compose.json`.
    Field,
    /// A name in `allowed_envs`.
    AllowedEnv,
    /// A script that runs as root.
    Script,
    /// A whole service.
    Service,
    /// The image of a service, or how it is built.
    Image,
    /// What a service runs.
    Command,
    /// A right of a service on the machine.
    Privilege,
    /// A volume of a service.
    Volume,
    /// A port of a service.
    Port,
    /// A variable of a service.
    Variable,
    /// Anything else of a service.
    Setting,
    /// What stands beside the services: volumes, networks, configs, secrets.
    Section,
    /// A compose file that could not be read.
    Unreadable,
    /// White space, order and comments only.
    Layout,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It is something else.
    Changed,
}

impl ChangeKind {
    /// What it is when looked at from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Added => Self::Removed,
            Self::Removed => Self::Added,
            Self::Changed => Self::Changed,
        }
    }
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// What it is about.
    pub subject: Subject,
    /// What happened.
    pub kind: ChangeKind,
    /// The field, or the path in the compose file.
    #[serde(rename = "where")]
    pub place: String,
    /// What was there, cut at 2000 characters.
    pub before: Option<String>,
    /// What is there, likewise.
    pub after: Option<String>,
    /// The change in plain words.
    pub sentence: String,
    /// Line by line, for texts of several lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<SideBySide>,
}

/// What changed between two documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// The hash of the one before.
    pub before: ComposeHash,
    /// The hash of the one after.
    pub after: ComposeHash,
    /// The changes, by subject and place. Empty only where the bytes are the same.
    pub changes: Vec<Change>,
    /// Whether there were more than [`MAX_CHANGES`].
    pub truncated: bool,
}

/// Compares two documents.
#[must_use]
pub fn diff(before: &AppCompose, after: &AppCompose) -> Difference {
    let mut changes = Changes::default();
    fields::compare(&mut changes, before, after);
    services::compare(&mut changes, before.fields(), after.fields());
    if changes.0.is_empty() && before.text() != after.text() {
        changes.push(Change {
            subject: Subject::Layout,
            kind: ChangeKind::Changed,
            place: "app-compose.json".to_owned(),
            before: None,
            after: None,
            sentence: "Only white space or the order of names changed, which makes it another version all the same."
                .to_owned(),
            lines: None,
        });
    }
    let mut all = changes.0;
    all.sort_by(|a, b| (a.subject, &a.place, a.kind).cmp(&(b.subject, &b.place, b.kind)));
    let truncated = all.len() > MAX_CHANGES;
    all.truncate(MAX_CHANGES);
    Difference { before: before.hash(), after: after.hash(), changes: all, truncated }
}

/// Changes that were found.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn push(&mut self, change: Change) {
        // One more than is shown, to know that there are more; what comes first in order is shown of those.
        if self.0.len() <= 8 * MAX_CHANGES {
            self.0.push(change);
        }
    }

    /// Adds what happened to a value, if anything did. `say` is asked for the sentence, with both clipped.
    fn value(
        &mut self,
        subject: Subject,
        place: &str,
        (before, after): (Option<&str>, Option<&str>),
        say: impl FnOnce(Option<&str>, Option<&str>) -> String,
    ) {
        let kind = match (before, after) {
            (None, None) => return,
            (Some(before), Some(after)) if before == after => return,
            (None, Some(_)) => ChangeKind::Added,
            (Some(_), None) => ChangeKind::Removed,
            (Some(_), Some(_)) => ChangeKind::Changed,
        };
        let (short_before, short_after) = (before.map(clip), after.map(clip));
        let sentence = say(short_before.as_deref(), short_after.as_deref());
        let long = |text: Option<&str>| text.map(|text| clip_to(text, MAX_VALUE));
        self.push(Change {
            subject,
            kind,
            place: place.to_owned(),
            before: long(before),
            after: long(after),
            sentence,
            lines: None,
        });
    }

    /// Likewise for a text of several lines.
    fn text(
        &mut self,
        subject: Subject,
        place: &str,
        (before, after): (Option<&str>, Option<&str>),
        say: impl FnOnce(&SideBySide) -> String,
    ) {
        if before == after {
            return;
        }
        let lines = side_by_side(before.unwrap_or_default(), after.unwrap_or_default());
        let sentence = say(&lines);
        let found = self.0.len();
        self.value(subject, place, (before, after), |_, _| sentence);
        if let Some(change) = self.0.get_mut(found) {
            change.lines = Some(lines);
        }
    }
}

#[cfg(test)]
mod tests;
