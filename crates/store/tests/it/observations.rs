//! What was observed, how it was judged, and what has to be told of it.

use crate::{
    db::Db,
    make::{CHAIN, block, page, who},
    opening::meddle,
};
use alloy_primitives::{B256, Bytes};
use devproof_primitives::ComposeHash;
use devproof_store::{
    Judged, MAX_ARCHIVED, ObservationPlace, ObservedAlert, Recorded, Sighting, Store, StoreError,
    Subscribers,
};

fn hash(n: u8) -> B256 {
    B256::repeat_byte(n)
}

fn judged() -> Judged {
    Judged {
        at: 90,
        overall: "fail".to_owned(),
        decisive: vec!["tcb".to_owned(), "os_image".to_owned()],
        is_proved: false,
        is_intel_root: true,
        tcb_status: Some("OutOfDate".to_owned()),
        hardware_by: "here".to_owned(),
        system_by: None,
        warnings: vec!["local_keys".to_owned()],
        evidence: Bytes::from_static(b"evidence"),
        collateral: Some(Bytes::from_static(b"collateral")),
        policy: None,
        verdict: Bytes::from_static(b"{}"),
        from: Some(block(2, 0)),
        to: Some(block(3, 0)),
    }
}

fn sighting(quote: u8, seen_at: u64) -> Sighting {
    Sighting {
        chain_id: CHAIN,
        app: who(1),
        quote: hash(quote),
        compose_hash: ComposeHash(hash(0xc0)),
        instance_id: Some(who(7)),
        os_image_hash: Some(hash(0x05)),
        key_provider: Some(("kms".to_owned(), Bytes::from_static(&[0x30, 0x59]))),
        source: "https://app.example".to_owned(),
        is_fresh: true,
        seen_at,
        judged: judged(),
    }
}

async fn store(db: &Db) -> Store {
    let store = db.store().await;
    store.ensure_chain(CHAIN, 0).await.unwrap();
    store
}

pub(crate) async fn a_sighting_comes_back_as_it_went_in(db: &Db) {
    let store = store(db).await;
    let is_observed = async || {
        let chain = store.chain(CHAIN).await.unwrap().unwrap();
        store.known_of(&chain).await.unwrap().is_observed()
    };
    assert!(!is_observed().await);
    assert_eq!(store.record_sighting(&sighting(1, 100)).await.unwrap(), Recorded::New);
    assert!(is_observed().await);
    let found = store.observations(CHAIN, who(1), None, 9).await.unwrap();
    assert_eq!(found.len(), 1);
    let (it, was) = (&found[0], sighting(1, 100));
    assert_eq!((it.quote, it.compose_hash), (was.quote, was.compose_hash));
    assert_eq!((it.instance_id, it.os_image_hash), (was.instance_id, was.os_image_hash));
    let (kind, id) = was.key_provider.unwrap();
    assert_eq!(it.key_provider, Some((kind, Some(id))));
    assert_eq!((it.source.as_str(), it.is_fresh), ("https://app.example", true));
    assert_eq!((it.first_seen, it.last_seen), (100, 100));
    let (is, was) = (&it.judgement, judged());
    assert_eq!((is.entry, is.seen_from, is.seen_until, is.judged_at), (0, 100, 100, 90));
    assert_eq!((&is.overall, &is.decisive), (&was.overall, &was.decisive));
    assert_eq!((is.is_proved, is.is_intel_root), (false, true));
    assert_eq!((&is.tcb_status, &is.system_by), (&was.tcb_status, &None));
    assert_eq!((is.hardware_by.as_str(), &is.warnings), ("here", &was.warnings));
    assert_eq!(is.from, Some((2, block(2, 0).hash)));
    assert_eq!(is.to, Some((3, block(3, 0).hash)));
    assert_eq!(store.archived(is.evidence).await.unwrap(), Some(was.evidence));
    assert_eq!(store.archived(is.collateral.unwrap()).await.unwrap(), was.collateral);
    assert_eq!(store.archived(is.verdict).await.unwrap(), Some(was.verdict));
    assert_eq!(is.policy, None);
    // Others have none of it.
    assert_eq!(store.observations(CHAIN, who(2), None, 9).await.unwrap(), []);
    let elsewhere = Sighting { chain_id: 1, ..sighting(1, 100) };
    let refused = store.record_sighting(&elsewhere).await.unwrap_err();
    assert!(matches!(refused, StoreError::UnknownChain { chain_id: 1 }), "{refused}");
    // One without an id, and with a key provider that nobody has.
    let odd = Sighting {
        instance_id: None,
        key_provider: Some(("kms".to_owned(), vec![1; 5_000].into())),
        os_image_hash: None,
        source: format!("a\0{}", "b".repeat(9_000)),
        ..sighting(2, 101)
    };
    store.record_sighting(&odd).await.unwrap();
    let it = store.observations(CHAIN, who(1), None, 1).await.unwrap().remove(0);
    assert_eq!((it.instance_id, it.os_image_hash), (None, None));
    assert_eq!(it.key_provider, Some(("kms".to_owned(), None)));
    assert_eq!((it.source.len(), it.source.starts_with("ab")), (2_048, true));
}

