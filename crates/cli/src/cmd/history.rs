//! `devproof history`: every change of an app's policy, and the notice that users really had.

use crate::{
    Failure, Outcome,
    cmd::{
        self, setting, value,
        words::{self, UNVERIFIED, orphaned, proposals},
    },
    config::Settings,
    opts::HistoryArgs,
    shell::Shell,
    text::{ago, count, minute, short_address, table, time},
};
use devproof_api::{
    Part,
    documents::{Completeness, Entry, History},
};
use devproof_store::Store;
use jiff::Timestamp;

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer.
pub async fn run(
    args: HistoryArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&settings.database).await?;
    let chain_id = cmd::chain(&settings, &store).await?;
    let finality = settings.finality(args.finality, chain_id);
    let history =
        devproof_api::history(&store, chain_id, args.app, Part::default(), finality).await?;
    shell.answer(&history, || render(&history, Timestamp::now()))?;
    Ok(Outcome::Yes)
}

/// The history as a table, oldest first. `now` dates the index.
#[must_use]
pub fn render(history: &History, now: Timestamp) -> String {
    let block = &history.block;
    let mut text = format!(
        "{} up to block {} ({}, {}). {}\n",
        sentence(count(history.entries.len(), "change")),
        block.number,
        time(block.timestamp),
        block.finality,
        belief(history),
    );
    if !history.entries.is_empty() {
        let rows: Vec<_> = history.entries.iter().map(row).collect();
        let head = [
            "when (UTC)",
            "block",
            "what",
            "value",
            "who",
            "notice",
            "from (UTC)",
            "dead (UTC)",
            "finality",
        ];
        text.push('\n');
        text.push_str(&table(head, &rows));
    }
    if !history.proposals.is_empty() {
        text.push_str("\nAnnounced and not in force\n");
        text.push_str(&proposals(&history.proposals));
    }
    if !history.orphaned.is_empty() {
        text.push_str("\nReorganised away\n");
        text.push_str(&orphaned(&history.orphaned));
    }
    let head = &history.index_head;
    text.push_str(&format!(
        "\nThe index begins at block {} and ends at block {} ({}, {}).\n",
        history.indexed_from,
        head.number,
        time(head.timestamp),
        ago(head.timestamp, now),
    ));
    if history.not_final_enough > 0 {
        let later =
            count(usize::try_from(history.not_final_enough).unwrap_or(usize::MAX), "later log");
        text.push_str(&format!(
            "It holds {later} not final enough; --finality unsafe shows what they say.\n"
        ));
    }
    text
}

fn sentence(mut text: String) -> String {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn belief(history: &History) -> &'static str {
    match (history.completeness, history.code.kind.as_str()) {
        (Completeness::Complete, "app_auth_test") => {
            "Each was checked against the contract's own history. Test build: the notice period is not enforced."
        }
        (Completeness::Complete, _) => "Each was checked against the contract's own history.",
        (Completeness::AsEmitted, "dstack_app" | "legacy_app_auth") => {
            "The owner of this app can change its code at any moment, without notice; this is what its events said."
        }
        (Completeness::AsEmitted, "app_auth" | "app_auth_test") => UNVERIFIED,
        (Completeness::AsEmitted, _) => {
            "We do not know the code that decides here. This is what its events said; nothing enforces it."
        }
    }
}

fn row(entry: &Entry) -> [String; 9] {
    let moment = |t: Option<Timestamp>| t.map(minute).unwrap_or_default();
    [
        minute(entry.block.timestamp),
        entry.block.number.to_string(),
        what(entry),
        value(&entry.setting, entry.value),
        entry.actor.map_or_else(|| "not said".to_owned(), short_address),
        notice(entry),
        moment(entry.ripe_at),
        moment(entry.expires_at),
        entry.block.finality.to_string(),
    ]
}

fn what(entry: &Entry) -> String {
    let setting = setting(&entry.setting);
    let listed = ["compose_hash", "device", "os_image"].contains(&entry.setting.as_str());
    let verb = match entry.action.as_str() {
        "proposed" => "announced",
        "cancelled" => "cancelled",
        "removed" => "removed",
        _ if listed => "allowed",
        _ => "set",
    };
    let effect = if entry.effective { "" } else { " (nothing changed)" };
    let read = if entry.read_by_call { " (read by call)" } else { "" };
    format!("{setting} {verb}{effect}{read}")
}

/// Empty where notice means nothing: for announcements, narrowings and what changed nothing.
fn notice(entry: &Entry) -> String {
    let widens =
        entry.action == "set" && ["compose_hash", "device"].contains(&entry.setting.as_str());
    match entry.notice_seconds {
        Some(_) if !entry.effective => String::new(),
        Some(seconds) => words::notice(Some(seconds)),
        None if entry.born_with && widens => words::notice(None),
        None => String::new(),
    }
}
