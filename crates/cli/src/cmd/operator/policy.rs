//! `devproof app images`, `notice` and `tcb`: what an app asks of systems, of time and of machines.

use super::{
    act,
    app::{Wanted, propose},
};
use crate::{
    Failure,
    config::Settings,
    opts::{ImagesArgs, NoticeArgs, TcbArgs},
};
use alloy_primitives::{B256, U256};
use devproof_operator::{self as operator, Action, Setting};

pub(super) fn images(args: ImagesArgs) -> Result<Wanted, Failure> {
    let action = if let Some(value) = args.add {
        propose(Setting::OsImage, value)
    } else if args.add_any {
        propose(Setting::AnyOsImage, B256::with_last_byte(1))
    } else if let Some(value) = args.remove {
        Action::Remove { setting: Setting::OsImage, value }
    } else if args.pin.is_empty() {
        return Err(Failure::Usage("name an OS image with --pin, --add or --remove".into()));
    } else {
        Action::PinOsImages(args.pin)
    };
    Ok((Some(args.app), action, args.sign))
}

pub(super) fn tcb(args: TcbArgs) -> Wanted {
    let action = if args.require {
        Action::RequireTcb
    } else {
        propose(Setting::TcbRequirement, B256::ZERO)
    };
    (Some(args.app), action, args.sign)
}

/// Whether it becomes longer, at once, or shorter, after the notice that holds: only the contract knows which.
pub(super) async fn notice(args: NoticeArgs, settings: &Settings) -> Result<Wanted, Failure> {
    let node = act::node(settings, true).await?;
    let app = operator::read(&node, args.app).await?;
    let shorter = app.has_notice() && u64::from(args.to) < app.notice_seconds;
    let action = if shorter {
        propose(Setting::NoticePeriod, B256::from(U256::from(args.to)))
    } else {
        Action::IncreaseNotice(args.to)
    };
    Ok((Some(args.app), action, args.sign))
}
