//! The events of an app that keeps a history must lead to the root in its contract.

use crate::{IndexError, Indexer, births::Notes, page::LOOKS};
use alloy_primitives::{Address, B256, U256};
use devproof_contracts::{About, UPGRADED};
use devproof_primitives::{BlockRef, FoldError};
use devproof_store::{AppState, Contract, RawLog, Role};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};
use tokio::time::Instant;

/// Slot of `historyRoot` in an AppAuth (its storage layout is committed with its artifact).
pub(crate) const HISTORY_ROOT_SLOT: U256 = U256::from_limbs([3, 0, 0, 0]);

/// Logs of an app that no longer count as few.
const LONG: u64 = 24;

/// Apps that are folded at a time: their states are held at once.
const FOLDED: usize = 1024;

/// Time after which every app is checked again, not only those with new logs. For so long (and a poll) an
/// answer about the newest blocks of a quiet app says `as_emitted`; on public chains answers are about
/// finalized blocks, which are older than that.
const FULL_CHECK_INTERVAL: Duration = Duration::from_secs(60);

impl Indexer {
    /// Compares the histories that are due with the roots in their contracts, and records for those that
    /// agree that they were verified after `head`, where the index stands. Until then answers about what
    /// the last pages brought do not call themselves complete.
    ///
    /// Due are the apps that have new logs or were never verified, and every so often all of them, so that
    /// what is recorded of a quiet app moves on without a question to the node per app and poll. All of
    /// them also the first time: what was committed right before a crash was never checked. Nothing is,
    /// while the chain stands still.
    pub(crate) async fn check_histories(&mut self, head: BlockRef) -> Result<(), IndexError> {
        let all = self.checks.all_are_due(head);
        if !all && self.checks.nothing_is_new(head) {
            return Ok(());
        }
        self.check_registries(all, head).await?;
        let chain_id = self.node.chain_id();
        let mut agreed = Vec::new();
        let mut wrong = None;
        let contracts = self.store.contracts(chain_id).await?;
        let due: BTreeSet<Address> = (contracts.iter())
            .filter(|c| c.role == Role::App && c.code().keeps_history())
            .filter(|c| {
                let is_new = self.checks.unchecked.contains(&c.address);
                all || c.history_verified_at.is_none() || is_new
            })
            .map(|c| c.address)
            .collect();
        let mut roots = self.history_roots(&due, head).await?;
        let mut folded = contracts;
        folded.retain(|c| {
            // With the others there is nothing to compare, but questions about one of them shall not fold all of it.
            due.contains(&c.address) || (c.role == Role::App && self.checks.is_long(c.address))
        });
        for some in folded.chunks(FOLDED) {
            let kept = self.store.keep_states(chain_id, some.to_vec(), head).await?;
            for (contract, state) in kept {
                let app = contract.address;
                if !due.contains(&app) {
                    state.map_err(|problem| IndexError::History { app, problem })?;
                    continue;
                }
                match self.check_history(&contract, state, roots.remove(&app), head).await {
                    Ok(()) => agreed.push(app),
                    // Nothing to hold against the others.
                    Err(error @ (IndexError::History { .. } | IndexError::Root { .. })) => {
                        wrong.get_or_insert(error);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        // The roots were asked for by number: they are those after `head` only if it still stands there.
        if wrong.is_some() || !agreed.is_empty() {
            self.reader.must_hold(head).await?;
        }
        if !agreed.is_empty() {
            self.store.set_history_verified(chain_id, &agreed, &head).await?;
        }
        if let Some(error) = wrong {
            return Err(error);
        }
        self.checks.passed(head, all);
        Ok(())
    }

    /// The history roots in some contracts after a block.
    async fn history_roots(
        &self,
        apps: &BTreeSet<Address>,
        head: BlockRef,
    ) -> Result<BTreeMap<Address, B256>, IndexError> {
        let ask = |app: Address| async move {
            let root = self.node.storage(app, HISTORY_ROOT_SLOT, head.number).await?;
            Ok((app, root))
        };
        stream::iter(apps.clone()).map(ask).buffered(LOOKS).try_collect().await
    }

    /// Compares a history with the root in its contract, and repairs it if they differ.
    async fn check_history(
        &mut self,
        contract: &Contract,
        state: Result<AppState, FoldError>,
        root: Option<B256>,
        head: BlockRef,
    ) -> Result<(), IndexError> {
        let app = contract.address;
        let differs = match self.agrees(app, state, root, head).await {
            Err(error @ (IndexError::History { .. } | IndexError::Root { .. })) => error,
            compared => return compared,
        };
        // Something was left out, perhaps by a backend that lagged: ask again before complaining.
        // Or made up: what is not its own goes first, for it may stand in the place of what is.
        self.pulse.counts.root_mismatch();
        tracing::warn!(%app, "its history does not add up, reading it again");
        let all = self.options.start_block..=head.number;
        let foreign = self.put_foreign_history_aside(contract, head).await?;
        if self.read_again(&[app], all, head).await? == 0 && !foreign {
            return Err(differs);
        }
        let chain_id = self.node.chain_id();
        for (_, state) in self.store.keep_states(chain_id, vec![contract.clone()], head).await? {
            self.agrees(app, state, None, head).await?;
        }
        Ok(())
    }

    /// Compares a history with the root in its contract, which is asked for if it was not yet.
    async fn agrees(
        &self,
        app: Address,
        state: Result<AppState, FoldError>,
        root: Option<B256>,
        head: BlockRef,
    ) -> Result<(), IndexError> {
        let state = state.map_err(|problem| IndexError::History { app, problem })?;
        let folded = state.policy.history_root().unwrap_or_default();
        let stored = match root {
            Some(root) => root,
            None => self.node.storage(app, HISTORY_ROOT_SLOT, head.number).await?,
        };
        if folded == stored { Ok(()) } else { Err(IndexError::Root { app, folded, stored }) }
    }
}

/// What is yet to be compared with the roots in the contracts.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// Apps with logs that came after their last check.
    pub(crate) unchecked: BTreeSet<Address>,
    /// How many logs of apps came since their states were last kept, as far as this process knows.
    unkept: BTreeMap<Address, u64>,
    /// Proxies that said since then that their code was replaced, and where.
    upgraded: BTreeMap<Address, Vec<BlockRef>>,
    /// Apps of which it was written since then what they were born with.
    born: BTreeSet<Address>,
    /// Whether there was nothing before this process: then all of it was added here.
    from_nothing: bool,
    /// Where the index stood at the last check.
    last: Option<BlockRef>,
    /// When all apps were last checked; `None`: not yet by this process.
    all: Option<Instant>,
}

impl Checks {
    /// Adds the contracts that emitted these logs.
    pub(crate) fn add(&mut self, logs: &[RawLog]) {
        let mut of_each: HashMap<Address, u64> = HashMap::new();
        for log in logs {
            *of_each.entry(log.address).or_default() += 1;
        }
        for (address, logs) in of_each {
            self.unchecked.insert(address);
            *self.unkept.entry(address).or_default() += logs;
        }
        for log in logs.iter().filter(|log| log.topics.first() == Some(&UPGRADED)) {
            self.upgraded.entry(log.address).or_default().push(log.block);
        }
    }

    /// The chain is indexed from its first block by this process.
    pub(crate) const fn begin_with_nothing(&mut self) {
        self.from_nothing = true;
    }

    /// What an app was born with was written. Where that tells which code it was, nothing is to be asked about the upgrade
    /// that a proxy says its first code to be.
    pub(crate) fn was_born(&mut self, app: Address, notes: &Notes) {
        self.born.insert(app);
        if notes.readings.iter().any(|reading| reading.what == About::CodeKind.word())
            && let Some(blocks) = self.upgraded.get_mut(&app)
        {
            blocks.retain(|block| *block != notes.block);
        }
    }

    /// What was written may have gone.
    pub(crate) fn rewound(&mut self) {
        self.born.clear();
    }

    /// Whether it is known, since the last check, that the birth of an app is written.
    pub(crate) fn is_born(&self, app: Address) -> bool {
        self.born.contains(&app)
    }

    /// The upgrades that came since the last check, and of which nothing was written with their page.
    pub(crate) fn upgrades(&self) -> Vec<(Address, BlockRef)> {
        let of = |(app, blocks): (&Address, &Vec<BlockRef>)| {
            let app = *app;
            blocks.iter().map(move |block| (app, *block)).collect::<Vec<_>>()
        };
        self.upgraded.iter().flat_map(of).collect()
    }

    /// Whether so much of an app is new that folding it for every question would be felt; if so, it is taken for kept.
    fn is_long(&mut self, app: Address) -> bool {
        match self.unkept.get(&app) {
            Some(logs) if *logs >= LONG => self.unkept.remove(&app).is_some(),
            _ => false,
        }
    }

    /// Whether this process has checked nothing yet.
    pub(crate) const fn is_first(&self) -> bool {
        self.all.is_none()
    }

    /// Whether upgrades may be held that this process did not see, of one before it that was killed.
    pub(crate) const fn may_lack_upgrades(&self) -> bool {
        self.is_first() && !self.from_nothing
    }

    fn nothing_is_new(&self, head: BlockRef) -> bool {
        self.unchecked.is_empty() && self.last == Some(head)
    }

    fn all_are_due(&self, head: BlockRef) -> bool {
        self.all.is_none_or(|at| self.last != Some(head) && at.elapsed() >= FULL_CHECK_INTERVAL)
    }

    fn passed(&mut self, head: BlockRef, all: bool) {
        self.unchecked.clear();
        self.upgraded.clear();
        self.born.clear();
        self.last = Some(head);
        if all {
            self.all = Some(Instant::now());
        }
    }
}
