//! A chain as it stood when a question came, and asking again if it was reorganised meanwhile.

use super::{AnswerError, Scope};
use alloy_primitives::Address;
use devproof_primitives::BlockRef;
use devproof_store::{ChainStatus, Role, Store};
use std::{collections::HashSet, future::Future};

/// How often a question is asked again because a reorg came in between.
const ATTEMPTS: u32 = 3;

/// A chain as it stood when the question came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) status: ChainStatus,
    pub(super) head: BlockRef,
}

impl Standing {
    async fn open(store: &Store, chain_id: u64) -> Result<Self, AnswerError> {
        // The store cannot hold a chain id of more than 63 bits, so such a chain is not in it.
        let known = i64::try_from(chain_id).is_ok();
        let status = if known { store.chain(chain_id).await? } else { None };
        let Some(status) = status else {
            let known = store.chains().await?.iter().map(|c| c.chain_id).collect();
            return Err(AnswerError::UnknownChain { chain_id, known });
        };
        let head = status.checkpoint.ok_or(AnswerError::Empty { chain_id })?;
        Ok(Self { status, head })
    }

    /// Refuses to answer from contracts whose older logs are still being read.
    pub(super) async fn no_gap(
        &self,
        store: &Store,
        needed: &[Address],
        up_to: u64,
    ) -> Result<(), AnswerError> {
        let gaps = store.gaps_of(self.status.chain_id, needed).await?;
        let gap = gaps.iter().find(|gap| gap.from <= up_to);
        gap.map_or(Ok(()), |gap| {
            Err(AnswerError::Unfinished { contract: gap.address, from: gap.from, to: gap.to })
        })
    }

    /// The apps that have logs up to and including block `up_to` that are still being read.
    pub(super) async fn unread(
        &self,
        store: &Store,
        up_to: u64,
    ) -> Result<HashSet<Address>, AnswerError> {
        let chain_id = self.status.chain_id;
        let mut gaps = store.gaps(chain_id).await?;
        gaps.retain(|gap| gap.from <= up_to);
        if gaps.is_empty() {
            return Ok(HashSet::new());
        }
        let mut apps: HashSet<_> = gaps.iter().map(|gap| gap.address).collect();
        // Those that are none are few, and apps may be very many.
        for role in [Role::Kms, Role::Factory, Role::DeletionRegistry] {
            for other in store.contracts_of(chain_id, role).await? {
                apps.remove(&other.address);
            }
        }
        Ok(apps)
    }

    /// Whether what was read belongs together: the index only went forward meanwhile.
    async fn still_holds(&self, store: &Store) -> Result<bool, AnswerError> {
        let now = store.block_by_number(self.status.chain_id, self.head.number).await?;
        Ok(now == Some(self.head))
    }
}

impl From<&Scope> for Standing {
    fn from(scope: &Scope) -> Self {
        Self { status: scope.status, head: scope.head }
    }
}

/// Asks, and asks again while the chain was reorganised under the answer.
pub(super) async fn steadily<T, F>(
    store: &Store,
    chain_id: u64,
    ask: impl Fn(Standing) -> F,
) -> Result<T, AnswerError>
where
    F: Future<Output = Result<T, AnswerError>>,
{
    for _ in 0..ATTEMPTS {
        let standing = Standing::open(store, chain_id).await?;
        let answer = ask(standing).await;
        if standing.still_holds(store).await? {
            return answer;
        }
    }
    Err(AnswerError::Moving)
}
