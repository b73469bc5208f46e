//! Contracts whose logs are kept, and from where on they are known.

use crate::{
    Store,
    bulk::{pieces, within},
    chains,
    conn::{Arg, Row, Tx, bound, int},
    error::{Result, StoreError},
    ids::{blocks_from, height},
    types::{BlockRef, ChainStatus, Contract, Gap, Role},
};
use alloy_primitives::Address;

/// Every column of a contract, in the order that [`contract`] reads.
macro_rules! columns {
    () => {
        "chain_id, address, role, named_by, code_kind, code_hash, implementation, found_at, \
         history_verified_at"
    };
}

pub(crate) use columns;

/// What was found first is kept, whatever order it is told in, so that a contract named twice is not orphaned with
/// the second naming, and one that the configuration names is never orphaned. What was orphaned is written anew.
const UPSERT: &str = "
    INSERT INTO contracts
        (chain_id, address, role, named_by, code_kind, code_hash, implementation, found_at, canonical)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)
    ON CONFLICT (chain_id, address) DO UPDATE SET
        role = CASE WHEN contracts.canonical = 1 AND contracts.found_at < excluded.found_at
            THEN contracts.role ELSE excluded.role END,
        named_by = CASE WHEN contracts.canonical = 0 THEN excluded.named_by
            WHEN contracts.named_by IS NULL OR excluded.named_by IS NULL THEN NULL
            WHEN contracts.found_at < excluded.found_at THEN contracts.named_by ELSE excluded.named_by END,
        code_kind = CASE WHEN contracts.canonical = 1 AND contracts.found_at < excluded.found_at
            THEN contracts.code_kind ELSE excluded.code_kind END,
        code_hash = CASE WHEN contracts.canonical = 1 AND contracts.found_at < excluded.found_at
            THEN contracts.code_hash ELSE excluded.code_hash END,
        implementation = CASE WHEN contracts.canonical = 1 AND contracts.found_at < excluded.found_at
            THEN contracts.implementation ELSE excluded.implementation END,
        found_at = CASE WHEN contracts.canonical = 1 AND contracts.found_at < excluded.found_at
            THEN contracts.found_at ELSE excluded.found_at END,
        identified_at = CASE WHEN contracts.canonical = 1 AND contracts.found_at < excluded.found_at
            THEN contracts.identified_at ELSE NULL END,
        canonical = 1";

/// Those that are no apps. Put in order by who asks: told to, SQLite goes through every contract of the chain, for those are in
/// order of addresses already.
macro_rules! of_role {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM contracts WHERE chain_id = $1 AND role = $2 AND role <> 'app' AND canonical = 1"
        )
    };
}

/// What is still to be read, `$1` being the chain. The chain first: what is to be read is behind its start.
macro_rules! gaps {
    () => {
        "SELECT c.address, n.start_block, c.scanned_from - 1
         FROM chains n CROSS JOIN contracts c
         WHERE n.chain_id = $1 AND c.chain_id = n.chain_id AND c.scanned_from > n.start_block AND c.canonical = 1"
    };
}

pub(crate) use gaps;

impl Store {
    /// Stores a contract, or what is known better about one. Of two tellings the one found at the lower block is
    /// kept; at the same block the later telling.
    ///
    /// # Errors
    /// [`StoreError::UnknownChain`] before [`Store::ensure_chain`].
    pub async fn upsert_contract(&self, contract: &Contract) -> Result<()> {
        let mut tx = self.begin_write().await?;
        let chain = chains::lock(&mut tx, contract.chain_id).await?;
        upsert(&mut tx, contract).await?;
        // What is indexed was indexed without it: all of that is a gap, from now on and not only from the
        // next page on, which may be long in coming.
        if let Some(checkpoint) = chain.checkpoint {
            cover(&mut tx, contract.chain_id, checkpoint.number.saturating_add(1)).await?;
        }
        tx.commit().await
    }

