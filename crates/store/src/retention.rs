//! What of observations is dropped when somebody wants it to be. Without that everything is kept for ever.

use crate::{
    Store,
    chains::lock,
    conn::{Arg, bound},
    error::Result,
};
use alloy_primitives::B256;

/// Documents that are dropped in one transaction.
const BATCH: u64 = 500;

/// What was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Documents.
    pub documents: u64,
    /// Their bytes together.
    pub bytes: u64,
}

impl Store {
    /// Drops archived evidence, collateral and policies that no quote seen at or after a time (Unix seconds) was judged by. The
    /// rows of observations stay, with every hash, and so do the verdicts: what was found is told as before, but it
    /// cannot be repeated from here any more. With `dry` nothing is dropped, and the first of them are counted.
    ///
    /// # Errors
    /// Only those of the database. What earlier transactions dropped stays dropped.
    pub async fn drop_evidence(&self, before: u64, dry: bool) -> Result<Dropped> {
        let mut dropped = Dropped::default();
        let mut after = B256::ZERO;
        let chains = self.chains().await?;
        loop {
            let mut tx = self.begin_write().await?;
            // Whoever records an observation holds its chain's row: none of what follows is being kept meanwhile.
            for chain in &chains {
                lock(&mut tx, chain.chain_id).await?;
            }
            let rows = tx
                .rows(
                    "SELECT hash FROM archive WHERE piece = 0 AND kept_at < $1 AND hash > $2
                     EXCEPT SELECT verdict FROM judgements
                     EXCEPT SELECT evidence FROM judgements WHERE seen_until >= $1
                     EXCEPT SELECT collateral FROM judgements WHERE seen_until >= $1 AND collateral IS NOT NULL
                     EXCEPT SELECT policy FROM judgements WHERE seen_until >= $1 AND policy IS NOT NULL
                     ORDER BY 1 LIMIT $3",
                    &[
                        Arg::Int(bound(before)),
                        Arg::Bytes(after.as_slice()),
                        Arg::Int(bound(BATCH)),
                    ],
                )
                .await?;
            let hashes = rows.iter().map(|row| row.hash(0)).collect::<Result<Vec<_>>>()?;
            for hash in &hashes {
                let args = [Arg::Bytes(hash.as_slice())];
                let sql = "SELECT SUM(LENGTH(bytes)) FROM archive WHERE hash = $1";
                let length = tx.row(sql, &args).await?;
                let length = length.map(|row| row.maybe_number(0)).transpose()?.flatten();
                dropped.bytes = dropped.bytes.saturating_add(length.unwrap_or(0));
                dropped.documents = dropped.documents.saturating_add(1);
                if !dry {
                    tx.execute("DELETE FROM archive WHERE hash = $1", &args).await?;
                }
            }
            match hashes.last() {
                Some(last) => after = *last,
                None => return Ok(dropped),
            }
            // One that is not committed is taken back.
            if !dry {
                tx.commit().await?;
            }
        }
    }
}
