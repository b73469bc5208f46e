//! What every answer asks for and what seldom changes, read once for each state of a chain.

use crate::{
    Store,
    conn::{Arg, int},
    contracts::{columns, contract, gap, gaps},
    error::Result,
    kms::KmsThen,
    types::{ChainStatus, Contract, Gap, Role},
};
use alloy_primitives::Address;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::{Mutex, OnceCell};

/// Gaps that are kept in memory: while a large chain is read for the first time there may be as many as apps.
const MAX_GAPS: usize = 256;

/// Facts of a KMS that are kept in memory.
const MAX_POLICY: usize = 4096;

/// One more gap than is kept. In the text, as a bound limit has SQLite plan the statement anew.
macro_rules! limit {
    () => {
        257
    };
}

/// What of a chain was read once.
#[derive(Debug)]
pub struct Known {
    /// The state of the chain that it was read in, or before ([`ChainStatus::writes`]).
    writes: u64,
    /// Those that are no apps, by address.
    others: Vec<Contract>,
    /// `None`: there are too many.
    gaps: Option<Vec<Gap>>,
    is_observed: bool,
    /// What the KMS contracts said that is not about one app, read when it is asked for; `None`: it is too much.
    policies: BTreeMap<Address, OnceCell<Option<Arc<KmsThen>>>>,
}

/// By chain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered(Arc<Memory>);

#[derive(Debug, Default)]
struct Memory {
    known: RwLock<BTreeMap<u64, Arc<Known>>>,
    /// Held while it is read, so that of many who ask at once one reads.
    reading: Mutex<()>,
}

impl Remembered {
    /// What was read in this state or later.
    fn get(&self, &ChainStatus { chain_id, writes, .. }: &ChainStatus) -> Option<Arc<Known>> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&chain_id).filter(|known| known.writes >= writes).map(Arc::clone)
    }

    fn put(&self, chain_id: u64, it: &Arc<Known>) {
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(chain_id, Arc::clone(it));
    }
}

impl Known {
    /// The contracts that are no apps, by address.
    #[must_use]
    pub fn others(&self) -> &[Contract] {
        &self.others
    }

    /// The contracts of a role, by address. [`Role::App`] is not among them.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Contract> {
        self.others.iter().filter(move |contract| contract.role == role)
    }

    /// Whether any instance of an app of the chain was ever observed: of others nobody has to look.
    #[must_use]
    pub const fn is_observed(&self) -> bool {
        self.is_observed
    }

    /// What is still to be read; `None` if it is so much that it has to be asked for ([`Store::gaps_of`]).
    #[must_use]
    pub fn gaps(&self) -> Option<&[Gap]> {
        self.gaps.as_deref()
    }

    /// What a KMS said and was read to say that is not about one app.
    pub(crate) async fn policy_of(&self, store: &Store, kms: &Contract) -> Result<Arc<KmsThen>> {
        let Some(cell) = self.policies.get(&kms.address) else {
            return Ok(Arc::new(store.kms_policy(kms).await?));
        };
        let read = async || -> Result<_> {
            let policy = Arc::new(store.kms_policy(kms).await?);
            Ok(Some(policy).filter(|policy| policy.len() <= MAX_POLICY))
        };
        match cell.get_or_try_init(read).await? {
            Some(policy) => Ok(Arc::clone(policy)),
            None => Ok(Arc::new(store.kms_policy(kms).await?)),
        }
    }
}

impl Store {
    /// What is known of a chain that stands like this: as it was then, or later.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn known_of(&self, status: &ChainStatus) -> Result<Arc<Known>> {
        let ChainStatus { chain_id, writes, .. } = *status;
        if let Some(known) = self.remembered.get(status) {
            return Ok(known);
        }
        let _one = self.remembered.0.reading.lock().await;
        if let Some(known) = self.remembered.get(status) {
            return Ok(known);
        }
        let args = [Arg::Int(int("chain id", chain_id)?)];
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM contracts WHERE chain_id = $1 AND role <> 'app' AND canonical = 1"
        );
        let rows = self.pool.rows(sql, &args).await?;
        let mut others = rows.iter().map(contract).collect::<Result<Vec<_>>>()?;
        others.sort_by_key(|contract| contract.address);
        let rows = self.pool.rows(concat!(gaps!(), " LIMIT ", limit!()), &args).await?;
        let gaps = rows.iter().map(gap).collect::<Result<Vec<_>>>()?;
        let gaps = Some(gaps).filter(|gaps| gaps.len() <= MAX_GAPS);
        let sql = "SELECT 1 FROM observed_instances WHERE chain_id = $1 LIMIT 1";
        let is_observed = self.pool.row(sql, &args).await?.is_some();
        let kms = others.iter().filter(|contract| contract.role == Role::Kms);
        let policies = kms.map(|contract| (contract.address, OnceCell::new())).collect();
        let known = Arc::new(Known { writes, others, gaps, is_observed, policies });
        self.remembered.put(chain_id, &known);
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_goes_to_what_is_to_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        let args = [Arg::Int(31_337)];
        let plan = store.pool.rows(concat!("EXPLAIN QUERY PLAN ", gaps!()), &args).await.unwrap();
        let plan: Vec<&str> = plan.iter().map(|row| row.text(3).unwrap()).collect();
        let searched = plan.iter().any(|step| step.contains("scanned_from>?"));
        assert!(searched, "{plan:#?}");
    }

    #[test]
    fn one_more_is_asked_for_than_is_kept() {
        assert_eq!(limit!(), MAX_GAPS + 1);
    }
}
