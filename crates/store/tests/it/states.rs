//! Kept states save time and change no answer.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, draws, page, reading, who},
};
use alloy_primitives::{B256, keccak256};
use devproof_store::{AppState, Backfill, BlockRef, Contract, RawLog, StateError, Store};

/// A stock app: the fold takes its events as they come.
fn app() -> Contract {
    app_of(1)
}

fn app_of(n: u64) -> Contract {
    Contract { code_kind: "dstack_app".to_owned(), ..contract(n, 0) }
}

/// A compose hash comes or goes; which one, and whether, follows from the place.
fn change(block: BlockRef, log_index: u64) -> RawLog {
    let seed = keccak256([block.hash.as_slice(), &log_index.to_be_bytes()].concat());
    let name =
        if seed[0] % 3 == 0 { "ComposeHashRemoved(bytes32)" } else { "ComposeHashAdded(bytes32)" };
    RawLog {
        block,
        log_index,
        tx_hash: keccak256([block.hash.as_slice(), &[log_index as u8 / 2]].concat()),
        tx_index: log_index / 2,
        address: who(1),
        topics: vec![keccak256(name)],
        data: B256::with_last_byte(seed[1] % 40).to_vec().into(),
    }
}

fn changes(block: BlockRef) -> impl Iterator<Item = RawLog> {
    (0..u64::from(block.hash[0] % 4)).map(move |index| change(block, index))
}

/// Everything from the beginning; what was read after a block comes before the logs of the next.
async fn naive(store: &Store, up_to: u64) -> AppState {
    naive_of(store, &app(), up_to).await
}

async fn naive_of(store: &Store, app: &Contract, up_to: u64) -> AppState {
    let mut state = AppState::new(app);
    let logs = store.logs(CHAIN, &[app.address], up_to).await.unwrap();
    let readings = store.readings(CHAIN, app.address, up_to).await.unwrap();
    let mut blocks: Vec<u64> = logs.iter().map(|log| log.block.number).collect();
    blocks.extend(readings.iter().map(|reading| reading.block.number));
    blocks.sort_unstable();
    blocks.dedup();
    for number in blocks {
        for log in logs.iter().filter(|log| log.block.number == number) {
            state.apply(log).unwrap();
        }
        for reading in readings.iter().filter(|reading| reading.block.number == number) {
            state.take(reading).unwrap();
        }
    }
    state
}

async fn keep(store: &Store, app: &Contract, head: &BlockRef) -> Result<AppState, StateError> {
    let mut kept = store.keep_states(CHAIN, vec![app.clone()], *head).await?;
    let (contract, state) = kept.remove(0);
    assert_eq!(contract.address, app.address);
    Ok(state?)
}

/// How far a kept state saves folding, in blocks.
async fn kept(store: &Store, up_to: u64) -> Option<u64> {
    // The version in use: whatever it is, there is only one in this store.
    let mut found = None;
    for version in 0..100 {
        let folds = store.kept_folds(&app(), version, None, 9999).await.unwrap();
        found = folds.iter().map(|fold| fold.number).rfind(|number| *number <= up_to).or(found);
    }
    found
}

