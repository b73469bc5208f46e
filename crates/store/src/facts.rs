//! Writing facts: each once, none twice, none changed.

use crate::{
    bulk::{insert, pieces, within},
    conn::{Arg, Tx, int},
    error::{Result, StoreError},
    plan::Plan,
    types::{BlockRef, RawLog},
};
use alloy_primitives::{Address, B256};
use std::collections::HashMap;

/// A log with the numbers that stand for its block, contract and first topic.
struct LogRow<'a> {
    log: &'a RawLog,
    block: i64,
    log_index: i64,
    tx_index: i64,
    contract: i64,
    signature: Option<i64>,
    topics: Vec<u8>,
}

/// Writes what is in the plan; gives the number of logs that were new.
pub(crate) async fn write(tx: &mut Tx, plan: &Plan<'_>) -> Result<u64> {
    let blocks =
        blocks(tx, plan.chain_id, &plan.blocks.values().copied().collect::<Vec<_>>()).await?;
    let contracts = contract_ids(tx, plan).await?;
    let signatures = signature_ids(tx, plan).await?;
    let id = |number: &u64| {
        blocks
            .get(number)
            .copied()
            .ok_or_else(|| plan.invalid(format!("block {number} was not stored")))
    };

    let mut transactions = Vec::with_capacity(plan.transactions.len());
    for ((number, tx_index), hash) in &plan.transactions {
        transactions.push((id(number)?, int("transaction index", *tx_index)?, hash, number));
    }
    for piece in pieces(&transactions) {
        let args: Vec<_> = piece
            .iter()
            .flat_map(|(block, index, hash, _)| {
                [Arg::Int(*block), Arg::Int(*index), Arg::Bytes(hash.as_slice())]
            })
            .collect();
        let sql = insert(
            "INSERT INTO transactions (block_id, tx_index, hash) VALUES",
            piece.len(),
            3,
            "ON CONFLICT (block_id, tx_index) DO NOTHING",
        );
        if tx.execute(sql, &args).await? < piece.len() as u64 {
            for (block, index, hash, number) in piece {
                same_transaction(tx, plan, (*block, *index), hash, **number).await?;
            }
        }
    }

    let mut rows = Vec::with_capacity(plan.logs.len());
    for ((number, log_index), &log) in &plan.logs {
        let contract = contracts.get(&log.address).copied();
        rows.push(LogRow {
            log,
            block: id(number)?,
            log_index: int("log index", *log_index)?,
            tx_index: int("transaction index", log.tx_index)?,
            contract: contract.ok_or(StoreError::UnknownContract {
                chain_id: plan.chain_id,
                address: log.address,
            })?,
            signature: log.topics.first().and_then(|topic| signatures.get(topic)).copied(),
            topics: log.topics.iter().skip(1).flatten().copied().collect(),
        });
    }
    let mut new = 0;
    for piece in pieces(&rows) {
        new += write_logs(tx, plan.chain_id, piece).await?;
    }
    Ok(new)
}

/// Stores blocks as canonical, those that come back after a reorg included; gives their ids by height.
pub(crate) async fn blocks(
    tx: &mut Tx,
    chain_id: u64,
    blocks: &[BlockRef],
) -> Result<HashMap<u64, i64>> {
    let chain = int("chain id", chain_id)?;
    let mut ids = HashMap::with_capacity(blocks.len());
    for piece in pieces(blocks) {
        let by_number: HashMap<u64, &BlockRef> =
            piece.iter().map(|block| (block.number, block)).collect();
        let mut args = vec![Arg::Int(chain)];
        for block in piece {
            args.push(Arg::Int(int("block number", block.number)?));
        }
        let sql = within(
            "SELECT number, hash FROM blocks WHERE chain_id = $1 AND canonical = 1 AND number IN",
            2,
            piece.len(),
            "",
        );
        for row in tx.rows(sql, &args).await? {
            let (number, stored) = (row.number(0)?, row.hash(1)?);
            match by_number.get(&number) {
                Some(block) if block.hash != stored => {
                    return Err(StoreError::Fork { chain_id, number, stored, given: block.hash });
                }
                _ => {}
            }
        }
        let mut args = Vec::with_capacity(piece.len() * 4);
        for block in piece {
            args.push(Arg::Int(chain));
            args.push(Arg::Int(int("block number", block.number)?));
            args.push(Arg::Bytes(block.hash.as_slice()));
            args.push(Arg::Int(int("timestamp", block.timestamp)?));
        }
        // The flag has no parameter: it takes its default, which is to be canonical.
        let sql = insert(
            "INSERT INTO blocks (chain_id, number, hash, unix_time) VALUES",
            piece.len(),
            4,
            "ON CONFLICT (chain_id, hash) DO UPDATE SET canonical = 1 RETURNING id, number, hash, unix_time",
        );
        for row in tx.rows(sql, &args).await? {
            let stored =
                BlockRef { number: row.number(1)?, hash: row.hash(2)?, timestamp: row.number(3)? };
            if by_number.get(&stored.number) != Some(&&stored) {
                let what = format!("number or time ({} and {})", stored.number, stored.timestamp);
                return Err(StoreError::FactConflict { chain_id, block: stored.hash, what });
            }
            ids.insert(stored.number, row.int(0)?);
        }
    }
    Ok(ids)
}

