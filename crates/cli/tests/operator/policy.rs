//! OS images, the notice and the TCB: what widens waits, what narrows is instant, and both are said before anything is asked.

use crate::bench::{DAY, GUARDIAN, OWNER, STRANGER, Said, World, redacted, same};
use alloy_primitives::B256;
use devproof_contracts::{bindings::AppAuth, stock::DstackApp};

const IMAGES: [u8; 3] = [0xa1, 0xa2, 0xa3];

fn image(n: usize) -> String {
    format!("{:#x}", B256::repeat_byte(IMAGES[n]))
}

/// Runs it, and gives what was said before it was asked as well.
fn run(world: &World, account: usize, args: &[&str]) -> Said {
    let told = world.run(account, &[args, &["--yes"][..]].concat());
    assert_eq!(told.code, 0, "{args:?}: {told:?}");
    told
}

/// The words before anybody is asked, without the checks, the call and the costs.
fn before(told: &Said) -> String {
    let keep = [0, 1, 2].map(image);
    let keep: Vec<_> = keep.iter().map(String::as_str).collect();
    let text = redacted(&told.out, &keep);
    let until = text.find("Executed here").unwrap_or(text.len());
    text[..until].to_owned()
}

async fn is_accepted(world: &World, n: usize) -> bool {
    let call = AppAuth::allowedOsImagesCall { osImageHash: B256::repeat_byte(IMAGES[n]) };
    world.node().call(world.app, &call, None).await.unwrap()
}

async fn notice(world: &World) -> u64 {
    world.node().call(world.app, &AppAuth::noticePeriodCall {}, None).await.unwrap().into()
}

async fn requires_tcb(world: &World) -> bool {
    world.node().call(world.app, &DstackApp::requireTcbUpToDateCall {}, None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_list_of_images_is_instant_and_what_is_added_waits() {
    let world = World::new().await;
    let [one, two, three] = [0, 1, 2].map(image);
    // Where there is no list, every image is accepted: one that is added would change nothing.
    let none = world.run(OWNER, &["app", "images", "APP", "--add", &one, "--yes"]);
    assert_eq!(none.code, 1, "{none:?}");
    assert!(none.out.contains("with `devproof app images --pin`"), "{none:?}");

    let mut said = String::new();
    let pinned = run(&world, OWNER, &["app", "images", "APP", "--pin", &one, "--pin", &two]);
    said.push_str(&before(&pinned));
    assert!(
        is_accepted(&world, 0).await
            && is_accepted(&world, 1).await
            && !is_accepted(&world, 2).await
    );
    let again = run(&world, OWNER, &["app", "images", "APP", "--pin", &one, "--pin", &two]);
    assert!(again.out.starts_with("Done before: "), "{again:?}");
    let fewer = world.run(OWNER, &["app", "images", "APP", "--pin", &one, "--yes"]);
    assert_eq!(fewer.code, 1, "the other one is accepted as well: {fewer:?}");
    assert!(fewer.out.contains("has these and 1 more, which stay accepted"), "{fewer:?}");
    let other = world.run(OWNER, &["app", "images", "APP", "--pin", &three, "--yes"]);
    assert_eq!(other.code, 1, "a second list would take the place of the first: {other:?}");
    assert!(other.out.contains("adding to it has to be proposed"), "{other:?}");

    let added = run(&world, OWNER, &["app", "images", "APP", "--add", &three]);
    said.push_str(&before(&added));
    assert!(!is_accepted(&world, 2).await, "it waits");
    let third = format!("--setting=os-image={three}");
    let early = world.run(STRANGER, &["activate", "APP", &third, "--yes"]);
    assert_eq!(early.code, 2, "{early:?}");
    world.go_on(2 * DAY).await;
    run(&world, STRANGER, &["activate", "APP", &third]);
    assert!(is_accepted(&world, 2).await);

    let removed = run(&world, GUARDIAN, &["app", "images", "APP", "--remove", &one]);
    said.push_str(&before(&removed));
    assert!(!is_accepted(&world, 0).await);
    let open = run(&world, OWNER, &["app", "images", "APP", "--add-any"]);
    said.push_str(&before(&open));
    let is_pinned = || world.node().call(world.app, &AppAuth::osImagesPinnedCall {}, None);
    assert!(is_pinned().await.unwrap());
    world.go_on(2 * DAY).await;
    run(&world, STRANGER, &["activate", "APP", "--setting=any-os-image"]);
    assert!(!is_pinned().await.unwrap());
    same("images.txt", &said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_notice_is_instant_and_a_shorter_one_takes_the_longer() {
    let world = World::new().await;
    let mut said = String::new();
    let longer = run(&world, OWNER, &["app", "notice", "APP", "--to", "4d"]);
    said.push_str(&before(&longer));
    assert_eq!(notice(&world).await, 4 * DAY);
    let again = run(&world, OWNER, &["app", "notice", "APP", "--to", "96h"]);
    assert!(again.out.starts_with("Done before: "), "{again:?}");

    let shorter = run(&world, OWNER, &["app", "notice", "APP", "--to", "2d"]);
    said.push_str(&before(&shorter));
    assert_eq!(notice(&world).await, 4 * DAY, "it waits");
    world.go_on(3 * DAY).await;
    let early = world.run(STRANGER, &["activate", "APP", "--setting=notice=2d", "--yes"]);
    assert_eq!(early.code, 2, "the old notice holds: {early:?}");
    world.go_on(DAY).await;
    run(&world, STRANGER, &["activate", "APP", "--setting=notice=2d"]);
    assert_eq!(notice(&world).await, 2 * DAY);
    let short = world.run(OWNER, &["app", "notice", "APP", "--to", "1d", "--yes"]);
    assert_eq!(short.code, 1, "{short:?}");
    assert_eq!(notice(&world).await, 2 * DAY);
    same("notice.txt", &said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tcb_is_required_at_once_and_dropped_with_notice() {
    let world = World::new().await;
    let mut said = String::new();
    let required = run(&world, OWNER, &["app", "tcb", "APP", "--require"]);
    said.push_str(&before(&required));
    assert!(requires_tcb(&world).await);
    let dropped = run(&world, OWNER, &["app", "tcb", "APP", "--drop"]);
    said.push_str(&before(&dropped));
    assert!(requires_tcb(&world).await, "it waits");
    // Requiring it again takes the announcement back.
    let withdrawn = run(&world, OWNER, &["app", "tcb", "APP", "--require"]);
    said.push_str(&before(&withdrawn));
    world.go_on(2 * DAY).await;
    let gone = world.run(STRANGER, &["activate", "APP", "--setting=no-tcb", "--yes"]);
    assert_eq!(gone.code, 1, "{gone:?}");
    run(&world, OWNER, &["app", "tcb", "APP", "--drop"]);
    world.go_on(2 * DAY).await;
    run(&world, STRANGER, &["activate", "APP", "--setting=no-tcb"]);
    assert!(!requires_tcb(&world).await);
    same("tcb.txt", &said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_contract_has_none_of_it() {
    let mut world = World::new().await;
    world.app = world.bench.deploy_stock_app(B256::repeat_byte(1)).await.unwrap();
    let one = image(0);
    for args in [
        &["app", "notice", "APP", "--to", "4d"][..],
        &["app", "tcb", "APP", "--drop"],
        &["app", "images", "APP", "--pin", &one],
    ] {
        let told = world.run(4, &[args, &["--yes"]].concat());
        assert_eq!(told.code, 1, "{told:?}");
        assert!(told.out.contains("no notice exists there"), "{told:?}");
    }
}
