//! The verbs that ask about more than one block: words and exit codes.

use crate::{
    run::{Said, devproof_in},
    words::{now, same},
    world::{APP, LOCAL, OWNER, REGISTRY, STOCK, World, block, hash},
};
use alloy_primitives::{B256, U256};
use devproof_api::{
    DeletionsOf, Families, Finality, Part, Surface, When, allowed, as_of, deletions, diff,
    documents::{AllowedApps, Declared, History, Later, Notices},
    family,
};
use devproof_cli::cmd;
use devproof_contracts::bindings::registry::DeletionRegistry as Registry;
use devproof_primitives::{Action, Setting};
use std::future::Future;
use tempfile::TempDir;

fn made<T>(making: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(making)
}

/// The whole world, on disk.
fn whole() -> World {
    made(async {
        let world = World::whole(LOCAL).await;
        world.store.close().await;
        world
    })
}

/// A world with a batch in it.
async fn with_deletions() -> World {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    let (app, actor) = (APP, OWNER);
    let batch = Registry::DeletionBatchAttested {
        id: hash(0xb0),
        app,
        composeHash: hash(1),
        count: U256::from(2),
        deletedAt: block(30).timestamp - 60,
        nonce: hash(4),
        signer: OWNER,
    };
    world.emit(30, REGISTRY, &batch);
    for user in [1, 2] {
        let (user, data) = (hash(user), hash(0x80 | user));
        world.emit(
            30,
            REGISTRY,
            &Registry::DeletionBatchEntry { userIdHash: user, dataHash: data },
        );
    }
    let (root, kind, value) = (hash(0), 4, hash(0xb0));
    world.emit(30, REGISTRY, &Registry::HistoryExtended { app, root, kind, value, actor });
    world.emit(40, REGISTRY, &Registry::SignerRevoked { app, signer: OWNER, by: STOCK });
    world.commit(None, 200).await;
    world
}

fn ask(world: &World, dir: &TempDir, args: &[&str]) -> Said {
    devproof_in(dir, &[&["--database", &world.path], args].concat())
}

#[tokio::test]
async fn in_words() {
    let world = World::whole(LOCAL).await;
    let (store, finality) = (&world.store, Finality::Unsafe);
    let answer =
        allowed(store, LOCAL, hash(1), Part::default(), finality, Surface::Cli).await.unwrap();
    same("allowed.txt", &cmd::allowed::render(&answer, now()));
    let answer =
        allowed(store, LOCAL, hash(2), Part::default(), finality, Surface::Cli).await.unwrap();
    same("allowed_in_doubt.txt", &cmd::allowed::render(&answer, now()));
    let span = (When::Block(20), When::Block(140));
    let answer = diff(store, None, LOCAL, APP, span, finality).await.unwrap();
    same("diff.txt", &cmd::diff::render(&answer, now()));
    let span = (When::Block(5), When::Block(60));
    let answer = diff(store, None, LOCAL, STOCK, span, finality).await.unwrap();
    same("diff_of_a_stock_app.txt", &cmd::diff::render(&answer, now()));
    let declared = Declared { name: "product".into(), chain_id: LOCAL, apps: vec![APP, STOCK] };
    let families = Families::new([declared]).unwrap();
    let answer = family(store, &families, "product", None, Surface::Cli).await.unwrap();
    same("family.txt", &cmd::family::render(&answer, now()));
    let mut answer = as_of(store, LOCAL, APP, When::Block(200), 4_000_000_000).await.unwrap();
    answer.recorded_at = now();
    same("as_of.txt", &cmd::as_of::render(&answer));
    store.rewind(LOCAL, Some(&block(140))).await.unwrap();
    let mut answer = as_of(store, LOCAL, APP, When::Block(140), 4_000_000_000).await.unwrap();
    (answer.recorded_at, answer.since) = (now(), Vec::new());
    for (what, at) in [("reorganised_away", 170), ("refuted", 171), ("came", 172)] {
        let (what, hash) = (what.to_owned(), block(at).hash);
        let (recorded_at, transaction) = (now(), hash);
        answer.since.push(Later { what, recorded_at, block: at, hash, transaction, log_index: 3 });
    }
    same("as_of_and_since.txt", &cmd::as_of::render(&answer));
    let world = with_deletions().await;
    let of = DeletionsOf::App(APP);
    let span = (None, None);
    let part = Part::default();
    let answer = deletions(&world.store, None, LOCAL, of, span, part, finality).await;
    same("deletions.txt", &cmd::deletions::render(&answer.unwrap(), true, now()));
}

