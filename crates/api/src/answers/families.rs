//! What the apps of a family are allowed to run, and whether they agree.

use super::{
    AnswerError, Scope, Surface, facts, legs, moment,
    moment::Moment,
    standing::{Standing, steadily},
    verified,
};
use crate::{
    Families, Finality,
    documents::{Declared, Differing, Family, Member, NotTold},
};
use alloy_primitives::{Address, B256};
use devproof_store::Store;
use std::collections::{BTreeMap, BTreeSet};

/// A family as of the last indexed block of the finality asked for. `surface` is whom the reasons are for why a member could
/// not be told.
///
/// # Errors
/// [`AnswerError`]. What concerns only one member is in the answer instead.
pub async fn family(
    store: &Store,
    families: &Families,
    name: &str,
    min_finality: Option<Finality>,
    surface: Surface,
) -> Result<Family, AnswerError> {
    let Some(declared) = families.get(name) else {
        let (name, known) = (crate::parse::quote(name), families.names());
        return Err(AnswerError::UnknownFamily { name, known });
    };
    let chain_id = declared.chain_id;
    let finality = min_finality.unwrap_or_else(|| Finality::default_of(chain_id));
    steadily(store, chain_id, async |standing| {
        let moment = moment::last_of(store, &standing, finality).await?;
        let (mut members, mut not_told) = (Vec::new(), Vec::new());
        for app in &declared.apps {
            match member(store, standing, &moment, *app).await {
                Ok(member) => members.push(member),
                Err(error @ AnswerError::Store(_)) => return Err(error),
                Err(error) => {
                    not_told.push(NotTold { app: *app, reason: error.sentence(surface) });
                }
            }
        }
        Ok(compared(declared, standing, &moment, members, not_told))
    })
    .await
}

async fn member(
    store: &Store,
    standing: Standing,
    moment: &Moment,
    app: Address,
) -> Result<Member, AnswerError> {
    let scope = Scope::open(store, standing, app).await?;
    let contract = &scope.contract;
    let up_to = moment.block.number;
    scope.no_gap(store, &[contract.address], up_to).await?;
    let state = store.app_state(contract, up_to).await?;
    if state.logs == 0 {
        scope.has_spoken(store, up_to).await?;
    }
    let readings = store.readings(contract.chain_id, contract.address, up_to).await?;
    let findings = facts::Findings::of(&readings);
    Ok(Member {
        app: scope.app,
        contract: contract.address,
        born: state.logs > 0 || findings.birth.is_some(),
        completeness: verified::completeness(store, &scope, moment).await?,
        code: legs::code(contract, &state.policy, &findings),
        authorised: legs::authorised(&state.policy),
        proposals: legs::proposals(&state.policy, moment.now()),
        not_known: legs::not_known(contract, &state.policy, &findings),
    })
}

fn compared(
    declared: &Declared,
    Standing { status, head }: Standing,
    moment: &Moment,
    members: Vec<Member>,
    not_told: Vec<NotTold>,
) -> Family {
    let mut by: BTreeMap<B256, BTreeSet<Address>> = BTreeMap::new();
    for member in &members {
        for allowed in &member.authorised {
            by.entry(allowed.compose_hash).or_default().insert(member.app);
        }
    }
    let (common, differing): (Vec<_>, Vec<_>) =
        by.into_iter().partition(|(_, apps)| members.iter().all(|m| apps.contains(&m.app)));
    let differing: Vec<_> = differing
        .into_iter()
        .map(|(compose_hash, apps)| {
            let (allowed_by, not_by) =
                members.iter().map(|member| member.app).partition(|app| apps.contains(app));
            Differing { compose_hash, allowed_by, not_by }
        })
        .collect();
    // That something is not allowed is known only where nothing is lacking.
    let lacks = |member: &&Member| member.not_known.iter().any(|it| it == "compose_hash");
    let lacking: BTreeSet<_> = members.iter().filter(lacks).map(|member| member.app).collect();
    let differ = differing.iter().flat_map(|it| &it.not_by).any(|app| !lacking.contains(app));
    let known = not_told.is_empty() && lacking.is_empty();
    Family {
        name: declared.name.clone(),
        chain_id: declared.chain_id,
        block: moment.document(),
        index_head: moment::block(head, &status),
        indexed_from: status.start_block,
        agree: if differ { Some(false) } else { known.then_some(true) },
        common: common.into_iter().map(|(hash, _)| hash).collect(),
        differing,
        members,
        not_told,
    }
}
