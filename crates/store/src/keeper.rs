//! States that are kept for later, so that an answer costs what it says: those of many apps at a time, a part on each processor,
//! which goes to each block once for all of its own that spoke there.

use crate::{
    KeptFold, RawLog, Store,
    conn::bound,
    error::StoreError,
    folding::Folding,
    folds::Outline,
    packed::visit,
    read::{STEP, block, raw},
    states::{AppState, StateError, version, write},
    types::{BlockRef, Contract},
};
use alloy_primitives::Address;
use devproof_primitives::FoldError;
use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroUsize,
    panic::resume_unwind,
    thread::available_parallelism,
};
use tokio::{runtime::Handle, task::JoinSet};

/// Logs after which a state is kept, at least: fewer are folded faster than a state is read.
const EVERY: u64 = 12;

/// Bytes that kept states may take, for each log: a sixth of what the log itself does. A large state is kept more rarely, for
/// its room counts more than the microseconds in which some logs more are folded.
const BYTES_PER_LOG: u64 = 16;

/// Bytes of states that are written at a time: one transaction costs as much as many states do.
const MOST: usize = 1 << 20;

/// An app at the head, or why what it said cannot be.
pub type Kept = (Contract, Result<AppState, FoldError>);

impl Store {
    /// Apps of a chain after block `head`, where the index stands, in their order; states on the way there are kept. Some
    /// thousand apps at a time, for all their states are held at once.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the index does not stand there any more; [`StoreError::Corrupt`] if a kept state cannot
    /// be read.
    pub async fn keep_states(
        &self,
        chain_id: u64,
        contracts: Vec<Contract>,
        head: BlockRef,
    ) -> Result<Vec<Kept>, StoreError> {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        let share = contracts.len().div_ceil(processors).max(1);
        let (mut keeping, runtime) = (JoinSet::new(), Handle::current());
        for (part, some) in contracts.chunks(share).enumerate() {
            let keeper = Keeper::new(self, chain_id, head);
            let some = some.to_vec();
            let keep = async move { Ok::<_, StoreError>((part, keeper.keep_all(some).await?)) };
            let runtime = runtime.clone();
            // Threads of their own: who answers questions shall not wait for one, and two tasks may be given to one thread.
            keeping.spawn_blocking(move || runtime.block_on(keep));
        }
        let mut parts = BTreeMap::new();
        while let Some(done) = keeping.join_next().await {
            let (part, kept) = match done {
                Ok(done) => done?,
                Err(error) => resume_unwind(error.into_panic()),
            };
            parts.insert(part, kept);
        }
        // Not before all have read: what is written tells the others that what they read may be of another moment.
        let mut all = Vec::with_capacity(contracts.len());
        for (mut keeper, states) in parts.into_values() {
            keeper.write().await?;
            all.extend(states);
        }
        Ok(all)
    }
}

/// An app on its way to the head.
struct Walk<'a> {
    contract: &'a Contract,
    folding: Folding<'a>,
    /// The logs that were in the state that was kept last, and the bytes of it.
    last: (u64, u64),
}

impl<'a> Walk<'a> {
    const fn new(contract: &'a Contract, folding: Folding<'a>) -> Self {
        let last = (folding.state.logs, 0);
        Self { contract, folding, last }
    }

    /// Folds the next block with a log. Gives its number, and the state behind it if that is to be kept; `None` after the
    /// last.
    async fn next(&mut self) -> Result<Option<(u64, Option<Vec<u8>>)>, StateError> {
        let Some(number) = self.folding.next_block().await? else { return Ok(None) };
        self.folding.advance(number).await?;
        let state = &self.folding.state;
        let since = state.logs - self.last.0;
        let is_due = |bytes: u64| since >= EVERY.max(bytes / BYTES_PER_LOG);
        if !is_due(self.last.1) {
            return Ok(Some((number, None)));
        }
        let written = write(state)?;
        self.last.1 = written.len() as u64;
        if !is_due(self.last.1) {
            return Ok(Some((number, None)));
        }
        self.last.0 = state.logs;
        Ok(Some((number, Some(written))))
    }
}

/// Keeps the states of some apps.
struct Keeper {
    store: Store,
    chain_id: u64,
    head: BlockRef,
    kept: Vec<(Address, u32, KeptFold)>,
    bytes: usize,
}

impl Keeper {
    fn new(store: &Store, chain_id: u64, head: BlockRef) -> Self {
        Self { store: store.clone(), chain_id, head, kept: Vec::new(), bytes: 0 }
    }

