//! Many small questions in one request.
//!
//! Who asks many things at once waits for each answer's way there and back. Here a question that comes while others are
//! under way waits for them, and goes with all that came meanwhile as one batch of JSON-RPC; one that comes alone goes at
//! once, as it is. What a batch does not answer is asked again alone, so that a node that takes no batches, or small ones
//! only, answers all the same; it is remembered how many it takes.

use crate::Refusal;
use alloy::{
    rpc::json_rpc::{Id, RequestPacket, Response, ResponsePacket, SerializedRequest},
    transports::{HttpError, RpcError, TransportError, TransportErrorKind, TransportFut},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, oneshot},
};
use tower::Service;

/// Questions whose answers are short and quickly found: none holds up the others of its batch.
const SMALL: [&str; 4] = ["eth_call", "eth_getCode", "eth_getStorageAt", "eth_getBlockByNumber"];

/// The most questions in one request: the least that hosted nodes were found to allow is rather more than a hundred, or
/// so few that they refuse this.
const MOST: usize = 100;

/// Requests with such questions that are under way at a time: one is answered while the other travels.
const UNDER_WAY: usize = 2;

/// Questions that are asked alone at a time, of those that no batch answered.
const ALONE: usize = 16;

/// So often in a row a batch may get lost on the way before smaller ones are tried.
const STRIKES: u32 = 3;

/// How many questions are tried next where more were refused: a node that takes no batch is found out with three. Not a part of
/// what was refused: how much waits just then is an accident, and what is learned from it stays.
const STEPS: [usize; 3] = [25, 6, 1];

/// A transport that gathers small questions.
#[derive(Clone, Debug)]
pub(crate) struct Gathering<T> {
    inner: T,
    desk: Arc<Mutex<Desk>>,
    alone: Arc<Semaphore>,
}

#[derive(Debug)]
struct Desk {
    waiting: VecDeque<Waiting>,
    under_way: usize,
    /// The most questions that the node takes at once, as far as it refused more.
    most: usize,
    /// Batches that got lost since one was answered.
    lost: u32,
}

#[derive(Debug)]
struct Waiting {
    request: SerializedRequest,
    answer: oneshot::Sender<Answer>,
}

#[derive(Debug)]
enum Answer {
    Given(Result<ResponsePacket, TransportError>),
    /// There is none: the question has to be asked alone.
    None,
}

impl<T> Gathering<T> {
    pub(crate) fn new(inner: T) -> Self {
        let desk = Desk { waiting: VecDeque::new(), under_way: 0, most: MOST, lost: 0 };
        let (desk, alone) = (Arc::new(Mutex::new(desk)), Arc::new(Semaphore::new(ALONE)));
        Self { inner, desk, alone }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Gathering<T>
where
    T: Service<
            RequestPacket,
            Response = ResponsePacket,
            Error = TransportError,
            Future = TransportFut<'static>,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    /// Sends what waits, request after request, until nothing does.
    async fn carry(mut self, mut carrier: Carrier) {
        while let Some(questions) = self.next() {
            let questions = match <[Waiting; 1]>::try_from(questions) {
                Ok([only]) => {
                    let answer = self.inner.call(RequestPacket::Single(only.request)).await;
                    // Who does not wait any more does not mind.
                    let _ = only.answer.send(Answer::Given(answer));
                    continue;
                }
                Err(questions) => questions,
            };
            let requests = questions.iter().map(|one| one.request.clone()).collect();
            let answer = self.inner.call(RequestPacket::Batch(requests)).await;
            self.learn(&answer, questions.len());
            hand_out(answer, questions);
        }
        carrier.is_done = true;
    }

    /// The questions of the next request; without any, this was the last one of whoever sends them.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut desk = self.desk();
        if desk.most <= 1 {
            // They ask alone.
            desk.waiting.clear();
        }
        let mut questions = Vec::new();
        while questions.len() < desk.most
            && let Some(question) = desk.waiting.pop_front()
        {
            if !question.answer.is_closed() {
                questions.push(question);
            }
        }
        if questions.is_empty() {
            desk.under_way = desk.under_way.saturating_sub(1);
            return None;
        }
        Some(questions)
    }

    /// Remembers how a batch of so many questions fared.
    fn learn(&self, answer: &Result<ResponsePacket, TransportError>, count: usize) {
        let mut desk = self.desk();
        match fate(answer) {
            Fate::Answered => desk.lost = 0,
            Fate::TooMuchWork => {}
            Fate::Lost => {
                desk.lost += 1;
                if desk.lost >= STRIKES {
                    (desk.lost, desk.most) = (0, desk.most.min(step_below(count)));
                }
            }
            Fate::Refused => desk.most = desk.most.min(step_below(count)),
        }
        tracing::trace!(count, most = desk.most, "a batch of questions");
    }
}

