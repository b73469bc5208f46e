//! An app against the points of Stage 1.

use super::{AnswerError, When, at, key_origin::key_origins, observed};
use crate::{
    Finality, Headers,
    documents::{AtBlock, Stage, StagePoint, StageResult},
    stage::{Known, Text, assess, lately},
};
use alloy_primitives::{Address, B256, Bytes};
use devproof_compose::{
    AppCompose,
    lint::{Context, lint},
};
use devproof_primitives::ComposeHash;
use devproof_store::Store;
use jiff::Timestamp;

/// Allowed versions whose texts are looked at. Of an app with more, the others are said not to be known.
const MAX_TEXTS: usize = 8;

/// An app against the points of Stage 1, as of the last indexed block of the finality asked for. `now` is what the reader
/// takes for now.
///
/// # Errors
/// [`AnswerError`].
pub async fn stage(
    store: &Store,
    headers: Option<&dyn Headers>,
    chain_id: u64,
    app: Address,
    min_finality: Finality,
    now: Timestamp,
) -> Result<Stage, AnswerError> {
    let state = at(store, headers, chain_id, app, When::Tag(min_finality), min_finality).await?;
    stage_of(store, &state, min_finality, now).await
}

/// The same of an app that was just asked about.
///
/// # Errors
/// [`AnswerError`].
pub(crate) async fn stage_of(
    store: &Store,
    state: &AtBlock,
    min_finality: Finality,
    now: Timestamp,
) -> Result<Stage, AnswerError> {
    let (chain_id, app) = (state.chain_id, state.app);
    let mut texts: Vec<Text> = Vec::new();
    for (n, it) in state.authorised.iter().rev().enumerate() {
        let version = ComposeHash(it.compose_hash);
        let bytes = if n < MAX_TEXTS { store.compose(version).await? } else { None };
        texts.push(text(version.0, bytes).await);
    }
    let seen = observed::seen(store, chain_id, app, min_finality).await?;
    let origins = key_origins(store, chain_id, app, lately(now)).await?;
    let known = Known { texts: &texts, seen: &seen, origins: &origins, now };
    let points = assess(state, &known);
    let result = points.iter().map(|it| it.result).max().unwrap_or(StageResult::CouldNotTell);
    let sentence = sentence(&points);
    Ok(Stage {
        chain_id,
        app: state.app,
        block: state.block,
        index_head: state.index_head,
        result,
        sentence,
        points,
    })
}

/// What lint finds in the text of a version, looked at where it keeps nobody waiting.
async fn text(version: B256, bytes: Option<Bytes>) -> Text {
    let Some(bytes) = bytes else { return (version, None) };
    let looked = tokio::task::spawn_blocking(move || {
        let document = AppCompose::parse(&bytes).ok()?;
        Some(lint(&document, &Context::default()))
    });
    (version, looked.await.ok().flatten())
}

/// In one sentence, for somebody who is no engineer: what harms first.
fn sentence(points: &[StagePoint]) -> String {
    let count = |result| points.iter().filter(|it| it.result == result).count();
    let (fails, unknown) = (count(StageResult::Fail), count(StageResult::CouldNotTell));
    let first = points.iter().find(|it| it.result == StageResult::Fail);
    match first {
        Some(point) => {
            let more = match fails - 1 {
                0 => String::new(),
                1 => " One more point does not hold.".to_owned(),
                more => format!(" {more} more points do not hold."),
            };
            format!("You have to trust the people behind this app (Stage 0): {}{more}", point.why)
        }
        None => format!(
            "Nothing that we can check speaks against this app, but {unknown} of {} points nobody can tell from here.",
            points.len()
        ),
    }
}
