//! Steps forward, each in one transaction.

use crate::{
    Store, chains,
    conn::{Arg, int},
    contracts,
    error::{Result, StoreError},
    facts,
    journal::{self, Weight},
    plan::Plan,
    readings,
    types::{Backfill, Committed, Page},
};

impl Store {
    /// Writes a page and moves the checkpoint, all or nothing. Facts that are stored already are left as they are,
    /// so a page may be committed again after a crash; a block that was orphaned and is in the page is canonical
    /// again, with everything that was known of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the store stands elsewhere than the page thinks, [`StoreError::Fork`] if it
    /// contradicts a canonical block, [`StoreError::FactConflict`] if a stored fact has other content,
    /// [`StoreError::UnknownContract`], [`StoreError::InvalidPage`], [`StoreError::UnknownChain`].
    pub async fn commit(&self, page: &Page) -> Result<Committed> {
        let chain_id = page.chain_id;
        let mut plan = Plan::new(chain_id);
        plan.block(page.checkpoint)?;
        for block in &page.blocks {
            if block.number > page.checkpoint.number {
                return Err(plan.invalid(format!("block {} is above its checkpoint", block.number)));
            }
            plan.block(*block)?;
        }
        for log in &page.logs {
            plan.log(log, 0, page.checkpoint.number)?;
        }
        for (_, reading) in &page.readings {
            let number = reading.block.number;
            if number > page.checkpoint.number {
                return Err(
                    plan.invalid(format!("a reading of block {number} is above its checkpoint"))
                );
            }
            plan.block(reading.block)?;
        }
        if page.contracts.iter().any(|contract| contract.chain_id != chain_id) {
            return Err(plan.invalid("it brings a contract of another chain".to_owned()));
        }

        let mut tx = self.begin_write().await?;
        let chain = chains::lock(&mut tx, chain_id).await?;
        let stored = chain.checkpoint.map(|block| block.hash);
        if stored != page.previous {
            return Err(StoreError::Conflict { chain_id, expected: page.previous, stored });
        }
        let first = match chain.checkpoint {
            Some(block) if page.checkpoint.number < block.number => {
                return Err(
                    plan.invalid(format!("it goes back from block {}; use rewind", block.number))
                );
            }
            Some(block) => block.number.saturating_add(1),
            None => chain.start_block,
        };
        for contract in &page.contracts {
            contracts::upsert(&mut tx, contract).await?;
        }
        let kept_up_to = chain.checkpoint.map(|block| block.number);
        let is_quiet =
            page.logs.is_empty() && page.contracts.is_empty() && page.readings.is_empty();
        let weight = if is_quiet { Weight::Quiet } else { Weight::Facts };
        let entry = journal::enter(&mut tx, &chain, Some(&page.checkpoint), weight).await?;
        let mut carried = self.luggage.take(&chain);
        let new_logs = facts::write(&mut tx, &plan, (kept_up_to, entry), &mut carried).await?;
        let answers: Vec<_> = page.readings.iter().map(|(who, reading)| (*who, reading)).collect();
        let who = answers.iter().map(|(who, _)| *who).collect();
        facts::number(&mut tx, chain_id, who, &mut carried).await?;
        readings::write(&mut tx, chain_id, &answers, (&carried.ids, entry)).await?;
        contracts::cover(&mut tx, chain_id, first).await?;
        contracts::cover_all(&mut tx, &chain, first, &page.newborn).await?;
        chains::set_checkpoint(&mut tx, chain_id, Some(&page.checkpoint)).await?;
        tx.commit().await?;
        self.luggage.put(&chain, carried);
        Ok(Committed { new_logs })
    }

    /// Writes older logs of one contract, and that they are known from `backfill.from` on, all or nothing. A long
    /// gap is filled in steps from its upper end down; see [`Store::gaps`].
    ///
    /// # Errors
    /// [`StoreError::InvalidPage`] if the range does not touch what is covered (after a reorg, for example) or a log
    /// is not of that contract and range; otherwise as [`Store::commit`].
    pub async fn commit_backfill(&self, backfill: &Backfill) -> Result<Committed> {
        self.commit_backfills(backfill.chain_id, std::slice::from_ref(backfill)).await
    }

    /// As [`Store::commit_backfill`], of several contracts of a chain, all or nothing.
    ///
    /// # Errors
    /// As there.
    pub async fn commit_backfills(
        &self,
        chain_id: u64,
        backfills: &[Backfill],
    ) -> Result<Committed> {
        let mut plan = Plan::new(chain_id);
        for &Backfill { chain_id: of, address, from, to, ref logs } in backfills {
            if of != chain_id {
                return Err(plan.invalid("it brings a backfill of another chain".to_owned()));
            }
            for log in logs {
                if log.address != address {
                    return Err(plan.invalid(format!(
                        "a log of {} in the backfill of {address}",
                        log.address
                    )));
                }
                plan.log(log, from, to)?;
            }
        }
        let mut tx = self.begin_write().await?;
        let chain = chains::lock(&mut tx, chain_id).await?;
        let is_quiet = backfills.iter().all(|backfill| backfill.logs.is_empty());
        let weight = if is_quiet { Weight::Quiet } else { Weight::Facts };
        let entry = journal::enter(&mut tx, &chain, chain.checkpoint.as_ref(), weight).await?;
        let mut carried = self.luggage.take(&chain);
        let covered = (Some(u64::MAX), entry);
        let new_logs = facts::write(&mut tx, &plan, covered, &mut carried).await?;
        for &Backfill { address, from, to, .. } in backfills {
            // Only if the range ends where the covered one begins: the lock keeps a rewind from coming between.
            let moved = tx
                .execute(
                    "UPDATE contracts SET scanned_from = $3
                     WHERE chain_id = $1 AND address = $2 AND canonical = 1 AND scanned_from = $4 AND scanned_from > $3",
                    &[
                        Arg::Int(int("chain id", chain_id)?),
                        Arg::Bytes(address.as_slice()),
                        Arg::Int(int("block number", from)?),
                        Arg::Int(int("block number", to.saturating_add(1))?),
                    ],
                )
                .await?;
            if moved == 0 {
                return Err(plan.invalid(format!(
                    "blocks {from} to {to} do not end where the known logs of {address} begin; ask for the gaps again"
                )));
            }
        }
        tx.commit().await?;
        self.luggage.put(&chain, carried);
        Ok(Committed { new_logs })
    }
}
