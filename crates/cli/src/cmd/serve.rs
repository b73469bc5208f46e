//! `devproof serve`: REST, and the index kept up to date meanwhile.

use crate::{
    Failure, Outcome,
    cmd::{index, stop_signal},
    config::Settings,
    opts::ServeArgs,
    shell::Shell,
};
use devproof_api::{AppState, Headers, router};
use devproof_chain::Node;
use devproof_indexer::Indexer;
use devproof_store::Store;
use serde::Serialize;
use std::{future::Future, io, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, time::timeout};

/// How long requests under way may take to end after the stop signal.
const LAST_REQUESTS: Duration = Duration::from_secs(10);
/// How long to wait before the chain is followed again after an error.
const RETRY: Duration = Duration::from_secs(10);

/// Where the service listens, as a document.
#[derive(Clone, Debug, Serialize)]
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
    let listen = settings.listen(args.listen);
    let options = settings.indexing(args.sources);
    let node = index::node(&settings).await?;
    let store = match node {
        Some(_) => Store::open(&settings.database).await?,
        None => Store::open_read_only(&settings.database).await?,
    };
    let follower = match &node {
        Some(node) => Some(index::follower(node, &store, options).await?),
        None => None,
    };
    let refused = |e: io::Error| {
        Failure::CouldNotTell(format!(
            "{listen} cannot be listened on ({e}); name another --listen"
        ))
    };
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let serving = Serving { url: format!("http://{}", listener.local_addr().map_err(refused)?) };
    shell.answer(&serving, || format!("Serving {}/v1/chains; Ctrl-C stops.", serving.url))?;

    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        stop_signal().await;
        let _ = stop.send(true);
    });
    let following = follower.map(|indexer| tokio::spawn(follow(indexer, wait(stopped.clone()))));
    let served = serve(store.clone(), node, listener, wait(stopped)).await;
    if let Some(following) = following {
        // A page that is being written is all or nothing, so nothing is lost if it takes too long.
        let _ = timeout(LAST_REQUESTS, following).await;
    }
    store.close().await;
    served?;
    Ok(Outcome::Yes)
}

/// Serves REST until `shutdown`, then lets the requests under way end.
///
/// # Errors
/// What the listener says.
pub async fn serve(
    store: Store,
    node: Option<Node>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let nodes = node.map(|node| Arc::new(node) as Arc<dyn Headers>);
    let router = router(AppState::new(store, nodes));
    let (stop, stopped) = watch::channel(false);
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

/// Follows the chain until `stop`. An error is logged and the chain followed again: what is indexed is
/// served meanwhile, and every answer says how far that reaches.
async fn follow(mut indexer: Indexer, stop: impl Future<Output = ()> + Send) {
    let mut stop = std::pin::pin!(stop);
    loop {
        match indexer.follow(stop.as_mut()).await {
            Ok(()) => return,
            Err(error) => tracing::error!(%error, "the chain is not followed for the moment"),
        }
        tokio::select! {
            () = stop.as_mut() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody is left to send the signal.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
