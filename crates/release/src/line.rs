//! What was looked at, line by line.

use schemars::JsonSchema;
use serde::Serialize;

/// What came of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// Somebody says so, and nobody can check it here. Never counts as a pass.
    Claimed,
    /// Nobody could tell.
    CouldNotTell,
    /// It does not hold.
    Fail,
}

impl Verdict {
    /// The name of it in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Claimed => "claimed",
            Self::CouldNotTell => "could_not_tell",
            Self::Fail => "fail",
        }
    }
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Line {
    /// Its name; stable.
    pub id: &'static str,
    /// What came of it.
    pub result: Verdict,
    /// What was found, where it is a value.
    pub value: Option<String>,
    /// What that means, as a sentence. Parts of it may be text from outside: escape it wherever it is shown.
    pub message: String,
    /// What to do, as a sentence; `None` where it passes.
    pub todo: Option<String>,
    /// Who says so: `here`, `chain` (the contract, as the node answered and as far as it could be recomputed), `node`
    /// (its word alone), `registry`, `remote` or `publisher`.
    pub by: &'static str,
}

impl Line {
    /// A line that holds.
    pub fn pass(id: &'static str, by: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, by, Verdict::Pass, message, None)
    }

    /// A line that does not, and what to do.
    pub fn fail(
        id: &'static str,
        by: &'static str,
        message: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self::new(id, by, Verdict::Fail, message, Some(todo.into()))
    }

    /// A line that could not be found out, and what to do.
    pub fn unknown(
        id: &'static str,
        by: &'static str,
        message: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self::new(id, by, Verdict::CouldNotTell, message, Some(todo.into()))
    }

    /// Something that only the publisher says.
    pub fn claimed(id: &'static str, message: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(id, "publisher", Verdict::Claimed, message, Some(todo.into()))
    }

    fn new(
        id: &'static str,
        by: &'static str,
        result: Verdict,
        message: impl Into<String>,
        todo: Option<String>,
    ) -> Self {
        Self { id, result, value: None, message: message.into(), todo, by }
    }

    /// With what was found.
    #[must_use]
    pub fn value(mut self, value: impl ToString) -> Self {
        self.value = Some(value.to_string());
        self
    }
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lines {
    /// `pass` only if every line passes that is not merely claimed.
    pub overall: Verdict,
    /// Each, in a fixed order.
    pub lines: Vec<Line>,
}

impl From<Vec<Line>> for Lines {
    fn from(lines: Vec<Line>) -> Self {
        let results = || lines.iter().map(|line| line.result);
        let overall = match results().max() {
            Some(Verdict::Fail) => Verdict::Fail,
            Some(Verdict::CouldNotTell) => Verdict::CouldNotTell,
            // Claims alone prove nothing, and no line at all even less.
            Some(_) if results().any(|it| it == Verdict::Pass) => Verdict::Pass,
            _ => Verdict::CouldNotTell,
        };
        Self { overall, lines }
    }
}

impl Lines {
    /// The line of a name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_told_is_never_a_pass() {
        let pass = || Line::pass("a", "here", "");
        let unknown = || Line::unknown("b", "here", "", "");
        let fail = || Line::fail("c", "here", "", "");
        let claimed = || Line::claimed("d", "", "");
        let overall = |lines: Vec<Line>| Lines::from(lines).overall;
        assert_eq!(overall(vec![]), Verdict::CouldNotTell);
        assert_eq!(overall(vec![claimed()]), Verdict::CouldNotTell);
        assert_eq!(overall(vec![pass(), claimed()]), Verdict::Pass);
        assert_eq!(overall(vec![pass(), unknown()]), Verdict::CouldNotTell);
        assert_eq!(overall(vec![unknown(), fail(), pass()]), Verdict::Fail);
    }
}
