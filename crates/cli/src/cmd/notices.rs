//! `devproof notices`: what was announced, across all apps or of one.

use crate::{
    Failure, Outcome,
    cmd::{chain, words::index},
    config::Settings,
    opts::NoticesArgs,
    shell::Shell,
    text::{minute, plain, short, short_address, span, table, time},
};
use devproof_api::{
    NoticePlace, NoticeState, Part, Surface,
    documents::{Notice, Notices},
    notices, notices_of,
    words::{setting, value},
};
use devproof_store::Store;
use jiff::Timestamp;

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer.
pub async fn run(
    args: NoticesArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&settings.database).await?;
    let chain_id = chain(&settings, &store).await?;
    let finality = settings.finality(args.finality, chain_id);
    let state = args.state.unwrap_or_default();
    let answer = match args.app {
        Some(app) => notices_of(&store, chain_id, app, state, finality).await?,
        None => {
            let mut whole: Option<Notices> = None;
            let mut after: Option<NoticePlace> = None;
            loop {
                let page = Part { limit: 100, after };
                let page = notices(&store, chain_id, state, page, finality, Surface::Cli).await?;
                after = page.next.as_deref().and_then(|next| next.parse().ok());
                match &mut whole {
                    None => whole = Some(page),
                    Some(whole) => {
                        whole.notices.extend(page.notices);
                        whole.not_told.extend(page.not_told);
                    }
                }
                if after.is_none() {
                    break;
                }
            }
            let mut whole =
                whole.ok_or_else(|| Failure::CouldNotTell("no page came".to_owned()))?;
            whole.next = None;
            whole.not_told.dedup_by_key(|it| it.app);
            whole
        }
    };
    shell.answer(&answer, || render(&answer, state, Timestamp::now()))?;
    if answer.notices.is_empty() { Ok(Outcome::No) } else { Ok(Outcome::Yes) }
}

/// The answer in words. `now` dates the index.
#[must_use]
pub fn render(answer: &Notices, state: NoticeState, now: Timestamp) -> String {
    let block = &answer.block;
    let mut text = format!(
        "Announced and {}, at block {} ({}, {}):\n",
        match state {
            NoticeState::Open => "not in force yet",
            other => other.name(),
        },
        block.number,
        time(block.timestamp),
        block.finality,
    );
    if answer.notices.is_empty() {
        text.push_str("  nothing\n");
    } else {
        let head = [
            "app",
            "what",
            "value",
            "state",
            "announced (UTC)",
            "possible from",
            "ended",
            "notice",
        ];
        let rows: Vec<_> = answer.notices.iter().map(row).collect();
        text.push_str(&table(head, &rows));
    }
    if answer.notices.iter().any(|it| it.code.kind != "app_auth") {
        text.push_str("  Only an app_auth enforces its notice; the others only said so.\n");
    }
    for it in &answer.not_told {
        text.push_str(&format!("  Of {:#x} nothing can be told: {}.\n", it.app, plain(&it.reason)));
    }
    if answer.unread > 0 {
        let unread = answer.unread;
        text.push_str(&format!(
            "  The past of {unread} apps is still being read; each may have announced something.\n"
        ));
    }
    text.push_str(&index(answer.indexed_from, &answer.index_head, now));
    text
}

fn row(it: &Notice) -> [String; 8] {
    let is_version = it.kind == "compose_hash";
    [
        short_address(it.app),
        setting(&it.kind),
        if is_version { short(it.value) } else { value(&it.kind, it.value) },
        it.state.clone(),
        minute(it.proposed.timestamp),
        minute(it.ripe_at),
        it.ended.as_ref().map_or_else(String::new, |ended| minute(ended.timestamp)),
        it.notice_seconds.map_or_else(String::new, span),
    ]
}
