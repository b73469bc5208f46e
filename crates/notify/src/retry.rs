//! When a letter is sent again.

use jiff::fmt::rfc2822;
use std::time::Duration;

/// The longest that a receiver may put us off: a day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// How long to wait after each attempt that failed; when none is left, the letter is dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Default for Schedule {
    /// What the Standard Webhooks specification suggests: about three days in all.
    fn default() -> Self {
        let (minute, hour) = (60, 3_600);
        let waits = [
            5,
            5 * minute,
            30 * minute,
            2 * hour,
            5 * hour,
            10 * hour,
            14 * hour,
            20 * hour,
            24 * hour,
        ];
        Self(waits.map(Duration::from_secs).into())
    }
}

impl Schedule {
    /// These waits instead.
    #[must_use]
    pub const fn new(waits: Vec<Duration>) -> Self {
        Self(waits)
    }

    /// How long to wait after so many attempts, with up to a fifth more, so that letters that failed together are not sent
    /// together again; longer if the receiver asks for it. `None` if that was the last attempt.
    #[must_use]
    pub fn wait(&self, attempts: u64, asked: Option<Duration>) -> Option<Duration> {
        let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let wait = self.0.get(place)?.mul_f64(1.0 + fastrand::f64() / 5.0);
        Some(wait.max(asked.unwrap_or_default().min(LONGEST)))
    }
}

/// What a `Retry-After` header asks for (RFC 9110, section 10.2.3): seconds, or a time.
pub(crate) fn retry_after(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(then.as_second() - now.as_second()).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_spread_over_three_days() {
        let schedule = Schedule::default();
        let waits: Vec<u64> =
            (1..).map_while(|n| schedule.wait(n, None)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits.len(), 9);
        for (wait, least) in waits.iter().zip([5, 300, 1_800, 7_200, 18_000, 36_000]) {
            assert!((least..=least * 6 / 5).contains(wait), "{wait} {least}");
        }
        let drawn: std::collections::BTreeSet<_> =
            (0..20).map(|_| schedule.wait(5, None)).collect();
        assert!(drawn.len() > 1, "all at the same moment");
    }

    #[test]
    fn a_receiver_may_ask_for_more_and_not_for_ever() {
        let schedule = Schedule::default();
        let asked = |seconds| schedule.wait(1, Some(Duration::from_secs(seconds))).unwrap();
        assert_eq!(asked(600), Duration::from_secs(600));
        assert!(asked(1) >= Duration::from_secs(5));
        assert_eq!(asked(u64::MAX), LONGEST);
        assert_eq!(schedule.wait(10, Some(LONGEST)), None);
        assert_eq!(schedule.wait(0, None).map(|wait| wait.as_secs() < 7), Some(true));
    }

    #[test]
    fn seconds_and_times_are_understood_and_nothing_else() {
        let now = "2026-11-26T20:00:00Z".parse().unwrap();
        let after = |text| retry_after(text, now);
        assert_eq!(after(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(after("Thu, 26 Nov 2026 20:01:00 GMT"), Some(Duration::from_secs(60)));
        for nothing in ["Thu, 26 Nov 2026 19:01:00 GMT", "", "soon", "-5", "1e9"] {
            assert_eq!(after(nothing), None, "{nothing}");
        }
    }
}
