//! A life as a picture: one lane per version, and thin rows beneath for what else changed. The table beneath says the same.

use super::{
    observed::Dot,
    parts::{hash, version, when},
    sentences,
};
use crate::{
    answers::{Bar, BarEnd, BarKind, Lane, Lanes, Mark},
    documents::{SeenAs, time},
    words::{setting, short, value},
};
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use std::fmt::Write as _;

/// Pixels of a lane: its name above its bar.
const LANE: u32 = 36;
/// Pixels of a thin row.
const ROW: u32 = 34;
/// Pixels of the scale.
const SCALE: u32 = 26;

/// A stretch of time that fills the width of the picture.
struct Axis {
    from: u64,
    to: u64,
}

impl Axis {
    fn of(lanes: &Lanes, dots: &[Dot]) -> Option<Self> {
        let from = lanes.begins?;
        let bars = lanes.lanes.iter().flat_map(|lane| &lane.bars);
        let latest = bars.filter(|bar| bar.end == BarEnd::Open).filter_map(|bar| bar.ripe_at).max();
        // What is announced for a far day must not squeeze everything else.
        let life = lanes.now.saturating_sub(from).max(3600);
        let to = latest.unwrap_or(lanes.now).clamp(lanes.now, lanes.now.saturating_add(life));
        // What was seen lies behind the last final block by minutes, if it is not a clock that is wrong.
        let seen = dots.iter().map(|dot| dot.at).max().unwrap_or(to);
        let to = to.max(seen.min(to.saturating_add(life)));
        let margin = (to - from).max(3600) / 40;
        Some(Self { from: from.saturating_sub(margin), to: to.saturating_add(margin) })
    }

    /// Percent of the width.
    fn x(&self, at: u64) -> f64 {
        let length = self.to.saturating_sub(self.from).max(1);
        let at = at.clamp(self.from, self.to) - self.from;
        // Percentages need few digits.
        #[allow(clippy::cast_precision_loss, reason = "a picture is exact to a pixel")]
        let share = at as f64 / length as f64 * 100.0;
        share
    }
}

/// The picture, a slider to any moment of it, and the same as a table.
pub(super) fn draw(chain_id: u64, lanes: &Lanes, dots: &[Dot], asked: Option<u64>) -> Markup {
    let Some(axis) = Axis::of(lanes, dots) else {
        return html! { p.empty { "Nothing has happened yet. The first version that is announced or allowed appears here." } };
    };
    let at = asked.unwrap_or(lanes.now);
    html! {
        figure.timeline data-from=(axis.from) data-to=(axis.to) data-now=(lanes.now) {
            (svg(&axis, lanes, dots, at))
            label.ruler {
                span.hidden { "Moment that is shown" }
                input type="range" name="ruler" min=(axis.from) max=(lanes.now.min(axis.to)) step="1" value=(at) disabled
                    aria-describedby="ruler-says";
            }
            figcaption {
                span.key { span.swatch.announced {} "announced" }
                span.key { span.swatch.allowed {} "allowed" }
                span.key { span.swatch.gone {} "removed" }
                @if dots.is_empty() {
                    span.key { span.swatch.seen {} "seen running in a verified quote (none yet)" }
                } @else {
                    span.key { span.swatch.seen {} "seen running in a verified quote" }
                    @if dots.iter().any(|dot| dot.seen != SeenAs::Proved) {
                        span.key { span.swatch.seen.claimed {} "only claimed, not proved" }
                    }
                }
                @if lanes.left_out > 0 {
                    span.key { (lanes.left_out) " older versions are not drawn" }
                }
            }
        }
        details.table {
            summary { "The same as a table" }
            (table(chain_id, lanes, dots))
        }
    }
}

