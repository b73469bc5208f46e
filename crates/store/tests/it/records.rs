//! What was held is told as it was then, whatever came, went or was refuted since.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, draws, log, page, reading, who},
};
use devproof_store::{Backfill, BlockRef, Contract, RawLog, Reading, Store};

fn app() -> Contract {
    contract(1, 0)
}

/// Everything that was held at some time.
#[derive(Debug, PartialEq)]
struct Held {
    head: Option<BlockRef>,
    logs: Vec<RawLog>,
    readings: Vec<Reading>,
}

async fn now(store: &Store) -> Held {
    Held {
        head: store.chain(CHAIN).await.unwrap().unwrap().checkpoint,
        logs: store.logs(CHAIN, &[who(1)], u64::MAX).await.unwrap(),
        readings: store.readings(CHAIN, who(1), u64::MAX).await.unwrap(),
    }
}

async fn as_of(store: &Store, entry: u64, head: Option<BlockRef>) -> Held {
    Held {
        head,
        logs: store.logs_as_of(&app(), entry, u64::MAX).await.unwrap(),
        readings: store.readings_as_of(&app(), entry, u64::MAX).await.unwrap(),
    }
}

/// Random lives; after each step what is held is noted down, and in the end every note is read from the journal.
pub(crate) async fn what_was_held_is_told_as_it_was(db: &Db) {
    let lives = if db.cluster().is_some() { 3 } else { 16 };
    let (mut gone, mut came) = (0, 0);
    for life in 0..lives {
        let mut draw = draws(life);
        let store = db.store().await;
        store.upsert_contract(&app()).await.unwrap();
        let mut chain: Vec<BlockRef> = Vec::new();
        let (mut branch, mut late, mut notes, mut left) = (0, Vec::new(), Vec::new(), Vec::new());
        for _ in 0..24 {
            match draw(9) {
                0..=2 => {
                    let (previous, first) = (chain.last().copied(), chain.len() as u64);
                    let new: Vec<_> =
                        (first..first + 1 + draw(6)).map(|n| block(n, branch)).collect();
                    let logs =
                        new.iter().flat_map(|b| (0..b.hash[0] as u64 % 4).map(|i| log(*b, i, 1)));
                    let (held, out): (Vec<_>, Vec<_>) = logs.partition(|_| draw(5) > 0);
                    late.extend(out);
                    store.commit(&page(previous, *new.last().unwrap(), held)).await.unwrap();
                    chain.extend(new);
                }
                3 => {
                    // Nothing new, which may be told with what was told before it.
                    let previous = chain.last().copied();
                    chain.push(block(chain.len() as u64, branch));
                    store.commit(&page(previous, *chain.last().unwrap(), vec![])).await.unwrap();
                }
                4 if chain.len() > 1 => {
                    let stays = chain.len() - (draw(8) as usize).min(chain.len() - 1);
                    left = chain.split_off(stays);
                    store.rewind(CHAIN, chain.last()).await.unwrap();
                    late.retain(|log: &RawLog| chain.contains(&log.block));
                    branch += 1;
                }
                // The branch that was left is the right one after all.
                5 if left.first().is_some_and(|b| b.number == chain.len() as u64) => {
                    let previous = chain.last().copied();
                    let mut back = page(previous, *left.last().unwrap(), vec![]);
                    back.blocks.clone_from(&left);
                    store.commit(&back).await.unwrap();
                    chain.append(&mut left);
                }
                6 if !late.is_empty() => {
                    let at = *chain.last().unwrap();
                    let all: Vec<RawLog> = std::mem::take(&mut late);
                    for log in all {
                        let number = log.block.number;
                        let of = Backfill {
                            chain_id: CHAIN,
                            address: who(1),
                            from: number,
                            to: number,
                            logs: vec![log.clone()],
                        };
                        if store.commit_backfill(&of).await.is_err() {
                            store.commit(&page(Some(at), at, vec![log])).await.unwrap();
                        }
                    }
                }
                7 if !chain.is_empty() => {
                    let of = chain[draw(chain.len() as u64) as usize];
                    let at = chain.last().unwrap();
                    store.add_readings(CHAIN, who(1), &[reading(of)], at).await.unwrap();
                }
                8 if !chain.is_empty() => {
                    let held = store.logs(CHAIN, &[who(1)], u64::MAX).await.unwrap();
                    if let Some(log) = held.get(draw(held.len() as u64 + 1) as usize) {
                        let (at, log) = (chain.last().unwrap(), std::slice::from_ref(log));
                        store.refute(CHAIN, log, "its header", at).await.unwrap();
                    }
                }
                _ => continue,
            }
            if let Some(entry) = store.entry_at(CHAIN, u64::MAX).await.unwrap() {
                // Of quiet pages in one entry the last is told.
                notes.retain(|(number, _)| *number != entry.number);
                notes.push((entry.number, now(&store).await));
                assert_eq!(entry.head, chain.last().copied());
            }
        }
        let today = now(&store).await;
        for (entry, noted) in &notes {
            let told = as_of(&store, *entry, noted.head).await;
            assert_eq!(told, *noted, "life {life}, entry {entry}");
            for log in noted.logs.iter().filter(|log| !today.logs.contains(log)) {
                let went = store.went(log, CHAIN, *entry).await.unwrap().unwrap();
                assert!(went > *entry, "{went} after {entry}");
                gone += 1;
            }
            for log in today.logs.iter().filter(|log| !noted.logs.contains(log)) {
                let with = store.came(log, CHAIN).await.unwrap().unwrap();
                assert!(with > *entry, "{with} after {entry}");
                came += 1;
            }
            let head = noted.head.unwrap();
            let block = store.block_as_of(CHAIN, *entry, (u64::MAX, None)).await.unwrap();
            assert_eq!(block, Some(head), "life {life}, entry {entry}");
        }
    }
    assert!(gone > 0 && came > 0, "{gone} gone, {came} came");
}

pub(crate) async fn an_entry_is_found_by_its_time(db: &Db) {
    let store = db.store().await;
    assert_eq!(store.entry_at(CHAIN, u64::MAX).await.unwrap(), None);
    store.commit(&page(None, block(3, 0), vec![log(block(1, 0), 0, 1)])).await.unwrap();
    let first = store.entry_at(CHAIN, u64::MAX).await.unwrap().unwrap();
    assert_eq!(first.head, Some(block(3, 0)));
    assert_eq!(store.entry_time(CHAIN, first.number).await.unwrap(), Some(first.recorded_at));
    assert_eq!(store.entry_at(CHAIN, first.recorded_at).await.unwrap(), Some(first));
    assert_eq!(store.entry_at(CHAIN, first.recorded_at - 1).await.unwrap(), None);
    // Quiet pages right after each other are one entry; what has a fact is one of its own.
    for n in 4..9 {
        store.commit(&page(Some(block(n - 1, 0)), block(n, 0), vec![])).await.unwrap();
    }
    let quiet = store.entry_at(CHAIN, u64::MAX).await.unwrap().unwrap();
    assert_eq!((quiet.number, quiet.head), (first.number + 1, Some(block(8, 0))));
    let logs = vec![log(block(9, 0), 0, 1)];
    store.commit(&page(Some(block(8, 0)), block(9, 0), logs)).await.unwrap();
    let third = store.entry_at(CHAIN, u64::MAX).await.unwrap().unwrap();
    assert_eq!(third.number, first.number + 2);
    assert!(third.recorded_at >= quiet.recorded_at && quiet.recorded_at >= first.recorded_at);
}