    /// Apps at the head. The last states on the way are not written yet.
    async fn keep_all(mut self, contracts: Vec<Contract>) -> Result<(Self, Vec<Kept>), StoreError> {
        let mut outlines = Vec::with_capacity(contracts.len());
        for contract in &contracts {
            let version = Some(version(contract));
            outlines.push(self.store.outline(contract, version, self.head.number).await?);
        }
        let mut states = match self.sweep(&contracts, outlines).await? {
            Some(states) => states,
            None => {
                // Something was written meanwhile: one after the other, each of its own moment.
                self.forget();
                HashMap::new()
            }
        };
        let mut all = Vec::with_capacity(contracts.len());
        for contract in contracts {
            let state = match states.remove(&contract.address) {
                Some(state) => state,
                None => self.keep(&contract).await,
            };
            let state = match state {
                Ok(state) => Ok(state),
                Err(StateError::Fold(problem)) => Err(problem),
                Err(StateError::Store(error)) => return Err(error),
            };
            all.push((contract, state));
        }
        Ok((self, all))
    }

    /// Goes through the blocks in which any of these apps spoke, once for all of them. Gives their states at the head, but
    /// of those that spoke so often that all of it cannot be listed; `None` if not all was read of one moment.
    async fn sweep(
        &mut self,
        contracts: &[Contract],
        outlines: Vec<Outline>,
    ) -> Result<Option<HashMap<Address, Result<AppState, StateError>>>, StoreError> {
        let store = self.store.clone();
        let writes = outlines.first().map(|outline| outline.since.writes);
        let (mut walks, mut who, mut blocks) = (Vec::new(), HashMap::new(), Vec::new());
        for (contract, outline) in contracts.iter().zip(outlines) {
            if Some(outline.since.writes) != writes {
                return Ok(None);
            }
            if outline.since.last.is_some() {
                continue;
            }
            let after = outline.since.kept.as_ref().map(|kept| kept.number);
            blocks.extend(outline.blocks);
            who.insert(outline.contract, (walks.len(), after));
            let folding = Folding::from(&store, contract, outline.since, self.head.number)?;
            walks.push((Walk::new(contract, folding), Vec::new(), Ok(())));
        }
        blocks.sort_unstable();
        blocks.dedup();
        for piece in blocks.chunks(STEP as usize) {
            let read = store.blocks_of_moment(self.chain_id, piece, bound(writes.unwrap_or(0)));
            let Some(rows) = read.await? else { return Ok(None) };
            for row in &rows {
                let (block, said) = (block(row)?, row.bytes(3)?);
                // In the block of a kept state, and before it, somebody else spoke too.
                let walk = |contract: i64| {
                    let (walk, after) = who.get(&contract)?;
                    after.is_none_or(|after| after < block.number).then_some(*walk)
                };
                visit(
                    said,
                    |contract| walk(contract).is_some(),
                    |place, hash, index, log| {
                        if let Some((walk, logs, _)) =
                            walk(log.contract).and_then(|n| walks.get_mut(n))
                        {
                            let address = walk.contract.address;
                            logs.push(raw(block, (place, hash), address, (index, log)));
                        }
                    },
                )?;
            }
            for (walk, logs, went) in &mut walks {
                let mut logs: Vec<RawLog> = std::mem::take(logs);
                logs.sort_by_key(|log| (log.block.number, log.log_index));
                walk.folding.hear(logs);
                if went.is_ok() {
                    *went = self.go(walk).await;
                }
            }
        }
        let mut states = HashMap::with_capacity(walks.len());
        for (mut walk, _, went) in walks {
            let went = match went {
                Ok(()) => walk.folding.advance(self.head.number).await,
                went => went,
            };
            states.insert(walk.contract.address, went.map(|()| walk.folding.state));
        }
        Ok(Some(states))
    }

    /// Folds what is at hand of an app, and takes the states that are to be kept. They are not written.
    async fn go(&mut self, walk: &mut Walk<'_>) -> Result<(), StateError> {
        while let Some((number, state)) = walk.next().await? {
            self.take(walk.contract, number, state);
        }
        Ok(())
    }

    /// An app at the head, by itself. Its states are written whenever they are many.
    async fn keep(&mut self, contract: &Contract) -> Result<AppState, StateError> {
        let store = self.store.clone();
        let up_to = self.head.number;
        let folding = Folding::begin(&store, contract, Some(version(contract)), up_to).await?;
        let mut walk = Walk::new(contract, folding);
        while let Some((number, state)) = walk.next().await? {
            self.take(contract, number, state);
            if self.bytes >= MOST {
                self.write().await?;
            }
        }
        walk.folding.advance(up_to).await?;
        Ok(walk.folding.state)
    }

    fn take(&mut self, contract: &Contract, number: u64, state: Option<Vec<u8>>) {
        let Some(state) = state else { return };
        self.bytes += state.len();
        self.kept.push((contract.address, version(contract), KeptFold { number, state }));
    }

    fn forget(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        if !self.kept.is_empty() {
            self.store.keep_folds(self.chain_id, &self.kept, &self.head).await?;
        }
        self.forget();
        Ok(())
    }
}
