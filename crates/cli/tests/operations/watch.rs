//! `devproof watch`, beside whoever writes.

use crate::process::{Process, devproof};
use devproof_primitives::{Action, Setting};

#[allow(dead_code, reason = "shared with the tests of the answers")]
#[path = "../../../api/tests/suite/world.rs"]
pub(crate) mod world;
use world::{APP, DAY, LOCAL, OWNER, STOCK, World, hash};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_told_as_it_happens() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.stock_birth(12);
    world.propose(20, hash(2), None);
    world.commit(None, 30).await;
    world.tags(Some(30), Some(30)).await;
    let app = format!("{APP:#x}");
    let mut command = devproof();
    command.args(["--database", &world.path, "watch", &app]);
    let mut watching = Process::start(&mut command);
    watching.says("Watching 1 app on chain 31337");

    // Of another app nothing is told; of this one each thing once, and what a key service does to all.
    world.stock(
        31,
        &devproof_contracts::stock::DstackApp::ComposeHashAdded { composeHash: hash(9) },
    );
    world.extend(32, Action::Set, Setting::Guardian, STOCK.into_word(), OWNER);
    let image = devproof_contracts::stock::DstackKms::OsImageHashAdded { osImageHash: hash(0xe9) };
    world.kms(33, &image);
    world.commit(Some(world.block(30)), 34).await;
    let first = watching.says("0x000000..00");
    assert!(first.contains("0x000000..00a1 is guarded by 0x000000..00b1"), "{first}");
    watching.says("admits the operating system 0xe9e9e9e9..e9e9e9e9 for all its apps");
    // A day before it becomes possible, and when it is.
    assert_eq!(world.block(48).timestamp - world.block(20).timestamp, 7 * DAY);
    world.commit(Some(world.block(34)), 45).await;
    let soon = watching.says("may come into force in");
    assert!(soon.contains("version 0x02020202..02020202 may come into force in 18 h"), "{soon}");
    world.commit(Some(world.block(45)), 48).await;
    watching.says("may come into force at any moment");
    world.extend(49, Action::Set, Setting::ComposeHash, hash(2), STOCK);
    world.commit(Some(world.block(48)), 50).await;
    watching.says("accepts version 0x02020202..02020202, after 7 d 6 h of notice");
    // What was reorganised away is said to be.
    world.fork(48).await;
    world.extend(49, Action::Cancelled, Setting::ComposeHash, hash(2), OWNER);
    world.commit(Some(world.block(48)), 51).await;
    watching.says_all(&[
        "what was told of block 31 and later ones does not hold any more",
        "withdrew version 0x02020202..02020202",
    ]);
    assert!(watching.is_running());
    watching.kill();

    let mut command = devproof();
    command.args([
        "--database",
        &world.path,
        "watch",
        "0x00000000000000000000000000000000000000a2",
    ]);
    Process::start(&mut command).says("devproof index --app");
}
