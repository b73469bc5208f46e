//! `devproof serve`: REST, and the index kept up to date meanwhile.

use crate::{
    Failure, Outcome,
    cmd::{
        evidence::examiner,
        index,
        notify::{Sending, notifier},
        operations, progress,
        stop::Stop,
        writer::become_writer,
    },
    config::Settings,
    opts::ServeArgs,
    shell::Shell,
};
use devproof_api::{AppState, Families, Headers, Verification, router};
use devproof_chain::Node;
use devproof_indexer::{IndexError, Indexer, Options, Pulse};
use devproof_store::Store;
use schemars::JsonSchema;
use serde::Serialize;
use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{sleep, timeout},
};

/// How long requests under way may take to end after the stop signal.
const LAST_REQUESTS: Duration = Duration::from_secs(10);
/// How long to wait before the chain is followed again after an error.
const RETRY: Duration = Duration::from_secs(10);

/// Where the service listens, as a document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Serving {
    /// Its root.
    pub url: String,
}

/// Runs the command.
///
/// # Errors
/// What keeps it from serving.
pub async fn run(
    args: ServeArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let stop = Stop::listen();
    let listen = settings.listen(args.listen);
    let no_index = settings.no_index(args.no_index);
    let public_url = settings.public_url(args.public_url);
    let rate = settings.rate_limit(args.rate_limit, args.behind_proxy);
    let examiner = examiner(&settings.services(args.services)?, false)?;
    let options = settings.indexing(args.sources);
    let poll = options.poll_interval;
    let node = index::node(&settings).await?;
    let indexes = node.as_ref().filter(|_| !no_index);
    let store = match indexes {
        Some(_) => Store::open(&settings.database).await?,
        None => Store::open_read_only(&settings.database).await?,
    };
    let notifier = match indexes {
        Some(_) => notifier(&store, &settings, public_url.clone(), args.no_notify)?,
        None => None,
    };
    let pulse = Pulse::default();
    let mut following = None;
    if let Some(node) = indexes {
        index::something_to_follow(&store, node.chain_id(), &options.sources).await?;
        let mut follower =
            Follower { node: node.clone(), store: store.clone(), options, pulse: pulse.clone() };
        // What is wrong from the beginning is said at once; one that stands by finds out later.
        let indexer = follower.begin().await?;
        following = Some((follower, indexer));
    }
    let refused = |e: io::Error| {
        Failure::CouldNotTell(format!(
            "{listen} cannot be listened on ({e}); name another --listen"
        ))
    };
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let serving = Serving { url: format!("http://{}", listener.local_addr().map_err(refused)?) };
    shell.answer(&serving, || format!("Serving {}; Ctrl-C stops.", serving.url))?;

    let verification = Verification::new(examiner, node.clone());
    let mut sending = Sending::begin(notifier, &stop);
    let pulses = indexes.map(|node| (node.chain_id(), pulse.clone()));
    let of = operations::of(&store, poll, node.as_ref(), pulses);
    let mut state = state(store.clone(), node)
        .with_operations(of)
        .with_families(settings.families)
        .with_verification(verification);
    if let Some(url) = public_url {
        state = state.with_public_url(url);
    }
    if let Some(rate) = rate {
        state = state.with_rate_limit(rate);
    }
    let following = following.map(|(mut follower, indexer)| {
        let (stop, shell) = (stop.clone(), shell.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = follower.follow(indexer, shell.clone()) => {}
                () = progress::show(pulse, shell) => {}
                () = stop.wait() => {}
            }
        })
    });
    let served = answer(state, listener, stop.wait()).await;
    if let Some(following) = following {
        // A page that is being written is all or nothing, so nothing is lost if it takes too long.
        let _ = timeout(LAST_REQUESTS, following).await;
    }
    if served.is_ok() {
        sending.end().await;
    }
    let _ = timeout(LAST_REQUESTS, store.close()).await;
    served?;
    Ok(Outcome::Yes)
}

fn state(store: Store, node: Option<Node>) -> AppState {
    AppState::new(store, node.map(|node| Arc::new(node) as Arc<dyn Headers>))
}

/// Serves REST until `shutdown`, then lets the requests under way end.
///
/// # Errors
/// What the listener says.
pub async fn serve(
    store: Store,
    node: Option<Node>,
    families: Families,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    answer(state(store, node).with_families(families), listener, shutdown).await
}

async fn answer(
    state: AppState,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let router = router(state.with_closing(stopped.clone()));
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let shutdown = async move {
        shutdown.await;
        let _ = stop.send(true);
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(shutdown);
    tokio::select! {
        served = async { server.await } => served,
        // Connections that say nothing would otherwise hold the process.
        () = async { wait(stopped).await; tokio::time::sleep(LAST_REQUESTS).await } => Ok(()),
    }
}

/// Follows the chain beside the service.
struct Follower {
    node: Node,
    store: Store,
    options: Options,
    pulse: Pulse,
}

impl Follower {
    /// An indexer, unless another process is the writer.
    async fn begin(&mut self) -> Result<Option<Indexer>, IndexError> {
        match self.store.try_writer(self.node.chain_id()).await? {
            Some(writer) => Ok(Some(self.indexer(writer).await?)),
            None => Ok(None),
        }
    }

    async fn indexer(&self, writer: Store) -> Result<Indexer, IndexError> {
        let indexer = Indexer::new(self.node.clone(), writer, self.options.clone()).await?;
        Ok(indexer.with_pulse(self.pulse.clone()))
    }

    /// Follows the chain whenever it is the writer; never ends. An error is logged and the chain followed again: what
    /// is indexed is served meanwhile, and every answer says how far that reaches. Between two attempts another process
    /// may become the writer.
    async fn follow(&mut self, first: Option<Indexer>, mut shell: Shell) {
        let mut next = first;
        loop {
            let followed = match next.take() {
                Some(mut indexer) => indexer.follow(std::future::pending()).await,
                None => self.wait_and_follow(&mut shell).await,
            };
            if let Err(error) = followed {
                self.pulse.failed(&error);
                tracing::error!(%error, "the chain is not followed for the moment");
            }
            sleep(RETRY).await;
        }
    }

    async fn wait_and_follow(&mut self, shell: &mut Shell) -> Result<(), IndexError> {
        let chain_id = self.node.chain_id();
        let writer = become_writer(&self.store, chain_id, &self.pulse, shell, true).await?;
        self.indexer(writer).await?.follow(std::future::pending()).await
    }
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody is left to send the signal.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