    /// The contracts of a chain, by the block they were found at, then by address. Orphaned ones are not listed.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn contracts(&self, chain_id: u64) -> Result<Vec<Contract>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM contracts WHERE chain_id = $1 AND canonical = 1 ORDER BY found_at, address"
        );
        let rows = self.pool.rows(sql, &[Arg::Int(int("chain id", chain_id)?)]).await?;
        rows.iter().map(contract).collect()
    }

    /// Those of them that are no apps but of this role, by address.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn contracts_of(&self, chain_id: u64, role: Role) -> Result<Vec<Contract>> {
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Text(role.as_str())];
        let rows = self.pool.rows(of_role!(), &args).await?;
        let mut found = rows.iter().map(contract).collect::<Result<Vec<_>>>()?;
        found.sort_by_key(|contract| contract.address);
        Ok(found)
    }

    /// Those that are apps, by address, behind `after`, at most `limit`.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn apps_after(
        &self,
        chain_id: u64,
        after: Option<Address>,
        limit: u32,
    ) -> Result<Vec<Contract>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM contracts WHERE chain_id = $1 AND address > $2 AND canonical = 1 AND role = 'app'
             ORDER BY address LIMIT $3"
        );
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            // Before every address there is nothing.
            Arg::Bytes(after.as_ref().map_or(&[], |address| address.as_slice())),
            Arg::Int(i64::from(limit)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(contract).collect()
    }

    /// Those that announced something that is ripe at or after `since` (Unix seconds) or never expires, by address, behind
    /// `after`, at most `limit`. It may have been reorged out, cancelled or activated since.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn apps_announcing(
        &self,
        chain_id: u64,
        since: u64,
        after: Option<Address>,
        limit: u32,
    ) -> Result<Vec<Contract>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM contracts WHERE chain_id = $1 AND address > $2 AND canonical = 1 AND role = 'app'
             AND id IN (
                 SELECT contract_id FROM announced WHERE chain_id = $1 AND ripe_at >= $4
                 UNION SELECT contract_id FROM announced WHERE chain_id = $1 AND dies = 0
             ) ORDER BY address LIMIT $3"
        );
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Bytes(after.as_ref().map_or(&[], |address| address.as_slice())),
            Arg::Int(i64::from(limit)),
            Arg::Int(bound(since)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(contract).collect()
    }

    /// One contract; `None` if it is unknown or orphaned.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn contract(&self, chain_id: u64, address: Address) -> Result<Option<Contract>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM contracts WHERE chain_id = $1 AND address = $2 AND canonical = 1"
        );
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Bytes(address.as_slice())];
        self.pool.row(sql, &args).await?.map(|row| contract(&row)).transpose()
    }

    /// Records that the history roots in these contracts were compared with their logs here after a block, and agreed:
    /// up to it no log of theirs is missing. What is recorded never goes down here; only a rewind lowers it. All or
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the block is not a canonical one of the store (any more), for then the comparison
    /// says nothing about what is stored; [`StoreError::UnknownContract`], [`StoreError::UnknownChain`].
    pub async fn set_history_verified(
        &self,
        chain_id: u64,
        addresses: &[Address],
        at: &BlockRef,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        // The lock keeps a rewind from coming between.
        let chain = chains::lock(&mut tx, chain_id).await?;
        let (id, number) = (int("chain id", chain_id)?, int("block number", at.number)?);
        must_hold(&mut tx, &chain, at).await?;
        for &address in addresses {
            let known = tx
                .execute(
                    "UPDATE contracts SET history_verified_at =
                         CASE WHEN history_verified_at > $3 THEN history_verified_at ELSE $3 END
                     WHERE chain_id = $1 AND address = $2 AND canonical = 1",
                    &[Arg::Int(id), Arg::Bytes(address.as_slice()), Arg::Int(number)],
                )
                .await?;
            if known == 0 {
                return Err(StoreError::UnknownContract { chain_id, address });
            }
        }
        tx.commit().await
    }

    /// Records what stands behind a contract that had no code when it was named, and that this was found out after block
    /// `at`; only the code's kind, its hash and the implementation are read from `found`. A rewind below that block
    /// forgets it. Nothing changes for a contract whose code is known.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the block is not a canonical one of the store (any more);
    /// [`StoreError::UnknownChain`].
    pub async fn set_identity(&self, found: &Contract, at: &BlockRef) -> Result<()> {
        let mut tx = self.begin_write().await?;
        let chain = chains::lock(&mut tx, found.chain_id).await?;
        must_hold(&mut tx, &chain, at).await?;
        tx.execute(
            "UPDATE contracts SET code_kind = $3, code_hash = $4, implementation = $5, identified_at = $6
             WHERE chain_id = $1 AND address = $2 AND canonical = 1 AND code_hash IS NULL",
            &[
                Arg::Int(int("chain id", found.chain_id)?),
                Arg::Bytes(found.address.as_slice()),
                Arg::Text(&found.code_kind),
                Arg::MaybeBytes(found.code_hash.as_ref().map(|h| h.as_slice())),
                Arg::MaybeBytes(found.implementation.as_ref().map(|a| a.as_slice())),
                Arg::Int(int("block number", at.number)?),
            ],
        )
        .await?;
        tx.commit().await
    }

    /// For each contract that was found late, the blocks from the chain's start on that no page or backfill covered.
    /// Contracts that wait for their first page are not listed.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn gaps(&self, chain_id: u64) -> Result<Vec<Gap>> {
        let rows = self
            .pool
            .rows(
                concat!(gaps!(), " ORDER BY c.found_at, c.address"),
                &[Arg::Int(int("chain id", chain_id)?)],
            )
            .await?;
        rows.iter().map(gap).collect()
    }

    /// Those of some contracts.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn gaps_of(&self, chain_id: u64, addresses: &[Address]) -> Result<Vec<Gap>> {
        let mut found = Vec::new();
        for piece in pieces(addresses) {
            let mut args = vec![Arg::Int(int("chain id", chain_id)?)];
            args.extend(piece.iter().map(|address| Arg::Bytes(address.as_slice())));
            let sql = within(
                "SELECT c.address, n.start_block, c.scanned_from - 1
                 FROM contracts c JOIN chains n ON n.chain_id = c.chain_id
                 WHERE c.chain_id = $1 AND c.canonical = 1 AND c.scanned_from > n.start_block AND c.address IN",
                2,
                piece.len(),
                "",
            );
            for row in self.pool.rows(sql, &args).await? {
                found.push(gap(&row)?);
            }
        }
        Ok(found)
    }
}

