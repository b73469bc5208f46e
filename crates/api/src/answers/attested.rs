//! What the index says about a boot that evidence proves.

use super::{AnswerError, When, allowed_for, diff, is_allowed};
use crate::{
    Finality, Headers,
    documents::{Attested, BootInfo, Diff, Difference, Touched},
};
use alloy_primitives::{Address, B256};
use devproof_store::Store;

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
    Ok(Attested {
        chain_id,
        from: start,
        to: at_end.block,
        completeness: at_end.completeness,
        was_allowed,
        is_allowed: at_end,
        intervals: apps.apps.into_iter().flat_map(|app| app.intervals).collect(),
        between,
    })
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
