//! Writing facts: each once, none twice, none changed.

use crate::{
    bulk::{insert, pieces, within},
    conn::{Arg, Row, Tx, int},
    error::{Result, StoreError},
    folds, mentions,
    packed::{PackedLog, pack, unpack},
    plan::{Plan, Spoken},
    types::BlockRef,
};
use alloy_primitives::{Address, B256};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many bytes of a block's hash are in the index that finds it.
pub(crate) const HASH_PREFIX: usize = 6;

/// The first bytes of a hash, by which a block is looked up.
pub(crate) fn prefix(hash: &B256) -> &[u8] {
    hash.as_slice().get(..HASH_PREFIX).unwrap_or_default()
}

/// Writes what is in the plan; gives the number of logs that were new. Folds that were kept at `kept_up_to` or before
/// may lack some of them.
pub(crate) async fn write(tx: &mut Tx, plan: &Plan<'_>, kept_up_to: Option<u64>) -> Result<u64> {
    let blocks: Vec<BlockRef> = plan.blocks.values().copied().collect();
    let known = self::blocks(tx, plan.chain_id, &blocks).await?;
    let contracts = contract_ids(tx, plan).await?;
    let mut writer = Writer {
        chain_id: plan.chain_id,
        rows: Vec::new(),
        spoke: Vec::new(),
        said: Vec::new(),
        first: BTreeMap::new(),
        new_logs: 0,
    };
    let mut before = BTreeMap::new();
    let held: Vec<u64> =
        plan.transactions.keys().map(|at| at.0).filter(|number| known.contains(number)).collect();
    if !held.is_empty() {
        before = stored(tx, plan.chain_id, held).await?;
    }
    for (&(number, tx_index), spoken) in &plan.transactions {
        let mut logs: Vec<Parts<'_>> = Vec::with_capacity(spoken.logs.len());
        for (index, log) in &spoken.logs {
            let contract = contracts.get(&log.address).copied();
            let contract = contract.ok_or(StoreError::UnknownContract {
                chain_id: plan.chain_id,
                address: log.address,
            })?;
            int("log index", *index)?;
            logs.push((*index, contract, &log.topics, &log.data));
        }
        match before.get(&number) {
            None => writer.add((number, tx_index), spoken.hash, &logs, &[])?,
            Some(block) => {
                same(plan, number, block, tx_index, spoken, &logs)?;
                match block.get(&tx_index) {
                    None => writer.add((number, tx_index), spoken.hash, &logs, &[])?,
                    Some(stored) => {
                        merge(
                            tx,
                            &mut writer,
                            (number, tx_index),
                            spoken.hash,
                            &logs,
                            &stored.logs,
                        )
                        .await?;
                    }
                }
            }
        }
    }
    writer.finish(tx).await?;
    for (contract, number) in writer.first_spoken() {
        if kept_up_to.is_some_and(|kept| number <= kept) {
            folds::forget(tx, contract, number).await?;
        }
    }
    Ok(writer.new_logs)
}

/// A log with the number of its contract: index, contract, topics, data.
type Parts<'a> = (u64, i64, &'a [B256], &'a [u8]);

/// A transaction as the store holds it.
struct Stored {
    hash: B256,
    logs: Vec<PackedLog>,
}

/// What the store holds of some canonical blocks: by height, then by place.
async fn stored(
    tx: &mut Tx,
    chain_id: u64,
    mut numbers: Vec<u64>,
) -> Result<BTreeMap<u64, BTreeMap<u64, Stored>>> {
    numbers.dedup();
    let mut found: BTreeMap<u64, BTreeMap<u64, Stored>> = BTreeMap::new();
    for piece in pieces(&numbers) {
        let mut args = vec![Arg::Int(int("chain id", chain_id)?)];
        for number in piece {
            args.push(Arg::Int(int("block number", *number)?));
        }
        let sql = within(
            "SELECT number, tx_index, hash, logs FROM transactions WHERE chain_id = $1 AND fork = 0 AND number IN",
            2,
            piece.len(),
            "",
        );
        for row in tx.rows(sql, &args).await? {
            let held = Stored { hash: row.hash(2)?, logs: unpack(row.bytes(3)?)? };
            found.entry(row.number(0)?).or_default().insert(row.number(1)?, held);
        }
    }
    Ok(found)
}

/// Makes sure that what is stored of a block does not contradict what is given of one of its transactions.
fn same(
    plan: &Plan<'_>,
    number: u64,
    block: &BTreeMap<u64, Stored>,
    tx_index: u64,
    spoken: &Spoken<'_>,
    logs: &[Parts<'_>],
) -> Result<()> {
    let conflict = |what: String| {
        let block = plan.blocks.get(&number).map(|block| block.hash).unwrap_or_default();
        Err(StoreError::FactConflict { chain_id: plan.chain_id, block, what })
    };
    if block.get(&tx_index).is_some_and(|stored| stored.hash != spoken.hash) {
        return conflict(format!("transaction {tx_index}"));
    }
    for (place, stored) in block {
        for old in &stored.logs {
            let new = logs.iter().find(|new| new.0 == old.index);
            let same = |new: &Parts<'_>| {
                *place == tx_index
                    && (new.1, new.2, new.3)
                        == (old.contract, old.topics.as_slice(), old.data.as_slice())
            };
            if new.is_some_and(|new| !same(new)) {
                return conflict(format!("log {}", old.index));
            }
        }
    }
    Ok(())
}

