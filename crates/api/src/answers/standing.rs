//! A chain as it stood when a question came, and asking again if it was reorganised meanwhile.

use super::{AnswerError, Scope};
use alloy_primitives::Address;
use devproof_primitives::BlockRef;
use devproof_store::{ChainStatus, Contract, Known, Store};
use std::{collections::HashSet, future::Future, sync::Arc};

/// How often a question is asked again because a reorg came in between.
const ATTEMPTS: u32 = 3;

/// A chain as it stood when the question came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) status: ChainStatus,
    pub(super) head: BlockRef,
}

/// A chain as it stood when a question about one contract came, with what the index knew of that.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) standing: Standing,
    /// The contract at the address that was asked for.
    pub(super) contract: Option<Contract>,
    /// The canonical block at the height that was asked for, if it is held.
    pub(super) block: Option<BlockRef>,
}

impl Seen {
    async fn open(
        store: &Store,
        chain_id: u64,
        (address, number): (Address, Option<u64>),
    ) -> Result<Self, AnswerError> {
        // The store cannot hold a chain id of more than 63 bits, so such a chain is not in it.
        let known = i64::try_from(chain_id).is_ok();
        let found = if known { store.standing(chain_id, address, number).await? } else { None };
        let Some(found) = found else {
            let known = store.chains().await?.iter().map(|c| c.chain_id).collect();
            return Err(AnswerError::UnknownChain { chain_id, known });
        };
        let devproof_store::Standing { status, contract, block } = found;
        let head = status.checkpoint.ok_or(AnswerError::Empty { chain_id })?;
        Ok(Self { standing: Standing { status, head }, contract, block })
    }
}

impl Standing {
    /// What seldom changes of the chain.
    pub(super) async fn known(&self, store: &Store) -> Result<Arc<Known>, AnswerError> {
        Ok(store.known_of(&self.status).await?)
    }

    /// Refuses to answer from contracts whose older logs are still being read.
    pub(super) async fn no_gap(
        &self,
        store: &Store,
        needed: &[Address],
        up_to: u64,
    ) -> Result<(), AnswerError> {
        let known = self.known(store).await?;
        let gap = match known.gaps() {
            Some(gaps) => {
                gaps.iter().find(|gap| gap.from <= up_to && needed.contains(&gap.address)).copied()
            }
            None => {
                let gaps = store.gaps_of(self.status.chain_id, needed).await?;
                gaps.into_iter().find(|gap| gap.from <= up_to)
            }
        };
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
        let known = self.known(store).await?;
        let mut gaps = match known.gaps() {
            Some(gaps) => gaps.to_vec(),
            None => store.gaps(chain_id).await?,
        };
        gaps.retain(|gap| gap.from <= up_to);
        let mut apps: HashSet<_> = gaps.iter().map(|gap| gap.address).collect();
        for other in known.others() {
            apps.remove(&other.address);
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
    let ask = async |seen: Seen| Ok((ask(seen.standing).await?, None));
    steadily_of(store, chain_id, (Address::ZERO, None), ask).await
}

/// The same with what is known of a contract and of the block at a height. Where an answer comes with how often the chain had
/// been written when the last of it was read, and that is as often as when the question came, then nothing moved meanwhile,
/// and nobody has to look.
pub(super) async fn steadily_of<T, F>(
    store: &Store,
    chain_id: u64,
    of: (Address, Option<u64>),
    ask: impl Fn(Seen) -> F,
) -> Result<T, AnswerError>
where
    F: Future<Output = Result<(T, Option<u64>), AnswerError>>,
{
    for _ in 0..ATTEMPTS {
        let seen = Seen::open(store, chain_id, of).await?;
        let standing = seen.standing;
        let answer = ask(seen).await;
        let last = answer.as_ref().ok().and_then(|(_, writes)| *writes);
        if last == Some(standing.status.writes) || standing.still_holds(store).await? {
            return answer.map(|(answer, _)| answer);
        }
    }
    Err(AnswerError::Moving)
}
