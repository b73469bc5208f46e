//! What can go wrong, and how often it does.

use super::{Mood, Question, method};
use serde_json::Value;
use std::collections::BTreeMap;

/// Questions after [`Fault::Empty`] that are not answered so again.
const CALM: u32 = 40;

/// What can go wrong with one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// An HTTP error: 500, 502, 503, 504 or 429.
    Http,
    /// A JSON-RPC error in the words of some provider: quota, busy, missing, and for a range of logs too
    /// many blocks or logs.
    Refusal,
    /// The connection ends without an answer.
    Dropped,
    /// The connection ends in the middle of the answer.
    Cut,
    /// The answer ends in the middle, properly.
    Truncated,
    /// The answer takes a while.
    Slow,
    /// The answer to the question before, with its id.
    OtherAnswer,
    /// The answer is of a type that makes no sense.
    Nonsense,
    /// There is nothing at that address, or the contract answered nothing; not again for a while, so that who asks twice
    /// is told.
    Empty,
    /// It is answered by a backend that has not seen the last few blocks.
    StaleHead,
    /// Some logs are left out: those of one contract in one transaction, or those at the end.
    Omitted,
    /// Some logs come twice.
    Doubled,
    /// A log is marked as removed.
    Removed,
    /// A log that nobody emitted: a copy of one in another place, or with other words.
    Foreign,
    /// Logs come without the time of their block, as many nodes send them.
    NoTimes,
    /// The chain grows by a block before the question is answered.
    Mine,
    /// Some of the newest blocks are replaced before the question is answered.
    Reorg,
    /// Some of the newest blocks are taken away before the question is answered.
    Rollback,
}

impl Fault {
    /// Whether it can happen to such a question.
    fn befalls(self, asked: &Value, calm: u32) -> bool {
        let question = Question::of(asked);
        match self {
            Self::Empty => calm == 0 && matches!(method(asked), "eth_getCode" | "eth_call"),
            Self::Omitted | Self::Doubled | Self::Removed | Self::Foreign | Self::NoTimes => {
                question == Question::Logs
            }
            _ => true,
        }
    }
}

/// How likely each fault is, per question that it can happen to. At most one happens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults(BTreeMap<Fault, f64>);

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// With one more, of this probability.
    #[must_use]
    pub fn with(mut self, fault: Fault, probability: f64) -> Self {
        self.0.insert(fault, probability);
        self
    }
}

impl Mood {
    /// What goes wrong with this question.
    pub(super) fn draw(&mut self, asked: &Value) -> Option<Fault> {
        let mut left = self.rng.f64();
        self.calm = self.calm.saturating_sub(1);
        for (fault, probability) in &self.faults.0 {
            if !fault.befalls(asked, self.calm) {
                continue;
            }
            left -= probability;
            if left < 0.0 {
                *self.happened.entry(*fault).or_default() += 1;
                if *fault == Fault::Empty {
                    self.calm = CALM;
                }
                return Some(*fault);
            }
        }
        None
    }
}