pub(crate) async fn the_same_quote_again_is_the_same_observation(db: &Db) {
    let store = store(db).await;
    store.record_sighting(&sighting(1, 100)).await.unwrap();
    // Shown again by somebody, for whom it was not made.
    let again = Sighting { is_fresh: false, source: "file".to_owned(), ..sighting(1, 160) };
    assert_eq!(store.record_sighting(&again).await.unwrap(), Recorded::Again);
    // By a clock that went back.
    assert_eq!(store.record_sighting(&sighting(1, 130)).await.unwrap(), Recorded::Again);
    let found = store.observations(CHAIN, who(1), None, 9).await.unwrap();
    assert_eq!(found.len(), 1);
    let it = &found[0];
    assert_eq!((it.first_seen, it.last_seen), (100, 160));
    assert_eq!((it.judgement.seen_from, it.judgement.seen_until), (100, 160));
    assert_eq!((it.source.as_str(), it.is_fresh), ("https://app.example", true));
    assert_eq!(store.judgements(CHAIN, who(1), hash(1), 9).await.unwrap().len(), 1);
    let at_a_glance = store.observed_instances(CHAIN, who(1), 500, 9).await.unwrap();
    assert_eq!(at_a_glance.len(), 1);
    let it = &at_a_glance[0];
    assert_eq!((it.first_seen, it.last_seen, it.looks), (100, 160, 3));
    // A quote that was old when it was first seen does not get young by being asked for.
    let old = Sighting { is_fresh: false, ..sighting(2, 170) };
    store.record_sighting(&old).await.unwrap();
    store.record_sighting(&sighting(2, 180)).await.unwrap();
    let found = store.observations(CHAIN, who(1), None, 1).await.unwrap();
    assert_eq!((found[0].quote, found[0].is_fresh), (hash(2), false));
}

