//! What keys of apps said they deleted.

use crate::world::{APP, LOCAL, OWNER, PUBLIC, REGISTRY, STOCK, STRANGER, World, block, hash};
use alloy_primitives::{Address, B256, Bytes, U256};
use devproof_api::{
    AnswerError, DeletionsOf, Finality, Part, When, deletions,
    documents::{Deletion, Deletions},
};
use devproof_contracts::bindings::registry::DeletionRegistry as Registry;

/// Deletions of a user are about data of the same number, behind another byte.
fn data(n: u8) -> B256 {
    B256::repeat_byte(n ^ 0x80)
}

impl World {
    fn register(&mut self, at: u64, app: Address, signer: Address) {
        let no = Bytes::new();
        let event = Registry::SignerRegistered {
            app,
            signer,
            appKey: no.clone(),
            derivedKey: no.clone(),
            appSignature: no.clone(),
            kmsSignature: no,
        };
        self.emit(at, REGISTRY, &event);
        self.extend_registry(at, app, signer.into_word(), STRANGER);
    }

    fn extend_registry(&mut self, at: u64, app: Address, value: B256, actor: Address) {
        let event = Registry::HistoryExtended { app, root: hash(0), kind: 1, value, actor };
        self.emit(at, REGISTRY, &event);
    }

    fn single(&mut self, at: u64, by: Address, app: Address, user: u8) {
        let event = Registry::DeletionAttested {
            id: hash(0xa0),
            app,
            userIdHash: hash(user),
            composeHash: hash(1),
            dataHash: data(user),
            deletedAt: block(at).timestamp - 60,
            nonce: hash(3),
            signer: OWNER,
        };
        self.emit(at, by, &event);
        if by == REGISTRY {
            self.extend_registry(at, app, hash(0xa0), OWNER);
        }
    }

    fn batch(&mut self, at: u64, app: Address, users: &[u8]) {
        let event = Registry::DeletionBatchAttested {
            id: hash(0xb0),
            app,
            composeHash: hash(1),
            count: U256::from(users.len()),
            deletedAt: block(at).timestamp - 60,
            nonce: hash(4),
            signer: OWNER,
        };
        self.emit(at, REGISTRY, &event);
        for user in users {
            let (user, data) = (hash(*user), data(*user));
            let event = Registry::DeletionBatchEntry { userIdHash: user, dataHash: data };
            self.emit(at, REGISTRY, &event);
        }
        self.extend_registry(at, app, hash(0xb0), OWNER);
    }

    fn root(&mut self, at: u64, app: Address) {
        let event = Registry::DeletionRootAttested {
            id: hash(0xc0),
            app,
            root: hash(0xcc),
            composeHash: hash(1),
            count: 5,
            deletedAt: block(at).timestamp - 60,
            nonce: hash(5),
            signer: OWNER,
        };
        self.emit(at, REGISTRY, &event);
        self.extend_registry(at, app, hash(0xc0), OWNER);
    }
}

/// A key is registered at 20; one deletion at 30, a batch at 40 right behind one of another app, a root at 50; the key is
/// revoked at 60. At 35 the stock app's contract says what only a registry may say.
async fn world(chain_id: u64) -> World {
    let mut world = World::empty(chain_id).await;
    world.birth(10);
    world.stock_birth(12);
    world.register(20, APP, OWNER);
    world.single(30, REGISTRY, APP, 1);
    world.single(35, STOCK, APP, 1);
    world.single(40, REGISTRY, STOCK, 9);
    world.batch(40, APP, &[2, 1, 3]);
    world.batch(40, STOCK, &[4, 1]);
    world.root(50, APP);
    world.emit(60, REGISTRY, &Registry::SignerRevoked { app: APP, signer: OWNER, by: STRANGER });
    world.extend_registry(60, APP, OWNER.into_word(), STRANGER);
    world.commit(None, 200).await;
    world.tags(Some(150), Some(45)).await;
    world
}

