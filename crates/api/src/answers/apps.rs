//! The apps of a chain, all of them or those that somebody looks for.

use super::{
    AnswerError, Part, Scope, Surface, facts, legs, moment,
    moment::Moment,
    standing::{Standing, steadily},
    verified,
};
use crate::{
    Families, Finality,
    documents::{App, Apps, NotTold, OneApp},
};
use alloy_primitives::{Address, B256};
use devproof_contracts::Code;
use devproof_primitives::{GRACE_PERIOD, Policy, ProposalState};
use devproof_store::{Contract, Role, Store};

/// Apps in a page, and apps that are looked at for one: each is folded.
const MAX_APPS: usize = 100;

/// Which apps are asked for: all that everything here is true of.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AppFilter {
    /// The app id or its contract.
    pub id: Option<Address>,
    /// A part of the name of a family that it is declared to belong to, in lower or upper case: it is by that that people call it.
    pub name: Option<String>,
    /// A family that it is declared to belong to.
    pub family: Option<String>,
    /// Its owner now.
    pub owner: Option<Address>,
    /// A compose hash that it allows or has announced.
    pub compose_hash: Option<B256>,
    /// Whether something is announced that can still come into force.
    pub pending: bool,
    /// The code that decides.
    pub kind: Option<Code>,
}

/// A page of the apps of a chain, as of the last indexed block of the finality asked for. `surface` is whom the reasons are for
/// why an app could not be told.
///
/// # Errors
/// [`AnswerError`]. What concerns only one app is in the answer instead.
pub async fn apps(
    store: &Store,
    families: &Families,
    chain_id: u64,
    filter: &AppFilter,
    page: Part<Address>,
    min_finality: Finality,
    surface: Surface,
) -> Result<Apps, AnswerError> {
    let members = match &filter.family {
        None => None,
        Some(name) => Some(families.get(name).ok_or_else(|| AnswerError::UnknownFamily {
            name: crate::parse::quote(name),
            known: families.names(),
        })?),
    };
    steadily(store, chain_id, async |standing| {
        let Standing { status, head } = standing;
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let mut answer = Apps {
            chain_id,
            block: moment.document(),
            index_head: moment::block(head, &status),
            indexed_from: status.start_block,
            apps: Vec::new(),
            not_told: Vec::new(),
            next: None,
        };
        let limit = page.size().min(MAX_APPS);
        let members = match (members, &filter.name) {
            (Some(family), _) if family.chain_id == chain_id => Some(family.apps.clone()),
            (Some(_), _) => Some(Vec::new()),
            (None, Some(name)) => Some(families.named_like(chain_id, name)),
            (None, None) => None,
        };
        let mut found =
            candidates(store, standing, &moment, (filter, members), page.after, limit + 1).await?;
        if found.len() > limit {
            found.truncate(limit);
            answer.next = found.last().map(|contract| contract.address);
        }
        for contract in found {
            let address = contract.address;
            let told = match Scope::of(store, standing, contract).await {
                Ok(scope) => of_scope(store, &scope, &moment).await,
                Err(error) => Err(error),
            };
            match told {
                Ok((mut app, policy)) => {
                    app.families = families.of(chain_id, app.app);
                    if filter.takes(&app, &policy, moment.now()) {
                        answer.apps.push(app);
                    }
                }
                Err(error @ AnswerError::Store(_)) => return Err(error),
                Err(error) => {
                    let reason = error.sentence(surface);
                    answer.not_told.push(NotTold { app: address, reason });
                }
            }
        }
        Ok(answer)
    })
    .await
}

/// One app as of the last indexed block of the finality asked for.
///
/// # Errors
/// [`AnswerError`]: never a partial answer.
pub async fn app(
    store: &Store,
    families: &Families,
    chain_id: u64,
    app: Address,
    min_finality: Finality,
) -> Result<OneApp, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let Standing { status, head } = standing;
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let scope = Scope::open(store, standing, app).await?;
        let (mut app, _) = of_scope(store, &scope, &moment).await?;
        app.families = families.of(chain_id, app.app);
        Ok(OneApp {
            chain_id,
            block: moment.document(),
            index_head: moment::block(head, &status),
            indexed_from: status.start_block,
            app,
        })
    })
    .await
}

