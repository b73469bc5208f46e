//! Stage 1, point by point, both ways; and never a pass from what is not known.

use crate::{
    observed::sighting,
    world::{APP, DAY, IMPLEMENTATION, KMS, LOCAL, OWNER, STOCK, T0, World, block, hash},
};
use alloy_primitives::{Address, B256};
use devproof_api::{
    Finality,
    documents::{Stage, StageResult, time},
    stage, stage_reference,
};
use devproof_contracts::{Code, stock::DstackKms};
use devproof_primitives::{Action, ComposeHash, Setting};
use devproof_store::Contract;
use serde_json::json;
use std::path::Path;

use StageResult::{CouldNotTell, Fail, Pass};

async fn ask(world: &World, app: Address) -> Stage {
    let now = time(block(200).timestamp + DAY);
    stage(&world.store, None, LOCAL, app, Finality::Unsafe, now).await.unwrap()
}

/// A stock app that is as it was born.
async fn stock() -> Stage {
    let mut world = World::empty(LOCAL).await;
    world.stock_birth(12);
    world.commit(None, 200).await;
    ask(&world, STOCK).await
}

fn point(stage: &Stage, id: &str) -> StageResult {
    stage.points.iter().find(|it| it.id == id).unwrap().result
}

/// An app whose only version is what these bytes are.
async fn with_text(text: Option<&[u8]>) -> Stage {
    let mut world = World::empty(LOCAL).await;
    let version = ComposeHash::of(text.unwrap_or(b"else")).0;
    world.birth(10);
    world.extend(11, Action::Removed, Setting::ComposeHash, hash(1), OWNER);
    world.extend(12, Action::Set, Setting::ComposeHash, version, OWNER);
    world.commit(None, 200).await;
    world.verified(200).await;
    if let Some(text) = text {
        world.store.keep_compose(text, 1).await.unwrap();
    }
    ask(&world, APP).await
}

fn compose(services: &str, more: &str) -> Vec<u8> {
    let file = serde_json::to_string(services).unwrap();
    format!("{{\"manifest_version\":2,\"name\":\"app\",\"runner\":\"docker-compose\",\"docker_compose_file\":{file},\"kms_enabled\":true,\"public_tcbinfo\":true,\"secure_time\":true{more}}}").into_bytes()
}

fn pinned(more: &str) -> String {
    format!("services:\n  app:\n    image: example/app@sha256:{}\n{more}", "a".repeat(64))
}

#[tokio::test]
async fn notice_and_record() {
    let world = World::whole(LOCAL).await;
    let ours = ask(&world, APP).await;
    assert_eq!((point(&ours, "notice"), point(&ours, "upgrade_record")), (Pass, Pass));
    // Its code was replaced by some that nobody knows.
    let replaced = ask(&world, STOCK).await;
    assert_eq!(point(&replaced, "notice"), CouldNotTell);
    let stock = stock().await;
    assert_eq!((point(&stock, "notice"), point(&stock, "upgrade_record")), (Fail, CouldNotTell));
    assert!(
        stock.sentence.starts_with(
            "You have to trust the people behind this app (Stage 0): The owner can change the code at any moment"
        ),
        "{}",
        stock.sentence
    );
    // What was not compared is not complete.
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.commit(None, 200).await;
    let answer = ask(&world, APP).await;
    assert_eq!((point(&answer, "notice"), point(&answer, "upgrade_record")), (Pass, CouldNotTell));
    // The same events out of other code.
    for (code, notice) in [
        (Code::AppAuthTest, Fail),
        (Code::Unknown, CouldNotTell),
        (Code::TimelockAppAuth, CouldNotTell),
    ] {
        let world = World::empty(LOCAL).await;
        let contract = Contract {
            chain_id: LOCAL,
            address: APP,
            role: devproof_store::Role::App,
            named_by: None,
            code_kind: code.name().to_owned(),
            code_hash: Some(hash(1)),
            implementation: None,
            found_at: 10,
            history_verified_at: None,
        };
        let mut told = World::empty(LOCAL).await;
        told.birth(10);
        let page = devproof_store::Page {
            chain_id: LOCAL,
            previous: None,
            contracts: vec![contract],
            blocks: vec![],
            logs: told.logs.clone(),
            readings: Vec::new(),
            newborn: Vec::new(),
            checkpoint: block(200),
        };
        world.store.commit(&page).await.unwrap();
        assert_eq!(point(&ask(&world, APP).await, "notice"), notice, "{code:?}");
    }
}

