//! What changed between two blocks: the difference of the two answers, and what was undone in between.

use crate::{
    at_block::Fake,
    lives::{self, APPS, END},
    world::{APP, DAY, LOCAL, NOTICE, OWNER, STOCK, STRANGER, T0, World, hash},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use devproof_api::{
    AnswerError, Finality, Part, Surface, When, at, diff,
    documents::{AtBlock, Diff, Difference, Kms, Proposal, Stand},
    history,
};
use devproof_contracts::stock::DstackKms;
use devproof_primitives::{Action, Setting};
use std::collections::{BTreeMap, BTreeSet};

async fn try_ask(world: &World, app: Address, from: When, to: When) -> Result<Diff, AnswerError> {
    diff(&world.store, Some(&Fake), LOCAL, app, (from, to), Finality::Unsafe).await
}

async fn ask(world: &World, app: Address, from: u64, to: u64) -> Diff {
    try_ask(world, app, When::Block(from), When::Block(to)).await.unwrap()
}

fn of<'a>(differences: &'a [Difference], setting: &str, value: Option<B256>) -> &'a Difference {
    differences.iter().find(|it| it.setting == setting && it.value == value).unwrap()
}

#[tokio::test]
async fn what_came_and_went_is_told_with_what_did_it() {
    let world = World::whole(LOCAL).await;
    let answer = ask(&world, APP, 20, 60).await;
    let [one, two] = &answer.settings[..] else { panic!("{answer:#?}") };
    assert_eq!((one.value, one.before, one.after), (Some(hash(1)), Some(hash(1)), None));
    assert_eq!((one.entries.len(), one.entries[0].block.number), (1, 60));
    assert_eq!(one.entries[0].actor, Some(OWNER));
    assert_eq!((two.value, two.before, two.after), (Some(hash(2)), None, Some(hash(2))));
    assert_eq!(
        (two.entries[0].actor, two.entries[0].notice_seconds),
        (Some(STRANGER), Some(NOTICE))
    );
    // 2 was pending and is in force; 3 is announced.
    let [second, third] = &answer.proposals[..] else { panic!("{answer:#?}") };
    assert_eq!((second.before.as_ref().unwrap().state.as_str(), &second.after), ("pending", &None));
    assert_eq!(second.entries[0].action, "set");
    assert_eq!((&third.before, third.after.as_ref().unwrap().state.as_str()), (&None, "pending"));
    // The block at the beginning is not part of the span, the one at the end is.
    assert!(ask(&world, APP, 48, 49).await.settings.is_empty());
    assert_eq!(ask(&world, APP, 47, 48).await.settings.len(), 1);
    assert!(!ask(&world, APP, 9, 10).await.from.born);
}

#[tokio::test]
async fn only_time_kills_a_proposal() {
    let world = World::whole(LOCAL).await;
    let answer = ask(&world, APP, 100, 134).await;
    let [third] = &answer.proposals[..] else { panic!("{answer:#?}") };
    let state = |it: &Option<Stand>| it.as_ref().unwrap().state.clone();
    assert_eq!((state(&third.before), state(&third.after)), ("ripe".into(), "expired".into()));
    assert!(third.entries.is_empty() && answer.settings.is_empty());
}

