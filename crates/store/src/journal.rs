//! When what was recorded: the other time line. What was held and believed after an entry of the journal can be read as it
//! was then, whatever came, went or was refuted since.

use crate::{
    Store,
    conn::{Arg, Row, Tx, bound, int},
    error::{Result, StoreError},
    ids::{self, blocks_from, on_fork},
    read::{LogSteps, block, logs_of},
    readings::{Reading, reading},
    refuted,
    types::{BlockRef, ChainStatus, Contract, RawLog},
};
use alloy_primitives::B256;
use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

/// Quiet pages within this time are one entry.
const MINUTE: Duration = Duration::from_secs(60);

/// An entry of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its number on its chain; later ones are higher.
    pub number: u64,
    /// When it was made, in Unix milliseconds by the clock of the machine that wrote; never before the entry before it.
    pub recorded_at: u64,
    /// Where the index stood afterwards; `None` before its first page.
    pub head: Option<BlockRef>,
    /// The highest safe block that the node had named.
    pub safe: Option<u64>,
    /// The highest finalized one.
    pub finalized: Option<u64>,
}

/// A page without a fact: it may be told with the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Facts,
    Quiet,
}

/// Makes an entry about a chain whose lock is held, of where it will stand; gives its number.
pub(crate) async fn enter(
    tx: &mut Tx,
    chain: &ChainStatus,
    head: Option<&BlockRef>,
    weight: Weight,
) -> Result<i64> {
    let id = int("chain id", chain.chain_id)?;
    let sql = "SELECT entry, recorded_at, is_quiet FROM journal WHERE chain_id = $1 ORDER BY entry DESC LIMIT 1";
    let last = tx.row(sql, &[Arg::Int(id)]).await?;
    let (mut entry, mut last_at, mut is_quiet) = (0, 0, false);
    if let Some(row) = last {
        (entry, last_at, is_quiet) = (row.int(0)?, row.int(1)?, row.int(2)? == 1);
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX).max(last_at);
    let goes_on =
        is_quiet && weight == Weight::Quiet && now.abs_diff(last_at) < MINUTE.as_millis() as u64;
    entry += i64::from(!goes_on);
    let tags = chain.tags.as_ref();
    let tag = |number: Option<u64>| number.map(|n| int("block number", n)).transpose();
    tx.execute(
        "INSERT INTO journal (chain_id, entry, recorded_at, number, hash, safe, finalized, is_quiet)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (chain_id, entry) DO UPDATE SET recorded_at = excluded.recorded_at, number = excluded.number,
             hash = excluded.hash, safe = excluded.safe, finalized = excluded.finalized",
        &[
            Arg::Int(id),
            Arg::Int(entry),
            Arg::Int(now),
            Arg::MaybeInt(tag(head.map(|block| block.number))?),
            Arg::MaybeBytes(head.map(|block| block.hash.as_slice())),
            Arg::MaybeInt(tag(tags.and_then(|tags| tags.safe))?),
            Arg::MaybeInt(tag(tags.and_then(|tags| tags.finalized))?),
            Arg::Int(i64::from(weight == Weight::Quiet)),
        ],
    )
    .await?;
    Ok(entry)
}

/// Whether block `b` was canonical after entry `$2`, and is not now.
macro_rules! had_a_spell {
    () => {
        "EXISTS (
            SELECT 1 FROM spells s WHERE s.chain_id = $1 AND s.number = b.number AND s.hash = b.hash
                AND s.began <= $2 AND s.ended > $2)"
    };
}

/// Whether block `b` was canonical after entry `$2`.
macro_rules! was_canonical {
    () => {
        concat!("((b.fork = 0 AND b.recorded <= $2) OR ", had_a_spell!(), ")")
    };
}

/// Block `b` is the one of which `r` tells.
macro_rules! told_of {
    () => {
        concat!(
            "substr(b.hash, 1, 4) = substr(r.block_hash, 1, 4) AND b.hash = r.block_hash AND b.place = ",
            blocks_from!(),
            " + r.number"
        )
    };
}

