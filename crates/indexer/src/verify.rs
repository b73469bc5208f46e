//! The events of an app that keeps a history must lead to the root in its contract.

use crate::{IndexError, Indexer};
use alloy_primitives::{Address, U256};
use devproof_contracts::{Code, UPGRADED, app_event};
use devproof_primitives::{BlockRef, Policy, Position, Rules};
use devproof_store::{RawLog, Role};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

/// Slot of `historyRoot` in an AppAuth (its storage layout is committed with its artifact).
pub(crate) const HISTORY_ROOT_SLOT: U256 = U256::from_limbs([3, 0, 0, 0]);

/// Time after which every app is checked again, not only those with new logs. For so long (and a poll) an
/// answer about the newest blocks of a quiet app says `as_emitted`; on public chains answers are about
/// finalized blocks, which are older than that.
const FULL_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Folds the logs of one app.
///
/// # Errors
/// [`IndexError::History`] if the app keeps a history and the logs contradict it.
pub(crate) fn fold(app: Address, rules: Rules, logs: &[RawLog]) -> Result<Policy, IndexError> {
    let mut policy = Policy::new(rules);
    for log in logs {
        let Some(event) = app_event(&log.topics, &log.data) else { continue };
        let at = Position {
            block: log.block.number,
            log_index: log.log_index,
            timestamp: log.block.timestamp,
            transaction: log.tx_hash,
        };
        policy.apply(at, &event).map_err(|problem| IndexError::History { app, problem })?;
    }
    Ok(policy)
}

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
        let chain_id = self.node.chain_id();
        let mut agreed = Vec::new();
        let mut wrong = None;
        for contract in self.store.contracts(chain_id).await? {
            let keeps = contract.code_kind.parse().is_ok_and(Code::keeps_history);
            let app = contract.address;
            let due = all
                || contract.history_verified_at.is_none()
                || self.checks.unchecked.contains(&app);
            if contract.role != Role::App || !keeps || !due {
                continue;
            }
            let mut checked = self.check_history(app, head).await;
            if matches!(checked, Err(IndexError::History { .. } | IndexError::Root { .. })) {
                // Something was left out, perhaps by a backend that lagged: ask again before complaining.
                // Or made up: what is not its own goes first, for it may stand in the place of what is.
                tracing::warn!(%app, "its history does not add up, reading it again");
                let all = self.options.start_block..=head.number;
                let foreign = self.put_foreign_history_aside(app, head).await?;
                if self.read_again(&[app], all, head).await? > 0 || foreign {
                    checked = self.check_history(app, head).await;
                }
            }
            match checked {
                Ok(()) => agreed.push(app),
                // Nothing to hold against the others.
                Err(error @ (IndexError::History { .. } | IndexError::Root { .. })) => {
                    wrong.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        // The roots were asked for by number: they are those after `head` only if it still stands there.
        if wrong.is_some() || !agreed.is_empty() {
            self.must_hold(head).await?;
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

    async fn check_history(&self, app: Address, head: BlockRef) -> Result<(), IndexError> {
        let chain_id = self.node.chain_id();
        let logs = self.store.logs(chain_id, &[app], head.number).await?;
        let policy = fold(app, Rules::AppAuth { chain_id, app }, &logs)?;
        let folded = policy.history_root().unwrap_or_default();
        let stored = self.node.storage(app, HISTORY_ROOT_SLOT, head.number).await?;
        if folded == stored { Ok(()) } else { Err(IndexError::Root { app, folded, stored }) }
    }
}

/// What is yet to be compared with the roots in the contracts.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// Apps with logs that came after their last check.
    pub(crate) unchecked: BTreeSet<Address>,
    /// Proxies that said since then that their code was replaced, and where.
    pub(crate) upgraded: Vec<(Address, BlockRef)>,
    /// Where the index stood at the last check.
    last: Option<BlockRef>,
    /// When all apps were last checked; `None`: not yet by this process.
    all: Option<Instant>,
}

impl Checks {
    /// Adds the contracts that emitted these logs.
    pub(crate) fn add(&mut self, logs: &[RawLog]) {
        self.unchecked.extend(logs.iter().map(|log| log.address));
        let upgrades = logs.iter().filter(|log| log.topics.first() == Some(&UPGRADED));
        self.upgraded.extend(upgrades.map(|log| (log.address, log.block)));
    }

    /// Whether this process has checked nothing yet.
    pub(crate) const fn is_first(&self) -> bool {
        self.all.is_none()
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
        self.last = Some(head);
        if all {
            self.all = Some(Instant::now());
        }
    }
}
