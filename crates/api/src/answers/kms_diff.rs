//! What changed of a KMS contract between two blocks, as far as it concerns an app.

use super::{
    AnswerError,
    diff::{MAX_CHANGES, differences},
    orphans, pairs,
    standing::Standing,
    timeline,
};
use crate::documents::{Entry, KmsDiff};
use alloy_primitives::Address;
use devproof_contracts::{About, kms_event};
use devproof_primitives::{Kms, KmsEvent};
use devproof_store::{Contract, RawLog, Reading, Store};

/// `None` if nothing changed.
pub(super) async fn of(
    store: &Store,
    standing: &Standing,
    contract: &Contract,
    app: Address,
    (first, last): (u64, u64),
) -> Result<Option<KmsDiff>, AnswerError> {
    let mut kms = Kms::default();
    let (mut before, mut entries) = (None, Vec::new());
    let then = store.kms_then(&standing.status, contract, app, last).await?;
    for log in &then.logs {
        let Some(event) = concerning(app, log) else { continue };
        if log.block.number <= first {
            kms.apply(&event);
            continue;
        }
        let old = kms.clone();
        kms.apply(&event);
        entries.push(entry(standing, &event, log, kms != old));
        before.get_or_insert(old);
        if entries.len() > MAX_CHANGES {
            let what = format!("the KMS {:#x}", contract.address);
            return Err(AnswerError::TooMuch { what, most: MAX_CHANGES });
        }
    }
    let before = before.unwrap_or_else(|| kms.clone());
    let of = |kms: &Kms, up_to: u64| {
        let controller = kms.controllers.get(&app).copied();
        let controller = controller.or_else(|| called(&then.readings, app, up_to));
        pairs::of_kms(contract, kms, app, controller)
    };
    let settings = differences(&of(&before, first), &of(&kms, last), &entries);
    let logs = (&then.orphaned[..], standing.head.number);
    let mut orphaned = orphans::among_kms(store, contract, logs, app).await?;
    orphaned.retain(|orphan| orphan.block > first);
    let same = settings.is_empty() && orphaned.is_empty();
    Ok((!same).then_some(KmsDiff { contract: contract.address, settings, orphaned }))
}

/// What a log says, unless it is about other apps, which may be very many.
fn concerning(app: Address, log: &RawLog) -> Option<KmsEvent> {
    kms_event(&log.topics, &log.data).filter(|event| match event {
        KmsEvent::AppRegistered(other) => *other == app,
        // One whose id is its own contract is registered as well, which says it all.
        KmsEvent::AppDeployed { app: other, contract } => *other == app && contract != other,
        _ => true,
    })
}

fn entry(standing: &Standing, event: &KmsEvent, log: &RawLog, effective: bool) -> Entry {
    let (action, setting, value) = match event {
        KmsEvent::AppDeployed { contract, .. } => ("set", "controller", contract.into_word()),
        _ => event.in_words(),
    };
    Entry {
        action: action.to_owned(),
        setting: setting.to_owned(),
        value,
        effective,
        ..timeline::set(log.block, &standing.status, log.tx_hash, log.log_index)
    }
}

/// The contract that decides about an app by what the KMS answered when it was called.
fn called(readings: &[Reading], app: Address, up_to: u64) -> Option<Address> {
    let said = |reading: &&Reading| {
        reading.block.number <= up_to
            && reading.what == About::Controller.word()
            && reading.subject.as_ref() == app.as_slice()
    };
    let value = &readings.iter().find(said)?.value;
    Address::try_from(value.as_ref()).ok()
}
