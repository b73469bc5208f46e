//! What is told by the verbs that are no questions and send no transaction, on the chain of a product's life.

use crate::{
    bench::{OWNER, Said, said, same},
    changing::{self, transcript},
    process::Process,
    server::Server,
    story::{NOW, Played},
};
use axum::{Router, http::StatusCode, routing::post};
use serde_json::Value;

/// A verb of the story, and what is put in place of what is another one in each run.
struct Telling<'a> {
    played: &'a Played,
    others: Vec<(String, &'static str)>,
}

impl Telling<'_> {
    /// Runs it, and adds what a person sees of it.
    fn add(&self, told: &mut String, args: &[&str], code: i32) -> Said {
        let said = self.played.run(args);
        assert_eq!(said.code, code, "{args:?}: {said:?}");
        told.push_str(&transcript(args, &said));
        said
    }

    fn same(&self, name: &str, told: &str) {
        let others = self.others.iter();
        let text = others.fold(told.to_owned(), |text, (other, name)| text.replace(other, name));
        let word = |word: &str| {
            let digits = word.chars().filter(char::is_ascii_hexdigit).count();
            // A quote's report data, and a time of the machine's clock.
            let is_long = word.contains("0x") && digits > 66;
            if is_long { "<bytes>".to_owned() } else { word.to_owned() }
        };
        let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
        let text = text.lines().map(line).collect::<Vec<_>>().join("\n");
        same(name, &self.played.redacted(&text));
    }

    /// What a verb says as a document, which is an object with these fields and no others.
    fn document(&self, args: &[&str], fields: &[&str]) -> Value {
        let said = self.played.run(&[args, &["--json"]].concat());
        let document = said.json();
        assert_eq!(changing::fields(&document), fields, "{args:?}: {document:#}");
        document
    }
}

/// The words of all of them, each in a file.
pub(crate) async fn are_told(played: &Played) {
    let bench = &played.story.bench;
    let others = vec![(bench.anvil.url().to_owned(), "<node>")];
    let mut telling = Telling { played, others };
    index(&telling);
    challenge(&telling);
    databases(&telling);
    let receiver =
        Server::new(Router::new().route("/hook", post(|| async { StatusCode::OK }))).await;
    let id = subscribe(&mut telling, &receiver.url);
    watch(&telling).await;
    letters(&telling, &id, receiver);
}

fn index(telling: &Telling<'_>) {
    let bench = &telling.played.story.bench;
    let [kms, factory] = [bench.kms, bench.factory].map(|it| it.to_string());
    let mut told = String::new();
    let args = ["index", "--database", "second.db", "--kms", &kms, "--factory", &factory];
    telling.add(&mut told, &args, 0);
    telling.add(&mut told, &args, 0);
    telling.add(&mut told, &["index", "--database", "third.db"], 64);
    telling.same("verb_index.txt", &told);
    let fields = ["chainId", "number", "hash", "blocks", "logs", "orphanedBlocks", "orphanedLogs"];
    let again = telling.document(&args, &fields);
    assert_eq!(again["blocks"], 0, "{again:#}");
}

fn challenge(telling: &Telling<'_>) {
    let birth = telling.played.story.block_of("the product is born").unwrap().to_string();
    let mut told = String::new();
    let args = ["challenge", "--block", &birth];
    let said = telling.add(&mut told, &args, 0);
    telling.same("verb_challenge.txt", &told);
    assert!(said.json().is_object());
    assert_eq!(telling.played.run(&[&args[..], &["--json"]].concat()).code, 0);
}

