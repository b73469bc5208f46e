//! Everything in a range, for those who check it.

use crate::{
    Store,
    conn::{Arg, bound, int},
    error::Result,
    read::{log, logs},
    types::RawLog,
};

impl Store {
    /// The canonical logs of every contract in the blocks `from..=to`, in chain order. All of them are held in memory:
    /// a range should be about as long as a page.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn logs_between(&self, chain_id: u64, from: u64, to: u64) -> Result<Vec<RawLog>> {
        let sql = concat!(
            logs!(),
            "b.chain_id = $1 AND b.canonical = 1 AND b.number >= $2 AND b.number <= $3 ORDER BY b.number, l.log_index"
        );
        let args =
            [Arg::Int(int("chain id", chain_id)?), Arg::Int(bound(from)), Arg::Int(bound(to))];
        self.pool.rows(sql, &args).await?.iter().map(log).collect()
    }
}
