//! What would change, in words that a user of the app understands, and what everybody else sees of it.

use super::document::{Cost, Report};
use crate::{
    cmd::{setting, value},
    text::{count, shown, span},
};
use alloy_primitives::{Address, B256, U256};
use devproof_api::words;
use devproof_operator::{
    Action, AppView, Effect, Plan, Setting,
    preflight::{Check, Verdict},
};

/// A point in time, in full.
pub(super) fn time(seconds: u64) -> String {
    super::document::timestamp(seconds).map_or_else(|| format!("second {seconds}"), words::time)
}

/// A point in time, and how far away it is.
fn from(seconds: u64, now: u64) -> String {
    match seconds.checked_sub(now).filter(|left| *left > 0) {
        Some(left) => format!("{} (in {})", time(seconds), span(left)),
        None => time(seconds),
    }
}

/// A value in full where people compare it.
pub(super) fn full(kind: Setting, word: B256) -> String {
    match kind {
        Setting::ComposeHash | Setting::Device | Setting::OsImage | Setting::Source => {
            format!("{word:#x}")
        }
        Setting::Guardian | Setting::Owner | Setting::PendingOwner if !word.is_zero() => {
            Address::from_word(word).to_string()
        }
        _ => value(kind.name(), word),
    }
}

/// A setting and its value as a name for a thing.
pub(super) fn thing(kind: Setting, word: B256) -> String {
    match kind {
        Setting::AnyDevice => "any device".to_owned(),
        Setting::TcbRequirement => "accepting an out-of-date TCB".to_owned(),
        Setting::AnyOsImage => "any OS image that the KMS admits".to_owned(),
        Setting::NoticePeriod => format!("a notice of {}", full(kind, word)),
        Setting::Guardian if word.is_zero() => "the removal of the guardian".to_owned(),
        Setting::Freeze => format!("the freeze of the setting {}", full(kind, word)),
        _ => format!("{} {}", setting(kind.name()), full(kind, word)),
    }
}

/// What the value means once it is in force.
fn then(kind: Setting, word: B256, app: Option<&AppView>) -> String {
    match kind {
        Setting::ComposeHash => "instances of the app may run this version, with the app's keys and so with the users' data, beside \
                                 the versions that are allowed already"
            .to_owned(),
        Setting::Device => "this machine may run the app".to_owned(),
        Setting::AnyDevice => "any machine that the KMS admits may run the app".to_owned(),
        Setting::TcbRequirement => "machines whose firmware is known to be out of date may run the app".to_owned(),
        Setting::OsImage => "the app may run on this OS image".to_owned(),
        Setting::AnyOsImage => "the app may run on every OS image that the KMS admits, and has no list of its own".to_owned(),
        Setting::NoticePeriod => {
            let before = app.map_or(0, |app| app.notice_seconds);
            let after = U256::from_be_bytes(word.0).saturating_to();
            format!("users get {} of notice instead of {} before anything widens", span(after), span(before))
        }
        Setting::Guardian if word.is_zero() => "nobody but the owner can stop what is announced".to_owned(),
        Setting::Guardian => format!("{} is the guardian, who can stop what is announced", Address::from_word(word)),
        Setting::Freeze => format!(
            "the setting {} can never widen again, and nobody can take that back",
            full(kind, word)
        ),
        _ => "it is in force".to_owned(),
    }
}

/// The heading of a plan.
fn heading(plan: &Plan) -> String {
    let app = format!("app {} on chain {}", plan.app, plan.chain_id);
    let what = plan.action.subject().map(|(kind, word)| thing(kind, word)).unwrap_or_default();
    match &plan.action {
        Action::Propose { .. } => format!("Announce {what} for {app}."),
        Action::Activate { .. } => format!("Put {what} into force for {app}."),
        Action::Cancel { .. } => format!("Withdraw the announcement of {what} for {app}."),
        Action::Remove { setting: Setting::AnyDevice, .. } => {
            format!("Accept only the devices that are listed for {app}.")
        }
        Action::Remove { .. } => format!("Stop accepting {what} for {app}."),
        Action::RequireTcb => format!("Require an up-to-date TCB for {app}."),
        Action::PinOsImages(images) => {
            format!("Accept only {} for {app}.", count(images.len(), "OS image"))
        }
        Action::IncreaseNotice(seconds) => {
            format!("Lengthen the notice to {} for {app}.", span(u64::from(*seconds)))
        }
        Action::NameGuardian(guardian) => format!("Name {guardian} the guardian of {app}."),
        Action::OfferOwnership(to) if to.is_zero() => {
            format!("Take the offer of the ownership of {app} back.")
        }
        Action::OfferOwnership(to) => format!("Offer the ownership of {app} to {to}."),
        Action::AcceptOwnership => format!("Accept the ownership of {app}."),
        Action::Register { kms } => {
            format!("Make app {} known to the KMS {kms} on chain {}.", plan.app, plan.chain_id)
        }
        Action::Deploy { .. } => {
            format!("Deploy an AppAuth at {} on chain {}.", plan.app, plan.chain_id)
        }
    }
}

