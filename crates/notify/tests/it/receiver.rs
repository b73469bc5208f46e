//! A receiver that counts, checks signatures by itself, and fails as it is told to.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    serve::Listener,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// How an attempt is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Play {
    /// 204.
    Take,
    /// This status, and nothing else.
    Say(u16),
    /// 429, and after so many seconds again.
    Wait(u64),
    /// 307 to the path `/elsewhere`.
    Redirect,
    /// Nothing, ever.
    Hang,
    /// 500, and then a byte at a time.
    Drip,
    /// It takes what it was sent, and breaks the connection without an answer.
    Break,
}

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
    pub(crate) taken: bool,
}

impl Came {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn kind(&self) -> String {
        self.json()["data"]["kind"].as_str().unwrap().to_owned()
    }

    pub(crate) fn title(&self) -> String {
        self.json()["data"]["title"].as_str().unwrap().to_owned()
    }
}

#[derive(Debug)]
struct Inner {
    plays: Vec<Play>,
    secret: Mutex<Option<String>>,
    came: Mutex<Vec<Came>>,
}

/// It, serving.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    inner: Arc<Inner>,
    address: SocketAddr,
    resets: Arc<AtomicUsize>,
}

/// A listener that resets every third connection before a word is said.
struct Rude {
    inner: TcpListener,
    every: usize,
    count: usize,
    resets: Arc<AtomicUsize>,
}

impl Listener for Rude {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.inner.accept().await.unwrap();
            self.count += 1;
            if self.every > 0 && self.count.is_multiple_of(self.every) {
                // What was sent and not read makes the end a reset.
                let _ = stream.readable().await;
                self.resets.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            return (stream, address);
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

impl Receiver {
    /// Answers the attempts of each letter in this way, one after the other, and takes it after those.
    pub(crate) async fn start(plays: &[Play]) -> Self {
        Self::start_rudely(plays, 0).await
    }

    /// Likewise, and resets every so manieth connection.
    pub(crate) async fn start_rudely(plays: &[Play], every: usize) -> Self {
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = inner.local_addr().unwrap();
        let resets = Arc::new(AtomicUsize::new(0));
        let listener = Rude { inner, every, count: 0, resets: resets.clone() };
        let inner =
            Inner { plays: plays.to_vec(), secret: Mutex::default(), came: Mutex::default() };
        let receiver = Self { inner: Arc::new(inner), address, resets };
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks?key=1", self.address)
    }

    pub(crate) fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Refuses, with a panic, what is not signed with this.
    pub(crate) fn expects(&self, secret: &str) {
        *self.inner.secret.lock().unwrap() = Some(secret.to_owned());
    }

    pub(crate) fn resets(&self) -> usize {
        self.resets.load(Ordering::Relaxed)
    }

    /// Every attempt that came so far.
    pub(crate) fn came(&self) -> Vec<Came> {
        self.inner.came.lock().unwrap().clone()
    }

    /// What was taken, in the order in which that was.
    pub(crate) fn taken(&self) -> Vec<Came> {
        self.came().into_iter().filter(|came| came.taken).collect()
    }

    /// How often each letter was taken.
    pub(crate) fn times(&self) -> BTreeMap<String, usize> {
        let mut times = BTreeMap::new();
        for came in self.taken() {
            *times.entry(came.id).or_default() += 1;
        }
        times
    }
}

/// The signature as the specification has it, without the library that made it.
fn is_signed(secret: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let mut signed = format!("{}.{}.", text("webhook-id"), text("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(body);
    let now = jiff::Timestamp::now().as_second();
    let is_new = text("webhook-timestamp").parse::<i64>().is_ok_and(|it| it.abs_diff(now) < 300);
    let mut signatures =
        text("webhook-signature").split(' ').filter_map(|it| it.strip_prefix("v1,"));
    is_new
        && signatures
            .any(|it| STANDARD.decode(it).is_ok_and(|it| hmac::verify(&key, &signed, &it).is_ok()))
}

async fn receive(State(receiver): State<Receiver>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path().to_owned();
    let id = match parts.headers.get("webhook-id") {
        Some(id) => id.to_str().unwrap().to_owned(),
        None => path.rsplit('/').next().unwrap().to_owned(),
    };
    let secret = receiver.inner.secret.lock().unwrap().clone();
    if let Some(secret) = secret
        && !is_signed(&secret, &parts.headers, &body)
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let play = {
        let mut came = receiver.inner.came.lock().unwrap();
        let before = came.iter().filter(|it| it.id == id).count();
        let play = receiver.inner.plays.get(before).copied().unwrap_or(Play::Take);
        came.push(Came {
            id,
            method: parts.method.to_string(),
            path,
            headers: parts.headers,
            body: body.to_vec(),
            at: Instant::now(),
            taken: matches!(play, Play::Take),
        });
        play
    };
    match play {
        Play::Take => StatusCode::NO_CONTENT.into_response(),
        Play::Say(status) => {
            (StatusCode::from_u16(status).unwrap(), "<b>no\u{1b}[2J</b>").into_response()
        }
        Play::Wait(seconds) => {
            let headers = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers).into_response()
        }
        Play::Redirect => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response()
        }
        Play::Hang => std::future::pending().await,
        Play::Drip => {
            let drops = futures::stream::unfold((), |()| async {
                sleep(Duration::from_millis(300)).await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b".")), ()))
            });
            (StatusCode::INTERNAL_SERVER_ERROR, Body::from_stream(drops)).into_response()
        }
        Play::Break => {
            let broken =
                futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
            (StatusCode::INTERNAL_SERVER_ERROR, Body::from_stream(broken)).into_response()
        }
    }
}
