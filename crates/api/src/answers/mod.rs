//! Answers: facts from the store, folded, as documents.
//!
//! An answer is whole or an error. Nothing here decides what a fact means; the fold in
//! `devproof-primitives` does.

mod allowed;
mod apps;
mod as_of;
mod attested;
mod changes;
mod cursor;
mod deletions;
mod diff;
mod error;
mod facts;
mod families;
mod history;
mod key_origin;
mod kms_diff;
mod lanes;
mod legs;
mod moment;
mod notices;
mod observed;
mod orphans;
mod pairs;
mod remedy;
mod stage;
mod standing;
mod timeline;
mod verdict;
mod verified;

pub use allowed::{allowed, allowed_for};
pub use apps::{AppFilter, app, apps};
pub use as_of::as_of;
pub use attested::attested;
pub use changes::{ChangePlace, ChangesOf, Told, changes, changes_placed, latest, of_key_services};
pub use cursor::{Cursor, MAX_PAGE, Part};
pub use deletions::{DeletionsOf, deletions};
pub use diff::diff;
pub use error::{AnswerError, Surface};
pub use families::family;
pub use history::history;
pub(crate) use key_origin::KeyOrigins;
pub use lanes::{Bar, BarEnd, BarKind, Lane, Lanes, Mark, lanes};
pub use moment::When;
pub use notices::{NoticePlace, NoticeState, notices, notices_of};
pub use observed::{Known, SeenPlace, known_versions, observations, seen};
pub use stage::stage;
pub(crate) use stage::stage_of;
pub use verdict::is_allowed;

use crate::{
    Finality, Headers,
    documents::{self, AtBlock, time},
};
use alloy_primitives::Address;
use devproof_contracts::{About, Code};
use devproof_primitives::{BlockRef, Kms};
use devproof_store::{AppThen, ChainStatus, Contract, Role, Store};
use standing::{Seen, Standing, steadily_of};

/// What an app was allowed to run after a block, or at a time.
///
/// `headers` gives the headers that the index does not hold; without it only blocks that are held can
/// be asked for. `min_finality` is what the block has to have reached ([`Finality::default_of`]).
///
/// # Errors
/// [`AnswerError`]: never a partial answer.
pub async fn at(
    store: &Store,
    headers: Option<&dyn Headers>,
    chain_id: u64,
    app: Address,
    when: When,
    min_finality: Finality,
) -> Result<AtBlock, AnswerError> {
    let number = match when {
        When::Block(number) => Some(number),
        _ => None,
    };
    steadily_of(store, chain_id, (app, number), async |Seen { standing, contract, block }| {
        let scope = Scope::found(store, standing, app, contract).await?;
        at_once(store, headers, &scope, (when, block), min_finality).await
    })
    .await
}

/// The chains of the index and how far each reaches.
///
/// # Errors
/// Those of the store.
pub async fn chains(store: &Store) -> Result<documents::Chains, AnswerError> {
    let chains = store.chains().await?;
    let chains = chains.iter().map(|status| documents::Chain {
        chain_id: status.chain_id,
        indexed_from: status.start_block,
        index_head: status.checkpoint.map(|block| moment::block(block, status)),
        node: status.tags.map(|tags| documents::NodeTags {
            head: tags.head.number,
            safe: tags.safe,
            finalized: tags.finalized,
            polled_at: time(tags.polled_at),
        }),
    });
    let chains = chains.collect();
    let replica = store.replica().await?.map(documents::ReplicaLag::from);
    Ok(documents::Chains { chains, replica })
}

async fn at_once(
    store: &Store,
    headers: Option<&dyn Headers>,
    scope: &Scope,
    asked: (When, Option<BlockRef>),
    min_finality: Finality,
) -> Result<(AtBlock, Option<u64>), AnswerError> {
    let Scope { status, contract, .. } = scope;
    let (chain_id, app, address) = (contract.chain_id, scope.app, contract.address);
    let moment = moment::resolve_with(store, headers, scope, asked, min_finality).await?;
    let up_to = moment.block.number;
    let known = Standing::from(scope).known(store).await?;
    let kms_contracts = || known.of(Role::Kms);
    let needed: Vec<Address> = kms_contracts().map(|c| c.address).chain([address]).collect();
    scope.no_gap(store, &needed, up_to).await?;
    let completeness = verified::completeness(store, scope, &moment).await?;
    let mut kms = Vec::new();
    for contract in kms_contracts() {
        let then = store.kms_then(status, contract, app, up_to).await?;
        let mut state = Kms::default();
        for log in &then.logs {
            if let Some(event) = devproof_contracts::kms_event(&log.topics, &log.data) {
                state.apply(&event);
            }
        }
        let orphaned = orphans::among_kms(store, contract, (&then.orphaned, up_to), app).await?;
        kms.push(legs::kms(contract, state, &then.readings, app, orphaned));
    }

    let observed =
        if known.is_observed() { observed::at(store, scope, &moment).await? } else { Vec::new() };

    // Last, for it tells whether anything was written since the question came.
    let AppThen { state, readings, orphaned, mut writes } = store.app_then(contract, up_to).await?;
    if state.logs == 0 {
        scope.has_spoken(store, up_to).await?;
        writes = None;
    }
    if !orphaned.is_empty() {
        writes = None;
    }
    let findings = facts::Findings::of(&readings);
    let orphaned = orphans::among(store, contract, (&orphaned, up_to)).await?;

    let policy = &state.policy;
    let answer = AtBlock {
        chain_id,
        app,
        contract: address,
        asked: moment.asked.map(|t| documents::Asked { time: time(t) }),
        block: moment.document(),
        index_head: moment::block(scope.head, status),
        indexed_from: status.start_block,
        completeness,
        history_verified_at: contract
            .history_verified_at
            .map(|block| documents::Verified { block }),
        born: state.logs > 0 || findings.birth.is_some(),
        code: legs::code(contract, policy, &findings),
        authorised: legs::authorised(policy),
        proposals: legs::proposals(policy, moment.now()),
        policy: legs::policy(policy),
        kms,
        read_by_call: legs::read_by_call(&state.read, &findings),
        not_known: legs::not_known(contract, policy, &findings),
        observed,
        orphaned,
    };
    Ok((answer, writes))
}

