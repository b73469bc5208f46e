//! Two texts side by side, line by line.

use crate::words::clip_to;
use schemars::JsonSchema;
use serde::Serialize;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};
use std::time::{Duration, Instant};

/// How many lines of each text are compared. A real `app-compose.json` unfolds to some hundreds.
pub const MAX_LINES: usize = 20_000;
/// How much of a line is told, in characters.
const MAX_LINE: usize = 2000;
/// How long the shortest way is looked for. After that the comparison is coarser, never wrong.
const PATIENCE: Duration = Duration::from_millis(500);

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// Nothing: it stands on both sides.
    Same,
    /// Another line stands in its place.
    Changed,
    /// It stands only on the right.
    Added,
    /// It stands only on the left.
    Removed,
}

/// A line of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cell {
    /// Its number, from 1.
    pub number: usize,
    /// The line without its end, cut at 2000 characters. As it came: escape it before showing it.
    pub text: String,
}

/// A row of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Row {
    /// What happened.
    pub kind: RowKind,
    /// The line before.
    pub left: Option<Cell>,
    /// The line after.
    pub right: Option<Cell>,
}

/// Two texts side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SideBySide {
    /// The rows, from top to bottom.
    pub rows: Vec<Row>,
    /// Whether one of the texts goes on after [`MAX_LINES`].
    pub truncated: bool,
}

impl SideBySide {
    /// How many lines were added and how many removed; a changed line counts as both.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let count = |kind: RowKind| self.rows.iter().filter(|row| row.kind == kind).count();
        let changed = count(RowKind::Changed);
        (count(RowKind::Added) + changed, count(RowKind::Removed) + changed)
    }
}

/// Puts two texts side by side. An empty text has no line.
#[must_use]
pub fn side_by_side(before: &str, after: &str) -> SideBySide {
    let (left, more_left) = lines(before);
    let (right, more_right) = lines(after);
    let deadline = Instant::now().checked_add(PATIENCE);
    let operations = capture_diff_slices_deadline(Algorithm::Myers, &left, &right, deadline);
    let cell = |lines: &[&str], at: usize| {
        lines.get(at).map(|text| Cell { number: at + 1, text: clip_to(text, MAX_LINE) })
    };
    let mut rows = Vec::with_capacity(left.len().max(right.len()));
    for operation in operations {
        let (old, new) = (operation.old_range(), operation.new_range());
        for n in 0..old.len().max(new.len()) {
            let (at_left, at_right) = (old.start + n, new.start + n);
            let left = (at_left < old.end).then(|| cell(&left, at_left)).flatten();
            let right = (at_right < new.end).then(|| cell(&right, at_right)).flatten();
            let kind = match (&left, &right) {
                _ if matches!(operation, DiffOp::Equal { .. }) => RowKind::Same,
                (Some(_), Some(_)) => RowKind::Changed,
                (Some(_), None) => RowKind::Removed,
                _ => RowKind::Added,
            };
            rows.push(Row { kind, left, right });
        }
    }
    SideBySide { rows, truncated: more_left || more_right }
}

fn lines(text: &str) -> (Vec<&str>, bool) {
    if text.is_empty() {
        return (Vec::new(), false);
    }
    // Not `lines()`, which hides carriage returns and whether the last line ends.
    let mut lines = text.split('\n');
    let first: Vec<_> = lines.by_ref().take(MAX_LINES).collect();
    (first, lines.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(before: &str, after: &str) -> Vec<RowKind> {
        side_by_side(before, after).rows.iter().map(|row| row.kind).collect()
    }

    #[test]
    fn lines_stand_beside_what_became_of_them() {
        use RowKind::{Added, Changed, Removed, Same};
        assert_eq!(kinds("", ""), []);
        assert_eq!(kinds("a", "a"), [Same]);
        assert_eq!(kinds("a\nb\nc", "a\nx\nc\nd"), [Same, Changed, Same, Added]);
        assert_eq!(kinds("a\nb", "b"), [Removed, Same]);
        assert_eq!(kinds("a\n", "a"), [Same, Removed], "the end of the last line");
        assert_eq!(kinds("a\r", "a"), [Changed]);
        let returned = &side_by_side("a\r", "a").rows[0];
        assert_eq!(returned.left.as_ref().map(|cell| cell.text.as_str()), Some("a\r"));
        let rows = side_by_side("a\nb", "b").rows;
        assert_eq!(rows[1].left.as_ref().map(|cell| cell.number), Some(2));
        assert_eq!(rows[1].right.as_ref().map(|cell| cell.number), Some(1));
        assert_eq!(side_by_side("a\nb", "b\nc").counts(), (1, 1));
    }

    #[test]
    fn long_texts_end_and_long_lines_are_cut() {
        let long = "x\n".repeat(MAX_LINES + 1);
        let whole = side_by_side(&long, "");
        assert!(whole.truncated && whole.rows.len() == MAX_LINES);
        let wide = side_by_side(&"x".repeat(5000), "");
        assert_eq!(wide.rows[0].left.as_ref().unwrap().text.len(), MAX_LINE + 3);
    }

    #[test]
    fn nothing_in_common_does_not_take_for_ever() {
        // The worst case of the algorithm: its way is as long as both texts.
        let text =
            |from: usize| (from..from + MAX_LINES).map(|n| format!("{n}\n")).collect::<String>();
        let before = Instant::now();
        let shuffled: String =
            (0..MAX_LINES).map(|n| format!("{}\n", n * 7919 % MAX_LINES)).collect();
        for other in [text(1_000_000), shuffled] {
            assert!(side_by_side(&text(0), &other).counts().0 > 0);
        }
        assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
    }
}
