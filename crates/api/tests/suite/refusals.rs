//! What cannot be answered is refused, never half answered.

use crate::{
    at_block::Fake,
    world::{APP, KMS, LOCAL, OWNER, STOCK, World, block, hash},
};
use alloy_primitives::{B256, address};
use devproof_api::{
    AnswerError, Finality, HeaderFuture, Headers, Part, Surface, When, at, history,
};
use devproof_primitives::{Action, BlockRef, Setting};
use devproof_store::{Contract, Page, Role};

/// A node of some chain that differs from the index at one block.
#[derive(Debug)]
struct Other {
    chain_id: u64,
    differs_at: u64,
}

impl Headers for Other {
    fn chain_id(&self) -> u64 {
        self.chain_id
    }

    fn block(&self, number: u64) -> HeaderFuture<'_> {
        let hash = if number == self.differs_at { B256::ZERO } else { block(number).hash };
        let header = BlockRef { hash, ..block(number) };
        Box::pin(async move { Ok((number <= 200).then_some(header)) })
    }

    fn block_by_hash(&self, _: B256) -> HeaderFuture<'_> {
        Box::pin(async move { Ok(None) })
    }
}

async fn refusal(world: &World, headers: Option<&dyn Headers>, number: u64) -> AnswerError {
    let when = When::Block(number);
    at(&world.store, headers, LOCAL, APP, when, Finality::Unsafe).await.unwrap_err()
}

#[tokio::test]
async fn blocks_outside_of_the_index() {
    let world = World::whole(LOCAL).await;
    assert_eq!(
        refusal(&world, Some(&Fake), 201).await.sentence(Surface::Cli),
        "block 201 is not in the index yet, which ends at block 200 (2026-04-20T12:00:00Z); ask for an \
         earlier one, or run `devproof index` first"
    );
    assert_eq!(
        refusal(&world, Some(&Fake), 3).await.sentence(Surface::Rest),
        "the index begins at block 4 and cannot tell what was so at block 3; ask for a later one"
    );
}

#[tokio::test]
async fn a_block_whose_header_is_not_held() {
    let world = World::whole(LOCAL).await;
    assert_eq!(
        refusal(&world, None, 59).await.sentence(Surface::Cli),
        "the index does not hold the header of block 59 (block 50 has the same state: it is held, and \
         nothing happened between the two); pass --rpc-url, or ask for a block or time that is held"
    );
}

#[tokio::test]
async fn a_node_that_has_another_chain() {
    let world = World::whole(LOCAL).await;
    let other = |differs_at| Other { chain_id: LOCAL, differs_at };
    // Not final: the index head has to be the same.
    let error = refusal(&world, Some(&other(200)), 199).await;
    assert!(matches!(
        error,
        AnswerError::NodeDisagrees { number: 200, theirs: Some(B256::ZERO), .. }
    ));
    // Final: the last held final block has to be, and the head may have moved.
    let error = refusal(&world, Some(&other(60)), 59).await;
    assert!(matches!(error, AnswerError::NodeDisagrees { number: 60, .. }), "{error}");
    let (when, node) = (When::Block(59), other(200));
    let answer = at(&world.store, Some(&node), LOCAL, APP, when, Finality::Finalized).await;
    assert_eq!(answer.unwrap().block.hash, block(59).hash);
    let wrong = Other { chain_id: 1, differs_at: 0 };
    let error = refusal(&world, Some(&wrong), 59).await;
    assert!(matches!(error, AnswerError::WrongNode { node: 1, asked: LOCAL }), "{error}");
}

#[tokio::test]
async fn apps_and_chains_that_are_not_there() {
    let world = World::whole(LOCAL).await;
    let ask = async |chain, app| {
        let when = When::Block(10);
        let error = at(&world.store, None, chain, app, when, Finality::Unsafe).await.unwrap_err();
        error.sentence(Surface::Rest)
    };
    assert_eq!(
        ask(LOCAL, OWNER).await,
        "app 0x0000000000000000000000000000000000000001 is not in this index of chain 31337; check the id \
         and the chain"
    );
    assert_eq!(
        ask(LOCAL, KMS).await,
        "0x00000000000000000000000000000000000000c1 is no app but a contract of kind kms: ask for the \
         app's own contract"
    );
    for chain in [5, u64::MAX] {
        assert_eq!(
            ask(chain, APP).await,
            format!(
                "chain {chain} is not in this index, which holds chain 31337; GET /v1/chains lists them"
            )
        );
    }
}

