//! How a chain, a height and a fork are one number, the id of a block: `fork · 2^44 + chains.blocks_from + height`.
//!
//! One number is the row's own key in SQLite, so that a block is found by going down one tree; with three columns it would be
//! two, and the second tree would take as much room as a fifth of the facts. Canonical blocks, whose fork is 0, have the
//! small numbers, which take the least room, and those of one chain stand together in the order of their heights.

use crate::{
    conn::{Arg, Tx, int},
    error::{Result, StoreError},
};

/// Heights are below this, 2^36: at four blocks a second enough for five centuries.
pub(crate) const HEIGHTS: u64 = 1 << 36;

/// `chains.blocks_from` of every chain is below this.
pub(crate) const PLACES: i64 = 1 << 44;

/// So many chains there can be.
pub(crate) const CHAINS: u64 = PLACES as u64 / HEIGHTS;

/// The id of the canonical block 0 of the chain `$1`.
macro_rules! blocks_from {
    () => {
        "(SELECT blocks_from FROM chains WHERE chain_id = $1)"
    };
}
pub(crate) use blocks_from;

/// The id of the block of the chain `$1` with this height on this fork.
macro_rules! on_fork {
    ($number:literal, $fork:literal) => {
        concat!($crate::ids::blocks_from!(), " + ", $number, " + ", $fork, " * 17592186044416")
    };
}
pub(crate) use on_fork;

/// The id of the canonical block 0 of a chain.
///
/// # Errors
/// [`StoreError::UnknownChain`].
pub(crate) async fn first(tx: &mut Tx, chain_id: u64) -> Result<i64> {
    let sql = "SELECT blocks_from FROM chains WHERE chain_id = $1";
    let row = tx.row(sql, &[Arg::Int(int("chain id", chain_id)?)]).await?;
    row.ok_or(StoreError::UnknownChain { chain_id })?.int(0)
}

/// What stands for the chain whose canonical block 0 has the id `first` where others are the numbers of contracts: below them all.
pub(crate) const fn speaker(first: i64) -> i64 {
    -1 - first / HEIGHTS as i64
}

/// The same for the chain `$1`.
macro_rules! chain_speaker {
    () => {
        "(SELECT -1 - blocks_from / 68719476736 FROM chains WHERE chain_id = $1)"
    };
}
pub(crate) use chain_speaker;

/// The id of a block of the chain whose canonical block 0 has the id `first`.
pub(crate) const fn id(first: i64, height: i64, fork: i64) -> i64 {
    first + height + fork * PLACES
}

/// A height that is stored.
///
/// # Errors
/// [`StoreError::OutOfRange`] for one that no chain will reach, which would be another chain's block.
pub(crate) fn height(number: u64) -> Result<i64> {
    let stored = i64::try_from(number).ok().filter(|_| number < HEIGHTS);
    stored.ok_or(StoreError::OutOfRange {
        what: "block number",
        value: number,
        largest: HEIGHTS - 1,
    })
}

/// The end of a range of heights, itself in it: what is above the largest height is cut there, which changes no answer.
pub(crate) fn up_to(number: u64) -> i64 {
    end(number.min(HEIGHTS - 1))
}

/// The end of a range of heights, itself not in it.
pub(crate) fn end(number: u64) -> i64 {
    i64::try_from(number.min(HEIGHTS)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_height_reaches_into_the_next_chain() {
        let largest = HEIGHTS - 1;
        assert_eq!(height(largest).ok(), i64::try_from(largest).ok());
        assert!(height(HEIGHTS).is_err() && height(u64::MAX).is_err());
        assert_eq!(up_to(u64::MAX), up_to(largest));
        assert_eq!(end(u64::MAX), up_to(largest) + 1);
        assert_eq!(CHAINS, 256);
    }
}
