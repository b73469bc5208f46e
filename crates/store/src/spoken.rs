//! What was said on a chain, whoever said it: the blocks in which something was, one after the other.

use crate::{
    Store,
    bulk::{pieces, within},
    conn::{Arg, Row, int},
    error::{Result, StoreError},
    ids::{self, blocks_from},
    packed::{Said, unpack},
    read::{block, raw},
    types::{BlockRef, RawLog},
};
use alloy_primitives::Address;
use std::collections::{BTreeSet, HashMap};

/// Blocks that are read at a time. In the text of the query: a bound limit has it planned anew each time.
macro_rules! step {
    () => {
        32
    };
}

/// The same as a number: with fewer there are no more.
pub const SPOKEN_STEP: usize = step!();

/// A canonical block in which followed contracts spoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenBlock {
    /// The block.
    pub block: BlockRef,
    /// All that was said in it, in the order of the chain.
    pub logs: Vec<RawLog>,
}

impl Store {
    /// The canonical blocks above `after` (`None`: from the first) and up to and including `up_to` in which something was
    /// said, lowest first, at most [`SPOKEN_STEP`].
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn spoken_after(
        &self,
        chain_id: u64,
        after: Option<u64>,
        up_to: u64,
    ) -> Result<Vec<SpokenBlock>> {
        let sql = concat!(
            "SELECT number, hash, unix_time, said FROM blocks
             WHERE id > ",
            blocks_from!(),
            " + $2 AND id <= ",
            blocks_from!(),
            " + $3 AND length(said) > 0 ORDER BY id LIMIT ",
            step!()
        );
        let range = [after.map_or(-1, ids::up_to), ids::up_to(up_to)];
        self.spoken(sql, chain_id, range).await
    }

    /// Those below `below`, highest first, at most [`SPOKEN_STEP`].
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn spoken_before(&self, chain_id: u64, below: u64) -> Result<Vec<SpokenBlock>> {
        let sql = concat!(
            "SELECT number, hash, unix_time, said FROM blocks
             WHERE id > ",
            blocks_from!(),
            " + $2 AND id < ",
            blocks_from!(),
            " + $3 AND length(said) > 0 ORDER BY id DESC LIMIT ",
            step!()
        );
        self.spoken(sql, chain_id, [-1, ids::end(below)]).await
    }

    async fn spoken(
        &self,
        sql: &'static str,
        chain_id: u64,
        [from, to]: [i64; 2],
    ) -> Result<Vec<SpokenBlock>> {
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Int(from), Arg::Int(to)];
        let rows = self.pool.rows(sql, &args).await?;
        let read = |row: &Row| Ok((block(row)?, unpack(row.bytes(3)?)?));
        let said = rows.iter().map(read).collect::<Result<Vec<(BlockRef, Said<'_>)>>>()?;
        let speakers: BTreeSet<i64> = said
            .iter()
            .flat_map(|(_, said)| said.values())
            .flat_map(|transaction| transaction.logs.iter().map(|(_, log)| log.contract))
            .collect();
        let addresses = self.addresses(&speakers.into_iter().collect::<Vec<_>>()).await?;
        said.into_iter().map(|(block, said)| spoken_block(block, said, &addresses)).collect()
    }

    /// The addresses behind the numbers that the database gave to contracts.
    async fn addresses(&self, ids: &[i64]) -> Result<HashMap<i64, Address>> {
        let mut found = HashMap::new();
        for piece in pieces(ids) {
            let sql = within("SELECT id, address FROM contracts WHERE id IN", 1, piece.len(), "");
            let args: Vec<_> = piece.iter().map(|id| Arg::Int(*id)).collect();
            for row in self.pool.rows(sql, &args).await? {
                found.insert(row.int(0)?, row.address(1)?);
            }
        }
        Ok(found)
    }
}

fn spoken_block(
    block: BlockRef,
    said: Said<'_>,
    addresses: &HashMap<i64, Address>,
) -> Result<SpokenBlock> {
    let mut logs = Vec::new();
    for (place, transaction) in said {
        for (index, log) in transaction.logs {
            let address = *addresses.get(&log.contract).ok_or_else(|| StoreError::Corrupt {
                what: format!("a log of contract number {}, which there is not", log.contract),
            })?;
            logs.push(raw(block, (place, transaction.hash), address, (index, log)));
        }
    }
    logs.sort_by_key(|log| log.log_index);
    Ok(SpokenBlock { block, logs })
}