pub(crate) fn gap(row: &Row) -> Result<Gap> {
    Ok(Gap { address: row.address(0)?, from: row.number(1)?, to: row.number(2)? })
}

/// Makes sure that a block is a canonical one of the store; the caller holds the lock.
pub(crate) async fn must_hold(tx: &mut Tx, chain: &ChainStatus, at: &BlockRef) -> Result<()> {
    let chain_id = chain.chain_id;
    let held = tx
        .row(
            concat!("SELECT 1 FROM blocks WHERE id = ", blocks_from!(), " + $2 AND hash = $3"),
            &[
                Arg::Int(int("chain id", chain_id)?),
                Arg::Int(height(at.number)?),
                Arg::Bytes(at.hash.as_slice()),
            ],
        )
        .await?;
    let stored = chain.checkpoint.map(|block| block.hash);
    held.map(|_| ()).ok_or(StoreError::Conflict { chain_id, expected: Some(at.hash), stored })
}

pub(crate) async fn upsert(tx: &mut Tx, contract: &Contract) -> Result<()> {
    tx.execute(
        UPSERT,
        &[
            Arg::Int(int("chain id", contract.chain_id)?),
            Arg::Bytes(contract.address.as_slice()),
            Arg::Text(contract.role.as_str()),
            Arg::MaybeBytes(contract.named_by.as_ref().map(|a| a.as_slice())),
            Arg::Text(&contract.code_kind),
            Arg::MaybeBytes(contract.code_hash.as_ref().map(|h| h.as_slice())),
            Arg::MaybeBytes(contract.implementation.as_ref().map(|a| a.as_slice())),
            Arg::Int(int("block number", contract.found_at)?),
        ],
    )
    .await?;
    Ok(())
}

/// A page covers every contract known, so one that was not covered yet is from the page's first block on.
pub(crate) async fn cover(tx: &mut Tx, chain_id: u64, first: u64) -> Result<()> {
    tx.execute(
        "UPDATE contracts SET scanned_from = $2 WHERE chain_id = $1 AND canonical = 1 AND scanned_from IS NULL",
        &[Arg::Int(int("chain id", chain_id)?), Arg::Int(int("block number", first)?)],
    )
    .await?;
    Ok(())
}

/// Of contracts that a page which begins with this block is the first to cover, and that were created in it, nothing is to be
/// read of the blocks before.
pub(crate) async fn cover_all(
    tx: &mut Tx,
    chain: &ChainStatus,
    first: u64,
    newborn: &[Address],
) -> Result<()> {
    for address in newborn {
        tx.execute(
            "UPDATE contracts SET scanned_from = $4
             WHERE chain_id = $1 AND address = $2 AND canonical = 1 AND scanned_from = $3",
            &[
                Arg::Int(int("chain id", chain.chain_id)?),
                Arg::Bytes(address.as_slice()),
                Arg::Int(int("block number", first)?),
                Arg::Int(int("block number", chain.start_block)?),
            ],
        )
        .await?;
    }
    Ok(())
}

pub(crate) fn contract(row: &Row) -> Result<Contract> {
    contract_from(row, 0)
}

/// A contract whose columns begin with this one.
pub(crate) fn contract_from(row: &Row, first: usize) -> Result<Contract> {
    let word = row.text(first + 2)?;
    let role = Role::parse(word)
        .ok_or_else(|| StoreError::Corrupt { what: format!("the role `{word}`") })?;
    Ok(Contract {
        chain_id: row.number(first)?,
        address: row.address(first + 1)?,
        role,
        named_by: row.maybe_address(first + 3)?,
        code_kind: row.text(first + 4)?.to_owned(),
        code_hash: row.maybe_hash(first + 5)?,
        implementation: row.maybe_address(first + 6)?,
        found_at: row.number(first + 7)?,
        history_verified_at: row.maybe_number(first + 8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_does_not_look_at_apps_for_what_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        let args = [Arg::Int(31_337), Arg::Text("kms")];
        let plan = store.pool.rows(concat!("EXPLAIN QUERY PLAN ", of_role!()), &args).await;
        let plan: Vec<String> =
            plan.unwrap().iter().map(|row| row.text(3).unwrap().to_owned()).collect();
        assert!(plan[0].contains("INDEX contracts_role"), "{plan:#?}");
    }
}
