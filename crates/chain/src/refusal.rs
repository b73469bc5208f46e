//! What a node means when it refuses.
//!
//! Every provider says it in words of its own, under codes that mean something else elsewhere: -32005 is "too many
//! logs" with one and "too many requests" with the next, and asking for less helps against the first and makes the
//! second worse. The dialects that are known are in `tests/dialects.rs`.

/// Why a node refused, as far as its words tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The range has more blocks than it takes.
    TooWide {
        /// The most it says it takes, in blocks.
        at_most: Option<u64>,
    },
    /// The range holds more logs than it sends.
    TooMany {
        /// The last block of a range that it says would do.
        up_to: Option<u64>,
    },
    /// It could not now: too much work, or nobody behind it.
    Busy,
    /// It was asked too often. Asking for less makes it worse.
    Quota,
    /// It does not hold what was asked for: it lags, or keeps no old state.
    Missing,
    /// It is not the node that refuses: the contract that was called does.
    Reverted,
    /// Anything else: asking again will not help.
    Other,
}

/// How calls end that the contract ended, in the words of geth, Nethermind, Erigon and those built on revm.
const REVERTED: [&str; 11] = [
    "revert",
    "invalid opcode",
    "invalidfeopcode",
    "opcodenotfound",
    "invalid jump",
    "invalidjump",
    "stack underflow",
    "stackunderflow",
    "stack limit",
    "out of gas",
    "outofgas",
];

/// A quota, before anything else but a contract's own words, which may be these: its words often hold those of the others ("request limit exceeded").
const QUOTA: [&str; 17] = [
    "rate limit",
    "rate-limit",
    "ratelimit",
    "rate exceeded",
    "too many requests",
    "request limit",
    "requests limit",
    "request count exceeded",
    "requests per second",
    "/second",
    "compute units",
    "capacity",
    "credits",
    "quota",
    "throttl",
    "monthly",
    "daily",
];

const MISSING: [&str; 13] = [
    "beyond current head",
    "unknown block",
    "block not found",
    "block does not exist",
    "header not found",
    "header for hash not found",
    "cannot be found",
    "could not be found",
    "missing trie node",
    "historical state",
    "pruned",
    "pruning",
    "requested block is too old",
];

const TOO_WIDE: [&str; 13] = [
    "block range",
    "blocks range",
    "range limit",
    "exceeds limit of",
    "bigger than range",
    "range is too",
    "range too",
    "ranges over",
    "range exceeds",
    "limited to",
    "limit the query to",
    "maximum range",
    "max range",
];

const TOO_MANY: [&str; 10] = [
    "max results",
    "query returned more than",
    "too many results",
    "too many logs",
    "too many events",
    "response size",
    "response too large",
    "response is too big",
    "result size",
    "more than 10000 results",
];

const BUSY: [&str; 16] = [
    "timeout",
    "timed out",
    "time out",
    "deadline exceeded",
    "no backend",
    "not healthy",
    "unhealthy",
    "overloaded",
    "too busy",
    "try again",
    "temporar",
    "unavailable",
    "bad gateway",
    "internal error",
    "internal server error",
    "upstream",
];

impl Refusal {
    /// Reads a refusal. `status` is that of HTTP where it was not 200.
    #[must_use]
    pub fn of(code: i64, message: &str, status: Option<u16>) -> Self {
        let words = message.to_lowercase();
        let says = |list: &[&str]| list.iter().any(|part| words.contains(part));
        // First: a contract chooses the words it reverts with, and must not pass for a node that is too busy.
        if code == 3 || says(&REVERTED) {
            return Self::Reverted;
        }
        if status == Some(429) || code == 429 || says(&QUOTA) {
            return Self::Quota;
        }
        if says(&MISSING) {
            return Self::Missing;
        }
        // "query exceeds max results 20000, retry with the range 1-2" has a range in it, and
        // "up to a 2K block range ... cap of 10K logs in the response" a block range.
        if says(&TOO_MANY) {
            return Self::TooMany { up_to: suggested_end(&words) };
        }
        if says(&TOO_WIDE) {
            return Self::TooWide { at_most: width(&words) };
        }
        if says(&BUSY) || matches!(status, Some(408 | 500 | 502..=504)) {
            return Self::Busy;
        }
        if status == Some(413) {
            return Self::TooMany { up_to: None };
        }
        Self::Other
    }

    /// Whether asking the same again later may succeed.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Busy | Self::Quota | Self::Missing)
    }
}

/// The end of the range that the words say would work: "[0x1a30dfd, 0x1a30ff0]", or "retry with the range 5-9".
fn suggested_end(words: &str) -> Option<u64> {
    if let Some((_, range)) = words.rsplit_once('[') {
        let (_, end) = range.split_once(']')?.0.split_once(',')?;
        return number(end.trim());
    }
    let (_, range) = words.rsplit_once("range ")?;
    let (_, end) = range.split_once('-')?;
    let end = end.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    number(end)
}

/// How many blocks the words say a range may have: the least of their numbers, for "block range = 5120, max block range
/// = 5000" names both; but only where they say "this range would work", its own width.
fn width(words: &str) -> Option<u64> {
    if let Some((_, range)) = words.rsplit_once('[')
        && let Some((range, _)) = range.split_once(']')
        && let Some((start, end)) = range.split_once(',')
        && let (Some(start), Some(end)) = (number(start.trim()), number(end.trim()))
    {
        return end.checked_sub(start)?.checked_add(1);
    }
    words
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == ','))
        .filter_map(number)
        .filter(|n| *n > 0)
        .min()
}

/// A number as people write them: 0x10, 10,000, 10k.
fn number(word: &str) -> Option<u64> {
    if let Some(hex) = word.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok();
    }
    let plain: String = word.chars().filter(|c| *c != ',').collect();
    match plain.strip_suffix('k') {
        Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1_000),
        None => plain.parse().ok(),
    }
}
