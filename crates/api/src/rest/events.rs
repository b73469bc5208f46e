//! Everything new, told as it comes (server-sent events), so that whoever was cut off goes on where he was.

use super::{
    AppState, ProblemReply,
    input::{self, ChainPath, InPath, InQuery, OfEvents},
    problem::Problems,
};
use crate::{AnswerError, ChangePlace, ChangesOf, Finality, Part, Surface, answers};
use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use serde_json::json;
use std::{collections::VecDeque, convert::Infallible, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::sleep};
use utoipa_axum::{router::OpenApiRouter, routes};

/// How often it is looked whether there is something new.
const LOOK: Duration = Duration::from_secs(1);

/// How long to wait after the index could not tell.
const PATIENCE: Duration = Duration::from_secs(5);

/// Changes that are asked for at a time.
const STEP: usize = 100;

pub(super) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Everything new on a chain, as it comes.
///
/// Events are `change` (data: as an entry of `changes`, id: the place behind it), `head` (data: the block up to which everything
/// is told), `told-again` (data: `{"from": block}`: a reorg; forget what was told of that block and later ones, it follows again)
/// and `not-told` (data: the app, and why something about it could not be told). Whoever comes back with `Last-Event-ID` misses
/// nothing that is indexed in order; what comes late, as when an app is followed from now on, is not told.
#[utoipa::path(
    get, path = "/v1/chains/{chainId}/events", tag = "chains", operation_id = "listen",
    params(ChainPath, OfEvents, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen.")),
    responses((status = 200, description = "A stream that does not end.", body = String, content_type = "text/event-stream"), Problems)
)]
async fn events(
    State(state): State<AppState>,
    InPath(path): InPath<ChainPath>,
    InQuery(asked): InQuery<OfEvents>,
    headers: HeaderMap,
) -> Result<Response, ProblemReply> {
    let chain = path.chain()?;
    let finality = input::finality(asked.finality.as_deref(), chain)?;
    let app = asked.app.as_deref().map(|text| input::app("app", text)).transpose()?;
    let of = ChangesOf { app };
    // A browser that comes back by itself sends the header, and still the address it was given at first.
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?"));
    let last = last.or(asked.after.as_deref());
    let after = match input::after::<ChangePlace>(last)? {
        Some(place) => Some(place),
        None => now(&state, chain, finality).await?,
    };
    let slot = state.0.listeners.clone().try_acquire_owned();
    let slot = slot.map_err(|_| ProblemReply::too_many_listeners())?;
    let listening = Listening {
        state,
        chain,
        of,
        finality,
        after,
        head: None,
        ready: VecDeque::new(),
        _slot: slot,
    };
    let stream = Sse::new(listening.stream()).keep_alive(KeepAlive::default());
    // A proxy that waits for the end of this waits for ever.
    Ok(([("x-accel-buffering", "no"), ("cache-control", "no-store")], stream).into_response())
}

/// The place behind everything there is.
async fn now(
    state: &AppState,
    chain: u64,
    finality: Finality,
) -> Result<Option<ChangePlace>, ProblemReply> {
    let (store, all, surface) = (&state.0.store, ChangesOf::default(), Surface::Rest);
    let latest = answers::latest(store, chain, all, 1, finality, surface).await?;
    latest.next.as_deref().map(|next| input::after(Some(next))).transpose().map(Option::flatten)
}

/// One client.
struct Listening {
    state: AppState,
    chain: u64,
    of: ChangesOf,
    finality: Finality,
    after: Option<ChangePlace>,
    head: Option<u64>,
    ready: VecDeque<Event>,
    _slot: OwnedSemaphorePermit,
}

impl Listening {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut this| async move {
            let event = this.next().await?;
            Some((Ok(event), this))
        })
    }

    /// The next event; `None` once the service closes.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let wait = match self.look().await {
                Ok(true) => continue,
                Ok(false) => LOOK,
                Err(error) => {
                    tracing::debug!(%error, chain = self.chain, "nothing can be told for now");
                    PATIENCE
                }
            };
            match self.state.0.closing.clone() {
                None => sleep(wait).await,
                Some(mut closing) => tokio::select! {
                    () = sleep(wait) => {}
                    _ = closing.wait_for(|closing| *closing) => return None,
                },
            }
        }
    }

    /// Looks whether there is something new, and says whether there is.
    async fn look(&mut self) -> Result<bool, AnswerError> {
        let page = Part { limit: STEP, after: self.after };
        let (store, surface) = (&self.state.0.store, Surface::Rest);
        let told =
            answers::changes_placed(store, self.chain, self.of, page, self.finality, surface)
                .await?;
        if let Some(from) = told.changes.told_again_from {
            self.say("told-again", None, &json!({ "from": from }));
        }
        for (change, place) in told.changes.changes.iter().zip(&told.places) {
            self.say("change", Some(place.to_string()), change);
        }
        for not_told in &told.changes.not_told {
            self.say("not-told", None, not_told);
        }
        let next = told.changes.next.and_then(|next| next.parse().ok());
        let more = told.changes.changes.len() == STEP || next != self.after;
        self.after = next.or(self.after);
        let block = told.changes.block;
        if !more && self.head.replace(block.number) != Some(block.number) {
            self.say("head", self.after.map(|place| place.to_string()), &block);
        }
        Ok(!self.ready.is_empty() || more)
    }

    fn say(&mut self, kind: &str, id: Option<String>, data: &impl serde::Serialize) {
        let event = Event::default().event(kind);
        let event = match id {
            Some(id) => event.id(id),
            None => event,
        };
        match event.json_data(data) {
            Ok(event) => self.ready.push_back(event),
            Err(error) => tracing::error!(%error, "an event could not be written"),
        }
    }
}
