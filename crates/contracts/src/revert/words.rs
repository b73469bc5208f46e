//! The words that sentences about reverts are made of.

use alloy_primitives::{B256, U256};
use devproof_primitives::{Setting, span};
use jiff::Timestamp;

/// The most of a contract's own words that is shown, in characters.
const MAX_QUOTE: usize = 200;

/// The name of a setting.
pub(super) fn name(kind: u8) -> String {
    Setting::from_number(kind)
        .map_or_else(|_| format!("setting {kind}"), |setting| setting.name().replace('_', " "))
}

/// A setting and its value.
pub(super) fn what(kind: u8, value: B256) -> String {
    match Setting::from_number(kind) {
        Ok(Setting::NoticePeriod) => format!("a notice of {}", seconds(value.into())),
        Ok(Setting::AnyDevice) => "accepting any device".into(),
        Ok(Setting::AnyOsImage) => "accepting any OS image the KMS allows".into(),
        Ok(Setting::TcbRequirement) => "dropping the TCB requirement".into(),
        Ok(Setting::Freeze) => {
            format!(
                "the freeze of the setting {}",
                name(U256::from_be_bytes(value.0).saturating_to())
            )
        }
        _ => format!("{} {value}", name(kind)),
    }
}

/// The piece of a signature chain that an error is about; the numbers are `DstackSignatureChain.Part`.
pub(super) fn part(number: u8) -> String {
    match number {
        0 => "the KMS's signature".into(),
        1 => "the app key's signature".into(),
        2 => "the signature under the message".into(),
        3 => "the app's public key".into(),
        4 => "the derived public key".into(),
        _ => format!("part {number} of the chain"),
    }
}

/// A point in time, to the minute, as the tools print it.
pub(super) fn time(seconds: u64) -> String {
    i64::try_from(seconds).ok().and_then(|s| Timestamp::from_second(s).ok()).map_or_else(
        || format!("second {seconds}"),
        |t| t.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// A point in time and how far away it is.
pub(super) fn from(seconds: u64, now: u64) -> String {
    match seconds.checked_sub(now) {
        Some(left) if left > 0 => format!("{}, in {}", time(seconds), span(left)),
        _ => time(seconds),
    }
}

/// A duration that came from the chain, where it may be any number.
pub(super) fn seconds(number: U256) -> String {
    span(number.saturating_to())
}

/// Words that a contract chose itself: cut short, and nothing in them moves a cursor or turns a line
/// around.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars().take(MAX_QUOTE) {
        match c {
            // These two are harmless, and common: "can't".
            '\'' | '"' => quoted.push(c),
            _ => quoted.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(MAX_QUOTE).is_some() {
        quoted.push_str("...");
    }
    quoted
}