/// Adds logs to a transaction that is held already, as when a contract is found late.
async fn merge(
    tx: &mut Tx,
    writer: &mut Writer,
    at: (u64, u64),
    hash: B256,
    logs: &[Parts<'_>],
    stored: &[PackedLog],
) -> Result<()> {
    let held: HashSet<u64> = stored.iter().map(|log| log.index).collect();
    if logs.iter().all(|log| held.contains(&log.0)) {
        return Ok(());
    }
    let sql = "DELETE FROM transactions WHERE chain_id = $1 AND number = $2 AND fork = 0 AND tx_index = $3";
    tx.execute(
        sql,
        &[
            Arg::Int(int("chain id", writer.chain_id)?),
            Arg::Int(int("block number", at.0)?),
            Arg::Int(int("transaction index", at.1)?),
        ],
    )
    .await?;
    writer.add(at, hash, logs, stored)
}

/// Rows that wait to be written, many at a time.
struct Writer {
    chain_id: u64,
    /// Number, place, hash and packed logs of a transaction.
    rows: Vec<(i64, i64, B256, Vec<u8>)>,
    /// Contract, number and place of a transaction in which it spoke.
    spoke: Vec<(i64, i64, i64)>,
    /// Words by which it is found, with contract, number and place.
    said: Vec<(i64, i64, i64, i64)>,
    /// The lowest block of each contract's new logs.
    first: BTreeMap<i64, u64>,
    new_logs: u64,
}

impl Writer {
    /// A transaction with new logs, and those that were stored of it. Rows take the default fork: canonical.
    fn add(
        &mut self,
        (height, tx_index): (u64, u64),
        hash: B256,
        logs: &[Parts<'_>],
        stored: &[PackedLog],
    ) -> Result<()> {
        let (number, tx_index) =
            (int("block number", height)?, int("transaction index", tx_index)?);
        let mut all: BTreeMap<u64, Parts<'_>> =
            stored.iter().map(|l| (l.index, (l.index, l.contract, &*l.topics, &*l.data))).collect();
        let spoke: HashSet<i64> = stored.iter().map(|log| log.contract).collect();
        let mut speaks = HashSet::new();
        for log in logs {
            if all.insert(log.0, *log).is_none() {
                self.new_logs += 1;
                let said = mentions::keys(log.2, log.3).into_iter();
                self.said.extend(said.map(|word| (word, log.1, number, tx_index)));
                self.first
                    .entry(log.1)
                    .and_modify(|first| *first = height.min(*first))
                    .or_insert(height);
            }
            if !spoke.contains(&log.1) && speaks.insert(log.1) {
                self.spoke.push((log.1, number, tx_index));
            }
        }
        self.rows.push((number, tx_index, hash, pack(all.into_values())));
        Ok(())
    }

    fn first_spoken(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.first.iter().map(|(contract, number)| (*contract, *number))
    }

    async fn finish(&mut self, tx: &mut Tx) -> Result<()> {
        let chain = int("chain id", self.chain_id)?;
        for piece in pieces(&self.rows) {
            let mut args = Vec::with_capacity(piece.len() * 5);
            for (number, tx_index, hash, logs) in piece {
                args.extend([
                    Arg::Int(chain),
                    Arg::Int(*number),
                    Arg::Int(*tx_index),
                    Arg::Bytes(hash.as_slice()),
                    Arg::Bytes(logs),
                ]);
            }
            let head = "INSERT INTO transactions (chain_id, number, tx_index, hash, logs) VALUES";
            tx.execute(insert(head, piece.len(), 5, ""), &args).await?;
        }
        // In the order of the index, so that neighbours are written together.
        self.spoke.sort_unstable();
        for piece in pieces(&self.spoke) {
            let mut args = Vec::with_capacity(piece.len() * 3);
            for (contract, number, tx_index) in piece {
                args.extend([Arg::Int(*contract), Arg::Int(*number), Arg::Int(*tx_index)]);
            }
            let head = "INSERT INTO emitted (contract_id, number, tx_index) VALUES";
            tx.execute(insert(head, piece.len(), 3, ""), &args).await?;
        }
        mentions::write(tx, &mut self.said).await
    }
}

/// Stores blocks as canonical, those that come back after a reorg included; gives the heights of those that were
/// stored before.
pub(crate) async fn blocks(
    tx: &mut Tx,
    chain_id: u64,
    blocks: &[BlockRef],
) -> Result<HashSet<u64>> {
    let chain = int("chain id", chain_id)?;
    let mut known = HashSet::new();
    let mut new: Vec<BlockRef> = Vec::with_capacity(blocks.len());
    for piece in pieces(blocks) {
        let by_number: HashMap<u64, &BlockRef> =
            piece.iter().map(|block| (block.number, block)).collect();
        for (number, fork) in stored_blocks(tx, chain_id, piece, &by_number).await? {
            known.insert(number);
            if fork > 0 {
                come_back(tx, chain, int("block number", number)?, fork).await?;
            }
        }
        new.extend(piece.iter().filter(|block| !known.contains(&block.number)).copied());
    }
    for piece in pieces(&new) {
        let mut args = Vec::with_capacity(piece.len() * 4);
        for block in piece {
            args.push(Arg::Int(chain));
            args.push(Arg::Int(int("block number", block.number)?));
            args.push(Arg::Bytes(block.hash.as_slice()));
            args.push(Arg::Int(int("timestamp", block.timestamp)?));
        }
        let head = "INSERT INTO blocks (chain_id, number, hash, unix_time) VALUES";
        tx.execute(insert(head, piece.len(), 4, ""), &args).await?;
    }
    Ok(known)
}

/// Heights and forks of those of these blocks that are stored, none of them twice.
async fn stored_blocks(
    tx: &mut Tx,
    chain_id: u64,
    piece: &[BlockRef],
    by_number: &HashMap<u64, &BlockRef>,
) -> Result<Vec<(u64, i64)>> {
    let by_hash: HashMap<B256, &BlockRef> = piece.iter().map(|block| (block.hash, block)).collect();
    let chain = Arg::Int(int("chain id", chain_id)?);
    let mut args = vec![chain];
    for block in piece {
        args.push(Arg::Int(int("block number", block.number)?));
    }
    let at_height = within(
        "SELECT number, fork, hash, unix_time FROM blocks WHERE chain_id = $1 AND number IN",
        2,
        piece.len(),
        "",
    );
    let mut rows: Vec<Row> = tx.rows(at_height, &args).await?;
    let mut args = vec![chain];
    args.extend(piece.iter().map(|block| Arg::Bytes(prefix(&block.hash))));
    // A hash says at which height its block is: to give it another one is a lie.
    let with_hash = within(
        "SELECT number, fork, hash, unix_time FROM blocks WHERE chain_id = $1 AND substr(hash, 1, 6) IN",
        2,
        piece.len(),
        "",
    );
    rows.extend(tx.rows(with_hash, &args).await?);
    let mut found = Vec::new();
    for row in rows {
        let stored =
            BlockRef { number: row.number(0)?, hash: row.hash(2)?, timestamp: row.number(3)? };
        let fork = row.int(1)?;
        if let Some(given) = by_hash.get(&stored.hash) {
            if **given != stored {
                let what = format!("number or time ({} and {})", stored.number, stored.timestamp);
                return Err(StoreError::FactConflict { chain_id, block: stored.hash, what });
            }
            found.push((stored.number, fork));
        } else if fork == 0
            && let Some(given) = by_number.get(&stored.number)
        {
            let (number, stored) = (stored.number, stored.hash);
            return Err(StoreError::Fork { chain_id, number, stored, given: given.hash });
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Makes a block canonical again that was reorged out, with all that was known of it.
async fn come_back(tx: &mut Tx, chain: i64, number: i64, fork: i64) -> Result<()> {
    move_block(tx, chain, number, fork, 0).await.map(|_| ())
}

/// Moves a block, with all that was said in it, from one fork to another; gives the number of its logs.
pub(crate) async fn move_block(
    tx: &mut Tx,
    chain: i64,
    number: i64,
    from: i64,
    to: i64,
) -> Result<u64> {
    let args = [Arg::Int(chain), Arg::Int(number), Arg::Int(from)];
    let sql = "SELECT logs FROM transactions WHERE chain_id = $1 AND number = $2 AND fork = $3";
    let (mut logs, mut speakers) = (0, HashSet::new());
    for row in tx.rows(sql, &args).await? {
        let packed = unpack(row.bytes(0)?)?;
        logs += packed.len() as u64;
        speakers.extend(packed.into_iter().map(|log| log.contract));
    }
    for contract in speakers {
        let sql =
            "UPDATE emitted SET fork = $4 WHERE contract_id = $1 AND number = $2 AND fork = $3";
        tx.execute(sql, &[Arg::Int(contract), Arg::Int(number), Arg::Int(from), Arg::Int(to)])
            .await?;
    }
    let args = [Arg::Int(chain), Arg::Int(number), Arg::Int(from), Arg::Int(to)];
    for sql in [
        "UPDATE transactions SET fork = $4 WHERE chain_id = $1 AND number = $2 AND fork = $3",
        "UPDATE blocks SET fork = $4 WHERE chain_id = $1 AND number = $2 AND fork = $3",
    ] {
        tx.execute(sql, &args).await?;
    }
    Ok(logs)
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