/// What would change, and when.
fn changes(plan: &Plan, effect: Effect) -> String {
    let app = plan.view.as_ref();
    let subject = plan.action.subject();
    let means = || subject.map(|(kind, word)| then(kind, word, app)).unwrap_or_default();
    match effect {
        Effect::Announces { ripe_at, expires_at, renews } => format!(
            "nothing now. From about {} on anybody may put it into force, until {}; then {}.{}",
            from(ripe_at, plan.next_time),
            time(expires_at),
            means(),
            if renews { " The announcement of the same that is dead is cleared away." } else { "" }
        ),
        Effect::Activates => format!("at once {}.", means()),
        Effect::Withdraws { dead: true } => {
            "nothing: the announcement is dead already, and only cleared away.".to_owned()
        }
        Effect::Withdraws { dead: false } => {
            "what was announced will not come; it would need a new full notice.".to_owned()
        }
        Effect::Narrows { in_force, withdraws } => narrows(plan, in_force, withdraws),
        Effect::Offers => match &plan.action {
            Action::OfferOwnership(to) if to.is_zero() => "nobody can accept the ownership any more.".to_owned(),
            _ => "nothing now. Whoever it is offered to may accept it at any time, without notice: an owner can widen \
                  nothing without one."
                .to_owned(),
        },
        Effect::ChangesOwner => "at once the account that signs owns the app, and the owner of before does not.".to_owned(),
        Effect::Registers => "the KMS asks this contract from then on before it gives keys to instances of the app. It cannot be \
                              undone, and anybody could do it."
            .to_owned(),
        Effect::GivesBirth => born(plan),
    }
}

fn narrows(plan: &Plan, in_force: bool, withdraws: bool) -> String {
    let mut text = match &plan.action {
        Action::Remove { setting: Setting::ComposeHash, .. } if in_force => {
            "at once no instance that starts gets keys for this version. One that runs already is not stopped, and keys that it \
             has are not taken back. To allow it again takes a new full notice."
        }
        Action::Remove { setting: Setting::Device, .. } if in_force => {
            "at once no instance that starts on this machine gets keys. One that runs already is not stopped."
        }
        Action::Remove { setting: Setting::AnyDevice, .. } if in_force => {
            "at once only machines that are listed get keys for the app. Instances that run already are not stopped."
        }
        Action::Remove { setting: Setting::OsImage, .. } if in_force => {
            "at once no instance that starts on this OS image gets keys. One that runs already is not stopped. A list that \
             becomes empty accepts no image at all."
        }
        Action::Remove { .. } => "it is not in force.",
        Action::RequireTcb => "at once no instance that starts on a machine with out-of-date firmware gets keys.",
        Action::PinOsImages(_) => "at once no instance that starts on another OS image gets keys. Every further image takes the full notice.",
        Action::IncreaseNotice(_) => {
            "at once everything that is announced from then on takes the longer notice; what is pending already keeps its time. To \
             shorten it again takes that notice."
        }
        Action::NameGuardian(_) => {
            "at once the guardian may withdraw what is announced and remove what is allowed, and nothing else. To replace it takes \
             the full notice."
        }
        _ => "at once fewer instances get keys.",
    }
    .to_owned();
    if withdraws {
        text.push_str(" What is announced of the same is withdrawn with it.");
    }
    if plan.view.as_ref().is_some_and(|view| !view.has_notice()) {
        text.push_str(" No notice exists here: its owner can undo this at once.");
    }
    text
}

