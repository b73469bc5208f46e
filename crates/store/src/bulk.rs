//! Many rows in one statement, in words that both databases read.

use sqlx::AssertSqlSafe;
use std::fmt::Write as _;

/// Rows per statement. SQLite looks a numbered parameter up by walking a list, so that a statement costs the square
/// of its parameters; at 32 rows that is still small beside the inserts, and the calls per row are few.
pub(crate) const MOST: usize = 32;

/// Cuts into pieces whose lengths are powers of two, so that only six texts per statement exist and all stay in the
/// cache of prepared statements.
pub(crate) fn pieces<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let largest = rest.len().checked_ilog2().map_or(0, |bits| 1_usize << bits).min(MOST);
        let (piece, after) = rest.split_at_checked(largest)?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// `head ($1, $2), ($3, $4) tail`. Head and tail are literals of this crate, never input.
pub(crate) fn insert(
    head: &'static str,
    rows: usize,
    columns: usize,
    tail: &'static str,
) -> AssertSqlSafe<String> {
    let mut sql = String::from(head);
    for row in 0..rows {
        sql.push_str(if row == 0 { " (" } else { ", (" });
        list(&mut sql, row * columns + 1, columns);
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(tail);
    AssertSqlSafe(sql)
}

/// `head ($n, $n+1, ...) tail`, for `IN`.
pub(crate) fn within(
    head: &'static str,
    first: usize,
    count: usize,
    tail: &'static str,
) -> AssertSqlSafe<String> {
    let mut sql = String::from(head);
    sql.push_str(" (");
    list(&mut sql, first, count);
    sql.push_str(") ");
    sql.push_str(tail);
    AssertSqlSafe(sql)
}

fn list(sql: &mut String, first: usize, count: usize) {
    for n in first..first + count {
        // Writing to a string cannot fail.
        let _ = write!(sql, "{}${n}", if n == first { "" } else { ", " });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_powers_of_two_and_lose_nothing() {
        for len in 0..200 {
            let all: Vec<usize> = (0..len).collect();
            let cut: Vec<&[usize]> = pieces(&all).collect();
            assert!(cut.iter().all(|p| p.len().is_power_of_two() && p.len() <= MOST));
            assert_eq!(cut.concat(), all);
        }
    }

    #[test]
    fn texts_count_on() {
        assert_eq!(
            insert("INSERT INTO t (a, b) VALUES", 2, 2, "X").0,
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) X"
        );
        assert_eq!(within("WHERE a = $1 AND b IN", 2, 2, "").0, "WHERE a = $1 AND b IN ($2, $3) ");
    }
}
