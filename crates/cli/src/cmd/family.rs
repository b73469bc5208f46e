//! `devproof family`: whether the apps of a product are allowed to run the same versions.

use crate::{
    Failure, Outcome,
    cmd::words::{belief, index, notice, place, proposals, unknown},
    config::Settings,
    opts::FamilyArgs,
    shell::Shell,
    text::{count, table, time},
};
use alloy_primitives::Address;
use devproof_api::{
    Surface,
    documents::{Family, Member},
    family,
};
use devproof_store::Store;
use jiff::Timestamp;

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer; also if no two members differ, but some could not be told.
pub async fn run(
    args: FamilyArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let families = &settings.families;
    let finality = families.get(&args.name).map(|it| settings.finality(args.finality, it.chain_id));
    let store = Store::open_read_only(&settings.database).await?;
    let answer = family(&store, families, &args.name, finality, Surface::Cli).await?;
    shell.answer(&answer, || render(&answer, Timestamp::now()))?;
    match answer.agree {
        Some(true) => Ok(Outcome::Yes),
        Some(false) => Ok(Outcome::No),
        None => Err(Failure::CouldNotTell(
            "no two members are known to differ, but not all about every member is known; see above".to_owned(),
        )),
    }
}

/// The answer in words. `now` dates the index.
#[must_use]
pub fn render(answer: &Family, now: Timestamp) -> String {
    let block = &answer.block;
    let verdict = match answer.agree {
        Some(true) => "all are allowed to run the same versions",
        Some(false) => "they are not all allowed to run the same versions",
        None => "whether all are allowed to run the same versions is not known",
    };
    let mut text = format!(
        "Family {}, at block {} ({}, {}): {}, {verdict}.\nWhoever runs this index declared that they belong together; no \
         contract says so.\n",
        answer.name,
        block.number,
        time(block.timestamp),
        block.finality,
        count(answer.members.len() + answer.not_told.len(), "app"),
    );
    if !answer.common.is_empty() {
        text.push_str("\nAllowed by all that could be told\n");
        for hash in &answer.common {
            text.push_str(&format!("  {hash:#x}\n"));
        }
    }
    if !answer.differing.is_empty() {
        text.push_str("\nAllowed by some\n");
        let apps = |apps: &[Address]| {
            apps.iter().map(|app| format!("{app:#x}")).collect::<Vec<_>>().join(", ")
        };
        for it in &answer.differing {
            text.push_str(&format!(
                "  {:#x}\n    by {}\n    not by {}\n",
                it.compose_hash,
                apps(&it.allowed_by),
                apps(&it.not_by)
            ));
        }
    }
    for member in &answer.members {
        text.push_str(&of_member(member));
    }
    if !answer.not_told.is_empty() {
        text.push_str("\nCould not be told\n");
        for it in &answer.not_told {
            text.push_str(&format!("  {:#x}: {}.\n", it.app, it.reason));
        }
    }
    text.push_str(&index(answer.indexed_from, &answer.index_head, now));
    text
}

fn of_member(member: &Member) -> String {
    let mut text = format!("\n{:#x} ({}). ", member.app, member.code.kind);
    if !member.born {
        text.push_str("Its contract has said nothing yet.\n");
        return text;
    }
    text.push_str(belief(member.completeness, &member.code.kind));
    text.push('\n');
    if member.authorised.is_empty() {
        text.push_str("  No version is allowed.\n");
    } else {
        let rows: Vec<_> = member
            .authorised
            .iter()
            .map(|it| {
                let read = it.read_by_call;
                let notice = if read { "not known".to_owned() } else { notice(it.notice_seconds) };
                [format!("{:#x}", it.compose_hash), place(&it.since), notice]
            })
            .collect();
        let head = ["version (compose hash)", "since (UTC)", "notice users had"];
        text.push_str(&table(head, &rows));
    }
    if !member.proposals.is_empty() {
        text.push_str("  Announced and not in force\n");
        text.push_str(&proposals(&member.proposals));
    }
    text.push_str(&unknown(&member.not_known));
    text
}
