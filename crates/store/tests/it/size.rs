//! How much disk a fact takes on SQLite.

use crate::make::{CHAIN, block, contract, page, who};
use alloy_primitives::keccak256;
use devproof_store::{RawLog, Store};
use std::{fs, time::Instant};

/// Five events in each of `BLOCKS` blocks: two changes, each with the entry of the history that goes with it in the
/// same transaction, and one that came alone.
const BLOCKS: u64 = 10_000;
const APPS: u64 = 1_000;

fn events(number: u64) -> impl Iterator<Item = RawLog> {
    (0..5_u64).map(move |index| {
        let block = block(number, 0);
        let of = |index: u64| keccak256([block.hash.as_slice(), &index.to_be_bytes()].concat());
        let (seed, owner) = (of(index), who(number * 5 % APPS + index / 2));
        // ComposeHashAdded carries one word; HistoryExtended carries three, of which two are mostly zero.
        let (topics, data) = if index % 2 == 0 {
            (vec![keccak256("ComposeHashAdded(bytes32)")], seed.to_vec())
        } else {
            (
                vec![
                    keccak256("HistoryExtended(bytes32,uint8,bytes32,address)"),
                    keccak256([b"root", seed.as_slice()].concat()),
                ],
                // The hash that the event before it in the transaction added.
                [&[0; 31][..], &[0x31], of(index - 1).as_slice(), &[0; 12], &owner[..20]].concat(),
            )
        };
        RawLog {
            block,
            log_index: index,
            tx_hash: keccak256([block.hash.as_slice(), &[index as u8 / 2]].concat()),
            tx_index: index / 2,
            address: who(number * 5 % APPS + index / 2),
            topics,
            data: data.into(),
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_takes_little_more_than_itself() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.db");
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    store.ensure_chain(CHAIN, 0).await.unwrap();
    let mut previous = None;
    let begin = Instant::now();
    let mut raw = 0;
    for first in (0..BLOCKS).step_by(1_000) {
        let logs: Vec<RawLog> = (first..first + 1_000).flat_map(events).collect();
        raw += logs
            .iter()
            .map(|l| l.data.len() + 32 * l.topics.len().saturating_sub(1))
            .sum::<usize>();
        let mut page = page(previous, block(first + 999, 0), logs);
        if first == 0 {
            page.contracts = (0..APPS + 3).map(|n| contract(n, 0)).collect();
        }
        store.commit(&page).await.unwrap();
        previous = Some(page.checkpoint);
    }
    let took = begin.elapsed();
    store.close().await;
    let events = BLOCKS * 5;
    let each = fs::metadata(&path).unwrap().len() / events;
    eprintln!(
        "{events} events in {took:?}: {each} bytes each, {} of them its own",
        raw as u64 / events
    );
    // 106 when this was written: a change of schema that costs a tenth more should be meant.
    assert!(each <= 116, "{each} bytes per event");
}