/// The index turns between two branches, one of which says more and in other blocks, while somebody asks.
pub(crate) async fn what_is_read_while_the_chain_turns_is_of_one_branch(db: &Db) {
    let store = db.store().await;
    store.upsert_contract(&app()).await.unwrap();
    let base = block(10, 0);
    store.commit(&page(None, base, vec![change(base, 0)])).await.unwrap();
    let turned = move |branch: u64| {
        let speaks = (11..60).filter(|n| n % (branch + 1) == 0).map(|n| block(n, branch));
        page(Some(base), block(60, branch), speaks.map(|block| change(block, 0)).collect())
    };
    let told = async || {
        let logs = store.logs(CHAIN, &[who(1)], u64::MAX).await.unwrap();
        (logs, store.app_state(&app(), u64::MAX).await.unwrap())
    };
    let (mut histories, mut states) = (Vec::new(), Vec::new());
    for branch in [1, 2] {
        let before = told().await;
        store.commit(&turned(branch)).await.unwrap();
        for (logs, state) in [before, told().await] {
            histories.push(logs);
            states.push(state);
        }
        store.rewind(CHAIN, Some(&base)).await.unwrap();
    }
    let turning = tokio::spawn({
        let store = store.clone();
        async move {
            for round in 0..40 {
                store.commit(&turned(1 + round % 2)).await.unwrap();
                store.rewind(CHAIN, Some(&base)).await.unwrap();
            }
        }
    });
    while !turning.is_finished() {
        let (logs, state) = told().await;
        assert!(histories.contains(&logs), "{logs:#?}");
        assert!(states.contains(&state), "{state:#?}");
        tokio::task::yield_now().await;
    }
    turning.await.unwrap();
}

pub(crate) async fn a_kept_state_changes_no_answer(db: &Db) {
    let lives = if db.cluster().is_some() { 4 } else { 24 };
    let (mut used, mut forgotten) = (0, 0);
    for life in 0..lives {
        let mut draw = draws(life);
        let store = db.store().await;
        store.upsert_contract(&app()).await.unwrap();
        let mut chain: Vec<BlockRef> = Vec::new();
        let (mut branch, mut late) = (0, Vec::new());
        for _ in 0..16 {
            match draw(10) {
                // Read late, of a block that is long passed.
                6 if !chain.is_empty() => {
                    let of = chain[draw(chain.len() as u64) as usize];
                    let at = chain.last().unwrap();
                    store.add_readings(CHAIN, who(1), &[reading(of)], at).await.unwrap();
                }
                // Found to be made up.
                7 if !chain.is_empty() => {
                    let stored = store.logs(CHAIN, &[who(1)], u64::MAX).await.unwrap();
                    if let Some(log) = stored.get(draw(stored.len() as u64 + 1) as usize) {
                        let at = chain.last().unwrap();
                        let put =
                            store.refute(CHAIN, std::slice::from_ref(log), "its header", at).await;
                        assert_eq!(put.unwrap(), 1);
                    }
                }
                // Forward; some logs are left out and come later, as from a node that lagged.
                0..=3 => {
                    let previous = chain.last().copied();
                    let first = chain.len() as u64;
                    let new: Vec<_> =
                        (first..first + 1 + draw(90)).map(|n| block(n, branch)).collect();
                    let (held, out): (Vec<_>, Vec<_>) =
                        new.iter().flat_map(|b| changes(*b)).partition(|_| draw(10) > 0);
                    late.extend(out);
                    store.commit(&page(previous, *new.last().unwrap(), held)).await.unwrap();
                    chain.extend(new);
                }
                4 if !chain.is_empty() => {
                    chain.truncate(chain.len() - (draw(96) as usize).min(chain.len() - 1));
                    let before = kept(&store, u64::MAX).await;
                    store.rewind(CHAIN, chain.last()).await.unwrap();
                    late.retain(|log| chain.contains(&log.block));
                    forgotten += u64::from(kept(&store, u64::MAX).await != before);
                    branch += 1;
                }
                5 if !late.is_empty() => {
                    let at = *chain.last().unwrap();
                    let logs = std::mem::take(&mut late);
                    if draw(2) == 0 {
                        store.commit(&page(Some(at), at, logs)).await.unwrap();
                    } else {
                        // Both ways in which older logs come have to forget what they are not in.
                        for log in logs {
                            let of = Backfill {
                                chain_id: CHAIN,
                                address: who(1),
                                from: log.block.number,
                                to: log.block.number,
                                logs: vec![log.clone()],
                            };
                            if store.commit_backfill(&of).await.is_err() {
                                store.commit(&page(Some(at), at, vec![log])).await.unwrap();
                            }
                        }
                    }
                }
                _ => {
                    if let Some(head) = chain.last() {
                        let state = keep(&store, &app(), head).await.unwrap();
                        assert_eq!(state, naive(&store, head.number).await);
                    }
                }
            }
            for up_to in [draw(chain.len() as u64 + 1), chain.len() as u64, u64::MAX] {
                let told = store.app_state(&app(), up_to).await.unwrap();
                assert_eq!(told, naive(&store, up_to).await, "life {life}, up to {up_to}");
                used += u64::from(kept(&store, up_to).await.is_some());
            }
            assert_eq!(store.wrong_kept_state(&app()).await.unwrap(), None, "life {life}");
        }
    }
    // On a server there are few lives.
    assert!(
        used > 20 && (forgotten > 0 || db.cluster().is_some()),
        "{used} answers from kept states, {forgotten} rewinds took some"
    );
}

