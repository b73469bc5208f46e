//! Answers from a replica say how far it is behind: in a header, so that a document that has not changed is the same
//! document, with the same `ETag`.

use super::AppState;
use crate::{documents::ReplicaLag, kept::Kept};
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use devproof_store::Replica;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A dictionary as RFC 9651 has it: `lag=3, receiving=?1, replayed="0/3000148"`.
pub(super) const HEADER: HeaderName = HeaderName::from_static("devproof-replica");

/// How long what the server said is good for.
const FRESH: Duration = Duration::from_secs(1);

/// When the server was asked last, and what it said.
#[derive(Clone, Debug, Default)]
pub(super) struct Lag(Arc<Kept<(Instant, Option<Replica>)>>);

/// Adds the header where the answer comes from a replica. It is asked before the answer is made, so that the answer is at
/// least as new as the header says.
pub(super) async fn tell(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let lag = current(&state).await;
    let mut reply = next.run(request).await;
    if let Some(value) = lag.and_then(|lag| HeaderValue::from_str(&words(&lag)).ok()) {
        reply.headers_mut().insert(HEADER, value);
    }
    reply
}

async fn current(state: &AppState) -> Option<ReplicaLag> {
    let ask = async || state.0.store.replica().await.map(|lag| (Instant::now(), lag));
    // The answer will say what is wrong with the database.
    let (at, lag) = state.0.lag.0.get(|(at, _)| at.elapsed() < FRESH, ask).await.ok()?;
    let lag = lag?;
    let since = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
    let lag_ms = lag.lag_ms.map(|ms| ms.saturating_add(since));
    Some(Replica { lag_ms, ..lag }.into())
}

fn words(lag: &ReplicaLag) -> String {
    let mut words = Vec::new();
    words.extend(lag.lag_seconds.map(|seconds| format!("lag={seconds}")));
    words.push(format!("receiving=?{}", u8::from(lag.receiving)));
    words.extend(lag.replayed_lsn.as_ref().map(|lsn| format!("replayed=\"{lsn}\"")));
    words.join(", ")
}
