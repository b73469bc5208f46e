//! What was recorded at some time.

use super::{Asked, Authorised, Block, BlockId, Code, Policy, Proposal, Read, SeenAs};
use crate::schema::{AddressText, HashText, TimeText};
use alloy_primitives::{Address, B256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What this index held, at a time by its own clock, about what an app was allowed to run after a block; and what it has
/// learnt about that block since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AsOf {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The app id.
    pub app: Address,
    /// The contract that decides about it.
    pub contract: Address,
    /// The time whose record is asked for.
    pub as_of: Timestamp,
    /// When what follows was recorded, by the clock of the machine that wrote the index: at or before [`Self::as_of`].
    pub recorded_at: Timestamp,
    /// Where the index stood then.
    pub index_head: Block,
    /// The question, where it was about a time on the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// The last block held then at or before the one asked about, with its finality as the node told it then: everything
    /// below is the state after its last log, as it was known then. No fact known then lies between the two.
    pub block: Block,
    /// Whether the contract had said anything by then.
    pub born: bool,
    /// The code that decided, as far as it is known today which it was.
    pub code: Code,
    /// Compose hashes that were taken for allowed.
    pub authorised: Vec<Authorised>,
    /// What was taken for announced and not in force.
    pub proposals: Vec<Proposal>,
    /// The rest of the app's own policy.
    pub policy: Policy,
    /// What of it no event had told.
    pub read_by_call: Vec<Read>,
    /// What had been observed by then, up to the block or time asked about, and how it had been judged: the quote that was
    /// first seen last at the beginning, a thousand at most. What is allowed does not come from here.
    pub observed: Vec<ObservedThen>,
    /// Whether there was more than those.
    pub observed_left_out: bool,
    /// What became of it. If it is empty, an answer about that block draws on the same logs today.
    pub since: Vec<Later>,
    /// Changes beyond those in [`Self::since`], which holds no more than a thousand.
    pub since_left_out: u64,
    /// What an answer of today would tell and nobody recorded: whether the history had been checked, and what the KMS
    /// contracts said.
    pub not_recorded: Vec<String>,
}

/// A quote that had been seen, and how it had been judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedThen {
    /// SHA-256 of its signed part.
    pub quote: B256,
    /// The version, as the machine's log has it.
    pub compose_hash: B256,
    /// `proved`, `claimed` or `test_root`, as it had been judged.
    pub identity: SeenAs,
    /// The instance's id; null for one without.
    pub instance_id: Option<Address>,
    /// Whether the quote was made for what whoever looked asked for, so that it is no older than `firstSeen`.
    pub fresh: bool,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it had been seen last; null where it was seen again later, since only the last time is kept.
    pub last_seen: Option<Timestamp>,
    /// Since when it had been judged as below.
    pub judged_since: Timestamp,
    /// `pass`, `fail` or `inconclusive`.
    pub result: String,
    /// The rows of the verdict that this was because of.
    pub decisive: Vec<String>,
    /// Intel's word for its platform.
    pub tcb_status: Option<String>,
    /// By whom the hardware was verified.
    pub hardware_by: String,
    /// By whom the operating system was verified; null where nobody did.
    pub system_by: Option<String>,
    /// Names of what nobody may overlook.
    pub warnings: Vec<String>,
    /// SHA-256 of the verdict, under which it is kept.
    pub verdict: B256,
    /// The block that the quote is known to lie behind.
    pub from: Option<BlockId>,
    /// Whether it was judged in another way since.
    pub judged_anew: bool,
}

/// A log of the app's contract that came into the index or went out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Later {
    /// `reorganised_away`, `refuted` (a node had made it up), or `came`.
    pub what: String,
    /// When that was recorded.
    pub recorded_at: Timestamp,
    /// Height of its block.
    pub block: u64,
    /// Hash of its block.
    pub hash: B256,
    /// Its transaction.
    pub transaction: B256,
    /// Its place in the block.
    pub log_index: u64,
}
