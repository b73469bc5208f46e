//! What changed from one version to the next, in words and side by side; and what an operator could do with it.

use super::{
    Sorry,
    parts::{printable, sign, version},
};
use crate::{AppState, answers::AnswerError};
use alloy_primitives::B256;
use devproof_compose::{
    AppCompose,
    diff::{self, Cell, Change, Row, RowKind, SideBySide},
    lint::{self, Context, Finding, Severity},
};
use devproof_primitives::ComposeHash;
use maud::{Markup, html};

/// Changes that are told in words.
const MAX_CHANGES: usize = 200;
/// Rows that are shown side by side.
const MAX_ROWS: usize = 1500;
/// Lines that are shown around a change.
const AROUND: usize = 3;
/// Findings that are shown.
const MAX_FINDINGS: usize = 60;

/// What changed since the version that it replaces.
pub(super) async fn section(
    state: &AppState,
    chain_id: u64,
    before: Option<B256>,
    bytes: &[u8],
) -> Result<Markup, Sorry> {
    let Some(before) = before else {
        return Ok(titled(html! {
            p.empty { "No version is known that it replaces: it is the first of its app, or no app here has it." }
        }));
    };
    let theirs = state.store().compose(ComposeHash(before)).await.map_err(AnswerError::from)?;
    let Some(theirs) = theirs else {
        return Ok(titled(html! {
            p.empty {
                "It follows the version " (version(chain_id, before)) ", whose configuration nobody has handed in, so that the two cannot be compared."
            }
        }));
    };
    let (old, new) = match (AppCompose::parse(&theirs), AppCompose::parse(bytes)) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            let why = [old.err(), new.err()].into_iter().flatten().next();
            let why = why.map(|why| why.to_string()).unwrap_or_default();
            return Ok(titled(html! {
                p.note { "The two cannot be compared: " (printable(&why)) "." }
            }));
        }
    };
    let difference = diff::diff(&old, &new);
    let sides = diff::side_by_side(&old.readable(), &new.readable());
    Ok(titled(html! {
        p { "Compared with " (version(chain_id, before)) ", which its app allowed before." }
        @if difference.changes.is_empty() { p.empty { "Not a byte is different." } }
        ul.lines { @for change in difference.changes.iter().take(MAX_CHANGES) { li { (said(change)) } } }
        @if difference.truncated || difference.changes.len() > MAX_CHANGES { p.note { "There are more changes than are told here." } }
        (side_by_side(&sides))
    }))
}

fn titled(body: Markup) -> Markup {
    html! {
        section aria-labelledby="changed" {
            h2 id="changed" { "What changed" }
            (body)
        }
    }
}

fn said(change: &Change) -> Markup {
    html! { (printable(&change.sentence)) }
}

/// Both texts, each line beside what became of it; what is the same is left out but for a few lines around.
fn side_by_side(sides: &SideBySide) -> Markup {
    let near = |at: usize| {
        let from = at.saturating_sub(AROUND);
        let around = sides.rows.get(from..(at + AROUND + 1).min(sides.rows.len()));
        around.unwrap_or_default().iter().any(|row| row.kind != RowKind::Same)
    };
    let shown: Vec<(usize, &Row)> =
        sides.rows.iter().enumerate().filter(|(at, _)| near(*at)).take(MAX_ROWS).collect();
    let mut last = None;
    html! {
        div.scroll tabindex="0" role="region" aria-label="Both versions side by side" {
            table.compare {
                caption.hidden { "Both versions side by side; the older one is on the left" }
                colgroup { col.numbers; col; col.numbers; col; }
                thead.hidden { tr { th scope="col" { "Line" } th scope="col" { "Before" } th scope="col" { "Line" } th scope="col" { "After" } } }
                tbody {
                    @for (at, row) in shown {
                        @if last.is_some_and(|last| last + 1 != at) { tr.gap { td colspan="4" { "…" } } }
                        @let _ = last.replace(at);
                        tr { (cell(row.left.as_ref(), row.kind, "gone")) (cell(row.right.as_ref(), row.kind, "came")) }
                    }
                }
            }
        }
        @if sides.truncated { p.note { "The texts go on; only their beginning was compared here." } }
    }
}

fn cell(cell: Option<&Cell>, kind: RowKind, class: &str) -> Markup {
    let differs = kind != RowKind::Same;
    html! {
        @match cell {
            Some(cell) => {
                td.line { (cell.number) }
                td class=[differs.then_some(class)] { (printable(&cell.text)) }
            },
            None => { td.line {} td {} },
        }
    }
}

/// What an operator could do with a version, as far as its configuration says.
pub(super) fn findings(bytes: &[u8]) -> Markup {
    let report = match AppCompose::parse(bytes) {
        Ok(document) => lint::lint(&document, &Context::default()),
        Err(error) => {
            return html! {
                section aria-labelledby="lint" {
                    h2 id="lint" { "What its operator could do with it" }
                    p.note { "Nobody can tell: " (printable(&error.to_string())) "." }
                }
            };
        }
    };
    let grave: Vec<&Finding> =
        report.findings.iter().filter(|it| it.severity >= Severity::Medium).collect();
    let rest = report.findings.len() - grave.len();
    html! {
        section aria-labelledby="lint" {
            h2 id="lint" { "What its operator could do with it" }
            @if grave.is_empty() {
                p { "Nothing grave was found by the rules that are known here. That does not say that there is nothing." }
            } @else {
                p { "By rules that look at the configuration, and at nothing that it fetches:" }
            }
            @if report.unreadable() { p.note { "Part of it could not be read; about that nothing is known." } }
            ul.lines.findings {
                @for it in grave.iter().take(MAX_FINDINGS) {
                    li {
                        span { (sign(tone(it.severity), it.severity.name())) }
                        span { (printable(&it.message)) }
                        span.fix { (printable(&it.place)) ". To mend it: " (printable(&it.fix)) }
                    }
                }
            }
            @if grave.len() > MAX_FINDINGS { p.note { "And " (grave.len() - MAX_FINDINGS) " more." } }
            @if rest > 0 { p.quiet { (rest) " smaller remarks: " code { "devproof compose lint" } " lists them." } }
        }
    }
}

fn tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "harm",
        Severity::High | Severity::Medium => "may",
        Severity::Low | Severity::Note => "unknown",
    }
}
