//! Chains, their checkpoint and the node's tags.

use crate::{
    Store,
    conn::{Arg, Row, Tx, int},
    contracts::contract_from,
    error::{Result, StoreError},
    ids::{self, height},
    types::{BlockRef, ChainStatus, Contract, Tags},
};
use alloy_primitives::Address;

/// Every column of a chain, in the order that [`status`] reads.
macro_rules! columns {
    () => {
        "chain_id, start_block, checkpoint_number, checkpoint_hash, checkpoint_time, \
         head_number, head_hash, head_time, safe_number, finalized_number, polled_at, writes"
    };
}

/// A chain with a contract and a block of it, where it holds them, in one row: the columns of a chain, of a contract, of a
/// block.
const STANDING: &str = "SELECT n.chain_id, n.start_block, n.checkpoint_number, n.checkpoint_hash, n.checkpoint_time,
         n.head_number, n.head_hash, n.head_time, n.safe_number, n.finalized_number, n.polled_at, n.writes,
         c.chain_id, c.address, c.role, c.named_by, c.code_kind, c.code_hash, c.implementation, c.found_at,
         c.history_verified_at, b.number, b.hash, b.unix_time
     FROM chains n
     LEFT JOIN contracts c ON c.chain_id = n.chain_id AND c.address = $2 AND c.canonical = 1
     LEFT JOIN blocks b ON b.id = n.blocks_from + $3
     WHERE n.chain_id = $1";

/// A chain's blocks are behind those of all others.
const ADD: &str = "INSERT INTO chains (chain_id, start_block, blocks_from)
     SELECT $1, $2, COALESCE(MAX(blocks_from), -68719476736) + 68719476736 FROM chains WHERE true
     ON CONFLICT DO NOTHING";

/// Where a chain stands, with what a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The chain.
    pub status: ChainStatus,
    /// The contract that was asked for, if it is known.
    pub contract: Option<Contract>,
    /// The canonical block that was asked for, if it is held.
    pub block: Option<BlockRef>,
}

impl Store {
    /// Begins to follow a chain from `start_block`, or returns where it stands.
    ///
    /// A later start than the stored one changes nothing, as more is known already. As long as nothing has been
    /// indexed, the start moves to the one asked for.
    ///
    /// # Errors
    /// [`StoreError::StartBlock`] if the chain was indexed from a later block, so that the blocks between would be
    /// missing.
    pub async fn ensure_chain(&self, chain_id: u64, start_block: u64) -> Result<ChainStatus> {
        let args = [Arg::Int(int("chain id", chain_id)?), Arg::Int(height(start_block)?)];
        let (mut tx, stored) = loop {
            let mut tx = self.begin_write().await?;
            let added = tx.execute(ADD, &args).await?;
            match lock(&mut tx, chain_id).await {
                // Another chain was added at the same time, in the same place.
                Err(StoreError::UnknownChain { .. }) if added == 0 => tx.commit().await?,
                stored => break (tx, stored?),
            }
        };
        if ids::first(&mut tx, chain_id).await? >= ids::PLACES {
            return Err(StoreError::OutOfRange {
                what: "number of chains",
                value: ids::CHAINS + 1,
                largest: ids::CHAINS,
            });
        }
        if stored.checkpoint.is_none() {
            tx.execute("UPDATE chains SET start_block = $2 WHERE chain_id = $1", &args).await?;
        } else if start_block < stored.start_block {
            return Err(StoreError::StartBlock {
                chain_id,
                stored: stored.start_block,
                asked: start_block,
            });
        }
        tx.commit().await?;
        self.luggage.pass(chain_id, stored.writes);
        self.chain(chain_id).await?.ok_or(StoreError::UnknownChain { chain_id })
    }

