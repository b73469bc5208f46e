//! Times, spans, hashes and tables as people read them.

use alloy_primitives::{Address, B256};
pub use devproof_primitives::span;
use jiff::Timestamp;

/// A time, `2026-03-01 12:00:00 UTC`.
#[must_use]
pub fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A time to the minute and without its zone, for tables: `2026-03-01 12:00`.
#[must_use]
pub fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// How long ago a time was, in its largest unit, `3 h ago`.
#[must_use]
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second() - then.as_second()).unwrap_or(0);
    match span(seconds).split(' ').take(2).collect::<Vec<_>>().join(" ").as_str() {
        "0 s" => "now".to_owned(),
        span => format!("{span} ago"),
    }
}

/// A hash shortened in the middle, `0x12345678..89abcdef`.
#[must_use]
pub fn short(hash: B256) -> String {
    let text = format!("{hash:#x}");
    let (head, tail) = (text.get(..10), text.get(text.len() - 8..));
    format!("{}..{}", head.unwrap_or_default(), tail.unwrap_or_default())
}

/// An address shortened in the middle, `0x123456..cdef`.
#[must_use]
pub fn short_address(address: Address) -> String {
    let text = format!("{address:#x}");
    let (head, tail) = (text.get(..8), text.get(text.len() - 4..));
    format!("{}..{}", head.unwrap_or_default(), tail.unwrap_or_default())
}

/// Text that came from the chain, with everything escaped that a terminal could take for more than
/// text.
#[must_use]
pub fn plain(text: &str) -> String {
    text.escape_debug().to_string()
}

/// A sentence with foreign text in it: as [`plain`], but with quotation marks and backslashes as they are.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

/// `1 version`, `2 versions`, `no version`.
#[must_use]
pub fn count(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// Rows under a head, each column as wide as its widest cell.
#[must_use]
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let head = head.map(str::to_owned);
    let mut widths = [0; N];
    for row in std::iter::once(&head).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::from("  ");
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units() {
        assert_eq!(span(0), "0 s");
        assert_eq!(span(59), "59 s");
        assert_eq!(span(7 * 86_400), "7 d");
        assert_eq!(span(7 * 86_400 - 1), "6 d 23 h");
        assert_eq!(span(86_400 + 60), "1 d");
        assert_eq!(ago(Timestamp::UNIX_EPOCH, Timestamp::from_second(3_700).unwrap()), "1 h ago");
        assert_eq!(ago(Timestamp::from_second(9).unwrap(), Timestamp::UNIX_EPOCH), "now");
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows = [["aa".to_owned(), String::new()], ["b".to_owned(), "cc".to_owned()]];
        assert_eq!(table(["x", "y"], &rows), "  x   y\n  aa\n  b   cc\n");
    }

    #[test]
    fn text_from_the_chain_cannot_move_the_cursor() {
        assert_eq!(plain("a\u{1b}[2J\u{202e}b\n"), "a\\u{1b}[2J\\u{202e}b\\n");
        assert_eq!(printable("\"a\u{1b}[2J\u{202e}'\n"), "\"a\\u{1b}[2J\\u{202e}'\\n");
    }
}
