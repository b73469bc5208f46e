//! What was said in blocks that were reorged out: a KMS reads `latest` and may have acted on it.

use super::AnswerError;
use crate::documents::{Orphan, time};
use alloy_primitives::{Address, B256};
use devproof_contracts::{app_event, kms_event};
use devproof_primitives::{Action, Change, Event, KmsEvent, Rules, Setting};
use devproof_store::{Contract, RawLog, Store, rules};
use std::collections::HashSet;

/// The most orphaned facts that one answer carries; the newest are kept.
const MAX_ORPHANS: usize = 1000;

/// Those of a contract; `included_again` is told by its logs up to and including block `up_to`.
pub(super) async fn of(
    store: &Store,
    contract: &Contract,
    up_to: u64,
) -> Result<Vec<Orphan>, AnswerError> {
    let logs = store.orphaned_logs(contract.chain_id, contract.address).await?;
    among(store, contract, (&logs, up_to)).await
}

/// Those among what it said in blocks that were reorged out.
pub(super) async fn among(
    store: &Store,
    contract: &Contract,
    logs: (&[RawLog], u64),
) -> Result<Vec<Orphan>, AnswerError> {
    of_contract(store, contract, logs, |log| {
        let (action, setting, value) = what(contract, &app_event(&log.topics, &log.data)?)?;
        Some((action.name(), setting, value))
    })
    .await
}

/// Those among what a KMS said in blocks that were reorged out, but for registrations of other apps than this.
pub(super) async fn among_kms(
    store: &Store,
    contract: &Contract,
    logs: (&[RawLog], u64),
    app: Address,
) -> Result<Vec<Orphan>, AnswerError> {
    of_contract(store, contract, logs, |log| {
        let event = kms_event(&log.topics, &log.data)?;
        match &event {
            KmsEvent::AppRegistered(other) if *other != app => None,
            KmsEvent::AppDeployed { .. } => None,
            _ => Some(event.in_words()),
        }
    })
    .await
}

async fn of_contract(
    store: &Store,
    contract: &Contract,
    (logs, up_to): (&[RawLog], u64),
    read: impl Fn(&RawLog) -> Option<(&'static str, &'static str, B256)>,
) -> Result<Vec<Orphan>, AnswerError> {
    if logs.is_empty() {
        return Ok(Vec::new());
    }
    let canonical: Vec<RawLog> = store.logs(contract.chain_id, &[contract.address], up_to).await?;
    let again: HashSet<B256> = canonical.iter().map(|log| log.tx_hash).collect();
    let mut orphans: Vec<Orphan> = logs
        .iter()
        .filter_map(|log| {
            let (action, setting, value) = read(log)?;
            Some(Orphan {
                block: log.block.number,
                hash: log.block.hash,
                timestamp: time(log.block.timestamp),
                transaction: log.tx_hash,
                log_index: log.log_index,
                action: action.to_owned(),
                setting: setting.to_owned(),
                value,
                included_again: again.contains(&log.tx_hash),
            })
        })
        .collect();
    orphans.drain(..orphans.len().saturating_sub(MAX_ORPHANS));
    Ok(orphans)
}

/// What one log says by itself: no root is checked, since what it extends may be gone as well.
fn what(contract: &Contract, event: &Event) -> Option<(Action, &'static str, B256)> {
    let of = |change: Change| (change.action, change.setting.name(), change.value);
    match (rules(contract), event) {
        (Rules::AppAuth { .. }, Event::History { kind, value, .. }) => {
            Change::from_kind(*kind, *value).ok().map(of)
        }
        (Rules::AsEmitted, Event::Stock(change)) => Some(of(*change)),
        (Rules::AsEmitted, Event::Timelocked { compose_hash, .. }) => {
            Some((Action::Proposed, Setting::ComposeHash.name(), *compose_hash))
        }
        (Rules::AsEmitted, Event::Upgraded(to)) => {
            Some((Action::Set, "implementation", to.into_word()))
        }
        (Rules::AsEmitted, Event::UpgradesDisabled) => {
            Some((Action::Set, "upgrades_disabled", B256::with_last_byte(1)))
        }
        _ => None,
    }
}