/// An app, and the chain as it stood when the question came.
#[derive(Debug)]
struct Scope {
    status: ChainStatus,
    head: BlockRef,
    /// The app id.
    app: Address,
    /// The contract that decides about it.
    contract: Contract,
}

impl Scope {
    async fn open(
        store: &Store,
        Standing { status, head }: Standing,
        app: Address,
    ) -> Result<Self, AnswerError> {
        let contract = store.contract(status.chain_id, app).await?;
        Self::found(store, Standing { status, head }, app, contract).await
    }

    /// The same where it is known what stands at the address.
    async fn found(
        store: &Store,
        Standing { status, head }: Standing,
        app: Address,
        mut contract: Option<Contract>,
    ) -> Result<Self, AnswerError> {
        let chain_id = status.chain_id;
        // Where nothing is deployed, it may be an id that is no contract.
        if contract.as_ref().is_none_or(|c| c.role == Role::App && c.code_hash.is_none())
            && let Some(controller) = controller(store, chain_id, app).await?
        {
            contract = Some(controller);
        }
        let Some(contract) = contract else {
            let orphaned = store.orphaned_logs(chain_id, app).await?.len();
            return Err(AnswerError::UnknownApp { chain_id, app, orphaned });
        };
        if contract.role != Role::App {
            return Err(AnswerError::NotAnApp { app, role: contract.role.as_str() });
        }
        if app == contract.address {
            return Self::of(store, Standing { status, head }, contract).await;
        }
        Ok(Self { status, head, app, contract })
    }

    /// The app that a contract decides about.
    async fn of(
        store: &Store,
        Standing { status, head }: Standing,
        contract: Contract,
    ) -> Result<Self, AnswerError> {
        let mut app = contract.address;
        if contract.code() == Code::LegacyAppAuth {
            let readings = store.readings(contract.chain_id, app, head.number).await?;
            app = facts::Findings::of(&readings).app_id.unwrap_or(app);
        }
        Ok(Self { status, head, app, contract })
    }

    /// Of a contract without a log up to a block: refuses to take that for an answer where it cannot be one. Code
    /// that we know speaks when it is born, so if its birth is not in the index although the code was found, then its
    /// logs have not been read yet.
    async fn has_spoken(&self, store: &Store, up_to: u64) -> Result<(), AnswerError> {
        let Contract { chain_id, address, found_at, code_hash, .. } = self.contract;
        let kind = self.contract.code();
        let speaks = code_hash.is_some() && !matches!(kind, Code::Unknown | Code::TimelockAppAuth);
        // It may have been named before it was deployed; then what it said is later.
        let unread = speaks
            && store.logs(chain_id, &[address], up_to.max(found_at)).await?.is_empty()
            && store.logs(chain_id, &[address], self.head.number).await?.is_empty();
        if unread {
            let from = self.status.start_block;
            return Err(AnswerError::Unfinished { contract: address, from, to: found_at });
        }
        Ok(())
    }

    /// Refuses to answer from contracts whose older logs are still being read.
    async fn no_gap(
        &self,
        store: &Store,
        needed: &[Address],
        up_to: u64,
    ) -> Result<(), AnswerError> {
        Standing::from(self).no_gap(store, needed, up_to).await
    }
}

/// The contract that decides about an app id that is none itself, by the word of a KMS.
async fn controller(
    store: &Store,
    chain_id: u64,
    app: Address,
) -> Result<Option<Contract>, AnswerError> {
    let said = store.readings_about(chain_id, About::Controller.word(), app.as_slice()).await?;
    for (_, reading) in said {
        let Ok(address) = Address::try_from(reading.value.as_ref()) else { continue };
        if let Some(contract) = store.contract(chain_id, address).await? {
            return Ok(Some(contract));
        }
    }
    Ok(None)
}