async fn contract_ids(tx: &mut Tx, plan: &Plan<'_>) -> Result<HashMap<Address, i64>> {
    let mut ids = HashMap::with_capacity(plan.emitters.len());
    let emitters: Vec<_> = plan.emitters.iter().collect();
    for piece in pieces(&emitters) {
        let mut args = vec![Arg::Int(int("chain id", plan.chain_id)?)];
        args.extend(piece.iter().map(|address| Arg::Bytes(address.as_slice())));
        let sql = within(
            "SELECT address, id FROM contracts WHERE chain_id = $1 AND canonical = 1 AND address IN",
            2,
            piece.len(),
            "",
        );
        for row in tx.rows(sql, &args).await? {
            ids.insert(row.address(0)?, row.int(1)?);
        }
    }
    Ok(ids)
}

async fn signature_ids(tx: &mut Tx, plan: &Plan<'_>) -> Result<HashMap<B256, i64>> {
    let mut ids = HashMap::with_capacity(plan.signatures.len());
    let mut wanted: Vec<B256> = plan.signatures.iter().copied().collect();
    // Read, write what is missing, read again: nearly always the first read finds all.
    for round in 0..2 {
        for piece in pieces(&wanted) {
            let args: Vec<_> = piece.iter().map(|topic| Arg::Bytes(topic.as_slice())).collect();
            let sql = within("SELECT topic, id FROM signatures WHERE topic IN", 1, piece.len(), "");
            for row in tx.rows(sql, &args).await? {
                ids.insert(row.hash(0)?, row.int(1)?);
            }
        }
        wanted.retain(|topic| !ids.contains_key(topic));
        if round == 0 {
            for topic in &wanted {
                let sql =
                    "INSERT INTO signatures (topic) VALUES ($1) ON CONFLICT (topic) DO NOTHING";
                tx.execute(sql, &[Arg::Bytes(topic.as_slice())]).await?;
            }
        }
    }
    Ok(ids)
}

async fn same_transaction(
    tx: &mut Tx,
    plan: &Plan<'_>,
    (block, index): (i64, i64),
    hash: &B256,
    number: u64,
) -> Result<()> {
    let sql = "SELECT hash FROM transactions WHERE block_id = $1 AND tx_index = $2";
    let stored = tx
        .row(sql, &[Arg::Int(block), Arg::Int(index)])
        .await?
        .map(|row| row.hash(0))
        .transpose()?;
    if stored == Some(*hash) {
        return Ok(());
    }
    let block = plan.blocks.get(&number).map(|block| block.hash).unwrap_or_default();
    Err(StoreError::FactConflict {
        chain_id: plan.chain_id,
        block,
        what: format!("transaction {index}"),
    })
}

async fn write_logs(tx: &mut Tx, chain_id: u64, rows: &[LogRow<'_>]) -> Result<u64> {
    let mut args = Vec::with_capacity(rows.len() * 7);
    for row in rows {
        args.extend([
            Arg::Int(row.block),
            Arg::Int(row.log_index),
            Arg::Int(row.tx_index),
            Arg::Int(row.contract),
            Arg::MaybeInt(row.signature),
            Arg::Bytes(&row.topics),
            Arg::Bytes(&row.log.data),
        ]);
    }
    let sql = insert(
        "INSERT INTO logs (block_id, log_index, tx_index, contract_id, signature_id, topics, data) VALUES",
        rows.len(),
        7,
        "ON CONFLICT (block_id, log_index) DO NOTHING",
    );
    let new = tx.execute(sql, &args).await?;
    if new < rows.len() as u64 {
        for row in rows {
            same_log(tx, chain_id, row).await?;
        }
    }
    Ok(new)
}

async fn same_log(tx: &mut Tx, chain_id: u64, row: &LogRow<'_>) -> Result<()> {
    let stored = tx
        .row(
            "SELECT tx_index, contract_id, signature_id, topics, data FROM logs
             WHERE block_id = $1 AND log_index = $2",
            &[Arg::Int(row.block), Arg::Int(row.log_index)],
        )
        .await?;
    let same = match &stored {
        None => false,
        Some(stored) => {
            stored.int(0)? == row.tx_index
                && stored.int(1)? == row.contract
                && stored.maybe_int(2)? == row.signature
                && stored.bytes(3)? == row.topics
                && stored.bytes(4)? == row.log.data.as_ref()
        }
    };
    if same {
        return Ok(());
    }
    Err(StoreError::FactConflict {
        chain_id,
        block: row.log.block.hash,
        what: format!("log {}", row.log_index),
    })
}