pub(crate) async fn what_is_judged_in_another_way_is_told_and_the_old_verdict_stays(db: &Db) {
    let store = store(db).await;
    let fresh = Judged {
        overall: "pass".to_owned(),
        decisive: Vec::new(),
        tcb_status: Some("UpToDate".to_owned()),
        ..judged()
    };
    let first = Sighting { judged: fresh.clone(), ..sighting(1, 100) };
    store.record_sighting(&first).await.unwrap();
    // Each of these is another judgement of the same quote.
    let collateral = Some(Bytes::from_static(b"newer"));
    let others = [
        Judged {
            collateral: collateral.clone(),
            verdict: Bytes::from_static(b"[1]"),
            ..fresh.clone()
        },
        Judged { collateral: collateral.clone(), ..judged() },
        Judged { collateral: collateral.clone(), system_by: Some("here".to_owned()), ..judged() },
        Judged { collateral: collateral.clone(), warnings: Vec::new(), ..judged() },
        Judged { collateral: collateral.clone(), policy: Some(Bytes::new()), ..judged() },
        Judged { collateral: collateral.clone(), is_intel_root: false, ..judged() },
        Judged { collateral, hardware_by: "https://else.example".to_owned(), ..judged() },
    ];
    let n = others.len();
    for (seen_at, other) in (101..).zip(others) {
        let it = Sighting { judged: other, ..sighting(1, seen_at) };
        assert_eq!(store.record_sighting(&it).await.unwrap(), Recorded::JudgedAnew, "{it:?}");
        assert_eq!(store.record_sighting(&it).await.unwrap(), Recorded::Again, "{it:?}");
    }
    let all = store.judgements(CHAIN, who(1), hash(1), 99).await.unwrap();
    assert_eq!(all.len(), n + 1);
    let oldest = all.last().unwrap();
    assert_eq!((oldest.overall.as_str(), oldest.seen_until), ("pass", 100));
    assert_eq!(store.archived(oldest.verdict).await.unwrap().unwrap().as_ref(), b"{}");
    assert_eq!(store.archived(all[n - 1].verdict).await.unwrap().unwrap().as_ref(), b"[1]");
    // The last one is what an observation has.
    let found = store.observations(CHAIN, who(1), None, 9).await.unwrap();
    assert_eq!((found.len(), found[0].judgement.entry), (1, n as u64));
    assert_eq!(found[0].judgement.hardware_by, "https://else.example");
}

pub(crate) async fn what_is_only_claimed_is_told_apart(db: &Db) {
    let store = store(db).await;
    store.record_sighting(&sighting(1, 100)).await.unwrap();
    let proved = Judged { is_proved: true, system_by: Some("here".to_owned()), ..judged() };
    let it = Sighting { judged: proved.clone(), ..sighting(2, 200) };
    store.record_sighting(&it).await.unwrap();
    let test = Judged { is_intel_root: false, ..proved };
    let it = Sighting { judged: test, ..sighting(3, 300) };
    store.record_sighting(&it).await.unwrap();
    let told = |until| {
        let store = store.clone();
        async move {
            let seen = store.observed_instances(CHAIN, who(1), until, 9).await.unwrap();
            seen.iter()
                .map(|it| (it.is_proved, it.is_intel_root, it.first_seen, it.judgement.is_proved))
                .collect::<Vec<_>>()
        }
    };
    let (claimed, proved, test) =
        ((false, true, 100, false), (true, true, 200, true), (true, false, 300, true));
    assert_eq!(told(99).await, []);
    assert_eq!(told(100).await, [claimed]);
    assert_eq!(told(299).await, [proved, claimed]);
    assert_eq!(told(u64::MAX).await, [test, proved, claimed]);
}

