//! What a revert means, in one sentence.

use crate::bindings::AppAuth::AppAuthErrors as E;
use alloy_primitives::{B256, U256};
use alloy_sol_types::{Revert, SolError, SolInterface};
use devproof_primitives::{Setting, span};
use jiff::Timestamp;

/// Explains the data of a revert of one of our contracts. `now` is the time of the block at which it
/// reverted, Unix seconds. `None` if the data is none of ours.
#[must_use]
pub fn explain_revert(data: &[u8], now: u64) -> Option<String> {
    if let Ok(revert) = Revert::abi_decode(data) {
        return Some(format!("the contract says: {}", revert.reason.escape_debug()));
    }
    Some(match E::abi_decode(data).ok()? {
        E::NoticeNotElapsed(e) => {
            format!("{} may be activated from {}", what(e.kind, e.value), from(e.ripeAt.to(), now))
        }
        E::ProposalExpired(e) => format!(
            "the proposal of {} died on {} and needs a new full notice: propose it again",
            what(e.kind, e.value),
            time(e.expiredAt.to())
        ),
        E::NoticeRequired(e) if e.earliest == U256::MAX => {
            format!("{} can never be in force here", what(e.kind, e.value))
        }
        E::NoticeRequired(e) => format!(
            "{} has to be proposed first, and could be in force from {}",
            what(e.kind, e.value),
            from(e.earliest.saturating_to(), now)
        ),
        E::AlreadyPending(e) => format!(
            "{} is proposed already and may be activated from {}",
            what(e.kind, e.value),
            from(e.ripeAt.to(), now)
        ),
        E::AlreadyAllowed(e) => format!("{} is in force already", what(e.kind, e.value)),
        E::NotPending(e) => format!("no proposal of {} is pending", what(e.kind, e.value)),
        E::KindFrozen(e) => format!("{} was frozen and can never widen again", name(e.kind)),
        E::InvalidKind(e) => format!("{} is not a setting that this call takes", e.kind),
        E::InvalidValue(e) => format!("{} means nothing here", what(e.kind, e.value)),
        E::TooManyPending(e) => format!(
            "{} proposals are pending, which is as many as an app may have: cancel one first",
            e.maximum
        ),
        E::OwnableUnauthorizedAccount(e) => {
            format!("only the owner may do this, and {} is not", e.account)
        }
        E::OwnableInvalidOwner(e) => format!("{} cannot be the owner", e.owner),
        E::NotOwnerOrGuardian(e) => {
            format!("only the owner or the guardian may do this, and {} is neither", e.account)
        }
        E::NoticePeriodOutOfRange(e) => format!(
            "a notice of {} is outside of what the contract takes, {} to {}",
            seconds(e.noticePeriod),
            seconds(e.minimum),
            seconds(e.maximum)
        ),
        E::NotAnIncrease(e) => format!(
            "the notice is {} already: only an increase is instant, a decrease has to be proposed",
            span(e.current.into())
        ),
        E::GuardianAlreadySet(e) => {
            format!("the guardian is {}: replacing one has to be proposed", e.guardian)
        }
        E::OsImagesAlreadyPinned(_) => {
            "the app has a list of OS images: adding to it has to be proposed".into()
        }
        E::ComposeHashesNotFrozen(_) => {
            "the owner may only leave an app whose compose hashes are frozen".into()
        }
        E::UriTooLong(e) => format!("the URI has {} bytes, the most is {}", e.length, e.maximum),
    })
}

fn name(kind: u8) -> String {
    Setting::from_number(kind)
        .map_or_else(|_| format!("setting {kind}"), |setting| setting.name().replace('_', " "))
}

fn what(kind: u8, value: B256) -> String {
    match Setting::from_number(kind) {
        Ok(Setting::NoticePeriod) => format!("a notice of {}", seconds(value.into())),
        Ok(Setting::AnyDevice) => "accepting any device".into(),
        Ok(Setting::AnyOsImage) => "accepting any OS image the KMS allows".into(),
        Ok(Setting::TcbRequirement) => "dropping the TCB requirement".into(),
        Ok(Setting::Freeze) => {
            format!("the freeze of {}", name(U256::from_be_bytes(value.0).saturating_to()))
        }
        _ => format!("{} {value}", name(kind)),
    }
}

/// A point in time, to the minute, as the tools print it.
fn time(seconds: u64) -> String {
    i64::try_from(seconds).ok().and_then(|s| Timestamp::from_second(s).ok()).map_or_else(
        || format!("second {seconds}"),
        |t| t.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// A point in time and how far away it is.
fn from(seconds: u64, now: u64) -> String {
    match seconds.checked_sub(now) {
        Some(left) if left > 0 => format!("{}, in {}", time(seconds), span(left)),
        _ => time(seconds),
    }
}

/// A duration that came from the chain, where it may be any number.
fn seconds(number: U256) -> String {
    span(number.saturating_to())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::AppAuth;
    use alloy_primitives::aliases::U48;

    #[test]
    fn a_revert_becomes_a_sentence_with_the_time() {
        // 2026-11-27 14:03:00 UTC.
        let data = AppAuth::NoticeNotElapsed {
            kind: 7,
            value: U256::from(172_800).into(),
            ripeAt: U48::from(1_795_788_180),
        }
        .abi_encode();
        assert_eq!(
            explain_revert(&data, 1_795_788_180 - (6 * 24 + 23) * 3600).unwrap(),
            "a notice of 2 d may be activated from 2026-11-27 14:03 UTC, in 6 d 23 h"
        );
    }

    #[test]
    fn foreign_bytes_are_not_explained() {
        assert_eq!(explain_revert(&[], 0), None);
        assert_eq!(explain_revert(&[1, 2, 3, 4, 5], 0), None);
    }
}
