//! The documents that REST and `--json` give out: camelCase, hex in lower case with `0x`, times in
//! RFC 3339 UTC. Fields may be added to them; those that are here stay.

mod allowed;
mod apps;
mod as_of;
mod attested;
mod changes;
mod deletions;
mod diff;
mod evidence;
mod families;
mod history;
mod notices;
mod observed;
mod service;
mod stage;
mod verdict;

pub use allowed::{AllowedApp, AllowedApps, Interval, NotTold, Replaced};
pub use apps::{App, Apps, OneApp};
pub use as_of::{AsOf, Later, ObservedThen};
pub use attested::{Attested, KmsInterval, Touched};
pub use changes::{Change, Changes};
pub use deletions::{DELETIONS_MEAN, Deleted, Deletion, Deletions, Statement};
pub use diff::{Diff, Difference, End, KmsDiff, ProposalChange, Stand};
pub use evidence::{
    AskVerify, VerifiedCheck, VerifiedEvidence, VerifiedIdentity, VerifiedKeyProvider,
    VerifiedWarning,
};
pub use families::{Declared, Differing, Families, Family, Member};
pub use history::{Entry, History};
pub use notices::{Notice, Notices};
pub use observed::{
    AuthorisedThen, BlockId, Observation, Observations, Observed, ObservedInstance,
    ObservedKeyProvider, SeenAs,
};
pub use service::{Chain, ChainReadiness, Chains, NodeTags, Ready, ReplicaLag};
pub use stage::{Stage, StagePoint, StageResult};
pub use verdict::{AskIsAllowed, BootInfo, IsAllowed, KmsVerdict, Leg, Verdict};

use crate::Finality;
use crate::schema::{AddressText, BytesText, HashText, TimeText};
use alloy_primitives::{Address, B256, Bytes};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an app was allowed to run after block X. Authorised is not running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AtBlock {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The app id. It is the address of the app's contract, but in the generation before DstackKms.
    pub app: Address,
    /// The contract that decides about it; an answer about either names both.
    pub contract: Address,
    /// The question, where it was not the number of [`Self::block`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Block X: everything below is the state after its last log. For a question about a time, the
    /// last indexed block at or before it; no fact lies between the two.
    pub block: Block,
    /// How far the index reaches.
    pub index_head: Block,
    /// First block of the index. What a contract without a history did before it is not known.
    pub indexed_from: u64,
    /// `complete` or `as_emitted`.
    pub completeness: Completeness,
    /// The last block at which the contract's own history root was compared with the index; null if it
    /// never was, or if the contract keeps no history. An answer about a later block is `as_emitted`.
    pub history_verified_at: Option<Verified>,
    /// Whether the app's contract had said anything at all by block X. If not, the answer is empty
    /// because nothing was authorised yet.
    pub born: bool,
    /// The code that decides.
    pub code: Code,
    /// Compose hashes that the contract allowed.
    pub authorised: Vec<Authorised>,
    /// Announced and not in force.
    pub proposals: Vec<Proposal>,
    /// The rest of the app's own policy.
    pub policy: Policy,
    /// The other leg: what each KMS contract in the index said by block X.
    pub kms: Vec<Kms>,
    /// What of the policy no event told: the contract itself said so, when it was called after a block. It holds until an
    /// event says something else; and says nothing about earlier blocks.
    pub read_by_call: Vec<Read>,
    /// What could not be found out, as in [`Read::setting`]; of a list: the answer may lack some of it.
    pub not_known: Vec<String>,
    /// What verified quotes showed up to block X (or the time that was asked for), by version; of 1,000 instances, those seen last.
    /// Empty: nobody has shown us any. Nothing else in this answer rests on it.
    pub observed: Vec<Observed>,
    /// What this app's contract said in blocks that were reorged out, at or below block X. It holds
    /// for nothing here; but a KMS reads `latest` and may have acted on it.
    pub orphaned: Vec<Orphan>,
}

/// What was asked, where it was not a block number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// A moment.
    pub time: Timestamp,
}

/// A block and how final it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time.
    pub timestamp: Timestamp,
    /// By the node's own tags when it was last asked.
    pub finality: Finality,
}

/// Whether the index holds all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Known immutable code, and every entry up to the block checked against the contract's own history
    /// root, which was compared at that block or a later one of the same chain.
    Complete,
    /// What its events said, as a node gave them, and it may have left some out. Upgradeable or unknown
    /// code, which nothing enforces; or known code whose root was not compared at a block late enough, or not yet.
    AsEmitted,
}

/// Where the contract's own history root was compared at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// The contract's own history root was compared at this block.
    pub block: u64,
}

/// The code that decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Code {
    /// `app_auth`, `app_auth_test`, `dstack_app`, `legacy_app_auth`, `timelock_app_auth` or `unknown`.
    pub kind: String,
    /// Keccak-256 of the runtime code at the address.
    pub code_hash: Option<B256>,
    /// The code behind it, if it is a proxy.
    pub implementation: Option<Address>,
    /// Keccak-256 of that code, as it was when it was put there; null where nobody looked.
    pub implementation_hash: Option<B256>,
    /// Whether the code can never be replaced; null where no event says.
    pub immutable: Option<bool>,
}

