//! Where the words were said that people ask for: compose hashes that apps allowed or announced, and who owns them; in
//! registries of deletions the apps, the commitments and the roots; apps in what a KMS says, and the rest of it; and upgrades,
//! by their topic. Only a way to find logs: what they mean, the fold says.

use crate::{
    Store,
    bulk::{insert, pieces},
    chains,
    conn::{Arg, Row, Tx, bound, int},
    contracts::{columns, contract},
    error::Result,
    folds,
    ids::{self, blocks_from, chain_speaker, on_fork},
    read::{block, contract_id, logs_of},
    readings::Reading,
    types::{BlockRef, ChainStatus, Contract, RawLog, Role},
};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use devproof_contracts::{About, Deleted, DeletionEvent, app_event, deletion_event, kms_event};
use devproof_primitives::{Action, Change, Event, KmsEvent, Setting};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::LazyLock,
};

/// A word as it is indexed: its last four bytes, so that an address is as good as a hash; SQLite has a size of number for
/// so many. Two words may share them.
pub(crate) fn key(word: &B256) -> i64 {
    i32::from_be_bytes(word.last_chunk().copied().unwrap_or_default()).into()
}

/// Under this word everything is found that a KMS said but about apps.
static KMS_POLICY: LazyLock<B256> = LazyLock::new(|| keccak256("devproof kms policy"));

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

/// A word, who said it, and at which height.
type Mention = (i64, (i64, i64));

/// Those of a contract's logs in one block that are of transactions in which it may have said a word.
fn of_word(logs: Vec<RawLog>, word: i64) -> impl Iterator<Item = RawLog> {
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

/// First which blocks, then what was said there, as in [`mentioning`].
macro_rules! said_by_kms {
    ($words:literal) => {
        concat!(
            "SELECT b.number, b.hash, b.unix_time, b.said, m.contract_id, '', b.hash, CAST(0 AS BIGINT) FROM ",
            $words,
            " AND m.word = $3 AND m.contract_id = ",
            contract_id!(),
            " AND b.id = ",
            blocks_from!(),
            " + m.number"
        )
    };
}

/// What was read by call and what was said in blocks that were reorged out stands in the same columns. What is said twice at
/// a height, on two branches, may stand there twice.
macro_rules! of_kms {
    ($readings:literal) => {
        concat!(
            said_by_kms!("mentions m CROSS JOIN blocks b WHERE true"),
            " UNION ALL ",
            said_by_kms!("mentions_new m CROSS JOIN blocks b WHERE m.chain_id = $1"),
            " UNION ALL
             SELECT b.number, b.hash, b.unix_time, r.value, r.contract_id, r.what, r.subject, 1
             FROM readings r CROSS JOIN blocks b
             WHERE r.contract_id = ",
            contract_id!(),
            " AND ",
            $readings,
            " AND b.id = ",
            blocks_from!(),
            " + r.number AND b.hash = r.block_hash"
        )
    };
}

/// What a KMS said and was read to say about one app.
const ABOUT_APP: &str = of_kms!("r.what = $4 AND r.subject = $5");

/// The rest of it, and all that it said in blocks that were reorged out.
const POLICY: &str = concat!(
    of_kms!("r.what <> $4"),
    " UNION ALL
     SELECT b.number, b.hash, b.unix_time, b.said, o.contract_id, '', NULL, 2
     FROM spoke_aside o CROSS JOIN blocks b
     WHERE o.contract_id = ",
    contract_id!(),
    " AND b.id = ",
    on_fork!("o.number", "o.fork")
);

/// A KMS after a block, as far as one app is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KmsThen {
    /// What it said, in chain order: everything but what is about other apps than this alone.
    pub logs: Vec<RawLog>,
    /// What it was read to say, by block, then in the order of what was asked.
    pub readings: Vec<Reading>,
    /// All that it said in blocks that were reorged out, by height, block hash and place.
    pub orphaned: Vec<RawLog>,
}

