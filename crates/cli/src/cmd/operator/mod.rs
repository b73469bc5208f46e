//! The operator's verbs: from a compose file to a release that was announced and is in force.

mod act;
mod app;
mod checks;
mod contract;
mod document;
mod outcome;
mod policy;
mod sending;
mod signer;
mod status;
pub(in crate::cmd) mod words;

pub use app::run as app;
pub use contract::run as contract;
pub use status::run as status;

use self::{
    act::{Wish, carry_out},
    checks::Checks,
};
use crate::{
    Failure, Outcome,
    config::Settings,
    opts::{ActivateArgs, CancelArgs, ProposeArgs, RemoveArgs, ValueArgs},
    schemas::{Printed, Row, own},
    shell::Shell,
};
use alloy_primitives::B256;
use devproof_compose::AppCompose;
use devproof_operator::{Action, Setting, Source};

/// What everything prints that changes something.
const ENDED: &[Printed] = &[own::<document::Report>()];

/// What each prints.
pub(crate) const PRINTED: &[Row] = &[
    ("propose", ENDED),
    ("activate", ENDED),
    ("cancel", ENDED),
    ("remove", ENDED),
    ("app deploy", ENDED),
    ("app register", ENDED),
    ("app transfer", ENDED),
    ("app guardian", ENDED),
    ("app devices", ENDED),
    ("app images", ENDED),
    ("app notice", ENDED),
    ("app tcb", ENDED),
    ("app freeze", ENDED),
    ("status", &[own::<status::Status>()]),
    ("app show", &[own::<status::Status>()]),
    ("contract verify", &[own::<contract::Contract>()]),
];

/// Runs `devproof propose`.
///
/// # Errors
/// What keeps it from an answer.
pub async fn propose(
    args: ProposeArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let (setting, value, document) = named(&args.value)?;
    let source = args
        .source_digest
        .map(|digest| Source { digest, uri: args.source_url.unwrap_or_default() });
    if source.is_some() && setting != Setting::ComposeHash {
        return Err(Failure::Usage("only a version has a source".into()));
    }
    let action = Action::Propose { setting, value, source };
    let checks = Checks {
        document,
        platforms: checks::platforms(&args.platform)?,
        planned: args.planned,
        accept: args.accept,
        whole: true,
    };
    let wish = Wish { app: Some(args.app), action, checks, when_ripe: false };
    carry_out(wish, args.sign, &settings, shell).await
}

/// Runs `devproof activate`.
///
/// # Errors
/// What keeps it from an answer.
pub async fn activate(
    args: ActivateArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let (setting, value, document) = named(&args.value)?;
    let platforms = checks::platforms(&args.platform)?;
    let checks = Checks { document, platforms, ..Checks::default() };
    let action = Action::Activate { setting, value };
    let wish = Wish { app: Some(args.app), action, checks, when_ripe: args.when_ripe };
    carry_out(wish, args.sign, &settings, shell).await
}

/// Runs `devproof cancel`.
///
/// # Errors
/// What keeps it from an answer.
pub async fn cancel(
    args: CancelArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let (setting, value, _) = named(&args.value)?;
    let action = Action::Cancel { setting, value };
    let (app, checks) = (Some(args.app), Checks::default());
    let wish = Wish { app, action, checks, when_ripe: false };
    carry_out(wish, args.sign, &settings, shell).await
}

/// Runs `devproof remove`.
///
/// # Errors
/// What keeps it from an answer.
pub async fn remove(
    args: RemoveArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let (setting, value, _) = named(&args.value)?;
    let removable = [Setting::ComposeHash, Setting::Device, Setting::AnyDevice, Setting::OsImage];
    if !removable.contains(&setting) {
        return Err(Failure::Usage(
            "only a version, a device, an OS image or any-device is removed; `devproof cancel` withdraws what is announced".into(),
        ));
    }
    let action = Action::Remove { setting, value };
    let (app, checks) = (Some(args.app), Checks::default());
    let wish = Wish { app, action, checks, when_ripe: false };
    carry_out(wish, args.sign, &settings, shell).await
}

/// The value that the arguments name, and the file, where they name one.
fn named(args: &ValueArgs) -> Result<(Setting, B256, Option<AppCompose>), Failure> {
    match (&args.compose, args.compose_hash, args.setting) {
        (Some(path), ..) => {
            let document = checks::document(path)?;
            Ok((Setting::ComposeHash, document.hash().0, Some(document)))
        }
        (None, Some(hash), _) => Ok((Setting::ComposeHash, hash, None)),
        (None, None, Some((setting, value))) => Ok((setting, value, None)),
        (None, None, None) => {
            Err(Failure::Usage("name a version with --compose, or a --setting".into()))
        }
    }
}
