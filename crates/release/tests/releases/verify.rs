//! What a third party finds: nothing wrong in what was published, and every claim that was changed.

use crate::{
    evidence::{
        machine::{self, Machine},
        pki::{NOW, Options},
    },
    world::{DAY, World, demands, with},
};
use alloy_primitives::{Address, B256};
use devproof_attestation::Policy;
use devproof_contracts::bindings::AppAuth;
use devproof_operator::Finality;
use devproof_release::{
    COLLATERAL_FILE, COMPOSE_FILE, DEPLOYMENTS_FILE, Demands, EVIDENCE_FILE, FILES, Files, Given,
    Judge, Lines, NOTES_FILE, PROOF_FILE, Place, Proof, Publishing, REPORT_FILE, ReleaseError,
    Verdict, WELL_KNOWN_FILE, publish, sha256, verify,
};
use serde_json::{Value, json};

async fn released() -> World {
    let world = World::new().await;
    let commit = world.git(&["rev-parse", "HEAD"]);
    world.propose_with_source(&commit, "https://code.example/acme/app").await;
    world.activate().await;
    world.publish().await.unwrap();
    world
}

/// The files with one of them changed.
fn with_file(files: &Files, name: &'static str, change: impl Fn(&str) -> String) -> Files {
    let mut files = files.clone();
    let before = String::from_utf8(files.get(name).unwrap().to_vec()).unwrap();
    let after = change(&before);
    assert_ne!(before, after, "{name} was not changed");
    files.put(name, after);
    files
}

/// The document with something else at a place, as devproof would write it, in both files that have it.
fn with_claim(files: &Files, pointer: &str, value: Value) -> Files {
    let mut document: Value = serde_json::from_slice(files.get(PROOF_FILE).unwrap()).unwrap();
    let place = document.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"));
    assert_ne!(*place, value, "{pointer} is that already");
    *place = value;
    let mut files = files.clone();
    // In the order and the form of the original: only the claim differs.
    let bytes = match serde_json::from_value::<Proof>(document.clone()) {
        Ok(proof) => proof.bytes(),
        Err(_) => serde_json::to_vec_pretty(&document).unwrap(),
    };
    files.put(PROOF_FILE, bytes.clone());
    files.put(WELL_KNOWN_FILE, bytes);
    files
}

