//! When what was announced can come into force, across all apps of a chain. Only a way to find announcements: whether one
//! stands, the fold says.

use crate::{
    Store,
    bulk::insert,
    conn::{self, Arg, Tx, bound, int},
    contracts::contract,
    error::Result,
    types::{Contract, RawLog},
};
use alloy_primitives::{Address, B256};
use devproof_contracts::announcement;

/// Announcements that are read at a time. In the text of the query: a bound limit has it planned anew each time.
macro_rules! step {
    () => {
        128
    };
}

/// The same as a number: with fewer there are no more.
pub const ANNOUNCED_STEP: usize = step!();

/// Ripe at, contract, height, and whether it ever expires.
pub(crate) type Row = (i64, i64, i64, bool);

/// What is to be written about a log of a contract in a block.
pub(crate) fn row(topics: &[B256], data: &[u8], contract: i64, number: i64) -> Option<Row> {
    let announced = announcement(topics, data)?;
    Some((bound(announced.ripe_at), contract, number, announced.expires_at.is_some()))
}

pub(crate) async fn write(tx: &mut Tx, chain_id: u64, rows: &mut Vec<Row>) -> Result<()> {
    rows.sort_unstable();
    // Several may be announced for the same second in one block; they are found together.
    rows.dedup_by_key(|(ripe_at, contract, number, _)| (*ripe_at, *contract, *number));
    let chain = int("chain id", chain_id)?;
    let row = |(ripe_at, contract, number, dies): &Row| {
        [chain, *ripe_at, *contract, *number, i64::from(*dies)].map(Arg::Int)
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    let head = "INSERT INTO announced (chain_id, ripe_at, contract_id, number, dies) VALUES";
    tx.each(|rows| insert(head, rows, 5, "ON CONFLICT DO NOTHING"), &rows).await.map(|_| ())
}

/// Where an announcement stands in the order of their ripeness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnnouncedPlace {
    /// The first second of ripeness, Unix time; what lies beyond 63 bits is cut there.
    pub ripe_at: u64,
    /// The app's contract.
    pub contract: Address,
    /// The block of the announcement.
    pub number: u64,
}

/// That something was announced. It may have been reorged out, cancelled or activated since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its place.
    pub place: AnnouncedPlace,
    /// The app's contract.
    pub contract: Contract,
}

/// Announcements with the contracts that made them, `$1` being the chain.
macro_rules! announced {
    () => {
        "SELECT c.chain_id, c.address, c.role, c.named_by, c.code_kind, c.code_hash, c.implementation, c.found_at,
             c.history_verified_at, a.ripe_at, a.number AS announced_in, a.contract_id
         FROM announced a JOIN contracts c ON c.id = a.contract_id
         WHERE a.chain_id = $1 AND c.canonical = 1 AND c.role = 'app' AND "
    };
}

/// Behind a place, `$3`, `$4` and `$5`.
macro_rules! behind {
    () => {
        "(a.ripe_at, a.contract_id, a.number)
             > ($3, COALESCE((SELECT id FROM contracts WHERE chain_id = $1 AND address = $4), -1), $5)
         ORDER BY a.ripe_at, a.contract_id, a.number LIMIT "
    };
}

/// All that is ripe at or after `$2`, and what never expires.
const SINCE: &str = concat!(
    "SELECT * FROM (SELECT * FROM (",
    announced!(),
    "a.ripe_at >= $2 AND ",
    behind!(),
    step!(),
    ") AS recent UNION ALL SELECT * FROM (",
    announced!(),
    "a.dies = 0 AND a.ripe_at < $2 AND ",
    behind!(),
    step!(),
    ") AS undying) AS open ORDER BY ripe_at, contract_id, announced_in LIMIT ",
    step!()
);

/// What was ripe at or before `$2`, the latest first.
const UNTIL: &str = concat!(
    announced!(),
    "a.ripe_at <= $2 AND (a.ripe_at, a.contract_id, a.number)
         < ($3, COALESCE((SELECT id FROM contracts WHERE chain_id = $1 AND address = $4), -1), $5)
     ORDER BY a.ripe_at DESC, a.contract_id DESC, a.number DESC LIMIT ",
    step!()
);

impl Store {
    /// What was announced and may still be open: all that is ripe at or after `since` (Unix seconds), and what never expires;
    /// by ripeness, behind `after`, at most [`ANNOUNCED_STEP`].
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn announced_since(
        &self,
        chain_id: u64,
        since: u64,
        after: Option<AnnouncedPlace>,
    ) -> Result<Vec<Announced>> {
        self.announced(SINCE, chain_id, since, after, -1).await
    }

    /// What was announced and ripe at or before `until` (Unix seconds), the latest first, behind `after`, at most
    /// [`ANNOUNCED_STEP`].
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn announced_until(
        &self,
        chain_id: u64,
        until: u64,
        after: Option<AnnouncedPlace>,
    ) -> Result<Vec<Announced>> {
        self.announced(UNTIL, chain_id, until, after, i64::MAX).await
    }

    async fn announced(
        &self,
        sql: &'static str,
        chain_id: u64,
        time: u64,
        after: Option<AnnouncedPlace>,
        start: i64,
    ) -> Result<Vec<Announced>> {
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(bound(time)),
            Arg::Int(after.map_or(start, |place| bound(place.ripe_at))),
            Arg::Bytes(after.as_ref().map_or(&[], |place| place.contract.as_slice())),
            Arg::Int(after.map_or(start, |place| bound(place.number))),
        ];
        let found = |row: &conn::Row| {
            let contract = contract(row)?;
            let place = AnnouncedPlace {
                ripe_at: row.number(9)?,
                contract: contract.address,
                number: row.number(10)?,
            };
            Ok(Announced { place, contract })
        };
        self.pool.rows(sql, &args).await?.iter().map(found).collect()
    }

    /// Whether the announcement in a log is found by its time, for who checks the index; true of a log without one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn is_announced(&self, chain_id: u64, log: &RawLog) -> Result<bool> {
        let Some(announced) = announcement(&log.topics, &log.data) else { return Ok(true) };
        let sql = "SELECT 1 FROM announced WHERE chain_id = $1 AND ripe_at = $2 AND number = $3
             AND contract_id = (SELECT id FROM contracts WHERE chain_id = $1 AND address = $4)";
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(bound(announced.ripe_at)),
            Arg::Int(bound(log.block.number)),
            Arg::Bytes(log.address.as_slice()),
        ];
        Ok(self.pool.row(sql, &args).await?.is_some())
    }
}
