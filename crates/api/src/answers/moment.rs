//! From a question to a block: which one it is about, and how final that is.

use super::{AnswerError, standing::Standing};
use crate::{
    Finality, Headers,
    documents::{self, time},
};
use alloy_primitives::B256;
use devproof_primitives::BlockRef;
use devproof_store::{ChainStatus, Store};

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The state after the last log of this block.
    Block(u64),
    /// The state at this time, Unix seconds.
    Time(u64),
    /// The state after the last log of the block with this hash, if it is on the chain.
    Hash(B256),
    /// The state after the last block of the index that has this finality; for `unsafe` the last of all.
    Tag(Finality),
}

/// The block that answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) block: BlockRef,
    pub(super) finality: Finality,
    pub(super) asked: Option<u64>,
}

impl Moment {
    pub(super) fn document(&self) -> documents::Block {
        documents::Block {
            number: self.block.number,
            hash: self.block.hash,
            timestamp: time(self.block.timestamp),
            finality: self.finality,
        }
    }

    /// The time at which proposals are looked at.
    pub(super) fn now(&self) -> u64 {
        self.asked.unwrap_or(self.block.timestamp)
    }
}

/// A block of the canonical chain with the label of its number.
pub(super) fn block(block: BlockRef, status: &ChainStatus) -> documents::Block {
    let finality = Finality::of(block.number, status.tags.as_ref());
    Moment { block, finality, asked: None }.document()
}

pub(super) async fn resolve(
    store: &Store,
    headers: Option<&dyn Headers>,
    standing: impl Into<Standing>,
    when: When,
    min_finality: Finality,
) -> Result<Moment, AnswerError> {
    resolve_with(store, headers, standing, (when, None), min_finality).await
}

/// The same where the block of a number may be at hand already.
pub(super) async fn resolve_with(
    store: &Store,
    headers: Option<&dyn Headers>,
    standing: impl Into<Standing>,
    (when, held): (When, Option<BlockRef>),
    min_finality: Finality,
) -> Result<Moment, AnswerError> {
    let standing = &standing.into();
    match when {
        When::Block(number) => {
            at_block(store, headers, standing, (number, held), min_finality).await
        }
        When::Time(seconds) => at_time(store, headers, standing, seconds, min_finality).await,
        When::Hash(hash) => at_hash(store, headers, standing, hash, min_finality).await,
        // Who names a tag takes what has it.
        When::Tag(tag) => last_of(store, standing, tag).await,
    }
}

async fn at_block(
    store: &Store,
    headers: Option<&dyn Headers>,
    standing: &Standing,
    (number, held): (u64, Option<BlockRef>),
    min_finality: Finality,
) -> Result<Moment, AnswerError> {
    let Standing { status, head } = standing;
    if number > head.number {
        let time = time(head.timestamp);
        return Err(AnswerError::BeyondHead { asked: number, head: head.number, time });
    }
    if number < status.start_block {
        return Err(AnswerError::BeforeStart { asked: number, start: status.start_block });
    }
    let finality = Finality::of(number, status.tags.as_ref());
    enough(finality, min_finality, || format!("block {number}"))?;
    let held = match held {
        Some(held) => Some(held),
        None => store.block_by_number(status.chain_id, number).await?,
    };
    let block = match held {
        Some(block) => block,
        None => fetch(store, headers, standing, number, finality).await?,
    };
    Ok(Moment { block, finality, asked: None })
}

/// A hash says which block is meant, and of which branch: one that was reorged out is never answered from another.
async fn at_hash(
    store: &Store,
    headers: Option<&dyn Headers>,
    standing: &Standing,
    hash: B256,
    min_finality: Finality,
) -> Result<Moment, AnswerError> {
    let chain_id = standing.status.chain_id;
    let number = match store.block_by_hash(chain_id, hash).await? {
        Some((block, true)) => block.number,
        Some((block, false)) => {
            return Err(AnswerError::Orphaned { hash, number: block.number });
        }
        // Blocks in which nothing happened are not held.
        None => match headers.filter(|node| node.chain_id() == chain_id) {
            None => return Err(AnswerError::UnknownHash { hash }),
            Some(node) => {
                let found = node.block_by_hash(hash).await;
                let found = found.map_err(|source| AnswerError::NodeOfHash { hash, source })?;
                found.ok_or(AnswerError::UnknownHash { hash })?.number
            }
        },
    };
    let moment = at_block(store, headers, standing, (number, None), min_finality).await?;
    // A node may know blocks of other branches as well.
    if moment.block.hash == hash { Ok(moment) } else { Err(AnswerError::Orphaned { hash, number }) }
}

