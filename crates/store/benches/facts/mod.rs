//! Very many facts of stock apps, written straight into a store. Also read by the bench of the service.
#![allow(clippy::unwrap_used, dead_code, reason = "a bench, and each uses a part")]

use alloy_primitives::{Address, B256, keccak256};
use devproof_store::{BlockRef, Contract, Page, RawLog, Role, Store};
use std::time::{Duration, Instant};

/// The chain they are on.
pub(crate) const CHAIN: u64 = 8453;
/// Events of one block: so many that a page is not mostly blocks, so few that it is not mostly one.
pub(crate) const PER_BLOCK: u64 = 5;
/// Contracts that are found at a time.
const PAGE_APPS: u64 = 10_000;
/// Blocks that are committed at a time.
pub(crate) const PAGE_BLOCKS: u64 = 2_000;

pub(crate) fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: keccak256(number.to_be_bytes()),
        timestamp: 1_700_000_000 + 2 * number,
    }
}

pub(crate) fn who(n: u64) -> Address {
    Address::from_word(keccak256(n.to_le_bytes()))
}

/// A stock app that adds a version, takes one back, and so on: what is allowed stays few.
fn event(block: BlockRef, index: u64, apps: u64) -> RawLog {
    let n = block.number * PER_BLOCK + index;
    // Apps speak in no order, each once a round: the factor is a prime, and the apps are a power of ten times two or less.
    let app = n % apps * 7_919 % apps;
    let (name, version) = match n / apps % 2 {
        0 => ("ComposeHashAdded(bytes32)", n / apps),
        _ => ("ComposeHashRemoved(bytes32)", n / apps - 1),
    };
    RawLog {
        block,
        log_index: index,
        tx_hash: keccak256([n.to_be_bytes(), index.to_be_bytes()].concat()),
        tx_index: index,
        address: who(app),
        topics: vec![keccak256(name)],
        data: keccak256([app.to_be_bytes(), version.to_be_bytes()].concat()).to_vec().into(),
    }
}

pub(crate) fn contract(n: u64) -> Contract {
    Contract {
        chain_id: CHAIN,
        address: who(n),
        role: Role::App,
        named_by: Some(Address::ZERO),
        code_kind: "dstack_app".to_owned(),
        code_hash: Some(B256::repeat_byte(1)),
        implementation: Some(Address::repeat_byte(2)),
        found_at: 0,
        history_verified_at: None,
    }
}

/// Writes so many events of so many apps, and follows `others` from the beginning, with what is said beside in a block. Gives the newest
/// block, and the time that writing them took; the apps themselves are not events.
pub(crate) async fn write(
    store: &Store,
    events: u64,
    apps: u64,
    others: &[Contract],
    beside: impl Fn(BlockRef) -> Vec<RawLog>,
) -> (BlockRef, Duration) {
    store.ensure_chain(CHAIN, 0).await.unwrap();
    let blocks = events / PER_BLOCK;
    let (mut previous, mut written) = (None, Duration::ZERO);
    // Before all that they say, a page of them at a time, as no more are found in one.
    for first in (0..apps).step_by(PAGE_APPS as usize) {
        let some = (first..apps.min(first + PAGE_APPS)).map(contract);
        let page = Page {
            chain_id: CHAIN,
            previous,
            contracts: some.chain(others.iter().filter(|_| first == 0).cloned()).collect(),
            blocks: Vec::new(),
            logs: Vec::new(),
            readings: Vec::new(),
            newborn: Vec::new(),
            checkpoint: block(0),
        };
        previous = Some(page.checkpoint.hash);
        store.commit(&page).await.unwrap();
    }
    for first in (0..blocks).step_by(PAGE_BLOCKS as usize) {
        let last = blocks.min(first + PAGE_BLOCKS) - 1;
        let logs = (first..=last).flat_map(|n| {
            let events = (0..PER_BLOCK).map(move |i| event(block(n), i, apps));
            events.chain(beside(block(n)))
        });
        let page = Page {
            chain_id: CHAIN,
            previous,
            contracts: Vec::new(),
            blocks: Vec::new(),
            logs: logs.collect(),
            readings: Vec::new(),
            newborn: Vec::new(),
            checkpoint: block(last),
        };
        previous = Some(page.checkpoint.hash);
        let begun = Instant::now();
        store.commit(&page).await.unwrap();
        written += if first == 0 { Duration::ZERO } else { begun.elapsed() };
    }
    (block(blocks - 1), written)
}

/// Keeps the folds of all apps, as an indexer does at the head.
pub(crate) async fn keep(store: &Store, apps: u64, head: BlockRef) {
    for first in (0..apps).step_by(1_024) {
        let some = (first..apps.min(first + 1_024)).map(contract).collect();
        store.keep_states(CHAIN, some, head).await.unwrap();
    }
}
