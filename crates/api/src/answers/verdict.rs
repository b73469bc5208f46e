//! What a KMS would answer about a boot: the legs and reasons of its contract and of the app's, from the index.

use super::{AnswerError, When, at};
use crate::{
    Finality, Headers,
    documents::{AtBlock, BootInfo, IsAllowed, Kms, KmsVerdict, Leg, Verdict},
};
use devproof_contracts::Code;
use devproof_primitives::Setting;
use devproof_store::Store;

/// What each KMS of the index would have said to `boot` after a block: what dstack's `DstackKms.isAppAllowed` and the app's
/// contract look at, in their order, with their reasons.
///
/// # Errors
/// Those of [`at`].
pub async fn is_allowed(
    store: &Store,
    headers: Option<&dyn Headers>,
    chain_id: u64,
    boot: &BootInfo,
    when: When,
    min_finality: Finality,
) -> Result<IsAllowed, AnswerError> {
    let state = at(store, headers, chain_id, boot.app_id, when, min_finality).await?;
    let app_leg = verdict(app_legs(&state, boot));
    let kms: Vec<KmsVerdict> = state.kms.iter().map(|kms| of_kms(&state, kms, boot)).collect();
    let says = |word: Option<bool>| kms.iter().any(|it| it.verdict.is_allowed == word);
    // No KMS in the index is not the same as none that would.
    let is_allowed = match (says(Some(true)), says(None)) {
        (true, _) => Some(true),
        (false, true) => None,
        (false, false) if kms.is_empty() => None,
        (false, false) => Some(false),
    };
    Ok(IsAllowed {
        chain_id,
        block: state.block,
        index_head: state.index_head,
        app: state.app,
        contract: state.contract,
        completeness: state.completeness,
        is_allowed,
        app_leg,
        kms,
    })
}

fn of_kms(state: &AtBlock, kms: &Kms, boot: &BootInfo) -> KmsVerdict {
    // An app is found by its contract as well, but registered by its id.
    let registered = kms.registered && boot.app_id == state.app;
    let image = kms.allowed_os_images.contains(&boot.os_image_hash);
    let mut legs = vec![
        leg("app_registered", Some(registered), "App not registered"),
        leg("os_image", Some(image), "OS image is not allowed"),
        // What was born is not gone: its code cannot be destroyed any more.
        leg("app_deployed", state.born.then_some(true), "App not deployed or invalid address"),
    ];
    legs.extend(app_legs(state, boot));
    let gateway_app_id = kms.gateway_app_id.clone();
    KmsVerdict { contract: kms.contract, verdict: verdict(legs), gateway_app_id }
}

/// What the app's own contract looks at.
fn app_legs(state: &AtBlock, boot: &BootInfo) -> Vec<Leg> {
    let Ok(kind) = state.code.kind.parse::<Code>();
    let policy = &state.policy;
    let lacks = |setting: Setting| state.not_known.iter().any(|it| it == setting.name());
    // What a list has it has; what it lacks may be what nobody told.
    let listed = |has: bool, setting| if has || !lacks(setting) { Some(has) } else { None };
    let allowed = state.authorised.iter().any(|it| it.compose_hash == boot.compose_hash);
    let compose =
        leg("compose_hash", listed(allowed, Setting::ComposeHash), "Compose hash not allowed");
    let up_to_date = boot.tcb_status == "UpToDate";
    let tcb = if up_to_date { Some(true) } else { policy.require_tcb_up_to_date.map(|must| !must) };
    let tcb = leg("tcb", tcb, "TCB status is not up to date");
    let device = match policy.allow_any_device {
        Some(true) => Some(true),
        any => match listed(policy.devices.contains(&boot.device_id), Setting::Device) {
            Some(false) if any.is_none() => None,
            told => told,
        },
    };
    let device = leg("device", device, "Device not allowed");
    let app_id = leg("app_id", Some(boot.app_id == state.app), "App id is not this contract");
    let pinned = !policy.os_images_pinned || policy.os_image_pins.contains(&boot.os_image_hash);
    let pin = leg("os_image_pin", Some(pinned), "OS image not allowed by the app");
    match kind {
        Code::AppAuth | Code::AppAuthTest => vec![app_id, tcb, compose, device, pin],
        Code::DstackApp => vec![tcb, compose, device],
        Code::LegacyAppAuth => {
            let app_id = Leg { reason: "Wrong app controller".to_owned(), ..app_id };
            vec![app_id, tcb, compose, device]
        }
        Code::TimelockAppAuth => {
            let small = |it: Leg| Leg { reason: it.reason.to_lowercase(), ..it };
            vec![small(compose), small(device)]
        }
        // Nobody knows what it looks at.
        Code::Unknown => vec![Leg {
            leg: "unknown_code".to_owned(),
            holds: None,
            reason: "the code that decides is not known here; ask the contract itself".to_owned(),
        }],
    }
}

fn leg(name: &str, holds: Option<bool>, reason: &str) -> Leg {
    Leg { leg: name.to_owned(), holds, reason: reason.to_owned() }
}

/// A contract says no at the first leg that does not hold.
fn verdict(legs: Vec<Leg>) -> Verdict {
    let not_known = |it: &Leg| format!("it is not known here whether {} holds", it.leg);
    let (is_allowed, reason) = match legs.iter().find(|it| it.holds != Some(true)) {
        None => (Some(true), String::new()),
        Some(it) if it.holds == Some(false) => (Some(false), it.reason.clone()),
        // Not known; but if a later one does not hold, it is a no whatever this one is.
        Some(it) => match legs.iter().find(|it| it.holds == Some(false)) {
            Some(no) => (Some(false), no.reason.clone()),
            None => (None, not_known(it)),
        },
    };
    Verdict { is_allowed, reason, legs }
}