#[tokio::test]
async fn a_history_that_does_not_add_up() {
    for missing in [0, 5, 8] {
        let mut world = World::empty(LOCAL).await;
        world.tell();
        let index = world.logs.iter().enumerate().filter(|(_, l)| l.address == APP).nth(missing);
        let (index, _) = index.unwrap();
        world.logs.remove(index);
        world.commit(None, 200).await;
        let error = refusal(&world, Some(&Fake), 200).await;
        assert!(matches!(error, AnswerError::Contradiction(_)), "{missing}: {error}");
        assert!(error.to_string().starts_with("the index contradicts the contract's own history"));
        let error =
            history(&world.store, LOCAL, APP, Part::default(), Finality::Unsafe).await.unwrap_err();
        assert!(matches!(error, AnswerError::Contradiction(_)), "{missing}: {error}");
    }
}

#[tokio::test]
async fn events_of_an_app_that_was_born_before_the_index() {
    let mut world = World::empty(LOCAL).await;
    world.tell();
    world.logs.retain(|log| log.address != APP || log.block.number > 10);
    world.commit(None, 200).await;
    let error = refusal(&world, Some(&Fake), 100).await;
    assert!(matches!(error, AnswerError::Contradiction(_)), "{error}");
}

#[tokio::test]
async fn contracts_whose_logs_are_still_being_read() {
    let world = World::whole(LOCAL).await;
    // Named late, and no page has come since: not one of its logs is held.
    let late = address!("00000000000000000000000000000000000000a2");
    let contract = Contract { address: late, found_at: 200, ..world.contracts().swap_remove(1) };
    world.store.upsert_contract(&contract).await.unwrap();
    let ask = async |app, n| {
        at(&world.store, Some(&Fake), LOCAL, app, When::Block(n), Finality::Unsafe).await
    };
    for n in [4, 100, 200] {
        let error = ask(late, n).await.unwrap_err();
        assert!(matches!(error, AnswerError::Unfinished { from: 4, to: 200, .. }), "{n}: {error}");
    }
    // A key service found late leaves a gap below the next page, which concerns every app.
    let kms = Contract {
        address: address!("00000000000000000000000000000000000000c2"),
        role: Role::Kms,
        found_at: 201,
        ..world.contracts().swap_remove(0)
    };
    let page = Page {
        chain_id: LOCAL,
        previous: Some(block(200).hash),
        contracts: vec![kms],
        blocks: vec![],
        logs: vec![],
        readings: Vec::new(),
        newborn: Vec::new(),
        checkpoint: block(201),
    };
    world.store.commit(&page).await.unwrap();
    let error = ask(STOCK, 100).await.unwrap_err();
    assert!(matches!(error, AnswerError::Unfinished { from: 4, to: 200, .. }), "{error}");
}

#[tokio::test]
async fn an_app_that_was_reorganised_away() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    let app = Contract { named_by: Some(KMS), ..world.contracts().swap_remove(1) };
    let page = Page {
        chain_id: LOCAL,
        previous: None,
        contracts: vec![app],
        blocks: vec![block(9)],
        logs: world.logs.clone(),
        readings: Vec::new(),
        newborn: Vec::new(),
        checkpoint: block(10),
    };
    world.store.commit(&page).await.unwrap();
    world.store.rewind(LOCAL, Some(&block(9))).await.unwrap();
    let error = refusal(&world, None, 9).await;
    assert_eq!(
        error.sentence(Surface::Rest),
        "app 0x00000000000000000000000000000000000000a1 is not in this index of chain 31337, except in \
         blocks that were reorganised away; check the id and the chain"
    );
}

#[tokio::test]
async fn an_index_without_a_page() {
    let world = World::empty(LOCAL).await;
    let error = refusal(&world, None, 9).await;
    assert_eq!(
        error.sentence(Surface::Cli),
        "nothing of chain 31337 is indexed yet; run `devproof index`"
    );
}

#[tokio::test]
async fn removing_what_was_never_there_is_told_as_nothing() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.extend(11, Action::Removed, Setting::ComposeHash, hash(7), OWNER);
    world.stock(
        12,
        &devproof_contracts::stock::DstackApp::ComposeHashAdded { composeHash: hash(1) },
    );
    world.commit(None, 200).await;
    let history =
        history(&world.store, LOCAL, APP, Part::default(), Finality::Unsafe).await.unwrap();
    assert!(!history.entries.last().unwrap().effective);
}
