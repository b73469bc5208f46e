//! What every answer asks for and what seldom changes, read once for each state of a chain.

use crate::{
    Store,
    conn::{Arg, int},
    contracts::{columns, contract, gap, gaps},
    error::Result,
    types::{ChainStatus, Contract, Gap, Role},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::Mutex;

/// Gaps that are kept in memory: while a large chain is read for the first time there may be as many as apps.
const MAX_GAPS: usize = 256;

/// One more than that. In the text, as a bound limit has SQLite plan the statement anew.
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
}

/// By chain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered(Arc<Mutex<BTreeMap<u64, Arc<Known>>>>);

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
}

impl Store {
    /// What is known of a chain that stands like this: as it was then, or later.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn known_of(&self, status: &ChainStatus) -> Result<Arc<Known>> {
        let ChainStatus { chain_id, writes, .. } = *status;
        // Held while it is read, so that of many who ask at once one reads.
        let mut remembered = self.remembered.0.lock().await;
        if let Some(known) = remembered.get(&chain_id).filter(|known| known.writes >= writes) {
            return Ok(Arc::clone(known));
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
        let known = Arc::new(Known { writes, others, gaps, is_observed });
        remembered.insert(chain_id, Arc::clone(&known));
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
