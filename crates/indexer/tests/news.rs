//! A node over a WebSocket says that there is a new block, and the index has it at once; without that it polls.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use devproof_chain::{ChainError, Node, Options as Asking};
use devproof_indexer::{DEFAULT_LAG_PATIENCE, DEFAULT_PAGE_BLOCKS, Indexer, Options, Sources};
use devproof_store::Store;
use devproof_testkit::Anvil;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than the test: whoever waits for a poll waits in vain.
const NEVER: Duration = Duration::from_secs(3_600);

/// A wire to a node that can be cut, and mended.
struct Wire {
    host: String,
    whole: Arc<AtomicBool>,
    cut: Arc<Notify>,
}

impl Wire {
    async fn to(node: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (whole, cut) = (Arc::new(AtomicBool::new(true)), Arc::new(Notify::new()));
        let node = node.trim_start_matches("http://").to_owned();
        let wire = Self { host, whole: Arc::clone(&whole), cut: Arc::clone(&cut) };
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                if !whole.load(Ordering::SeqCst) {
                    continue;
                }
                let mut there = TcpStream::connect(&node).await.unwrap();
                let cut = Arc::clone(&cut);
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        wire
    }

    fn cut(&self) {
        self.whole.store(false, Ordering::SeqCst);
        self.cut.notify_waiters();
    }

    fn mend(&self) {
        self.whole.store(true, Ordering::SeqCst);
    }

    fn url(&self) -> String {
        format!("ws://{}", self.host)
    }
}

struct Following {
    store: Store,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Following {
    async fn start(node: Node, poll: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("news.sqlite").display().to_string();
        let store = Store::open(&path).await.unwrap();
        let options = Options {
            sources: Sources { apps: vec![Default::default()], ..Sources::default() },
            start_block: 0,
            poll_interval: poll,
            page_blocks: DEFAULT_PAGE_BLOCKS,
            lag_patience: DEFAULT_LAG_PATIENCE,
        };
        let mut indexer = Indexer::new(node, store.clone(), options).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            indexer.follow(stopped).await.unwrap();
        });
        Self { store, stop, task, _folder: folder }
    }

    /// Waits until a block is served; gives how long that took.
    async fn reaches(&self, number: u64) -> Duration {
        let begun = Instant::now();
        loop {
            let chain = self.store.chain(31_337).await.unwrap();
            let tags = chain.and_then(|chain| chain.tags);
            if tags.is_some_and(|tags| tags.head.number >= number) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < PATIENCE, "block {number} is not indexed in {PATIENCE:?}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_block_is_indexed_as_soon_as_the_node_has_it() {
    let anvil = Anvil::start(NOW).unwrap();
    let url = anvil.url().replace("http://", "ws://");
    let node = Node::connect(&url).await.unwrap();
    let following = Following::start(node, NEVER).await;
    following.reaches(0).await;
    // Until the subscription stands, news may be missed, and there is no poll.
    let mut head = 0;
    let begun = Instant::now();
    loop {
        anvil.mine(1).await.unwrap();
        head += 1;
        if timeout(Duration::from_secs(1), following.reaches(head)).await.is_ok() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "no news");
    }
    let mut took = Vec::new();
    for _ in 0..50 {
        anvil.mine(1).await.unwrap();
        head += 1;
        took.push(following.reaches(head).await);
    }
    took.sort();
    println!(
        "head to committed over a WebSocket, 50 blocks: median {:?}, 95th percentile {:?}, longest {:?}",
        took[25], took[47], took[49]
    );
    assert!(took[49] < PATIENCE);
    following.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_dies_stops_nothing() {
    let anvil = Anvil::start(NOW).unwrap();
    let wire = Wire::to(anvil.url()).await;
    let urls = [wire.url(), anvil.url().to_owned()];
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let node = Node::connect_any(&urls, Asking::default()).await.unwrap();
    let following = Following::start(node.clone(), Duration::from_millis(200)).await;
    anvil.mine(3).await.unwrap();
    following.reaches(3).await;
    wire.cut();
    anvil.mine(3).await.unwrap();
    following.reaches(6).await;
    let endpoint = wire.host.clone();
    assert!(node.metrics().errors(&endpoint, "unreachable") > 0, "the wire was not asked");
    wire.mend();
    anvil.mine(3).await.unwrap();
    following.reaches(9).await;
    following.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_broke_is_made_anew() {
    let anvil = Anvil::start(NOW).unwrap();
    let wire = Wire::to(anvil.url()).await;
    let node = Node::connect(&wire.url()).await.unwrap();
    assert_eq!(node.heads().await.unwrap().latest.number, 0);
    wire.cut();
    let error = timeout(PATIENCE, node.heads()).await.unwrap().unwrap_err();
    assert!(matches!(error, ChainError::Unreachable { .. }), "{error}");
    assert!(error.is_passing());
    wire.mend();
    anvil.mine(1).await.unwrap();
    let begun = Instant::now();
    // The first question may still find the old connection.
    while node.heads().await.map_or(0, |heads| heads.latest.number) != 1 {
        assert!(begun.elapsed() < PATIENCE, "the connection is not made anew");
        sleep(Duration::from_millis(20)).await;
    }
}
