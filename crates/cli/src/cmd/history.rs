//! `devproof history`: every change of an app's policy, and the notice that users really had.

use crate::{
    Failure, Outcome,
    cmd::{
        self, setting, value,
        words::{self, belief, index, orphaned, proposals},
    },
    config::Settings,
    opts::HistoryArgs,
    shell::Shell,
    text::{count, minute, short_address, table, time},
};
use devproof_api::{
    Part,
    documents::{Entry, History},
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
    let (mut part, mut first) = (Part::default(), true);
    loop {
        let page = devproof_api::history(&store, chain_id, args.app, part, finality).await?;
        shell.answer(&page, || {
            let head = if first { head(&page) } else { String::new() };
            let tail =
                if page.next.is_none() { tail(&page, Timestamp::now()) } else { String::new() };
            format!("{head}{}{tail}", rows(&page))
        })?;
        first = false;
        match page.next {
            Some(next) => part.after = Some(next.parse().map_err(Failure::CouldNotTell)?),
            None => return Ok(Outcome::Yes),
        }
    }
}

/// A history of one page in words. `now` dates the index.
#[must_use]
pub fn render(history: &History, now: Timestamp) -> String {
    format!("{}{}{}", head(history), rows(history), tail(history, now))
}

fn head(history: &History) -> String {
    let block = &history.block;
    let changes = count(history.entries.len(), "change");
    let more = history.next.is_some();
    format!(
        "{} up to block {} ({}, {}). {}\n",
        sentence(if more { format!("more than {changes}") } else { changes }),
        block.number,
        time(block.timestamp),
        block.finality,
        belief(history.completeness, &history.code.kind),
    )
}

/// The changes as a table, oldest first.
fn rows(history: &History) -> String {
    if history.entries.is_empty() {
        return String::new();
    }
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
    format!("\n{}", table(head, &rows))
}

fn tail(history: &History, now: Timestamp) -> String {
    let mut text = String::new();
    if !history.proposals.is_empty() {
        text.push_str("\nAnnounced and not in force\n");
        text.push_str(&proposals(&history.proposals));
    }
    if !history.orphaned.is_empty() {
        text.push_str("\nReorganised away\n");
        text.push_str(&orphaned(&history.orphaned));
    }
    text.push_str(&index(history.indexed_from, &history.index_head, now));
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

/// What an entry did, in words.
pub(super) fn what(entry: &Entry) -> String {
    let setting = setting(&entry.setting);
    let listed = ["compose_hash", "device", "os_image", "kms_device", "aggregated_mr"]
        .contains(&entry.setting.as_str());
    let verb = match entry.action.as_str() {
        "proposed" => "announced",
        "cancelled" => "cancelled",
        "removed" => "removed",
        _ if listed => "allowed",
        _ if entry.setting == "registered_app" => "registered",
        _ => "set",
    };
    let effect = if entry.effective { "" } else { " (nothing changed)" };
    let read = if entry.read_by_call { " (read by call)" } else { "" };
    format!("{setting} {verb}{effect}{read}")
}

/// Empty where notice means nothing: for announcements, narrowings and what changed nothing.
pub(super) fn notice(entry: &Entry) -> String {
    let widens =
        entry.action == "set" && ["compose_hash", "device"].contains(&entry.setting.as_str());
    match entry.notice_seconds {
        Some(_) if !entry.effective => String::new(),
        Some(seconds) => words::notice(Some(seconds)),
        None if entry.born_with && widens => words::notice(None),
        None => String::new(),
    }
}
