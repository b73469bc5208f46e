//! What verified quotes showed of an app: a layer of its own, never mixed up with what is allowed.

use super::parts::{address, hash, sign, version, when};
use crate::documents::{
    AtBlock, AuthorisedThen, Observation, Observations, Observed, SeenAs, Stage, StageResult,
};
use alloy_primitives::B256;
use maud::{Markup, html};

/// A moment at which a version was seen, for the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dot {
    /// The version.
    pub(super) compose_hash: B256,
    /// When, Unix seconds.
    pub(super) at: u64,
    /// How much is known of who was seen.
    pub(super) seen: SeenAs,
}

/// The first and the last time of each observation.
pub(super) fn dots(found: &Observations) -> Vec<Dot> {
    let seconds = |time: jiff::Timestamp| u64::try_from(time.as_second()).unwrap_or_default();
    let mut dots: Vec<Dot> = Vec::new();
    for it in &found.observations {
        for at in [it.first_seen, it.last_seen] {
            let dot = Dot { compose_hash: it.compose_hash, at: seconds(at), seen: it.identity };
            if !dots.contains(&dot) {
                dots.push(dot);
            }
        }
    }
    dots
}

/// What is known of whether the allowed versions run, in a sentence or one each.
pub(super) fn shown(state: &AtBlock) -> Markup {
    let allowed =
        |it: &&Observed| state.authorised.iter().any(|other| other.compose_hash == it.compose_hash);
    let of = |seen_as| {
        let all = state.observed.iter().filter(allowed);
        all.filter(move |it| it.identity == seen_as).collect::<Vec<_>>()
    };
    let (proved, claimed) = (of(SeenAs::Proved), of(SeenAs::Claimed));
    html! {
        @if proved.is_empty() {
            p.quiet {
                "Allowed to run. Nobody has shown us that it does."
                @if !claimed.is_empty() {
                    " A machine with real hardware says that it runs it, but did not show its operating system: any machine can say so."
                }
            }
        }
        @for it in proved {
            p.quiet {
                "Version " (version(state.chain_id, it.compose_hash)) " was seen running by a verified quote on " (when(it.first_seen))
                @if it.last_seen != it.first_seen { ", and last on " (when(it.last_seen)) }
                (hardware(it.instances.iter().map(|one| one.tcb_status.as_deref()))) "."
            }
        }
    }
}

/// Intel's word for the hardware, where it is the same for all.
fn hardware<'a>(mut all: impl Iterator<Item = Option<&'a str>>) -> &'static str {
    match all.next() {
        Some(Some("UpToDate")) if all.all(|it| it == Some("UpToDate")) => " (hardware up to date)",
        _ => " (hardware not known to be up to date)",
    }
}

fn seen_as(identity: SeenAs) -> Markup {
    match identity {
        SeenAs::Proved => sign("plain", "proved"),
        SeenAs::Claimed => sign("unknown", "only claimed"),
        SeenAs::TestRoot => sign("harm", "test, proves nothing"),
    }
}

/// The list.
pub(super) fn section(chain_id: u64, found: &Observations) -> Markup {
    let any = |seen: SeenAs| found.observations.iter().any(|it| it.identity == seen);
    html! {
        section aria-labelledby="observed" {
            h2 id="observed" { "Seen running" }
            @if found.observations.is_empty() {
                p.empty {
                    "Nobody has shown us a verified quote of an instance of this app. What is allowed may run, or not. Whoever runs or uses it \
                     can look: " code { "devproof observe" } " asks the instances for quotes."
                }
            } @else {
                p {
                    "Quotes of instances that were verified here, the newest first. Being seen allows nothing, and being allowed \
                     does not show that it runs."
                }
                @if any(SeenAs::Claimed) {
                    p.note {
                        "Only claimed: the hardware is real, but which operating system runs was not shown. Any machine can say that it is this app."
                    }
                }
                @if any(SeenAs::TestRoot) {
                    p.note { "Test: these quotes were not held against Intel's root. They prove nothing." }
                }
                div.scroll tabindex="0" role="region" aria-label="What was seen by verified quotes" {
                    table.stacked {
                        thead { tr {
                            th scope="col" { "Seen" } th scope="col" { "Version and instance" } th scope="col" { "Who it is" }
                            th scope="col" { "Allowed then" } th scope="col" { "Result" }
                        } }
                        tbody { @for it in &found.observations { (row(chain_id, it)) } }
                    }
                }
                p.quiet {
                    "Times are those of the clock of whoever looked. The same for machines, and what is older: "
                    a href=(format!("/v1/chains/{chain_id}/apps/{:#x}/observations", found.app)) { "JSON" }
                }
            }
        }
    }
}