/// What somebody would do who wants nobody to see it.
#[tokio::test]
async fn what_was_undone_in_between_is_told() {
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.stock_birth(12);
    world.stock(
        20,
        &devproof_contracts::stock::DstackApp::ComposeHashAdded { composeHash: hash(9) },
    );
    world.stock(
        21,
        &devproof_contracts::stock::DstackApp::ComposeHashRemoved { composeHash: hash(9) },
    );
    world.kms(22, &DstackKms::OsImageHashAdded { osImageHash: hash(8) });
    world.kms(23, &DstackKms::OsImageHashRemoved { osImageHash: hash(8) });
    world.propose(24, hash(7), None);
    world.extend(25, Action::Cancelled, Setting::ComposeHash, hash(7), OWNER);
    world.extend(26, Action::Set, Setting::Guardian, STRANGER.into_word(), OWNER);
    world.extend(27, Action::Set, Setting::Guardian, B256::ZERO, OWNER);
    world.commit(None, END).await;

    let answer = ask(&world, STOCK, 15, 30).await;
    let it = of(&answer.settings, "compose_hash", Some(hash(9)));
    let blocks = |it: &Difference| it.entries.iter().map(|e| e.block.number).collect::<Vec<_>>();
    assert_eq!((it.before, it.after, blocks(it)), (None, None, vec![20, 21]));
    let it = of(&answer.kms[0].settings, "os_image", Some(hash(8)));
    assert_eq!((it.before, it.after, blocks(it)), (None, None, vec![22, 23]));

    let answer = ask(&world, APP, 15, 30).await;
    let it = of(&answer.settings, "guardian", None);
    assert_eq!((it.before, it.after, blocks(it)), (None, None, vec![26, 27]));
    let [proposal] = &answer.proposals[..] else { panic!("{answer:#?}") };
    assert_eq!((&proposal.before, &proposal.after), (&None, &None));
    let actions: Vec<_> = proposal.entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["proposed", "cancelled"]);
}

#[tokio::test]
async fn a_span_that_goes_back_is_refused() {
    let world = World::whole(LOCAL).await;
    let refused = async |from, to| try_ask(&world, APP, from, to).await.unwrap_err();
    let error = refused(When::Block(60), When::Block(20)).await;
    assert_eq!(
        error.sentence(Surface::Rest),
        "the span ends at block 20, before it begins at block 60; exchange the two"
    );
    // Behind the same block, but proposals are looked at as of the time.
    let (early, late) = (T0 + 26 * DAY, T0 + 27 * DAY);
    let error = refused(When::Time(late), When::Time(early)).await;
    assert!(matches!(error, AnswerError::Backwards { .. }), "{error}");
    assert!(try_ask(&world, APP, When::Time(early), When::Time(late)).await.is_ok());
    assert!(try_ask(&world, APP, When::Block(60), When::Block(60)).await.is_ok());
}

type Pairs = BTreeSet<(String, B256)>;

/// What the document says, as pairs.
fn pairs(answer: &AtBlock) -> Pairs {
    let policy = &answer.policy;
    let flag = |on: bool| B256::with_last_byte(u8::from(on));
    let mut pairs = Pairs::new();
    let mut put = |name: &str, values: Vec<B256>| {
        pairs.extend(values.into_iter().map(|value| (name.to_owned(), value)));
    };
    let one = |address: Option<Address>| address.map(|a| a.into_word()).into_iter().collect();
    put("compose_hash", answer.authorised.iter().map(|it| it.compose_hash).collect());
    put("device", policy.devices.clone());
    put("os_image", policy.os_image_pins.clone());
    put("any_os_image", if policy.os_images_pinned { vec![] } else { vec![flag(true)] });
    put("any_device", policy.allow_any_device.map(flag).into_iter().collect());
    put("tcb_requirement", policy.require_tcb_up_to_date.map(flag).into_iter().collect());
    let notice = policy.notice_period_seconds.map(|s| U256::from(s).into());
    put("notice_period", notice.into_iter().collect());
    put("owner", one(policy.owner));
    put("pending_owner", one(policy.pending_owner));
    put("guardian", one(policy.guardian));
    // There is no code behind a contract that is not there.
    put("implementation", one(answer.code.implementation.filter(|_| answer.born)));
    let kinds = (1..13).map(|n| Setting::from_number(n).unwrap());
    let frozen = kinds.filter(|kind| policy.frozen.contains(&kind.name().to_owned()));
    put("freeze", frozen.map(|kind| B256::with_last_byte(kind as u8)).collect());
    let fixed = answer.app == STOCK && answer.code.immutable == Some(true);
    put("upgrades_disabled", if fixed { vec![flag(true)] } else { vec![] });
    pairs
}

