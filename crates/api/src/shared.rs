//! Answers that everybody asks for, made once for each state of a chain.
//!
//! What is announced on a chain is the same for all who ask until something is written. The store counts what is written
//! ([`ChainStatus::writes`](devproof_store::ChainStatus::writes)), so that whoever asks learns with one look whether what was
//! answered last still holds.

use crate::{
    AnswerError, Finality, NoticeState,
    documents::{Changes, Notices},
    kept::Kept,
    rest::reply::Encoded,
};
use devproof_store::Store;
use serde::Serialize;
use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Answers of one kind that are kept. They are forgotten all at once when there are more questions: what is asked by
/// everybody comes back at once, and what somebody made up does not.
const MAX_KEPT: usize = 32;

/// The answers that are shared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// First pages of notices: of a chain, in a state, so many, with a finality.
    pub(crate) notices: Shared<(u64, NoticeState, usize, Finality), Notices>,
    /// The newest changes: of a chain, so many, with a finality.
    pub(crate) latest: Shared<(u64, usize, Finality), Changes>,
}

/// Answers of one kind, by question.
pub(crate) struct Shared<K, T>(Arc<Mutex<HashMap<K, Last<T>>>>);

/// The last answer to a question, with the state of the chain that it was made in, or before.
type Last<T> = Arc<Kept<(u64, Arc<Made<T>>)>>;

/// An answer, and what it looks like as JSON once somebody wanted it.
#[derive(Debug)]
pub(crate) struct Made<T> {
    pub(crate) answer: T,
    encoded: OnceLock<Encoded>,
}

impl<K: Eq + Hash, T> Shared<K, T> {
    /// The answer to a question about a chain: the last one if nothing of the chain was written since, else a new one.
    ///
    /// # Errors
    /// Those of making it.
    pub(crate) async fn get(
        &self,
        store: &Store,
        (chain_id, question): (u64, K),
        make: impl AsyncFnOnce() -> Result<T, AnswerError>,
    ) -> Result<Arc<Made<T>>, AnswerError> {
        // The store cannot hold a chain id of more than 63 bits.
        let known = i64::try_from(chain_id).is_ok();
        let status = if known { store.chain(chain_id).await? } else { None };
        let Some(status) = status else { return Ok(Arc::new(Made::of(make().await?))) };
        let writes = status.writes;
        let make = async || Ok::<_, AnswerError>((writes, Arc::new(Made::of(make().await?))));
        let (_, made) = self.last(question).get(|(known, _)| *known >= writes, make).await?;
        Ok(made)
    }

    fn last(&self, question: K) -> Last<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_KEPT && !all.contains_key(&question) {
            all.clear();
        }
        Arc::clone(all.entry(question).or_default())
    }
}

impl<T> Made<T> {
    const fn of(answer: T) -> Self {
        Self { answer, encoded: OnceLock::new() }
    }
}

impl<T: Serialize> Made<T> {
    /// The answer as JSON.
    ///
    /// # Errors
    /// Those of serialising.
    pub(crate) fn encoded(&self) -> serde_json::Result<&Encoded> {
        if let Some(encoded) = self.encoded.get() {
            return Ok(encoded);
        }
        let encoded = Encoded::of(serde_json::to_vec(&self.answer)?.into());
        Ok(self.encoded.get_or_init(|| encoded))
    }
}

impl<K, T> Clone for Shared<K, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, T> Default for Shared<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, T> fmt::Debug for Shared<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}
