//! The index of words: which contract said something at which height that people ask for, and at which the block is whose hash
//! this is. Compose hashes that apps allowed or announced, and who owns them; in registries of deletions the apps, the commitments
//! and the roots; apps in what a KMS says, and the rest of it; and upgrades, by their topic. Only a way to find logs: what
//! they mean, the fold says.

use crate::{
    Store,
    bulk::{insert, pieces},
    chains,
    conn::{Arg, Tx, bound, int},
    error::Result,
    ids::{self, blocks_from, chain_speaker},
    read::block,
    types::{BlockRef, RawLog},
};
use alloy_primitives::{B256, keccak256};
use devproof_contracts::{Deleted, DeletionEvent, app_event, deletion_event, kms_event};
use devproof_primitives::{Action, Change, Event, KmsEvent, Setting};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};
/// A word as it is indexed: its last four bytes, so that an address is as good as a hash; SQLite has a size of number for
/// so many. Two words may share them.
pub(crate) fn key(word: &B256) -> i64 {
    i32::from_be_bytes(word.last_chunk().copied().unwrap_or_default()).into()
}

/// Under this word everything is found that a KMS said but about apps.
pub(crate) static KMS_POLICY: LazyLock<B256> = LazyLock::new(|| keccak256("devproof kms policy"));

/// The words of a log.
pub(crate) fn keys(topics: &[B256], data: &[u8]) -> Vec<i64> {
    let mut words = said(topics, data);
    words.extend(kms_event(topics, data).map(|event| match event {
        KmsEvent::AppRegistered(app) | KmsEvent::AppDeployed { app, .. } => app.into_word(),
        // What any upgradeable contract with an owner says is among it.
        _ => *KMS_POLICY,
    }));
    words.iter().map(key).collect()
}

fn said(topics: &[B256], data: &[u8]) -> Vec<B256> {
    let asked_for = |change: &Change| match change.setting {
        Setting::ComposeHash => matches!(change.action, Action::Set | Action::Proposed),
        Setting::Owner => change.action == Action::Set,
        _ => false,
    };
    match app_event(topics, data) {
        Some(Event::Stock(change)) if asked_for(&change) => return vec![change.value],
        Some(Event::History { kind, value, .. }) => {
            let said = Change::from_kind(kind, value).ok().filter(asked_for);
            return said.iter().map(|change| change.value).collect();
        }
        Some(Event::Timelocked { compose_hash, .. }) => return vec![compose_hash],
        // What came with an upgrade has to be looked at, whoever upgraded.
        Some(Event::Upgraded(_)) => return topics.first().copied().into_iter().collect(),
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
            what.into_iter().chain([statement.app.into_word()]).collect()
        }
        Some(DeletionEvent::BatchEntry { user_id_hash, .. }) => vec![user_id_hash],
        Some(
            DeletionEvent::SignerRegistered { app, .. } | DeletionEvent::SignerRevoked { app, .. },
        ) => vec![app.into_word()],
        // Stands behind one that names the app.
        Some(DeletionEvent::HistoryExtended { .. }) | None => Vec::new(),
    }
}

/// So many new words are put into the large tree at a time. It is gone through once for them; and the small one, which
/// every page is written to, takes some two megabytes.
const MANY: u64 = 1 << 17;

/// Parts in which that is done, for nobody else has a turn while one is: a range of words each.
const PARTS: i64 = 64;

