//! The parts of an at-block answer, each a leg of what may boot.

use super::{facts::Findings, timeline::claim};
use crate::documents::{self, Authorised, Orphan, Read, Since, time};
use alloy_primitives::Address;
use devproof_contracts::{About, Code};
use devproof_primitives::{Actor, BlockRef, Kms, Policy, Position, Proposal, Setting};
use devproof_store::{Contract, READ, Reading};
use jiff::Timestamp;
use std::collections::BTreeMap;

pub(super) fn code(contract: &Contract, policy: &Policy, findings: &Findings) -> documents::Code {
    let found = contract.code();
    let implementation = policy.implementation.or(contract.implementation);
    let (looked_at, implementation_hash) =
        implementation.map(|it| findings.implementation(it)).unwrap_or_default();
    // The indexer looks at each implementation when it is put there. Of one that it could not look at nothing is known.
    let another = contract.implementation.is_some() && implementation != contract.implementation;
    let kind = looked_at.unwrap_or(if another { Code::Unknown } else { found });
    let immutable = (found.keeps_history() || policy.upgrades_disabled).then_some(true);
    documents::Code {
        kind: kind.name().to_owned(),
        code_hash: contract.code_hash,
        implementation,
        implementation_hash,
        immutable,
    }
}

/// What of the policy was read by call and is still so.
pub(super) fn read_by_call(read: &BTreeMap<String, BlockRef>, findings: &Findings) -> Vec<Read> {
    let born = |block| findings.birth == Some((block, true));
    (read.iter())
        .map(|(setting, block)| Read {
            setting: setting.clone(),
            block: block.number,
            timestamp: time(block.timestamp),
            at_birth: born(*block),
        })
        .collect()
}

/// What an answer about a contract that keeps no history may lack.
pub(super) fn not_known(contract: &Contract, policy: &Policy, findings: &Findings) -> Vec<String> {
    let code = contract.code();
    if code.keeps_history() {
        return Vec::new();
    }
    let timelock = code == Code::TimelockAppAuth;
    let was_there_before = findings.birth.is_some_and(|(_, exactly)| !exactly);
    let silent = [
        (Setting::ComposeHash, was_there_before || (timelock && !findings.first_compose_hash)),
        (Setting::Device, was_there_before && !timelock),
        (Setting::AnyDevice, policy.allow_any_device.is_none()),
        (Setting::TcbRequirement, policy.require_tcb_up_to_date.is_none()),
        (Setting::NoticePeriod, timelock && policy.notice_period.is_none()),
    ];
    silent.into_iter().filter(|(_, lacks)| *lacks).map(|(s, _)| s.name().to_owned()).collect()
}

pub(super) fn authorised(policy: &Policy) -> Vec<Authorised> {
    let mut list: Vec<_> = policy.compose_hashes.iter().collect();
    list.sort_by_key(|(_, grant)| (grant.since.block, grant.since.log_index));
    list.into_iter()
        .map(|(hash, grant)| {
            let (source_digest, uri) = claim(grant.source.clone());
            Authorised {
                compose_hash: *hash,
                since: since(grant.since, grant.actor),
                read_by_call: grant.since.log_index == READ,
                proposed: grant.proposed.map(|(at, actor)| since(at, actor)),
                notice_seconds: grant.notice.seconds(),
                source_digest,
                uri,
            }
        })
        .collect()
}

pub(super) fn proposals(policy: &Policy, now: u64) -> Vec<documents::Proposal> {
    let mut list: Vec<_> = policy.proposals.values().collect();
    list.sort_by_key(|proposal| (proposal.proposed.block, proposal.proposed.log_index));
    list.into_iter().map(|proposal| self::proposal(proposal, now)).collect()
}

/// A proposal, and how it stands at `now`.
pub(super) fn proposal(proposal: &Proposal, now: u64) -> documents::Proposal {
    let (source_digest, uri) = claim(proposal.source.clone());
    documents::Proposal {
        kind: proposal.setting.name().to_owned(),
        value: proposal.value,
        state: proposal.state_at(now).name().to_owned(),
        proposed: since(proposal.proposed, proposal.actor),
        ripe_at: time(proposal.ripe_at),
        expires_at: expiry(proposal.expires_at),
        source_digest,
        uri,
    }
}

pub(super) fn policy(policy: &Policy) -> documents::Policy {
    documents::Policy {
        owner: policy.owner,
        pending_owner: policy.pending_owner,
        guardian: policy.guardian,
        notice_period_seconds: policy.notice_period,
        allow_any_device: policy.allow_any_device,
        devices: policy.devices.keys().copied().collect(),
        require_tcb_up_to_date: policy.require_tcb_up_to_date,
        os_images_pinned: policy.os_images.is_some(),
        os_image_pins: policy.os_images.iter().flat_map(|pins| pins.keys().copied()).collect(),
        frozen: policy.frozen.iter().map(|setting| setting.name().to_owned()).collect(),
    }
}

pub(super) fn kms(
    contract: &Contract,
    state: Kms,
    readings: &[Reading],
    app: Address,
    orphaned: Vec<Orphan>,
) -> documents::Kms {
    let said =
        |r: &&Reading| r.what == About::Controller.word() && r.subject.as_ref() == app.as_slice();
    let called = readings.iter().find(said).and_then(|r| Address::try_from(r.value.as_ref()).ok());
    let implementation = state.implementation.or(contract.implementation);
    let findings = Findings::of(readings);
    documents::Kms {
        contract: contract.address,
        registered: state.registered.contains(&app),
        controller: state.controllers.get(&app).copied().or(called),
        implementation,
        implementation_hash: implementation.and_then(|it| findings.implementation(it).1),
        owner: state.owner,
        pending_owner: state.pending_owner,
        allowed_os_images: state.os_images.into_iter().collect(),
        k256_root: state.k256_root,
        gateway_app_id: state.gateway_app_id,
        aggregated_mrs: state.aggregated_mrs.into_iter().collect(),
        devices: state.devices.into_iter().collect(),
        app_implementation: state.app_implementation,
        orphaned,
    }
}

/// The time of death of a proposal, if it has one.
pub(super) fn expiry(seconds: u64) -> Option<Timestamp> {
    (seconds != Proposal::NEVER).then(|| time(seconds))
}

pub(super) fn since(at: Position, actor: Actor) -> Since {
    let told = at.log_index != READ;
    Since {
        block: at.block,
        timestamp: time(at.timestamp),
        transaction: told.then_some(at.transaction),
        log_index: told.then_some(at.log_index),
        actor,
    }
}
