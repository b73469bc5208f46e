//! Alerts about telling itself: that something is taken back, that something cannot be told, and that nothing happened.

use super::{Alert, AlertKind, LOOK, NOTHING};
use alloy_primitives::Address;
use jiff::Timestamp;

/// That something was told of a block which is gone. `told` is how the alert was told apart, and `title` what it said.
#[must_use]
pub fn of_orphaned(
    chain_id: u64,
    app: Option<Address>,
    (told, title): (&str, &str),
    block: u64,
    now: Timestamp,
) -> Alert {
    Alert {
        id: format!("{told}:{}", AlertKind::Orphaned),
        kind: AlertKind::Orphaned,
        chain_id,
        app,
        at: now,
        block: Some(block),
        title: format!("Taken back: {title}"),
        text: format!(
            "Block {block}, which said so, was reorganised away. Take it as never said, unless it is told again. A key service reads the newest block and may have acted on it meanwhile."
        ),
        advice: LOOK.to_owned(),
        path: path(chain_id, app),
    }
}

/// That what an app did cannot be told, and why.
#[must_use]
pub fn of_silence(chain_id: u64, name: &str, app: Address, reason: &str, now: Timestamp) -> Alert {
    Alert {
        id: format!("{chain_id}:{app:#x}:{}", AlertKind::NotTold),
        kind: AlertKind::NotTold,
        chain_id,
        app: Some(app),
        at: now,
        block: None,
        title: format!("{name} did something that cannot be told"),
        text: format!(
            "{}. What it does from now on may go untold here as well.",
            reason.trim_end_matches('.')
        ),
        advice: LOOK.to_owned(),
        path: path(chain_id, Some(app)),
    }
}

/// Words for whoever wants to see whether messages arrive.
#[must_use]
pub fn of_test(chain_id: u64, now: Timestamp) -> Alert {
    Alert {
        id: format!("{chain_id}:{}", AlertKind::Test),
        kind: AlertKind::Test,
        chain_id,
        app: None,
        at: now,
        block: None,
        title: "This is a test".to_owned(),
        text: "Nothing happened. Somebody wanted to see whether messages of devproof arrive here."
            .to_owned(),
        advice: NOTHING.to_owned(),
        path: path(chain_id, None),
    }
}

fn path(chain_id: u64, app: Option<Address>) -> String {
    app.map_or_else(
        || format!("/changes?chain={chain_id}"),
        |app| format!("/chains/{chain_id}/apps/{app:#x}"),
    )
}
