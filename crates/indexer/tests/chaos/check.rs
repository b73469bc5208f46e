//! What has to hold once nothing goes wrong any more.

use crate::{
    follower::{Follower, sources},
    world::World,
};
use alloy_primitives::Address;
use devproof_contracts::{
    app_event,
    bindings::AppAuth::{allowedComposeHashesCall, historyRootCall},
    stock::DstackApp,
};
use devproof_indexer::{DEFAULT_PAGE_BLOCKS, Indexer, Options};
use devproof_primitives::{Policy, Position, Rules};
use devproof_store::{Contract, RawLog, Store};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// Questions to the contracts themselves after each settlement.
const QUESTIONS: usize = 3;

pub(crate) async fn against_a_fresh_index(
    world: &mut World,
    followers: &[Follower],
    folder: &Path,
) {
    let path = folder.join("fresh.sqlite");
    let fresh = Store::open(path.to_str().unwrap()).await.unwrap();
    let options = Options {
        sources: sources(world),
        start_block: 0,
        poll_interval: Duration::from_millis(5),
        page_blocks: DEFAULT_PAGE_BLOCKS,
        lag_patience: Duration::ZERO,
    };
    let node = world.bench.node.clone();
    let mut indexer = Indexer::new(node, fresh.clone(), options).await.unwrap();
    indexer.catch_up(&mut |_| {}).await.unwrap();
    for follower in followers {
        same(world, &fresh, &follower.store).await;
        nothing_orphaned_is_canonical(world, &follower.store).await;
        histories_are_verified(world, &follower.store).await;
        the_contracts_say_so_too(world, &follower.store).await;
    }
    drop(indexer);
    for name in ["fresh.sqlite", "fresh.sqlite-wal", "fresh.sqlite-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
}

async fn same(world: &World, fresh: &Store, store: &Store) {
    let chain_id = world.bench.node.chain_id();
    assert_eq!(store.gaps(chain_id).await.unwrap(), []);
    // By address, without what depends on when it was asked.
    let contracts = async |store: &Store| {
        let all = store.contracts(chain_id).await.unwrap().into_iter().map(|contract| {
            let Contract { address, role, named_by, code_kind, code_hash, found_at, .. } = contract;
            let looked_at = named_by.map(|by| (by, code_kind, code_hash, found_at));
            (address, (role, looked_at))
        });
        all.collect::<BTreeMap<_, _>>()
    };
    let (expected, found) = (contracts(fresh).await, contracts(store).await);
    for (address, contract) in &expected {
        assert_eq!(found.get(address), Some(contract), "the contract {address}");
    }
    assert_eq!(found.len(), expected.len(), "contracts: {found:#?}");
    let addresses: Vec<Address> = expected.into_keys().collect();
    let expected = fresh.logs(chain_id, &addresses, u64::MAX).await.unwrap();
    let found = store.logs(chain_id, &addresses, u64::MAX).await.unwrap();
    let only = |a: &[RawLog], b: &[RawLog]| -> Vec<RawLog> {
        a.iter().filter(|log| !b.contains(log)).cloned().collect()
    };
    assert!(
        found == expected,
        "logs: missing {:#?}, too many {:#?}",
        only(&expected, &found),
        only(&found, &expected)
    );
    for address in &addresses {
        let expected = fresh.readings(chain_id, *address, u64::MAX).await.unwrap();
        let found = store.readings(chain_id, *address, u64::MAX).await.unwrap();
        assert_eq!(found, expected, "what {address} answered");
    }
    let (expected, found) = (fresh.digest(chain_id).await, store.digest(chain_id).await);
    assert_eq!(found.unwrap(), expected.unwrap(), "digest");
}

async fn nothing_orphaned_is_canonical(world: &World, store: &Store) {
    let node = &world.bench.node;
    let chain_id = node.chain_id();
    // No chain here is longer than that above what was final.
    for block in store.canonical_blocks_below(chain_id, u64::MAX, 64).await.unwrap() {
        assert_eq!(node.block(block.number).await.unwrap(), Some(block), "a canonical block");
    }
    let head = world.head().await;
    for block in store.orphaned_blocks(chain_id, head.saturating_sub(64), u64::MAX).await.unwrap() {
        assert_ne!(node.block(block.number).await.unwrap(), Some(block), "an orphaned block");
    }
}

async fn histories_are_verified(world: &World, store: &Store) {
    let chain_id = world.bench.node.chain_id();
    let head = store.chain(chain_id).await.unwrap().unwrap().checkpoint.unwrap();
    for contract in store.contracts(chain_id).await.unwrap() {
        if contract.code_kind == "app_auth" {
            let Some(at) = contract.history_verified_at else {
                panic!("{} was never verified", contract.address)
            };
            // A quiet app is compared once a minute, unless the process is new.
            assert!(at <= head.number, "{} was verified in the future", contract.address);
            let logs = store.logs(chain_id, &[contract.address], u64::MAX).await.unwrap();
            let last = logs.last().map_or(0, |log| log.block.number);
            assert!(
                at >= last,
                "{} is verified at {at}, its last log is of {last}",
                contract.address
            );
        }
    }
}

async fn the_contracts_say_so_too(world: &mut World, store: &Store) {
    let chain_id = world.bench.node.chain_id();
    let head = world.head().await;
    for _ in 0..QUESTIONS {
        let block = world.rng.u64(head.saturating_sub(40)..=head);
        let composeHash = World::hash(&mut world.rng);
        let app = *world.rng.choice(&world.apps).unwrap();
        let stock = *world.rng.choice(&world.stock).unwrap();
        let node = &world.bench.node;
        let logs = store.logs(chain_id, &[app], block).await.unwrap();
        let policy = fold(Rules::AppAuth { chain_id, app }, &logs);
        if node.code(app, block).await.unwrap().is_empty() {
            assert_eq!(logs, [], "{app} is not there at {block}");
        } else {
            let call = allowedComposeHashesCall { composeHash };
            let allowed = node.call(app, &call, Some(block)).await.unwrap();
            assert_eq!(
                policy.compose_hashes.contains_key(&composeHash),
                allowed,
                "{app} at {block}"
            );
            let root = node.call(app, &historyRootCall {}, Some(block)).await.unwrap();
            assert_eq!(policy.history_root(), Some(root), "{app} at {block}");
        }
        let logs = store.logs(chain_id, &[stock], block).await.unwrap();
        if !node.code(stock, block).await.unwrap().is_empty() {
            let call = DstackApp::allowedComposeHashesCall { composeHash };
            let allowed = node.call(stock, &call, Some(block)).await.unwrap();
            let policy = fold(Rules::AsEmitted, &logs);
            assert_eq!(
                policy.compose_hashes.contains_key(&composeHash),
                allowed,
                "{stock} at {block}"
            );
        }
    }
}

fn fold(rules: Rules, logs: &[RawLog]) -> Policy {
    let mut policy = Policy::new(rules);
    for log in logs {
        let Some(event) = app_event(&log.topics, &log.data) else { continue };
        let at = Position {
            block: log.block.number,
            log_index: log.log_index,
            timestamp: log.block.timestamp,
            transaction: log.tx_hash,
        };
        policy.apply(at, &event).unwrap();
    }
    policy
}
