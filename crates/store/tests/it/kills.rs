//! A writer killed with SIGKILL at any instant, many times over, in the middle of pages and of reorgs.

use crate::{
    db::Db,
    make::{CHAIN, block, contract, log, page},
};
use alloy_primitives::B256;
use devproof_store::{BlockRef, RawLog, Store};
use std::{
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, SystemTime},
};

/// Tells the test below that it is the writer, and where to write.
const WRITER: &str = "DEVPROOF_TEST_WRITER";

fn contents(blocks: impl IntoIterator<Item = BlockRef>) -> Vec<RawLog> {
    let logs = |block: BlockRef| (0..40).map(move |index| log(block, index, index % 3));
    blocks.into_iter().flat_map(logs).collect()
}

/// Goes forward for ever, at times two blocks onto a wrong branch and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer() {
    let Ok(url) = std::env::var(WRITER) else { return };
    let store = Store::open(&url).await.unwrap();
    store.ensure_chain(CHAIN, 0).await.unwrap();
    for who in 0..3 {
        store.upsert_contract(&contract(who, 0)).await.unwrap();
    }
    loop {
        let stands = store.chain(CHAIN).await.unwrap().unwrap().checkpoint;
        let next = stands.map_or(0, |block| block.number + 1);
        if stands.is_some_and(|stands| stands == block(stands.number, 1)) {
            let rewound = store.rewind(CHAIN, Some(&block(next - 3, 0))).await.unwrap();
            assert_eq!((rewound.orphaned_blocks, rewound.orphaned_logs), (2, 80));
            continue;
        }
        let coin =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_micros();
        let (blocks, branch) = if next > 0 && coin.is_multiple_of(3) { (2, 1) } else { (1, 0) };
        let blocks: Vec<BlockRef> =
            (next..next + blocks).map(|number| block(number, branch)).collect();
        store.commit(&page(stands, blocks[blocks.len() - 1], contents(blocks))).await.unwrap();
    }
}

/// Where the store stands and its digest. A server may still be finishing what the dead writer had asked of it.
async fn settled(store: &Store) -> Option<(BlockRef, B256)> {
    loop {
        let before = store.chain(CHAIN).await.unwrap()?.checkpoint;
        let digest = store.digest(CHAIN).await.unwrap();
        if store.chain(CHAIN).await.unwrap()?.checkpoint == before {
            return before.map(|stands| (stands, digest));
        }
    }
}

/// `DEVPROOF_KILLS` says how many.
pub(crate) async fn a_writer_killed_at_any_instant_leaves_whole_pages(db: &Db) {
    let kills = std::env::var("DEVPROOF_KILLS").map_or(12, |text| text.parse().unwrap());
    let url = db.url();
    // A busy machine needs longer to come to its first page.
    let mut longer = 0;
    for kill in 0..kills {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::writer", "--nocapture"])
            .env(WRITER, &url)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Steps that share no factor with the length of anything, so that kills land everywhere.
        sleep(Duration::from_millis(90 + 37 * kill % 101 + longer));
        assert!(writer.try_wait().unwrap().is_none(), "the writer ended by itself");
        writer.kill().unwrap();
        writer.wait().unwrap();

        let store = Store::open(&url).await.unwrap();
        let Some((stands, found)) = settled(&store).await else {
            longer += 100;
            continue;
        };
        let wrong = if stands == block(stands.number, 1) { 2 } else { 0 };
        let branch = |number| u64::from(number + wrong > stands.number);
        let straight = db.twin().await;
        let facts = contents((0..=stands.number).map(|number| block(number, branch(number))));
        straight.commit(&page(None, stands, facts)).await.unwrap();
        let expected = straight.digest(CHAIN).await.unwrap();
        assert_eq!(found, expected, "after kill {kill} at block {}", stands.number);
        eprintln!("kill {kill}: whole at block {}", stands.number);
        store.close().await;
        straight.close().await;
    }
    let store = Store::open(&url).await.unwrap();
    assert!(
        store.chain(CHAIN).await.unwrap().unwrap().checkpoint.is_some(),
        "no writer came to write anything"
    );
}