fn svg(axis: &Axis, lanes: &Lanes, dots: &[Dot], at: u64) -> Markup {
    let rows: Vec<(&str, &[Mark])> = [
        ("devices, operating systems, hardware", lanes.policy.as_slice()),
        ("owner, guardian, notice, code", lanes.owner.as_slice()),
        ("key service", lanes.kms.as_slice()),
    ]
    .into_iter()
    .filter(|(_, marks)| !marks.is_empty())
    .collect();
    let strange = strange(lanes, dots);
    let all = || lanes.lanes.iter().chain(&strange);
    let count = u32::try_from(all().count()).unwrap_or(u32::MAX);
    let lanes_end = SCALE + LANE * count;
    let height = lanes_end + ROW * u32::try_from(rows.len()).unwrap_or(0) + 4;
    let mut picture = String::new();
    scale(&mut picture, axis, height);
    for (lane, n) in all().zip(0_u32..) {
        draw_lane(&mut picture, axis, lane, dots, SCALE + LANE * n);
    }
    for ((name, marks), n) in rows.into_iter().zip(0_u32..) {
        draw_row(&mut picture, axis, (name, marks), lanes_end + ROW * n);
    }
    let now = axis.x(lanes.now);
    let _ = write!(
        picture,
        r#"<line class="now" x1="{now:.2}%" x2="{now:.2}%" y1="{}" y2="{height}"/>"#,
        SCALE - 6
    );
    let x = axis.x(at);
    let _ = write!(
        picture,
        r#"<line class="ruler-line" x1="{x:.2}%" x2="{x:.2}%" y1="0" y2="{height}"/>"#
    );
    let title = format!(
        "Time line of {} versions, from {} to {}. The table below says the same.",
        lanes.lanes.len(),
        day(axis.from),
        day(axis.to)
    );
    html! {
        svg width="100%" height=(height) role="img" aria-label=(title) xmlns="http://www.w3.org/2000/svg" {
            defs {
                pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.hatch-back width="7" height="7" {}
                    line.hatch-line x1="0" y1="0" x2="0" y2="7" {}
                }
            }
            // Numbers, our own words, and hashes that we have written ourselves.
            (PreEscaped(picture))
        }
    }
}

fn day(seconds: u64) -> String {
    time(seconds).strftime("%-d %b %Y").to_string()
}

/// Months, or days of a short life, as many as there is room for.
fn scale(picture: &mut String, axis: &Axis, height: u32) {
    let length = axis.to - axis.from;
    let steps: [u64; 9] = [
        3600,
        6 * 3600,
        86_400,
        7 * 86_400,
        30 * 86_400,
        91 * 86_400,
        182 * 86_400,
        365 * 86_400,
        1461 * 86_400,
    ];
    let step = steps.into_iter().find(|step| length / step <= 6).unwrap_or(1461 * 86_400);
    let format = if step < 86_400 {
        "%-d %b %H:%M"
    } else if step < 30 * 86_400 {
        "%-d %b"
    } else {
        "%b %Y"
    };
    let first = (axis.from / step + 1) * step;
    for (n, at) in
        (first..=axis.to).step_by(usize::try_from(step).unwrap_or(usize::MAX)).enumerate()
    {
        let x = axis.x(at);
        if x < 93.0 {
            let text = time(at).strftime(format);
            // Where it is narrow every other one is left out.
            let odd = if n % 2 == 1 { " odd" } else { "" };
            let _ = write!(
                picture,
                r#"<line class="tick" x1="{x:.2}%" x2="{x:.2}%" y1="16" y2="{height}"/><text class="scale{odd}" x="{x:.2}%" y="12">{text}</text>"#
            );
        }
    }
}

