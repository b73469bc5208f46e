//! Times, hashes, settings and values as people read them, for the command line and the pages.

use alloy_primitives::{Address, B256, U256};
use devproof_primitives::Setting;
pub use devproof_primitives::span;
use jiff::Timestamp;

/// A time, `2026-03-01 12:00:00 UTC`.
#[must_use]
pub fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A time to the minute and without its zone, for tables: `2026-03-01 12:00`.
#[must_use]
pub fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// How long ago a time was, in its largest unit, `3 h ago`.
#[must_use]
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second() - then.as_second()).unwrap_or(0);
    match span(seconds).split(' ').take(2).collect::<Vec<_>>().join(" ").as_str() {
        "0 s" => "now".to_owned(),
        span => format!("{span} ago"),
    }
}

/// A hash shortened in the middle, `0x12345678..89abcdef`.
#[must_use]
pub fn short(hash: B256) -> String {
    let text = format!("{hash:#x}");
    let (head, tail) = (text.get(..10), text.get(text.len() - 8..));
    format!("{}..{}", head.unwrap_or_default(), tail.unwrap_or_default())
}

/// An address shortened in the middle, `0x123456..cdef`.
#[must_use]
pub fn short_address(address: Address) -> String {
    let text = format!("{address:#x}");
    let (head, tail) = (text.get(..8), text.get(text.len() - 4..));
    format!("{}..{}", head.unwrap_or_default(), tail.unwrap_or_default())
}

/// What the proposal, removal or entry is about, in words.
#[must_use]
pub fn setting(name: &str) -> String {
    match name {
        "compose_hash" => "version".to_owned(),
        "tcb_requirement" => "TCB requirement".to_owned(),
        "os_image" => "OS image".to_owned(),
        "any_os_image" => "any OS image".to_owned(),
        "kms_info" => "root keys".to_owned(),
        "kms_device" => "device of its instances".to_owned(),
        "aggregated_mr" => "measurement of its instances".to_owned(),
        "gateway_app_id" => "gateway".to_owned(),
        "registered_app" => "app".to_owned(),
        other => other.replace('_', " "),
    }
}

/// A value of a setting, as people read it.
#[must_use]
pub fn value(setting: &str, value: B256) -> String {
    let number = U256::from_be_bytes(value.0);
    match setting {
        "any_device" | "tcb_requirement" | "any_os_image" | "upgrades_disabled" => {
            if number.is_zero() { "no" } else { "yes" }.to_owned()
        }
        "notice_period" => span(number.saturating_to()),
        "guardian" | "owner" | "pending_owner" | "implementation" | "app_implementation"
        | "controller" | "registered_app" => {
            if number.is_zero() {
                "none".to_owned()
            } else {
                short_address(Address::from_word(value))
            }
        }
        "freeze" => Setting::from_number(number.saturating_to())
            .map_or_else(|_| short(value), |frozen| self::setting(frozen.name())),
        _ => short(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_now_is_now() {
        assert_eq!(ago(Timestamp::UNIX_EPOCH, Timestamp::from_second(3_700).unwrap()), "1 h ago");
        assert_eq!(ago(Timestamp::from_second(9).unwrap(), Timestamp::UNIX_EPOCH), "now");
    }
}
