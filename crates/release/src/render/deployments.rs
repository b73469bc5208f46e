//! `DEPLOYMENTS.md`: every version that an app was ever allowed to run, from the chain alone.

use super::{address, hash, transaction};
use crate::{
    Ledger, Row, State,
    text::{code, time},
};
use alloy_primitives::{Address, U256};
use devproof_contracts::Code;
use devproof_operator::Happened;
use devproof_primitives::{Action, BlockRef, Notice, Setting, span};

/// How many rows a table has; older ones are counted. More than a person reads.
const MOST: usize = 1_000;

/// The file, up to the last log `through`.
pub(crate) fn deployments(ledger: &Ledger, through: BlockRef) -> String {
    let chain = ledger.chain_id;
    let mut text = format!("# Versions of the app `{:#x}` on chain {chain}\n\n", ledger.app);
    text.push_str(
        "Written by `devproof release publish` from the logs of the app's contract, and from nothing else. Do not edit it: \
         `devproof release verify` writes it anew and compares.\n\n",
    );
    text.push_str(&format!(
        "Read up to block {} ({}), `{:#x}`, which holds the last log of the contract. What happened later is not in here.\n\n",
        through.number,
        time(through.timestamp),
        through.hash
    ));
    text.push_str(&worth(ledger, through));
    text.push_str(
        "\n\n*Allowed* is not *running*: the contract says what an instance may get keys for. A version that ended is not stopped \
         where it runs already, and keys that it has are not taken back.\n\n## Versions\n\n",
    );
    let rows = ledger.up_to(through.number);
    if rows.is_empty() {
        text.push_str("None was ever announced or allowed.\n");
    } else {
        text.push_str(
            "| version (compose hash) | state | announced | may be activated | in force since | notice that users had | ended |\n\
             |---|---|---|---|---|---|---|\n",
        );
    }
    // The newest first.
    for row in rows.iter().rev().take(MOST) {
        text.push_str(&of_version(chain, row));
    }
    if rows.len() > MOST {
        text.push_str(&format!("\n{} older rows are left out.\n", rows.len() - MOST));
    }
    let others: Vec<_> = ledger.steps(through.number).filter(|it| is_other(it)).collect();
    text.push_str("\n## Everything else that changed\n\n");
    if others.is_empty() {
        text.push_str("Nothing.\n");
        return text;
    }
    text.push_str("| when | what | value | by | transaction |\n|---|---|---|---|---|\n");
    for it in others.iter().rev().take(MOST) {
        text.push_str(&of_setting(chain, it));
    }
    if others.len() > MOST {
        text.push_str(&format!("\n{} older rows are left out.\n", others.len() - MOST));
    }
    text
}

/// What this is worth: by which code it is vouched for.
fn worth(ledger: &Ledger, through: BlockRef) -> String {
    let root = ledger.root_at(through.number);
    let notice = ledger.notice_at(through.number).map(span);
    match (ledger.code, root, notice) {
        (Code::AppAuth, Some(root), Some(notice)) => format!(
            "Completeness: **complete**. The contract keeps a hash of its whole history (`{root:#x}`), and the rows below lead to it: \
             none is missing, changed or dated back. Its code is AppAuth, which nobody can change and which demands {notice} of notice."
        ),
        (Code::AppAuthTest, Some(root), _) => format!(
            "Completeness: **complete** (root `{root:#x}`). But the code is the **test build** of AppAuth: its notice may be zero and \
             protects nobody."
        ),
        _ => format!(
            "Completeness: **as emitted**. The code (`{}`, hash `{:#x}`) keeps no history that could be checked, and {}: these rows \
             are what its events said. Whether they are all, nobody can tell from here, and no notice is guaranteed.",
            ledger.code.name(),
            ledger.code_hash,
            if ledger.code == Code::Unknown {
                "nobody knows what it does"
            } else {
                "its owner may be able to change it"
            }
        ),
    }
}

fn place(chain: u64, it: &Happened) -> String {
    let at = it.step.at;
    format!(
        "{}, block {}, log {}, {}",
        time(at.timestamp),
        at.block,
        at.log_index,
        transaction(chain, at.transaction)
    )
}

fn of_version(chain: u64, row: &Row) -> String {
    let none = || "—".to_owned();
    let state = match row.state() {
        State::Announced => "announced",
        State::InForce => "**in force**",
        State::Withdrawn => "withdrawn",
        State::Removed => "removed",
    };
    let mut announced = row.announced.as_ref().map_or_else(
        || "never".to_owned(),
        |it| format!("{} by {}", place(chain, it), address(it.step.actor)),
    );
    if let Some(source) = &row.source {
        announced.push_str(&format!(
            "; its owner names the source {} at {}",
            hash(source.digest),
            code(&source.uri)
        ));
    }
    let window =
        row.window.filter(|_| row.announced.is_some()).map_or_else(none, |(ripe, expires)| {
            let until = if expires == u64::MAX {
                "for ever".to_owned()
            } else {
                format!("until {}", time(expires))
            };
            format!("from {} {until}", time(ripe))
        });
    let in_force = row
        .in_force
        .as_ref()
        .map_or_else(none, |it| format!("{} by {}", place(chain, it), address(it.step.actor)));
    let notice = match row.notice {
        None => none(),
        Some(Notice::Born) => "the app was born with it".to_owned(),
        Some(Notice::Seconds(0)) => "**none**".to_owned(),
        Some(Notice::Seconds(seconds)) => span(seconds),
    };
    let ended = row
        .ended
        .as_ref()
        .map_or_else(none, |it| format!("{} by {}", place(chain, it), address(it.step.actor)));
    format!(
        "| {} | {state} | {announced} | {window} | {in_force} | {notice} | {ended} |\n",
        hash(row.version)
    )
}

/// Whether something is not about versions. Claims about sources stand with those.
fn is_other(it: &Happened) -> bool {
    !matches!(it.step.change.setting, Setting::ComposeHash | Setting::Source)
}

fn of_setting(chain: u64, it: &Happened) -> String {
    let change = it.step.change;
    let number = U256::from_be_bytes(change.value.0);
    let value =
        match change.setting {
            Setting::AnyDevice | Setting::TcbRequirement | Setting::AnyOsImage => {
                if number.is_zero() { "no".to_owned() } else { "yes".to_owned() }
            }
            Setting::NoticePeriod => span(number.saturating_to()),
            Setting::Guardian | Setting::Owner | Setting::PendingOwner => {
                let who = Address::from_word(change.value);
                if who.is_zero() { "nobody".to_owned() } else { address(Some(who)) }
            }
            Setting::Freeze => {
                let frozen = Setting::from_number(number.saturating_to());
                frozen.map_or_else(|_| hash(change.value), |it| it.name().replace('_', " "))
            }
            _ => hash(change.value),
        };
    let verb = match change.action {
        Action::Proposed => "announced",
        Action::Cancelled => "withdrawn",
        Action::Set => "set",
        Action::Removed => "removed",
    };
    let nothing = if it.step.effective { "" } else { " (it was so already)" };
    format!(
        "| {} | {} {verb}{nothing} | {value} | {} | block {}, log {}, {} |\n",
        time(it.step.at.timestamp),
        change.setting.name().replace('_', " "),
        address(it.step.actor),
        it.step.at.block,
        it.step.at.log_index,
        transaction(chain, it.step.at.transaction)
    )
}
