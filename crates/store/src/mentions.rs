//! Where the words were said that people ask for: compose hashes that apps allowed, and in registries of deletions the
//! apps, the commitments and the roots; and upgrades, by their topic. Only a way to find logs: what they mean, the fold says.

use crate::{
    Store,
    bulk::{insert, pieces},
    conn::{Arg, Tx, bound, int},
    contracts::{columns, contract},
    error::Result,
    read::spoken_logs,
    types::{Contract, RawLog},
};
use alloy_primitives::B256;
use devproof_contracts::{Deleted, DeletionEvent, app_event, deletion_event};
use devproof_primitives::{Action, Change, Event, Setting};

/// A word as it is indexed: its last six bytes, so that an address is as good as a hash; SQLite has a size of number for
/// so many. Two words may share them.
fn key(word: &B256) -> i64 {
    i64::from_be_bytes(word.last_chunk().copied().unwrap_or_default()) & 0xffff_ffff_ffff
}

/// The words of a log.
pub(crate) fn keys(topics: &[B256], data: &[u8]) -> Vec<i64> {
    let allows =
        |change: Change| change.action == Action::Set && change.setting == Setting::ComposeHash;
    match app_event(topics, data) {
        Some(Event::Stock(change)) if allows(change) => return vec![key(&change.value)],
        Some(Event::History { kind, value, .. }) => {
            let said = Change::from_kind(kind, value).ok().filter(|change| allows(*change));
            return said.iter().map(|change| key(&change.value)).collect();
        }
        // What came with an upgrade has to be looked at, whoever upgraded.
        Some(Event::Upgraded(_)) => return topics.first().map(key).into_iter().collect(),
        Some(_) => return Vec::new(),
        None => {}
    }
    match deletion_event(topics, data) {
        Some(DeletionEvent::Statement(statement)) => {
            let what = match statement.what {
                Deleted::One { user_id_hash, .. } => Some(user_id_hash),
                Deleted::Root { root, .. } => Some(root),
                Deleted::Batch { .. } => None,
            };
            what.iter().chain([&statement.app.into_word()]).map(key).collect()
        }
        Some(DeletionEvent::BatchEntry { user_id_hash, .. }) => vec![key(&user_id_hash)],
        _ => Vec::new(),
    }
}

/// Writes words with the contract that said them and the height.
pub(crate) async fn write(tx: &mut Tx, said: &mut Vec<(i64, i64, i64)>) -> Result<()> {
    said.sort_unstable();
    said.dedup();
    for piece in pieces(said) {
        let args: Vec<_> = piece
            .iter()
            .flat_map(|(word, contract, number)| {
                [Arg::Int(*word), Arg::Int(*contract), Arg::Int(*number)]
            })
            .collect();
        // It may have been said in another transaction of the block, or on two branches.
        let head = "INSERT INTO mentions (word, contract_id, number) VALUES";
        tx.execute(insert(head, piece.len(), 3, "ON CONFLICT DO NOTHING"), &args).await?;
    }
    Ok(())
}

impl Store {
    /// The contracts that may have said a word, at most `limit`, by address. Some may not have said it, or only in blocks
    /// that were reorged out: the logs tell.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn contracts_mentioning(
        &self,
        chain_id: u64,
        word: B256,
        limit: u32,
    ) -> Result<Vec<Contract>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM contracts WHERE chain_id = $1 AND canonical = 1
             AND id IN (SELECT contract_id FROM mentions WHERE word = $2) ORDER BY address LIMIT $3"
        );
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(key(&word)),
            Arg::Int(i64::from(limit)),
        ];
        self.pool.rows(sql, &args).await?.iter().map(contract).collect()
    }

    /// What contracts said in the blocks in which they may have said a word, up to and including block `up_to`, in chain
    /// order: those of the `limit` first such blocks of each contract after block `after`.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn logs_mentioning(
        &self,
        chain_id: u64,
        word: B256,
        (after, up_to): (Option<u64>, u64),
        limit: u32,
    ) -> Result<Vec<RawLog>> {
        let sql = "SELECT b.number, b.hash, b.unix_time, b.said, c.address, c.id
             FROM mentions m
             JOIN contracts c ON c.id = m.contract_id
             JOIN blocks b ON b.chain_id = c.chain_id AND b.number = m.number AND b.fork = 0
             WHERE m.word = $1 AND c.chain_id = $2 AND m.number > $3 AND m.number <= $4
             ORDER BY m.number LIMIT $5";
        let args = [
            Arg::Int(key(&word)),
            Arg::Int(int("chain id", chain_id)?),
            Arg::Int(after.map_or(-1, bound)),
            Arg::Int(bound(up_to)),
            Arg::Int(i64::from(limit)),
        ];
        let mut found = Vec::new();
        for row in self.pool.rows(sql, &args).await? {
            spoken_logs(&row, &mut found)?;
        }
        found.sort_by_key(|log| (log.block.number, log.log_index));
        Ok(found)
    }
}
