//! A node that fails, lags and lies: a proxy before a real one.
//!
//! What goes wrong is drawn from a seeded generator, one draw per question, so that the same questions
//! in the same order meet the same faults. Some lies can also be told to order.

mod breaking;
mod faults;
mod lies;

pub use breaking::{Breaking, Lost};
pub use faults::{Fault, Faults};

use alloy::{
    primitives::{Address, B256},
    transports::http::reqwest::Client,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use eyre::{OptionExt, Result};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::RwLock;

/// The longest a slow answer takes. Long beside an answer, which takes a millisecond, and short beside
/// the patience of whoever waits for a test.
const SLOW: Duration = Duration::from_millis(30);

/// Slot of `historyRoot` in an AppAuth; others are asked for to find out what stands behind a proxy.
const ROOT_SLOT: &str = "0x3";

/// What a question is about, as far as tests tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Logs.
    Logs,
    /// The history root in an AppAuth.
    Root,
    /// What a contract answers.
    Call,
    /// Anything else.
    Other,
}

/// The newest blocks, so many of them, are replaced before a question.
#[derive(Clone, Copy, Debug)]
struct Reorg {
    /// Of which kind; `None`: any.
    before: Option<Question>,
    /// How many such questions come first.
    skip: u64,
    depth: u64,
}

impl Reorg {
    fn comes_before(&mut self, question: Question) -> bool {
        if self.before.is_some_and(|before| before != question) {
            return false;
        }
        let is_now = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        is_now
    }
}

impl Question {
    fn of(asked: &Value) -> Self {
        match method(asked) {
            "eth_getLogs" => Self::Logs,
            "eth_call" => Self::Call,
            "eth_getStorageAt" if asked.pointer("/params/1") == Some(&json!(ROOT_SLOT)) => {
                Self::Root
            }
            _ => Self::Other,
        }
    }
}

/// A proxy before a node. Cheap to clone; it ends with the runtime it was started on.
#[derive(Clone, Debug)]
pub struct FaultyProxy {
    url: String,
    behind: String,
    client: Client,
    state: Arc<Mutex<Mood>>,
    /// Held by each request that is being answered.
    busy: Arc<RwLock<()>>,
}

/// What it is about to do, and what it did.
#[derive(Debug)]
struct Mood {
    rng: fastrand::Rng,
    faults: Faults,
    /// The last block that it has seen.
    lags_at: Option<u64>,
    /// Whether its tags lag as well.
    tags_lag: bool,
    /// The transaction whose logs of this contract are left out.
    hidden: Option<(Address, B256)>,
    /// The contracts whose logs may be left out at random, whatever their block.
    omits: Vec<Address>,
    /// Above this block, any log may be left out at random, and no backend lags further.
    settled: u64,
    /// A reorg that is to come.
    reorg: Option<Reorg>,
    /// How many of the newest blocks may be replaced or taken away between two questions.
    depth: u64,
    /// Logs that nobody emitted, told with those of their contract and block.
    forged: Vec<Value>,
    /// It has no state before this block.
    pruned: u64,
    /// It takes no `eth_call` without a recipient.
    wants_recipients: bool,
    /// The most blocks of logs that it gives at once.
    widest: u64,
    /// Methods that it answers with the same each time.
    fixed: BTreeMap<&'static str, Value>,
    /// Questions until it may say again that there is nothing.
    calm: u32,
    left_out: usize,
    asked: BTreeMap<Question, usize>,
    happened: BTreeMap<Fault, u64>,
    /// The last answer that was passed on, for those who get that of another.
    previous: Option<Value>,
}

impl FaultyProxy {
    /// Starts one that passes everything on. Its choices follow from the seed and the questions.
    ///
    /// # Errors
    /// If there is no port to listen at.
    pub async fn before(node: &str, seed: u64) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let mood = Mood {
            rng: fastrand::Rng::with_seed(seed),
            faults: Faults::none(),
            lags_at: None,
            tags_lag: true,
            hidden: None,
            omits: Vec::new(),
            settled: 0,
            reorg: None,
            depth: 0,
            forged: Vec::new(),
            pruned: 0,
            wants_recipients: false,
            widest: u64::MAX,
            fixed: BTreeMap::new(),
            calm: 0,
            left_out: 0,
            asked: BTreeMap::new(),
            happened: BTreeMap::new(),
            previous: None,
        };
        let proxy = Self {
            url: format!("http://{}", listener.local_addr()?),
            behind: node.to_owned(),
            client: Client::new(),
            state: Arc::new(Mutex::new(mood)),
            busy: Arc::default(),
        };
        let app = Router::new().route("/", post(answer)).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(proxy)
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on, these go wrong.
    pub fn set(&self, faults: Faults) {
        self.mood().faults = faults;
    }

