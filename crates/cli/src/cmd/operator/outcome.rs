//! How a step ended, in words.

use super::{
    document::{Ended, Report},
    words::{coins, thing, time},
};
use crate::text::{count, shown, span};
use devproof_api::words;
use devproof_operator::{Action, Done, Plan, Standing, safe::SafeTransaction};

/// How it ended.
pub(super) fn ended(plan: &Plan, report: &Report) -> String {
    let mut text = match report.outcome {
        Ended::Done => done(report),
        Ended::Already => already(plan),
        Ended::TooEarly => {
            let ripe = report.ripe_at.map(words::time).unwrap_or_default();
            let expires = report.expires_at.map(words::time).unwrap_or_default();
            let left = match plan.standing {
                Standing::TooEarly { ripe_at, .. } => span(ripe_at.saturating_sub(plan.next_time)),
                _ => String::new(),
            };
            format!(
                "Too early: it may be activated from {ripe} on, in {left}, until {expires}. Nothing was sent; run it again then, \
                 or with --when-ripe.\n"
            )
        }
        Ended::Refused => {
            let reason = report.reason.as_deref().map(shown).unwrap_or_default();
            format!("Refused: {reason}. Nothing was sent.\n")
        }
        Ended::Failed => {
            let reason = report.reason.as_deref().map(shown).unwrap_or_default();
            format!("Failed: {reason}.\n")
        }
        Ended::Shown => "Nothing was sent.\n".to_owned(),
        Ended::ForSafe => String::new(),
    };
    if let Some(safe) = &report.safe {
        text.push_str(&self::safe(safe));
    }
    text
}

fn done(report: &Report) -> String {
    let Some(it) = &report.transaction else { return "Done.\n".to_owned() };
    let mut text = format!(
        "Done: transaction {:#x}\n  in block {} ({:#x}), {}, {}\n  cost {} of the chain's coin ({} gas)\n",
        it.hash,
        it.block,
        it.block_hash,
        words::time(it.timestamp),
        it.finality,
        coins(it.cost),
        it.gas_used
    );
    if let (Some(ripe), Some(expires)) = (report.ripe_at, report.expires_at) {
        text.push_str(&format!(
            "May be activated from {} on, and is dead from {} on.\n",
            words::time(ripe),
            words::time(expires)
        ));
    }
    text
}

fn already(plan: &Plan) -> String {
    let what = plan.action.subject().map(|(kind, word)| thing(kind, word)).unwrap_or_default();
    match plan.standing {
        Standing::Done(Done::Announced { ripe_at, expires_at }) => format!(
            "Done before: {what} is announced, may be activated from {} on and is dead from {} on. Nothing was sent.\n",
            time(ripe_at),
            time(expires_at)
        ),
        Standing::Done(Done::NotThere) => {
            format!("Nothing to do: {what} is neither in force nor announced. Nothing was sent.\n")
        }
        _ => format!("Done before: {}. Nothing was sent.\n", holds(plan, &what)),
    }
}

/// What holds already.
fn holds(plan: &Plan, what: &str) -> String {
    let owner = plan.view.as_ref().and_then(|view| view.owner);
    let owns = || format!("{} owns the app", owner.unwrap_or_default());
    match &plan.action {
        Action::Deploy { .. } => format!("the app is at {}", plan.app),
        Action::Register { kms } => format!("the KMS {kms} knows {}", plan.app),
        Action::RequireTcb => "an up-to-date TCB is required".to_owned(),
        Action::PinOsImages(images) => {
            format!("the app accepts only {}", count(images.len(), "OS image"))
        }
        Action::IncreaseNotice(seconds) => format!("the notice is {}", span(u64::from(*seconds))),
        Action::NameGuardian(guardian) => format!("{guardian} is the guardian"),
        Action::OfferOwnership(to) if to.is_zero() => {
            "the ownership is offered to nobody".to_owned()
        }
        Action::OfferOwnership(to) if owner != Some(*to) => {
            format!("the ownership is offered to {to}")
        }
        Action::OfferOwnership(_) | Action::AcceptOwnership => owns(),
        _ => format!("{what} is in force"),
    }
}

fn safe(safe: &SafeTransaction) -> String {
    format!(
        "For the Safe {} (version {}, {} of {} owners sign), with its nonce {}:\n  safeTxHash {:#x}\nCompare this hash with the one \
         on the device before you sign. The Safe itself computes the same.\n",
        safe.safe,
        shown(&safe.version),
        safe.threshold,
        safe.owners,
        safe.nonce,
        safe.safe_tx_hash
    )
}
