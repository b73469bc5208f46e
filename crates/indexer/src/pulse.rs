//! How the indexer is doing, for those who look at it from outside: readiness, metrics, progress.

use crate::metrics::Counts;
use alloy_primitives::Address;
use devproof_chain::Heads;
use devproof_primitives::BlockRef;
use devproof_store::ChainStatus;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Taken for the time between two blocks where the index holds too few to tell: that of Ethereum.
const UNKNOWN_BLOCK_TIME: Duration = Duration::from_secs(12);
/// Times in the database are whole seconds, of two clocks.
const ROUNDING: Duration = Duration::from_secs(2);
/// How many stored blocks tell the time between two.
pub const BLOCK_TIME_SAMPLE: u32 = 32;

/// How one indexer is doing. Cheap to clone; all clones see the same.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    state: Arc<Mutex<State>>,
    pub(crate) counts: Counts,
}

/// What is known of the chain and of the last look at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The last look that ended well.
    pub(crate) beat: Option<Beat>,
    /// What went wrong since.
    trouble: Option<Trouble>,
    /// Another process writes.
    standby: bool,
    poll: Duration,
    stage: Option<Stage>,
}

#[derive(Clone, Debug)]
struct Trouble {
    words: String,
    passing: bool,
}

/// A look at the chain that ended with everything indexed that the node had.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    pub(crate) heads: Heads,
    pub(crate) checkpoint: BlockRef,
    /// When the node was asked for its head, and how long all that followed took.
    looked: Instant,
    took: Duration,
    /// When the newest block came, as far as its own time and our looks tell.
    came: Instant,
    block_time: Option<Duration>,
}

/// What takes long at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Blocks of the chain, in order.
    Blocks {
        /// Where this run began.
        from: u64,
        /// The last one that is indexed.
        done: u64,
        /// The one it goes to.
        to: u64,
    },
    /// What a contract did before it was found, from the upper end down.
    Past {
        /// The contract.
        contract: Address,
        /// Its upper end when this process began with it.
        from: u64,
        /// The lowest block that is read.
        done: u64,
        /// The block it goes down to.
        to: u64,
    },
}

/// Whether answers are about the chain as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The one word for why not; `None`: it is.
    pub reason: Option<Reason>,
    /// The same in a sentence, without a full stop.
    pub detail: String,
    /// Since the newest block came.
    pub block_age: Option<Duration>,
    /// Between two blocks, as the headers in the index tell.
    pub block_time: Option<Duration>,
}

/// Why answers may be out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nobody has looked at the chain yet.
    Starting,
    /// It is being read, and its head not reached.
    CatchingUp,
    /// It does not grow, or the node does not see it grow.
    Stalled,
    /// The last look at it failed.
    Failing,
    /// Whoever indexes does not do so any more.
    NotIndexed,
}

impl Reason {
    /// In one word, as documents say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::CatchingUp => "catching_up",
            Self::Stalled => "stalled",
            Self::Failing => "failing",
            Self::NotIndexed => "not_indexed",
        }
    }
}

impl Readiness {
    /// Whether answers are about the chain as it is now.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.reason.is_none()
    }
}

impl Pulse {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often the node is asked.
    pub(crate) fn polls_every(&self, poll: Duration) {
        self.state().poll = poll;
    }

    /// Another process writes, or this one does again.
    pub fn stands_by(&self, standby: bool) {
        let mut state = self.state();
        if standby {
            // What was known is not news any more when its turn comes.
            state.beat = None;
        } else if state.standby {
            self.counts.takeovers.inc();
        }
        state.standby = standby;
    }

    /// Whether another process writes, so that what is in the database tells more than what is here.
    #[must_use]
    pub fn is_standby(&self) -> bool {
        self.state().standby
    }

    /// Everything is indexed that the node had when it was asked.
    pub(crate) fn beat(
        &self,
        looked: Instant,
        heads: Heads,
        checkpoint: BlockRef,
        block_time: Option<Duration>,
    ) {
        let mut state = self.state();
        let came = match state.beat {
            Some(before) if before.heads.latest == heads.latest => before.came,
            // Its own time, if that is between the two looks at the node.
            before => {
                let age = age(heads.latest.timestamp) + looked.elapsed();
                let came = Instant::now().checked_sub(age).unwrap_or(looked);
                before.map_or(came, |before| came.max(before.looked)).min(looked)
            }
        };
        state.beat =
            Some(Beat { heads, checkpoint, looked, took: looked.elapsed(), came, block_time });
        (state.trouble, state.stage) = (None, None);
        self.counts.polls.inc();
    }

