//! `devproof index`: reads the chain into the database.

use crate::{
    Failure, Outcome,
    cmd::{
        notify::{Sending, notifier},
        operations, progress,
        stop::Stop,
        writer::{become_writer, is_lost},
    },
    config::Settings,
    opts::IndexArgs,
    shell::Shell,
};
use alloy_primitives::B256;
use devproof_chain::Node;
use devproof_indexer::{IndexError, Indexer, Options, Pulse, Report, Sources};
use devproof_store::Store;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;
use tokio::time::timeout;

/// How long the connections to the database may take to end.
const CLOSING: Duration = Duration::from_secs(5);

/// What one run of the indexer did, as a document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
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

impl Indexed {
    const fn of(chain_id: u64, report: &Report) -> Self {
        Self {
            chain_id,
            number: report.head.number,
            hash: report.head.hash,
            blocks: report.blocks,
            logs: report.logs,
            orphaned_blocks: report.orphaned_blocks,
            orphaned_logs: report.orphaned_logs,
        }
    }
}

/// A run that was told to stop before it was done, as a document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Number of the block that the index now ends at; null if it holds none.
    pub number: Option<u64>,
    /// Always true.
    pub stopped: bool,
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
    let stop = Stop::listen();
    let node = node(&settings).await?.ok_or_else(|| {
        Failure::Usage(
            "`devproof index` needs a node; name one with --rpc-url http://127.0.0.1:8545"
                .to_owned(),
        )
    })?;
    let chain_id = node.chain_id();
    let options = settings.indexing(args.sources);
    let store = Store::open(&settings.database).await?;
    something_to_follow(&store, chain_id, &options.sources).await?;
    let pulse = Pulse::default();
    if let Some(listen) = settings.metrics_listen(args.metrics_listen) {
        let of =
            operations::of(&store, options.poll_interval, Some(&node), [(chain_id, pulse.clone())]);
        let url = operations::serve(of, listen).await?;
        shell.note(&format!("Metrics at {url}/metrics, readiness at {url}/readyz."));
    }
    let notifier = match args.follow {
        true => notifier(&store, &settings, args.public_url, args.no_notify)?,
        false => None,
    };
    let mut sending = Sending::begin(notifier, &stop);
    let mut job = Job { node, store: store.clone(), options, pulse, follow: args.follow };
    // Stopping in the middle is safe: a page is one transaction, and what was not committed is read again.
    let done = tokio::select! {
        biased;
        done = job.run(shell) => Some(done),
        () = stop.wait() => None,
    };
    let outcome = match done {
        Some(done) => done,
        None => {
            sending.end().await;
            // The last page may have been on its way.
            let status = match timeout(CLOSING, store.chain_at_rest(chain_id)).await {
                Ok(Ok(status)) => status,
                _ => store.chain(chain_id).await?,
            };
            let checkpoint = status.and_then(|chain| chain.checkpoint);
            let number = checkpoint.map(|block| block.number);
            let stopped = Stopped { chain_id, number, stopped: true };
            shell.answer(&stopped, || match number {
                _ if job.follow => "Stopped.".to_owned(),
                Some(number) => format!(
                    "Stopped; chain {chain_id} is indexed up to block {number}. Run it again to go on."
                ),
                None => "Stopped before anything was indexed.".to_owned(),
            })
        }
    };
    // Whatever was under way was taken back, which a server that does not answer must not hold up.
    let _ = timeout(CLOSING, store.close()).await;
    outcome.map(|()| Outcome::Yes)
}

/// What is to be done, whoever has to be waited for.
struct Job {
    node: Node,
    store: Store,
    options: Options,
    pulse: Pulse,
    follow: bool,
}

impl Job {
    async fn run(&mut self, shell: &mut Shell) -> Result<(), Failure> {
        let (mut answered, mut again) = (false, false);
        loop {
            let chain_id = self.node.chain_id();
            let store = become_writer(&self.store, chain_id, &self.pulse, shell, again).await?;
            match self.as_writer(store, &mut answered, shell).await {
                Ok(Err(error)) if is_lost(&error) => {
                    tracing::warn!(%error, "standing by");
                    again = true;
                }
                Ok(done) => return Ok(done?),
                Err(failure) => return Err(failure),
            }
        }
    }

    /// The outer error is about the answer, the inner one about the index.
    async fn as_writer(
        &self,
        store: Store,
        answered: &mut bool,
        shell: &mut Shell,
    ) -> Result<Result<(), IndexError>, Failure> {
        let indexer = Indexer::new(self.node.clone(), store, self.options.clone()).await;
        let mut indexer = match indexer {
            Ok(indexer) => indexer.with_pulse(self.pulse.clone()),
            Err(error) => return Ok(Err(error)),
        };
        if !*answered {
            let report = match read(&mut indexer, shell).await {
                Ok(report) => report,
                Err(error) => return Ok(Err(error)),
            };
            let indexed = Indexed::of(self.node.chain_id(), &report);
            shell.answer(&indexed, || render(&indexed))?;
            *answered = true;
        }
        if !self.follow {
            return Ok(Ok(()));
        }
        shell.note("Following the chain; Ctrl-C stops.");
        let news = progress::show(self.pulse.clone(), shell.clone());
        Ok(tokio::select! {
            done = indexer.follow(std::future::pending()) => done,
            () = news => Ok(()),
        })
    }
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
    Ok(read(indexer, shell).await?)
}

async fn read(indexer: &mut Indexer, shell: &Shell) -> Result<Report, IndexError> {
    let shown = progress::show(indexer.pulse().clone(), shell.clone());
    let mut silent = |_| {};
    tokio::select! {
        biased;
        report = indexer.catch_up(&mut silent) => report,
        () = shown => Err(IndexError::NothingIndexed),
    }
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