fn born(plan: &Plan) -> String {
    let Action::Deploy { born, kms, .. } = &plan.action else { return String::new() };
    let list = |name: &str, items: &[B256]| -> String {
        items.iter().map(|item| format!("\n    {name} {item:#x}")).collect()
    };
    format!(
        "an app is born, whose address commits to this:\n    owner {}\n    guardian {}\n    notice {}\n    TCB {}{}{}{}\n  \
         All of this holds from the start, without notice. {}",
        born.owner,
        if born.guardian.is_zero() { "none".to_owned() } else { born.guardian.to_string() },
        span(u64::from(born.notice_seconds)),
        if born.require_tcb_up_to_date { "must be up to date" } else { "need not be up to date" },
        list("version", &born.compose_hashes),
        if born.allow_any_device {
            "\n    any device".to_owned()
        } else {
            list("device", &born.devices)
        },
        if born.os_images.is_empty() {
            "\n    any OS image that the KMS admits".to_owned()
        } else {
            list("OS image", &born.os_images)
        },
        if kms.is_zero() {
            "It is not registered with a KMS yet.".to_owned()
        } else {
            format!("It is registered with the KMS {kms}.")
        }
    )
}

/// What everybody else sees of it.
const fn seen(effect: Effect) -> &'static str {
    match effect {
        Effect::Announces { .. } => {
            "the announcement with both times, at once: in the app's history, its feed and its calendar, for good."
        }
        Effect::GivesBirth | Effect::Registers => {
            "the app and what it was born with, in the lists of apps."
        }
        Effect::Withdraws { .. } => {
            "that it was withdrawn, by whom and when, in the app's history."
        }
        _ => "the change, by whom and when, in the app's history and its feed, for good.",
    }
}

/// What this contract's promise is worth.
fn standing_of(app: &AppView) -> Option<&'static str> {
    match app.code.name() {
        "app_auth" => None,
        "app_auth_test" => Some("Test build: the notice is not enforced, and protects nobody."),
        "dstack_app" | "legacy_app_auth" => Some(
            "Stock contract: no notice exists. Its owner can do anything at once, and replace the code.",
        ),
        _ => Some("Nobody knows this code."),
    }
}

/// The whole plan, before it is asked for.
pub(super) fn plan(plan: &Plan, effect: Effect, report: &Report) -> String {
    let mut text = format!("{}\n\n", heading(plan));
    if let Some(warning) = plan.view.as_ref().and_then(standing_of) {
        text.push_str(&format!("{warning}\n\n"));
    }
    text.push_str(&format!("What changes: {}\n", changes(plan, effect)));
    text.push_str(&format!("What others see: {}\n", seen(effect)));
    text.push_str(&checks(&report.checks));
    text.push_str(&call(report));
    if let (Some(block), Some(from)) = (report.simulated_on, report.from) {
        text.push_str(&format!(
            "Executed here on the state of block {block} as {from}: it would succeed.\n"
        ));
    }
    text.push_str(&report.cost.map(cost).unwrap_or_default());
    text
}

/// The checks, one a line.
pub(super) fn checks(checks: &[Check]) -> String {
    if checks.is_empty() {
        return String::new();
    }
    let line = |check: &Check| {
        let result = match check.result {
            Verdict::Pass => "ok",
            Verdict::Warn => "note",
            Verdict::Fail => "FAILS",
            Verdict::Accepted => "fails, accepted",
        };
        format!("  {result}: {} ({})\n", shown(&check.message), check.id)
    };
    format!("Checks:\n{}", checks.iter().map(line).collect::<String>())
}

/// The call, decoded.
fn call(report: &Report) -> String {
    let mut text = format!("Call: {} of {}\n", report.call.function, report.call.target);
    for argument in &report.call.arguments {
        text.push_str(&format!("  {} = {}\n", argument.name, shown(&argument.value)));
    }
    text
}

/// Wei as the coin of the chain, exactly, without zeros at the end.
pub(in crate::cmd) fn coins(wei: u128) -> String {
    let text = format!("{}.{:018}", wei / 10_u128.pow(18), wei % 10_u128.pow(18));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The same as gwei.
fn gwei(wei: u128) -> String {
    let text = format!("{}.{:09}", wei / 1_000_000_000, wei % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn cost(cost: Cost) -> String {
    format!(
        "Cost: at most {} of the chain's coin ({} gas at up to {} gwei), and what a chain like Base takes for data.\n",
        coins(cost.most),
        cost.gas,
        gwei(cost.max_fee_per_gas)
    )
}

/// The call as data, for whoever signs elsewhere.
pub(super) fn calldata(report: &Report) -> String {
    format!(
        "Target: {}\nValue: {}\nData: {}\n",
        report.call.target, report.call.value, report.call.data
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_are_exact() {
        for (wei, text) in
            [(0, "0"), (1, "0.000000000000000001"), (1_500_000_000_000_000_000, "1.5")]
        {
            assert_eq!(coins(wei), text);
        }
        assert_eq!(gwei(1_250_000_000), "1.25");
    }
}