#[tokio::test]
async fn key_services_and_operating_systems() {
    let world = World::whole(LOCAL).await;
    let answer = ask(&world, APP).await;
    assert_eq!((point(&answer, "key_service"), point(&answer, "operating_system")), (Fail, Fail));
    // STOCK is registered nowhere, so nobody knows on whom it depends.
    let stock = ask(&world, STOCK).await;
    let told = (point(&stock, "key_service"), point(&stock, "operating_system"));
    assert_eq!(told, (CouldNotTell, CouldNotTell));
    // One that nobody is known to own, and an app that has pinned its system.
    let mut world = World::empty(LOCAL).await;
    let gone = DstackKms::OwnershipTransferred { previousOwner: OWNER, newOwner: Address::ZERO };
    world.kms(5, &DstackKms::Upgraded { implementation: IMPLEMENTATION });
    world.kms(6, &gone);
    world.birth(10);
    world.kms(10, &DstackKms::AppRegistered { appId: APP });
    world.extend(12, Action::Set, Setting::OsImage, hash(0xe1), OWNER);
    world.commit(None, 200).await;
    let answer = ask(&world, APP).await;
    let told = (point(&answer, "key_service"), point(&answer, "operating_system"));
    assert_eq!(told, (CouldNotTell, Pass));
    // Without pins it is not known what may run, though nobody owns the service.
    let mut world = World::empty(LOCAL).await;
    world.kms(6, &gone);
    world.birth(10);
    world.kms(10, &DstackKms::AppRegistered { appId: APP });
    world.commit(None, 200).await;
    assert_eq!(point(&ask(&world, APP).await, "operating_system"), CouldNotTell);
    // Of which nobody knows an owner.
    let mut world = World::empty(LOCAL).await;
    world.birth(10);
    world.kms(10, &DstackKms::AppRegistered { appId: APP });
    world.commit(None, 200).await;
    assert_eq!(point(&ask(&world, APP).await, "key_service"), CouldNotTell);
}

#[tokio::test]
async fn what_texts_tell() {
    let points = ["code_known", "no_secrets", "no_backdoor", "reproducible", "source"];
    let told = |stage: &Stage| points.map(|id| point(stage, id));
    let good = with_text(Some(&compose(&pinned(""), ""))).await;
    assert_eq!(told(&good), [Pass, Pass, Pass, CouldNotTell, CouldNotTell], "{good:#?}");
    // Nothing is known of a text that nobody handed in, or that cannot be read.
    let nothing = [CouldNotTell; 5];
    assert_eq!(told(&with_text(None).await), nothing);
    assert_eq!(told(&with_text(Some(b"not json")).await), nothing);
    assert_eq!(told(&with_text(Some(&compose("services: [", ""))).await), nothing);
    let moving = compose("services:\n  app:\n    image: example/app:latest\n", "");
    assert_eq!(told(&with_text(Some(&moving)).await)[0], Fail);
    let chosen =
        compose("services:\n  app:\n    image: ${IMAGE}\n", ",\"allowed_envs\":[\"IMAGE\"]");
    assert_eq!(told(&with_text(Some(&chosen)).await)[0], Fail);
    let secret = pinned("    environment:\n      - SIGNING_KEY=${SIGNING_KEY}\n");
    let secret = compose(&secret, ",\"allowed_envs\":[\"SIGNING_KEY\"]");
    assert_eq!(told(&with_text(Some(&secret)).await)[1], Fail);
    let door = compose(&pinned("    privileged: true\n"), "");
    assert_eq!(told(&with_text(Some(&door)).await)[2], Fail);
    let built = compose(&pinned("    build: .\n"), "");
    assert_eq!(told(&with_text(Some(&built)).await)[3], Fail);
}

