//! `devproof index`: reads the chain into the database.

use crate::{Failure, Outcome, cmd::stop_signal, config::Settings, opts::IndexArgs, shell::Shell};
use alloy_primitives::B256;
use devproof_chain::Node;
use devproof_indexer::{Indexer, Options, Progress, Report, Sources};
use devproof_store::Store;
use serde::Serialize;
use std::time::{Duration, Instant};

/// How often a line tells how far it is, where there is no progress bar.
const NEWS: Duration = Duration::from_secs(5);

/// What one run of the indexer did, as a document.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Indexed {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Number of the block that the index now ends at.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Blocks that were read.
    pub blocks: u64,
    /// Logs that were new.
    pub logs: u64,
    /// Blocks that turned out not to be on the chain any more.
    pub orphaned_blocks: u64,
    /// Logs in those.
    pub orphaned_logs: u64,
}

/// Runs the command.
///
/// # Errors
/// What keeps it from the head of the chain.
pub async fn run(
    args: IndexArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let node = node(&settings).await?.ok_or_else(|| {
        Failure::Usage(
            "`devproof index` needs a node; name one with --rpc-url http://127.0.0.1:8545"
                .to_owned(),
        )
    })?;
    let options = settings.indexing(args.sources);
    let store = Store::open(&settings.database).await?;
    something_to_follow(&store, node.chain_id(), &options.sources).await?;
    let chain_id = node.chain_id();
    let mut indexer = Indexer::new(node, store.clone(), options).await?;
    let report = catch_up(&mut indexer, shell).await?;
    let indexed = Indexed {
        chain_id,
        number: report.head.number,
        hash: report.head.hash,
        blocks: report.blocks,
        logs: report.logs,
        orphaned_blocks: report.orphaned_blocks,
        orphaned_logs: report.orphaned_logs,
    };
    shell.answer(&indexed, || render(&indexed))?;
    if args.follow {
        shell.note("Following the chain; Ctrl-C stops.");
        indexer.follow(stop_signal()).await?;
    }
    store.close().await;
    Ok(Outcome::Yes)
}

/// The node of the settings, if there is one, after a look at whether it serves the right chain.
pub(super) async fn node(settings: &Settings) -> Result<Option<Node>, Failure> {
    let Some(node) = settings.nodes.connect().await? else { return Ok(None) };
    match settings.chain {
        Some(chain) if chain != node.chain_id() => Err(Failure::CouldNotTell(format!(
            "the node serves chain {} and not {chain}; name another one with --rpc-url or --chain",
            node.chain_id()
        ))),
        _ => Ok(Some(node)),
    }
}

/// An index of nothing would answer "unknown app" to everything.
pub(super) async fn something_to_follow(
    store: &Store,
    chain_id: u64,
    sources: &Sources,
) -> Result<(), Failure> {
    let Sources { kms, factories, registries, apps } = sources;
    let named = kms.len() + factories.len() + registries.len() + apps.len();
    if named == 0 && store.contracts(chain_id).await?.is_empty() {
        return Err(Failure::Usage(
            "there is nothing to follow; name a contract with --kms, --factory, --registry or --app"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Brings the index to the node's head and shows how it goes.
///
/// # Errors
/// What keeps it from there.
pub async fn catch_up(indexer: &mut Indexer, shell: &mut Shell) -> Result<Report, Failure> {
    let bar = shell.progress_bar();
    let mut told = Instant::now();
    let report = indexer
        .catch_up(&mut |progress: Progress| match &bar {
            Some(bar) => {
                bar.set_length(progress.head);
                bar.set_position(progress.done);
                bar.set_message(format!("{} logs", progress.logs));
            }
            None if told.elapsed() >= NEWS => {
                told = Instant::now();
                let Progress { done, head, logs, .. } = progress;
                shell.note(&format!("indexed block {done} of {head}, {logs} logs"));
            }
            None => {}
        })
        .await;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(report?)
}

/// What one run of the indexer did, in words.
#[must_use]
pub fn render(indexed: &Indexed) -> String {
    let Indexed { chain_id, number, blocks, logs, orphaned_blocks, orphaned_logs, .. } = indexed;
    let mut text = format!(
        "Chain {chain_id} is indexed up to block {number}: {blocks} blocks read, {logs} new logs.\n"
    );
    if *orphaned_blocks > 0 {
        text.push_str(&format!(
            "{orphaned_blocks} blocks with {orphaned_logs} logs are not on the chain any more; they \
             are kept and marked.\n"
        ));
    }
    text
}

/// What the settings say of the indexer, for `devproof serve`.
pub(super) async fn follower(
    node: &Node,
    store: &Store,
    options: Options,
) -> Result<Indexer, Failure> {
    something_to_follow(store, node.chain_id(), &options.sources).await?;
    Ok(Indexer::new(node.clone(), store.clone(), options).await?)
}
