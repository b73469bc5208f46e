//! What is looked at before days of notice are spent on a version.
//!
//! The known ways to lose them: a hash of other bytes than those that will run, images that are not pinned, a script that the
//! platform puts in and changes meanwhile, a replica that is not the same, a device that is not accepted, an announcement that
//! dies before it is used.

mod file;
mod notices;
mod platform;

pub use file::file;
pub use notices::notices;
pub use platform::{MAX_RESPONSE, Platform, platforms};

use schemars::JsonSchema;
use serde::Serialize;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it should be.
    Pass,
    /// It cannot be told, or is worth knowing.
    Warn,
    /// It would waste the notice, or is not what users expect of an announcement.
    Fail,
    /// It failed, and somebody said that it may.
    Accepted,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// Its name; stable.
    pub id: &'static str,
    /// What came of it.
    pub result: Verdict,
    /// What was found, as a sentence. Parts of it may be text from outside: escape it wherever it is shown.
    pub message: String,
}

impl Check {
    pub(crate) fn new(id: &'static str, result: Verdict, message: impl Into<String>) -> Self {
        Self { id, result, message: message.into() }
    }
}

/// Takes failures for accepted that somebody named. Gives the names that no failure has.
pub fn accept(checks: &mut [Check], accepted: &[String]) -> Vec<String> {
    for check in checks.iter_mut() {
        if check.result == Verdict::Fail && accepted.iter().any(|id| id == check.id) {
            check.result = Verdict::Accepted;
        }
    }
    let used =
        |id: &&String| !checks.iter().any(|it| it.id == *id && it.result == Verdict::Accepted);
    accepted.iter().filter(used).cloned().collect()
}

/// Whether nothing speaks against going on.
#[must_use]
pub fn passed(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.result != Verdict::Fail)
}
