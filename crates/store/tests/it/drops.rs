//! What is asked and then not waited for: a visitor who leaves, an indexer that is told to stop.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, log, page},
};
use devproof_store::Store;
use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

/// Waits for it, but leaves when it is to be waited for once more than so many times.
async fn waiting<F: Future>(times: usize, what: F) -> Option<F::Output> {
    let (mut what, mut left) = (pin!(what), times);
    poll_fn(|context| match what.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// Wherever a question was left, the next ones are answered as of now, and what was written stands whole or not at all.
pub(crate) async fn a_question_that_is_left_anywhere_spoils_no_other(db: &Db) {
    let url = db.url();
    let (store, other) = (Store::open(&url).await.unwrap(), Store::open(&url).await.unwrap());
    other.ensure_chain(CHAIN, 0).await.unwrap();
    other.upsert_contract(&contract(0, 0)).await.unwrap();
    other.commit(&page(None, block(0, 0), Vec::new())).await.unwrap();
    let who = contract(0, 0);
    for times in 0.. {
        let stands = other.chain_at_rest(CHAIN).await.unwrap().unwrap().checkpoint.unwrap();
        let next = block(stands.number + 1, 0);
        let writes = page(Some(stands), next, vec![log(next, 0, 0)]);
        let all = [
            waiting(times, store.digest(CHAIN)).await.is_some(),
            waiting(times, store.app_state(&who, u64::MAX)).await.is_some(),
            waiting(times, store.chain_at_rest(CHAIN)).await.is_some(),
            waiting(times, store.commit(&writes)).await.is_some(),
        ];
        none_is_left_open(db, &url).await;
        let stands = other.chain_at_rest(CHAIN).await.unwrap().unwrap().checkpoint.unwrap();
        let next = block(stands.number + 1, 0);
        other.commit(&page(Some(stands), next, vec![log(next, 0, 0)])).await.unwrap();
        // More at a time than were left, so that each connection is asked.
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.chain(CHAIN).await.unwrap().unwrap() })
            })
            .collect();
        for asked in asked {
            assert_eq!(asked.await.unwrap().checkpoint, Some(next), "left after {times}");
        }
        if all == [true; 4] {
            break;
        }
    }
    let logs = other.app_state(&who, u64::MAX).await.unwrap().logs;
    let stands = other.chain(CHAIN).await.unwrap().unwrap().checkpoint.unwrap();
    assert_eq!(logs, stands.number, "each page brought its log, once");
    assert_eq!(store.digest(CHAIN).await.unwrap(), other.digest(CHAIN).await.unwrap());
}

/// No session of the server goes on with a transaction that nobody waits for.
async fn none_is_left_open(db: &Db, url: &str) {
    let Some(cluster) = db.cluster() else { return };
    let name = url.rsplit('/').next().unwrap();
    let open = "SELECT COUNT(*) FROM pg_stat_activity
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    for _ in 0..500 {
        if cluster.sql(name, open).unwrap() == "0" {
            return;
        }
        // What is taken back is taken back behind the back of who left.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a transaction stayed open");
}