/// Asks the node for a header, after it has shown that it has the chain of the index.
async fn fetch(
    store: &Store,
    headers: Option<&dyn Headers>,
    standing: &Standing,
    number: u64,
    finality: Finality,
) -> Result<BlockRef, AnswerError> {
    let chain_id = standing.status.chain_id;
    let Some(node) = headers else {
        let held = store.canonical_blocks_below(chain_id, number, 1).await?;
        return Err(AnswerError::NoHeader { number, nearest: held.first().map(|b| b.number) });
    };
    if node.chain_id() != chain_id {
        return Err(AnswerError::WrongNode { node: node.chain_id(), asked: chain_id });
    }
    // The index head may have been reorganised away since without any harm to a finalized block, so
    // that one is compared by what the index holds of the finalized chain.
    let anchor = match finality.reaches(standing.status.tags.as_ref()) {
        Some(tag) if finality == Finality::Finalized => {
            store.canonical_blocks_below(chain_id, tag.saturating_add(1), 1).await?.first().copied()
        }
        _ => None,
    };
    let ours = anchor.unwrap_or(standing.head);
    let ask = async |number| {
        node.block(number).await.map_err(|source| AnswerError::Node { number, source })
    };
    let theirs = ask(ours.number).await?.map(|b| b.hash);
    if theirs != Some(ours.hash) {
        return Err(AnswerError::NodeDisagrees { number: ours.number, ours: ours.hash, theirs });
    }
    ask(number).await?.ok_or(AnswerError::NodeLacks { number })
}

/// The last block that the index holds at or before a time. Blocks without a fact need not be held, so
/// the real last block at that time may be a later one; its state is the same.
async fn at_time(
    store: &Store,
    headers: Option<&dyn Headers>,
    standing: &Standing,
    seconds: u64,
    min_finality: Finality,
) -> Result<Moment, AnswerError> {
    let Standing { status, head } = standing;
    if seconds > head.timestamp {
        let (asked, time) = (time(seconds), time(head.timestamp));
        return Err(AnswerError::TimeBeyondHead { asked, head: head.number, time });
    }
    let block = store.last_block_at_or_before(status.chain_id, seconds).await?;
    let block = block.filter(|b| b.number >= status.start_block).ok_or_else(|| {
        AnswerError::TimeBeforeStart { asked: time(seconds), start: status.start_block }
    })?;
    let finality = of_time(store, headers, standing, seconds).await?;
    enough(finality, min_finality, || {
        format!("what the chain held at {} (after block {})", time(seconds), block.number)
    })?;
    Ok(Moment { block, finality, asked: Some(seconds) })
}

/// How final everything up to a time is: as final as a block known to be later. The label of the block
/// found would be too good, since a reorg could put a fact between it and the time.
async fn of_time(
    store: &Store,
    headers: Option<&dyn Headers>,
    standing: &Standing,
    seconds: u64,
) -> Result<Finality, AnswerError> {
    let status = &standing.status;
    for finality in [Finality::Finalized, Finality::Safe] {
        let Some(tag) = finality.reaches(status.tags.as_ref()) else { continue };
        let below = tag.saturating_add(1);
        let last = store.canonical_blocks_below(status.chain_id, below, 1).await?;
        if last.first().is_some_and(|block| block.timestamp > seconds) {
            return Ok(finality);
        }
        // The block of the tag itself need not be held. Without it the label is lower than it might be,
        // which is no reason to give no answer.
        if headers.is_some() && tag < standing.head.number {
            match fetch(store, headers, standing, tag, finality).await {
                Ok(block) if block.timestamp > seconds => return Ok(finality),
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, tag, "the time of a tag is not known"),
            }
        }
    }
    Ok(Finality::Unsafe)
}

/// The last block that the index holds of the finality asked for.
pub(super) async fn last_of(
    store: &Store,
    Standing { status, head }: &Standing,
    min_finality: Finality,
) -> Result<Moment, AnswerError> {
    let found = match min_finality.reaches(status.tags.as_ref()) {
        // Blocks above the head are never canonical, but those below the start may be held.
        Some(tag) => {
            let below = tag.min(head.number).saturating_add(1);
            store.canonical_blocks_below(status.chain_id, below, 1).await?.first().copied()
        }
        None => None,
    };
    let block =
        found.filter(|b| b.number >= status.start_block).ok_or_else(|| AnswerError::NotFinal {
            what: format!("all that is indexed, up to block {},", head.number),
            is: Finality::of(head.number, status.tags.as_ref()),
            asked: min_finality,
        })?;
    Ok(Moment { block, finality: Finality::of(block.number, status.tags.as_ref()), asked: None })
}

fn enough(is: Finality, asked: Finality, what: impl FnOnce() -> String) -> Result<(), AnswerError> {
    if is >= asked { Ok(()) } else { Err(AnswerError::NotFinal { what: what(), is, asked }) }
}