pub(crate) async fn a_state_is_kept_only_on_the_chain_it_is_of(db: &Db) {
    let store = db.store().await;
    store.upsert_contract(&app()).await.unwrap();
    let chain: Vec<_> = (0..200).map(|n| block(n, 0)).collect();
    let logs: Vec<_> = chain.iter().flat_map(|b| changes(*b)).collect();
    store.commit(&page(None, chain[199], logs)).await.unwrap();
    let error = keep(&store, &app(), &block(199, 1)).await.unwrap_err();
    assert!(
        error.to_string().contains("meanwhile")
            || matches!(error, devproof_store::StateError::Store(_)),
        "{error}"
    );
    assert_eq!(kept(&store, u64::MAX).await, None);
    keep(&store, &app(), &chain[199]).await.unwrap();
    assert!(kept(&store, u64::MAX).await.is_some());
    // By other rules it is another state, and none is kept of it.
    let known = Contract { code_kind: "app_auth".to_owned(), ..app() };
    let state = store.app_state(&known, 199).await.unwrap();
    assert!(state.policy.compose_hashes.is_empty(), "an AppAuth says what it means in its history");
}

pub(crate) async fn a_long_history_is_read_in_steps(db: &Db) {
    let store = db.store().await;
    store.upsert_contract(&app()).await.unwrap();
    // More blocks than are read at a time, three transactions in each.
    let chain: Vec<_> = (0..900).map(|n| block(n, 0)).collect();
    let logs: Vec<_> = chain.iter().flat_map(|b| (0..6).map(|index| change(*b, index))).collect();
    store.commit(&page(None, chain[899], logs)).await.unwrap();
    for up_to in [340, 341, 342, 899] {
        let told = store.app_state(&app(), up_to).await.unwrap();
        assert_eq!(told, naive(&store, up_to).await, "{up_to}");
    }
    let kept = keep(&store, &app(), &chain[899]).await.unwrap();
    assert_eq!(kept, naive(&store, 899).await);
}

