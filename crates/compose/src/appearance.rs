//! Signs that a file is not the one that was deployed: white space at its end, and the layouts of tools that re-serialise.

use crate::{AppCompose, predict::Tool};
use schemars::JsonSchema;
use serde::Serialize;

/// Something about the bytes that makes a hash worth a second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// White space after the last brace.
    TrailingSpace,
    /// Lines end with carriage return and line feed.
    CarriageReturns,
    /// The very form that the SDKs give: names sorted, no spaces.
    Canonical,
    /// The very form of `jq`, or of `JSON.stringify` with two spaces.
    TwoSpaces,
    /// A name stands twice.
    Repeated,
}

impl Sign {
    /// What to make of it, as a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::TrailingSpace => {
                "There is white space after the last brace, which editors and `echo` add; if it was not there \
                 when the app was deployed, the hash is another."
            }
            Self::CarriageReturns => {
                "Lines end with carriage returns, as after a copy by way of Windows; the hash counts them."
            }
            Self::Canonical => {
                "Names are sorted and nothing is spaced, as SDKs and Phala Cloud write it; if this was made from \
                 another file, hash that one."
            }
            Self::TwoSpaces => {
                "It looks like the output of jq or JSON.stringify; if it was reformatted after deployment, its hash \
                 is not the one on the chain."
            }
            Self::Repeated => {
                "A name stands twice, so that readers differ in what they take; no tool writes such a file."
            }
        }
    }
}

/// What is worth knowing before the hash of a document is taken for that of what was deployed.
#[must_use]
pub fn signs(document: &AppCompose) -> Vec<Sign> {
    let text = document.text();
    let trimmed = text.trim_end();
    let is = |tool: Tool| tool.serialise(document).is_ok_and(|written| written == trimmed);
    let repeated = |it: &crate::Problem| matches!(it, crate::Problem::Repeated { .. });
    let found = [
        (trimmed.len() != text.len(), Sign::TrailingSpace),
        (text.contains('\r'), Sign::CarriageReturns),
        (is(Tool::JavaScript), Sign::Canonical),
        (is(Tool::StringifyIndented), Sign::TwoSpaces),
        (document.problems().iter().any(repeated), Sign::Repeated),
    ];
    found.into_iter().filter(|(there, _)| *there).map(|(_, sign)| sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_is_seen_and_only_then() {
        let seen = |text: &str| signs(&AppCompose::parse(text.as_bytes()).unwrap());
        assert_eq!(seen("{\n    \"b\": 1,\n    \"a\": 2\n}"), []);
        assert_eq!(seen("{\"b\": 1}\n"), [Sign::TrailingSpace]);
        assert_eq!(seen("{\"b\":\r\n1}"), [Sign::CarriageReturns]);
        assert_eq!(seen("{\"a\":1,\"b\":2}"), [Sign::Canonical]);
        assert_eq!(seen("{\n  \"b\": 1,\n  \"a\": 2\n}"), [Sign::TwoSpaces]);
        assert_eq!(seen("{\"a\": 1, \"a\": 2}"), [Sign::Repeated]);
    }
}
