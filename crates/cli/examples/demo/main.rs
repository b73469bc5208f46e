//! The main job, end to end, on a chain of its own: half a year of a product's life is played on anvil,
//! indexed into SQLite, and asked about. `make demo` runs it, `make demo ARGS=--once` does not stay.

#[path = "../../../attestation/tests/support/mod.rs"]
mod evidence;
mod seen;

use clap::Parser;
use devproof_api::{
    DeletionsOf, Families, Finality, Part, Surface, When, allowed, deletions, diff,
    documents::{AtBlock, Declared},
};
use devproof_chain::Node;
use devproof_cli::{
    Failure,
    cmd::{allowed, at, deletions, diff, history, index, notice, serve, stop_signal},
    config::Nodes,
    opts::Global,
    shell::Shell,
    text::{minute, short, short_address, table},
};
use devproof_indexer::{DEFAULT_LAG_PATIENCE, DEFAULT_PAGE_BLOCKS, Indexer, Options, Sources};
use devproof_store::Store;
use devproof_testkit::{Chapter, Story};
use eyre::{Result, WrapErr};
use jiff::Timestamp;
use serde::Serialize;
use std::{num::NonZeroUsize, path::PathBuf, process::ExitCode, time::Duration};
use tokio::net::TcpListener;

/// Play, index and ask about half a year of one product's life.
#[derive(Debug, Parser)]
struct Demo {
    /// Exit after the answers instead of serving them.
    #[arg(long)]
    once: bool,
    /// Keep the database in this file instead of a temporary one; it must not exist.
    #[arg(long, value_name = "PATH")]
    database: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut shell = Shell::new(&Global::default());
    match run(Demo::parse(), &mut shell).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell.failure(&Failure::CouldNotTell(format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}

async fn run(demo: Demo, shell: &mut Shell) -> Result<()> {
    let now = Timestamp::now();
    shell.note("Playing half a year of a product's life on a chain of its own (anvil) ...");
    let story = play(now, shell).await?;
    shell.note(&format!("Version 1.0.0 is {}.", story.versions.origin));

    let folder = tempfile::tempdir()?;
    let path = demo.database.unwrap_or_else(|| folder.path().join("devproof.sqlite"));
    let store = Store::open(&path.to_string_lossy()).await?;
    let node = Node::connect(story.bench.anvil.url()).await?;
    let options = Options {
        sources: Sources {
            kms: vec![story.bench.kms],
            factories: vec![story.bench.factory],
            registries: vec![story.bench.registry],
            apps: Vec::new(),
        },
        start_block: 0,
        poll_interval: Duration::from_secs(1),
        page_blocks: DEFAULT_PAGE_BLOCKS,
        lag_patience: DEFAULT_LAG_PATIENCE,
    };
    shell.note(&format!("\nIndexing it into {} ...", path.display()));
    let mut indexer = Indexer::new(node.clone(), store.clone(), options).await?;
    let report = index::catch_up(&mut indexer, shell).await.map_err(said)?;
    shell.note(&format!("{} blocks, {} logs.\n", report.blocks, report.logs));

    // What stands behind each version but the newest, which its owner has yet to hand in.
    let seconds = now.as_second().unsigned_abs();
    for version in 1..7 {
        store.keep_compose(story.versions.text(version).as_bytes(), seconds).await?;
    }
    seen::observe(&story, &store, &node, shell).await?;
    answers(&story, &store, shell).await?;
    if demo.once {
        store.close().await;
        return Ok(());
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.wrap_err("no port to listen on")?;
    let families = families(&story, node.chain_id())?;
    let site = format!("http://{}", listener.local_addr()?);
    let root = format!("{site}/v1/chains/{}", node.chain_id());
    let head = report.head.number;
    shell.note(&format!(
        "\nServing until Ctrl-C, and following the chain at {}. The pages, for people:\n  {site}/\n  {site}/chains/{}/apps/{:#x}\nREST, for programs:\n  {root}/apps/{}/at/{head}\n  {root}/apps/{}/history\n  {root}/apps/{}/diff?from=10&to={head}\n  {root}/apps/{}/deletions",
        story.bench.anvil.url(), node.chain_id(), story.product, story.product, story.product, story.product, story.product,
    ));
    let following = tokio::spawn(async move { indexer.follow(stop_signal()).await });
    serve::serve(store.clone(), Some(node), families, listener, stop_signal()).await?;
    following.await??;
    store.close().await;
    Ok(())
}

/// Whose the two apps are, as whoever runs an index declares it.
fn families(story: &Story, chain_id: u64) -> Result<Families> {
    let family = |name: &str, app| Declared { name: name.to_owned(), chain_id, apps: vec![app] };
    Ok(Families::new([family("acme-gateway", story.product), family("rival", story.stock)])?)
}

async fn play(now: Timestamp, shell: &Shell) -> Result<Story> {
    let mut teller = shell.clone();
    let mut tell = move |chapter: &Chapter| {
        teller.note(&format!("  block {:>3}  {}", chapter.block, chapter.title));
    };
    Story::play(now.as_second().unsigned_abs(), &mut tell).await
}

fn said(failure: Failure) -> eyre::Report {
    match failure {
        Failure::Usage(why) | Failure::CouldNotTell(why) => eyre::eyre!(why),
        Failure::Interrupted => eyre::eyre!("it was interrupted"),
        Failure::BrokenPipe => eyre::eyre!("nobody reads the answers"),
    }
}

/// The answers, as the command line gives them.
async fn answers(story: &Story, store: &Store, shell: &mut Shell) -> Result<()> {
    let now = Timestamp::now();
    let chain_id = story.bench.node.chain_id();
    for (name, app) in [("The product", story.product), ("Its rival", story.stock)] {
        let history =
            devproof_api::history(store, chain_id, app, Part::default(), Finality::Unsafe).await?;
        print(shell, &history, || format!("{name}, {app}: {}", history::render(&history, now)))?;
    }

    let moments = [
        "a rival deploys",
        "version 1.1.0 is announced",
        "a stranger activates 1.1.0",
        "version 1.2.0 is announced",
        "the guardian cancels 1.2.0",
        "version 1.3.0 has expired",
        "the guardian removes 1.4.0",
        "1.4.0 is activated again",
        "version 1.6.0 is announced",
    ];
    let head = story.bench.node.heads().await?.latest.number;
    let mut blocks: Vec<u64> = moments.iter().filter_map(|title| story.block_of(title)).collect();
    // The newest two, which are not final yet.
    blocks.extend([head - 1, head]);
    let mut rows = Vec::new();
    for block in blocks {
        for app in [story.product, story.stock] {
            rows.extend(rows_of(&at(story, store, app, block).await?, app == story.stock));
        }
    }
    let columns = [
        "after block",
        "finality",
        "app",
        "was allowed to run",
        "announced by",
        "notice users had",
        "on its way",
    ];
    print(shell, &rows, || format!("What was authorised at block X?\n{}", table(columns, &rows)))?;

    let (local, part) = (Finality::Unsafe, Part::default());
    let version = story.versions.hash(5).0;
    let allowed = allowed(store, chain_id, version, Part::default(), local, Surface::Cli).await?;
    print(shell, &allowed, || {
        format!("Who may run 1.4.0, and when?\n{}", allowed::render(&allowed, now))
    })?;

    let ends = ["the rival upgrades again", "and takes it back"].map(|title| story.block_of(title));
    if let [Some(up), Some(back)] = ends {
        let span = (When::Block(up - 1), When::Block(back));
        let diff = diff(store, Some(&story.bench.node), chain_id, story.stock, span, local).await?;
        print(shell, &diff, || {
            format!("An upgrade that was taken back an hour later\n{}", diff::render(&diff, now))
        })?;
    }

    let (of, span) = (DeletionsOf::App(story.product), (None, None));
    let deletions = deletions(store, None, chain_id, of, span, part, local).await?;
    print(shell, &deletions, || deletions::render(&deletions, true, now))?;

    let answer = at(story, store, story.product, head).await?;
    print(shell, &answer, || format!("The whole answer, at the head\n{}", at::render(&answer, now)))
}

fn print(
    shell: &mut Shell,
    document: &impl Serialize,
    words: impl FnOnce() -> String,
) -> Result<()> {
    match shell.answer(document, || format!("\n{}", words())) {
        Err(Failure::BrokenPipe) | Ok(()) => Ok(()),
        Err(failure) => Err(said(failure)),
    }
}

async fn at(
    story: &Story,
    store: &Store,
    app: alloy_primitives::Address,
    block: u64,
) -> Result<AtBlock> {
    let nodes = Nodes { urls: vec![story.bench.anvil.url().to_owned()], agree: NonZeroUsize::MIN };
    let when = When::Block(block);
    let chain_id = story.bench.node.chain_id();
    at::answer(store, &nodes, chain_id, app, when, Finality::Unsafe).await.map_err(said)
}

/// A row for each version that was allowed, or one that says that none was.
fn rows_of(answer: &AtBlock, rival: bool) -> Vec<[String; 7]> {
    let coming: Vec<String> = answer
        .proposals
        .iter()
        .map(|p| format!("{} {} {}", p.state, p.kind.replace('_', " "), short(p.value)))
        .collect();
    let row = |version: String, by: String, notice: String| {
        [
            format!("{} ({})", answer.block.number, minute(answer.block.timestamp)),
            answer.block.finality.to_string(),
            if rival { "rival" } else { "product" }.to_owned(),
            version,
            by,
            notice,
            coming.join(", "),
        ]
    };
    if answer.authorised.is_empty() {
        return vec![row("nothing".into(), String::new(), String::new())];
    }
    answer
        .authorised
        .iter()
        .map(|a| {
            let by = a.proposed.as_ref().and_then(|p| p.actor);
            row(
                short(a.compose_hash),
                by.map_or_else(|| "not announced".to_owned(), short_address),
                notice(a.notice_seconds),
            )
        })
        .collect()
}
