//! One hash over everything that must be the same in two stores of the same chain.

use crate::{
    Store,
    conn::{Arg, Tx, int},
    contracts::contract,
    error::{Result, StoreError},
    packed::unpack,
    read::{block, raw},
    types::{BlockRef, Contract, RawLog},
};
use alloy_primitives::{B256, Keccak256};
use std::collections::HashMap;

/// Transactions read at a time, so that a large store does not have to fit into memory.
const STEP: i64 = 4096;

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
        logs_into(&mut hasher, &mut tx, chain).await?;
        hasher.byte(0);
        tx.commit().await?;
        Ok(hasher.0.finalize())
    }
}

/// Transactions are read in steps; the logs of a block are told in order once it is whole.
async fn logs_into(hasher: &mut Hasher, tx: &mut Tx, chain: i64) -> Result<()> {
    let mut addresses = HashMap::new();
    let sql = "SELECT id, address FROM contracts WHERE chain_id = $1";
    for row in tx.rows(sql, &[Arg::Int(chain)]).await? {
        addresses.insert(row.int(0)?, row.address(1)?);
    }
    let sql = "SELECT b.number, b.hash, b.unix_time, t.tx_index, t.hash, t.logs
         FROM transactions t
         JOIN blocks b ON b.chain_id = t.chain_id AND b.number = t.number AND b.fork = t.fork
         WHERE t.chain_id = $1 AND t.fork = 0 AND (t.number, t.tx_index) > ($2, $3)
         ORDER BY t.number, t.tx_index LIMIT $4";
    let mut after = (-1, -1);
    let mut waiting: Vec<RawLog> = Vec::new();
    loop {
        let rows = tx
            .rows(sql, &[Arg::Int(chain), Arg::Int(after.0), Arg::Int(after.1), Arg::Int(STEP)])
            .await?;
        for row in &rows {
            if after.0 != row.int(0)? {
                hasher.logs(&mut waiting);
            }
            after = (row.int(0)?, row.int(3)?);
            let (block, tx_index, tx_hash) = (block(row)?, row.number(3)?, row.hash(4)?);
            for log in unpack(row.bytes(5)?)? {
                let contract = log.contract;
                let address = *addresses.get(&contract).ok_or_else(|| StoreError::Corrupt {
                    what: format!("a log of contract number {contract}, which there is not"),
                })?;
                waiting.push(raw(block, tx_index, tx_hash, address, log));
            }
        }
        if (rows.len() as i64) < STEP {
            hasher.logs(&mut waiting);
            return Ok(());
        }
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

    fn logs(&mut self, logs: &mut Vec<RawLog>) {
        logs.sort_by_key(|log| log.log_index);
        for log in logs.drain(..) {
            self.byte(1);
            self.log(&log);
        }
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