fn fails(lines: &Lines, id: &str) -> bool {
    lines.overall == Verdict::Fail && with(lines, Verdict::Fail).contains(&id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_holds_and_says_by_whom() {
    let world = released().await;
    let verified = world.verify(&world.files()).await;
    let lines = &verified.lines;
    assert_eq!(lines.overall, Verdict::Pass, "{lines:#?}");
    assert_eq!(with(lines, Verdict::Claimed), ["app", "release_notes", "source", "evidence"]);
    assert!(verified.summary.unwrap().contains("after 2 d of notice"));
    let by = |id: &str| lines.get(id).unwrap().by;
    for (id, who) in [
        ("compose_file", "here"),
        ("notice", "chain"),
        ("transactions", "chain"),
        ("app", "publisher"),
        ("chain", "node"),
    ] {
        assert_eq!(by(id), who, "{id}");
    }
    // Who knows which app they use has one claim less; who uses another one is told.
    let named = |app, version| Demands { app: Some(app), version, ..demands() };
    let files = world.files();
    let verified = world.verify_with(&files, &named(world.app, Some(world.version()))).await;
    assert_eq!(with(&verified.lines, Verdict::Claimed), ["release_notes", "source", "evidence"]);
    let verified = world.verify_with(&files, &named(Address::repeat_byte(7), None)).await;
    assert!(fails(&verified.lines, "app"));
    assert_eq!(verified.summary, None);
    let verified = world.verify_with(&files, &named(world.app, Some(B256::repeat_byte(1)))).await;
    assert!(fails(&verified.lines, "compose_file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_claim_that_was_changed_is_found() {
    let world = released().await;
    let files = world.files();
    let hash = json!(B256::repeat_byte(0xee));
    let time = json!("2026-12-31T00:00:00Z");
    // Where, what stands there instead, and which line finds it.
    let claims = [
        ("/format", json!("devproof.release/2"), ""),
        ("/app/chainId", json!(1), "chain"),
        ("/app/address", json!(Address::repeat_byte(9)), "contract"),
        ("/app/code", json!("dstack_app"), "contract"),
        ("/app/codeHash", hash.clone(), "contract"),
        ("/app/noticeSeconds", json!(30 * DAY), "contract"),
        ("/version/composeHash", hash.clone(), "compose_file"),
        ("/version/composeFile", json!("other.json"), "compose_file"),
        ("/version/size", json!(1), "compose_file"),
        ("/version/name", json!("Bank of Trust"), "images"),
        ("/source/repository", json!("https://evil.example"), "report"),
        ("/source/commit", json!("ab".repeat(20)), "source"),
        ("/source/onChain/digest", hash.clone(), "state"),
        ("/source/onChain/uri", json!("https://evil.example"), "state"),
        ("/source/onChain", Value::Null, "state"),
        ("/images/0/reference", json!("acme/other"), "images"),
        ("/images/0/digest", Value::Null, "images"),
        ("/images/0/service", json!("other"), "images"),
        ("/images", json!([]), "images"),
        ("/state", json!("announced"), "state"),
        ("/announced/at/transaction", hash.clone(), "announced"),
        ("/announced/at/block", json!(1), "announced"),
        ("/announced/at/blockHash", hash.clone(), "announced"),
        ("/announced/at/timestamp", time.clone(), "announced"),
        ("/announced/at/logIndex", json!(77), "announced"),
        ("/announced/at/by", json!(Address::repeat_byte(9)), "announced"),
        ("/announced/ripeAt", time.clone(), "announced"),
        ("/announced/expiresAt", time.clone(), "announced"),
        ("/announced", Value::Null, "announced"),
        ("/inForce/transaction", hash.clone(), "in_force"),
        ("/inForce/block", json!(1), "in_force"),
        ("/inForce/blockHash", hash.clone(), "in_force"),
        ("/inForce/timestamp", time.clone(), "in_force"),
        ("/inForce/logIndex", json!(77), "in_force"),
        ("/inForce/by", Value::Null, "in_force"),
        ("/inForce", Value::Null, "in_force"),
        (
            "/ended",
            json!({"transaction": hash, "block": 1, "blockHash": hash, "timestamp": time, "logIndex": 0, "by": null}),
            "ended",
        ),
        ("/noticeSeconds", json!(30 * DAY), "notice"),
        ("/bornWith", json!(true), "notice"),
        ("/history/completeness", json!("as_emitted"), "history"),
        ("/history/changes", json!(3), "history"),
        ("/history/root", hash.clone(), "history"),
        ("/history/from", json!(0), "history"),
        ("/history/through/number", json!(100_000), "history"),
        ("/history/through/hash", hash.clone(), "history"),
        ("/history/through/timestamp", time.clone(), "history"),
        ("/files/RELEASE-NOTES.md", hash.clone(), "release_notes"),
        ("/files", json!({}), "release_notes"),
        (
            "/evidence",
            json!({"evidence": hash, "collateral": null, "judgedAt": time, "policy": null, "overall": "pass", "proved": true,
            "appId": world.app, "composeHash": world.version(), "quote": null, "rows": []}),
            "evidence",
        ),
    ];
    let document: Value = serde_json::from_slice(files.get(PROOF_FILE).unwrap()).unwrap();
    let mut left = Vec::new();
    leaves(&document, "", &mut left);
    for (pointer, value, id) in claims {
        left.retain(|it| it != pointer && !(pointer == "/ended" && it == "/ended"));
        let verified = world.verify(&with_claim(&files, pointer, value)).await;
        if id.is_empty() {
            assert_ne!(verified.lines.overall, Verdict::Pass, "{pointer}");
        } else {
            assert!(
                fails(&verified.lines, id),
                "{pointer} is not found by {id}: {:#?}",
                verified.lines
            );
        }
        assert_eq!(verified.summary, None, "{pointer}");
    }
    assert_eq!(left, [""; 0], "claims that no row of this table changes");
}

/// Where a document has values.
fn leaves(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                leaves(value, &format!("{at}/{key}"), all);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (n, value) in items.iter().enumerate() {
                leaves(value, &format!("{at}/{n}"), all);
            }
        }
        _ => all.push(at.to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_that_was_changed_or_left_out_is_found() {
    let world = released().await;
    let files = world.files();
    for (name, id) in [
        (COMPOSE_FILE, "compose_file"),
        (DEPLOYMENTS_FILE, "deployments"),
        (REPORT_FILE, "report"),
        (WELL_KNOWN_FILE, "well_known"),
        (NOTES_FILE, "release_notes"),
        (PROOF_FILE, "files"),
    ] {
        let longer = with_file(&files, name, |text| format!("{text}\n"));
        assert!(fails(&world.verify(&longer).await.lines, id), "{name}, longer");
        let mut without = Files::default();
        for other in FILES.iter().filter(|it| **it != name) {
            if let Some(content) = files.get(other) {
                without.put(other, content);
            }
        }
        assert!(fails(&world.verify(&without).await.lines, id), "{name}, left out");
    }
    // A row of the history that is gone, and a word of the report.
    let row = |text: &str| {
        text.lines().filter(|line| !line.contains("born with it")).collect::<Vec<_>>().join("\n")
    };
    assert!(fails(
        &world.verify(&with_file(&files, DEPLOYMENTS_FILE, row)).await.lines,
        "deployments"
    ));
    let word = |text: &str| text.replace("2 d", "7 d");
    assert!(fails(&world.verify(&with_file(&files, REPORT_FILE, word)).await.lines, "report"));
    // The same name twice, of which readers take either.
    let twice = |text: &str| text.replacen("{\n", "{\n  \"state\": \"removed\",\n", 1);
    assert!(fails(&world.verify(&with_file(&files, PROOF_FILE, twice)).await.lines, "files"));
    // No folder, no files, somebody else's file.
    let nowhere = Place::new("/nowhere/at/all").unwrap();
    assert!(fails(&verify(&nowhere, Ok(world.node()), &demands()).await.lines, "files"));
    for bad in ["", "null", "[]", "{}", "{\"format\": 1}", "{\"format\":\"devproof.release/1\"}"] {
        let mut files = Files::default();
        files.put(PROOF_FILE, bad);
        assert!(fails(&world.verify(&files).await.lines, "files"), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_fit_each_other_and_not_the_chain() {
    // Somebody publishes from a chain of their own, on which everything has been as it should.
    let theirs = released().await;
    let ours = World::new().await;
    assert_eq!(theirs.app, ours.app, "the same settings give the same address");
    let files = theirs.files();
    assert_eq!(theirs.verify(&files).await.lines.overall, Verdict::Pass);
    let verified = ours.verify(&files).await;
    assert_eq!(verified.lines.overall, Verdict::Fail, "{:#?}", verified.lines);
    assert!(fails(&verified.lines, "announced"));
    // The version is announced there as well, but later and without any notice gone by.
    ours.go_on(3 * DAY).await;
    ours.propose().await;
    let verified = ours.verify(&files).await;
    assert_eq!(verified.lines.overall, Verdict::Fail, "{:#?}", verified.lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_time_went_over() {
    let world = released().await;
    let files = world.files();
    // Less is accepted than before: nobody is worse off.
    world.remove(&world.bench.guardian, B256::repeat_byte(1)).await;
    let lines = world.verify(&files).await.lines;
    assert_eq!(lines.overall, Verdict::Pass, "{lines:#?}");
    // Another version is announced, of which the files do not tell.
    let call = AppAuth::proposeComposeHash_1Call { composeHash: B256::repeat_byte(3) };
    world.bench.owner.send(world.app, &call).await.unwrap();
    let lines = world.verify(&files).await.lines;
    assert_eq!(with(&lines, Verdict::Fail), ["since"], "{lines:#?}");
    // Published again, they do.
    world.publish().await.unwrap();
    assert_eq!(world.verify(&world.files()).await.lines.overall, Verdict::Pass);
    // The version itself is allowed no longer.
    world.remove(&world.bench.owner, world.version()).await;
    let lines = world.verify(&files).await.lines;
    assert_eq!(with(&lines, Verdict::Fail), ["since"], "{lines:#?}");
    assert_eq!(lines.get("since").unwrap().value.as_deref(), Some("removed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_died_is_not_told_as_one_that_may_come() {
    let world = World::new().await;
    world.propose().await;
    world.publish().await.unwrap();
    let files = world.files();
    assert_eq!(world.verify(&files).await.lines.overall, Verdict::Pass);
    world.go_on(16 * DAY).await;
    let lines = world.verify(&files).await.lines;
    assert_eq!(with(&lines, Verdict::Fail), ["since"], "{lines:#?}");
    assert_eq!(lines.get("since").unwrap().value.as_deref(), Some("expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_not_a_yes() {
    let world = released().await;
    let files = world.files();
    let elsewhere = tempfile::TempDir::new().unwrap();
    files.write(elsewhere.path()).unwrap();
    let place = Place::new(elsewhere.path().to_str().unwrap()).unwrap();
    let lines = verify(&place, Err("no node is named".to_owned()), &demands()).await.lines;
    assert_eq!(lines.overall, Verdict::CouldNotTell);
    assert!(lines.lines.iter().all(|line| line.result != Verdict::Fail), "{lines:#?}");
    // The blocks could still be taken back.
    let finalized = Demands { finality: Finality::Finalized, ..demands() };
    let lines = world.verify_with(&files, &finalized).await.lines;
    assert_eq!(with(&lines, Verdict::CouldNotTell), ["final"], "{lines:#?}");
    world.bench.anvil.mine(100).await.unwrap();
    assert_eq!(world.verify_with(&files, &finalized).await.lines.overall, Verdict::Pass);
    // A node that keeps back an entry is not believed.
    let proxy =
        devproof_testkit::proxy::FaultyProxy::before(world.bench.anvil.url(), 1).await.unwrap();
    let proof: Value = serde_json::from_slice(files.get(PROOF_FILE).unwrap()).unwrap();
    let transaction: B256 =
        proof["announced"]["at"]["transaction"].as_str().unwrap().parse().unwrap();
    proxy.hide(Some((world.app, transaction)));
    let node = devproof_chain::Node::connect(proxy.url()).await.unwrap();
    let lines = verify(&place, Ok(node.clone()), &demands()).await.lines;
    assert_ne!(lines.overall, Verdict::Pass, "{lines:#?}");
    proxy.settle().await;
    assert_eq!(verify(&place, Ok(node.clone()), &demands()).await.lines.overall, Verdict::Pass);
    // Nor one that keeps back what came last: that another version is announced.
    let call = AppAuth::proposeComposeHash_1Call { composeHash: B256::repeat_byte(3) };
    let receipt = world.bench.owner.send(world.app, &call).await.unwrap();
    proxy.hide(Some((world.app, receipt.transaction)));
    let lines = verify(&place, Ok(node), &demands()).await.lines;
    assert_ne!(lines.overall, Verdict::Pass, "{lines:#?}");
    assert_ne!(lines.get("since").unwrap().result, Verdict::Pass, "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_names_another_transaction_is_found_by_receipts() {
    let world = released().await;
    let proof: Proof = serde_json::from_slice(world.files().get(PROOF_FILE).unwrap()).unwrap();
    let real = proof.in_force.unwrap();
    let filter = json!([{"address": world.app, "fromBlock": format!("{:#x}", real.block), "toBlock": format!("{:#x}", real.block)}]);
    let mut logs: Vec<Value> =
        serde_json::from_value(world.bench.anvil.request("eth_getLogs", filter).await.unwrap())
            .unwrap();
    assert!(!logs.is_empty());
    for log in &mut logs {
        log["transactionHash"] = json!(B256::repeat_byte(0xee));
    }
    let proxy =
        devproof_testkit::proxy::FaultyProxy::before(world.bench.anvil.url(), 1).await.unwrap();
    proxy.hide(Some((world.app, real.transaction)));
    proxy.forge(logs);
    let node = devproof_chain::Node::connect(proxy.url()).await.unwrap();
    // The publisher's own node told the same.
    let (root, config, judge) = (world.repo.path(), &world.config, Judge::default());
    let publishing =
        Publishing { root, config, node: &node, finality: Finality::Unsafe, evidence: None, judge };
    let published = publish(publishing).await.unwrap();
    assert_eq!(published.proof.in_force.unwrap().transaction, B256::repeat_byte(0xee));
    let place = Place::new(root.join("release").to_str().unwrap()).unwrap();
    let lines = verify(&place, Ok(node), &demands()).await.lines;
    assert_eq!(with(&lines, Verdict::Fail), ["transactions"], "{lines:#?}");
}

/// Evidence of a machine that runs the version, with a policy that knows its system.
fn instance(world: &World, version: B256) -> (Given, Judge) {
    let image = [0x0a; 32];
    let mut machine = Machine::running(world.app.into_array(), version.0, image);
    machine.app_compose = None;
    let pki = machine::World::new(Options::default());
    let evidence = machine.evidence(&pki.pki);
    let policy = machine::known_system(&evidence, image);
    let policy = format!(
        "required = [\"hardware\", \"collateral\", \"tcb\", \"event_log\", \"os_image\", \"app_id\", \"compose_hash\"]\n{policy}"
    );
    let judge = Judge {
        root: pki.root,
        policy: Policy::from_toml(&policy).unwrap(),
        policy_hash: Some(sha256(policy.as_bytes())),
    };
    let given = Given {
        evidence: machine.get_quote(&pki.pki).to_string().into_bytes(),
        collateral: Some(pki.pki.collateral().to_string().into_bytes()),
        time: Some(NOW),
    };
    (given, judge)
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_judged_again() {
    let world = released().await;
    let (given, judge) = instance(&world, world.version());
    let published = world.publish_with(Some(given.clone()), judge.clone()).await.unwrap();
    assert!(published.summary.contains("A quote shows a machine that ran it."), "{published:#?}");
    let files = world.files();
    let by_us = Demands { judge: judge.clone(), ..demands() };
    let lines = world.verify_with(&files, &by_us).await.lines;
    assert_eq!(lines.overall, Verdict::Pass, "{lines:#?}");
    assert_eq!(lines.get("evidence").unwrap().result, Verdict::Pass);
    // Whoever trusts Intel alone, and knows no such system, is not told yes.
    let lines = world.verify(&files).await.lines;
    assert_ne!(lines.get("evidence").unwrap().result, Verdict::Pass, "{lines:#?}");
    // Published again without it, it stays.
    let again = world.publish_with(None, judge.clone()).await.unwrap();
    assert!(again.proof.evidence.is_some());
    assert_eq!(world.files(), files);

    let hash = json!(B256::repeat_byte(0xee));
    for (pointer, value) in [
        ("/evidence/evidence", hash.clone()),
        ("/evidence/collateral", hash.clone()),
        ("/evidence/collateral", Value::Null),
        ("/evidence/judgedAt", json!("2036-01-01T00:00:00Z")),
        ("/evidence/overall", json!("inconclusive")),
        ("/evidence/proved", json!(false)),
        ("/evidence/appId", json!(Address::repeat_byte(9))),
        ("/evidence/composeHash", hash.clone()),
        ("/evidence/quote", hash.clone()),
        ("/evidence/rows", json!([])),
    ] {
        let lines = world.verify_with(&with_claim(&files, pointer, value), &by_us).await.lines;
        assert!(fails(&lines, "evidence"), "{pointer}: {lines:#?}");
    }
    // Whoever judges under other demands finds another evidence all the same.
    let under_others = Judge { policy_hash: Some(B256::repeat_byte(1)), ..judge.clone() };
    let by_others = Demands { judge: under_others, ..demands() };
    assert_eq!(world.verify_with(&files, &by_others).await.lines.overall, Verdict::Pass);
    for pointer in
        ["/evidence/evidence", "/evidence/collateral", "/evidence/quote", "/evidence/composeHash"]
    {
        let lines =
            world.verify_with(&with_claim(&files, pointer, hash.clone()), &by_others).await.lines;
        assert!(fails(&lines, "evidence"), "{pointer}: {lines:#?}");
    }
    // Claims that only the report holds against.
    let policy = with_claim(&files, "/evidence/policy", hash);
    assert_eq!(world.verify_with(&policy, &by_us).await.lines.overall, Verdict::Fail);
    for name in [EVIDENCE_FILE, COLLATERAL_FILE] {
        let longer = with_file(&files, name, |text| format!("{text} "));
        assert!(fails(&world.verify_with(&longer, &by_us).await.lines, "evidence"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_something_else_is_not_published() {
    let world = released().await;
    let (given, judge) = instance(&world, B256::repeat_byte(1));
    let refused = world.publish_with(Some(given), judge).await;
    assert!(
        matches!(&refused, Err(ReleaseError::Refused(why)) if why.contains("of the version 0x0101")),
        "{refused:?}"
    );
    // Nor is one that does not verify: its quote leads to another root than the one that is trusted.
    let (given, _) = instance(&world, world.version());
    let result = world.publish_with(Some(given.clone()), Judge::default()).await;
    match result {
        Err(ReleaseError::Refused(_)) => {}
        Ok(published) => assert!(!published.summary.contains("shows a machine"), "{published:?}"),
        Err(other) => panic!("{other:?}"),
    }
    // And without a time nobody else could judge alike.
    let (_, judge) = instance(&world, world.version());
    let timeless = world.publish_with(Some(Given { time: None, ..given }), judge).await;
    assert!(matches!(timeless, Err(ReleaseError::Usage(_))), "{timeless:?}");
}
