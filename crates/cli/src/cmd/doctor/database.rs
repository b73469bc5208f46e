//! The database: whether it opens, what is in it, and who writes it.

use super::{
    Limit, Why,
    lines::Lines,
    nodes::{Found, moment},
};
use crate::{
    config::Settings,
    text::{count, time},
};
use devproof_store::{ChainStatus, Store, StoreError};

/// How many blocks an index that somebody writes may be behind the head of the node.
const BEHIND: u64 = 100;

/// Looks at the database, and compares it with the node, if there is one.
pub(super) async fn look(
    settings: &Settings,
    found: Option<&Found>,
    limit: Limit,
    lines: &mut Lines,
) {
    let store = match limit.within(Store::open_read_only(&settings.database)).await {
        Ok(store) => store,
        Err(Why::Said(StoreError::MissingFile { path })) if !settings.has_database => {
            let message = format!("there is no database yet, at {path} or elsewhere");
            let advice = "`devproof index` makes one; the operator's verbs, `verify` and `compose` need none";
            lines.note("database.open", None, &message, advice);
            return;
        }
        Err(Why::Said(error)) => {
            lines.fail("database.open", None, &error.to_string(), advice(&error));
            return;
        }
        Err(why) => {
            lines.unknown(
                "database.open",
                None,
                &why.sentence(),
                "ask again, or name another one with --database",
            );
            return;
        }
    };
    let message = format!("{} opens, and its schema is that of this devproof", store.name());
    lines.pass("database.open", None, &message);
    if let Err(why) = limit.within(contents(&store, settings, found, limit, lines)).await {
        lines.unknown(
            "database.chains",
            None,
            &why.sentence(),
            "ask again; `devproof fsck` looks closer",
        );
    }
    // What is left open is closed by the end of the process.
    let _ = tokio::time::timeout(limit.0, store.close()).await;
}

const fn advice(error: &StoreError) -> &'static str {
    match error {
        StoreError::SchemaOlder { .. } => {
            "run `devproof index` or `devproof serve` once, which bring it up to date"
        }
        StoreError::SchemaNewer { .. } => "use the devproof that wrote it, or a newer one",
        _ => "name another one with --database, or database in devproof.toml",
    }
}

async fn contents(
    store: &Store,
    settings: &Settings,
    found: Option<&Found>,
    limit: Limit,
    lines: &mut Lines,
) -> Result<(), StoreError> {
    if let Some(replica) = store.replica().await? {
        // Where the primary rests nothing is behind, however long ago its last change was.
        let age = replica.lag_ms.map_or("nobody knows how old what it shows is".to_owned(), |ms| {
            format!("what it shows is at most {} s old", ms.div_ceil(1000))
        });
        if replica.receiving {
            let message = format!("it is a replica, and {age}");
            lines.note("database.replica", None, &message, "");
        } else {
            let message = format!("it is a replica that hears nothing of its primary, and {age}");
            lines.fail("database.replica", None, &message, "look at the connection of the replica");
        }
    }
    let chains = store.chains().await?;
    if chains.is_empty() {
        lines.note("database.chains", None, "it holds no chain yet", "run `devproof index`");
    }
    let meant = settings.chain.or(found.map(|found| found.node.chain_id()));
    if let Some(meant) = meant
        && !chains.is_empty()
        && !chains.iter().any(|chain| chain.chain_id == meant)
    {
        let message = format!("it holds nothing of chain {meant}");
        lines.fail(
            "database.chains",
            None,
            &message,
            "run `devproof index`, or name another chain with --chain",
        );
    }
    for chain in &chains {
        of_chain(store, chain, found, limit, lines).await?;
    }
    Ok(())
}

async fn of_chain(
    store: &Store,
    chain: &ChainStatus,
    found: Option<&Found>,
    limit: Limit,
    lines: &mut Lines,
) -> Result<(), StoreError> {
    let name = format!("chain {}", chain.chain_id);
    let about = Some(name.as_str());
    let contracts = store.contracts(chain.chain_id).await?.len();
    let Some(checkpoint) = chain.checkpoint else {
        lines.note("database.chains", about, "nothing of it was read yet", "run `devproof index`");
        return Ok(());
    };
    let message = format!(
        "read from block {} up to block {}, of {}, with {}",
        chain.start_block,
        checkpoint.number,
        time(moment(checkpoint.timestamp)),
        count(contracts, "contract")
    );
    lines.pass("database.chains", about, &message);
    let writer = store.has_writer(chain.chain_id).await?;
    match writer {
        Some(true) => lines.pass("database.writer", about, "a process indexes it"),
        Some(false) => lines.note(
            "database.writer",
            about,
            "nobody indexes it at the moment",
            "run `devproof serve`, or `devproof index --follow`, for answers about what happens now",
        ),
        None => lines.unknown("database.writer", about, "a replica does not show who writes", "ask on the primary"),
    }
    let gaps = store.gaps(chain.chain_id).await?.len();
    if gaps == 0 {
        lines.pass("database.gaps", about, "the past of every contract in it was read");
    } else {
        let message = format!(
            "of {} not all of the past was read yet, and nothing is answered about that",
            count(gaps, "contract")
        );
        let advice = "let `devproof index` come to its end";
        if writer == Some(true) {
            lines.note("database.gaps", about, &message, advice);
        } else {
            lines.fail("database.gaps", about, &message, advice);
        }
    }
    let Some(found) = found.filter(|found| found.node.chain_id() == chain.chain_id) else {
        return Ok(());
    };
    match limit.within(found.node.block(checkpoint.number)).await {
        Ok(Some(block)) if block.hash == checkpoint.hash => {
            let behind = found.head.number.saturating_sub(checkpoint.number);
            if behind <= BEHIND {
                let message =
                    format!("its last block is on the node's chain, {behind} behind the head");
                lines.pass("database.head", about, &message);
            } else if writer == Some(true) {
                let message =
                    format!("its last block is on the node's chain, {behind} behind the head");
                lines.note(
                    "database.head",
                    about,
                    &message,
                    "wait, and look whether it comes nearer",
                );
            } else {
                let message = format!(
                    "its last block is on the node's chain, {behind} behind the head, and nobody reads on"
                );
                lines.fail("database.head", about, &message, "run `devproof index`");
            }
        }
        Ok(Some(block)) => {
            let message = format!(
                "its last block is {}, and the node has {} at that height",
                checkpoint.hash, block.hash
            );
            let advice = "run `devproof index`, which goes back to where both agree; if it refuses, the node serves another chain";
            lines.fail("database.head", about, &message, advice);
        }
        Ok(None) => {
            let message = format!(
                "the node has no block {} yet: it lags, or serves another chain",
                checkpoint.number
            );
            lines.unknown("database.head", about, &message, "ask another node");
        }
        Err(why) => {
            lines.unknown("database.head", about, &why.sentence(), "ask again, or another node")
        }
    }
    Ok(())
}
