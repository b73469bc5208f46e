//! In which canonical blocks a contract spoke: up to [`MOST`] heights in a row, the first as a number and each other as how
//! much it is above the one before, in groups of seven bits, the lowest first, where the top bit of a byte says that more
//! follow. Derived, for finding only: what was said there, the facts tell.

use crate::{
    Store,
    bulk::{MOST as ROWS, insert},
    carried::MOST as REMEMBERED,
    conn::{Arg, Row, Tx, int},
    error::{Result, StoreError},
    ids::up_to,
    read::{STEP, contract_id},
};
use alloy_primitives::Address;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Heights in a row: so many that the row is small beside them, so few that one more is quickly added.
const MOST: usize = 128;

/// Rows read at a time. Most are full, but one that is not stays so where others follow it.
macro_rules! rows {
    () => {
        8
    };
}

/// Heights as a row has them.
fn pack(heights: &[i64]) -> Vec<u8> {
    let mut more = Vec::with_capacity(heights.len() * 2);
    for pair in heights.windows(2) {
        let &[before, height] = pair else { continue };
        distance(height, before, &mut more);
    }
    more
}

/// How much a height is above the one before.
fn distance(height: i64, before: i64, more: &mut Vec<u8>) {
    let mut above = height.abs_diff(before);
    while above >= 0x80 {
        more.push(above as u8 | 0x80);
        above >>= 7;
    }
    more.push(above as u8);
}

/// Reads what [`pack`] wrote, behind the first height.
///
/// # Errors
/// [`StoreError::Corrupt`] for anything else.
fn unpack(first: i64, more: &[u8], to: &mut Vec<i64>) -> Result<()> {
    let corrupt = || StoreError::Corrupt { what: "packed heights that do not unpack".to_owned() };
    to.push(first);
    let (mut last, mut above, mut shift) = (first, 0_i64, 0_u32);
    for byte in more {
        if shift > 42 {
            return Err(corrupt());
        }
        above |= i64::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            last = last.checked_add(above).filter(|height| *height > last).ok_or_else(corrupt)?;
            to.push(last);
            (above, shift) = (0, 0);
        }
    }
    if shift == 0 { Ok(()) } else { Err(corrupt()) }
}

/// The last row of a contract.
#[derive(Debug)]
pub(crate) struct Tail {
    first: i64,
    more: Vec<u8>,
    /// The last height in it.
    last: i64,
    /// How many heights are in it.
    heights: usize,
}

/// Last rows, by contract, as far as they are known.
pub(crate) type Tails = HashMap<i64, Tail>;

/// The place and the rest of a row.
type Packed = ((i64, i64), Vec<u8>);

impl Tail {
    /// Adds heights above its own; gives the rows that became full.
    fn extend(&mut self, contract: i64, heights: impl Iterator<Item = i64>) -> Vec<Packed> {
        let mut full = Vec::new();
        for height in heights {
            if self.heights < MOST {
                distance(height, self.last, &mut self.more);
                self.heights += 1;
            } else {
                full.push(((contract, self.first), std::mem::take(&mut self.more)));
                (self.first, self.heights) = (height, 1);
            }
            self.last = height;
        }
        full
    }
}

/// Adds heights at which contracts spoke; what is there already is left as it is. What `tails` has is not asked for, and it
/// has more of them afterwards.
pub(crate) async fn add(tx: &mut Tx, spoke: &mut Vec<(i64, i64)>, tails: &mut Tails) -> Result<()> {
    spoke.sort_unstable();
    spoke.dedup();
    let (mut rows, mut longer, mut others) = (Vec::new(), Vec::new(), Vec::new());
    if tails.len() > REMEMBERED {
        tails.clear();
    }
    for added in spoke.chunk_by(|(one, _), (other, _)| one == other) {
        let Some(&(contract, low)) = added.first() else { continue };
        match tails.get_mut(&contract).filter(|tail| tail.last < low) {
            Some(tail) => {
                rows.extend(tail.extend(contract, added.iter().map(|(_, height)| *height)));
                longer.push(contract);
            }
            None => others.push(added),
        }
    }
    put(tx, &rows).await?;
    let row = |contract: &i64| {
        let Tail { first, more, .. } = tails.get(contract)?;
        Some([Arg::Int(*contract), Arg::Int(*first), Arg::Bytes(more)])
    };
    let rows: Vec<_> = longer.iter().filter_map(row).collect();
    put_rows(tx, &rows).await?;
    merge(tx, &others, tails).await
}

