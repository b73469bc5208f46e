//! Whether the database is what the chain says, and what it says of itself.
//!
//! Nothing here trusts what the indexer concluded: what is derived is derived again, and with a node every range is read
//! again and compared log by log. Nothing is changed.

use crate::{IndexError, Pulse, Stage, reader::held, verify::HISTORY_ROOT_SLOT};
use alloy_primitives::Address;
use devproof_chain::{ChainError, Node, NodeLog, Refusal};
use devproof_contracts::{factory_event, kms_event};
use devproof_primitives::{BlockRef, FoldError, KmsEvent};
use devproof_store::{
    AppState, ChainStatus, Contract, Gap, RawLog, Role, StateError, Store, StoreError,
};
use std::collections::{BTreeMap, BTreeSet};

/// Stored blocks looked at at a time.
const STRIDE: u32 = 512;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Canonical blocks that were looked at.
    pub blocks: u64,
    /// Canonical logs that were looked at.
    pub logs: u64,
    /// Contracts that were looked at.
    pub contracts: u64,
    /// The last block up to which the node was compared; `None` without a node.
    pub compared_to: Option<u64>,
    /// Everything that is not as it should be.
    pub differences: Vec<Difference>,
    /// What could not be told, a sentence each, without a full stop.
    pub unknown: Vec<String>,
    /// What is as it should be, and worth knowing.
    pub notes: Vec<String>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What kind.
    pub kind: Kind,
    /// Where.
    pub block: Option<u64>,
    /// Which log there.
    pub log_index: Option<u64>,
    /// Whose.
    pub contract: Option<Address>,
    /// In a sentence, without a full stop.
    pub detail: String,
}

/// What is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The checkpoint is no canonical block.
    Checkpoint,
    /// A canonical block is above the checkpoint, before the start, or out of order.
    Canonical,
    /// The logs of an app contradict its own history, or do not lead to the root in its contract.
    History,
    /// What is recorded of a contract does not follow from the logs.
    Contract,
    /// What was kept of an app's state on the way is not what its logs fold to.
    State,
    /// The chain has a log that the database lacks.
    MissingLog,
    /// The database has a log that the chain lacks.
    ExtraLog,
    /// Both have a log, and not the same one.
    ChangedLog,
    /// A canonical block is not on the chain, or a block is not found by its hash.
    Block,
    /// A block is marked as orphaned and is on the chain.
    Orphan,
}

impl Kind {
    /// In one word, as documents say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Canonical => "canonical",
            Self::History => "history",
            Self::Contract => "contract",
            Self::State => "state",
            Self::MissingLog => "missing_log",
            Self::ExtraLog => "extra_log",
            Self::ChangedLog => "changed_log",
            Self::Block => "block",
            Self::Orphan => "orphan",
        }
    }
}

impl Findings {
    fn differs(&mut self, kind: Kind, block: Option<u64>, who: Option<Address>, detail: String) {
        self.differences.push(Difference { kind, block, log_index: None, contract: who, detail });
    }

    fn log(&mut self, kind: Kind, (block, index): (u64, u64), who: Address, detail: String) {
        let (block, log_index, contract) = (Some(block), Some(index), Some(who));
        self.differences.push(Difference { kind, block, log_index, contract, detail });
    }
}

/// Checks what a database holds of a chain: against itself, and against a node if there is one, in pages of so many
/// blocks. An indexer may go on meanwhile; what it adds is not looked at. `pulse` is told how far it is.
///
/// # Errors
/// What keeps it from reading the database, or the node from answering.
pub async fn fsck(
    store: &Store,
    node: Option<&Node>,
    chain_id: u64,
    page_blocks: u64,
    pulse: &Pulse,
) -> Result<Findings, IndexError> {
    let status = store.chain(chain_id).await?.ok_or(StoreError::UnknownChain { chain_id })?;
    let mut check = Check {
        store,
        chain_id,
        contracts: store.contracts(chain_id).await?,
        gaps: store.gaps(chain_id).await?,
        status,
        page_blocks: page_blocks.max(1),
        pulse,
        found: Findings::default(),
    };
    let Some(checkpoint) = status.checkpoint else {
        check.found.notes.push("nothing is indexed yet".to_owned());
        return Ok(check.found);
    };
    check.blocks(checkpoint).await?;
    check.contracts(checkpoint).await?;
    if let Some(node) = node {
        check.against(node, checkpoint).await?;
    }
    // A reorg meanwhile took back what was looked at.
    if store.chain(chain_id).await?.and_then(|now| now.checkpoint) != Some(checkpoint)
        && store.block_by_number(chain_id, checkpoint.number).await? != Some(checkpoint)
        && !check.found.differences.iter().any(|one| one.kind == Kind::Checkpoint)
    {
        let moved = "the index went back behind a reorg while it was read; run it again";
        check.found.unknown.push(moved.to_owned());
    }
    Ok(check.found)
}

