//! The parts of an at-block answer, each a leg of what may boot.

use super::{facts::kind, timeline::claim};
use crate::documents::{self, Authorised, Since, time};
use alloy_primitives::Address;
use devproof_contracts::Code;
use devproof_primitives::{Actor, Kms, Policy, Position};
use devproof_store::Contract;

pub(super) fn code(contract: &Contract, policy: &Policy) -> documents::Code {
    let found = kind(contract);
    let implementation = policy.implementation.or(contract.implementation);
    // The indexer looked at one implementation. Of any other behind the same proxy nothing is known.
    let another = contract.implementation.is_some() && implementation != contract.implementation;
    let kind = if another { Code::Unknown } else { found };
    let immutable = (found.keeps_history() || policy.upgrades_disabled).then_some(true);
    documents::Code {
        kind: kind.name().to_owned(),
        code_hash: contract.code_hash,
        implementation,
        immutable,
    }
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
    list.into_iter()
        .map(|proposal| {
            let (source_digest, uri) = claim(proposal.source.clone());
            documents::Proposal {
                kind: proposal.setting.name().to_owned(),
                value: proposal.value,
                state: proposal.state_at(now).name().to_owned(),
                proposed: since(proposal.proposed, proposal.actor),
                ripe_at: time(proposal.ripe_at),
                expires_at: time(proposal.expires_at),
                source_digest,
                uri,
            }
        })
        .collect()
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

pub(super) fn kms(contract: &Contract, state: Kms, app: Address) -> documents::Kms {
    documents::Kms {
        contract: contract.address,
        registered: state.registered.contains(&app),
        implementation: state.implementation.or(contract.implementation),
        owner: state.owner,
        allowed_os_images: state.os_images.into_iter().collect(),
        k256_root: state.k256_root,
    }
}

fn since(at: Position, actor: Actor) -> Since {
    Since {
        block: at.block,
        timestamp: time(at.timestamp),
        transaction: at.transaction,
        log_index: at.log_index,
        actor,
    }
}
