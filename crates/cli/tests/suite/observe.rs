//! `devproof observe` and `devproof observed`: what is taken down, what is not, and what is told of it once.

use crate::{
    evidence::{
        machine::{Machine, World, known_system},
        pki::{NOW, Options},
    },
    run::{Said, command, devproof_in},
    server::Server,
    words::{same, without_clock},
};
use alloy_primitives::{Address, B256, hex, keccak256};
use axum::{Router, extract::Query, routing::get};
use devproof_testkit::Bench;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader},
    process::Stdio,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

/// A chain with a stock app on it that is as old as the test, indexed, and a machine that runs it.
pub(crate) struct Place {
    pub(crate) bench: Bench,
    pub(crate) world: Arc<World>,
    pub(crate) app: Address,
    pub(crate) dir: TempDir,
}

pub(crate) fn version() -> B256 {
    keccak256("the version")
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::behind(60).await
    }

    /// Where the last block is so many seconds old.
    async fn behind(seconds: u64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let bench = Bench::start(now - seconds).await.unwrap();
        let app = bench.deploy_stock_app(version()).await.unwrap();
        let world = Arc::new(World::new(Options::default()));
        let place = Self { bench, world, app, dir: TempDir::new().unwrap() };
        place.write("root.pem", place.world.pki.root_pem());
        place.write("c.json", place.world.pki.collateral().to_string());
        let machine = place.machine();
        let image = place.bench.os_images[0].0;
        let policy = known_system(&machine.evidence(&place.world.pki), image);
        place.write("policy.toml", policy);
        place.quote("one.json", &machine);
        let kms = place.bench.kms.to_string();
        let said = place.run(&["index", "--rpc-url", place.bench.anvil.url(), "--kms", &kms]);
        assert_eq!(said.code, 0, "{}", said.err);
        place
    }

    pub(crate) fn machine(&self) -> Machine {
        Machine::running(self.app.0.0, version().0, self.bench.os_images[0].0)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), content).unwrap();
    }

    fn quote(&self, name: &str, machine: &Machine) {
        self.write(name, machine.get_quote(&self.world.pki).to_string());
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        tokio::task::block_in_place(|| devproof_in(&self.dir, args))
    }

    pub(crate) fn args<'a>(&self, app: &'a str, now: &'a str, from: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec!["observe", app, "--time", now, "--collateral", "c.json"];
        args.extend(["--root-ca", "root.pem"]);
        args.extend(from.iter().flat_map(|from| ["--from", from]));
        args
    }

    /// Exit code and document.
    pub(crate) fn look(&self, from: &[&str], more: &[&str]) -> (i32, Value) {
        let (app, now) = (format!("{:#x}", self.app), NOW.to_string());
        let args = [&self.args(&app, &now, from)[..], &["--json"], more].concat();
        let said = self.run(&args);
        assert!(!said.out.is_empty(), "{}", said.err);
        (said.code, serde_json::from_str(&said.out).unwrap())
    }

    pub(crate) fn known(&self, from: &[&str]) -> (i32, Value) {
        self.look(from, &["--policy", "policy.toml"])
    }

    pub(crate) fn list(&self) -> Value {
        let said = self.run(&["observed", &format!("{:#x}", self.app), "--json"]);
        assert_eq!(said.err, "");
        serde_json::from_str(&said.out).unwrap()
    }

    fn count(&self) -> usize {
        self.list()["observations"].as_array().unwrap().len()
    }

    /// A machine that makes a quote for whatever it is asked to.
    pub(crate) async fn alive(&self) -> Server {
        let (world, machine) = (Arc::clone(&self.world), self.machine());
        let quote = move |Query(asked): Query<HashMap<String, String>>| {
            let (world, mut machine) = (Arc::clone(&world), machine.clone());
            async move {
                let wanted = asked.get("report_data").map(|it| hex::decode(it).unwrap());
                let wanted = wanted.unwrap_or_default();
                machine.report_data[..wanted.len()].copy_from_slice(&wanted);
                machine.get_quote(&world.pki).to_string()
            }
        };
        Server::new(Router::new().route("/quote", get(quote))).await
    }
}