impl Store {
    /// The last entry about a chain that was made at or before a time, Unix milliseconds; `None` if nothing was recorded
    /// yet.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn entry_at(&self, chain_id: u64, recorded_at: u64) -> Result<Option<Entry>> {
        let sql =
            "SELECT j.entry, j.recorded_at, j.number, j.hash, j.safe, j.finalized, b.unix_time
             FROM journal j
             LEFT JOIN blocks b ON substr(b.hash, 1, 4) = substr(j.hash, 1, 4) AND b.hash = j.hash
             WHERE j.chain_id = $1 AND j.recorded_at <= $2 ORDER BY j.entry DESC LIMIT 1";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Int(bound(recorded_at))];
        self.pool.row(sql, &args).await?.map(|row| entry(&row)).transpose()
    }

    /// When an entry was made; `None` for one that there is not.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn entry_time(&self, chain_id: u64, entry: u64) -> Result<Option<u64>> {
        let sql = "SELECT recorded_at FROM journal WHERE chain_id = $1 AND entry = $2";
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Int(bound(entry))];
        self.pool.row(sql, &args).await?.map(|row| row.number(0)).transpose()
    }

    /// The highest block up to a number, and to a time in Unix seconds if there is one, that was held as canonical after an
    /// entry.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn block_as_of(
        &self,
        chain_id: u64,
        entry: u64,
        (number, unix_time): (u64, Option<u64>),
    ) -> Result<Option<BlockRef>> {
        let sql = concat!(
            "SELECT number, hash, unix_time FROM (SELECT * FROM (
                 SELECT b.number, b.hash, b.unix_time FROM blocks b WHERE b.id >= ",
            blocks_from!(),
            " AND b.id <= ",
            blocks_from!(),
            " + $3 AND b.unix_time <= $4 AND ",
            was_canonical!(),
            " ORDER BY b.id DESC LIMIT 1) AS held UNION ALL SELECT * FROM (
                 SELECT b.number, b.hash, b.unix_time FROM blocks b WHERE b.id >= 17592186044416 AND b.place >= ",
            blocks_from!(),
            " AND b.place <= ",
            blocks_from!(),
            " + $3 AND b.unix_time <= $4 AND ",
            had_a_spell!(),
            " ORDER BY b.place DESC LIMIT 1) AS gone) AS one ORDER BY number DESC LIMIT 1"
        );
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(bound(entry)),
            Arg::Int(ids::up_to(number)),
            Arg::Int(bound(unix_time.unwrap_or(u64::MAX))),
        ];
        self.pool.row(sql, &args).await?.map(|row| block(&row)).transpose()
    }

    /// The logs of a contract up to and including block `up_to` that were held and believed after an entry, in chain
    /// order.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn logs_as_of(
        &self,
        contract: &Contract,
        entry: u64,
        up_to: u64,
    ) -> Result<Vec<RawLog>> {
        loop {
            let before = self.writes(contract.chain_id).await?;
            let logs = self.held_as_of(contract, entry, up_to).await?;
            if self.writes(contract.chain_id).await? == before {
                return Ok(logs);
            }
        }
    }

    async fn held_as_of(&self, contract: &Contract, entry: u64, up_to: u64) -> Result<Vec<RawLog>> {
        let args = self::args(contract, entry, up_to)?;
        let spells = "SELECT hash FROM spells WHERE chain_id = $1 AND began <= $2 AND ended > $2 AND number <= $3";
        let spells = self.pool.rows(spells, &args).await?;
        let spells: HashSet<B256> = spells.iter().map(|row| row.hash(0)).collect::<Result<_>>()?;
        let mut logs = Vec::new();
        let mut steps = LogSteps::new(contract, None, up_to);
        while let Some((rows, id)) = steps.blocks(self).await? {
            for row in &rows {
                let block = block(row)?;
                if row.number(5)? <= entry || spells.contains(&block.hash) {
                    logs_of(block, row.bytes(3)?, (contract.address, id), &mut logs)?;
                }
            }
        }
        let aside = concat!(
            "SELECT b.number, b.hash, b.unix_time, b.said, c.id
             FROM contracts c CROSS JOIN spoke_aside o CROSS JOIN blocks b
             WHERE c.chain_id = $1 AND c.address = $4 AND o.contract_id = c.id AND o.number <= $3 AND b.id = ",
            on_fork!("o.number", "o.fork"),
            " AND ",
            had_a_spell!()
        );
        for row in self.pool.rows(aside, &args).await? {
            logs_of(block(&row)?, row.bytes(3)?, (contract.address, row.int(4)?), &mut logs)?;
        }
        let late = "SELECT l.block_hash, l.log_index FROM late_logs l JOIN contracts c ON c.id = l.contract_id
             WHERE c.chain_id = $1 AND l.recorded > $2 AND l.number <= $3 AND c.address = $4";
        let late = self.pool.rows(late, &args).await?;
        let late: Vec<_> =
            late.iter().map(|row| Ok((row.hash(0)?, row.number(1)?))).collect::<Result<_>>()?;
        let late: HashSet<(B256, u64)> = late.into_iter().collect();
        logs.retain(|log| !late.contains(&(log.block.hash, log.log_index)));
        let believed = concat!(
            "SELECT r.number, r.block_hash, r.unix_time, r.log_index, r.tx_hash, r.tx_index, r.topics, r.data, r.why,
                 r.head
             FROM refuted_logs r JOIN contracts c ON c.id = r.contract_id
             JOIN blocks b ON ",
            told_of!(),
            " WHERE c.chain_id = $1 AND r.since <= $2 AND r.recorded > $2 AND r.number <= $3 AND c.address = $4 AND ",
            was_canonical!()
        );
        for row in self.pool.rows(believed, &args).await? {
            logs.push(refuted::refuted(&row, contract.address)?.log);
        }
        logs.sort_by_key(|log| (log.block.number, log.log_index));
        Ok(logs)
    }

    /// What was read of a contract by call after blocks up to and including `up_to`, as it was held after an entry; in the
    /// order of [`Store::readings`].
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn readings_as_of(
        &self,
        contract: &Contract,
        entry: u64,
        up_to: u64,
    ) -> Result<Vec<Reading>> {
        let sql = concat!(
            "SELECT b.number, b.hash, b.unix_time, r.what, r.subject, r.value
             FROM readings r JOIN contracts c ON c.id = r.contract_id
             JOIN blocks b ON ",
            told_of!(),
            " WHERE c.chain_id = $1 AND r.recorded <= $2 AND r.number <= $3 AND c.address = $4 AND ",
            was_canonical!(),
            " ORDER BY b.number, r.what, r.subject"
        );
        let args = self::args(contract, entry, up_to)?;
        self.pool.rows(sql, &args).await?.iter().map(reading).collect()
    }

    /// Why a log that was held after an entry is not any more: the entry with which it went. `None` if it is still held.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn went(&self, log: &RawLog, chain_id: u64, entry: u64) -> Result<Option<u64>> {
        let sql = "SELECT MIN(ended) FROM spells WHERE chain_id = $1 AND number = $2 AND hash = $3 AND began <= $4
                 AND ended > $4
             UNION ALL
             SELECT MIN(r.recorded) FROM refuted_logs r JOIN contracts c ON c.id = r.contract_id
             WHERE c.chain_id = $1 AND r.number = $2 AND r.block_hash = $3 AND r.since <= $4 AND r.recorded > $4
                 AND r.log_index = $5 AND c.address = $6";
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(bound(log.block.number)),
            Arg::Bytes(log.block.hash.as_slice()),
            Arg::Int(bound(entry)),
            Arg::Int(bound(log.log_index)),
            Arg::Bytes(log.address.as_slice()),
        ];
        let mut first = None;
        for row in self.pool.rows(sql, &args).await? {
            if let Some(went) = row.maybe_number(0)? {
                first = Some(first.map_or(went, |first: u64| first.min(went)));
            }
        }
        Ok(first)
    }

    /// The entry with which a log came that is held now; `None` if it is not.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn came(&self, log: &RawLog, chain_id: u64) -> Result<Option<u64>> {
        let Ok(height) = ids::height(log.block.number) else { return Ok(None) };
        let sql = concat!(
            "SELECT b.recorded, l.recorded FROM blocks b
             LEFT JOIN contracts c ON c.chain_id = $1 AND c.address = $5
             LEFT JOIN late_logs l ON l.contract_id = c.id AND l.number = $2 AND l.block_hash = b.hash
                 AND l.log_index = $4
             WHERE b.hash = $3 AND b.id = ",
            blocks_from!(),
            " + $2"
        );
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(height),
            Arg::Bytes(log.block.hash.as_slice()),
            Arg::Int(bound(log.log_index)),
            Arg::Bytes(log.address.as_slice()),
        ];
        let Some(row) = self.pool.row(sql, &args).await? else { return Ok(None) };
        Ok(Some(row.number(0)?.max(row.maybe_number(1)?.unwrap_or_default())))
    }
}

fn args(contract: &Contract, entry: u64, up_to: u64) -> Result<[Arg<'_>; 4]> {
    Ok([
        Arg::Int(int("chain id", contract.chain_id)?),
        Arg::Int(bound(entry)),
        Arg::Int(ids::up_to(up_to)),
        Arg::Bytes(contract.address.as_slice()),
    ])
}

fn entry(row: &Row) -> Result<Entry> {
    let head = match (row.maybe_number(2)?, row.maybe_hash(3)?) {
        (Some(number), Some(hash)) => {
            let timestamp = row.maybe_number(6)?.ok_or_else(|| StoreError::Corrupt {
                what: format!("an entry of the journal about block {hash}, which is not held"),
            })?;
            Some(BlockRef { number, hash, timestamp })
        }
        _ => None,
    };
    Ok(Entry {
        number: row.number(0)?,
        recorded_at: row.number(1)?,
        head,
        safe: row.maybe_number(4)?,
        finalized: row.maybe_number(5)?,
    })
}