#[test]
fn exit_codes_answer_whether_something_is_announced() {
    let (world, dir) = (whole(), TempDir::new().unwrap());
    let say = |args: &[&str]| ask(&world, &dir, &[&["notices"], args].concat());
    let none = say(&[]);
    assert_eq!(none.code, 1, "{}", none.out);
    assert!(none.out.contains("Announced and not in force yet, at block 200"), "{}", none.out);
    assert!(none.out.contains("\n  nothing\n"), "{}", none.out);
    let then = say(&["--finality", "safe"]);
    assert_eq!(then.code, 0);
    let row = then.out.lines().find(|line| line.contains("pending")).unwrap();
    assert!(row.contains("0x000000..00a1") && row.contains("0x01010101..01010101"), "{row}");
    assert_eq!(say(&["--state", "activated"]).code, 0);
    assert_eq!(say(&["--state", "cancelled"]).code, 1);
    assert_eq!(say(&["--state", "else"]).code, 64);
    let (app, stock) = (format!("{APP:#x}"), format!("{STOCK:#x}"));
    assert_eq!(say(&["--app", &app, "--state", "expired"]).code, 0);
    assert_eq!(say(&["--app", &stock, "--state", "expired"]).code, 1);
    let said = ask(&world, &dir, &["--json", "notices", "--state", "activated"]);
    let document: Notices = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document.notices.len(), 2);
}

#[test]
fn exit_codes_answer_whether_a_version_is_allowed() {
    let (world, dir) = (whole(), TempDir::new().unwrap());
    let (one, three) = (format!("{:#x}", hash(1)), format!("{:#x}", hash(3)));
    let (app, stock) = (format!("{APP:#x}"), format!("{STOCK:#x}"));
    let code = |args: &[&str]| ask(&world, &dir, &[&["allowed"], args].concat()).code;
    assert_eq!(code(&[&one]), 0);
    assert_eq!(code(&[&one, "--app", &app]), 0);
    assert_eq!(code(&[&one, "--app", &stock]), 1, "not any more");
    assert_eq!(code(&[&one, "--finality", "finalized"]), 1, "not yet again");
    assert_eq!(code(&[&three]), 1, "never");
    assert_eq!(code(&[&three, "--app", "0x00000000000000000000000000000000000000a2"]), 2);
    assert_eq!(code(&["0x12"]), 64);
    let said = ask(&world, &dir, &["--json", "allowed", &one]);
    let document: AllowedApps = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document.apps.len(), 2);
}

/// A hash that nobody is known to be allowed, while something is not known.
#[test]
fn a_no_that_is_not_certain_is_none() {
    let world = made(async {
        let world = World::whole(LOCAL).await;
        let late = "0x00000000000000000000000000000000000000a2".parse().unwrap();
        let mut contract = world.contracts().swap_remove(1);
        (contract.address, contract.found_at) = (late, 200);
        world.store.upsert_contract(&contract).await.unwrap();
        world.store.close().await;
        world
    });
    let dir = TempDir::new().unwrap();
    let said = ask(&world, &dir, &["allowed", &format!("{:#x}", hash(3))]);
    assert_eq!(said.code, 2);
    assert!(said.out.contains("1 app: older logs are still being read"), "{}", said.out);
    assert_eq!(
        said.err,
        "error: no app is known to be allowed to run this version, but not all about every app is known; see above.\n"
    );
    assert_eq!(ask(&world, &dir, &["allowed", &format!("{:#x}", hash(1))]).code, 0);
}

