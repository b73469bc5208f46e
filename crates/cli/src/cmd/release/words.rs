//! What is said of a release, in words. Parts of it are text from outside: all of it is escaped here.

use super::PublishedFiles;
use crate::text::shown;
use devproof_release::{Line, Lines, Verdict};

/// Every line, what to do about those that do not pass, and `good` if all do.
pub(super) fn lines(lines: &Lines, good: &str) -> String {
    let mut text: String = lines.lines.iter().map(line).collect();
    text.push('\n');
    let named = |result: Verdict| {
        let ids: Vec<_> =
            lines.lines.iter().filter(|it| it.result == result).map(|it| it.id).collect();
        ids.join(", ")
    };
    text.push_str(&match lines.overall {
        Verdict::Pass => good.to_owned(),
        Verdict::Fail => format!("No: {}.", named(Verdict::Fail)),
        Verdict::CouldNotTell | Verdict::Claimed => {
            format!("Nobody can tell: {}.", named(Verdict::CouldNotTell))
        }
    });
    text
}

fn line(line: &Line) -> String {
    let word = match line.result {
        Verdict::Pass => "pass",
        Verdict::Claimed => "claimed",
        Verdict::CouldNotTell => "unknown",
        Verdict::Fail => "FAIL",
    };
    let value = line.value.as_deref().map(|it| format!(" [{}]", shown(it))).unwrap_or_default();
    let mut text =
        format!("{word:<8} {} ({}){value}\n         {}\n", line.id, line.by, shown(&line.message));
    if let Some(todo) = &line.todo {
        text.push_str(&format!("         {}\n", shown(todo)));
    }
    text
}

/// What was published.
pub(super) fn published(answer: &PublishedFiles<'_>) -> String {
    let mut text = format!("{}\n\nIn {}:\n", shown(answer.summary), shown(&answer.folder));
    for file in &answer.files {
        text.push_str(&format!("  {:<9} {}\n", file.result, file.name));
    }
    text
}
