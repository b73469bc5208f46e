//! What changed of an app between two blocks.

use super::{
    AnswerError, Scope, When, facts, kms_diff, legs, moment,
    moment::Moment,
    orphans, pairs,
    pairs::Pair,
    standing::{Standing, steadily},
    timeline, verified,
};
use crate::{
    Finality, Headers,
    documents::{Asked, Diff, Difference, End, Entry, ProposalChange, Stand, Verified, time},
};
use alloy_primitives::{Address, B256};
use devproof_contracts::Code;
use devproof_primitives::Policy;
use devproof_store::{AppState, Role, Store};
use facts::What;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

/// The most changes of one contract that one answer takes.
pub(super) const MAX_CHANGES: usize = 10_000;

/// What changed of an app behind the last log of `from`, up to the last log of `to`.
///
/// # Errors
/// [`AnswerError`]: never a partial answer.
pub async fn diff(
    store: &Store,
    headers: Option<&dyn Headers>,
    chain_id: u64,
    app: Address,
    (from, to): (When, When),
    min_finality: Finality,
) -> Result<Diff, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let scope = Scope::open(store, standing, app).await?;
        let from = moment::resolve(store, headers, &scope, from, min_finality).await?;
        let to = moment::resolve(store, headers, &scope, to, min_finality).await?;
        diff_once(store, standing, &scope, &from, &to).await
    })
    .await
}