fn step_below(count: usize) -> usize {
    STEPS.into_iter().find(|step| *step < count).unwrap_or(1)
}

/// Makes sure that nobody waits for who does not come any more: his runtime may have ended, even before he set out.
struct Carrier {
    desk: Arc<Mutex<Desk>>,
    is_done: bool,
}

impl Drop for Carrier {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.under_way = desk.under_way.saturating_sub(1);
        // They ask alone then.
        desk.waiting.clear();
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its questions were answered, one by one.
    Answered,
    /// The node was asked too much, by whatever number of questions in a request.
    TooMuchWork,
    /// Nobody knows whether it was because of what it was.
    Lost,
    /// Because it was a batch, or one of so many.
    Refused,
}

fn fate(answer: &Result<ResponsePacket, TransportError>) -> Fate {
    let why = match answer {
        Ok(ResponsePacket::Batch(_)) => return Fate::Answered,
        Ok(ResponsePacket::Single(one)) => match one.payload.as_error() {
            Some(error) => Refusal::of(error.code, &error.message, None),
            None => Refusal::Other,
        },
        Err(RpcError::Transport(TransportErrorKind::HttpError(HttpError { status, body }))) => {
            Refusal::of(0, body, Some(*status))
        }
        Err(_) => return Fate::Lost,
    };
    match why {
        Refusal::Quota => Fate::TooMuchWork,
        Refusal::Busy | Refusal::Missing => Fate::Lost,
        _ => Fate::Refused,
    }
}

/// Gives each question its answer, where there is exactly one.
fn hand_out(answer: Result<ResponsePacket, TransportError>, questions: Vec<Waiting>) {
    let told = |question: Waiting, answer| drop(question.answer.send(answer));
    let is_quota = fate(&answer) == Fate::TooMuchWork;
    match answer {
        Ok(ResponsePacket::Batch(answers)) => {
            let mut by_id: HashMap<Id, Option<Response>> = HashMap::with_capacity(answers.len());
            for one in answers {
                by_id
                    .entry(one.id.clone())
                    // Two answers to one question are none.
                    .and_modify(|first| *first = None)
                    .or_insert(Some(one));
            }
            for question in questions {
                let one = by_id.get_mut(question.request.id()).and_then(Option::take);
                let one = one.map(|one| Answer::Given(Ok(ResponsePacket::Single(one))));
                told(question, one.unwrap_or(Answer::None));
            }
        }
        // To ask each alone would be to ask still more.
        Ok(ResponsePacket::Single(one)) if is_quota => {
            for question in questions {
                let one =
                    Response { id: question.request.id().clone(), payload: one.payload.clone() };
                told(question, Answer::Given(Ok(ResponsePacket::Single(one))));
            }
        }
        Err(RpcError::Transport(TransportErrorKind::HttpError(HttpError { status, body })))
            if is_quota =>
        {
            for question in questions {
                let error = TransportErrorKind::http_error(status, body.clone());
                told(question, Answer::Given(Err(error)));
            }
        }
        _ => questions.into_iter().for_each(|question| told(question, Answer::None)),
    }
}

impl<T> Service<RequestPacket> for Gathering<T>
where
    T: Service<
            RequestPacket,
            Response = ResponsePacket,
            Error = TransportError,
            Future = TransportFut<'static>,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        let (request, handle) = match (request, Handle::try_current()) {
            (RequestPacket::Single(one), Ok(handle)) if SMALL.contains(&one.method()) => {
                (one, handle)
            }
            (request, _) => return self.inner.call(request),
        };
        let mut this = self.clone();
        Box::pin(async move {
            let mut start = None;
            let waits = {
                let mut desk = this.desk();
                if desk.most > 1 {
                    let (answer, waits) = oneshot::channel();
                    desk.waiting.push_back(Waiting { request: request.clone(), answer });
                    if desk.under_way < UNDER_WAY {
                        desk.under_way += 1;
                        let carrier = Carrier { desk: this.desk.clone(), is_done: false };
                        start = Some(carrier);
                    }
                    Some(waits)
                } else {
                    None
                }
            };
            if let Some(carrier) = start {
                // A task of its own: who asked first may stop waiting, and the others do not.
                handle.spawn(this.clone().carry(carrier));
            }
            if let Some(waits) = waits
                && let Ok(Answer::Given(answer)) = waits.await
            {
                return answer;
            }
            let permit = this.alone.clone().acquire_owned().await;
            let answer = this.inner.call(RequestPacket::Single(request)).await;
            drop(permit);
            answer
        })
    }
}