#[test]
fn a_span_that_goes_back_is_a_usage_error() {
    let (world, dir) = (whole(), TempDir::new().unwrap());
    let app = format!("{APP:#x}");
    let said = ask(&world, &dir, &["diff", &app, "--from", "60", "--to", "20"]);
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (
            64,
            "",
            "error: the span ends at block 20, before it begins at block 60; exchange the two.\n"
        )
    );
    let said = ask(&world, &dir, &["diff", &app, "--from", "20", "--to", "2026-03-16T12:00:00Z"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let said = ask(&world, &dir, &["diff", &app, "--from", "20", "--to", "yesterday"]);
    assert_eq!(said.code, 64);
    let said = ask(&world, &dir, &["diff", &app, "--from", "20", "--to", "61"]);
    assert_eq!(said.code, 2, "its header is not held");
}

#[test]
fn a_family_is_declared_in_the_configuration() {
    let (world, dir) = (whole(), TempDir::new().unwrap());
    let declare = |families: &str| {
        std::fs::write(dir.path().join("devproof.toml"), families).unwrap();
    };
    let one = |name: &str, apps: &str| {
        format!("[[family]]\nname = \"{name}\"\nchain-id = {LOCAL}\napps = [{apps}]\n")
    };
    let (app, stock) = (format!("\"{APP:#x}\""), format!("\"{STOCK:#x}\""));
    declare(&(one("product", &format!("{app}, {stock}")) + &one("alone", &app)));
    assert_eq!(ask(&world, &dir, &["family", "product"]).code, 1, "they differ");
    assert_eq!(ask(&world, &dir, &["family", "alone"]).code, 0);
    let said = ask(&world, &dir, &["family", "nobody"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (
            2,
            "error: no family is called \"nobody\"; this index knows alone, product; declare it in devproof.toml under \
             [[family]].\n"
        )
    );
    declare(&one("product", "\"0x00000000000000000000000000000000000000a2\""));
    let said = ask(&world, &dir, &["family", "product"]);
    assert_eq!(said.code, 2, "{}", said.out);
    declare(&one("My Product", &app));
    let said = ask(&world, &dir, &["family", "My Product"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (
            64,
            "error: devproof.toml: the name of a family is 1 to 64 of a-z, 0-9 and -, such as my-product, not \"My \
             Product\".\n"
        )
    );
    declare("[[family]]\nname = \"a\"\nchain-id = 1\napps = [\"0x12\"]\n");
    assert_eq!(ask(&world, &dir, &["family", "a"]).code, 64);
}

#[test]
fn deletions_say_what_they_prove() {
    let (world, dir) = (made(with_deletions()), TempDir::new().unwrap());
    let app = format!("{APP:#x}");
    let said = ask(&world, &dir, &["deletions", "--app", &app]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("asserted a deletion, not that no copy exists"), "{}", said.out);
    let one = format!("{:#x}", hash(1));
    assert_eq!(ask(&world, &dir, &["deletions", "--commitment", &one]).code, 0);
    let none = format!("{:#x}", B256::ZERO);
    assert_eq!(ask(&world, &dir, &["deletions", "--commitment", &none]).code, 1);
    let args = ["deletions", "--app", &app, "--from", "41"];
    assert_eq!(ask(&world, &dir, &args).code, 1);
    assert_eq!(ask(&world, &dir, &["deletions"]).code, 64);
    assert_eq!(ask(&world, &dir, &["deletions", "--app", &app, "--commitment", &one]).code, 64);
}

#[test]
fn a_long_history_comes_page_by_page() {
    let world = made(async {
        let mut world = World::empty(LOCAL).await;
        world.birth(10);
        for n in 0..1200_u64 {
            let who = B256::from(U256::from(n + 1));
            world.extend(20 + n / 100, Action::Set, Setting::Guardian, who, OWNER);
        }
        world.commit(None, 200).await;
        world.store.close().await;
        world
    });
    let (dir, app) = (TempDir::new().unwrap(), format!("{APP:#x}"));
    let said = ask(&world, &dir, &["history", &app]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.starts_with("More than 1000 changes up to block 200 "), "{}", said.out);
    assert_eq!(said.out.matches("guardian set").count(), 1200);
    assert_eq!(said.out.matches("The index begins").count(), 1);
    let said = ask(&world, &dir, &["--json", "history", &app]);
    let pages = serde_json::Deserializer::from_str(&said.out).into_iter::<History>();
    let counts: Vec<_> = pages.map(|page| page.unwrap().entries.len()).collect();
    assert_eq!(counts, [1000, 205]);
}

#[test]
fn a_record_is_asked_for_by_its_time() {
    let (world, dir) = (whole(), TempDir::new().unwrap());
    let app = format!("{APP:#x}");
    let at = |args: &[&str]| ask(&world, &dir, &[&["at", &app, "--block", "48"], args].concat());
    let said = at(&["--as-of", "2100-01-01T00:00:00Z"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("As recorded on "), "{}", said.out);
    let said = at(&["--as-of", "2001-01-01T00:00:00Z"]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(said.err.contains("nothing of chain 31337 had been recorded"), "{}", said.err);
    assert_eq!(at(&["--as-of", "2100-01-01T00:00:00Z", "--finality", "safe"]).code, 64);
}