async fn diff_once(
    store: &Store,
    standing: Standing,
    scope: &Scope,
    from: &Moment,
    to: &Moment,
) -> Result<Diff, AnswerError> {
    let Scope { status, head, app, contract } = scope;
    let (chain_id, address) = (contract.chain_id, contract.address);
    let (first, last) = (from.block.number, to.block.number);
    // Two times may lie behind the same block, and proposals are looked at as of the time.
    if (first, from.now()) > (last, to.now()) {
        let name = |moment: &Moment| {
            let number = moment.block.number;
            moment.asked.map_or_else(|| format!("block {number}"), |t| time(t).to_string())
        };
        return Err(AnswerError::Backwards { from: name(from), to: name(to) });
    }
    let kms = store.contracts_of(chain_id, Role::Kms).await?;
    let needed: Vec<_> = kms.iter().map(|c| c.address).chain([address]).collect();
    scope.no_gap(store, &needed, last).await?;

    let before = store.app_state(contract, first).await?;
    let mut lines = Vec::new();
    let start = (before.clone(), Some(first));
    let after = facts::walk(store, contract, start, last, |line| {
        lines.push(line);
        if lines.len() > MAX_CHANGES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await?;
    if lines.len() > MAX_CHANGES {
        let what = format!("app {app:#x}");
        return Err(AnswerError::TooMuch { what, most: MAX_CHANGES });
    }
    if after.logs == 0 {
        scope.has_spoken(store, last).await?;
    }

    let readings = store.readings(chain_id, address, last).await?;
    let at_end = facts::Findings::of(&readings);
    let upto: Vec<_> = readings.into_iter().filter(|r| r.block.number <= first).collect();
    let at_begin = facts::Findings::of(&upto);
    let speaks = contract.code() != Code::TimelockAppAuth;
    let said = |line: &&facts::Happening| !matches!(line.what, What::Read { .. });
    let is_birth = before.policy == AppState::new(contract).policy;
    let born_in = lines.iter().find(said).map(|line| line.what.at().transaction);
    let born_in = born_in.filter(|_| speaks && is_birth);
    let birth = at_end.birth.and_then(|(block, exactly)| exactly.then_some(block));
    let entries = timeline::entries(lines, status, born_in, birth);

    let mut kms_diffs = Vec::new();
    for contract in &kms {
        let span = (first, last);
        kms_diffs.extend(kms_diff::of(store, &standing, contract, *app, span).await?);
    }
    let mut orphaned = orphans::of(store, contract, head.number).await?;
    orphaned.retain(|orphan| orphan.block > first && orphan.block <= last);
    let end = |moment: &Moment, policy: &Policy, findings: &facts::Findings, logs: u64| End {
        asked: moment.asked.map(|t| Asked { time: time(t) }),
        block: moment.document(),
        born: logs > 0 || findings.birth.is_some(),
        code: legs::code(contract, policy, findings),
    };
    let (old, new) = (&before.policy, &after.policy);
    let completeness = verified::completeness(store, scope, to).await?;
    let proposals = proposals((old, from.now()), (new, to.now()), &entries);
    let (from, to) = (end(from, old, &at_begin, before.logs), end(to, new, &at_end, after.logs));
    let (then, now) = (pairs::of(contract, old, from.born), pairs::of(contract, new, to.born));
    Ok(Diff {
        chain_id,
        app: *app,
        contract: address,
        from,
        to,
        index_head: moment::block(*head, status),
        indexed_from: status.start_block,
        completeness,
        history_verified_at: contract.history_verified_at.map(|block| Verified { block }),
        settings: differences(&then, &now, &entries),
        proposals,
        kms: kms_diffs,
        not_known: legs::not_known(contract, new, &at_end),
        orphaned,
    })
}

/// What is in one set and not in the other, and what was changed in between although it is in both or in neither.
pub(super) fn differences(
    before: &BTreeSet<Pair>,
    after: &BTreeSet<Pair>,
    entries: &[Entry],
) -> Vec<Difference> {
    let differing = before.symmetric_difference(after).map(|(setting, value)| (*setting, *value));
    let did = |entry: &&Entry| matches!(entry.action.as_str(), "set" | "removed");
    let touched = entries.iter().filter(did).filter(|entry| entry.effective);
    let touched = touched.map(|entry| (entry.setting.as_str(), entry.value));
    let keys: BTreeSet<_> = differing.chain(touched).map(|(s, v)| pairs::key(s, v)).collect();
    let of = |setting: &str, value: Option<B256>| -> Vec<Entry> {
        let moves = |entry: &&Entry| pairs::moves(entry, setting, value);
        entries.iter().filter(did).filter(moves).cloned().collect()
    };
    keys.into_iter()
        .map(|(setting, value)| Difference {
            setting: setting.to_owned(),
            value,
            before: pairs::value_of(before, setting, value),
            after: pairs::value_of(after, setting, value),
            entries: of(setting, value),
        })
        .collect()
}

fn proposals(
    (old, then): (&Policy, u64),
    (new, now): (&Policy, u64),
    entries: &[Entry],
) -> Vec<ProposalChange> {
    let stands = |policy: &Policy, at: u64| -> BTreeMap<(String, B256), Stand> {
        let all = policy.proposals.values();
        all.map(|proposal| {
            let stand = Stand {
                state: proposal.state_at(at).name().to_owned(),
                proposed: legs::since(proposal.proposed, proposal.actor),
                ripe_at: time(proposal.ripe_at),
                expires_at: legs::expiry(proposal.expires_at),
            };
            ((proposal.setting.name().to_owned(), proposal.value), stand)
        })
        .collect()
    };
    let (mut before, mut after) = (stands(old, then), stands(new, now));
    let announced = entries.iter().filter(|entry| entry.action == "proposed");
    let announced: BTreeSet<_> = announced.map(|e| (e.setting.clone(), e.value)).collect();
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).chain(&announced).cloned().collect();
    keys.into_iter()
        .filter_map(|key| {
            let (before, after) = (before.remove(&key), after.remove(&key));
            let changed = before != after || announced.contains(&key);
            let (kind, value) = key;
            let of = |entry: &&Entry| {
                let same = entry.setting == kind && entry.value == value;
                (same && entry.action != "removed") || pairs::freezes(entry, &kind)
            };
            let entries = || entries.iter().filter(of).cloned().collect();
            changed.then(|| ProposalChange {
                entries: entries(),
                kind: kind.clone(),
                value,
                before,
                after,
            })
        })
        .collect()
}
