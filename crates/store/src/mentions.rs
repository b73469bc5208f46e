//! Who said a word that people ask for, and where: what the index of words leads to, and the facts bear out.

use crate::{
    Store,
    conn::{Arg, bound, int},
    contracts::{columns, contract},
    error::Result,
    ids::{self, blocks_from},
    read::{block, logs_of},
    types::{Contract, RawLog, Role},
    words::{key, keys, mentioned},
};
use alloy_primitives::{Address, B256};
use std::collections::{BTreeMap, HashSet};
/// Mentions looked at at a time.
const STEP: u32 = 1024;

/// The place of a transaction on the canonical chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of its block.
    pub number: u64,
    /// Its position in the block.
    pub tx_index: u64,
}

impl RawLog {
    /// The place of its transaction.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { number: self.block.number, tx_index: self.tx_index }
    }
}

/// Those of a contract's logs in one block that are of transactions in which it may have said a word.
pub(crate) fn of_word(logs: Vec<RawLog>, word: i64) -> impl Iterator<Item = RawLog> {
    let says = |log: &&RawLog| keys(&log.topics, &log.data).contains(&word);
    let transactions: HashSet<u64> = logs.iter().filter(says).map(|log| log.tx_index).collect();
    logs.into_iter().filter(move |log| transactions.contains(&log.tx_index))
}

/// First which mentions, then what was said there: left to itself, SQLite begins with all blocks of the chain, or with all
/// its contracts. A mention whose block is not canonical stays as a row of nothing, so that a full step is told from the
/// last one.
macro_rules! mentioning {
    () => {
        concat!(
            "SELECT m.number, b.hash, b.unix_time, b.said, m.address, m.contract_id
             FROM (
                 SELECT m.contract_id, m.number, c.address FROM ",
            mentioned!(
                "m.contract_id, m.number",
                "$2",
                " AND m.number >= $3 AND m.number <= $5 AND (m.number, m.contract_id) > ($3, $4)"
            ),
            " m CROSS JOIN contracts c WHERE c.id = m.contract_id AND c.chain_id = $1
                 ORDER BY m.number, m.contract_id LIMIT $6
             ) m
             LEFT JOIN blocks b ON b.id = ",
            blocks_from!(),
            " + m.number ORDER BY m.number, m.contract_id"
        )
    };
}

impl Store {
    /// The contracts of a role that may have said a word, or said something about it when they were called: by address,
    /// behind `after`, at most `limit`. Some may not have, or only in blocks that were reorged out: the facts tell.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn contracts_mentioning(
        &self,
        chain_id: u64,
        (role, word): (Role, B256),
        after: Option<Address>,
        limit: u32,
    ) -> Result<Vec<Contract>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM contracts WHERE chain_id = $1 AND canonical = 1 AND role = $2 AND address > $3
             AND id IN (
                 SELECT contract_id FROM ",
            mentioned!("m.contract_id", "$4", ""),
            " m UNION SELECT contract_id FROM readings WHERE subject = $5 AND length(subject) > 0
             ) ORDER BY address LIMIT $6"
        );
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Text(role.as_str()),
            // Before every address there is nothing.
            Arg::Bytes(after.as_ref().map_or(&[], |address| address.as_slice())),
            Arg::Int(key(&word)),
            Arg::Bytes(word.as_slice()),
            Arg::Int(i64::from(limit)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(contract).collect()
    }

    /// What contracts said in the canonical transactions in which they may have said a word, behind `after` and up to and
    /// including block `up_to`, in chain order: those of the `limit` first such transactions. If there are fewer, there are
    /// no more; else the next begin behind the [`RawLog::place`] of the last.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn logs_mentioning(
        &self,
        chain_id: u64,
        word: B256,
        (after, up_to): (Option<Place>, u64),
        limit: u32,
    ) -> Result<Vec<RawLog>> {
        let (step, limit) = (STEP.min(limit.saturating_add(1)), limit as usize);
        // The block of the place behind which is looked at again.
        let mut last = after.map_or((-1, i64::MAX), |place| (bound(place.number), -1));
        let mut found: BTreeMap<Place, Vec<RawLog>> = BTreeMap::new();
        'all: loop {
            let args = [
                Arg::Int(int("chain id", chain_id)?),
                Arg::Int(key(&word)),
                Arg::Int(last.0),
                Arg::Int(last.1),
                Arg::Int(ids::up_to(up_to)),
                Arg::Int(i64::from(step)),
            ];
            let rows = self.pool.rows(mentioning!(), &args).await?;
            for row in &rows {
                // All of a block is read before it is clear which transactions are the first.
                if found.len() >= limit && row.int(0)? > last.0 {
                    break 'all;
                }
                last = (row.int(0)?, row.int(5)?);
                if row.maybe_hash(1)?.is_none() {
                    continue;
                }
                let mut logs = Vec::new();
                logs_of(block(row)?, row.bytes(3)?, (row.address(4)?, last.1), &mut logs)?;
                for log in of_word(logs, key(&word)) {
                    if after.is_none_or(|after| log.place() > after) {
                        found.entry(log.place()).or_default().push(log);
                    }
                }
            }
            if rows.len() < step as usize {
                break;
            }
        }
        let mut logs: Vec<RawLog> = found.into_values().take(limit).flatten().collect();
        logs.sort_by_key(|log| (log.block.number, log.log_index));
        Ok(logs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_begins_with_the_word() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        let args = [Arg::Int(0); 7];
        let plan = store.pool.rows(concat!("EXPLAIN QUERY PLAN ", mentioning!()), &args).await;
        let plan: Vec<String> =
            plan.unwrap().iter().map(|row| row.text(3).unwrap().to_owned()).collect();
        let steps: Vec<_> =
            plan.iter().filter(|s| s.starts_with("SEARCH") || s.starts_with("SCAN")).collect();
        assert!(steps[0].starts_with("SEARCH m USING PRIMARY KEY (word=?"), "{plan:#?}");
        assert!(
            steps.iter().all(|s| s.starts_with("SEARCH") || s.starts_with("SCAN m")),
            "{plan:#?}"
        );
    }
}