    /// From now on, all is passed on as it is, and the chain does not move: who asked a question before may have left
    /// while it still did.
    pub async fn settle(&self) {
        {
            let mut mood = self.mood();
            mood.faults = Faults::none();
            (mood.lags_at, mood.hidden, mood.reorg) = (None, None, None);
        }
        drop(self.busy.write().await);
    }

    /// Answers as a backend that has seen no block after this one; `None`: it has seen all.
    pub fn lag_at(&self, block: Option<u64>) {
        let mut mood = self.mood();
        (mood.lags_at, mood.tags_lag) = (block, true);
    }

    /// As [`FaultyProxy::lag_at`], but another backend answers what is asked about tags.
    pub fn lag_below_tags_at(&self, block: Option<u64>) {
        let mut mood = self.mood();
        (mood.lags_at, mood.tags_lag) = (block, block.is_none());
    }

    /// Leaves the logs of a contract out of one transaction; `None`: of none.
    pub fn hide(&self, what: Option<(Address, B256)>) {
        self.mood().hidden = what;
    }

    /// Tells these logs, as nodes write them, along with those of their contracts and blocks.
    pub fn forge(&self, logs: Vec<Value>) {
        self.mood().forged = logs;
    }

    /// Has no state before this block.
    pub fn prune(&self, before: u64) {
        self.mood().pruned = before;
    }

    /// Takes no call without a recipient, as nodes that think of transactions when they hear of calls.
    pub fn want_recipients(&self) {
        self.mood().wants_recipients = true;
    }

    /// Gives the logs of no more blocks than so many at once.
    pub fn give_no_more_blocks_than(&self, blocks: u64) {
        self.mood().widest = blocks;
    }

    /// Answers each question with this method so, whatever the node says; as a refusal, if it has an `error`.
    pub fn always(&self, method: &'static str, answer: Value) {
        self.mood().fixed.insert(method, answer);
    }

    /// Up to this block only logs of these contracts are left out at random, and no backend lags as far.
    pub fn leave_alone(&self, settled: u64, but: Vec<Address>) {
        let mut mood = self.mood();
        (mood.settled, mood.omits) = (settled, but);
    }

    /// Replaces the newest blocks before the next such question, once.
    pub fn reorg_before(&self, question: Question, depth: u64) {
        self.mood().reorg = Some(Reorg { before: Some(question), skip: 0, depth });
    }

    /// Replaces the newest blocks after so many more questions, whatever they are about, once.
    pub fn reorg_after(&self, questions: u64, depth: u64) {
        self.mood().reorg = Some(Reorg { before: None, skip: questions, depth });
    }

    /// Whether a reorg is still to come.
    #[must_use]
    pub fn is_to_move(&self) -> bool {
        self.mood().reorg.is_some()
    }

    /// [`Fault::Reorg`] and [`Fault::Rollback`] may touch at most so many of the newest blocks.
    pub fn chain_may_move(&self, depth: u64) {
        self.mood().depth = depth;
    }

