//! Whether the database is what the chain says, and what it says of itself.
//!
//! Nothing here trusts what the indexer concluded: what is derived is derived again, and with a node every range is read
//! again and compared log by log. Nothing is changed.

mod chain;
mod itself;

use crate::{IndexError, Pulse};
use alloy_primitives::Address;
use devproof_chain::Node;
use devproof_primitives::{BlockRef, FoldError};
use devproof_store::{AppState, ChainStatus, Contract, Gap, RawLog, Store, StoreError};

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

    /// Whether everything of a contract is read.
    fn is_whole(&self, contract: Address) -> bool {
        !self.gaps.iter().any(|gap| gap.address == contract)
    }
}

/// All of an app's logs, whatever was kept on the way.
fn fold(contract: &Contract, logs: &[RawLog]) -> Result<AppState, FoldError> {
    let mut state = AppState::new(contract);
    logs.iter().try_for_each(|log| state.apply(log).map(|_| ()))?;
    Ok(state)
}
