//! Writing facts: each once, none twice, none changed.

use crate::{
    announced,
    bulk::{insert, pieces, within},
    carried::Carried,
    conn::{Arg, Row, Tx, int},
    error::{Result, StoreError},
    folds,
    ids::{self, height},
    packed::{PackedLog, PackedTx, Said, pack, unpack},
    plan::Plan,
    spoke::{self, Tails},
    types::{BlockRef, RawLog},
    words,
};
use alloy_primitives::{Address, B256};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, btree_map::Entry};

/// Writes what is in the plan, under an entry of the journal; gives the number of logs that were new. Folds that were kept at `kept_up_to` or before
/// may lack some of them.
pub(crate) async fn write(
    tx: &mut Tx,
    plan: &Plan<'_>,
    (kept_up_to, entry): (Option<u64>, i64),
    carried: &mut Carried,
) -> Result<u64> {
    let logs = plan.logs()?;
    let speakers = logs.iter().map(|log| log.address).collect();
    number(tx, plan.chain_id, speakers, carried).await?;
    let said = said(plan.chain_id, &logs, &carried.ids)?;
    let from = ids::first(tx, plan.chain_id).await?;
    let said_in = |block: &BlockRef| said.get(&block.number).map(pack).unwrap_or_default();
    let blocks: Vec<_> = plan.blocks.values().map(|block| (*block, said_in(block))).collect();
    let known = put(tx, (plan.chain_id, from), &blocks, entry, carried).await?;
    let again: Vec<u64> = said.keys().filter(|number| known.contains(number)).copied().collect();
    let held = held(tx, from, &again).await?;
    let mut found = Found::default();
    for (number, said) in &said {
        let Some(held) = held.get(number) else {
            found.add(*number, said, &Said::new())?;
            continue;
        };
        same(plan, *number, held, said)?;
        if found.add(*number, said, held)? {
            // As when a contract is found late.
            merge(tx, from + height(*number)?, held, said).await?;
            let block = plan.blocks.get(number).map(|block| block.hash).unwrap_or_default();
            late(tx, (*number, block), held, said, entry).await?;
        }
    }
    found.write(tx, plan.chain_id, carried).await?;
    for (contract, number) in &found.first {
        if kept_up_to.is_some_and(|kept| *number <= kept) {
            folds::forget(tx, *contract, *number).await?;
        }
    }
    Ok(found.logs)
}

/// What is in these logs, in the order of [`Plan::logs`], by block, with the numbers of contracts instead of their addresses.
fn said<'a>(
    chain_id: u64,
    logs: &[&'a RawLog],
    contracts: &HashMap<Address, i64>,
) -> Result<BTreeMap<u64, Said<'a>>> {
    let mut blocks: BTreeMap<u64, Said<'a>> = BTreeMap::new();
    for of_block in logs.chunk_by(|one, other| one.block.number == other.block.number) {
        let Some(number) = of_block.first().map(|log| log.block.number) else { continue };
        let mut said = Said::new();
        for spoken in of_block.chunk_by(|one, other| one.tx_index == other.tx_index) {
            let Some(first) = spoken.first() else { continue };
            int("transaction index", first.tx_index)?;
            let logs = spoken.iter().map(|&log| {
                int("log index", log.log_index)?;
                let address = log.address;
                let contract = contracts.get(&address).copied();
                let contract = contract.ok_or(StoreError::UnknownContract { chain_id, address })?;
                let (topics, data) = (log.topics.as_slice().into(), log.data.as_ref().into());
                Ok((log.log_index, PackedLog { contract, topics, data }))
            });
            let logs = logs.collect::<Result<_>>()?;
            said.insert(first.tx_index, PackedTx { hash: first.tx_hash, logs });
        }
        blocks.insert(number, said);
    }
    Ok(blocks)
}

/// What the store holds of some canonical blocks, by height.
async fn held(tx: &mut Tx, from: i64, numbers: &[u64]) -> Result<BTreeMap<u64, Said<'static>>> {
    let mut found = BTreeMap::new();
    for piece in pieces(numbers) {
        let args = piece.iter().map(|number| Ok(Arg::Int(from + height(*number)?)));
        let args = args.collect::<Result<Vec<_>>>()?;
        let sql = within("SELECT number, said FROM blocks WHERE id IN", 1, piece.len(), "");
        for row in tx.rows(sql, &args).await? {
            found.insert(row.number(0)?, unpack(row.bytes(1)?)?);
        }
    }
    Ok(found)
}

