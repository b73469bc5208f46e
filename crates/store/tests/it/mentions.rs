//! Finding logs and contracts by a word, page by page, whatever was reorged out.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, page, who},
};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_sol_types::SolEvent;
use devproof_contracts::{DeletionEvent, bindings::registry::DeletionRegistry, deletion_event};
use devproof_store::{BlockRef, Contract, RawLog, Reading, Role, Store};

const APPS: u64 = 3;

fn word(n: u8) -> B256 {
    B256::with_last_byte(n)
}

/// A stock app allows something; which one, and whether somebody else speaks in the same transaction, follows from the
/// place.
fn said(block: BlockRef) -> Vec<RawLog> {
    let seed = keccak256(block.hash);
    (0..u64::from(seed[0] % 5))
        .map(|index| RawLog {
            block,
            log_index: index,
            tx_hash: keccak256([block.hash.as_slice(), &[index as u8 / 2]].concat()),
            tx_index: index / 2,
            address: who(1 + u64::from(seed[1 + index as usize]) % APPS),
            topics: vec![keccak256("ComposeHashAdded(bytes32)")],
            data: word(seed[9 + index as usize] % 3).to_vec().into(),
        })
        .collect()
}

async fn store_with_apps(db: &Db) -> Store {
    let store = db.store().await;
    for app in 1..=APPS {
        let app = Contract { code_kind: "dstack_app".to_owned(), ..contract(app, 0) };
        store.upsert_contract(&app).await.unwrap();
    }
    store
}

/// Goes forward and back, and gives the canonical logs. At times words settle on the way, so that some are in one place, some
/// in the other, and some in both.
async fn live(store: &Store, life: u64) -> Vec<RawLog> {
    let mut chain: Vec<BlockRef> = Vec::new();
    for step in 0..8_u64 {
        if step % 4 == life % 4 && life > 0 {
            store.settle_words(CHAIN).await.unwrap();
        }
        let seed = keccak256([life.to_be_bytes(), step.to_be_bytes()].concat());
        if step % 3 == 2 {
            chain.truncate(chain.len() - (1 + usize::from(seed[0]) % 6).min(chain.len() - 1));
            store.rewind(CHAIN, chain.last()).await.unwrap();
        }
        let first = chain.len() as u64;
        let new: Vec<_> =
            (first..first + 1 + u64::from(seed[1] % 12)).map(|n| block(n, step)).collect();
        let logs = new.iter().flat_map(|b| said(*b)).collect();
        let previous = chain.last().copied();
        store.commit(&page(previous, *new.last().unwrap(), logs)).await.unwrap();
        chain.extend(new);
    }
    chain.into_iter().flat_map(said).collect()
}

pub(crate) async fn pages_of_what_mentions_a_word_add_up(db: &Db) {
    let lives = if db.cluster().is_some() { 3 } else { 20 };
    for life in 0..lives {
        let store = store_with_apps(db).await;
        let logs = live(&store, life).await;
        for n in 0..4 {
            let says = |log: &&RawLog| log.data.as_ref() == word(n).as_slice();
            let ours: Vec<RawLog> = logs.iter().filter(says).cloned().collect();
            for limit in [1, 2, 3, 1000] {
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let range = (after, u64::MAX);
                    let some = store.logs_mentioning(CHAIN, word(n), range, limit).await.unwrap();
                    let mut places: Vec<_> = some.iter().map(RawLog::place).collect();
                    places.dedup();
                    assert!(places.len() <= limit as usize);
                    after = places.last().copied();
                    found.extend(some);
                    if places.len() < limit as usize {
                        break;
                    }
                }
                found.retain(|log| says(&log));
                assert_eq!(found, ours, "life {life}, word {n}, {limit} at a time");
            }
            let half = logs.last().map_or(0, |log| log.block.number / 2);
            let range = (None, half);
            let mut some = store.logs_mentioning(CHAIN, word(n), range, 1000).await.unwrap();
            some.retain(|log| says(&log));
            let below = ours.iter().filter(|log| log.block.number <= half).cloned();
            assert_eq!(some, below.collect::<Vec<_>>());
        }
    }
}

pub(crate) async fn pages_of_contracts_add_up(db: &Db) {
    let store = store_with_apps(db).await;
    let head = block(3, 0);
    let mut logs = said(block(2, 0));
    logs.truncate(1);
    store.commit(&page(None, head, logs.clone())).await.unwrap();
    // One says it in a log, another when it is called.
    let one = logs[0].address;
    let other = (1..=APPS).map(who).find(|app| *app != one).unwrap();
    let hash = B256::from_slice(&logs[0].data);
    let reading = Reading {
        block: head,
        what: "compose_hash".to_owned(),
        subject: Bytes::copy_from_slice(hash.as_slice()),
        value: word(1).to_vec().into(),
    };
    store.add_readings(CHAIN, other, &[reading], &head).await.unwrap();
    let of = async |role, after, limit| -> Vec<Address> {
        let found = store.contracts_mentioning(CHAIN, (role, hash), after, limit).await.unwrap();
        found.iter().map(|contract| contract.address).collect()
    };
    let mut both = [one, other];
    both.sort_unstable();
    for _ in 0..2 {
        assert_eq!(of(Role::App, None, 9).await, both);
        assert_eq!(of(Role::App, None, 1).await, both[..1]);
        assert_eq!(of(Role::App, Some(both[0]), 9).await, both[1..]);
        assert_eq!(of(Role::App, Some(both[1]), 9).await, [Address::ZERO; 0]);
        assert_eq!(of(Role::Kms, None, 9).await, [Address::ZERO; 0]);
        assert!(store.is_compose_hash_said(hash).await.unwrap());
        store.settle_words(CHAIN).await.unwrap();
    }
}

pub(crate) async fn a_registry_is_found_by_the_apps_whose_signers_it_knows(db: &Db) {
    let store = db.store().await;
    let registry = Contract { role: Role::DeletionRegistry, ..contract(5, 0) };
    store.upsert_contract(&registry).await.unwrap();
    let event = DeletionRegistry::SignerRevoked { app: who(77), signer: who(78), by: who(79) };
    let event = event.encode_log_data();
    assert!(matches!(
        deletion_event(event.topics(), &event.data),
        Some(DeletionEvent::SignerRevoked { .. })
    ));
    let log = RawLog {
        topics: event.topics().to_vec(),
        data: event.data,
        ..crate::make::log(block(4, 0), 0, 5)
    };
    store.commit(&page(None, block(5, 0), vec![log.clone()])).await.unwrap();
    let app = who(77).into_word();
    assert_eq!(store.logs_mentioning(CHAIN, app, (None, 9), 9).await.unwrap(), [log]);
}
