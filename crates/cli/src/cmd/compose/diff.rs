//! `devproof compose diff`: what changed, in words.

use super::source::load;
use crate::{
    Failure, Outcome,
    opts::ComposeDiffArgs,
    shell::Shell,
    text::{count, line, shown},
};
use devproof_compose::diff::{Change, Difference, Row, RowKind, SideBySide, diff};

/// How many lines are shown around those that changed.
const CONTEXT: usize = 2;
/// How many lines of a text are shown; `--json` has all.
const MAX_SHOWN: usize = 60;

pub(super) async fn run(args: ComposeDiffArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    if args.before == "-" && args.after == "-" {
        return Err(Failure::Usage("only one of the two can be standard input".to_owned()));
    }
    let before = load(&args.before).await?;
    let after = load(&args.after).await?;
    let answer = diff(&before.document, &after.document);
    shell.answer(&answer, || {
        let mut text = String::new();
        for it in [&before, &after] {
            if it.origin.self_report {
                text.push_str(&it.origin.words(it.document.hash()));
            }
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text + &render(&answer)
    })?;
    Ok(Outcome::Yes)
}

fn render(answer: &Difference) -> String {
    if answer.before == answer.after {
        return format!("Nothing changed: both have the compose hash {}.\n", answer.before);
    }
    let mut text = format!(
        "From {}\nto   {}: {}.\n\n",
        answer.before,
        answer.after,
        count(answer.changes.len(), "change")
    );
    for Change { sentence, lines, .. } in &answer.changes {
        text.push_str(&format!("  {}\n", shown(sentence)));
        if let Some(lines) = lines {
            text.push_str(&changed_lines(lines));
        }
    }
    if answer.truncated {
        text.push_str("  There are more changes than are told.\n");
    }
    text
}

/// The lines that changed, with some around them.
fn changed_lines(lines: &SideBySide) -> String {
    let near: Vec<bool> = {
        let changed = |row: &Row| row.kind != RowKind::Same;
        let rows = &lines.rows;
        let around = |at: usize| {
            let from = at.saturating_sub(CONTEXT);
            rows.get(from..rows.len().min(at + CONTEXT + 1))
                .is_some_and(|rows| rows.iter().any(changed))
        };
        (0..rows.len()).map(around).collect()
    };
    let (mut text, mut shown_lines, mut gap) = (String::new(), 0, false);
    // A text that ends with its last line has an empty one after it, which is worth showing only where it changed.
    let end = |row: &Row| {
        row.kind == RowKind::Same && row.right.as_ref().is_some_and(|it| it.text.is_empty())
    };
    let rows = match lines.rows.split_last() {
        Some((last, rest)) if end(last) => rest,
        _ => &lines.rows,
    };
    for (row, near) in rows.iter().zip(near) {
        if !near {
            gap = true;
            continue;
        }
        if shown_lines >= MAX_SHOWN {
            text.push_str("      ...\n");
            break;
        }
        if gap && shown_lines > 0 {
            text.push_str("      ...\n");
        }
        gap = false;
        shown_lines += 1;
        let mut push = |mark: char, cell: &Option<devproof_compose::diff::Cell>| {
            if let Some(cell) = cell {
                text.push_str(format!("    {mark} {}", line(&cell.text)).trim_end());
                text.push('\n');
            }
        };
        if row.kind == RowKind::Same {
            push(' ', &row.right);
        } else {
            push('-', &row.left);
            push('+', &row.right);
        }
    }
    text
}
