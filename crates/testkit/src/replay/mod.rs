//! A node that serves a chain from memory: larger ones than anvil can make, and as fast as that goes.
//!
//! A chain is generated from a seed, or recorded from anvil; either way its transactions are executed here, and calls of
//! views are as well. Nothing is known here of what anybody is going to ask.

mod answer;
mod generate;
mod ledger;
mod record;
mod state;

pub use generate::{Generated, Plan};
pub use ledger::Ledger;

use answer::{Refused, View};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use eyre::{OptionExt, Result};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};
use tokio::{net::TcpListener, sync::Notify};

/// The longest request that is read, in bytes.
const MAX_REQUEST: usize = 16 << 20;

/// A node that serves a [`Ledger`] on a thread of its own. It ends with this value.
#[derive(Debug)]
pub struct Replay {
    url: String,
    desk: Arc<Desk>,
}

/// What was asked of a [`Replay`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// HTTP requests, whether they held one question or many.
    pub requests: u64,
    /// Questions, by method.
    pub questions: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Desk {
    ledger: Ledger,
    head: AtomicU64,
    epoch: u64,
    /// The most questions that it takes in one request.
    most: AtomicUsize,
    asked: Mutex<Asked>,
    /// When somebody was told of a head for the first time.
    told: Mutex<BTreeMap<u64, Instant>>,
    end: Notify,
}

impl Replay {
    /// Serves all of a chain. `safe` is one epoch of so many blocks behind `latest`, `finalized` two.
    ///
    /// # Errors
    /// If there is no port to listen at, or no thread to be had.
    pub fn serve(ledger: Ledger, epoch: u64) -> Result<Self> {
        let desk = Arc::new(Desk {
            head: ledger.head().into(),
            ledger,
            epoch,
            most: AtomicUsize::new(usize::MAX),
            asked: Mutex::default(),
            told: Mutex::default(),
            end: Notify::new(),
        });
        let (found, address) = mpsc::channel();
        let here = desk.clone();
        // A thread of its own: it must not wait for whoever asks, nor they for it.
        thread::Builder::new().name("replay".to_owned()).spawn(move || -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let _ = found.send(listener.local_addr()?);
                let app = Router::new()
                    .route("/", post(respond))
                    .layer(DefaultBodyLimit::max(MAX_REQUEST))
                    .with_state(here.clone());
                tokio::select! {
                    served = async { axum::serve(listener, app).await } => Ok(served?),
                    () = here.end.notified() => Ok(()),
                }
            })
        })?;
        let address = address.recv().ok().ok_or_eyre("there is no port to listen at")?;
        Ok(Self { url: format!("http://{address}"), desk })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The chain.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.desk.ledger
    }

    /// From now on, this is the newest block.
    pub fn show_up_to(&self, head: u64) {
        // What it once said of later blocks is not what whoever waits for them has to hear.
        self.desk.told().retain(|told, _| *told <= head);
        self.desk.head.store(head.min(self.desk.ledger.head()), Ordering::Relaxed);
    }

    /// From now on, it takes at most so many questions in one request, and refuses others as a whole; 0: lists of
    /// questions are not read at all.
    pub fn take_at_most(&self, questions: usize) {
        self.desk.most.store(questions, Ordering::Relaxed);
    }

    /// When it first said that this block is the newest; `None` if it did not.
    #[must_use]
    pub fn told_of(&self, head: u64) -> Option<Instant> {
        self.desk.told().get(&head).copied()
    }

    /// What was asked of it so far.
    #[must_use]
    pub fn asked(&self) -> Asked {
        self.desk.asked().clone()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.desk.end.notify_one();
    }
}

/// One question.
#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: String,
    #[serde(default)]
    params: Value,
}

impl Desk {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, question: &Question<'_>) -> String {
        *self.asked().questions.entry(question.method.clone()).or_default() += 1;
        let head = self.head.load(Ordering::Relaxed);
        if question.params.get(0).and_then(Value::as_str) == Some("latest") {
            self.told().entry(head).or_insert_with(Instant::now);
        }
        let view = View { ledger: &self.ledger, head, epoch: self.epoch };
        let id = question.id.map_or("null", RawValue::get);
        match view.answer(&question.method, &question.params) {
            Ok(result) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
            Err(refused) => refusal(id, refused),
        }
    }

    fn answer_all(&self, request: &[u8]) -> String {
        self.asked().requests += 1;
        if request.trim_ascii_start().first() != Some(&b'[') {
            return match serde_json::from_slice::<Question<'_>>(request) {
                Ok(question) => self.answer(&question),
                Err(error) => refusal("null", (-32700, error.to_string(), None)),
            };
        }
        let most = self.most.load(Ordering::Relaxed);
        match serde_json::from_slice::<Vec<Question<'_>>>(request) {
            _ if most == 0 => refusal("null", (-32600, "batches are not supported".into(), None)),
            Ok(questions) if questions.len() > most => {
                let words = format!("a batch of at most {most} requests is taken");
                refusal("null", (-32600, words, None))
            }
            Ok(questions) => {
                let answers: Vec<String> = questions.iter().map(|one| self.answer(one)).collect();
                format!("[{}]", answers.join(","))
            }
            Err(error) => refusal("null", (-32700, error.to_string(), None)),
        }
    }
}

fn refusal(id: &str, (code, message, data): Refused) -> String {
    let mut error = json!({"code": code, "message": message});
    if let (Some(data), Some(error)) = (data, error.as_object_mut()) {
        error.insert("data".to_owned(), json!(data));
    }
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)
}

async fn respond(State(desk): State<Arc<Desk>>, request: Bytes) -> Response {
    let answer = desk.answer_all(&request);
    ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
}