    /// Where a chain stands; `None` if it is not followed.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn chain(&self, chain_id: u64) -> Result<Option<ChainStatus>> {
        let args = [Arg::Int(int("chain id", chain_id)?)];
        let row = self
            .pool
            .row(concat!("SELECT ", columns!(), " FROM chains WHERE chain_id = $1"), &args)
            .await?;
        row.map(|row| status(&row)).transpose()
    }

    /// Where a chain stands, with a contract and with the block at a height; `None` if it is not followed. One
    /// query, so that all of it is of one moment.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn standing(
        &self,
        chain_id: u64,
        address: Address,
        number: Option<u64>,
    ) -> Result<Option<Standing>> {
        let args = [
            Arg::Int(int("chain id", chain_id)?),
            Arg::Bytes(address.as_slice()),
            Arg::MaybeInt(number.and_then(|number| height(number).ok())),
        ];
        let Some(row) = self.pool.row(STANDING, &args).await? else { return Ok(None) };
        let contract = row.maybe_int(12)?.map(|_| contract_from(&row, 12)).transpose()?;
        let block = block(&row, 21)?;
        Ok(Some(Standing { status: status(&row)?, contract, block }))
    }

    /// Every chain that is followed, by chain id.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn chains(&self) -> Result<Vec<ChainStatus>> {
        let rows = self
            .pool
            .rows(concat!("SELECT ", columns!(), " FROM chains ORDER BY chain_id"), &[])
            .await?;
        rows.iter().map(status).collect()
    }

    /// Remembers what the node said about its head, safe and finalized blocks.
    ///
    /// # Errors
    /// [`StoreError::UnknownChain`] before [`Store::ensure_chain`].
    pub async fn set_tags(&self, chain_id: u64, tags: &Tags) -> Result<()> {
        let mut tx = self.begin_write().await?;
        let row = tx
            .row(
                "UPDATE chains SET head_number = $2, head_hash = $3, head_time = $4, safe_number = $5,
                 finalized_number = $6, polled_at = $7, writes = writes + 1 WHERE chain_id = $1 RETURNING writes",
                &[
                    Arg::Int(int("chain id", chain_id)?),
                    Arg::Int(int("block number", tags.head.number)?),
                    Arg::Bytes(tags.head.hash.as_slice()),
                    Arg::Int(int("timestamp", tags.head.timestamp)?),
                    Arg::MaybeInt(tags.safe.map(|n| int("block number", n)).transpose()?),
                    Arg::MaybeInt(tags.finalized.map(|n| int("block number", n)).transpose()?),
                    Arg::Int(int("timestamp", tags.polled_at)?),
                ],
            )
            .await?;
        let writes = row.ok_or(StoreError::UnknownChain { chain_id })?.number(0)?;
        tx.commit().await?;
        self.luggage.pass(chain_id, writes);
        Ok(())
    }
}

/// Reads a chain and keeps every other writer of it out until the transaction ends, and counts that it is written. By an
/// update, because `FOR UPDATE` is not SQL that SQLite reads.
pub(crate) async fn lock(tx: &mut Tx, chain_id: u64) -> Result<ChainStatus> {
    let row = tx
        .row(
            concat!(
                "UPDATE chains SET writes = writes + 1 WHERE chain_id = $1 RETURNING ",
                columns!()
            ),
            &[Arg::Int(int("chain id", chain_id)?)],
        )
        .await?;
    status(&row.ok_or(StoreError::UnknownChain { chain_id })?)
}

/// Moves the checkpoint; the caller holds the lock.
pub(crate) async fn set_checkpoint(
    tx: &mut Tx,
    chain_id: u64,
    to: Option<&BlockRef>,
) -> Result<()> {
    tx.execute(
        "UPDATE chains SET checkpoint_number = $2, checkpoint_hash = $3, checkpoint_time = $4 WHERE chain_id = $1",
        &[
            Arg::Int(int("chain id", chain_id)?),
            Arg::MaybeInt(to.map(|b| int("block number", b.number)).transpose()?),
            Arg::MaybeBytes(to.map(|b| b.hash.as_slice())),
            Arg::MaybeInt(to.map(|b| int("timestamp", b.timestamp)).transpose()?),
        ],
    )
    .await?;
    Ok(())
}

fn status(row: &Row) -> Result<ChainStatus> {
    let tags = match (block(row, 5)?, row.maybe_number(10)?) {
        (Some(head), Some(polled_at)) => Some(Tags {
            head,
            safe: row.maybe_number(8)?,
            finalized: row.maybe_number(9)?,
            polled_at,
        }),
        _ => None,
    };
    Ok(ChainStatus {
        chain_id: row.number(0)?,
        start_block: row.number(1)?,
        checkpoint: block(row, 2)?,
        tags,
        writes: row.number(11)?,
    })
}

/// Three columns, together or not at all.
fn block(row: &Row, first: usize) -> Result<Option<BlockRef>> {
    Ok(match (row.maybe_number(first)?, row.maybe_hash(first + 1)?, row.maybe_number(first + 2)?) {
        (Some(number), Some(hash), Some(timestamp)) => Some(BlockRef { number, hash, timestamp }),
        _ => None,
    })
}