/// Makes sure that what is held of a block does not contradict what is given of it.
fn same(plan: &Plan<'_>, number: u64, held: &Said<'_>, given: &Said<'_>) -> Result<()> {
    let conflict = |what: String| {
        let block = plan.blocks.get(&number).map(|block| block.hash).unwrap_or_default();
        Err(StoreError::FactConflict { chain_id: plan.chain_id, block, what })
    };
    let logs: HashMap<u64, (u64, &PackedLog<'_>)> = held
        .iter()
        .flat_map(|(place, held)| held.logs.iter().map(|(index, log)| (*index, (*place, log))))
        .collect();
    for (place, given) in given {
        if held.get(place).is_some_and(|held| held.hash != given.hash) {
            return conflict(format!("transaction {place}"));
        }
        for (index, log) in &given.logs {
            if logs.get(index).is_some_and(|held| *held != (*place, log)) {
                return conflict(format!("log {index}"));
            }
        }
    }
    Ok(())
}

/// Adds to a block what is not held of it yet.
async fn merge(tx: &mut Tx, block: i64, held: &Said<'_>, given: &Said<'_>) -> Result<()> {
    let mut all = held.clone();
    for (place, given) in given {
        match all.entry(*place) {
            Entry::Vacant(free) => {
                free.insert(given.clone());
            }
            Entry::Occupied(mut held) => {
                let held = held.get_mut();
                let new = given.logs.iter().filter(|(index, _)| held.log(*index).is_none());
                let new = new.cloned().collect::<Vec<_>>();
                held.logs.extend(new);
                held.logs.sort_by_key(|(index, _)| *index);
            }
        }
    }
    say(tx, block, &all).await
}

/// Tells of logs that they came after the block they are in.
async fn late(
    tx: &mut Tx,
    (number, hash): (u64, B256),
    held: &Said<'_>,
    given: &Said<'_>,
    entry: i64,
) -> Result<()> {
    for (place, given) in given {
        let held = held.get(place);
        for (index, log) in &given.logs {
            if held.is_some_and(|held| held.log(*index).is_some()) {
                continue;
            }
            tx.execute(
                "INSERT INTO late_logs (contract_id, number, block_hash, log_index, recorded) VALUES ($1, $2, $3, $4, $5)",
                &[
                    Arg::Int(log.contract),
                    Arg::Int(height(number)?),
                    Arg::Bytes(hash.as_slice()),
                    Arg::Int(int("log index", *index)?),
                    Arg::Int(entry),
                ],
            )
            .await?;
        }
    }
    Ok(())
}

/// Writes what was said in the block with this id in the place of what is there.
pub(crate) async fn say(tx: &mut Tx, block: i64, said: &Said<'_>) -> Result<()> {
    let sql = "UPDATE blocks SET said = $2 WHERE id = $1";
    tx.execute(sql, &[Arg::Int(block), Arg::Bytes(&pack(said))]).await.map(|_| ())
}

/// What the indices have to say of logs that were not held.
#[derive(Default)]
struct Found {
    /// Contract and height where it spoke.
    spoke: Vec<(i64, i64)>,
    /// Words by which it is found, with contract and height.
    said: Vec<(i64, i64, i64)>,
    /// When what is announced is ripe, whether it ever expires, the contract and the height.
    announced: Vec<announced::Row>,
    /// The lowest block of each contract's new logs.
    first: BTreeMap<i64, u64>,
    logs: u64,
}

impl Found {
    /// Takes what is new in a block, and says whether anything is.
    fn add(&mut self, block: u64, given: &Said<'_>, held: &Said<'_>) -> Result<bool> {
        let number = height(block)?;
        let before = self.logs;
        for (place, given) in given {
            let held = held.get(place);
            for (index, log) in &given.logs {
                if held.is_some_and(|held| held.log(*index).is_some()) {
                    continue;
                }
                self.logs += 1;
                // Once more than the index has it, perhaps.
                self.spoke.push((log.contract, number));
                let words = words::keys(&log.topics, &log.data).into_iter();
                self.said.extend(words.map(|word| (word, log.contract, number)));
                self.announced.extend(announced::row(&log.topics, &log.data, log.contract, number));
                let first = self.first.entry(log.contract).or_insert(block);
                *first = block.min(*first);
            }
        }
        Ok(self.logs > before)
    }

    async fn write(&mut self, tx: &mut Tx, chain_id: u64, carried: &mut Carried) -> Result<()> {
        spoke::add(tx, &mut self.spoke, &mut carried.tails).await?;
        announced::write(tx, chain_id, &mut self.announced).await?;
        words::write(tx, chain_id, &mut self.said, &mut carried.new_words).await
    }
}

/// Stores blocks as canonical, those that come back after a reorg included. What is said in them is left as it is.
pub(crate) async fn blocks(
    tx: &mut Tx,
    chain_id: u64,
    blocks: &[BlockRef],
    entry: i64,
) -> Result<()> {
    let blocks: Vec<_> = blocks.iter().map(|block| (*block, Vec::new())).collect();
    let from = ids::first(tx, chain_id).await?;
    put(tx, (chain_id, from), &blocks, entry, &mut Carried::default()).await.map(|_| ())
}

/// Stores blocks, by height, as canonical, with what is said in them where they are new; gives the heights of those that are
/// not. Where one comes back after a reorg, no tails are carried any more.
async fn put(
    tx: &mut Tx,
    (chain_id, from): (u64, i64),
    blocks: &[(BlockRef, Vec<u8>)],
    entry: i64,
    carried: &mut Carried,
) -> Result<HashSet<u64>> {
    let chain = int("chain id", chain_id)?;
    let mut known = HashSet::new();
    let heights = blocks.first().zip(blocks.last());
    let is_above = match heights.map(|((low, _), (high, _))| (low.number, high.number)) {
        Some((low, high)) => {
            let sql = "SELECT 1 FROM blocks WHERE id >= $1 AND id <= $2 LIMIT 1";
            let args = [Arg::Int(from + height(low)?), Arg::Int(from + height(high)?)];
            tx.row(sql, &args).await?.is_none()
        }
        None => true,
    };
    let refs: Vec<BlockRef> = blocks.iter().map(|(block, _)| *block).collect();
    for (number, fork) in stored_blocks(tx, (chain_id, from), &refs, is_above).await? {
        known.insert(number);
        if fork > 0 {
            move_block(tx, (chain, from), height(number)?, (fork, 0), entry).await?;
            carried.tails.clear();
        }
    }
    let new: Vec<_> = blocks.iter().filter(|(block, _)| !known.contains(&block.number)).collect();
    let rows = new.iter().map(|(block, said)| {
        Ok([
            Arg::Int(from + height(block.number)?),
            Arg::Bytes(block.hash.as_slice()),
            Arg::Int(int("timestamp", block.timestamp)?),
            Arg::Bytes(said),
            Arg::Int(entry),
        ])
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let head = "INSERT INTO blocks (id, hash, unix_time, said, recorded) VALUES";
    tx.each(|rows| insert(head, rows, 5, ""), &rows).await?;
    let speaker = ids::speaker(from);
    let word = |(block, _): &&(BlockRef, Vec<u8>)| {
        Ok((words::key(&block.hash), speaker, height(block.number)?))
    };
    let mut words = new.into_iter().map(|block| word(&block)).collect::<Result<Vec<_>>>()?;
    words::write(tx, chain_id, &mut words, &mut carried.new_words).await?;
    Ok(known)
}

/// Heights and forks of those of these blocks that are stored, none of them twice. `is_above`: no canonical block is at such a
/// height, as with most pages.
async fn stored_blocks(
    tx: &mut Tx,
    (chain_id, from): (u64, i64),
    blocks: &[BlockRef],
    is_above: bool,
) -> Result<Vec<(u64, i64)>> {
    let at_height = "SELECT number, fork, hash, unix_time FROM blocks WHERE id IN";
    let beside =
        "SELECT number, fork, hash, unix_time FROM blocks WHERE id >= 17592186044416 AND place IN";
    let mut rows: Vec<Row> = Vec::new();
    if !is_above {
        let ids = blocks.iter().map(|block| Ok([Arg::Int(from + height(block.number)?)]));
        let ids = ids.collect::<Result<Vec<_>>>()?;
        rows = tx.each(|ids| within(at_height, 1, ids, ""), &ids).await?;
    }
    // A hash says at which height its block is: to give it another one is a lie. So is an orphaned one found that comes back.
    let words: Vec<i64> = blocks.iter().map(|block| words::key(&block.hash)).collect();
    let heights = words::heights(tx, chain_id, ids::speaker(from), &words).await?;
    let places: Vec<_> = heights.iter().map(|height| [Arg::Int(from + height)]).collect();
    for at in [at_height, beside] {
        rows.extend(tx.each(|places| within(at, 1, places, ""), &places).await?);
    }
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let by_number: HashMap<u64, &BlockRef> = blocks.iter().map(|b| (b.number, b)).collect();
    let by_hash: HashMap<B256, &BlockRef> = blocks.iter().map(|b| (b.hash, b)).collect();
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

/// Moves a block, with all that was said in it, from one fork to another, under an entry of the journal; gives the number
/// of its logs.
pub(crate) async fn move_block(
    tx: &mut Tx,
    (chain, first): (i64, i64),
    number: i64,
    (from, to): (i64, i64),
    entry: i64,
) -> Result<u64> {
    let block = ids::id(first, number, from);
    if from == 0 {
        let sql = "INSERT INTO spells (chain_id, number, hash, began, ended)
             SELECT $1, number, hash, recorded, $3 FROM blocks WHERE id = $2";
        tx.execute(sql, &[Arg::Int(chain), Arg::Int(block), Arg::Int(entry)]).await?;
    }
    let sql = "SELECT said FROM blocks WHERE id = $1";
    let (mut logs, mut speakers) = (0, HashSet::new());
    for row in tx.rows(sql, &[Arg::Int(block)]).await? {
        for log in unpack(row.bytes(0)?)?.values().flat_map(|transaction| transaction.logs.iter()) {
            logs += 1;
            speakers.insert(log.1.contract);
        }
    }
    for contract in speakers {
        silence(tx, contract, (number, from)).await?;
        if to == 0 {
            spoke::add(tx, &mut vec![(contract, number)], &mut Tails::default()).await?;
        } else {
            let sql = "INSERT INTO spoke_aside (contract_id, number, fork) VALUES ($1, $2, $3)";
            tx.execute(sql, &[Arg::Int(contract), Arg::Int(number), Arg::Int(to)]).await?;
        }
    }
    let sql = "UPDATE blocks SET id = $2, recorded = $3 WHERE id = $1";
    let moved = ids::id(first, number, to);
    tx.execute(sql, &[Arg::Int(block), Arg::Int(moved), Arg::Int(entry)]).await?;
    Ok(logs)
}

/// Forgets that a contract spoke in a block, height and fork.
pub(crate) async fn silence(tx: &mut Tx, contract: i64, (number, fork): (i64, i64)) -> Result<()> {
    if fork == 0 {
        return spoke::remove(tx, contract, number).await;
    }
    let sql = "DELETE FROM spoke_aside WHERE contract_id = $1 AND number = $2 AND fork = $3";
    let args = [Arg::Int(contract), Arg::Int(number), Arg::Int(fork)];
    tx.execute(sql, &args).await.map(|_| ())
}

/// Learns the numbers of those of these contracts that are not carried yet.
pub(crate) async fn number(
    tx: &mut Tx,
    chain_id: u64,
    mut contracts: BTreeSet<Address>,
    carried: &mut Carried,
) -> Result<()> {
    contracts.retain(|address| !carried.ids.contains_key(address));
    let new = Vec::from_iter(contracts);
    carried.ids.extend(contract_ids(tx, chain_id, &new).await?);
    Ok(())
}

/// The numbers of some contracts of a chain, by address; those that are not known are not there.
pub(crate) async fn contract_ids(
    tx: &mut Tx,
    chain_id: u64,
    addresses: &[Address],
) -> Result<HashMap<Address, i64>> {
    let chain = Arg::Int(int("chain id", chain_id)?);
    let keys: Vec<_> = addresses.iter().map(|a| [chain, Arg::Bytes(a.as_slice())]).collect();
    // The keys first: told a list of pairs, SQLite goes through all contracts of the chain.
    let head = "SELECT c.address, c.id FROM (VALUES";
    let tail = ") v CROSS JOIN contracts c
         WHERE c.chain_id = v.column1 AND c.address = v.column2 AND c.canonical = 1";
    let rows = tx.each(|keys| insert(head, keys, 2, tail), &keys).await?;
    rows.iter().map(|row| Ok((row.address(0)?, row.int(1)?))).collect()
}