/// What the last looks at instances say of the key service's own quote, if it is theirs, of lately and held against Intel's root.
#[tokio::test]
async fn where_the_keys_of_the_key_service_were_made() {
    let lately = block(199).timestamp;
    let verdict = |result: &str, kms: Address| {
        let row = json!({
            "id": "kms_quote", "result": result, "how": format!("said to be {result}"),
            "details": {"kms": kms, "block": {"number": 150, "hash": hash(150), "timestamp": 1}},
        });
        let other = json!({"id": "hardware", "result": "fail", "how": "another matter"});
        json!({"checks": [other, row]}).to_string().into_bytes()
    };
    let told = async |all: &[(u8, u64, Vec<u8>)], intel: bool| {
        let world = World::whole(LOCAL).await;
        for (quote, seen_at, verdict) in all {
            let mut it = sighting(LOCAL, *quote, 2, *seen_at);
            it.instance_id = Some(Address::repeat_byte(*quote));
            it.judged.verdict = verdict.clone().into();
            it.judged.is_intel_root = intel;
            world.store.record_sighting(&it).await.unwrap();
        }
        let stage = ask(&world, APP).await;
        let point = stage.points.into_iter().find(|it| it.id == "key_origin").unwrap();
        (point.result, point.evidence)
    };
    assert_eq!(told(&[], true).await, (CouldNotTell, vec![]));
    let (result, evidence) = told(&[(1, lately, verdict("pass", KMS))], true).await;
    assert_eq!(result, Pass);
    let expected = format!("key service {KMS:#x} after block 150, looked at ");
    assert!(evidence[0].starts_with(&expected) && evidence[0].ends_with("said to be pass"));
    for (what, intel, seen_at, verdict, expected) in [
        ("refused", true, lately, verdict("fail", KMS), Fail),
        ("only claimed", true, lately, verdict("inconclusive", KMS), CouldNotTell),
        ("long ago", true, T0 + 20 * DAY, verdict("pass", KMS), CouldNotTell),
        ("by another root", false, lately, verdict("pass", KMS), CouldNotTell),
        ("of another service", true, lately, verdict("pass", OWNER), CouldNotTell),
        ("refused, of another service", true, lately, verdict("fail", OWNER), CouldNotTell),
        ("nothing said", true, lately, b"{}".to_vec(), CouldNotTell),
        ("what is no verdict", true, lately, b"[[".to_vec(), CouldNotTell),
    ] {
        assert_eq!(told(&[(1, seen_at, verdict)], intel).await.0, expected, "{what}");
    }
    // One who found it refused outweighs one who did not, whoever looked last.
    for (first, second) in [("pass", "fail"), ("fail", "pass")] {
        let all = [(1, lately - 60, verdict(first, KMS)), (2, lately, verdict(second, KMS))];
        assert_eq!(told(&all, true).await.0, Fail);
    }
    let all = [(1, lately - 60, verdict("pass", KMS)), (2, lately, verdict("inconclusive", KMS))];
    assert_eq!(told(&all, true).await.0, CouldNotTell, "the last look counts");
    // However many others were looked at since; and what nobody read may be a refusal.
    let since = |count: u8, first: &str| {
        let all = (1..=count).map(|n| {
            (n, lately - 600 + u64::from(n), verdict(if n == 1 { first } else { "pass" }, KMS))
        });
        all.collect::<Vec<_>>()
    };
    assert_eq!(told(&since(30, "fail"), true).await.0, Fail);
    assert_eq!(told(&since(100, "pass"), true).await.0, Pass);
    assert_eq!(told(&since(101, "fail"), true).await.0, CouldNotTell);
}

#[tokio::test]
async fn what_was_seen() {
    let lately = block(199).timestamp;
    let told = async |change: &dyn Fn(&mut devproof_store::Sighting)| {
        let world = World::whole(LOCAL).await;
        let mut it = sighting(LOCAL, 1, 2, lately);
        change(&mut it);
        world.store.record_sighting(&it).await.unwrap();
        point(&ask(&world, APP).await, "seen")
    };
    assert_eq!(point(&ask(&World::whole(LOCAL).await, APP).await, "seen"), CouldNotTell);
    assert_eq!(told(&|_| {}).await, Pass);
    // Long ago.
    assert_eq!(told(&|it| it.seen_at = T0 + 20 * DAY).await, CouldNotTell);
    assert_eq!(told(&|it| it.judged.is_proved = false).await, CouldNotTell);
    assert_eq!(told(&|it| it.judged.is_intel_root = false).await, CouldNotTell);
    assert_eq!(told(&|it| it.judged.overall = "inconclusive".to_owned()).await, CouldNotTell);
    assert_eq!(told(&|it| it.judged.overall = "fail".to_owned()).await, Fail);
    // A version that was never allowed. That a machine only says so is no reason for alarm.
    let strange = |it: &mut devproof_store::Sighting| it.compose_hash = ComposeHash(hash(9));
    assert_eq!(told(&strange).await, Fail);
    let claimed = |it: &mut devproof_store::Sighting| {
        strange(it);
        it.judged.is_proved = false;
    };
    assert_eq!(told(&claimed).await, CouldNotTell);
    // Nobody knows what is allowed by now.
    assert_eq!(told(&|it| it.seen_at = lately + DAY).await, CouldNotTell);
}

/// Nothing is ever said to be Stage 1, and an app of which nothing is known fails in nothing.
#[tokio::test]
async fn the_whole_is_its_worst_point() {
    let good = with_text(Some(&compose(&pinned(""), ""))).await;
    assert_eq!(good.result, CouldNotTell);
    assert!(good.sentence.starts_with("Nothing that we can check speaks against this app, but "));
    assert_eq!(stock().await.result, Fail);
    let unknown = B256::repeat_byte(7);
    assert!(
        good.points.iter().all(|it| !it.why.is_empty() && !it.why.contains(&format!("{unknown}")))
    );
}

#[test]
fn the_table_in_the_documentation_is_that_of_the_code() {
    const BEGIN: &str = "<!-- points: written by a test, from the code -->\n";
    const END: &str = "<!-- end of points -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/stage.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let current = format!("{before}{BEGIN}\n{}\n{END}{after}", stage_reference());
    if std::env::var_os("DEVPROOF_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text == current, "docs/stage.md is stale; run the test with DEVPROOF_BLESS=1");
}
