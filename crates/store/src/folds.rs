//! Where folds stood. What is kept here is derived from the facts and only saves time: an answer is the fold that was
//! kept last, and the logs after it.

use crate::{
    Store, chains,
    conn::{Arg, Tx, bound, int},
    contracts::must_hold,
    error::{Result, StoreError},
    types::BlockRef,
};
use alloy_primitives::Address;

/// A fold of all canonical logs of a contract up to and including a block, written down by who folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFold {
    /// The block.
    pub number: u64,
    /// The fold. The store does not look into it.
    pub state: Vec<u8>,
}

impl Store {
    /// The last fold of a contract at or before block `up_to` that was kept under this version; `None` for none: then
    /// everything has to be folded.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn kept_fold(
        &self,
        chain_id: u64,
        address: Address,
        version: u32,
        up_to: u64,
    ) -> Result<Option<KeptFold>> {
        let sql = "SELECT f.number, f.state FROM contracts c JOIN folds f ON f.contract_id = c.id
             WHERE c.chain_id = $1 AND c.address = $2 AND f.version = $3 AND f.number <= $4
             ORDER BY f.number DESC LIMIT 1";
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Bytes(address.as_slice()),
            Arg::Int(i64::from(version)),
            Arg::Int(bound(up_to)),
        ];
        let row = self.pool.row(sql, &args).await?;
        row.map(|row| Ok(KeptFold { number: row.number(0)?, state: row.bytes(1)?.to_vec() }))
            .transpose()
    }

    /// Keeps folds of a contract's logs as they are with the chain standing at `at`. One that was kept of the same
    /// block is replaced. All or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if `at` is not a canonical block of the store (any more), for then the folds may be
    /// those of another branch; [`StoreError::UnknownContract`], [`StoreError::UnknownChain`].
    pub async fn keep_folds(
        &self,
        chain_id: u64,
        address: Address,
        version: u32,
        folds: &[KeptFold],
        at: &BlockRef,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        // The lock keeps a rewind from coming between.
        let chain = chains::lock(&mut tx, chain_id).await?;
        must_hold(&mut tx, &chain, at).await?;
        let sql = "SELECT id FROM contracts WHERE chain_id = $1 AND address = $2 AND canonical = 1";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Bytes(address.as_slice())];
        let row = tx.row(sql, &args).await?;
        let contract = row.ok_or(StoreError::UnknownContract { chain_id, address })?.int(0)?;
        for fold in folds {
            let sql = "INSERT INTO folds (contract_id, number, version, state) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (contract_id, number) DO UPDATE SET version = excluded.version, state = excluded.state";
            let args = [
                Arg::Int(contract),
                Arg::Int(int("block number", fold.number)?),
                Arg::Int(i64::from(version)),
                Arg::Bytes(&fold.state),
            ];
            tx.execute(sql, &args).await?;
        }
        tx.commit().await
    }
}

/// Forgets folds that facts which came late are not in: those of this contract from this block on.
pub(crate) async fn forget(tx: &mut Tx, contract: i64, from: u64) -> Result<()> {
    let sql = "DELETE FROM folds WHERE contract_id = $1 AND number >= $2";
    tx.execute(sql, &[Arg::Int(contract), Arg::Int(bound(from))]).await?;
    Ok(())
}