fn draw_lane(picture: &mut String, axis: &Axis, lane: &Lane, dots: &[Dot], y: u32) {
    let seen = || dots.iter().filter(|dot| dot.compose_hash == lane.compose_hash);
    let begins = lane.bars.first().map(|bar| bar.since.timestamp);
    let begins = begins.or_else(|| seen().map(|dot| dot.at).min());
    let first = begins.map_or(0.0, |at| axis.x(at));
    // A name that begins far to the right ends where the bar begins.
    let (x, anchor) = if first > 60.0 { (100.0, "end") } else { (first, "start") };
    let (name, full) = (short(lane.compose_hash), format!("{:#x}", lane.compose_hash));
    let _ = write!(
        picture,
        r#"<g class="lane"><title>{full}</title><text class="name" x="{x:.2}%" y="{}" text-anchor="{anchor}">{name}</text>"#,
        y + 14
    );
    for bar in &lane.bars {
        let (from, to) = (axis.x(bar.since.timestamp), axis.x(bar.until));
        let open_until = match (bar.kind, bar.end, bar.ripe_at) {
            // Until it can come into force, if that is later.
            (BarKind::Announced, BarEnd::Open, Some(ripe)) => to.max(axis.x(ripe)),
            _ => to,
        };
        let width = (open_until - from).max(0.4);
        let class = match bar.kind {
            BarKind::Announced => "announced",
            BarKind::Allowed => "allowed",
        };
        let _ = write!(
            picture,
            r#"<rect class="{class}" x="{from:.2}%" y="{}" width="{width:.2}%" height="12" rx="2"><title>{}</title></rect>"#,
            y + 19,
            said(bar)
        );
        if bar.end == BarEnd::Removed {
            let _ = write!(
                picture,
                r#"<line class="notch" x1="{to:.2}%" x2="{to:.2}%" y1="{}" y2="{}"/>"#,
                y + 16,
                y + 34
            );
        }
    }
    for dot in seen() {
        draw_dot(picture, axis, dot, y + 25);
    }
    picture.push_str("</g>");
}

/// Versions that were seen and never heard of; they have lanes of their own, in which nothing is drawn but that. Where older
/// versions are left out they may be among those, and are only in the table.
fn strange(lanes: &Lanes, dots: &[Dot]) -> Vec<Lane> {
    let mut found: Vec<Lane> = Vec::new();
    for dot in dots.iter().filter(|_| lanes.left_out == 0) {
        let mut known = lanes.lanes.iter().chain(&found);
        if !known.any(|lane| lane.compose_hash == dot.compose_hash) {
            found.push(Lane { compose_hash: dot.compose_hash, bars: Vec::new() });
        }
    }
    found
}

/// A diamond, filled if it is proved.
fn draw_dot(picture: &mut String, axis: &Axis, dot: &Dot, y: u32) {
    let class = match dot.seen {
        SeenAs::Proved => "seen",
        SeenAs::Claimed | SeenAs::TestRoot => "seen claimed",
    };
    let _ = write!(
        picture,
        r#"<svg class="{class}" x="{:.2}%" y="{y}" overflow="visible"><path d="M0 -7 6 0 0 7 -6 0z"><title>{}</title></path></svg>"#,
        axis.x(dot.at),
        dot_said(dot)
    );
}

fn dot_said(dot: &Dot) -> String {
    let minute = time(dot.at).strftime("%-d %b %Y, %H:%M UTC").to_string();
    match dot.seen {
        SeenAs::Proved => format!("seen running in a verified quote, {minute}"),
        SeenAs::Claimed => format!("a machine said that it runs this, not proved, {minute}"),
        SeenAs::TestRoot => format!("a quote of a test, which proves nothing, {minute}"),
    }
}

fn draw_row(picture: &mut String, axis: &Axis, (name, marks): (&str, &[Mark]), y: u32) {
    let _ = write!(
        picture,
        r#"<text class="row" x="0" y="{}">{name}</text><line class="rail" x1="0" x2="100%" y1="{}" y2="{}"/>"#,
        y + 14,
        y + 25,
        y + 25
    );
    for mark in marks {
        let _ = write!(
            picture,
            r#"<circle class="mark" cx="{:.2}%" cy="{}" r="4"><title>{}</title></circle>"#,
            axis.x(mark.at.timestamp),
            y + 25,
            mark_said(mark)
        );
    }
}

