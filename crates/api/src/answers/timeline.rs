//! The lines of a history.

use super::{
    facts::{Happening, What},
    legs::expiry,
    moment,
};
use crate::documents::{Entry, time};
use alloy_primitives::B256;
use devproof_primitives::{Action, BlockRef, Notice, Position, Source, Step};
use devproof_store::ChainStatus;

/// `born_in` is the transaction in which the app said what it was born with; `birth` the block after which it was read.
pub(super) fn entries(
    happenings: Vec<Happening>,
    status: &ChainStatus,
    born_in: Option<B256>,
    birth: Option<BlockRef>,
) -> Vec<Entry> {
    happenings
        .into_iter()
        .map(|Happening { block, what }| {
            let Position { log_index, transaction, .. } = what.at();
            let entry = Entry {
                born_with: born_in == Some(transaction),
                ..set(block, status, transaction, log_index)
            };
            match what {
                What::Step(step, source) => of_step(entry, &step, source),
                What::Read { setting, value, .. } => Entry {
                    setting: setting.to_owned(),
                    value,
                    transaction: None,
                    log_index: None,
                    read_by_call: true,
                    born_with: birth == Some(block),
                    ..entry
                },
                What::Code { setting, value, .. } => {
                    Entry { setting: setting.to_owned(), value, ..entry }
                }
            }
        })
        .collect()
}

/// A log that sets something; what, is yet to be said.
pub(super) fn set(
    block: BlockRef,
    status: &ChainStatus,
    transaction: B256,
    log_index: u64,
) -> Entry {
    Entry {
        block: moment::block(block, status),
        transaction: Some(transaction),
        log_index: Some(log_index),
        read_by_call: false,
        actor: None,
        action: Action::Set.name().to_owned(),
        setting: String::new(),
        value: B256::ZERO,
        effective: true,
        born_with: false,
        notice_seconds: None,
        ripe_at: None,
        expires_at: None,
        source_digest: None,
        uri: None,
    }
}

fn of_step(entry: Entry, step: &Step, source: Option<Source>) -> Entry {
    let (source_digest, uri) = claim(source);
    Entry {
        actor: step.actor,
        action: step.change.action.name().to_owned(),
        setting: step.change.setting.name().to_owned(),
        value: step.change.value,
        effective: step.effective,
        notice_seconds: step.notice.and_then(Notice::seconds),
        ripe_at: step.window.map(|(ripe_at, _)| time(ripe_at)),
        expires_at: step.window.and_then(|(_, expires_at)| expiry(expires_at)),
        source_digest,
        uri,
        ..entry
    }
}

/// The two halves of a claim about a source, each only if it claims something.
pub(super) fn claim(source: Option<Source>) -> (Option<B256>, Option<String>) {
    source.map_or((None, None), |Source { digest, uri }| {
        ((!digest.is_zero()).then_some(digest), (!uri.is_empty()).then_some(uri))
    })
}
