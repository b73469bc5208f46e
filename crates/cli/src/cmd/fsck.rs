//! `devproof fsck`: whether the database is what the chain says.

use crate::{
    Failure, Outcome,
    cmd::{self, index, progress},
    config::Settings,
    opts::FsckArgs,
    shell::Shell,
};
use alloy_primitives::Address;
use devproof_indexer::{Findings, Pulse, fsck};
use devproof_store::Store;
use schemars::JsonSchema;
use serde::Serialize;

/// What was found, as a document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Whether nothing is wrong; null if that could not be told.
    pub clean: Option<bool>,
    /// Canonical blocks in the database.
    pub blocks: u64,
    /// Canonical logs in the database.
    pub logs: u64,
    /// Contracts in the database.
    pub contracts: u64,
    /// The last block up to which everything was compared with a node; null if there was none.
    pub compared_to: Option<u64>,
    /// Everything that is not as it should be.
    pub differences: Vec<Wrong>,
    /// What could not be told, and why.
    pub unknown: Vec<String>,
    /// What is as it should be, and worth knowing.
    pub notes: Vec<String>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Wrong {
    /// `checkpoint`, `canonical`, `history`, `contract`, `missing_log`, `extra_log`, `changed_log`, `block` or `orphan`.
    pub kind: String,
    /// Where.
    pub block: Option<u64>,
    /// Which log there.
    pub log_index: Option<u64>,
    /// Whose.
    pub contract: Option<Address>,
    /// In a sentence.
    pub detail: String,
}

impl Checked {
    fn of(chain_id: u64, found: Findings) -> Self {
        let Findings { blocks, logs, contracts, compared_to, differences, unknown, notes } = found;
        let clean = match (differences.is_empty(), unknown.is_empty()) {
            (false, _) => Some(false),
            (true, true) => Some(true),
            (true, false) => None,
        };
        let wrong = differences.into_iter().map(|one| Wrong {
            kind: one.kind.name().to_owned(),
            block: one.block,
            log_index: one.log_index,
            contract: one.contract,
            detail: one.detail,
        });
        let differences = wrong.collect();
        Self { chain_id, clean, blocks, logs, contracts, compared_to, differences, unknown, notes }
    }
}

/// Runs the command.
///
/// # Errors
/// What keeps it from reading the database or the chain.
pub async fn run(
    args: FsckArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let page_blocks = settings.indexing(args.sources()).page_blocks.get();
    let node = if args.offline { None } else { index::node(&settings).await? };
    let store = Store::open_read_only(&settings.database).await?;
    let chain_id = match &node {
        Some(node) => node.chain_id(),
        None => cmd::chain(&settings, &store).await?,
    };
    let pulse = Pulse::default();
    let found = tokio::select! {
        biased;
        found = fsck(&store, node.as_ref(), chain_id, page_blocks, &pulse) => found?,
        () = progress::show(pulse.clone(), shell.clone()) => Findings::default(),
    };
    store.close().await;
    let checked = Checked::of(chain_id, found);
    shell.answer(&checked, || render(&checked))?;
    match checked.clean {
        Some(true) => Ok(Outcome::Yes),
        Some(false) => Ok(Outcome::No),
        None => Err(Failure::CouldNotTell(checked.unknown.first().cloned().unwrap_or_default())),
    }
}

/// What was found, in words.
#[must_use]
pub fn render(checked: &Checked) -> String {
    let Checked { chain_id, blocks, logs, contracts, compared_to, .. } = checked;
    let mut text = String::new();
    for Wrong { kind, detail, .. } in &checked.differences {
        text.push_str(&format!("{kind}: {detail}.\n"));
    }
    for unknown in &checked.unknown {
        text.push_str(&format!("Could not tell: {unknown}.\n"));
    }
    for note in &checked.notes {
        text.push_str(&format!("Note: {note}.\n"));
    }
    let with = match compared_to {
        Some(block) => format!("compared with the node up to block {block}"),
        None => "not compared with a node; name one with --rpc-url".to_owned(),
    };
    let verdict = match (checked.clean, checked.differences.len()) {
        (Some(true), _) => "nothing is wrong".to_owned(),
        (None, _) => "could not tell".to_owned(),
        (_, count) => crate::text::count(count, "difference"),
    };
    text.push_str(&format!(
        "Chain {chain_id}: {blocks} blocks, {logs} logs, {contracts} contracts; {with}: {verdict}.\n"
    ));
    text
}