/// Apps that speak in the same blocks, one of which cannot have said what it said and one of which never spoke, a long one,
/// and one that nobody knows.
pub(crate) async fn states_of_many_are_what_each_folds_to(db: &Db) {
    const LIAR: u64 = 9;
    let store = db.store().await;
    let apps: Vec<Contract> = (1..=10)
        .map(|n| match n {
            LIAR => Contract { code_kind: "app_auth".to_owned(), ..contract(n, 0) },
            n => app_of(n),
        })
        .collect();
    for app in &apps {
        store.upsert_contract(app).await.unwrap();
    }
    let unknown = app_of(77);
    let asked: Vec<Contract> = apps.iter().chain([&unknown]).rev().cloned().collect();
    let mut draw = draws(5);
    let chain: Vec<_> = (0..700).map(|n| block(n, 0)).collect();
    let mut said: Vec<RawLog> = Vec::new();
    for block in &chain {
        // The tenth says nothing; the first speaks nearly always, so that its blocks cannot be listed at once.
        for n in 1..10_u64 {
            let speaks = if n == 1 { draw(10) > 0 } else { draw(6) == 0 };
            for _ in 0..u64::from(speaks) * (1 + draw(3)) {
                let index = said.iter().rev().take_while(|log| log.block == *block).count();
                let log = change(*block, index as u64);
                let word = B256::repeat_byte(7).to_vec();
                said.push(match n {
                    // A root that nothing leads to.
                    LIAR => RawLog {
                        address: who(n),
                        topics: vec![
                            keccak256("HistoryExtended(bytes32,uint8,bytes32,address)"),
                            B256::repeat_byte(1),
                        ],
                        data: [word.clone(), word.clone(), word].concat().into(),
                        ..log
                    },
                    n => RawLog { address: who(n), ..log },
                });
            }
        }
    }
    let mut liars = 0;
    let mut previous = None;
    // In two steps: where each state was kept the first time is another place for each.
    for (from, to) in [(0, 399), (400, 699)] {
        let head = chain[to];
        let logs = said.iter().filter(|log| (from as u64..=to as u64).contains(&log.block.number));
        store.commit(&page(previous, head, logs.cloned().collect())).await.unwrap();
        previous = Some(head);
        for app in &apps[1..3] {
            store
                .add_readings(CHAIN, app.address, &[reading(chain[from + 9])], &head)
                .await
                .unwrap();
        }
        let kept = store.keep_states(CHAIN, asked.clone(), head).await.unwrap();
        let order: Vec<_> = kept.iter().map(|(contract, _)| contract.address).collect();
        assert_eq!(order, asked.iter().map(|c| c.address).collect::<Vec<_>>());
        for (app, state) in kept {
            if app.address == who(LIAR) {
                liars += usize::from(state.is_err());
                continue;
            }
            assert_eq!(
                state.unwrap(),
                naive_of(&store, &app, head.number).await,
                "{}",
                app.address
            );
            if app.address != unknown.address {
                assert_eq!(store.wrong_kept_state(&app).await.unwrap(), None, "{}", app.address);
            }
        }
    }
    assert_eq!(liars, 2);
    assert!(kept(&store, 399).await.is_some() && kept(&store, u64::MAX).await > Some(399));
}

/// Whoever writes meanwhile makes what was read of another moment; then each is read by itself.
pub(crate) async fn states_are_kept_while_others_write(db: &Db) {
    let store = db.store().await;
    let apps: Vec<Contract> = (1..=8).map(app_of).collect();
    for app in &apps {
        store.upsert_contract(app).await.unwrap();
    }
    let chain: Vec<_> = (0..300).map(|n| block(n, 0)).collect();
    let of = |n: u64, block: &BlockRef| RawLog { address: who(n), ..change(*block, n) };
    let logs: Vec<_> = chain.iter().flat_map(|b| (1..=8).map(move |n| of(n, b))).collect();
    store.commit(&page(None, chain[299], logs)).await.unwrap();
    let expected: Vec<AppState> = {
        let mut all = Vec::new();
        for app in &apps {
            all.push(naive_of(&store, app, 299).await);
        }
        all
    };
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writing = tokio::spawn({
        let (store, stop, head) = (store.clone(), stop.clone(), chain[299]);
        async move {
            let mut written = 0_u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                store.commit(&page(Some(head), head, Vec::new())).await.unwrap();
                written += 1;
                tokio::task::yield_now().await;
            }
            written
        }
    });
    for _ in 0..5 {
        let kept = store.keep_states(CHAIN, apps.clone(), chain[299]).await.unwrap();
        let states: Vec<_> = kept.into_iter().map(|(_, state)| state.unwrap()).collect();
        assert!(states == expected);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(writing.await.unwrap() > 0);
    for app in &apps {
        assert_eq!(store.wrong_kept_state(app).await.unwrap(), None);
    }
}