    /// A look at the chain failed; `passing`: it is tried again.
    pub fn failed(&self, error: &crate::IndexError) {
        self.counts.failed(error);
        self.state().trouble =
            Some(Trouble { words: error.to_string(), passing: error.is_passing() });
    }

    pub(crate) fn at(&self, stage: Stage) {
        self.state().stage = Some(stage);
    }

    /// The past of a contract is read from `done` on, and is to be from `to` on.
    pub(crate) fn at_past(&self, contract: Address, upper: u64, done: u64, to: u64) {
        let mut state = self.state();
        let from = match state.stage {
            Some(Stage::Past { contract: same, from, .. }) if same == contract => from,
            _ => upper,
        };
        state.stage = Some(Stage::Past { contract, from, done, to });
    }

    /// What takes long at the moment; `None` between two looks at the chain.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        self.state().stage
    }

    /// Whether what is indexed is the chain as it is now: the newest block came no longer ago than two blocks and a
    /// poll take.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let state = self.state();
        let not = |reason, detail| Readiness {
            reason: Some(reason),
            detail,
            block_age: state.beat.map(|beat| beat.came.elapsed()),
            block_time: state.beat.and_then(|beat| beat.block_time),
        };
        if let Some(Trouble { words, passing: false }) = &state.trouble {
            return not(Reason::Failing, words.clone());
        }
        let Some(beat) = state.beat else {
            return match (&state.trouble, state.stage) {
                (Some(trouble), _) => not(Reason::Failing, trouble.words.clone()),
                (None, Some(_)) => {
                    not(Reason::CatchingUp, "the chain is being read for the first time".to_owned())
                }
                (None, None) => not(Reason::Starting, "the node has not been asked yet".to_owned()),
            };
        };
        let judged =
            judge(beat.came.elapsed(), beat.block_time, state.poll + beat.took, Duration::ZERO);
        match (&state.trouble, judged.reason) {
            (Some(trouble), Some(_)) => not(Reason::Failing, trouble.words.clone()),
            (None, Some(_)) if state.stage.is_some() => not(
                Reason::CatchingUp,
                "the chain is being read and its head not reached".to_owned(),
            ),
            _ => judged,
        }
    }
}

/// As [`Pulse::readiness`], for a process that does not index: from what the one that does left in the database.
/// `poll` is how often that one is taken to look.
#[must_use]
pub fn stored_readiness(
    status: &ChainStatus,
    block_time: Option<Duration>,
    poll: Duration,
) -> Readiness {
    let not = |reason, detail: &str| Readiness {
        reason: Some(reason),
        detail: detail.to_owned(),
        block_age: None,
        block_time,
    };
    let (Some(checkpoint), Some(tags)) = (status.checkpoint, status.tags) else {
        return not(Reason::Starting, "the chain has not been read to its head yet");
    };
    if checkpoint.number < tags.head.number {
        return not(Reason::CatchingUp, "the chain is being read and its head not reached");
    }
    // A chain whose clock is ahead cannot be younger than the look at it.
    let judged = judge(age(tags.head.timestamp.min(tags.polled_at)), block_time, poll, ROUNDING);
    let polled = age(tags.polled_at);
    if !judged.is_ready() && polled > poll + ROUNDING {
        let detail = format!(
            "nobody has looked at the chain for {} s; is `devproof index` running?",
            polled.as_secs()
        );
        return Readiness { reason: Some(Reason::NotIndexed), detail, ..judged };
    }
    judged
}

/// Two blocks and a poll: a chain that missed one block is not stuck, and of one that is, whoever asks must know by then.
fn judge(
    block_age: Duration,
    block_time: Option<Duration>,
    poll: Duration,
    rounding: Duration,
) -> Readiness {
    let between = block_time.unwrap_or(UNKNOWN_BLOCK_TIME);
    let stalled = block_age > between * 2 + poll + rounding;
    let (age, every) = (block_age.as_secs_f64(), between.as_secs_f64());
    let detail = if stalled {
        format!("the newest block came {age:.1} s ago, and they come every {every:.1} s")
    } else {
        format!("the newest block came {age:.1} s ago")
    };
    Readiness {
        reason: stalled.then_some(Reason::Stalled),
        detail,
        block_age: Some(block_age),
        block_time,
    }
}