/// Adds heights of each of some contracts wherever they belong.
async fn merge(tx: &mut Tx, added: &[&[(i64, i64)]], tails: &mut Tails) -> Result<()> {
    let ranges: Vec<_> = added
        .iter()
        .filter_map(|of| Some([of.first()?.0, of.first()?.1, of.last()?.1].map(Arg::Int)))
        .collect();
    // The rows that reach into the range, and the one before it.
    let head = "SELECT s.contract_id, s.first, s.more, (SELECT MAX(l.first) FROM spoke l WHERE l.contract_id = v.column1)
         FROM (VALUES";
    let tail = ") v CROSS JOIN spoke s
         WHERE s.contract_id = v.column1 AND s.first <= v.column3 AND s.first >= COALESCE(
             (SELECT MAX(p.first) FROM spoke p WHERE p.contract_id = v.column1 AND p.first <= v.column2), v.column2)";
    let mut held: BTreeMap<(i64, i64), Vec<u8>> = BTreeMap::new();
    // Contracts whose last row is among them.
    let mut to_the_end = BTreeSet::new();
    for row in tx.each(|rows| insert(head, rows, 3, tail), &ranges).await? {
        let (contract, first) = (row.int(0)?, row.int(1)?);
        held.insert((contract, first), row.bytes(2)?.to_vec());
        if row.maybe_int(3)? == Some(first) {
            to_the_end.insert(contract);
        }
    }
    let mut rows = Vec::with_capacity(added.len());
    for added in added {
        let Some(&(contract, _)) = added.first() else { continue };
        tails.remove(&contract);
        let mut all = Vec::new();
        for ((_, first), more) in held.range((contract, i64::MIN)..=(contract, i64::MAX)) {
            unpack(*first, more, &mut all)?;
        }
        all.extend(added.iter().map(|(_, height)| *height));
        all.sort_unstable();
        all.dedup();
        let end = all.last().copied();
        for chunk in all.chunks(MOST) {
            let Some((&first, &last)) = chunk.first().zip(chunk.last()) else { continue };
            let (at, more, heights) = ((contract, first), pack(chunk), chunk.len());
            if end == Some(last) && to_the_end.contains(&contract) {
                tails.insert(contract, Tail { first, more: more.clone(), last, heights });
            }
            if held.remove(&at).as_ref() != Some(&more) {
                rows.push((at, more));
            }
        }
    }
    // Rows that begin elsewhere now.
    for (contract, first) in held.keys() {
        delete(tx, *contract, *first).await?;
    }
    put(tx, &rows).await
}

/// Forgets that a contract spoke at a height.
pub(crate) async fn remove(tx: &mut Tx, contract: i64, height: i64) -> Result<()> {
    let sql = "SELECT first, more FROM spoke WHERE contract_id = $1 AND first <= $2 ORDER BY first DESC LIMIT 1";
    let Some(row) = tx.row(sql, &[Arg::Int(contract), Arg::Int(height)]).await? else {
        return Ok(());
    };
    let (first, mut heights) = (row.int(0)?, Vec::new());
    unpack(first, row.bytes(1)?, &mut heights)?;
    heights.retain(|held| *held != height);
    if heights.first() != Some(&first) {
        delete(tx, contract, first).await?;
    }
    match heights.first() {
        None => Ok(()),
        Some(first) => put(tx, &[((contract, *first), pack(&heights))]).await,
    }
}

async fn delete(tx: &mut Tx, contract: i64, first: i64) -> Result<()> {
    let sql = "DELETE FROM spoke WHERE contract_id = $1 AND first = $2";
    tx.execute(sql, &[Arg::Int(contract), Arg::Int(first)]).await.map(|_| ())
}

async fn put(tx: &mut Tx, rows: &[Packed]) -> Result<()> {
    let rows: Vec<_> = rows
        .iter()
        .map(|((contract, first), more)| [Arg::Int(*contract), Arg::Int(*first), Arg::Bytes(more)])
        .collect();
    put_rows(tx, &rows).await
}

async fn put_rows(tx: &mut Tx, rows: &[[Arg<'_>; 3]]) -> Result<()> {
    let head = "INSERT INTO spoke (contract_id, first, more) VALUES";
    let tail = "ON CONFLICT (contract_id, first) DO UPDATE SET more = excluded.more";
    tx.each(|rows| insert(head, rows, 3, tail), rows).await.map(|_| ())
}

/// The rows of a contract, an expression, from the one on that may hold a height above `$after`, an expression, up to the
/// height `$4`; the first of them. Columns: first, more, contract.
macro_rules! heights {
    ($contract:expr, $after:expr) => {
        concat!(
            "SELECT s.first AS first, s.more AS more, s.contract_id AS contract_id FROM spoke s WHERE s.contract_id = ",
            $contract,
            " AND s.first <= $4 AND s.first >= COALESCE((
                 SELECT MAX(p.first) FROM spoke p WHERE p.contract_id = ",
            $contract,
            " AND p.first <= ",
            $after,
            "), 0) ORDER BY s.first LIMIT ",
            $crate::spoke::rows!()
        )
    };
}
pub(crate) use {heights, rows};

/// Heights out of rows of [`heights!`], as they come.
#[derive(Debug, Default)]
pub(crate) struct Heights {
    rows: usize,
    all: Vec<i64>,
}

impl Heights {
    pub(crate) fn row(&mut self, first: i64, more: &[u8]) -> Result<()> {
        self.rows += 1;
        unpack(first, more, &mut self.all)
    }

    /// Those above `after` and up to `up_to`, at most [`STEP`], in order; and the height from which on there may be more,
    /// `None` if these are all.
    pub(crate) fn within(mut self, after: i64, up_to: i64) -> (Vec<i64>, Option<u64>) {
        let cut = self.rows == rows!();
        let end = self.all.last().copied();
        self.all.retain(|height| *height > after && *height <= up_to);
        let longer = self.all.len() > STEP as usize;
        self.all.truncate(STEP as usize);
        let last =
            if longer { self.all.last().copied() } else { end.filter(|end| cut && *end < up_to) };
        (self.all, last.and_then(|last| u64::try_from(last).ok()))
    }
}

/// Where a contract spoke, of one moment.
pub(crate) struct Spoke {
    /// How often anything of the chain had been written.
    pub(crate) writes: i64,
    /// The number that the database gave to the contract.
    pub(crate) contract: i64,
    /// The ids of the blocks, in order.
    pub(crate) blocks: Vec<i64>,
    /// The height from which on there may be more; `None` if these are all.
    pub(crate) last: Option<u64>,
}

/// `$1` the chain, `$2` the address, `$3` the height above which, `$4` the height up to which.
const SPOKE: &str = concat!(
    "SELECT n.writes, n.blocks_from, s.first, s.more, s.contract_id FROM chains n LEFT JOIN (",
    heights!(contract_id!(), "$3"),
    ") s ON n.chain_id > -1 WHERE n.chain_id = $1"
);

impl Store {
    /// Where a contract spoke above `after` and up to `to`, both heights: the first such blocks.
    pub(crate) async fn spoke(
        &self,
        chain_id: u64,
        address: Address,
        after: i64,
        to: u64,
    ) -> Result<Spoke> {
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Bytes(address.as_slice()),
            Arg::Int(after),
            Arg::Int(up_to(to)),
        ];
        let (mut heights, mut from, mut writes, mut id) = (Heights::default(), 0, 0, 0);
        for row in self.pool.rows(SPOKE, &args).await? {
            (writes, from) = (row.int(0)?, row.int(1)?);
            if let (Some(first), Some(contract)) = (row.maybe_int(2)?, row.maybe_int(4)?) {
                id = contract;
                heights.row(first, row.bytes(3)?)?;
            }
        }
        let (heights, last) = heights.within(after, up_to(to));
        let blocks = heights.iter().map(|height| from + height).collect();
        Ok(Spoke { writes, contract: id, blocks, last })
    }

    /// The blocks with these ids: number, hash, time, what was said, then the entry since which, sixth; as long as nothing of the chain was
    /// written since `writes`; `None` if something was, for then what led to them may be of another moment than they.
    pub(crate) async fn blocks_of_moment(
        &self,
        chain_id: u64,
        ids: &[i64],
        writes: i64,
    ) -> Result<Option<Vec<Row>>> {
        const HEAD: &str = "SELECT b.number, b.hash, b.unix_time, b.said, n.writes, b.recorded
             FROM chains n LEFT JOIN blocks b ON b.id IN";
        let mut found = Vec::with_capacity(ids.len());
        for piece in ids.chunks(ROWS) {
            let mut args = vec![Arg::Int(int("chain id", chain_id)?)];
            args.extend(piece.iter().map(|id| Arg::Int(*id)));
            // One of them again, so that there are few texts.
            let places = piece.len().next_power_of_two();
            let again = args.last().copied().unwrap_or(Arg::MaybeInt(None));
            args.resize(places + 1, again);
            let sql = crate::bulk::within(HEAD, 2, places, "WHERE n.chain_id = $1");
            for row in self.pool.rows(sql, &args).await? {
                if row.int(4)? != writes {
                    return Ok(None);
                }
                if row.maybe_hash(1)?.is_some() {
                    found.push(row);
                }
            }
        }
        Ok(Some(found))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::types::{Contract, Role};
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_packed_unpacks(heights in proptest::collection::btree_set(0..1_i64 << 36, 1..300)) {
            let heights: Vec<i64> = heights.into_iter().collect();
            let mut read = Vec::new();
            unpack(heights[0], &pack(&heights), &mut read).unwrap();
            prop_assert_eq!(read, heights);
        }

        #[test]
        fn nothing_that_is_read_panics(first in any::<i64>(), more in vec(any::<u8>(), 0..200)) {
            let mut read = Vec::new();
            if unpack(first, &more, &mut read).is_ok() {
                prop_assert!(read.is_sorted_by(|one, next| one < next));
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Add(Vec<i64>),
        Remove(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let height = || 0..1_500_i64;
        prop_oneof![
            vec(height(), 1..300).prop_map(Step::Add),
            (height(), 1..400_i64).prop_map(|(low, n)| Step::Add((low..low + n).collect())),
            height().prop_map(Step::Remove),
        ]
    }

    const CHAIN: u64 = 31_337;

    fn app(n: u8) -> Contract {
        Contract {
            chain_id: CHAIN,
            address: Address::repeat_byte(n),
            role: Role::App,
            named_by: None,
            code_kind: "dstack_app".to_owned(),
            code_hash: None,
            implementation: None,
            found_at: 0,
            history_verified_at: None,
        }
    }

    /// All heights of an app above one and up to another, step by step.
    async fn read(store: &Store, n: u8, after: i64, to: i64) -> Vec<i64> {
        let (mut found, mut last) = (Vec::new(), Some(after));
        while let Some(after) = last {
            let to = u64::try_from(to).unwrap();
            let spoke = store.spoke(CHAIN, Address::repeat_byte(n), after, to).await.unwrap();
            // The other chain has the ids of the first.
            found.extend(spoke.blocks.iter().map(|id| id - (1 << 36)));
            last = spoke.last.map(|last| i64::try_from(last).unwrap());
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn heights_that_come_and_go_are_those_that_are_there(
            steps in vec((1..3_u8, step()), 1..12),
            ranges in vec((-1..1_500_i64, 0..1_600_i64), 4),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let folder = tempfile::tempdir().unwrap();
                let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
                store.ensure_chain(1, 0).await.unwrap();
                store.ensure_chain(CHAIN, 0).await.unwrap();
                let mut held = BTreeMap::from([(1, BTreeSet::new()), (2, BTreeSet::new())]);
                let mut tails = Tails::default();
                for n in 1..3 {
                    store.upsert_contract(&app(n)).await.unwrap();
                }
                for (n, step) in steps {
                    let mut tx = store.pool.begin_write().await.unwrap();
                    let heights = held.get_mut(&n).unwrap();
                    // The first contracts of a database have the numbers 1 and 2.
                    match step {
                        Step::Add(new) => {
                            let mut rows: Vec<_> = new.iter().map(|height| (i64::from(n), *height)).collect();
                            add(&mut tx, &mut rows, &mut tails).await.unwrap();
                            heights.extend(new);
                        }
                        Step::Remove(height) => {
                            remove(&mut tx, i64::from(n), height).await.unwrap();
                            tails.clear();
                            heights.remove(&height);
                        }
                    }
                    tx.commit().await.unwrap();
                }
                for (after, to) in ranges {
                    for (n, heights) in &held {
                        let expected: Vec<i64> =
                            heights.iter().copied().filter(|height| *height > after && *height <= to).collect();
                        prop_assert_eq!(read(&store, *n, after, to).await, expected);
                    }
                }
                let rows = store.pool.rows("SELECT first, more FROM spoke", &[]).await.unwrap();
                for row in rows {
                    let mut heights = Vec::new();
                    unpack(row.int(0).unwrap(), row.bytes(1).unwrap(), &mut heights).unwrap();
                    prop_assert!(heights.len() <= MOST);
                }
                Ok(())
            })?;
        }
    }

    #[tokio::test]
    async fn what_was_written_in_between_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        store.ensure_chain(CHAIN, 0).await.unwrap();
        for ids in [&[][..], &[7], &[7, 8, 9]] {
            let before = store.spoke(CHAIN, Address::ZERO, -1, 9).await.unwrap().writes;
            let read = store.blocks_of_moment(CHAIN, ids, before).await.unwrap();
            assert!(
                read.is_some_and(|rows| rows.is_empty()),
                "nothing was written, and nothing is there"
            );
            let mut tx = store.begin_write().await.unwrap();
            crate::chains::lock(&mut tx, CHAIN).await.unwrap();
            tx.commit().await.unwrap();
            let read = store.blocks_of_moment(CHAIN, ids, before).await.unwrap();
            // Without blocks there is nothing that could be of another moment.
            assert_eq!(read.is_none(), !ids.is_empty());
        }
    }

    #[tokio::test]
    async fn only_the_last_row_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        store.ensure_chain(1, 0).await.unwrap();
        store.ensure_chain(CHAIN, 0).await.unwrap();
        store.upsert_contract(&app(1)).await.unwrap();
        let (mut tails, mut held) = (Tails::default(), BTreeSet::new());
        // Rows that stand above what is added then, and what is added then reaches among them.
        for heights in [1_000..1_400_i64, 5..6, 10..1_100, 1_390..1_500, 1_500..1_501] {
            let new: Vec<i64> = heights.step_by(3).collect();
            let mut rows: Vec<_> = new.iter().map(|height| (1, *height)).collect();
            let mut tx = store.pool.begin_write().await.unwrap();
            add(&mut tx, &mut rows, &mut tails).await.unwrap();
            tx.commit().await.unwrap();
            held.extend(new);
            assert_eq!(read(&store, 1, -1, 2_000).await, Vec::from_iter(held.clone()));
        }
    }

    #[test]
    fn the_format_is_what_it_was() {
        assert!(pack(&[7]).is_empty());
        assert_eq!(
            pack(&[7, 8, 135, 263, 20_000_000]),
            [1, 0x7f, 0x80, 0x01, 0xf9, 0xd7, 0xc4, 0x09]
        );
        assert!(
            unpack(7, &[0], &mut Vec::new()).is_err(),
            "a height that is not above the one before"
        );
        assert!(unpack(7, &[0x80], &mut Vec::new()).is_err(), "one that does not end");
    }
}
