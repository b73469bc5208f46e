//! What is announced already, and what time does to what is to be announced.

use super::{Check, Verdict};
use crate::{AppView, OperatorError, Pending, Setting};
use alloy::primitives::U256;
use devproof_primitives::{ProposalState, span};

/// The most announcements of an app that are pending at once (`AppAuth.MAX_PENDING`).
const MOST: u64 = 16;
/// So many left are few.
const FEW: u64 = 3;

/// Looks at what is announced besides, and whether `planned`, Unix seconds, is a time at which the announcement of `setting` can be activated
/// that is ripe at `ripe_at` and dead at `expires_at`.
#[must_use]
pub fn notices(
    app: &AppView,
    setting: Setting,
    pending: &Result<Vec<Pending>, OperatorError>,
    (ripe_at, expires_at): (u64, u64),
    planned: Option<u64>,
) -> Vec<Check> {
    let mut checks = vec![room(app)];
    match pending {
        Err(error) => checks.push(Check::new(
            "notices",
            Verdict::Warn,
            format!("What else is announced could not be read: {error}."),
        )),
        Ok(pending) => checks.extend(others(app, setting, pending, ripe_at)),
    }
    if let Some(planned) = planned {
        checks.push(if planned < ripe_at {
            let early = span(ripe_at - planned);
            let message = format!("It may be activated only {early} after the planned time: announce earlier, or plan later.");
            Check::new("planned", Verdict::Fail, message)
        } else if planned >= expires_at {
            let late = span(planned - expires_at);
            let message = format!("It is dead {late} before the planned time, and would need a new full notice: announce it later.");
            Check::new("planned", Verdict::Fail, message)
        } else {
            Check::new("planned", Verdict::Pass, "At the planned time it can be activated.")
        });
    }
    checks
}

fn room(app: &AppView) -> Check {
    let left = MOST.saturating_sub(app.pending);
    let id = "room";
    match left {
        0 => Check::new(
            id,
            Verdict::Fail,
            format!(
                "{MOST} announcements are pending, which is as many as an app may have: cancel one, or clear a dead one, first."
            ),
        ),
        left if left <= FEW => Check::new(
            id,
            Verdict::Warn,
            format!(
                "{} of {MOST} announcements are pending: clear those that are dead.",
                app.pending
            ),
        ),
        _ => Check::new(
            id,
            Verdict::Pass,
            format!("{} of {MOST} announcements are pending.", app.pending),
        ),
    }
}

fn others(app: &AppView, setting: Setting, pending: &[Pending], ripe_at: u64) -> Vec<Check> {
    let mut checks = Vec::new();
    let alive = || pending.iter().filter(|it| it.state != ProposalState::Expired);
    let freezes = |it: &&Pending| {
        it.setting == Setting::Freeze
            && U256::from_be_bytes(it.value.0) == U256::from(setting as u8)
    };
    if let Some(freeze) = alive().find(freezes) {
        let first = freeze.ripe_at < ripe_at;
        let message = if first {
            "A freeze of this setting is announced and comes first: once it is activated this can never be, so cancel one of the two."
        } else {
            "A freeze of this setting is announced: activate this before it."
        };
        let result = if first { Verdict::Fail } else { Verdict::Warn };
        checks.push(Check::new("freeze", result, message));
    }
    let same: Vec<_> = alive().filter(|it| it.setting == setting).collect();
    if !same.is_empty()
        && matches!(setting, Setting::ComposeHash | Setting::Device | Setting::OsImage)
    {
        let names: Vec<_> = same.iter().take(3).map(|it| format!("{:#x}", it.value)).collect();
        let message = format!(
            "{} announced of the same setting ({}): users see both, anybody may activate each, and both are then in force. Cancel what \
             is not wanted any more.",
            match same.len() {
                1 => "Another value is".to_owned(),
                n => format!("{n} other values are"),
            },
            names.join(", ")
        );
        checks.push(Check::new("notices", Verdict::Warn, message));
    }
    let shorter = |it: &&Pending| it.setting == Setting::NoticePeriod && it.ripe_at < ripe_at;
    if alive().any(|it| shorter(&it)) {
        let message = "A shorter notice is announced; this keeps the notice that holds today.";
        checks.push(Check::new("notices", Verdict::Warn, message));
    }
    let dead = pending.len() - alive().count();
    if dead > 0 {
        let message = format!(
            "{dead} dead announcements take up room: anybody may clear them with `devproof cancel`."
        );
        checks.push(Check::new("notices", Verdict::Warn, message));
    }
    if checks.is_empty() {
        let message = format!("Nothing else that is announced of {} is in its way.", app.address);
        checks.push(Check::new("notices", Verdict::Pass, message));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Address, B256};
    use devproof_contracts::Code;
    use devproof_primitives::BlockRef;

    fn app(pending: u64) -> AppView {
        AppView {
            address: Address::repeat_byte(1),
            block: BlockRef { number: 1, hash: B256::ZERO, timestamp: 1_000 },
            next_time: 1_001,
            code: Code::AppAuth,
            owner: None,
            pending_owner: None,
            guardian: None,
            notice_seconds: 100,
            pending,
            allow_any_device: true,
            require_tcb_up_to_date: false,
            os_images_pinned: false,
        }
    }

    fn announced(setting: Setting, value: B256, ripe_at: u64, state: ProposalState) -> Pending {
        let expires_at = ripe_at + 10;
        Pending {
            setting,
            value,
            by: None,
            announced_at: 0,
            ripe_at,
            expires_at,
            state,
            source: None,
        }
    }

    fn verdicts(
        count: u64,
        pending: Vec<Pending>,
        planned: Option<u64>,
    ) -> Vec<(&'static str, Verdict)> {
        let window = (1_101, 1_201);
        let checks = notices(&app(count), Setting::ComposeHash, &Ok(pending), window, planned);
        checks.into_iter().map(|it| (it.id, it.result)).collect()
    }

    #[test]
    fn what_is_in_the_way_is_found() {
        use ProposalState::{Expired, Pending as Waits};
        use Verdict::{Fail, Pass, Warn};
        assert_eq!(verdicts(0, vec![], None), [("room", Pass), ("notices", Pass)]);
        assert_eq!(verdicts(16, vec![], None), [("room", Fail), ("notices", Pass)]);
        assert_eq!(verdicts(14, vec![], None), [("room", Warn), ("notices", Pass)]);
        let freeze = |ripe| announced(Setting::Freeze, B256::with_last_byte(1), ripe, Waits);
        assert_eq!(verdicts(1, vec![freeze(1_050)], None), [("room", Pass), ("freeze", Fail)]);
        assert_eq!(verdicts(1, vec![freeze(1_150)], None), [("room", Pass), ("freeze", Warn)]);
        let other = announced(Setting::ComposeHash, B256::repeat_byte(7), 1_050, Waits);
        assert_eq!(verdicts(1, vec![other.clone()], None), [("room", Pass), ("notices", Warn)]);
        let dead = Pending { state: Expired, ..other };
        assert_eq!(verdicts(1, vec![dead], None), [("room", Pass), ("notices", Warn)]);
    }

    #[test]
    fn a_plan_has_to_lie_between_ripe_and_dead() {
        let planned = |time| verdicts(0, vec![], Some(time)).pop().unwrap();
        assert_eq!(planned(1_100), ("planned", Verdict::Fail));
        assert_eq!(planned(1_101), ("planned", Verdict::Pass));
        assert_eq!(planned(1_200), ("planned", Verdict::Pass));
        assert_eq!(planned(1_201), ("planned", Verdict::Fail));
    }
}
