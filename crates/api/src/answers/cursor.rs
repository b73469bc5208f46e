//! Where a page ended, so that the next can begin there: in a place that is named by its block's hash, so that after a
//! reorg nothing is left out silently.

use super::AnswerError;
use alloy_primitives::B256;
use devproof_primitives::BlockRef;
use devproof_store::Store;
use std::{fmt, str::FromStr};

/// The most entries of a page, and as many as there are if nobody asks for fewer.
pub const MAX_PAGE: usize = 1000;

/// Which part of a long answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<C = Cursor> {
    /// At most so many entries; never more than [`MAX_PAGE`], never none.
    pub limit: usize,
    /// Behind this place; `None` for the beginning.
    pub after: Option<C>,
}

impl<C> Part<C> {
    /// The page behind a place, with as many entries as a page may have.
    #[must_use]
    pub const fn after(after: Option<C>) -> Self {
        Self { limit: MAX_PAGE, after }
    }

    pub(super) fn size(&self) -> usize {
        self.limit.clamp(1, MAX_PAGE)
    }
}

impl<C> Default for Part<C> {
    fn default() -> Self {
        Self::after(None)
    }
}

/// The place of the last entry of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Number of its block.
    pub number: u64,
    /// Hash of its block.
    pub hash: B256,
    /// How much of the block was told.
    pub told: u64,
    /// How many facts the answer drew on up to the end of that block: if there are others by now, entries may have come
    /// before this place.
    pub facts: u64,
}

impl Cursor {
    /// Refuses to go on behind a block that is not on the chain any more.
    pub(super) async fn must_stand(
        &self,
        store: &Store,
        chain_id: u64,
    ) -> Result<BlockRef, AnswerError> {
        match store.block_by_hash(chain_id, self.hash).await? {
            Some((block, true)) if block.number == self.number => Ok(block),
            _ => Err(AnswerError::CursorGone { number: self.number, hash: self.hash }),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:#x}-{}-{}", self.number, self.hash, self.told, self.facts)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let mut parts = text.split('-');
            let mut next = || parts.next().filter(|part| !part.starts_with('+'));
            let number = next()?.parse().ok()?;
            let hash = next()?.strip_prefix("0x").filter(|digits| digits.len() == 64)?;
            let hash = hash.parse().ok()?;
            let (told, facts) = (next()?.parse().ok()?, next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { number, hash, told, facts })
        };
        read().ok_or_else(|| {
            format!(
                "a page begins behind the `next` of the page before it, as it was given, not {}",
                crate::parse::quote(text)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        let cursor = Cursor { number: 7, hash: B256::repeat_byte(0xab), told: 2, facts: 9 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "7", "7-0x12-1-1", &format!("{cursor}-1"), "é", "-", "---"] {
            let why = wrong.parse::<Cursor>().unwrap_err();
            assert!(why.starts_with("a page begins behind the `next`"), "{why}");
        }
    }
}
