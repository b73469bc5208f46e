//! Text and tables as a terminal shows them.

pub use devproof_api::words::{ago, minute, short, short_address, span, time};

/// Text that came from the chain, with everything escaped that a terminal could take for more than
/// text.
#[must_use]
pub fn plain(text: &str) -> String {
    text.escape_debug().to_string()
}

/// Likewise, but with quotes and backslashes as they are: for sentences that a text from outside is part of.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// A line of a file: likewise, with tabs as spaces.
#[must_use]
pub fn line(text: &str) -> String {
    shown(&text.replace('\t', "    "))
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
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows = [["aa".to_owned(), String::new()], ["b".to_owned(), "cc".to_owned()]];
        assert_eq!(table(["x", "y"], &rows), "  x   y\n  aa\n  b   cc\n");
    }

    #[test]
    fn text_from_the_chain_cannot_move_the_cursor() {
        assert_eq!(plain("a\u{1b}[2J\u{202e}b\n"), "a\\u{1b}[2J\\u{202e}b\\n");
        assert_eq!(shown("'a\u{9b}2J\u{202e}\\ \"b\n"), "'a\\u{9b}2J\\u{202e}\\ \"b\\n");
        assert_eq!(line("\ta\r"), "    a\\r");
    }
}