fn databases(telling: &Telling<'_>) {
    let mut told = String::new();
    telling.add(&mut told, &["db", "copy", "devproof.db", "copy.db"], 0);
    telling.add(&mut told, &["db", "copy", "devproof.db", "copy.db"], 2);
    telling.same("verb_db_copy.txt", &told);
    let copied = telling.document(
        &["db", "copy", "devproof.db", "another.db"],
        &["from", "to", "rows", "subscriptionsLeftOut", "chains"],
    );
    assert_eq!(copied["chains"][0]["chainId"], 31_337);

    let mut told = String::new();
    let prune = ["db", "prune-evidence", "devproof.db", "--older-than", "30d"];
    telling.add(&mut told, &[&prune[..], &["--dry-run"]].concat(), 0);
    telling.add(&mut told, &prune, 0);
    telling.add(&mut told, &["db", "prune-evidence", "nowhere.db", "--older-than", "30d"], 2);
    let fields = ["database", "before", "documents", "bytes", "dryRun"];
    telling.document(&prune, &fields);
    // Minutes of the machine's clock.
    while let Some(at) = told.find(" before 20") {
        let end = told[at..].find(" UTC").unwrap();
        told.replace_range(at..at + end + 4, " before <minute>");
    }
    telling.same("verb_db_prune_evidence.txt", &told);
}

/// Somebody who is told, and the id.
fn subscribe(telling: &mut Telling<'_>, receiver: &str) -> String {
    let app = telling.played.story.product.to_string();
    let url = format!("{receiver}/hook");
    let add = ["notify", "add", "webhook", &url, "--allow-http", "--name", "ops", "--app", &app];
    let added = telling.document(&add, &["subscription", "secret"]);
    let id = added["subscription"]["id"].as_str().unwrap().to_owned();
    telling.others.push((receiver.trim_start_matches("http://").to_owned(), "<receiver>"));
    telling.others.push((id.clone(), "sub_0123456789abcdef"));
    id
}

async fn watch(telling: &Telling<'_>) {
    let Played { story, .. } = telling.played;
    let app = story.product.to_string();
    let mut watching = Process::start(telling.played.command().args(["watch", &app]));
    watching.says("Watching 1 app on chain 31337");
    story.bench.anvil.set_next_time(NOW + 3_600).await.unwrap();
    let device = format!("0x{}", "d3".repeat(32));
    let key = story.bench.anvil.key(OWNER).unwrap().to_bytes().to_string();
    let mut announce = telling.played.command();
    announce.env("DEVPROOF_PRIVATE_KEY", key);
    announce.args(["app", "devices", &app, "--add", &device, "--yes"]);
    let announced = said(&mut announce);
    assert_eq!(announced.code, 0, "{announced:?}");
    assert_eq!(telling.played.run(&["index"]).code, 0);
    watching.says("announced");
    // The rest of what is told of it.
    watching.says("    ");
    watching.says("    ");
    watching.signal("-TERM");
    watching.ends_well();
    telling.same(
        "verb_watch.txt",
        &format!("$ devproof watch {app} -> 0\n{}\n", watching.said().join("\n")),
    );
}

fn letters(telling: &Telling<'_>, id: &str, receiver: Server) {
    let mut told = String::new();
    telling.add(&mut told, &["notify", "test", id], 0);
    let mut running = Process::start(telling.played.command().args(["notify", "run"]));
    running.says("Ctrl-C stops.");
    running.says("Sending.");
    let arrives = || telling.played.run(&["notify", "show", id, "--json"]).json();
    let begun = std::time::Instant::now();
    while arrives()["subscription"]["acknowledged"] == 0 {
        assert!(begun.elapsed().as_secs() < 60, "{:#}", arrives());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    running.signal("-TERM");
    running.ends_well();
    let run = format!("$ devproof notify run -> 0\n{}\n", running.said().join("\n"));
    telling.same("verb_notify_run.txt", &run);

    drop(receiver);
    telling.add(&mut told, &["notify", "test", id, "--timeout-seconds", "1"], 1);
    telling.add(&mut told, &["notify", "test", "sub_0"], 2);
    telling.same("verb_notify_test.txt", &told);
    telling.document(&["notify", "test", id, "--timeout-seconds", "1"], &["id", "done", "note"]);

    let mut told = String::new();
    telling.add(&mut told, &["notify", "retry", id], 0);
    telling.add(&mut told, &["notify", "retry", "msg_0"], 1);
    telling.same("verb_notify_retry.txt", &told);
    let mut told = String::new();
    telling.add(&mut told, &["notify", "remove", id], 0);
    telling.add(&mut told, &["notify", "remove", id], 1);
    telling.same("verb_notify_remove.txt", &told);
}