pub(crate) async fn pages_of_observations_add_up_while_more_arrive(db: &Db) {
    let store = store(db).await;
    // Several in one second.
    for n in 0..10 {
        store.record_sighting(&sighting(n, 100 + u64::from(n / 3))).await.unwrap();
    }
    let (mut after, mut told) = (None, Vec::new());
    loop {
        let page = store.observations(CHAIN, who(1), after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(ObservationPlace { first_seen: last.first_seen, quote: last.quote });
        told.extend(page.iter().map(|it| it.quote[0]));
        // What is seen meanwhile, and seen again, moves nothing.
        store.record_sighting(&sighting(100 + told.len() as u8, 900)).await.unwrap();
        store.record_sighting(&sighting(0, 900)).await.unwrap();
    }
    assert_eq!(told, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    let of = store.observations_of(CHAIN, who(1), Some(who(7)), 2).await.unwrap();
    assert_eq!((of.len(), of[0].first_seen), (2, 900));
    assert_eq!(store.observations_of(CHAIN, who(1), None, 2).await.unwrap(), []);
}

pub(crate) async fn an_alert_is_to_be_told_once(db: &Db) {
    let store = store(db).await;
    let alert = |id: &str, found_at| ObservedAlert {
        id: id.to_owned(),
        chain_id: CHAIN,
        app: who(1),
        kind: "observed_unannounced".to_owned(),
        title: "one".to_owned(),
        text: "two".to_owned(),
        found_at,
    };
    assert!(store.record_alert(&alert("a", 10)).await.unwrap());
    assert!(!store.record_alert(&alert("a", 20)).await.unwrap());
    assert!(store.record_alert(&alert("b", 15)).await.unwrap());
    assert_eq!(store.observed_alerts(CHAIN, 0, 9).await.unwrap(), [alert("a", 10), alert("b", 15)]);
    assert_eq!(store.observed_alerts(CHAIN, 11, 9).await.unwrap(), [alert("b", 15)]);
    let elsewhere = ObservedAlert { chain_id: 1, ..alert("c", 1) };
    assert!(store.record_alert(&elsewhere).await.is_err());
}

pub(crate) async fn what_is_kept_is_what_its_hash_says(db: &Db) {
    let url = db.url();
    let store = Store::open(&url).await.unwrap();
    store.ensure_chain(CHAIN, 0).await.unwrap();
    // As long as can be, and in many pieces.
    let evidence: Bytes = (0..MAX_ARCHIVED).map(|n| (n / 7) as u8).collect::<Vec<_>>().into();
    let large =
        |evidence: Bytes| Sighting { judged: Judged { evidence, ..judged() }, ..sighting(1, 100) };
    store.record_sighting(&large(evidence.clone())).await.unwrap();
    let it = store.observations(CHAIN, who(1), None, 1).await.unwrap().remove(0).judgement;
    assert_eq!(store.archived(it.evidence).await.unwrap(), Some(evidence));
    assert_eq!(store.archived(hash(9)).await.unwrap(), None);
    // What is too long is refused, and nothing of it stays.
    let longer = Sighting { quote: hash(2), ..large(vec![0; MAX_ARCHIVED + 1].into()) };
    let refused = store.record_sighting(&longer).await.unwrap_err();
    assert!(matches!(refused, StoreError::ArchiveTooLong { .. }), "{refused}");
    assert_eq!(store.observations(CHAIN, who(1), None, 9).await.unwrap().len(), 1);
    meddle(&url, "UPDATE archive SET bytes = bytes WHERE piece = 3").await;
    store.archived(it.evidence).await.unwrap();
    meddle(&url, "DELETE FROM archive WHERE piece = 3").await;
    let refused = store.archived(it.evidence).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
}

pub(crate) async fn observations_are_no_facts_and_come_along_in_a_copy(db: &Db) {
    let (observed, plain) = (store(db).await, store(db).await);
    for store in [&observed, &plain] {
        store.commit(&page(None, block(3, 0), Vec::new())).await.unwrap();
    }
    observed.record_sighting(&sighting(1, 100)).await.unwrap();
    let digest = |store: Store| async move { store.digest(CHAIN).await.unwrap() };
    assert_eq!(digest(observed.clone()).await, digest(plain).await);
    let copy = db.bare_twin().await;
    let copied = observed.copy_to(&copy, Subscribers::LeaveOut, &mut |_, _| {}).await.unwrap();
    assert_eq!((copied.rows["observations"], copied.rows["archive"]), (1, 3));
    let told = |store: Store| async move {
        let it = store.observations(CHAIN, who(1), None, 9).await.unwrap();
        let evidence = store.archived(it[0].judgement.evidence).await.unwrap();
        (it, evidence, store.observed_instances(CHAIN, who(1), 999, 9).await.unwrap())
    };
    assert_eq!(told(copy).await, told(observed).await);
}

pub(crate) async fn what_is_old_is_dropped_and_its_verdict_stays(db: &Db) {
    let store = store(db).await;
    let of = |quote: u8, seen_at: u64, evidence: &str, collateral: &str| Sighting {
        judged: Judged {
            evidence: Bytes::copy_from_slice(evidence.as_bytes()),
            collateral: Some(Bytes::copy_from_slice(collateral.as_bytes())),
            policy: Some(Bytes::copy_from_slice(format!("policy {quote}").as_bytes())),
            verdict: Bytes::copy_from_slice(format!("verdict {quote}").as_bytes()),
            ..judged()
        },
        ..sighting(quote, seen_at)
    };
    store.record_sighting(&of(1, 100, "old", "shared")).await.unwrap();
    store.record_sighting(&of(2, 200, "new", "shared")).await.unwrap();
    // First seen long ago, and still there.
    store.record_sighting(&of(3, 100, "alive", "own")).await.unwrap();
    store.record_sighting(&of(3, 300, "alive", "own")).await.unwrap();
    // Somebody hands over as evidence what is the verdict of another.
    store.record_sighting(&of(4, 100, "verdict 2", "shared")).await.unwrap();
    let kept = async |text: &str| {
        let hash = ComposeHash::of(text.as_bytes()).0;
        store.archived(hash).await.unwrap().is_some()
    };
    let before = store.observations(CHAIN, who(1), None, 9).await.unwrap();
    let would = store.drop_evidence(150, true).await.unwrap();
    // "old", "policy 1" and "policy 4".
    assert_eq!((would.documents, would.bytes), (3, 3 + 8 + 8));
    assert!(kept("old").await);
    assert_eq!(store.drop_evidence(150, false).await.unwrap(), would);
    for gone in ["old", "policy 1", "policy 4"] {
        assert!(!kept(gone).await, "{gone}");
    }
    let stay = ["new", "shared", "alive", "own", "policy 2", "policy 3", "verdict 1", "verdict 2"];
    for stays in stay.into_iter().chain(["verdict 3", "verdict 4"]) {
        assert!(kept(stays).await, "{stays}");
    }
    assert_eq!(store.observations(CHAIN, who(1), None, 9).await.unwrap(), before);
    assert_eq!(store.drop_evidence(150, false).await.unwrap().documents, 0);
    // Seen again it is kept again.
    store.record_sighting(&of(1, 400, "old", "shared")).await.unwrap();
    assert!(kept("old").await && kept("policy 1").await);
    // More than fits into one transaction.
    for n in 0..1_100_u32 {
        let mut many = of(9, 100, &format!("many {n}"), &format!("many {n}"));
        many.quote = B256::left_padding_from(&n.to_be_bytes());
        store.record_sighting(&many).await.unwrap();
    }
    let dropped = store.drop_evidence(150, false).await.unwrap();
    assert_eq!(dropped.documents, 1_101);
}

pub(crate) async fn what_had_been_observed_is_told_as_it_had_been_judged(db: &Db) {
    let store = store(db).await;
    store.record_sighting(&sighting(1, 100)).await.unwrap();
    let pass = Judged { overall: "pass".to_owned(), decisive: vec![], ..judged() };
    store.record_sighting(&Sighting { judged: pass, ..sighting(1, 200) }).await.unwrap();
    store.record_sighting(&sighting(2, 150)).await.unwrap();
    let told = async |seen: u64, judged: u64| {
        let found = store.observations_as_of(CHAIN, who(1), (seen, judged), 9).await.unwrap();
        let told = found.iter().map(|(it, anew)| (it.quote, it.judgement.overall.clone(), *anew));
        told.collect::<Vec<_>>()
    };
    let (one, two) = (hash(1), hash(2));
    let is = |quote, result: &str, anew| (quote, result.to_owned(), anew);
    assert_eq!(told(99, 99).await, []);
    assert_eq!(told(100, 199).await, [is(one, "fail", true)]);
    assert_eq!(told(199, 199).await, [is(two, "fail", false), is(one, "fail", true)]);
    assert_eq!(told(149, 200).await, [is(one, "pass", false)]);
    assert_eq!(told(999, 999).await, [is(two, "fail", false), is(one, "pass", false)]);
}
