//! Everything that happens, told once and in order, whatever the chain does meanwhile.

use crate::{
    lives::{self, APPS},
    world::{KMS, LOCAL, World, hash},
};
use devproof_api::{
    ChangePlace, ChangesOf, Finality, Part, Surface, changes, changes_placed,
    documents::{Change, Changes},
    history, latest,
};
use devproof_contracts::stock::DstackKms;

async fn page(world: &World, of: ChangesOf, limit: usize, after: Option<ChangePlace>) -> Changes {
    let page = Part { limit, after };
    changes(&world.store, LOCAL, of, page, Finality::Unsafe, Surface::Rest).await.unwrap()
}

async fn whole(world: &World, of: ChangesOf) -> Vec<Change> {
    let page = page(world, of, 1000, None).await;
    assert_eq!((page.told_again_from, page.not_told.as_slice()), (None, [].as_slice()));
    page.changes
}

#[tokio::test]
async fn all_of_it_is_what_each_history_says_and_pages_add_up() {
    let everything = ChangesOf::default();
    for life in 0..12 {
        let world = lives::random(life).await;
        let all = whole(&world, everything).await;
        let place = |change: &Change| {
            let entry = change.entry.as_ref().unwrap();
            (entry.block.number, entry.log_index.unwrap_or(u64::MAX))
        };
        assert!(all.is_sorted_by_key(place), "life {life}");
        for app in APPS {
            let ours: Vec<_> =
                all.iter().filter(|c| c.app == Some(app) && c.role == "app").collect();
            let ours: Vec<_> = ours.into_iter().filter_map(|c| c.entry.clone()).collect();
            let part = Part::default();
            let history = history(&world.store, LOCAL, app, part, Finality::Unsafe).await.unwrap();
            let mut told = history.entries;
            told.retain(|entry| !entry.read_by_call);
            assert!(ours == told, "life {life}, {app}");
            // An app's own stream has what the key service did to all as well.
            let of = ChangesOf { app: Some(app) };
            let mut expected = all.clone();
            expected.retain(|c| c.app.is_none_or(|it| it == app));
            assert!(whole(&world, of).await == expected, "life {life}, {app}");
        }
        let on_the_kms = world.logs.iter().filter(|log| log.address == KMS).count();
        assert_eq!(all.iter().filter(|c| c.role == "kms").count(), on_the_kms, "life {life}");
        for limit in [1, 2, 3, 7, all.len(), all.len() + 1] {
            let (mut told, mut after) = (Vec::new(), None);
            loop {
                let page = page(&world, everything, limit, after).await;
                let is_last = page.changes.is_empty();
                assert!(page.changes.len() <= limit);
                told.extend(page.changes);
                after = Some(page.next.unwrap().parse().unwrap());
                if is_last {
                    break;
                }
            }
            assert!(told == all, "life {life}, {limit} at a time");
        }
        let newest =
            latest(&world.store, LOCAL, everything, 5, Finality::Unsafe, Surface::Rest).await;
        let newest = newest.unwrap();
        let expected: Vec<_> = all.iter().rev().take(5).cloned().collect();
        assert_eq!(newest.changes, expected);
        let after = newest.next.map(|next| next.parse().unwrap());
        assert_eq!(page(&world, everything, 10, after).await.changes, []);
    }
}

/// Somebody listens while the chain grows and is reorganised, and does as he is told: in the end he knows what a newcomer
/// is told, and was told nothing twice.
#[tokio::test]
async fn who_listens_through_reorgs_knows_what_a_newcomer_is_told() {
    let mut again = 0;
    for seed in 0..30 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut world = World::empty(LOCAL).await;
        world.kms(5, &DstackKms::OsImageHashAdded { osImageHash: hash(0xe1) });
        world.birth(10);
        world.stock_birth(12);
        let mut known: Vec<(ChangePlace, Change)> = Vec::new();
        let mut after = None;
        let (mut head, mut ends) = (12, vec![12]);
        world.commit(None, 12).await;
        world.tags(Some(12), Some(12)).await;
        for _ in 0..25 {
            if rng.u8(..4) == 0 && ends.len() > 1 {
                // Back to the end of an earlier page, which is still held.
                ends.truncate(rng.usize(1..ends.len()));
                head = ends[ends.len() - 1];
                world.fork(head).await;
            } else {
                let to = head + rng.u64(1..4);
                for number in head + 1..=to {
                    if rng.bool() {
                        lives::live(&mut world, number, &mut rng);
                    }
                }
                world.commit(Some(world.block(head)), to).await;
                (head, _) = (to, ends.push(to));
            }
            // He is not always there, and does not always read everything.
            for _ in 0..rng.u8(..3) {
                let page = Part { limit: rng.usize(1..8), after };
                let of = ChangesOf::default();
                let told =
                    changes_placed(&world.store, LOCAL, of, page, Finality::Unsafe, Surface::Rest);
                let told = told.await.unwrap();
                if let Some(from) = told.changes.told_again_from {
                    again += 1;
                    known.retain(|(place, _)| place.number < from);
                }
                known.extend(told.places.iter().copied().zip(told.changes.changes));
                after = told.changes.next.map(|next| next.parse().unwrap());
            }
        }
        loop {
            let page = Part { limit: 5, after };
            let of = ChangesOf::default();
            let told =
                changes_placed(&world.store, LOCAL, of, page, Finality::Unsafe, Surface::Rest);
            let told = told.await.unwrap();
            if let Some(from) = told.changes.told_again_from {
                known.retain(|(place, _)| place.number < from);
            }
            known.extend(told.places.iter().copied().zip(told.changes.changes.clone()));
            after = told.changes.next.map(|next| next.parse().unwrap());
            if told.changes.changes.is_empty() && told.changes.told_again_from.is_none() {
                break;
            }
        }
        let known: Vec<_> = known.into_iter().map(|(_, change)| change).collect();
        assert!(known == whole(&world, ChangesOf::default()).await, "seed {seed}");
    }
    assert!(again > 20, "only {again} reorgs were noticed: the chain is too quiet");
}

#[tokio::test]
async fn a_place_may_be_that_of_any_change() {
    let world = lives::random(3).await;
    let of = ChangesOf::default();
    let page = Part { limit: 1000, after: None };
    let told = changes_placed(&world.store, LOCAL, of, page, Finality::Unsafe, Surface::Rest);
    let told = told.await.unwrap();
    assert_eq!(told.places.len(), told.changes.changes.len());
    for (n, place) in told.places.iter().enumerate() {
        let page = Part { limit: 1000, after: Some(*place) };
        let rest = changes(&world.store, LOCAL, of, page, Finality::Unsafe, Surface::Rest).await;
        assert!(rest.unwrap().changes == told.changes.changes[n + 1..], "behind {n}");
    }
}