fn row(chain_id: u64, it: &Observation) -> Markup {
    html! {
        tr {
            td data-name="Seen" {
                (when(it.first_seen))
                @if it.last_seen != it.first_seen { " to " (when(it.last_seen)) }
                @if !it.fresh { br; span.quiet { "the quote may be older" } }
            }
            td data-name="Version" {
                (version(chain_id, it.compose_hash)) br;
                span.quiet {
                    @match it.instance_id { Some(id) => { "instance " (address(id)) }, None => { "without an id" } }
                    br; "quote " (hash(it.quote))
                }
            }
            td data-name="Who it is" {
                (seen_as(it.identity))
                @if let (SeenAs::Proved, Some(by)) = (it.identity, &it.system_by) {
                    @if by != "here" { br; span.quiet { "system as said by " (by) } }
                }
            }
            td data-name="Allowed then" {
                @match it.authorised {
                    AuthorisedThen::Allowed => { "yes" },
                    AuthorisedThen::Partly => { (sign("harm", "not all the time")) },
                    AuthorisedThen::NotAllowed => { (sign("harm", "no")) },
                    AuthorisedThen::NotKnown => { "not known" },
                }
            }
            td data-name="Result" {
                @match it.result.as_str() {
                    "pass" => { "passes the policy of whoever looked" },
                    "fail" => { (sign("harm", "fails")) " " (rows(&it.decisive)) },
                    _ => { (sign("unknown", "could not tell")) " " (rows(&it.decisive)) },
                }
                br;
                span.quiet {
                    "hardware "
                    @match it.tcb_status.as_deref() {
                        Some("UpToDate") => { "up to date" },
                        Some(status) => { (sign("may", status)) },
                        None => { "not told" },
                    }
                    @if it.hardware_by != "here" { ", as said by " (it.hardware_by) }
                }
            }
        }
    }
}

fn rows(decisive: &[String]) -> String {
    decisive.iter().map(|it| it.replace('_', " ")).collect::<Vec<_>>().join(", ")
}

/// How the app stands against Stage 1.
pub(super) fn stage(it: &Stage) -> Markup {
    let result = |result: StageResult| match result {
        StageResult::Pass => sign("plain", result.words()),
        StageResult::CouldNotTell => sign("unknown", result.words()),
        StageResult::Fail => sign("harm", result.words()),
    };
    html! {
        section.stage aria-labelledby="stage" {
            h2 id="stage" { "What you still have to trust" }
            p { (it.sentence) }
            details {
                summary { "The points of Stage 1 (ERC-733), one by one" }
                ul.lines {
                    @for point in &it.points {
                        li {
                            p.what { (result(point.result)) " " strong { (point.title) } }
                            p { (point.why) }
                            @if !point.evidence.is_empty() {
                                ul.evidence { @for line in &point.evidence { li { (super::parts::printable(line)) } } }
                            }
                        }
                    }
                }
                p.quiet {
                    "What is not known never counts as holding. The same for machines: "
                    a href=(format!("/v1/chains/{}/apps/{:#x}/stage", it.chain_id, it.app)) { "JSON" }
                }
            }
        }
    }
}