/// Writes words of a chain with the contract that said them and the height. `new` is how many are among the newest already, if that is
/// known, and is known afterwards.
pub(crate) async fn write(
    tx: &mut Tx,
    chain_id: u64,
    said: &mut Vec<(i64, i64, i64)>,
    new: &mut Option<u64>,
) -> Result<()> {
    if said.is_empty() {
        return Ok(());
    }
    said.sort_unstable();
    said.dedup();
    let chain = int("chain id", chain_id)?;
    let row = |(word, contract, number): &(i64, i64, i64)| {
        [chain, *word, *contract, *number].map(Arg::Int)
    };
    let rows: Vec<_> = said.iter().map(row).collect();
    // It may be said at this height on another branch.
    let head = "INSERT INTO mentions_new (chain_id, word, contract_id, number) VALUES";
    tx.each(|rows| insert(head, rows, 4, "ON CONFLICT DO NOTHING"), &rows).await?;
    let before = match *new {
        Some(before) => before,
        None => {
            let sql = "SELECT COUNT(*) FROM mentions_new WHERE chain_id = $1";
            let row = tx.row(sql, &[Arg::Int(chain)]).await?;
            row.map_or(Ok(0), |row| row.number(0))?
        }
    };
    let after = before + if new.is_some() { said.len() as u64 } else { 0 };
    *new = Some(after);
    if after >= MANY {
        settle(tx, chain).await?;
        *new = Some(0);
    }
    Ok(())
}

/// Puts the newest words of a chain where the others are.
async fn settle(tx: &mut Tx, chain: i64) -> Result<()> {
    let range = (i64::from(u32::MAX) + 1) / PARTS;
    let first = |part: i64| i64::from(i32::MIN) + part * range;
    for part in 0..PARTS {
        let args = [chain, first(part), first(part + 1)].map(Arg::Int);
        let sql = "INSERT INTO mentions (word, contract_id, number)
             SELECT word, contract_id, number FROM mentions_new
             WHERE chain_id = $1 AND word >= $2 AND word < $3 ORDER BY word, contract_id, number
             ON CONFLICT DO NOTHING";
        tx.execute(sql, &args).await?;
        let sql = "DELETE FROM mentions_new WHERE chain_id = $1 AND word >= $2 AND word < $3";
        tx.execute(sql, &args).await?;
    }
    Ok(())
}

