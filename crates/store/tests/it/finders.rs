//! What is found across all apps: announcements by the time at which they are ripe, blocks by that something was said in them,
//! and the bytes behind a compose hash.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, page, who},
};
use alloy_primitives::{B256, U256, aliases::U48, keccak256};
use alloy_sol_types::SolEvent;
use devproof_contracts::{bindings::AppAuth, stock::TimelockAppAuth};
use devproof_primitives::ComposeHash;
use devproof_store::{
    ANNOUNCED_STEP, AnnouncedPlace, BlockRef, Contract, RawLog, Role, SPOKEN_STEP, Store,
    StoreError,
};

const APPS: u64 = 5;

fn hash(n: u64) -> B256 {
    B256::with_last_byte(n as u8)
}

/// An announcement, one that dies or one that does not, and when it is ripe.
fn announce(block: BlockRef, log_index: u64, app: u64, ripe_at: u64, dies: bool) -> RawLog {
    let data = if dies {
        AppAuth::ComposeHashProposed {
            composeHash: hash(ripe_at),
            ripeAt: U48::from(ripe_at),
            expiresAt: U48::from(ripe_at + 100),
            sourceDigest: B256::ZERO,
            uri: String::new(),
        }
        .encode_log_data()
    } else {
        let activates = U256::from(ripe_at);
        TimelockAppAuth::ComposeHashProposed { hash: hash(ripe_at), activatesAt: activates }
            .encode_log_data()
    };
    RawLog {
        block,
        log_index,
        tx_hash: keccak256([block.hash.as_slice(), &[log_index as u8]].concat()),
        tx_index: log_index,
        address: who(app),
        topics: data.topics().to_vec(),
        data: data.data,
    }
}

async fn store_with_apps(db: &Db) -> Store {
    let store = db.store().await;
    for app in 1..=APPS {
        store.upsert_contract(&contract(app, 0)).await.unwrap();
    }
    let kms = Contract { role: Role::Kms, ..contract(APPS + 1, 0) };
    store.upsert_contract(&kms).await.unwrap();
    store
}

/// What a walk through all pages gives.
async fn walk(store: &Store, since: Option<u64>) -> Vec<AnnouncedPlace> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let some = match since {
            Some(since) => store.announced_since(CHAIN, since, after).await.unwrap(),
            None => store.announced_until(CHAIN, 700, after).await.unwrap(),
        };
        assert!(some.len() <= ANNOUNCED_STEP);
        let is_last = some.len() < ANNOUNCED_STEP;
        found.extend(some.iter().map(|it| it.place));
        after = found.last().copied();
        if is_last {
            return found;
        }
    }
}

pub(crate) async fn announcements_are_found_by_when_they_are_ripe(db: &Db) {
    let store = store_with_apps(db).await;
    let (mut chain, mut logs) = (Vec::new(), Vec::new());
    let mut expected = Vec::new();
    for number in 0..120_u64 {
        let at = block(number, 0);
        chain.push(at);
        for index in 0..4_u64 {
            let seed = keccak256([number.to_be_bytes(), index.to_be_bytes()].concat());
            let (app, ripe_at) = (1 + u64::from(seed[0]) % APPS, 10 * (u64::from(seed[1]) % 100));
            let dies = seed[2] % 4 > 0;
            logs.push(announce(at, index, app, ripe_at, dies));
            expected.push((AnnouncedPlace { ripe_at, contract: who(app), number }, dies));
        }
        // What a KMS says is no announcement of an app.
        logs.push(announce(at, 4, APPS + 1, 500, true));
    }
    store.commit(&page(None, *chain.last().unwrap(), logs.clone())).await.unwrap();
    expected.sort();
    // Several of one contract for one second in one block are found together.
    expected.dedup_by_key(|(place, _)| *place);

    for since in [0, 300, 701, 2000] {
        let mut open: Vec<AnnouncedPlace> = (expected.iter())
            .filter(|(place, dies)| place.ripe_at >= since || !dies)
            .map(|(place, _)| *place)
            .collect();
        let mut found = walk(&store, Some(since)).await;
        assert!(found.is_sorted_by_key(|place| place.ripe_at), "since {since}");
        found.sort();
        open.sort();
        assert_eq!(found, open, "since {since}");
    }
    let mut found = walk(&store, None).await;
    assert!(found.is_sorted_by_key(|place| std::cmp::Reverse(place.ripe_at)));
    found.sort();
    let past = expected.iter().map(|(place, _)| *place).filter(|place| place.ripe_at <= 700);
    assert_eq!(found, past.collect::<Vec<_>>());
    for log in &logs {
        assert!(store.is_announced(CHAIN, log).await.unwrap());
    }
    let other = announce(chain[5], 0, 1, 123_456, true);
    assert!(!store.is_announced(CHAIN, &other).await.unwrap());
    let apps = store.apps_announcing(CHAIN, 300, None, 100).await.unwrap();
    assert!(apps.iter().all(|app| app.role == Role::App) && apps.len() as u64 == APPS);
    assert!(
        store.apps_announcing(CHAIN, 300, Some(apps[1].address), 100).await.unwrap() == apps[2..]
    );
}

