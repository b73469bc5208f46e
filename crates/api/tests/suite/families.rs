//! Families: whether the apps of a product agree.

use crate::world::{APP, IMPLEMENTATION, KMS, LOCAL, PUBLIC, STOCK, World, hash};
use alloy_primitives::Address;
use devproof_api::{
    AnswerError, Families, Finality, Surface,
    documents::{Completeness, Declared, Family},
    family,
};

async fn ask(world: &World, apps: &[Address]) -> Family {
    let (name, apps) = ("product".to_owned(), apps.to_vec());
    let families = Families::new([Declared { name, chain_id: world.chain_id, apps }]).unwrap();
    let finality = Some(Finality::Unsafe);
    family(&world.store, &families, "product", finality, Surface::Rest).await.unwrap()
}

#[tokio::test]
async fn members_that_differ_are_named() {
    let world = World::whole(LOCAL).await;
    // APP may run 2 and 1, STOCK only 2.
    let answer = ask(&world, &[STOCK, APP]).await;
    assert_eq!((answer.agree, &answer.common[..]), (Some(false), &[hash(2)][..]));
    let [only] = &answer.differing[..] else { panic!("{answer:?}") };
    assert_eq!(only.compose_hash, hash(1));
    assert_eq!((&only.allowed_by[..], &only.not_by[..]), (&[APP][..], &[STOCK][..]));
    let [stock, app] = &answer.members[..] else { panic!("{answer:?}") };
    assert_eq!((stock.app, stock.completeness), (STOCK, Completeness::AsEmitted));
    assert_eq!((app.app, app.completeness), (APP, Completeness::Complete));
    assert_eq!((app.authorised.len(), app.proposals.len()), (2, 1));
    assert_eq!(answer.block.number, 200);
}

#[tokio::test]
async fn members_agree_only_if_all_is_known() {
    let world = World::whole(LOCAL).await;
    assert_eq!(ask(&world, &[APP]).await.agree, Some(true));
    let answer = ask(&world, &[APP, IMPLEMENTATION, KMS]).await;
    assert_eq!((answer.agree, answer.not_told.len()), (None, 2));
    assert!(answer.not_told[0].reason.contains("is not in this index"), "{answer:?}");
    // Two that differ are enough for a no.
    assert_eq!(ask(&world, &[APP, IMPLEMENTATION, STOCK]).await.agree, Some(false));
}

#[tokio::test]
async fn a_family_is_as_of_what_is_final() {
    let world = World::whole(PUBLIC).await;
    let declared = Declared { name: "p".to_owned(), chain_id: PUBLIC, apps: vec![APP] };
    let families = Families::new([declared]).unwrap();
    let answer = family(&world.store, &families, "p", None, Surface::Rest).await.unwrap();
    assert_eq!(answer.block.finality, Finality::Finalized);
    assert_eq!(answer.common, [hash(2)]);
    let error = family(&world.store, &families, "q\n", None, Surface::Rest).await.unwrap_err();
    assert!(matches!(error, AnswerError::UnknownFamily { .. }));
    assert_eq!(
        error.sentence(Surface::Rest),
        "no family is called \"q\\n\"; this index knows p; GET /v1/families lists them"
    );
}
