//! Values as people write them: settings, times, amounts.

use alloy_primitives::{B256, U256};
use devproof_api::parse;
use devproof_operator::Setting;

/// Wei from gwei, with up to nine decimals.
pub(super) fn gwei(text: &str) -> Result<u128, String> {
    let bad = || format!("{} is no number of gwei, such as 1.5", parse::quote(text));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 9 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(bad());
    }
    let whole: u128 = whole.parse().map_err(|_| bad())?;
    let part: u128 = format!("{part:0<9}").parse().map_err(|_| bad())?;
    whole.checked_mul(1_000_000_000).and_then(|wei| wei.checked_add(part)).ok_or_else(bad)
}

/// Thirty-two bytes; fewer are filled up with zeros in front, as a commit id has twenty.
pub(super) fn digest(text: &str) -> Result<B256, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let bad = || format!("{} is not up to 64 hexadecimal digits", parse::quote(text));
    if digits.is_empty() || digits.len() > 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad());
    }
    format!("{digits:0>64}").parse().map_err(|_| bad())
}

/// Seconds, or a number with d, h or min behind it.
pub(super) fn seconds(text: &str) -> Result<u32, String> {
    let (number, unit) =
        text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let unit = match unit {
        "" | "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    let seconds = number.parse::<u32>().ok().and_then(|n| n.checked_mul(unit)).filter(|_| unit > 0);
    seconds
        .ok_or_else(|| format!("a notice looks like 7d, 48h or 604800, not {}", parse::quote(text)))
}

/// A setting that can be frozen.
pub(super) fn frozen(text: &str) -> Result<Setting, String> {
    Ok(match text.replace('_', "-").as_str() {
        "compose-hash" | "version" => Setting::ComposeHash,
        "device" => Setting::Device,
        "any-device" => Setting::AnyDevice,
        "tcb" | "tcb-requirement" | "no-tcb" => Setting::TcbRequirement,
        "os-image" => Setting::OsImage,
        "any-os-image" => Setting::AnyOsImage,
        "notice" | "notice-period" => Setting::NoticePeriod,
        "guardian" => Setting::Guardian,
        _ => return Err(format!("{} is no setting that can be frozen", parse::quote(text))),
    })
}

/// A setting and its value, `device=0x..`.
pub(super) fn setting(text: &str) -> Result<(Setting, B256), String> {
    let (name, value) = text.split_once('=').map_or((text, None), |(a, b)| (a, Some(b)));
    let needs = |example: &str| format!("{} needs a value: {example}", parse::quote(text));
    let number = |number: u64| B256::from(U256::from(number));
    Ok(match (name.replace('_', "-").as_str(), value) {
        ("compose-hash", Some(hash)) => (Setting::ComposeHash, parse::compose_hash(hash)?),
        ("device", Some(id)) => (Setting::Device, digest(id)?),
        ("any-device", None) => (Setting::AnyDevice, number(1)),
        ("no-tcb", None) => (Setting::TcbRequirement, B256::ZERO),
        ("os-image", Some(hash)) => (Setting::OsImage, digest(hash)?),
        ("any-os-image", None) => (Setting::AnyOsImage, number(1)),
        ("notice", Some(time)) => (Setting::NoticePeriod, number(seconds(time)?.into())),
        ("guardian", Some("none")) => (Setting::Guardian, B256::ZERO),
        ("guardian", Some(address)) => (Setting::Guardian, parse::app(address)?.into_word()),
        ("freeze", Some(name)) => (Setting::Freeze, number(frozen(name)? as u64)),
        ("device", None) => return Err(needs("device=0x9f86..")),
        ("notice", None) => return Err(needs("notice=3d")),
        ("freeze", None) => return Err(needs("freeze=compose-hash")),
        _ => {
            return Err(format!(
                "{} is none of device=ID, any-device, no-tcb, os-image=HASH, any-os-image, notice=TIME, guardian=ADDRESS and \
                 freeze=SETTING",
                parse::quote(text)
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_exactly() {
        let one = B256::with_last_byte(1);
        assert_eq!(setting("any-device"), Ok((Setting::AnyDevice, one)));
        assert_eq!(setting("freeze=compose_hash"), Ok((Setting::Freeze, one)));
        let day = B256::from(U256::from(86_400));
        assert_eq!(setting("notice=1d"), Ok((Setting::NoticePeriod, day)));
        assert_eq!(setting("guardian=none"), Ok((Setting::Guardian, B256::ZERO)));
        for bad in ["any-device=1", "device", "freeze=freeze", "notice=1w", "notice=", "x=y", ""] {
            assert!(setting(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn gwei_are_never_floats() {
        assert_eq!(gwei("1.5"), Ok(1_500_000_000));
        assert_eq!(gwei("0.000000001"), Ok(1));
        for bad in [
            "",
            ".",
            "1.0000000001",
            "-1",
            "1e9",
            "1.-5",
            "340282366920938463463374607431768211455",
        ] {
            assert!(gwei(bad).is_err(), "{bad}");
        }
    }
}