impl KmsThen {
    /// Facts of a KMS, from its rows, which this word led to.
    fn of(contract: &Contract, word: i64, rows: &[Row]) -> Result<Self> {
        let mut then = Self::default();
        for row in rows {
            let of = (contract.address, row.int(4)?);
            match row.int(7)? {
                0 => {
                    let mut logs = Vec::new();
                    logs_of(block(row)?, row.bytes(3)?, of, &mut logs)?;
                    then.logs.extend(of_word(logs, word));
                }
                1 => then.readings.push(Reading {
                    block: block(row)?,
                    what: row.text(5)?.to_owned(),
                    subject: Bytes::copy_from_slice(row.bytes(6)?),
                    value: Bytes::copy_from_slice(row.bytes(3)?),
                }),
                _ => logs_of(block(row)?, row.bytes(3)?, of, &mut then.orphaned)?,
            }
        }
        Ok(then)
    }

    /// Adds what of `policy` belongs to blocks up to `up_to`, and puts all in order. A transaction may stand in both.
    fn with(mut self, policy: &Self, up_to: u64) -> Self {
        let until = |block: &BlockRef| block.number <= up_to;
        self.logs.extend(policy.logs.iter().cloned());
        self.logs.retain(|log| until(&log.block));
        self.logs.sort_by_key(place);
        self.logs.dedup_by_key(|log| place(log));
        self.readings.extend(policy.readings.iter().cloned());
        self.readings.retain(|reading| until(&reading.block));
        folds::sort(&mut self.readings);
        self.orphaned.extend(policy.orphaned.iter().filter(|log| until(&log.block)).cloned());
        self.orphaned.sort_by_key(|log| (log.block.number, log.block.hash, log.log_index));
        self
    }

    pub(crate) const fn len(&self) -> usize {
        self.logs.len() + self.readings.len() + self.orphaned.len()
    }
}

const fn place(log: &RawLog) -> (u64, u64) {
    (log.block.number, log.log_index)
}

impl Store {
    /// A KMS after block `up_to`, as far as an app is concerned, on a chain that stands like this. What is not about one app
    /// is read once for each state of the chain.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn kms_then(
        &self,
        status: &ChainStatus,
        contract: &Contract,
        app: Address,
        up_to: u64,
    ) -> Result<KmsThen> {
        let known = self.known_of(status).await?;
        let policy = known.policy_of(self, contract).await?;
        let word = key(&app.into_word());
        let args = [
            Arg::Int(int("chain id", contract.chain_id)?),
            Arg::Bytes(contract.address.as_slice()),
            Arg::Int(word),
            Arg::Text(About::Controller.word()),
            Arg::Bytes(app.as_slice()),
        ];
        let rows = self.pool.rows(ABOUT_APP, &args).await?;
        Ok(KmsThen::of(contract, word, &rows)?.with(&policy, up_to))
    }

    /// What a KMS said and was read to say that is not about one app, and all that it said in blocks that were reorged out.
    pub(crate) async fn kms_policy(&self, contract: &Contract) -> Result<KmsThen> {
        let word = key(&KMS_POLICY);
        let args = [
            Arg::Int(int("chain id", contract.chain_id)?),
            Arg::Bytes(contract.address.as_slice()),
            Arg::Int(word),
            Arg::Text(About::Controller.word()),
        ];
        KmsThen::of(contract, word, &self.pool.rows(POLICY, &args).await?)
    }

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

    #[tokio::test]
    async fn sqlite_goes_straight_to_what_a_kms_said() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        for sql in [POLICY, ABOUT_APP] {
            store.goes_straight(sql).await;
        }
    }

    #[test]
    fn a_transaction_about_an_app_and_about_all_counts_once() {
        let log = |number, log_index| RawLog {
            block: BlockRef { number, hash: B256::ZERO, timestamp: number },
            log_index,
            tx_hash: B256::ZERO,
            tx_index: 0,
            address: Address::ZERO,
            topics: Vec::new(),
            data: Bytes::new(),
        };
        let of = |logs| KmsThen { logs, ..KmsThen::default() };
        let policy = of(vec![log(1, 0), log(2, 0), log(2, 1), log(3, 0)]);
        let then = of(vec![log(2, 0), log(2, 1), log(3, 1)]).with(&policy, 2);
        assert_eq!(then.logs, [log(1, 0), log(2, 0), log(2, 1)]);
    }
}