/// Contracts that may be among those asked for, by address: few, where an index leads to them.
async fn candidates(
    store: &Store,
    standing: Standing,
    moment: &Moment,
    (filter, members): (&AppFilter, Option<Vec<Address>>),
    after: Option<Address>,
    limit: usize,
) -> Result<Vec<Contract>, AnswerError> {
    let chain_id = standing.status.chain_id;
    let most = u32::try_from(limit).unwrap_or(u32::MAX);
    let named: Option<Vec<Address>> = filter.id.map(|id| vec![id]);
    if let Some(ids) = named.or(members) {
        let mut found = Vec::new();
        for id in ids {
            match Scope::open(store, standing, id).await {
                Ok(scope) => found.push(scope.contract),
                // Nobody knows it: it is not among the apps.
                Err(AnswerError::UnknownApp { .. } | AnswerError::NotAnApp { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by_key(|contract| contract.address);
        found.dedup_by_key(|contract| contract.address);
        found.retain(|contract| after.is_none_or(|after| contract.address > after));
        found.truncate(limit);
        return Ok(found);
    }
    let word = filter.owner.map(|owner| owner.into_word()).or(filter.compose_hash);
    Ok(match word {
        Some(word) => store.contracts_mentioning(chain_id, (Role::App, word), after, most).await?,
        None if filter.pending => {
            let since = moment.now().saturating_sub(GRACE_PERIOD);
            store.apps_announcing(chain_id, since, after, most).await?
        }
        None => store.apps_after(chain_id, after, most).await?,
    })
}

async fn of_scope(
    store: &Store,
    scope: &Scope,
    moment: &Moment,
) -> Result<(App, Policy), AnswerError> {
    let contract = &scope.contract;
    let up_to = moment.block.number;
    scope.no_gap(store, &[contract.address], up_to).await?;
    let state = store.app_state(contract, up_to).await?;
    if state.logs == 0 {
        scope.has_spoken(store, up_to).await?;
    }
    let readings = store.readings(contract.chain_id, contract.address, up_to).await?;
    let findings = facts::Findings::of(&readings);
    let policy = state.policy;
    let app = App {
        app: scope.app,
        contract: contract.address,
        families: Vec::new(),
        born: state.logs > 0 || findings.birth.is_some(),
        completeness: verified::completeness(store, scope, moment).await?,
        code: legs::code(contract, &policy, &findings),
        owner: policy.owner,
        guardian: policy.guardian,
        notice_period_seconds: policy.notice_period,
        authorised_count: policy.compose_hashes.len() as u64,
        newest: legs::authorised(&policy).pop(),
        proposals: legs::proposals(&policy, moment.now()),
        not_known: legs::not_known(contract, &policy, &findings),
    };
    Ok((app, policy))
}

impl AppFilter {
    fn takes(&self, app: &App, policy: &Policy, now: u64) -> bool {
        let open = |hash: Option<B256>| {
            policy.proposals.values().any(|it| {
                it.state_at(now) != ProposalState::Expired
                    && hash.is_none_or(|hash| hash == it.value)
            })
        };
        let has = |hash: B256| policy.compose_hashes.contains_key(&hash) || open(Some(hash));
        self.id.is_none_or(|id| id == app.app || id == app.contract)
            && self.owner.is_none_or(|owner| policy.owner == Some(owner))
            && self.compose_hash.is_none_or(has)
            && self.kind.as_ref().is_none_or(|kind| kind.name() == app.code.kind)
            && (!self.pending || open(None))
            && self.family.as_ref().is_none_or(|name| app.families.contains(name))
            && self.name.as_ref().is_none_or(|part| {
                let part = part.to_ascii_lowercase();
                app.families.iter().any(|name| name.contains(&part))
            })
    }
}
