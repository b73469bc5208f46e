//! A service on loopback that answers as it is told, so that what asks over HTTP is fuzzed with its own client in front.

use axum::{Router, body::Bytes, extract::State, http::Uri, response::Response};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};
use tokio::{
    net::{TcpListener, UnixListener},
    runtime::Runtime,
};

/// What is answered to a path and the body of a request.
type Answer = Arc<dyn Fn(&str, &[u8]) -> Response + Send + Sync>;

/// The service, at a URL and at a socket.
pub(crate) struct Wire {
    runtime: Runtime,
    url: String,
    socket: PathBuf,
    answer: Arc<Mutex<Answer>>,
    /// One at a time: all have the same service.
    turn: Mutex<()>,
    /// Where the socket is; another for each process.
    folder: tempfile::TempDir,
}

impl Wire {
    fn start() -> io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let answer: Answer = Arc::new(|_, _| Response::default());
        let answer = Arc::new(Mutex::new(answer));
        let app = Router::new().fallback(reply).with_state(Arc::clone(&answer));
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("agent.sock");
        let url = runtime.block_on(async {
            let tcp = TcpListener::bind("127.0.0.1:0").await?;
            let url = format!("http://{}", tcp.local_addr()?);
            tokio::spawn(axum::serve(tcp, app.clone()).into_future());
            tokio::spawn(axum::serve(UnixListener::bind(&socket)?, app).into_future());
            io::Result::Ok(url)
        })?;
        Ok(Self { runtime, url, socket, answer, turn: Mutex::new(()), folder })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where it is as well.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// A folder of this process.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Does something while the service answers so.
    pub(crate) fn while_it_says<T>(
        &self,
        answer: impl Fn(&str, &[u8]) -> Response + Send + Sync + 'static,
        what: impl Future<Output = T>,
    ) -> T {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(answer);
        self.runtime.block_on(what)
    }
}

async fn reply(State(answer): State<Arc<Mutex<Answer>>>, uri: Uri, body: Bytes) -> Response {
    let answer = Arc::clone(&answer.lock().unwrap_or_else(PoisonError::into_inner));
    answer(uri.path(), &body)
}

/// The one of this process.
///
/// # Panics
/// If nothing can be listened on: a fuzzer that asks nobody would find nothing.
#[expect(clippy::panic, reason = "what cannot be fuzzed has to be seen")]
pub(crate) fn wire() -> &'static Wire {
    static WIRE: LazyLock<Wire> = LazyLock::new(|| match Wire::start() {
        Ok(wire) => wire,
        Err(error) => panic!("no service can be started on loopback: {error}"),
    });
    &WIRE
}