    /// How many logs were left out.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.mood().left_out
    }

    /// How often that was asked.
    #[must_use]
    pub fn asked(&self, question: Question) -> usize {
        self.mood().asked.get(&question).copied().unwrap_or_default()
    }

    /// What went wrong so far, and how often.
    #[must_use]
    pub fn happened(&self) -> BTreeMap<Fault, u64> {
        self.mood().happened.clone()
    }

    fn mood(&self) -> MutexGuard<'_, Mood> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the node.
    async fn ask(&self, request: &Value) -> Result<Value> {
        let sent = self.client.post(&self.behind).header("content-type", "application/json");
        let answer = sent.body(request.to_string()).send().await?.text().await?;
        Ok(serde_json::from_str(&answer)?)
    }

    async fn ask_for(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut answer = self.ask(&request).await?;
        answer.get_mut("result").map(Value::take).ok_or_eyre("the node refused")
    }

    async fn number_of(&self, tag: &str) -> Result<u64> {
        let block = self.ask_for("eth_getBlockByNumber", json!([tag, false])).await?;
        block.get("number").and_then(number).ok_or_eyre("a block has a number")
    }

    /// Lets the chain move on, or elsewhere.
    async fn move_chain(&self, fault: Fault) -> Result<()> {
        let depth = {
            let mut mood = self.mood();
            let most = mood.depth;
            if most == 0 { 0 } else { mood.rng.u64(1..=most) }
        };
        match fault {
            Fault::Mine => {
                self.ask_for("anvil_mine", json!(["0x1"])).await?;
            }
            Fault::Reorg if depth > 0 => {
                self.ask_for("anvil_reorg", json!([depth, []])).await?;
            }
            Fault::Rollback if depth > 0 => {
                self.ask_for("anvil_rollback", json!([depth])).await?;
                self.mood().depth -= depth;
            }
            _ => {}
        }
        Ok(())
    }

    async fn respond(&self, asked: Value) -> Result<Reply> {
        let question = Question::of(&asked);
        let (fault, reorg, mut lags_at) = {
            let mut mood = self.mood();
            *mood.asked.entry(question).or_default() += 1;
            let reorg = mood.reorg.take_if(|reorg| reorg.comes_before(question));
            let is_tag = asked.pointer("/params/0").and_then(number).is_none();
            let lags = mood.tags_lag || method(&asked) != "eth_getBlockByNumber" || !is_tag;
            (mood.draw(&asked), reorg, mood.lags_at.filter(|_| lags))
        };
        if let Some(Reorg { depth, .. }) = reorg {
            self.ask_for("anvil_reorg", json!([depth, []])).await?;
        }
        match fault {
            Some(Fault::Slow) => {
                let part = self.mood().rng.f64();
                tokio::time::sleep(SLOW.mul_f64(part)).await;
            }
            Some(fault @ (Fault::Mine | Fault::Reorg | Fault::Rollback)) => {
                self.move_chain(fault).await?;
            }
            Some(Fault::StaleHead) => {
                let back = self.mood().rng.u64(1..=5);
                let seen = self.number_of("latest").await?.saturating_sub(back);
                let seen = seen.max(self.mood().settled);
                lags_at = Some(lags_at.map_or(seen, |at| at.min(seen)));
            }
            Some(Fault::Refusal) => return Ok(Reply::Json(refusal(&mut self.mood().rng, &asked))),
            Some(Fault::Http) => return Ok(Reply::Instead(http_error(&mut self.mood().rng))),
            Some(Fault::Dropped) => return Ok(Reply::Instead(cut(String::new()))),
            _ => {}
        }
        let refused = self.mood().refusal(&asked);
        if let Some((code, message)) = refused {
            let error = json!({"code": code, "message": message});
            let answer = json!({"jsonrpc": "2.0", "id": asked.get("id"), "error": error});
            return Ok(Reply::Json(answer));
        }
        let fixed = self.mood().fixed.get(method(&asked)).cloned();
        if let Some(fixed) = fixed {
            let (name, fixed) = match fixed.get("error") {
                Some(error) => ("error", error.clone()),
                None => ("result", fixed),
            };
            let id = asked.get("id");
            return Ok(Reply::Json(json!({"jsonrpc": "2.0", "id": id, name: fixed})));
        }
        let mut answer = match lags_at {
            Some(seen) => self.lagging(asked.clone(), seen).await?,
            None => self.ask(&asked).await?,
        };
        if question == Question::Logs
            && let Some(logs) = answer.get_mut("result").and_then(Value::as_array_mut)
        {
            self.mood().falsify(logs, fault);
            let forged = self.mood().forged.clone();
            logs.extend(forged.into_iter().filter(|log| lies::is_asked_for(log, &asked)));
        }
        let mut mood = self.mood();
        let kept = answer.clone();
        match fault {
            Some(Fault::Truncated) => {
                let mut text = answer.to_string();
                let keep = mood.rng.usize(0..text.len());
                text.truncate((0..=keep).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
                return Ok(Reply::Instead(as_json(StatusCode::OK, text)));
            }
            Some(Fault::Cut) => {
                let mut text = answer.to_string();
                text.truncate(text.len() / 2);
                return Ok(Reply::Instead(cut(text)));
            }
            Some(Fault::Empty) => {
                if let Some(result) = answer.get_mut("result") {
                    *result = json!("0x");
                }
            }
            Some(Fault::OtherAnswer) => {
                if let Some(previous) = mood.previous.clone() {
                    answer = previous;
                }
            }
            Some(Fault::Nonsense) => {
                let mut odd = vec![json!(7), json!({"a": []}), json!([null]), json!(true)];
                if !matches!(method(&asked), "eth_getCode" | "eth_call") {
                    // There it would make sense: see `Fault::Empty`.
                    odd.push(json!("0x"));
                }
                if let (Some(odd), Some(result)) = (mood.rng.choice(odd), answer.get_mut("result"))
                {
                    *result = odd;
                }
            }
            _ => {}
        }
        mood.previous = Some(kept);
        Ok(Reply::Json(answer))
    }

    /// Answers one question, or each of many in their order; what comes instead of one answer comes instead of all.
    async fn respond_to_all(&self, asked: Value) -> Result<Response> {
        let Value::Array(questions) = asked else {
            return Ok(match self.respond(asked).await? {
                Reply::Json(answer) => as_json(StatusCode::OK, answer.to_string()),
                Reply::Instead(response) => response,
            });
        };
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            match self.respond(question).await? {
                Reply::Json(answer) => answers.push(answer),
                Reply::Instead(response) => return Ok(response),
            }
        }
        Ok(as_json(StatusCode::OK, Value::from(answers).to_string()))
    }
}

