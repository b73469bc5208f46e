//! Text from outside, made fit for Markdown, and times as documents write them.

use jiff::Timestamp;

/// How much of a foreign text stands in a document, in characters.
const MOST: usize = 200;

/// The beginning of a text, with an ellipsis where something is left out.
pub(crate) fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

/// Foreign text as code. Inside of code nothing is markup, a link, a mention or the number of an issue; what could end it,
/// or a cell of a table, or move a reader's eye (control characters, marks of direction) is written as its number.
pub(crate) fn code(text: &str) -> String {
    let mut inner = String::new();
    for c in clip(text, MOST).chars() {
        match c {
            '`' | '|' => inner.extend(c.escape_unicode()),
            '"' | '\'' => inner.push(c),
            c => inner.extend(c.escape_debug()),
        }
    }
    if inner.trim().is_empty() { "(nothing)".to_owned() } else { format!("`{inner}`") }
}

/// A foreign name in a sentence that is passed on as plain text: letters, digits, and what cannot make a link of them.
pub(crate) fn name(text: &str, most: usize) -> String {
    let fine = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_');
    text.chars().filter(fine).take(most).collect::<String>().trim().to_owned()
}

/// `2026-11-27 00:16:03 UTC`, of Unix seconds.
pub(crate) fn time(seconds: u64) -> String {
    let known = i64::try_from(seconds).ok().and_then(|it| Timestamp::from_second(it).ok());
    known.map_or_else(
        || format!("second {seconds}"),
        |it| it.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

/// `2026-11-27`, likewise.
pub(crate) fn day(seconds: u64) -> String {
    time(seconds).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_text() {
        assert_eq!(code("fix: a"), "`fix: a`");
        assert_eq!(code("a`](http://b)|c\n# d"), "`a\\u{60}](http://b)\\u{7c}c\\n# d`");
        assert_eq!(code("\u{202e}x\u{1b}[2J"), "`\\u{202e}x\\u{1b}[2J`");
        assert_eq!(code(" "), "(nothing)");
        assert_eq!(code(&"ä".repeat(300)), format!("`{}...`", "ä".repeat(200)));
        assert_eq!(name("www.evil.com/<b>@x acme-1", 40), "wwwevilcombx acme-1");
        assert_eq!(name(&"a".repeat(99), 40).len(), 40);
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(1_800_000_000), "2027-01-15 08:00:00 UTC");
        assert_eq!(day(1_800_000_000), "2027-01-15");
        assert_eq!(time(u64::MAX), format!("second {}", u64::MAX));
    }
}