/// A bar in words of our own: dates and blocks.
fn said(bar: &Bar) -> String {
    let minute = |seconds: u64| time(seconds).strftime("%-d %b %Y, %H:%M UTC").to_string();
    let since = minute(bar.since.timestamp);
    let until = minute(bar.until);
    match (bar.kind, bar.end) {
        (BarKind::Announced, BarEnd::Open) => match bar.ripe_at {
            Some(ripe) => format!("announced {since}, may come from {}", minute(ripe)),
            None => format!("announced {since}"),
        },
        (BarKind::Announced, BarEnd::InForce) => format!("announced {since}, in force {until}"),
        (BarKind::Announced, BarEnd::Expired) => format!("announced {since}, expired {until}"),
        (BarKind::Announced, _) => format!("announced {since}, withdrawn {until}"),
        (BarKind::Allowed, BarEnd::Open) => format!("allowed since {since}"),
        (BarKind::Allowed, _) => format!("allowed from {since} to {until}"),
    }
}

fn mark_said(mark: &Mark) -> String {
    let minute = time(mark.at.timestamp).strftime("%-d %b %Y, %H:%M UTC").to_string();
    format!(
        "{minute}: {} {}, {}",
        setting(mark.setting),
        value(mark.setting, mark.value),
        mark.action
    )
}

fn table(chain_id: u64, lanes: &Lanes, dots: &[Dot]) -> Markup {
    let at = |seconds: u64| -> Timestamp { time(seconds) };
    html! {
        div.scroll tabindex="0" role="region" aria-label="Versions and other changes as a table" {
            table {
                caption.hidden { "Versions and when they were announced and allowed" }
                thead { tr { th scope="col" { "Version" } th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "What" } } }
                tbody {
                    @for lane in &lanes.lanes {
                        @for bar in lane.bars.iter().rev() {
                            tr {
                                td { (version(chain_id, lane.compose_hash)) }
                                td { (when(at(bar.since.timestamp))) }
                                td { @if bar.end == BarEnd::Open { "still" } @else { (when(at(bar.until))) } }
                                td { (said_short(bar)) }
                            }
                        }
                    }
                    @for dot in dots {
                        tr {
                            td { (version(chain_id, dot.compose_hash)) }
                            td { (when(at(dot.at))) }
                            td {}
                            td {
                                @match dot.seen {
                                    SeenAs::Proved => { "seen running in a verified quote" },
                                    SeenAs::Claimed => { "said to run, not proved" },
                                    SeenAs::TestRoot => { "a quote of a test, which proves nothing" },
                                }
                            }
                        }
                    }
                    @for mark in lanes.policy.iter().chain(&lanes.owner).chain(&lanes.kms) {
                        tr {
                            td { (setting(mark.setting)) }
                            td { (when(at(mark.at.timestamp))) }
                            td {}
                            td { (mark.action) " " (mark_value(mark)) }
                        }
                    }
                }
            }
        }
    }
}

fn mark_value(mark: &Mark) -> Markup {
    match mark.setting {
        "device" | "os_image" | "aggregated_mr" | "kms_device" | "kms_info" => hash(mark.value),
        _ => html! { (value(mark.setting, mark.value)) },
    }
}

fn said_short(bar: &Bar) -> Markup {
    let notice = bar.ripe_at.map(|ripe| ripe.saturating_sub(bar.since.timestamp));
    html! {
        @match (bar.kind, bar.end) {
            (BarKind::Announced, BarEnd::Open) => { "announced" },
            (BarKind::Announced, BarEnd::InForce) => { "announced, came into force" },
            (BarKind::Announced, BarEnd::Expired) => { "announced, expired" },
            (BarKind::Announced, _) => { "announced, withdrawn" },
            (BarKind::Allowed, BarEnd::Open) => { "allowed" },
            (BarKind::Allowed, _) => { "allowed, then removed" },
        }
        @if let Some(notice) = notice { " (notice " (sentences::days(notice)) ")" }
    }
}