/// How long ago a time is, by our clock; zero for one in the future.
pub(crate) fn age(timestamp: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_secs(timestamp))
}

/// The time between two blocks, from headers of a chain, highest first; they need not be neighbours. Pauses of the chain
/// do not count, or one that was stuck for an hour would be called fast enough for the next one. `None` for fewer than
/// two blocks, or a clock that stands still.
#[must_use]
pub fn block_time(blocks: &[BlockRef]) -> Option<Duration> {
    let mut steps: Vec<(f64, u64, u64)> = blocks
        .iter()
        .zip(blocks.iter().skip(1))
        .filter_map(|(upper, lower)| {
            let count = upper.number.checked_sub(lower.number).filter(|n| *n > 0)?;
            let seconds = upper.timestamp.checked_sub(lower.timestamp)?;
            Some((seconds as f64 / count as f64, count, seconds))
        })
        .collect();
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: u64 = steps.iter().map(|step| step.1).sum();
    let mut seen = 0;
    let median = steps.iter().find(|step| {
        seen += step.1;
        seen * 2 >= total
    })?;
    // Headers tell whole seconds: on a chain that is faster, most steps take none and some take one.
    let longest = (median.0 * 3.0).max(1.0);
    let usual = steps.iter().filter(|step| step.0 <= longest);
    let (count, seconds) = usual.fold((0, 0), |(n, s), step| (n + step.1, s + step.2));
    (seconds > 0).then(|| Duration::from_secs_f64(seconds as f64 / count as f64))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use devproof_store::Tags;

    fn block(number: u64, timestamp: u64) -> BlockRef {
        BlockRef { number, timestamp, hash: Default::default() }
    }

    #[test]
    fn pauses_do_not_make_a_chain_slow() {
        let mut blocks: Vec<_> = (0..20).map(|n| block(n, 12 * n)).collect();
        blocks.extend((20..32).map(|n| block(n, 12 * n + 3_600)));
        blocks.reverse();
        assert_eq!(block_time(&blocks), Some(Duration::from_secs(12)));
    }

    #[test]
    fn blocks_that_were_not_stored_count_as_well() {
        let sparse = [block(1_000, 2_000), block(900, 1_800), block(899, 1_798), block(0, 0)];
        assert_eq!(block_time(&sparse), Some(Duration::from_secs(2)));
    }

    #[test]
    fn chains_faster_than_a_second_are_seen_to_be() {
        let mut fast: Vec<_> = (0..32).map(|n| block(n, n / 4)).collect();
        fast.reverse();
        let time = block_time(&fast).unwrap().as_secs_f64();
        assert!((0.2..0.3).contains(&time), "{time}");
    }

    #[test]
    fn too_little_tells_nothing() {
        assert_eq!(block_time(&[]), None);
        assert_eq!(block_time(&[block(5, 5)]), None);
        assert_eq!(block_time(&[block(6, 5), block(5, 5)]), None);
    }

    #[test]
    fn two_blocks_and_a_poll() {
        let s = Duration::from_secs;
        let is = |age| judge(s(age), Some(s(12)), s(5), s(0)).is_ready();
        assert!(is(29) && !is(30));
    }

    #[test]
    fn what_is_stored_is_judged_by_the_clock() {
        let now = age(0).as_secs();
        let status = |head: u64, polled_at: u64, done: u64| ChainStatus {
            chain_id: 1,
            start_block: 0,
            checkpoint: Some(block(done, head)),
            tags: Some(Tags { head: block(7, head), safe: None, finalized: None, polled_at }),
            is_observed: false,
        };
        let s = Duration::from_secs;
        let judged = |status| stored_readiness(&status, Some(s(2)), s(5)).reason;
        assert_eq!(judged(status(now - 1, now, 7)), None);
        assert_eq!(judged(status(now - 60, now, 7)), Some(Reason::Stalled));
        assert_eq!(judged(status(now - 60, now - 59, 7)), Some(Reason::NotIndexed));
        assert_eq!(judged(status(now - 1, now, 6)), Some(Reason::CatchingUp));
        // A chain whose clock is ahead of ours is not fresh for ever.
        assert_eq!(judged(status(now + 900, now - 60, 7)), Some(Reason::NotIndexed));
        let unread = ChainStatus { checkpoint: None, tags: None, ..status(0, 0, 0) };
        assert_eq!(judged(unread), Some(Reason::Starting));
    }
}