fn kms_pairs(kms: &Kms, app: Address) -> Pairs {
    let mut pairs = Pairs::new();
    let mut put = |name: &str, values: Vec<B256>| {
        pairs.extend(values.into_iter().map(|value| (name.to_owned(), value)));
    };
    let one = |address: Option<Address>| address.map(|a| a.into_word()).into_iter().collect();
    put("registered_app", one(kms.registered.then_some(app)));
    put("os_image", kms.allowed_os_images.clone());
    put("aggregated_mr", kms.aggregated_mrs.clone());
    put("kms_device", kms.devices.clone());
    put("kms_info", kms.k256_root.iter().map(keccak256).collect());
    put("gateway_app_id", kms.gateway_app_id.iter().map(keccak256).collect());
    put("implementation", one(kms.implementation));
    put("owner", one(kms.owner));
    put("pending_owner", one(kms.pending_owner));
    put("app_implementation", one(kms.app_implementation));
    put("controller", one(kms.controller));
    pairs
}

/// Goes from one state to the other by the differences.
fn moved(mut pairs: Pairs, differences: &[Difference]) -> Pairs {
    for it in differences.iter().filter(|it| it.before != it.after) {
        assert!(!it.entries.is_empty(), "{it:?}");
        if let Some(before) = it.before {
            assert!(pairs.remove(&(it.setting.clone(), before)), "{it:?}");
        }
        if let Some(after) = it.after {
            assert!(pairs.insert((it.setting.clone(), after)), "{it:?}");
        }
    }
    pairs
}

fn stands(proposals: &[Proposal]) -> BTreeMap<(String, B256), Stand> {
    let stand = |it: &Proposal| Stand {
        state: it.state.clone(),
        proposed: it.proposed.clone(),
        ripe_at: it.ripe_at,
        expires_at: it.expires_at,
    };
    proposals.iter().map(|it| ((it.kind.clone(), it.value), stand(it))).collect()
}

#[tokio::test]
async fn it_is_the_difference_of_the_two_answers() {
    let (mut changes, mut undone) = (0, 0);
    for life in 0..16 {
        let world = lives::random(life).await;
        let mut rng = fastrand::Rng::with_seed(life);
        for app in APPS {
            let part = Part::default();
            let all = history(&world.store, LOCAL, app, part, Finality::Unsafe).await.unwrap();
            for _ in 0..12 {
                let from = rng.u64(4..END);
                let to = rng.u64(from..=END);
                let answer = ask(&world, app, from, to).await;
                let at = async |number| {
                    let when = When::Block(number);
                    let answer = at(&world.store, Some(&Fake), LOCAL, app, when, Finality::Unsafe);
                    answer.await.unwrap()
                };
                let (old, new) = (at(from).await, at(to).await);
                let what = format!("life {life}, {app}, {from} to {to}: {answer:#?}");
                assert_eq!(moved(pairs(&old), &answer.settings), pairs(&new), "{what}");
                let kms = answer.kms.first().map_or(&[][..], |kms| &kms.settings);
                let (before, after) = (&old.kms[0], &new.kms[0]);
                assert_eq!(moved(kms_pairs(before, app), kms), kms_pairs(after, app), "{what}");
                let mut proposals = stands(&old.proposals);
                for it in &answer.proposals {
                    let key = (it.kind.clone(), it.value);
                    assert_eq!(proposals.remove(&key), it.before, "{what}");
                    proposals.extend(it.after.clone().map(|after| (key, after)));
                }
                assert_eq!(proposals, stands(&new.proposals), "{what}");
                assert_eq!((&answer.from.code, &answer.to.code), (&old.code, &new.code), "{what}");
                assert_eq!(answer.completeness, new.completeness);

                // Nothing that happened in between is left out.
                let within = |n: u64| n > from && n <= to;
                for entry in all.entries.iter().filter(|e| within(e.block.number) && e.effective) {
                    let told = |it: &Difference| it.entries.contains(entry);
                    let settled = answer.settings.iter().any(told);
                    let proposed = answer.proposals.iter().any(|it| it.entries.contains(entry));
                    assert!(settled || proposed, "{entry:?} is missing; {what}");
                }
                changes += answer.settings.iter().filter(|it| it.before != it.after).count();
                undone += answer.settings.iter().filter(|it| it.before == it.after).count();
            }
        }
    }
    assert!(changes > 500 && undone > 100, "{changes} changes, {undone} undone");
}
