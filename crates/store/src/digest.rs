//! One hash over everything that must be the same in two stores of the same chain.

use crate::{
    Store,
    conn::{Arg, int},
    contracts::contract,
    error::{Result, StoreError},
    scan::Scan,
    types::{BlockRef, Contract, RawLog},
};
use alloy_primitives::{B256, Keccak256};

/// Changes whenever the layout below does.
const DOMAIN: &[u8] = b"devproof store digest v2";

impl Store {
    /// Keccak-256 over the canonical logs with their blocks, the canonical contracts and the checkpoint of a chain.
    ///
    /// Not part of it, because they depend on when and how the chain was read: orphaned rows, the node's tags, blocks
    /// that carry no log, how far backfills have come, at which block histories were last verified, and when and as
    /// what the contracts were found that no log named. Layout: each number as 8 bytes big-endian; each byte string of
    /// variable length after its length; each optional one after a byte 0 or 1. Order: start, checkpoint, contracts by
    /// address, logs by height and place, each list after a tag byte for every entry and a zero byte at its end.
    ///
    /// # Errors
    /// [`StoreError::UnknownChain`].
    pub async fn digest(&self, chain_id: u64) -> Result<B256> {
        let mut tx = self.pool.begin_read().await?;
        let chain = int("chain id", chain_id)?;
        let mut hasher = Hasher(Keccak256::new());
        hasher.bytes(DOMAIN);
        hasher.number(chain_id);

        let sql = "SELECT start_block, checkpoint_number, checkpoint_hash, checkpoint_time FROM chains WHERE chain_id = $1";
        let row =
            tx.row(sql, &[Arg::Int(chain)]).await?.ok_or(StoreError::UnknownChain { chain_id })?;
        hasher.number(row.number(0)?);
        match (row.maybe_number(1)?, row.maybe_hash(2)?, row.maybe_number(3)?) {
            (Some(number), Some(hash), Some(timestamp)) => {
                hasher.byte(1);
                hasher.block(&BlockRef { number, hash, timestamp });
            }
            _ => hasher.byte(0),
        }

        // Contracts are few and small beside their logs.
        let sql = "SELECT chain_id, address, role, named_by, code_kind, code_hash, implementation, found_at,
                 history_verified_at
             FROM contracts WHERE chain_id = $1 AND canonical = 1 ORDER BY address";
        for row in tx.rows(sql, &[Arg::Int(chain)]).await? {
            hasher.byte(1);
            hasher.contract(&contract(&row)?);
        }
        hasher.byte(0);
        let mut scan = Scan::new(&mut tx, chain_id, 0, u64::MAX).await?;
        while let Some(logs) = scan.next(&mut tx).await? {
            for log in &logs {
                hasher.byte(1);
                hasher.log(log);
            }
        }
        hasher.byte(0);
        tx.commit().await?;
        Ok(hasher.0.finalize())
    }
}

struct Hasher(Keccak256);

impl Hasher {
    fn byte(&mut self, byte: u8) {
        self.0.update([byte]);
    }

    fn number(&mut self, number: u64) {
        self.0.update(number.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn maybe(&mut self, bytes: Option<&[u8]>) {
        self.byte(u8::from(bytes.is_some()));
        self.0.update(bytes.unwrap_or_default());
    }

    fn block(&mut self, block: &BlockRef) {
        self.number(block.number);
        self.0.update(block.hash);
        self.number(block.timestamp);
    }

    fn contract(&mut self, contract: &Contract) {
        self.0.update(contract.address);
        self.bytes(contract.role.as_str().as_bytes());
        self.maybe(contract.named_by.as_ref().map(|a| a.as_slice()));
        // One that the configuration names was looked at when somebody wrote it there.
        if contract.named_by.is_none() {
            return;
        }
        self.bytes(contract.code_kind.as_bytes());
        self.maybe(contract.code_hash.as_ref().map(|h| h.as_slice()));
        self.maybe(contract.implementation.as_ref().map(|a| a.as_slice()));
        self.number(contract.found_at);
    }

    fn log(&mut self, log: &RawLog) {
        self.block(&log.block);
        self.number(log.log_index);
        self.0.update(log.tx_hash);
        self.number(log.tx_index);
        self.0.update(log.address);
        self.byte(log.topics.len() as u8);
        for topic in &log.topics {
            self.0.update(topic);
        }
        self.bytes(&log.data);
    }
}
