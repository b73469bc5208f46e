//! `RELEASE-NOTES.md`: what changed, from the messages of commits, by the kinds of Conventional Commits 1.0.0.

use crate::{
    git::{Commit, MAX_COMMITS},
    text::{clip, code},
};
use alloy_primitives::B256;

/// The kinds that are told of one by one, and their headings; all others are `Other`.
const KINDS: [(&str, &str); 6] = [
    ("feat", "Added"),
    ("fix", "Fixed"),
    ("perf", "Faster"),
    ("refactor", "Changed inside"),
    ("docs", "Documentation"),
    ("revert", "Taken back"),
];

/// A commit's first line, taken apart: kind, scope, whether it breaks something, the rest.
fn parts(subject: &str) -> Option<(&str, Option<&str>, bool, &str)> {
    let (head, rest) = subject.split_once(": ")?;
    let (head, breaking) = match head.strip_suffix('!') {
        Some(head) => (head, true),
        None => (head, false),
    };
    let (kind, scope) = match head.split_once('(') {
        Some((kind, scope)) => (kind, Some(scope.strip_suffix(')')?)),
        None => (head, None),
    };
    let word = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphabetic());
    word.then_some((kind, scope, breaking, rest.trim()))
}

/// The file. Commits come as git gives them, the newest first.
pub(crate) fn notes(version: B256, commit: &str, tag: Option<&str>, commits: &[Commit]) -> String {
    let since = match tag {
        Some(tag) => format!("since the tag {}", code(tag)),
        None => "since the beginning, as there is no tag before it".to_owned(),
    };
    let mut text = format!(
        "# Release notes\n\nVersion `{version:#x}`, commit {}: what changed {since}.\n\nThese are the words of the people who \
         committed. Nobody checked that the commits do what they say, or that this version was built from them.\n",
        code(commit)
    );
    let mut breaking = Vec::new();
    let mut sections: Vec<(&str, Vec<String>)> =
        KINDS.iter().map(|(_, title)| (*title, Vec::new())).collect();
    let mut others = Vec::new();
    for it in commits {
        let id = clip(&it.id, 12).replace("...", "");
        let short = code(&id);
        match parts(&it.subject) {
            Some((kind, scope, breaks, rest)) => {
                let scope = scope.map(|scope| format!("{}: ", code(scope))).unwrap_or_default();
                let line = format!("- {scope}{} ({short})\n", code(rest));
                if breaks || it.breaking {
                    breaking.push(line.clone());
                }
                let kind = kind.to_ascii_lowercase();
                let at = KINDS.iter().position(|(name, _)| *name == kind);
                match at.and_then(|at| sections.get_mut(at)) {
                    Some((_, lines)) => lines.push(line),
                    None => others.push(line),
                }
            }
            None => {
                let line = format!("- {} ({short})\n", code(&it.subject));
                if it.breaking {
                    breaking.push(line.clone());
                }
                others.push(line);
            }
        }
    }
    sections.insert(0, ("What may break", breaking));
    sections.push(("Other", others));
    for (title, lines) in sections.iter().filter(|(_, lines)| !lines.is_empty()) {
        text.push_str(&format!("\n## {title}\n\n{}", lines.concat()));
    }
    match commits.len() {
        0 => text.push_str("\nNothing changed.\n"),
        MAX_COMMITS => {
            text.push_str(&format!("\nOnly the newest {MAX_COMMITS} commits are told of.\n"))
        }
        _ => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(subjects: &[&str]) -> String {
        let commit = |subject: &&str| Commit {
            id: "ab".repeat(20),
            subject: (*subject).to_owned(),
            breaking: false,
        };
        let commits: Vec<_> = subjects.iter().map(commit).collect();
        notes(B256::ZERO, &"cd".repeat(20), None, &commits)
    }

    #[test]
    fn commits_are_sorted_by_kind() {
        let text = told(&["fix(api): b", "feat!: a", "no kind at all", "chore: c", "fix (x: y"]);
        let order = [
            "## What may break",
            "`a`",
            "## Added",
            "`a`",
            "## Fixed",
            "`api`: `b`",
            "## Other",
            "`no kind at all`",
            "`c`",
            "`fix (x: y`",
        ];
        let mut from = 0;
        for part in order {
            let at = text[from..].find(part).unwrap_or_else(|| panic!("{part} in {text}"));
            from += at + part.len();
        }
        assert!(told(&[]).contains("Nothing changed."));
    }

    #[test]
    fn a_message_cannot_be_markup_or_a_link_or_a_mention() {
        let text = told(&[
            "feat: `](https://evil.example) @team #1\u{202e}<script>",
            "# heading",
            "feat(`x`): y",
        ]);
        assert!(
            text.contains(
                "- `\\u{60}](https://evil.example) @team #1\\u{202e}<script>` (`abababababab`)\n"
            ),
            "{text}"
        );
        assert!(text.contains("- `# heading` ("), "{text}");
        assert!(text.contains("- `\\u{60}x\\u{60}`: `y` ("), "{text}");
    }
}