pub(crate) async fn blocks_in_which_something_was_said_come_one_after_the_other(db: &Db) {
    let store = store_with_apps(db).await;
    let chain: Vec<BlockRef> = (0..200).map(|number| block(number, 0)).collect();
    let mut previous = None;
    for some in chain.chunks(7) {
        // A page of which nothing is told leaves a block as well.
        let loud = some.iter().filter(|at| at.number % 3 == 0);
        let logs = loud.map(|at| announce(*at, 0, 1 + at.number % APPS, 9, true)).collect();
        store.commit(&page(previous, *some.last().unwrap(), logs)).await.unwrap();
        previous = some.last().copied();
    }
    let said: Vec<BlockRef> = chain.iter().copied().filter(|at| at.number % 3 == 0).collect();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let some = store.spoken_after(CHAIN, after, 150).await.unwrap();
        let is_last = some.len() < SPOKEN_STEP;
        assert!(some.iter().all(|it| it.logs.len() == 1 && it.logs[0].block == it.block));
        found.extend(some.iter().map(|it| it.block));
        after = found.last().map(|at| at.number);
        if is_last {
            break;
        }
    }
    let up_to: Vec<_> = said.iter().copied().filter(|at| at.number <= 150).collect();
    assert_eq!(found, up_to);
    let (mut back, mut below) = (Vec::new(), 151);
    loop {
        let some = store.spoken_before(CHAIN, below).await.unwrap();
        back.extend(some.iter().map(|it| it.block));
        below = back.last().map_or(0, |at| at.number);
        if some.len() < SPOKEN_STEP {
            break;
        }
    }
    back.reverse();
    assert_eq!(back, up_to);
    // What was reorged out is said no more.
    store.rewind(CHAIN, Some(&chain[100])).await.unwrap();
    let last = store.spoken_before(CHAIN, u64::MAX).await.unwrap();
    assert_eq!(last[0].block, chain[99]);
}

pub(crate) async fn bytes_are_kept_under_their_own_hash(db: &Db) {
    let store = store_with_apps(db).await;
    let bytes = b"{\"name\": \"a\"}".as_slice();
    let hash = ComposeHash::of(bytes);
    assert_eq!(store.compose(hash).await.unwrap(), None);
    assert!(!store.is_compose_hash_said(hash.0).await.unwrap());
    assert_eq!(store.keep_compose(bytes, 5).await.unwrap(), hash);
    assert_eq!(store.keep_compose(bytes, 6).await.unwrap(), hash);
    assert_eq!(store.compose(hash).await.unwrap().unwrap().as_ref(), bytes);
    let said = TimelockAppAuth::ComposeHashProposed { hash: hash.0, activatesAt: U256::from(9) };
    let data = said.encode_log_data();
    let log = RawLog {
        topics: data.topics().to_vec(),
        data: data.data,
        ..announce(block(3, 0), 0, 1, 9, false)
    };
    store.commit(&page(None, block(4, 0), vec![log])).await.unwrap();
    assert!(store.is_compose_hash_said(hash.0).await.unwrap());
    if db.cluster().is_none() {
        let reader = Store::open_read_only(store.name()).await.unwrap();
        assert!(matches!(reader.keep_compose(bytes, 7).await, Err(StoreError::ReadOnly)));
    }
}
