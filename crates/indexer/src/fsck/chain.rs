//! What a node says, log by log and block by block, and what the database says of the same.

use super::{Check, Kind, fold};
use crate::{IndexError, Stage, reader::held, verify::HISTORY_ROOT_SLOT};
use alloy_primitives::Address;
use devproof_chain::{ChainError, Node, NodeLog, Refusal};
use devproof_primitives::BlockRef;
use devproof_store::{RawLog, Role};
use std::collections::{BTreeMap, BTreeSet};

impl Check<'_> {
    /// Reads everything again and compares.
    pub(super) async fn against(
        &mut self,
        node: &Node,
        checkpoint: BlockRef,
    ) -> Result<(), IndexError> {
        let heads = node.heads().await?;
        // The checkpoint itself may be wrong; what is held below it is compared all the same.
        let mut upper = checkpoint.number;
        if upper > heads.latest.number {
            upper = heads.latest.number;
            self.found.unknown.push(format!(
                "the node's head is block {upper}, before block {}, up to which the index reaches; what is between \
                 was not compared",
                checkpoint.number
            ));
        }
        let before = held(node, upper).await?;
        let mut from = self.status.start_block;
        while from <= upper {
            let to = upper.min(from.saturating_add(self.page_blocks - 1));
            let proved = self.logs_of(node, from, to).await?;
            self.blocks_of(node, from, to, &proved).await?;
            self.pulse.at(Stage::Blocks { from: self.status.start_block, done: to, to: upper });
            from = to.saturating_add(1);
        }
        for block in self.store.orphaned_blocks(self.chain_id, 0, upper).await? {
            if held(node, block.number).await? == block {
                let BlockRef { number, hash, .. } = block;
                let detail =
                    format!("block {number}, {hash}, is marked as orphaned and is on the chain");
                self.found.differs(Kind::Orphan, Some(number), None, detail);
            }
        }
        self.roots(node, upper).await?;
        if held(node, upper).await? != before {
            self.found
                .unknown
                .push("the chain was reorganised while it was read; run it again".to_owned());
        }
        // New blocks that the index has not followed yet are no difference, as long as they were never final.
        let is_final = |block: u64| heads.finalized.is_some_and(|last| block <= last.number);
        if before != checkpoint && upper == checkpoint.number && !is_final(upper) {
            self.found.unknown.push(format!(
                "the chain has left the index at or below block {upper}, which was not final; run `devproof index`, \
                 then this again"
            ));
        }
        self.found.compared_to = Some(upper);
        Ok(())
    }

    /// A page of blocks, but for those that a log has shown to be the node's.
    async fn blocks_of(
        &mut self,
        node: &Node,
        from: u64,
        to: u64,
        proved: &BTreeSet<BlockRef>,
    ) -> Result<(), IndexError> {
        let mut below = to.saturating_add(1);
        while below > from {
            let piece = self.blocks_below(below).await?;
            below = piece.last().map_or(0, |block| block.number);
            for block in piece {
                if block.number < from || proved.contains(&block) {
                    continue;
                }
                let theirs = held(node, block.number).await?;
                if theirs != block {
                    let BlockRef { number, hash, timestamp } = block;
                    let detail = format!(
                        "block {number} is {hash} of time {timestamp} in the database and {} of time {} on the chain",
                        theirs.hash, theirs.timestamp
                    );
                    self.found.differs(Kind::Block, Some(number), None, detail);
                }
            }
        }
        Ok(())
    }

    /// A page of logs, as the node has it and as the database does. Gives the blocks that are shown to be the same by
    /// a log that is.
    async fn logs_of(
        &mut self,
        node: &Node,
        from: u64,
        to: u64,
    ) -> Result<BTreeSet<BlockRef>, IndexError> {
        let mut proved = BTreeSet::new();
        let ours = self.store.logs_between(self.chain_id, from, to).await?;
        // Also those that are not followed any more: that they spoke is no less true.
        let followed = self.contracts.iter().map(|contract| contract.address);
        let addresses: BTreeSet<Address> =
            followed.chain(ours.iter().map(|log| log.address)).collect();
        let addresses: Vec<Address> = addresses.into_iter().collect();
        let theirs = node.logs(&addresses, from..=to).await?;
        let mut ours: BTreeMap<(u64, u64), RawLog> =
            ours.into_iter().map(|log| ((log.block.number, log.log_index), log)).collect();
        for log in theirs {
            let place = (log.block_number, log.log_index);
            match ours.remove(&place) {
                Some(stored) => match difference(&stored, &log) {
                    None => {
                        if log.block_timestamp.is_some() {
                            proved.insert(stored.block);
                        }
                    }
                    Some(what) => {
                        let detail = format!(
                            "{what} of log {} in block {} is not that of the chain",
                            place.1, place.0
                        );
                        self.found.log(Kind::ChangedLog, place, log.address, detail);
                    }
                },
                None if self.is_unread(&log) => {}
                None => {
                    let detail = format!(
                        "the chain has log {} of {} in block {}, transaction {}, and the database has not",
                        place.1, log.address, place.0, log.transaction_hash
                    );
                    self.found.log(Kind::MissingLog, place, log.address, detail);
                }
            }
        }
        for (place, log) in ours {
            let detail = format!(
                "the database has log {} of {} in block {}, transaction {}, and the chain has not",
                place.1, log.address, place.0, log.tx_hash
            );
            self.found.log(Kind::ExtraLog, place, log.address, detail);
        }
        Ok(proved)
    }

    fn is_unread(&self, log: &NodeLog) -> bool {
        self.gaps.iter().any(|gap| {
            gap.address == log.address && (gap.from..=gap.to).contains(&log.block_number)
        })
    }

    /// The roots in the contracts, after the last block that was compared.
    async fn roots(&mut self, node: &Node, upper: u64) -> Result<(), IndexError> {
        for contract in self.contracts.clone() {
            let app = contract.address;
            let keeps = contract.code().keeps_history();
            if contract.role != Role::App || !keeps || !self.is_whole(app) {
                continue;
            }
            let logs = self.store.logs(self.chain_id, &[app], upper).await?;
            // One that does not add up was reported.
            let Ok(state) = fold(&contract, &logs) else { continue };
            let folded = state.policy.history_root().unwrap_or_default();
            match node.storage(app, HISTORY_ROOT_SLOT, upper).await {
                Ok(stored) if stored == folded => {}
                Ok(stored) => {
                    let detail = format!(
                        "the events of {app} lead to the history root {folded} at block {upper}, and its contract \
                         says {stored}"
                    );
                    self.found.differs(Kind::History, Some(upper), Some(app), detail);
                }
                Err(ChainError::Refused { why: Refusal::Missing, .. }) => {
                    self.found.unknown.push(format!(
                        "the node keeps no state of block {upper}, so that the history root of {app} was not compared"
                    ));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The first part in which a stored log is not what the node says.
fn difference(ours: &RawLog, theirs: &NodeLog) -> Option<&'static str> {
    let parts = [
        ("the block", ours.block.hash == theirs.block_hash),
        (
            "the time",
            theirs.block_timestamp.is_none_or(|timestamp| timestamp == ours.block.timestamp),
        ),
        (
            "the transaction",
            (ours.tx_hash, ours.tx_index) == (theirs.transaction_hash, theirs.transaction_index),
        ),
        ("the emitter", ours.address == theirs.address),
        ("a topic", ours.topics == theirs.topics),
        ("the data", ours.data == theirs.data),
    ];
    parts.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
}