/// What a question leads to.
enum Reply {
    /// An answer, true or not.
    Json(Value),
    /// Something else than an answer.
    Instead(Response),
}

async fn answer(State(proxy): State<FaultyProxy>, request: Bytes) -> Response {
    // To the end, whether or not who asked still listens: a chain is not left half moved.
    let answering = tokio::spawn(async move {
        let _busy = proxy.busy.read().await;
        match serde_json::from_slice(&request) {
            Ok(asked) => proxy.respond_to_all(asked).await,
            Err(error) => Err(error.into()),
        }
    });
    let answer = answering.await.unwrap_or_else(|error| Err(error.into()));
    // A node that ended, or that refuses what the proxy itself asks.
    answer.unwrap_or_else(|error| {
        (StatusCode::BAD_GATEWAY, format!("502 Bad Gateway: {error}")).into_response()
    })
}

fn method(asked: &Value) -> &str {
    asked.get("method").and_then(Value::as_str).unwrap_or_default()
}

/// A number as nodes write them.
fn number(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

fn as_json(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// An answer whose connection ends before it does.
fn cut(text: String) -> Response {
    let pieces = [Ok(text), Err(std::io::Error::other("the connection is gone"))];
    Body::from_stream(futures::stream::iter(pieces)).into_response()
}

/// Something went wrong on the way, in the words of those who stand there.
fn http_error(rng: &mut fastrand::Rng) -> Response {
    const BODIES: [(u16, &str); 6] = [
        (500, "Internal Server Error"),
        (502, "<html><h1>502 Bad Gateway</h1></html>"),
        (
            503,
            r#"{"jsonrpc":"2.0","error":{"code":-32011,"message":"no backend is currently healthy to serve traffic"},"id":null}"#,
        ),
        (504, "upstream request timeout"),
        (
            429,
            r#"{"jsonrpc":"2.0","error":{"code":429,"message":"Your app has exceeded its compute units per second capacity."},"id":null}"#,
        ),
        (429, "Too Many Requests"),
    ];
    let (status, body) = rng.choice(BODIES).unwrap_or_default();
    as_json(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), body.to_owned())
}

/// The node refuses, in the words of some provider; ranges only where there is one to make smaller.
fn refusal(rng: &mut fastrand::Rng, asked: &Value) -> Value {
    const ANY: [(i64, &str); 8] = [
        (-32005, "daily request count exceeded, request rate limited"),
        (-32016, "over rate limit"),
        (-32090, "Too many requests, reason: call rate limit exhausted, retry in 10s"),
        (-32000, "context deadline exceeded"),
        (-32000, "query timeout exceeded"),
        (-32000, "header not found"),
        (-32000, "unknown block"),
        (-32602, "block range extends beyond current head block"),
    ];
    const RANGE: [(i64, &str); 6] = [
        (-32602, "query exceeds max block range 2"),
        (-32000, "block range is bigger than maxBlockRange"),
        (-32602, "invalid params: range 9 is bigger than range limit 3"),
        (-32005, "query returned more than 10000 results"),
        (-32005, "Too many logs requested. Max logs per response is 20000."),
        (-32020, "backend response too large"),
    ];
    let end = |name: &str| asked.pointer(&format!("/params/0/{name}")).and_then(number);
    let is_range = end("fromBlock") < end("toBlock");
    let list: &[(i64, &str)] = if is_range && rng.bool() { &RANGE } else { &ANY };
    let (code, message) = rng.choice(list).copied().unwrap_or_default();
    let id = asked.get("id");
    let error = json!({"code": code, "message": message});
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}