struct Check<'a> {
    store: &'a Store,
    chain_id: u64,
    status: ChainStatus,
    contracts: Vec<Contract>,
    gaps: Vec<Gap>,
    page_blocks: u64,
    pulse: &'a Pulse,
    found: Findings,
}

impl Check<'_> {
    /// The marks of the blocks.
    async fn blocks(&mut self, checkpoint: BlockRef) -> Result<(), IndexError> {
        let mut above: Option<BlockRef> = None;
        let mut below = u64::MAX;
        loop {
            let piece = self.blocks_below(below).await?;
            let Some(lowest) = piece.last() else { break };
            below = lowest.number;
            for block in piece {
                self.found.blocks += 1;
                self.block(block, above, checkpoint);
                above = Some(block);
            }
        }
        let held = self.store.block_by_number(self.chain_id, checkpoint.number).await?;
        if held != Some(checkpoint) {
            let BlockRef { number, hash, .. } = checkpoint;
            let detail = match held {
                Some(other) => format!(
                    "the index claims to reach block {number}, {hash}, and holds {} there",
                    other.hash
                ),
                None => {
                    format!(
                        "the index claims to reach block {number}, {hash}, which it does not hold"
                    )
                }
            };
            self.found.differs(Kind::Checkpoint, Some(number), None, detail);
        }
        Ok(())
    }

    /// Some canonical blocks below a height, highest first, with all there are at each height.
    async fn blocks_below(&self, below: u64) -> Result<Vec<BlockRef>, IndexError> {
        let mut blocks = self.store.canonical_blocks_below(self.chain_id, below, STRIDE).await?;
        let lowest = blocks.last().map_or(0, |block| block.number);
        let is_cut = blocks.len() == STRIDE as usize;
        if is_cut && blocks.first().is_some_and(|highest| highest.number > lowest) {
            blocks.retain(|block| block.number > lowest);
        }
        Ok(blocks)
    }

    fn block(&mut self, block: BlockRef, above: Option<BlockRef>, checkpoint: BlockRef) {
        let BlockRef { number, hash, timestamp } = block;
        let mut wrong = |detail| self.found.differs(Kind::Canonical, Some(number), None, detail);
        if number > checkpoint.number {
            wrong(format!(
                "block {number}, {hash}, is marked as canonical and is above the checkpoint {}",
                checkpoint.number
            ));
        }
        if number < self.status.start_block {
            wrong(format!(
                "block {number} is held, and the index begins at {}",
                self.status.start_block
            ));
        }
        if let Some(above) = above {
            if above.number == number {
                wrong(format!(
                    "{hash} and {} are both marked as canonical at block {number}",
                    above.hash
                ));
            } else if above.timestamp < timestamp {
                wrong(format!("block {number} is later than block {} above it", above.number));
            }
        }
    }

    /// What is recorded of contracts, and the histories of apps that keep one.
    async fn contracts(&mut self, checkpoint: BlockRef) -> Result<(), IndexError> {
        let known: BTreeMap<Address, Contract> =
            self.contracts.iter().map(|c| (c.address, c.clone())).collect();
        let count = self.contracts.len() as u64;
        let mut spoken = self.spoken(checkpoint).await?;
        for (done, contract) in self.contracts.clone().iter().enumerate() {
            self.pulse.at(Stage::Blocks { from: 0, done: done as u64, to: count });
            let logs = self.store.logs(self.chain_id, &[contract.address], u64::MAX).await?;
            self.found.logs += logs.len() as u64;
            let facts = spoken.remove(&contract.address).unwrap_or_default();
            if facts != logs.len() as u64 {
                let detail = format!(
                    "the facts hold {facts} logs of {}, and the index of who spoke finds {} of them",
                    contract.address,
                    logs.len()
                );
                self.found.differs(Kind::Contract, None, Some(contract.address), detail);
            }
            self.apps_of(contract, &logs, &known);
            self.history(contract, &logs, checkpoint).await?;
            self.naming(contract, &known).await?;
        }
        self.found.contracts = count;
        for gap in &self.gaps {
            let Gap { address, from, to } = gap;
            self.found.notes.push(format!(
                "the logs of {address} in blocks {from} to {to} have not been read yet"
            ));
        }
        Ok(())
    }

    /// How many logs of each contract there are, whatever the index of who spoke says.
    async fn spoken(&mut self, checkpoint: BlockRef) -> Result<BTreeMap<Address, u64>, IndexError> {
        let mut spoken = BTreeMap::new();
        let (mut from, end) = (0, checkpoint.number);
        while from <= end {
            let to =
                if end - from < self.page_blocks { u64::MAX } else { from + self.page_blocks - 1 };
            let logs = self.store.logs_between(self.chain_id, from, to).await?;
            for log in &logs {
                *spoken.entry(log.address).or_default() += 1;
            }
            for log in self.store.unmentioned(self.chain_id, &logs).await? {
                let (number, app) = (log.block.number, log.address);
                let detail = format!(
                    "log {} of block {number} is not found by the words that {app} says in it",
                    log.log_index
                );
                self.found.differs(Kind::Contract, Some(number), Some(app), detail);
            }
            for log in &logs {
                if !self.store.is_announced(self.chain_id, log).await? {
                    let (number, app) = (log.block.number, log.address);
                    let index = log.log_index;
                    let detail = format!(
                        "what log {index} of block {number} announces is not found by its time"
                    );
                    self.found.differs(Kind::Contract, Some(number), Some(app), detail);
                }
            }
            for block in self.store.unfound_blocks(self.chain_id, from, to).await? {
                let detail = format!("block {} is not found by its hash", block.hash);
                self.found.differs(Kind::Block, Some(block.number), None, detail);
            }
            from = to.saturating_add(1);
            if to == u64::MAX {
                break;
            }
        }
        Ok(spoken)
    }

    /// Every app that a KMS or factory names is followed.
    fn apps_of(&mut self, by: &Contract, logs: &[RawLog], known: &BTreeMap<Address, Contract>) {
        for log in logs {
            let app = match by.role {
                Role::Kms => match kms_event(&log.topics, &log.data) {
                    Some(KmsEvent::AppRegistered(app)) => app,
                    _ => continue,
                },
                Role::Factory => match factory_event(&log.topics, &log.data) {
                    Some(event) => event.app,
                    None => continue,
                },
                Role::App | Role::DeletionRegistry => continue,
            };
            let at = log.block.number;
            match known.get(&app) {
                None => self.found.differs(
                    Kind::Contract,
                    Some(at),
                    Some(app),
                    format!("{} names {app} in block {at}, and it is not followed", by.address),
                ),
                Some(app) if app.named_by.is_some() && app.found_at > at => self.found.differs(
                    Kind::Contract,
                    Some(at),
                    Some(app.address),
                    format!(
                        "{} names {} in block {at}, and it is recorded to be found at block {}",
                        by.address, app.address, app.found_at
                    ),
                ),
                Some(_) => {}
            }
        }
    }

    /// Whoever is said to have named a contract said something in that block.
    async fn naming(
        &mut self,
        contract: &Contract,
        known: &BTreeMap<Address, Contract>,
    ) -> Result<(), IndexError> {
        let Some(by) = contract.named_by else { return Ok(()) };
        let (app, at) = (contract.address, contract.found_at);
        let spoke = self.store.logs_between(self.chain_id, at, at).await?;
        if !known.contains_key(&by) || !spoke.iter().any(|log| log.address == by) {
            let detail = format!(
                "{app} is said to be named by {by} in block {at}, which says nothing there"
            );
            self.found.differs(Kind::Contract, Some(at), Some(app), detail);
        }
        Ok(())
    }

    async fn history(
        &mut self,
        contract: &Contract,
        logs: &[RawLog],
        checkpoint: BlockRef,
    ) -> Result<(), IndexError> {
        let app = contract.address;
        if let Some(verified) = contract.history_verified_at
            && verified > checkpoint.number
        {
            let detail = format!(
                "the history of {app} is recorded to be verified at block {verified}, above the checkpoint {}",
                checkpoint.number
            );
            self.found.differs(Kind::History, Some(verified), Some(app), detail);
        }
        if contract.role != Role::App || !self.is_whole(app) {
            return Ok(());
        }
        if let Err(problem) = fold(contract, logs) {
            let detail = format!("the events of {app} do not add up: {problem}");
            self.found.differs(Kind::History, None, Some(app), detail);
            return Ok(());
        }
        // Answers begin with a state that was kept: each has to be where the facts lead.
        match self.store.wrong_kept_state(contract).await {
            Ok(None) => {}
            Ok(Some(number)) => {
                let detail = format!("a state that was kept of {app} is not what its logs fold to");
                self.found.differs(Kind::State, Some(number), Some(app), detail);
            }
            Err(StateError::Store(error)) => return Err(error.into()),
            Err(StateError::Fold(problem)) => {
                let detail = format!("what was read of {app} does not add up: {problem}");
                self.found.differs(Kind::State, None, Some(app), detail);
            }
        }
        Ok(())
    }

    /// Whether everything of a contract is read.
    fn is_whole(&self, contract: Address) -> bool {
        !self.gaps.iter().any(|gap| gap.address == contract)
    }

    /// Reads everything again and compares.
    async fn against(&mut self, node: &Node, checkpoint: BlockRef) -> Result<(), IndexError> {
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

/// All of an app's logs, whatever was kept on the way.
fn fold(contract: &Contract, logs: &[RawLog]) -> Result<AppState, FoldError> {
    let mut state = AppState::new(contract);
    logs.iter().try_for_each(|log| state.apply(log).map(|_| ()))?;
    Ok(state)
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