/// Where and when something happened, and who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Since {
    /// Block number.
    pub block: u64,
    /// The block's time.
    pub timestamp: Timestamp,
    /// Hash of the transaction; null where no event told, but a call.
    pub transaction: Option<B256>,
    /// Index of the log in its block; null where no event told, but a call.
    pub log_index: Option<u64>,
    /// `msg.sender` as the contract saw it; null where no event says.
    pub actor: Option<Address>,
}

/// What a contract said when it was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Read {
    /// As in [`Entry::setting`].
    pub setting: String,
    /// The block after which it was called.
    pub block: u64,
    /// Its time.
    pub timestamp: Timestamp,
    /// Whether the contract was born in that block. If not, how it was before is not known.
    pub at_birth: bool,
}

/// A compose hash that the contract allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Authorised {
    /// SHA-256 of the exact bytes of `app-compose.json`.
    pub compose_hash: B256,
    /// Since when, and who put it in force; anybody may activate what is ripe.
    pub since: Since,
    /// Whether no event told, but the contract itself when it was called after that block.
    pub read_by_call: bool,
    /// Where it was announced and by whom; null for what never was.
    pub proposed: Option<Since>,
    /// Notice users really had: activation minus proposal; 0 for an instant change, null for what the
    /// app was born with.
    pub notice_seconds: Option<u64>,
    /// The owner's claim about the source; nobody checked it.
    pub source_digest: Option<B256>,
    /// Where the owner says the source is. Text from the chain: escape it wherever it is shown.
    pub uri: Option<String>,
}

/// A widening that was announced and is not in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// The setting that is to widen.
    pub kind: String,
    /// The value that is to be in force.
    pub value: B256,
    /// `pending`, `ripe` or `expired`, at the time of the block (or at the time that was asked for).
    pub state: String,
    /// Where it was announced.
    pub proposed: Since,
    /// The first second at which anyone may activate it.
    pub ripe_at: Timestamp,
    /// The first second at which nobody may any more; null for a contract whose proposals never die.
    pub expires_at: Option<Timestamp>,
    /// The owner's claim about the source; nobody checked it.
    pub source_digest: Option<B256>,
    /// Where the owner says the source is.
    pub uri: Option<String>,
}

/// An app's policy beside its compose hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Who may propose, cancel and remove.
    pub owner: Option<Address>,
    /// Who may accept ownership.
    pub pending_owner: Option<Address>,
    /// Who may cancel and remove.
    pub guardian: Option<Address>,
    /// Seconds between proposal and activation; null for code that has no notice period.
    pub notice_period_seconds: Option<u64>,
    /// Whether any device may boot the app; null where no event says.
    pub allow_any_device: Option<bool>,
    /// Devices that may.
    pub devices: Vec<B256>,
    /// Whether the TCB must be up to date; null where no event says.
    pub require_tcb_up_to_date: Option<bool>,
    /// Whether the app has a list of OS images of its own. With an empty list nothing boots; without
    /// one, what the KMS admits does.
    pub os_images_pinned: bool,
    /// That list.
    pub os_image_pins: Vec<B256>,
    /// Settings that can never widen again.
    pub frozen: Vec<String>,
}

/// A KMS contract, as its events tell it. It is upgradeable: nothing enforces this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kms {
    /// Its address.
    pub contract: Address,
    /// Whether this app is registered with it.
    pub registered: bool,
    /// For an app id that is no contract: the contract that it says decides; null if it is the app id itself.
    pub controller: Option<Address>,
    /// The code behind it.
    pub implementation: Option<Address>,
    /// Keccak-256 of that code, as it was when it was put there; null where nobody looked.
    pub implementation_hash: Option<B256>,
    /// Who may replace that code and admit OS images.
    pub owner: Option<Address>,
    /// Who may become the owner by accepting.
    pub pending_owner: Option<Address>,
    /// The OS images it admits, for every app.
    pub allowed_os_images: Vec<B256>,
    /// The compressed k256 root key it published.
    pub k256_root: Option<Bytes>,
    /// App id of the gateway it trusts. Text from the chain: escape it wherever it is shown.
    pub gateway_app_id: Option<String>,
    /// Measurements that its instances may have.
    pub aggregated_mrs: Vec<B256>,
    /// Devices that its instances may run on.
    pub devices: Vec<B256>,
    /// What it deploys the next apps with.
    pub app_implementation: Option<Address>,
    /// What it said in blocks that were reorged out, at or below block X, but for registrations of other apps.
    pub orphaned: Vec<Orphan>,
}

/// What a contract said in a block that was reorged out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// Number of the block.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time.
    pub timestamp: Timestamp,
    /// Hash of the transaction.
    pub transaction: B256,
    /// Index of the log in that block.
    pub log_index: u64,
    /// What happened there, as in [`Entry::action`].
    pub action: String,
    /// To which setting.
    pub setting: String,
    /// And to which value.
    pub value: B256,
    /// Whether a log of the same transaction is on the canonical chain as well.
    pub included_again: bool,
}

/// An error as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem. A URN: it is nobody's page.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, and what to do.
    pub detail: String,
    /// What of the request is wrong, by its name; absent where nothing of it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What would be right there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// A time in Unix seconds as documents have it. What lies beyond the year 9999 is shown as its end.
#[must_use]
pub fn time(seconds: u64) -> Timestamp {
    i64::try_from(seconds)
        .ok()
        .and_then(|s| Timestamp::from_second(s).ok())
        .unwrap_or(Timestamp::MAX)
}