async fn try_ask(
    world: &World,
    of: DeletionsOf,
    span: (Option<When>, Option<When>),
    part: Part,
) -> Result<Deletions, AnswerError> {
    let node = crate::at_block::Fake;
    deletions(&world.store, Some(&node), LOCAL, of, span, part, Finality::Unsafe).await
}

async fn ask(world: &World, of: DeletionsOf) -> Deletions {
    try_ask(world, of, (None, None), Part::default()).await.unwrap()
}

fn lines(entries: &[Deletion]) -> Vec<(u64, &str, usize)> {
    let users = |it: &Deletion| it.statement.as_ref().map_or(0, |it| it.deletions.len());
    entries.iter().map(|it| (it.at.block, it.kind.as_str(), users(it))).collect()
}

#[tokio::test]
async fn an_apps_key_is_told_with_all_it_signed() {
    let world = world(LOCAL).await;
    let answer = ask(&world, DeletionsOf::App(APP)).await;
    assert_eq!(
        lines(&answer.entries),
        [
            (20, "signer_registered", 0),
            (30, "single", 1),
            (40, "batch", 3),
            (50, "root", 0),
            (60, "signer_revoked", 0)
        ]
    );
    assert!(answer.means.contains("not that no copy exists"));
    assert_eq!((answer.history.as_str(), &answer.registries[..]), ("not_checked", &[REGISTRY][..]));
    let stand = |number| world.store.set_history_verified(LOCAL, &[REGISTRY], number);
    let head = world.block(answer.block.number);
    let (before, at_head) = (world.block(20), head);
    stand(&before).await.unwrap();
    let checked = ask(&world, DeletionsOf::App(APP)).await.history;
    assert_eq!(checked, "not_checked", "what came after block 20 was not compared");
    stand(&at_head).await.unwrap();
    assert_eq!(ask(&world, DeletionsOf::App(APP)).await.history, "agrees");
    let actors: Vec<_> = answer.entries.iter().map(|it| it.at.actor).collect();
    let (owner, stranger) = (Some(OWNER), Some(STRANGER));
    assert_eq!(actors, [stranger, owner, owner, owner, stranger]);
    let batch = serde_json::to_value(&answer.entries[2]).unwrap();
    assert_eq!(batch["statement"]["deletedAt"], "2026-03-11T11:59:00Z", "as the app claims");
    assert_eq!(batch["at"]["timestamp"], "2026-03-11T12:00:00Z");
    assert_eq!(batch["statement"]["composeHash"], serde_json::json!(hash(1)));
    assert_eq!(batch["statement"]["deletions"][0]["userIdHash"], serde_json::json!(hash(2)));
    assert_eq!(batch["statement"]["deletions"][0]["dataHash"], serde_json::json!(data(2)));
    let root = answer.entries[3].statement.as_ref().unwrap();
    assert_eq!((root.root, root.count), (Some(hash(0xcc)), 5));
}

/// Whoever has an app can make its contract say anything.
#[tokio::test]
async fn only_a_registry_attests() {
    let world = world(LOCAL).await;
    for of in [DeletionsOf::App(APP), DeletionsOf::Commitment(hash(1))] {
        let answer = ask(&world, of).await;
        assert!(answer.entries.iter().all(|it| it.at.block != 35 && it.registry == REGISTRY));
    }
}

#[tokio::test]
async fn a_commitment_is_found_alone_and_in_batches() {
    let world = world(LOCAL).await;
    let answer = ask(&world, DeletionsOf::Commitment(hash(1))).await;
    let found: Vec<_> = answer.entries.iter().map(|it| (it.at.block, it.app)).collect();
    assert_eq!(found, [(30, APP), (40, APP), (40, STOCK)]);
    for it in &answer.entries {
        let statement = it.statement.as_ref().unwrap();
        assert_eq!(statement.deletions.len(), 1, "only its own");
        assert_eq!(statement.deletions[0].data_hash, data(1));
    }
    assert_eq!(answer.entries[1].statement.as_ref().unwrap().count, 3);
    assert!(ask(&world, DeletionsOf::Commitment(hash(0xcc))).await.entries.is_empty());
}