/// At which heights the blocks of a chain may be whose hashes have these words.
pub(crate) async fn heights(
    tx: &mut Tx,
    chain_id: u64,
    speaker: i64,
    words: &[i64],
) -> Result<Vec<i64>> {
    let chain = int("chain id", chain_id)?;
    let keys: Vec<_> = words.iter().map(|word| [chain, speaker, *word].map(Arg::Int)).collect();
    let mut found = Vec::new();
    for tail in [
        ") v CROSS JOIN mentions m WHERE m.word = v.column3 AND m.contract_id = v.column2",
        ") v CROSS JOIN mentions_new m
         WHERE m.chain_id = v.column1 AND m.word = v.column3 AND m.contract_id = v.column2",
    ] {
        let head = "SELECT m.number FROM (VALUES";
        for row in tx.each(|keys| insert(head, keys, 3, tail), &keys).await? {
            found.push(row.int(0)?);
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// What was mentioned: the columns of those of the chain `$1` with this word, and this else; each once.
macro_rules! mentioned {
    ($columns:literal, $word:literal, $and:expr) => {
        concat!(
            "(SELECT ",
            $columns,
            " FROM mentions m WHERE m.word = ",
            $word,
            $and,
            " UNION SELECT ",
            $columns,
            " FROM mentions_new m WHERE m.chain_id = $1 AND m.word = ",
            $word,
            $and,
            ")"
        )
    };
}
pub(crate) use mentioned;

/// A word, who said it, and at which height.
type Mention = (i64, (i64, i64));

impl Store {
    /// Puts the newest words of a chain where the others are. A writer does so by itself whenever they are many, so that this is only for who
    /// wants to see that all is found in either place.
    ///
    /// # Errors
    /// [`crate::StoreError::UnknownChain`], [`crate::StoreError::ReadOnly`], and those of the database.
    pub async fn settle_words(&self, chain_id: u64) -> Result<()> {
        let mut tx = self.begin_write().await?;
        chains::lock(&mut tx, chain_id).await?;
        settle(&mut tx, int("chain id", chain_id)?).await?;
        tx.commit().await
    }

    /// Those of these logs that their words do not lead to, for who checks the index of words.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn unmentioned<'a>(
        &self,
        chain_id: u64,
        logs: &'a [RawLog],
    ) -> Result<Vec<&'a RawLog>> {
        let sql = "SELECT id, address FROM contracts WHERE chain_id = $1";
        let mut ids = HashMap::new();
        for row in self.pool.rows(sql, &[Arg::Int(int("chain id", chain_id)?)]).await? {
            ids.insert(row.address(1)?, row.int(0)?);
        }
        let mut expected = Vec::new();
        for log in logs {
            let contract = ids.get(&log.address).copied().unwrap_or(-1);
            let at = (contract, bound(log.block.number));
            expected.extend(keys(&log.topics, &log.data).into_iter().map(|word| ((word, at), log)));
        }
        let mut missing = self.unheld(chain_id, &expected).await?;
        missing.dedup();
        Ok(missing)
    }

    /// Those blocks with heights from `from` to `to`, both included, on whatever branch, that their hashes do not lead to, for who checks
    /// the index of words.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn unfound_blocks(&self, chain_id: u64, from: u64, to: u64) -> Result<Vec<BlockRef>> {
        let sql = concat!(
            "SELECT number, hash, unix_time, ",
            chain_speaker!(),
            " FROM blocks WHERE id >= ",
            blocks_from!(),
            " + $2 AND id <= ",
            blocks_from!(),
            " + $3 UNION ALL SELECT number, hash, unix_time, ",
            chain_speaker!(),
            " FROM blocks WHERE id >= 17592186044416 AND place >= ",
            blocks_from!(),
            " + $2 AND place <= ",
            blocks_from!(),
            " + $3"
        );
        let range = [int("chain id", chain_id)?, ids::up_to(from), ids::up_to(to)];
        let mut expected = Vec::new();
        for row in self.pool.rows(sql, &range.map(Arg::Int)).await? {
            let block = block(&row)?;
            let at = (row.int(3)?, ids::height(block.number)?);
            expected.push(((key(&block.hash), at), block));
        }
        self.unheld(chain_id, &expected).await
    }

    /// Those of some words, each with its contract and height, that are not held; what stands beside them.
    async fn unheld<T: Copy>(&self, chain_id: u64, expected: &[(Mention, T)]) -> Result<Vec<T>> {
        let chain = Arg::Int(int("chain id", chain_id)?);
        let mut missing = Vec::new();
        for piece in pieces(expected) {
            let mut held = HashSet::new();
            // The keys first: told a list of triples, SQLite goes through all that was said with a word, or at all. The newest
            // first: what settles in between is found among the others.
            for tail in [
                ") v CROSS JOIN mentions_new m
                 WHERE m.chain_id = v.column1 AND m.word = v.column2 AND m.contract_id = v.column3 AND m.number = v.column4",
                ") v CROSS JOIN mentions m
                 WHERE m.word = v.column2 AND m.contract_id = v.column3 AND m.number = v.column4",
            ] {
                let args = piece.iter().flat_map(|((word, (contract, number)), _)| {
                    [chain, Arg::Int(*word), Arg::Int(*contract), Arg::Int(*number)]
                });
                let args: Vec<_> = args.collect();
                let head = "SELECT m.word, m.contract_id, m.number FROM (VALUES";
                for row in self.pool.rows(insert(head, piece.len(), 4, tail), &args).await? {
                    held.insert((row.int(0)?, (row.int(1)?, row.int(2)?)));
                }
            }
            missing.extend(piece.iter().filter(|(it, _)| !held.contains(it)).map(|(_, of)| *of));
        }
        Ok(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_new_words_settle_and_all_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        for chain in [1, 2] {
            store.ensure_chain(chain, 0).await.unwrap();
        }
        let edge = |word: i32| [word.saturating_sub(1), word, word.saturating_add(1)];
        let random = (0..500_u64).map(|n| key(&keccak256(n.to_be_bytes())));
        let edges =
            [i32::MIN, i32::MIN + (1 << 26), 0, i32::MAX].into_iter().flat_map(edge).map(i64::from);
        let words: Vec<(i64, i64, i64)> =
            edges.chain(random).enumerate().map(|(n, word)| (word, 1 + n as i64 % 3, 7)).collect();
        let count = async |table: &str| {
            let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
            store.pool.row(sql, &[]).await.unwrap().unwrap().int(0).unwrap()
        };
        // Twice: what is said again on another branch is in both places for a while.
        for round in 0..2 {
            for chain in [1, 2] {
                let (mut said, mut new) = (words.clone(), Some(MANY - words.len() as u64 - 1));
                let mut tx = store.begin_write().await.unwrap();
                write(&mut tx, chain, &mut said, &mut new).await.unwrap();
                assert_eq!(new, Some(MANY - 1));
                tx.commit().await.unwrap();
            }
            let expected: Vec<_> = words.iter().map(|(w, c, n)| ((*w, (*c, *n)), ())).collect();
            assert!(store.unheld(1, &expected).await.unwrap().is_empty());
            assert_eq!(count("mentions_new").await, words.len() as i64 * 2, "round {round}");
            let mut tx = store.begin_write().await.unwrap();
            let mut new = Some(MANY - 1);
            write(&mut tx, 1, &mut vec![(5, 1, 8)], &mut new).await.unwrap();
            assert_eq!(new, Some(0));
            tx.commit().await.unwrap();
            assert_eq!(count("mentions").await, words.len() as i64 + 1);
            assert_eq!(count("mentions_new").await, words.len() as i64, "the other chain's stay");
            assert!(store.unheld(1, &expected).await.unwrap().is_empty());
        }
        // One that is not known counts what is there, each once.
        let mut new = None;
        let mut tx = store.begin_write().await.unwrap();
        write(&mut tx, 2, &mut words.clone(), &mut new).await.unwrap();
        assert_eq!(new, Some(words.len() as u64));
    }

    #[tokio::test]
    async fn blocks_are_found_by_their_hash_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        // The other chain has the ids of the first.
        for chain in [1, 2] {
            store.ensure_chain(chain, 0).await.unwrap();
        }
        let block = |number: u64, fork: u8| BlockRef {
            number,
            hash: keccak256([number as u8, fork]),
            timestamp: 1_000 + number,
        };
        let mut previous = None;
        for (blocks, rewind) in [([1, 2, 3], None), ([4, 5, 6], Some(4)), ([5, 6, 7], None)] {
            let fork = u8::from(previous.is_some_and(|p: BlockRef| p.number == 4));
            let blocks = blocks.map(|number| block(number, fork));
            let page = crate::Page {
                chain_id: 2,
                previous: previous.map(|p: BlockRef| p.hash),
                contracts: Vec::new(),
                blocks: blocks.to_vec(),
                logs: Vec::new(),
                readings: Vec::new(),
                newborn: Vec::new(),
                checkpoint: blocks[2],
            };
            store.commit(&page).await.unwrap();
            previous = Some(blocks[2]);
            if let Some(number) = rewind {
                let to = block(number, 0);
                store.rewind(2, Some(&to)).await.unwrap();
                previous = Some(to);
            }
        }
        for settled in [false, true] {
            let found = async |number, fork| {
                let found = store.block_by_hash(2, block(number, fork).hash).await.unwrap();
                found.map(|(found, canonical)| {
                    assert_eq!(found, block(number, fork));
                    canonical
                })
            };
            for number in 1..=4 {
                assert_eq!(found(number, 0).await, Some(true), "{number} {settled}");
            }
            for number in 5..=6 {
                assert_eq!(found(number, 0).await, Some(false), "{number} {settled}");
                assert_eq!(found(number, 1).await, Some(true), "{number} {settled}");
            }
            assert_eq!(found(7, 1).await, Some(true));
            assert_eq!(found(7, 0).await, None);
            assert_eq!(store.block_by_hash(1, block(1, 0).hash).await.unwrap(), None);
            assert_eq!(store.unfound_blocks(2, 0, u64::MAX).await.unwrap(), []);
            store.settle_words(2).await.unwrap();
        }
    }
}
