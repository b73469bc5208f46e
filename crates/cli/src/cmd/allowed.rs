//! `devproof allowed`: which apps were ever allowed to run a version, and when.

use crate::{
    Failure, Outcome,
    cmd::{
        self,
        words::{belief, by, claim, exactly, index, notice, orphaned, place, unknown},
    },
    config::Settings,
    opts::AllowedArgs,
    shell::Shell,
    text::{count, time},
};
use devproof_api::{
    Part, Surface, allowed, allowed_for,
    documents::{AllowedApp, AllowedApps, Interval},
};
use devproof_store::Store;
use jiff::Timestamp;

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer; also if no app is allowed to, but some could not be told.
pub async fn run(
    args: AllowedArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&settings.database).await?;
    let chain_id = cmd::chain(&settings, &store).await?;
    let finality = settings.finality(args.finality, chain_id);
    let hash = args.compose_hash;
    let (mut yes, mut unsure, mut after) = (false, false, None);
    loop {
        let answer = match args.app {
            Some(app) => allowed_for(&store, chain_id, hash, app, finality).await?,
            None => {
                let part = Part::after(after);
                allowed(&store, chain_id, hash, part, finality, Surface::Cli).await?
            }
        };
        shell.answer(&answer, || render(&answer, Timestamp::now()))?;
        yes |= answer.apps.iter().any(|app| app.allowed);
        unsure |= leaves_doubt(&answer);
        after = answer.next;
        if after.is_none() {
            break;
        }
    }
    match (yes, unsure) {
        (true, _) => Ok(Outcome::Yes),
        (false, false) => Ok(Outcome::No),
        (false, true) => Err(Failure::CouldNotTell(
            "no app is known to be allowed to run this version, but not all about every app is known; see above"
                .to_owned(),
        )),
    }
}

/// Whether an app may have been allowed to although the answer does not say so.
fn leaves_doubt(answer: &AllowedApps) -> bool {
    let lacks = |app: &AllowedApp| app.not_known.iter().any(|it| it == "compose_hash");
    answer.unread > 0 || !answer.not_told.is_empty() || answer.apps.iter().any(lacks)
}

/// The answer in words. `now` dates the index.
#[must_use]
pub fn render(answer: &AllowedApps, now: Timestamp) -> String {
    let block = &answer.block;
    let ever = answer.apps.iter().filter(|app| !app.intervals.is_empty()).count();
    let still = answer.apps.iter().filter(|app| app.allowed).count();
    let whose = match ever {
        0 => "no app was ever allowed to run it.".to_owned(),
        n => format!(
            "{} allowed to run it at some time, {still} of them at that block.",
            count(n, "app")
        ),
    };
    let more = if answer.next.is_some() { " More follow." } else { "" };
    let mut text = format!(
        "Version {:#x}, up to block {} ({}, {}): {whose}{more}\n\
         Only apps that this index follows are looked at. Allowed is not running.\n",
        answer.compose_hash,
        block.number,
        time(block.timestamp),
        block.finality,
    );
    for app in &answer.apps {
        text.push_str(&of_app(app, answer));
    }
    if answer.unread > 0 || !answer.not_told.is_empty() {
        text.push_str("\nCould not be told\n");
        if answer.unread > 0 {
            let apps = count(usize::try_from(answer.unread).unwrap_or(usize::MAX), "app");
            text.push_str(&format!("  {apps}: older logs are still being read.\n"));
        }
        for not_told in &answer.not_told {
            text.push_str(&format!("  {:#x}: {}.\n", not_told.app, not_told.reason));
        }
    }
    text.push_str(&index(answer.indexed_from, &answer.index_head, now));
    text
}

fn of_app(app: &AllowedApp, answer: &AllowedApps) -> String {
    let (not, block) = (if app.allowed { "" } else { "not " }, answer.block.number);
    let belief = belief(app.completeness, &app.code.kind);
    let mut text =
        format!("\n{:#x} ({}): {not}allowed at block {block}. {belief}\n", app.app, app.code.kind);
    if app.intervals_left_out > 0 {
        text.push_str(&format!("  {} older intervals are left out.\n", app.intervals_left_out));
    }
    if app.intervals.is_empty() {
        text.push_str("  It never was, on the chain as it is.\n");
    }
    for it in &app.intervals {
        text.push_str(&interval(it, block));
        text.push_str(&claim(answer.compose_hash, it.source_digest, it.uri.as_deref()));
    }
    text.push_str(&unknown(&app.not_known));
    if !app.orphaned.is_empty() {
        text.push_str("  Reorganised away, and part of no interval\n");
        text.push_str(&orphaned(&app.orphaned));
    }
    text
}

fn interval(it: &Interval, block: u64) -> String {
    let mut text = format!("  from  {}", exactly(&it.since));
    if it.read_by_call {
        text.push_str(", read by call: how it came, and whether it was so before, no event says\n");
    } else {
        let announced = it.proposed.as_ref().map_or_else(
            || "not announced".to_owned(),
            |at| format!("announced {} {}", place(at), by(at)),
        );
        let notice = notice(it.notice_seconds);
        text.push_str(&format!(
            ", put in force {}; {announced}; notice users had: {notice}\n",
            by(&it.since)
        ));
    }
    for upgrade in &it.upgrades {
        text.push_str(&format!(
            "        in doubt from {} on: the code that decides became {:#x}, and what that allows no event says\n",
            exactly(&upgrade.at),
            upgrade.implementation,
        ));
    }
    match &it.until {
        Some(at) => text.push_str(&format!("  to    {}, ended {}\n", exactly(at), by(at))),
        None => text.push_str(&format!("  to    open at block {block}\n")),
    }
    text
}
