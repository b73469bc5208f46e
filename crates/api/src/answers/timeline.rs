//! The lines of a history.

use super::{
    facts::{Happening, What},
    legs::expiry,
    moment,
};
use crate::documents::{Entry, time};
use devproof_primitives::{Action, BlockRef, Notice, Position, Source, Step};
use devproof_store::ChainStatus;

pub(super) fn entries(
    happenings: Vec<Happening>,
    status: &ChainStatus,
    speaks_at_birth: bool,
    birth: Option<BlockRef>,
) -> Vec<Entry> {
    // What was read by call came after what was said.
    let first = happenings.iter().find(|h| !matches!(h.what, What::Read { .. }));
    let born_in = first.map(|h| h.what.at().transaction).filter(|_| speaks_at_birth);
    happenings
        .into_iter()
        .map(|Happening { block, what }| {
            let Position { log_index, transaction, .. } = what.at();
            let entry = Entry {
                block: moment::block(block, status),
                transaction: Some(transaction),
                log_index: Some(log_index),
                read_by_call: false,
                actor: None,
                action: Action::Set.name().to_owned(),
                setting: String::new(),
                value: Default::default(),
                effective: true,
                born_with: born_in == Some(transaction),
                notice_seconds: None,
                ripe_at: None,
                expires_at: None,
                source_digest: None,
                uri: None,
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
pub(super) fn claim(source: Option<Source>) -> (Option<alloy_primitives::B256>, Option<String>) {
    source.map_or((None, None), |Source { digest, uri }| {
        ((!digest.is_zero()).then_some(digest), (!uri.is_empty()).then_some(uri))
    })
}