#[tokio::test]
async fn a_span_has_both_its_ends() {
    let world = world(LOCAL).await;
    let of = DeletionsOf::App(APP);
    let blocks = async |from, to| {
        let answer = try_ask(&world, of, (from, to), Part::default()).await.unwrap();
        answer.entries.iter().map(|it| it.at.block).collect::<Vec<_>>()
    };
    let number = |n| Some(When::Block(n));
    let time = |n| Some(When::Time(block(n).timestamp));
    let after = |n| Some(When::Time(block(n).timestamp + 1));
    assert_eq!(blocks(number(30), number(50)).await, [30, 40, 50]);
    assert_eq!(blocks(number(31), number(49)).await, [40]);
    assert_eq!(blocks(time(30), time(50)).await, [30, 40, 50]);
    assert_eq!(blocks(after(30), None).await, [40, 50, 60]);
    assert_eq!(blocks(None, number(20)).await, [20]);
    assert_eq!(blocks(number(0), number(19)).await, [0_u64; 0]);
    let refused = try_ask(&world, of, (number(50), number(30)), Part::default()).await;
    assert!(matches!(refused.unwrap_err(), AnswerError::Backwards { .. }));
    let refused = try_ask(&world, of, (time(50), time(30)), Part::default()).await;
    assert!(matches!(refused.unwrap_err(), AnswerError::Backwards { .. }));
}

#[tokio::test]
async fn pages_add_up_and_stop_at_a_reorg() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    for number in 20..80 {
        match number % 3 {
            0 => world.single(number, REGISTRY, APP, 1),
            1 => world.batch(number, APP, &[1, 2]),
            // Looks alike, and is skipped.
            _ => world.single(number, APP, APP, 1),
        }
    }
    world.commit(None, 200).await;
    for of in [DeletionsOf::App(APP), DeletionsOf::Commitment(hash(1))] {
        let whole = ask(&world, of).await;
        assert_eq!(whole.entries.len(), 40);
        for limit in [1, 7, 39, 40, 41] {
            let (mut part, mut entries) = (Part { limit, after: None }, Vec::new());
            loop {
                let page = try_ask(&world, of, (None, None), part).await.unwrap();
                assert!(page.entries.len() <= limit);
                entries.extend(page.entries);
                assert!(entries.len() <= whole.entries.len(), "a page came twice");
                let Some(next) = page.next else { break };
                part.after = Some(next.parse().unwrap());
            }
            assert_eq!(entries, whole.entries, "{limit} at a time");
        }
    }
    let of = DeletionsOf::App(APP);
    let first = try_ask(&world, of, (None, None), Part { limit: 30, after: None }).await.unwrap();
    let after = Some(first.next.unwrap().parse().unwrap());
    world.store.rewind(LOCAL, Some(&block(30))).await.unwrap();
    world.logs.clear();
    world.commit(Some(block(30)), 199).await;
    let error = try_ask(&world, of, (None, None), Part::after(after)).await.unwrap_err();
    assert!(matches!(error, AnswerError::CursorGone { .. }), "{error}");
    let answer = ask(&world, of).await;
    assert_eq!(answer.entries.last().unwrap().at.block, 30);
    assert_eq!(answer.orphaned, 33, "from 31 to 79, without those of the app's own contract");
}

#[tokio::test]
async fn what_is_not_final_enough_is_not_told() {
    let world = world(PUBLIC).await;
    let of = DeletionsOf::App(APP);
    let ask = deletions(
        &world.store,
        None,
        PUBLIC,
        of,
        (None, None),
        Part::default(),
        Finality::Finalized,
    );
    let answer = ask.await.unwrap();
    assert_eq!((answer.block.number, answer.entries.len()), (40, 3));
}
