//! The events of an app that keeps a history must lead to the root in its contract.

use crate::{IndexError, Indexer};
use alloy_primitives::{Address, U256};
use devproof_chain::ChainError;
use devproof_contracts::{Code, app_event};
use devproof_primitives::{BlockRef, Policy, Position, Rules};
use devproof_store::{RawLog, Role};
use std::collections::BTreeSet;

/// Slot of `historyRoot` in an AppAuth (its storage layout is committed with its artifact).
const HISTORY_ROOT_SLOT: U256 = U256::from_limbs([3, 0, 0, 0]);

/// Folds the logs of one app.
///
/// # Errors
/// [`IndexError::History`] if the app keeps a history and the logs contradict it.
fn fold(app: Address, rules: Rules, logs: &[RawLog]) -> Result<Policy, IndexError> {
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
    /// Checks the apps whose logs are new since the last check, and all of them the first time: what
    /// was committed right before a crash was never checked.
    pub(crate) async fn check_histories(&mut self, head: BlockRef) -> Result<(), IndexError> {
        let chain_id = self.node.chain_id();
        for contract in self.store.contracts(chain_id).await? {
            let keeps = contract.code_kind.parse().is_ok_and(Code::keeps_history);
            let app = contract.address;
            if contract.role == Role::App && keeps && self.unchecked.contains(app) {
                self.check_history(app, head).await?;
            }
        }
        self.unchecked = Unchecked::Some(BTreeSet::new());
        Ok(())
    }

    async fn check_history(&self, app: Address, head: BlockRef) -> Result<(), IndexError> {
        let chain_id = self.node.chain_id();
        let logs = self.store.logs(chain_id, &[app], head.number).await?;
        let policy = fold(app, Rules::AppAuth { chain_id, app }, &logs)?;
        let folded = policy.history_root().unwrap_or_default();
        let stored = self.node.storage(app, HISTORY_ROOT_SLOT, head.number).await?;
        if folded == stored {
            return Ok(());
        }
        if self.held(head.number).await? != head {
            return Err(ChainError::Moved { number: head.number }.into());
        }
        Err(IndexError::Root { app, folded, stored })
    }
}

/// The apps whose history is yet to be compared with the root in their contract.
#[derive(Debug)]
pub(crate) enum Unchecked {
    /// Every one.
    All,
    /// These.
    Some(BTreeSet<Address>),
}

impl Unchecked {
    /// Adds the contracts that emitted these logs.
    pub(crate) fn add(&mut self, logs: &[RawLog]) {
        if let Self::Some(apps) = self {
            apps.extend(logs.iter().map(|log| log.address));
        }
    }

    fn contains(&self, app: Address) -> bool {
        match self {
            Self::All => true,
            Self::Some(apps) => apps.contains(&app),
        }
    }
}
