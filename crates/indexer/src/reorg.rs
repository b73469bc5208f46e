//! Back to the chain, after it left what was indexed.

use crate::{IndexError, Indexer};
use devproof_chain::Heads;
use devproof_primitives::BlockRef;
use devproof_store::Rewound;
use tokio::time::Instant;

/// Indexed blocks compared with the node at a time.
const STRIDE: u32 = 64;

impl Indexer {
    /// The node's heads and when it was asked, once it is not behind the index; or if it stays there, and so has a shorter chain.
    ///
    /// A backend that lags shows the same blocks as we know, only fewer. To go back for it would take back
    /// what users were told, and call it orphaned. Only another block at a known height is a reorg.
    pub(crate) async fn heads_not_behind(&self) -> Result<(std::time::Instant, Heads), IndexError> {
        let patience = self.options.lag_patience;
        let began = Instant::now();
        loop {
            let looked = std::time::Instant::now();
            let heads = self.node.heads().await?;
            let status = self.store.chain(self.node.chain_id()).await?;
            let Some(checkpoint) = status.and_then(|status| status.checkpoint) else {
                return Ok((looked, heads));
            };
            let head = heads.latest.number;
            if head >= checkpoint.number || self.contradicts(&heads).await? {
                return Ok((looked, heads));
            }
            let finalized = status.and_then(|status| status.tags).and_then(|tags| tags.finalized);
            let finalized = finalized.max(self.finalized.map(|block| block.number));
            if began.elapsed() >= patience {
                // What was final does not become shorter: that node is stuck, whatever else it says.
                return if finalized.is_some_and(|finalized| head < finalized) {
                    Err(IndexError::Behind { head, indexed: checkpoint.number })
                } else {
                    Ok((looked, heads))
                };
            }
            tracing::warn!(head, indexed = checkpoint.number, "the node lags, waiting for it");
            tokio::time::sleep(self.options.poll_interval.min(patience)).await;
        }
    }

    /// Whether the node's chain, as far as it goes, has another block where the index has one.
    async fn contradicts(&self, heads: &Heads) -> Result<bool, IndexError> {
        let below = heads.latest.number.saturating_add(1);
        let known = self.store.canonical_blocks_below(self.node.chain_id(), below, 1).await?;
        match known.first() {
            Some(block) => Ok(!self.is_held(*block, heads).await?),
            None => Ok(false),
        }
    }

    /// Rewinds the store to the last indexed block that the node still holds.
    pub(crate) async fn go_back_to_the_chain(&self, heads: &Heads) -> Result<Rewound, IndexError> {
        let chain_id = self.node.chain_id();
        let Some(status) = self.store.chain(chain_id).await? else { return Ok(Rewound::default()) };
        let checkpoint = status.checkpoint;
        let held = match checkpoint {
            Some(block) => self.is_held(block, heads).await?,
            None => true,
        };
        // What is below a block that stands does too.
        let above =
            |told: &BlockRef| !held || checkpoint.is_none_or(|block| block.number < told.number);
        if let Some(told) = self.finalized.filter(above)
            && told.number <= heads.latest.number
            && !self.reader.holds(told).await?
        {
            return Err(IndexError::FinalizedReorg { finalized: told.number });
        }
        let Some(checkpoint) = checkpoint.filter(|_| !held) else { return Ok(Rewound::default()) };
        let mut below = checkpoint.number;
        let ancestor = loop {
            let blocks = self.store.canonical_blocks_below(chain_id, below, STRIDE).await?;
            let Some(lowest) = blocks.last() else { break None };
            below = lowest.number;
            let mut held = None;
            for block in blocks {
                if self.is_held(block, heads).await? {
                    held = Some(block);
                    break;
                }
            }
            if held.is_some() {
                break held;
            }
        };
        // The node once called this final. Going back below it would throw away what may be the truth.
        let finalized = status.tags.and_then(|tags| tags.finalized);
        if let Some(finalized) = finalized
            && ancestor.is_none_or(|block| block.number < finalized)
            && checkpoint.number >= finalized
            && !self.finalized_still_held(finalized, heads).await?
        {
            return Err(IndexError::FinalizedReorg { finalized });
        }
        let rewound = self.store.rewind(chain_id, ancestor.as_ref()).await?;
        self.pulse.counts.rewound(&rewound);
        tracing::warn!(
            from = checkpoint.number,
            to = ancestor.map(|block| block.number),
            orphaned_logs = rewound.orphaned_logs,
            "the chain was reorganised"
        );
        Ok(rewound)
    }

    /// Remembers the highest block that the node called final, from when it is told and not from when all below it is
    /// indexed.
    pub(crate) fn remember_final(&mut self, told: Option<BlockRef>) {
        let highest =
            |block: &BlockRef| self.finalized.is_none_or(|known| known.number < block.number);
        if let Some(block) = told.filter(highest) {
            self.finalized = Some(block);
        }
    }

    /// Whether the node's chain has this block. A node that has a head and not what is below it answers through
    /// backends of which some lag: that says nothing about the chain.
    async fn is_held(&self, block: BlockRef, heads: &Heads) -> Result<bool, IndexError> {
        Ok(block.number <= heads.latest.number && self.reader.holds(block).await?)
    }

    /// Indexed blocks are sparse: the last common one may lie below the finalized one although the
    /// chain left only above it. The node's own finalized tag, at least as high, settles that.
    async fn finalized_still_held(
        &self,
        finalized: u64,
        heads: &Heads,
    ) -> Result<bool, IndexError> {
        let stored = self.store.block_by_number(self.node.chain_id(), finalized).await?;
        match stored {
            Some(block) => self.is_held(block, heads).await,
            None => Ok(heads.finalized.is_some_and(|now| now.number >= finalized)),
        }
    }
}
