//! `devproof db`: what is done to a whole database.

use crate::{
    Failure, Outcome,
    cmd::stop::Stop,
    opts::{CopyArgs, DbArgs, DbCommand, PruneEvidenceArgs},
    shell::Shell,
    text::{count, minute},
};
use alloy_primitives::B256;
use devproof_store::{Store, StoreError, Subscribers};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How often a line tells how far it is.
const NEWS: Duration = Duration::from_secs(10);

/// What was copied, as a document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopyDone {
    /// Where from, without a password.
    pub from: String,
    /// Where to, likewise.
    pub to: String,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// Subscriptions that stayed where they are.
    pub subscriptions_left_out: u64,
    /// The chains that are in both.
    pub chains: Vec<CopiedChain>,
}

/// One of them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopiedChain {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The digest of its canonical contents.
    pub digest: B256,
}

/// Runs the command.
///
/// # Errors
/// What keeps it from copying; nothing is in the target then.
pub async fn run(args: DbArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let stop = Stop::listen();
    let args = match args.command {
        DbCommand::Copy(args) => args,
        // Each transaction leaves a whole database behind: it may be stopped at any time.
        DbCommand::PruneEvidence(args) => return prune(args, shell).await,
    };
    tokio::select! {
        biased;
        done = copy(args, shell) => done,
        // Dropping the transaction takes everything back.
        () = stop.wait() => Err(Failure::CouldNotTell("it was stopped; nothing was copied".to_owned())),
    }
}

async fn copy(args: CopyArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let CopyArgs { from, to, with_subscriptions } = args;
    let subscribers =
        if with_subscriptions { Subscribers::TakeAlong } else { Subscribers::LeaveOut };
    let source = Store::open_read_only(&from).await?;
    let target = Store::open(&to).await?;
    let before = source.chains().await?;
    let mut told = Instant::now();
    let copied = source
        .copy_to(&target, subscribers, &mut |table, rows| {
            if told.elapsed() >= NEWS {
                told = Instant::now();
                shell.note(&format!("{table}: {rows} rows"));
            }
        })
        .await?;
    let mut chains = Vec::new();
    for chain in target.chains().await? {
        let digest = target.digest(chain.chain_id).await?;
        // Every row was compared already; this is what others compare. An indexer may have gone on meanwhile.
        let rests = before.iter().any(|then| then.checkpoint == chain.checkpoint)
            && source
                .chain(chain.chain_id)
                .await?
                .is_some_and(|now| now.checkpoint == chain.checkpoint);
        if rests && source.digest(chain.chain_id).await? != digest {
            return Err(StoreError::CopyDiffers { table: "digest".to_owned() }.into());
        }
        chains.push(CopiedChain { chain_id: chain.chain_id, digest });
    }
    let done = CopyDone {
        from: source.name().to_owned(),
        to: target.name().to_owned(),
        rows: copied.rows,
        subscriptions_left_out: copied.left_out,
        chains,
    };
    source.close().await;
    target.close().await;
    shell.answer(&done, || render(&done))?;
    Ok(Outcome::Yes)
}

/// What was dropped, as a document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PruneDone {
    /// The database, without a password.
    pub database: String,
    /// What was seen since then keeps its evidence.
    pub before: Timestamp,
    /// Documents that were dropped, or would be.
    pub documents: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// Whether nothing was dropped.
    pub dry_run: bool,
}

async fn prune(args: PruneEvidenceArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
    let before = now.saturating_sub(args.older_than.into());
    // One that is not there is not made.
    Store::open_read_only(&args.database).await?.close().await;
    let store = Store::open(&args.database).await?;
    let dropped = store.drop_evidence(before, args.dry_run).await?;
    let done = PruneDone {
        database: store.name().to_owned(),
        before: devproof_api::documents::time(before),
        documents: dropped.documents,
        bytes: dropped.bytes,
        dry_run: args.dry_run,
    };
    store.close().await;
    let what = if done.dry_run { "Would drop" } else { "Dropped" };
    shell.answer(&done, || {
        format!(
            "{what} {} ({} bytes): evidence, collateral and policies that only judged what was last seen before {} UTC. \
             Observations, verdicts and hashes stay.\n",
            count(usize::try_from(done.documents).unwrap_or(usize::MAX), "document"),
            done.bytes,
            minute(done.before),
        )
    })?;
    Ok(Outcome::Yes)
}

fn render(done: &CopyDone) -> String {
    let CopyDone { from, to, rows, subscriptions_left_out, chains } = done;
    let total: u64 = rows.values().sum();
    let blocks = rows.get("blocks").copied().unwrap_or_default();
    let mut text = format!(
        "Copied {total} rows, {blocks} of them blocks with what was said in them, from {from} to {to}, and read them back.\n"
    );
    if *subscriptions_left_out > 0 {
        text.push_str(&format!(
            "Left out: {}, since both databases would send, and each holds the secrets. --with-subscriptions takes them along.\n",
            count(usize::try_from(*subscriptions_left_out).unwrap_or(usize::MAX), "subscription"),
        ));
    }
    for CopiedChain { chain_id, digest } in chains {
        text.push_str(&format!("Chain {chain_id}: digest {digest}.\n"));
    }
    text
}
