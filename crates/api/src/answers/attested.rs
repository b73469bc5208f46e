//! What the index says about a boot that evidence proves.

use super::{AnswerError, When, allowed_for, diff, is_allowed};
use crate::{
    Finality, Headers,
    documents::{Attested, BootInfo, Diff, Difference, KmsInterval, Since, Touched, time},
};
use alloy_primitives::{Address, B256};
use devproof_contracts::kms_event;
use devproof_primitives::KmsEvent;
use devproof_store::{Role, Store};

/// Intervals of one KMS in an answer; the newest are kept.
const MAX_INTERVALS: usize = 1000;

/// What the index says about a boot after `to`, and about everything that it rests on since `from`, if that is known.
///
/// # Errors
/// Those of [`is_allowed`] and [`diff`].
pub async fn attested(
    store: &Store,
    headers: Option<&dyn Headers>,
    chain_id: u64,
    boot: &BootInfo,
    (from, to): (Option<When>, When),
    min_finality: Finality,
) -> Result<Attested, AnswerError> {
    let ask = |when| is_allowed(store, headers, chain_id, boot, when, min_finality);
    let at_end = ask(to).await?;
    // From here on about this very block: the index may move on meanwhile.
    let to = When::Hash(at_end.block.hash);
    let (mut was_allowed, mut start, mut between) = (None, None, Vec::new());
    if let Some(from) = from {
        let at_start = ask(from).await?;
        was_allowed = at_start.is_allowed;
        let span = (When::Hash(at_start.block.hash), to);
        let changed = diff(store, headers, chain_id, boot.app_id, span, min_finality).await?;
        between = touched(&changed, boot);
        start = Some(at_start.block);
    }
    let apps =
        allowed_for(store, chain_id, boot.compose_hash, boot.app_id, Finality::Unsafe).await?;
    let kms_intervals = of_kms(store, chain_id, boot, at_end.block.number).await?;
    Ok(Attested {
        chain_id,
        from: start,
        to: at_end.block,
        completeness: at_end.completeness,
        was_allowed,
        is_allowed: at_end,
        kms_intervals,
        intervals: apps.apps.into_iter().flat_map(|app| app.intervals).collect(),
        between,
    })
}

/// When the KMS contracts of the index knew the app and admitted the image, by what they said up to a block.
async fn of_kms(
    store: &Store,
    chain_id: u64,
    boot: &BootInfo,
    up_to: u64,
) -> Result<Vec<KmsInterval>, AnswerError> {
    let mut found: Vec<KmsInterval> = Vec::new();
    let Some(status) = store.chain(chain_id).await? else { return Ok(found) };
    for kms in store.contracts_of(chain_id, Role::Kms).await? {
        let contract = kms.address;
        let mut intervals: Vec<KmsInterval> = Vec::new();
        for log in store.kms_then(&status, &kms, boot.app_id, up_to).await?.logs {
            let Some((setting, begins)) =
                kms_event(&log.topics, &log.data).and_then(|it| about(&it, boot))
            else {
                continue;
            };
            let at = Since {
                block: log.block.number,
                timestamp: time(log.block.timestamp),
                transaction: Some(log.tx_hash),
                log_index: Some(log.log_index),
                actor: None,
            };
            let open =
                intervals.iter_mut().rev().find(|it| it.setting == setting && it.until.is_none());
            match (open, begins) {
                (Some(open), false) => open.until = Some(at),
                (None, true) => {
                    let setting = setting.to_owned();
                    intervals.push(KmsInterval { contract, setting, since: at, until: None });
                }
                // Said again, or ended what never began.
                (Some(_), true) | (None, false) => {}
            }
        }
        let over = intervals.len().saturating_sub(MAX_INTERVALS);
        found.extend(intervals.into_iter().skip(over));
    }
    Ok(found)
}

/// What an event of a KMS begins or ends for a boot.
fn about(event: &KmsEvent, boot: &BootInfo) -> Option<(&'static str, bool)> {
    match event {
        KmsEvent::AppRegistered(app) | KmsEvent::AppDeployed { app, .. } if *app == boot.app_id => {
            Some(("registered_app", true))
        }
        KmsEvent::OsImageAdded(image) if *image == boot.os_image_hash => Some(("os_image", true)),
        KmsEvent::OsImageRemoved(image) if *image == boot.os_image_hash => {
            Some(("os_image", false))
        }
        _ => None,
    }
}

/// The differences that are about what the boot rests on, also where the end is as the beginning.
fn touched(diff: &Diff, boot: &BootInfo) -> Vec<Touched> {
    let own = |it: &Difference| rests_on(it, boot, false);
    let app = diff.settings.iter().filter(|it| own(it)).map(|it| of(diff.contract, it));
    let kms = diff.kms.iter().flat_map(|kms| {
        let on = |it: &&Difference| rests_on(it, boot, true);
        kms.settings.iter().filter(on).map(|it| of(kms.contract, it))
    });
    app.chain(kms).collect()
}

fn rests_on(difference: &Difference, boot: &BootInfo, of_kms: bool) -> bool {
    let is = |value: B256| difference.value == Some(value);
    match (difference.setting.as_str(), of_kms) {
        ("compose_hash", false) => is(boot.compose_hash),
        ("device", false) => is(boot.device_id),
        ("os_image", _) => is(boot.os_image_hash),
        ("registered_app", true) => is(boot.app_id.into_word()),
        ("any_device" | "any_os_image" | "tcb_requirement", false)
        | ("controller", true)
        | ("implementation", _) => true,
        _ => false,
    }
}

fn of(contract: Address, difference: &Difference) -> Touched {
    Touched {
        contract,
        setting: difference.setting.clone(),
        value: difference.value,
        entries: difference.entries.clone(),
    }
}
