//! `devproof app`: the app itself, and who may do what.

use super::{
    act::{Wish, carry_out},
    checks::{self, Checks},
    policy, status,
};
use crate::{
    Failure, Outcome,
    config::Settings,
    opts::{AppArgs, AppCommand, DeployArgs, DevicesArgs, GuardianArgs, SignArgs, TransferArgs},
    shell::Shell,
};
use alloy_primitives::{Address, B256, U256};
use devproof_operator::{Action, Born, Setting};

/// Runs `devproof app`.
///
/// # Errors
/// What keeps it from an answer.
pub async fn run(args: AppArgs, settings: Settings, shell: &mut Shell) -> Result<Outcome, Failure> {
    let (app, action, sign) = match args.command {
        AppCommand::Show(args) => return status::run(args, settings, shell).await,
        AppCommand::Deploy(args) => deployment(*args)?,
        AppCommand::Register(args) => {
            (Some(args.app), Action::Register { kms: args.kms }, args.sign)
        }
        AppCommand::Transfer(args) => transfer(*args),
        AppCommand::Guardian(args) => guardian(*args),
        AppCommand::Devices(args) => devices(*args)?,
        AppCommand::Images(args) => policy::images(*args)?,
        AppCommand::Notice(args) => policy::notice(*args, &settings).await?,
        AppCommand::Tcb(args) => policy::tcb(*args),
        AppCommand::Freeze(args) => {
            let value = B256::from(U256::from(args.setting as u8));
            (Some(args.app), propose(Setting::Freeze, value), args.sign)
        }
    };
    let whole = matches!(action, Action::Propose { .. });
    let checks = Checks { whole, ..Checks::default() };
    carry_out(Wish { app, action, checks, when_ripe: false }, sign, &settings, shell).await
}

pub(super) const fn propose(setting: Setting, value: B256) -> Action {
    Action::Propose { setting, value, source: None }
}

/// The app, what is wanted of it, and who signs.
pub(super) type Wanted = (Option<Address>, Action, SignArgs);

fn deployment(args: DeployArgs) -> Result<Wanted, Failure> {
    let mut compose_hashes = args.compose_hash;
    for path in &args.compose {
        compose_hashes.push(checks::document(path)?.hash().0);
    }
    let born = Born {
        owner: args.owner,
        guardian: args.guardian.unwrap_or_default(),
        notice_seconds: args.notice,
        allow_any_device: args.device.is_empty(),
        require_tcb_up_to_date: args.require_tcb,
        compose_hashes,
        devices: args.device,
        os_images: args.os_image,
    };
    let action = Action::Deploy {
        factory: args.factory,
        born: Box::new(born),
        salt: args.salt,
        kms: args.kms.unwrap_or_default(),
    };
    Ok((None, action, args.sign))
}

fn transfer(args: TransferArgs) -> Wanted {
    let action = if args.accept {
        Action::AcceptOwnership
    } else {
        Action::OfferOwnership(args.to.unwrap_or_default())
    };
    (Some(args.app), action, args.sign)
}

fn guardian(args: GuardianArgs) -> Wanted {
    let action = match args.name {
        Some(name) => Action::NameGuardian(name),
        None => {
            let other = args.replace_by.unwrap_or_default();
            propose(Setting::Guardian, other.into_word())
        }
    };
    (Some(args.app), action, args.sign)
}

fn devices(args: DevicesArgs) -> Result<Wanted, Failure> {
    let any = B256::with_last_byte(1);
    let action = if let Some(value) = args.add {
        propose(Setting::Device, value)
    } else if args.add_any {
        propose(Setting::AnyDevice, any)
    } else if let Some(value) = args.remove {
        Action::Remove { setting: Setting::Device, value }
    } else if args.remove_any {
        Action::Remove { setting: Setting::AnyDevice, value: any }
    } else {
        return Err(Failure::Usage("name a device with --add or --remove".into()));
    };
    Ok((Some(args.app), action, args.sign))
}