fn kinds(alerts: &Value) -> Vec<&str> {
    alerts.as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lives_is_seen_and_taken_down() {
    let place = Place::new().await;
    let machine = place.alive().await;
    let url = format!("{}/quote?report_data={{report_data}}", machine.url);
    let (code, look) = place.known(&[&url]);
    assert_eq!(code, 0, "{look:#}");
    let seen = &look["seen"][0];
    assert_eq!((&seen["takenDown"], &seen["result"]), (&json!("new"), &json!("pass")));
    // Whatever the rest says: this is no root of Intel's.
    assert_eq!(seen["identity"], "test_root");
    assert_eq!(seen["composeHash"], json!(version()));
    assert_eq!((&look["alerts"], &look["unreached"]), (&json!([]), &json!([])));
    // A new quote each time.
    assert_eq!(place.known(&[&url]).1["seen"][0]["takenDown"], "new");
    let list = place.list();
    let all = list["observations"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((&all[0]["fresh"], &all[0]["authorised"]), (&json!(true), &json!("allowed")));
    assert_eq!((&all[0]["hardwareBy"], &all[0]["systemBy"]), (&json!("here"), &json!("here")));
    assert!(all[0]["to"]["number"].is_u64(), "{list:#}");
    // What it rests on is kept, and verifies again.
    let app = format!("{:#x}", place.app);
    let kept = |hash: &Value| place.run(&["observed", &app, "--kept", hash.as_str().unwrap()]);
    place.write("kept.json", kept(&all[1]["evidence"]).out);
    place.write("kept-c.json", kept(&all[1]["collateral"]).out);
    place.write("kept-policy.toml", kept(&all[1]["policy"]).out);
    let now = NOW.to_string();
    let again =
        ["verify", "kept.json", "--collateral", "kept-c.json", "--policy", "kept-policy.toml"];
    let again = [&again[..], &["--root-ca", "root.pem", "--time", &now, "--json"]].concat();
    let again: Value = serde_json::from_str(&place.run(&again).out).unwrap();
    let was: Value = serde_json::from_str(&kept(&all[1]["verdict"]).out).unwrap();
    assert_eq!((&again["quote"], &again["overall"]), (&was["quote"], &was["overall"]));
    assert_eq!(again["evidence"], was["evidence"]);
    let nothing = place.run(&["observed", &app, "--kept", &format!("{:#x}", B256::ZERO)]);
    assert_eq!((nothing.code, nothing.out.as_str()), (2, ""));
    // In words.
    let words = place.run(&["observed", &app]);
    assert!(words.out.contains("TEST ROOT, proves nothing"), "{}", words.out);
    // The answer about a block behind the look has it, and that about one before it has not.
    let node = place.bench.anvil.url();
    let before = place.bench.node.heads().await.unwrap().latest;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(before.timestamp + 10 < now);
    place.bench.anvil.set_next_time(now + 1).await.unwrap();
    place.bench.anvil.mine(1).await.unwrap();
    assert_eq!(place.run(&["index", "--rpc-url", node]).code, 0);
    let at = |block: u64| -> Value {
        let block = block.to_string();
        let said = place.run(&["at", &app, "--block", &block, "--rpc-url", node, "--json"]);
        serde_json::from_str::<Value>(&said.out).unwrap()["observed"].take()
    };
    let observed = at(before.number + 1);
    assert_eq!(observed[0]["instances"][0]["looks"], 2, "{observed:#}");
    assert_eq!(
        (observed[0]["looks"].as_u64(), &observed[0]["identity"]),
        (Some(2), &json!("test_root"))
    );
    assert_eq!(at(before.number), json!([]));

    // All that a person sees of it.
    let now = NOW.to_string();
    let args = place.args(&app, &now, &[&url, "one.json"]);
    let looked = place.run(&[&args[..], &["--policy", "policy.toml"]].concat());
    let port = machine.url.rsplit(':').next().unwrap();
    let text = looked.out.replace(port, &"#".repeat(port.len()));
    assert_eq!((looked.code, looked.err.as_str()), (0, ""), "{looked:?}");
    same("observe.txt", &without_clock(&text));
    let seen = place.run(&["observed", &app]);
    assert_eq!((seen.code, seen.err.as_str()), (0, ""), "{seen:?}");
    let all = place.list()["observations"].as_array().unwrap().clone();
    let quotes = all.iter().map(|it| it["quote"].as_str().unwrap().to_owned());
    let text = quotes.fold(seen.out, |text, it| {
        text.replace(&format!("{}..{}", &it[..10], &it[58..]), "0x########..########")
    });
    // Of those that were seen in the same second any may be the first.
    let text = without_clock(&text);
    let mut lines: Vec<_> = text.lines().collect();
    let end = lines.iter().position(|line| line.is_empty()).unwrap();
    lines[1..end].sort_unstable();
    same("observed.txt", &(lines.join("\n") + "\n"));
    let stage = place.run(&["stage", &app]);
    assert_eq!((stage.code, stage.err.as_str()), (1, ""));
    same("stage.txt", &without_clock(&stage.out));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proves_nothing_is_not_taken_down() {
    let place = Place::new().await;
    // An old quote, shown to whoever asks for a new one.
    let old = place.machine().get_quote(&place.world.pki).to_string();
    let replay = Server::saying(200, old).await;
    let (code, look) = place.known(&[&format!("{}/quote?x={{report_data}}", replay.url)]);
    let seen = &look["seen"][0];
    assert_eq!((code, &seen["result"]), (1, &json!("fail")), "{look:#}");
    // It is a quote of the app, but nobody knows of when.
    let list = place.list();
    assert_eq!((place.count(), &list["observations"][0]["fresh"]), (1, &json!(false)));
    assert_eq!(list["observations"][0]["decisive"], json!(["report_data"]));

    let other = World::new(Options::default());
    place.write("forged.json", place.machine().get_quote(&other.pki).to_string());
    let mut lying = place.machine();
    lying.log.rtmr[3][0] ^= 1;
    place.quote("lying.json", &lying);
    place.quote("other.json", &Machine::running([9; 20], version().0, [5; 32]));
    let mut silent = place.machine().get_quote(&place.world.pki);
    silent["event_log"] = Value::Null;
    place.write("silent.json", silent.to_string());
    for (file, why) in [
        ("forged.json", "no hardware vouches for the quote, so it shows nothing"),
        ("lying.json", "no event log that is the quote's says which app and which version runs"),
        ("silent.json", "no event log that is the quote's says which app and which version runs"),
        ("other.json", "it is of the app 0x0909090909090909090909090909090909090909"),
    ] {
        let (code, look) = place.known(&[file]);
        let seen = &look["seen"][0];
        assert_eq!((code, &seen["whyNot"]), (1, &json!(why)), "{file}: {look:#}");
        assert_eq!((&seen["takenDown"], &look["alerts"]), (&json!(null), &json!([])), "{file}");
    }
    // Servers that give no evidence; the others are looked at all the same.
    let html = Server::saying(200, "<html>hello</html>").await;
    let broken = Server::saying(500, "no").await;
    let (code, look) = place.known(&[&html.url, "one.json", &broken.url, "missing.json"]);
    assert_eq!(code, 2, "{look:#}");
    assert_eq!(look["unreached"].as_array().unwrap().len(), 3);
    // The same quote as above, of which nobody wants to know now what it was made for.
    assert_eq!(look["seen"][0]["takenDown"], "judged_anew");
    assert_eq!(place.count(), 1);
    // Without a policy that knows the operating system nothing is proved; so it is said.
    let said = place.run(
        &[&place.args(&format!("{:#x}", place.app), &NOW.to_string(), &["one.json"])[..]].concat(),
    );
    assert_eq!(said.code, 2);
    assert!(said.out.contains("could not tell: os_image"), "{}", said.out);
    for wrong in
        [&["observe", "0x12", "--from", "x"][..], &["observe", &format!("{:#x}", place.app)]]
    {
        assert_eq!(place.run(wrong).code, 64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_never_announced_is_told_once() {
    let place = Place::new().await;
    let strange = keccak256("never announced");
    let machine = Machine::running(place.app.0.0, strange.0, place.bench.os_images[0].0);
    place.quote("strange.json", &machine);
    let (code, look) = place.known(&["strange.json"]);
    assert_eq!((code, kinds(&look["alerts"])), (1, vec!["observed_unannounced"]), "{look:#}");
    assert!(look["alerts"][0]["title"].as_str().unwrap().starts_with("Test: "));
    assert_eq!(place.list()["observations"][0]["authorised"], "not_allowed");
    // Another process, another quote of the same: it is still so, and not told again.
    place.quote("strange.json", &Machine { report_data: [1; 64], ..machine });
    let (code, look) = place.known(&["strange.json"]);
    assert_eq!((code, kinds(&look["alerts"])), (1, vec![]));
    assert_eq!(kinds(&look["still"]), ["observed_unannounced"]);
    // What is allowed is none.
    let (_, look) = place.known(&["one.json"]);
    assert_eq!((kinds(&look["alerts"]), kinds(&look["still"])), (vec![], vec![]));
}

/// It may have been announced meanwhile, and what is told once is never taken back.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_behind_does_not_say_that_a_version_never_was_announced() {
    let place = Place::behind(1_800).await;
    let strange = keccak256("never announced");
    let machine = Machine::running(place.app.0.0, strange.0, place.bench.os_images[0].0);
    place.quote("strange.json", &machine);
    let (_, look) = place.known(&["strange.json"]);
    assert_eq!(look["seen"][0]["takenDown"], "new", "{look:#}");
    assert_eq!((kinds(&look["alerts"]), kinds(&look["still"])), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_differ_are_told_once() {
    let place = Place::new().await;
    let mut same = place.machine();
    same.report_data = [3; 64];
    place.quote("two.json", &same);
    let (code, look) = place.known(&["one.json", "two.json"]);
    assert_eq!((code, &look["comparison"]["overall"]), (0, &json!("pass")), "{look:#}");
    let mut other = place.machine();
    other.mrtd = [0x4e; 48];
    place.quote("other.json", &other);
    let (code, look) = place.look(&["one.json", "other.json"], &[]);
    assert_eq!((code, kinds(&look["alerts"])), (1, vec!["observed_differ"]), "{look:#}");
    assert!(look["alerts"][0]["title"].as_str().unwrap().ends_with("differ in mrtd"));
    let (_, look) = place.look(&["other.json", "one.json"], &[]);
    assert_eq!((kinds(&look["alerts"]), kinds(&look["still"])), (vec![], vec!["observed_differ"]));
    // A forged one makes nobody alarmed.
    let pki = World::new(Options::default());
    let forged = Machine { mrtd: [0x55; 48], ..place.machine() };
    place.write("forged.json", forged.get_quote(&pki.pki).to_string());
    let (code, look) = place.look(&["one.json", "forged.json"], &[]);
    assert_eq!((code, kinds(&look["alerts"]), kinds(&look["still"])), (1, vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn hardware_that_is_out_of_date_all_at_once_is_told_once() {
    let mut place = Place::new().await;
    assert_eq!(place.known(&["one.json"]).0, 0);
    // The same quote, under what Intel says a month later.
    let pki = &mut Arc::get_mut(&mut place.world).unwrap().pki;
    pki.options.status = "OutOfDate";
    pki.options.evaluation = 21;
    let collateral = pki.collateral().to_string();
    place.write("c.json", collateral);
    // Time is told in seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let (code, look) = place.known(&["one.json"]);
    assert_eq!(look["seen"][0]["takenDown"], "judged_anew");
    assert_eq!((code, kinds(&look["alerts"])), (1, vec!["observed_out_of_date"]), "{look:#}");
    let text = look["alerts"][0]["text"].as_str().unwrap();
    assert!(text.contains("was UpToDate before and is OutOfDate"), "{text}");
    let (_, look) = place.known(&["one.json"]);
    assert_eq!(look["seen"][0]["takenDown"], "again");
    assert_eq!(
        (kinds(&look["alerts"]), kinds(&look["still"])),
        (vec![], vec!["observed_out_of_date"])
    );
    let list = place.list();
    let it = &list["observations"][0];
    assert_eq!((&it["tcbStatus"], &it["judgedBefore"]), (&json!("OutOfDate"), &json!(1)));
}

/// It goes on after something went wrong, and ends when it is told to.
#[tokio::test(flavor = "multi_thread")]
async fn it_looks_again_and_again_until_it_is_stopped() {
    let place = Place::new().await;
    let (app, now) = (format!("{:#x}", place.app), NOW.to_string());
    let args = place.args(&app, &now, &["one.json"]);
    let mut child = command()
        .current_dir(place.dir.path())
        .args(&args)
        .args(["--policy", "policy.toml", "--every", "10s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let looks = tokio::task::spawn_blocking(move || {
        let lines = BufReader::new(out).lines().map_while(Result::ok);
        lines.filter(|line| line.contains("seen by verified quotes")).take(2).count()
    });
    assert_eq!(tokio::time::timeout(Duration::from_secs(120), looks).await.unwrap().unwrap(), 2);
    let kill = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(kill.success());
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(place.count(), 1);
    let it = &place.list()["observations"][0];
    let seconds = |it: &Value| it.as_str().unwrap().to_owned();
    assert!(seconds(&it["lastSeen"]) > seconds(&it["firstSeen"]), "{it}");
    for wrong in ["9s", "0", "1y", "-5", ""] {
        let args = [&args[..], &["--every", wrong]].concat();
        assert_eq!(place.run(&args).code, 64, "{wrong}");
    }
}
