//! Everything that can be asked about half a year of a product's life: whole outputs, with what differs from run to run
//! put aside, and the same question quietly, loudly and as a document.

use crate::bench::{Said, redacted, said, same};
use devproof_testkit::{Story, Versions};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// 2026-11-20 00:00:00 UTC.
const NOW: u64 = 1_795_132_800;

struct Played {
    story: Story,
    dir: TempDir,
}

impl Played {
    async fn new() -> Self {
        let story = Story::play_with(Versions::example().unwrap(), NOW, &mut |_| {}).await.unwrap();
        let dir = TempDir::new().unwrap();
        let config = format!(
            "chain = 31337\nrpc-url = \"{}\"\n[[family]]\nname = \"gateway\"\nchain-id = 31337\napps = [\"{}\", \"{}\"]\n",
            story.bench.anvil.url(),
            story.product,
            story.stock
        );
        std::fs::write(dir.path().join("devproof.toml"), config).unwrap();
        let played = Self { story, dir };
        let bench = &played.story.bench;
        let [kms, factory, registry] =
            [bench.kms, bench.factory, bench.registry].map(|it| it.to_string());
        let indexed =
            played.run(&["index", "--kms", &kms, "--factory", &factory, "--registry", &registry]);
        assert_eq!(indexed.code, 0, "{indexed:?}");
        played
    }

    fn run(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devproof"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DEVPROOF_") {
                command.env_remove(name);
            }
        }
        said(command.current_dir(self.dir.path()).stdin(Stdio::null()).args(args))
    }

    /// Without what differs from run to run: hashes of blocks and transactions, where the node is, how long ago it all was.
    fn redacted(&self, text: &str) -> String {
        let keep: Vec<String> = (1..=7).map(|n| self.story.versions.hash(n).to_string()).collect();
        let keep: Vec<&str> = keep.iter().map(String::as_str).collect();
        let text = redacted(&text.replace(self.story.bench.anvil.url(), "<node>"), &keep);
        let line = |line: &str| {
            let mut words: Vec<&str> = line.split(' ').collect();
            while let Some(at) = words
                .windows(3)
                .position(|it| it[0].parse::<u64>().is_ok() && it[2].starts_with("ago"))
            {
                words.splice(at..at + 2, ["<span>"]);
            }
            words.join(" ")
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_about_the_life_of_a_product() {
    let played = Played::new().await;
    let story = &played.story;
    let (app, stock) = (story.product.to_string(), story.stock.to_string());
    let fourth = story.versions.hash(5).to_string();
    let block = |title: &str| story.block_of(title).unwrap().to_string();
    let (birth, removed) = (block("the product is born"), block("the guardian removes 1.4.0"));
    let questions: [(&str, i32, &[&str]); 17] = [
        ("at", 0, &["at", &app, "--block", "unsafe"]),
        ("at_birth", 0, &["at", &app, "--block", &birth]),
        ("at_of_stock", 0, &["at", &stock, "--block", "unsafe"]),
        ("at_one_version", 1, &["at", &app, "--block", &removed, "--compose-hash", &fourth]),
        ("history", 0, &["history", &app]),
        ("history_of_stock", 0, &["history", &stock]),
        ("allowed", 0, &["allowed", &fourth]),
        ("diff", 0, &["diff", &app, "--from", &birth, "--to", "unsafe"]),
        ("family", 1, &["family", "gateway"]),
        ("deletions", 0, &["deletions", "--app", &app]),
        ("notices", 0, &["notices"]),
        ("show", 0, &["app", "show", &app]),
        ("status", 0, &["status", &app, "--compose-hash", &fourth]),
        ("status_of_stock", 1, &["status", &stock, "--compose-hash", &fourth]),
        ("contract", 0, &["contract", "verify", &app]),
        ("contract_of_stock", 1, &["contract", "verify", &stock]),
        ("fsck", 0, &["fsck"]),
    ];
    for (name, code, args) in questions {
        let told = played.run(args);
        assert_eq!((told.code, told.err.as_str()), (code, ""), "{args:?}: {told:?}");
        same(&format!("story_{name}.txt"), &played.redacted(&told.out));
        let document = played.run(&[args, &["--json"]].concat());
        assert_eq!(document.code, code, "{document:?}");
        assert!(document.json().is_object(), "{document:?}");
        let quiet = played.run(&[args, &["--quiet"]].concat());
        assert_eq!(
            (quiet.code, quiet.out.as_str(), quiet.err.as_str()),
            (code, "", ""),
            "{args:?}"
        );
        let loud = played.run(&[args, &["-vv"]].concat());
        assert_eq!(loud.code, code);
        assert_eq!(
            played.redacted(&loud.out),
            played.redacted(&told.out),
            "the log is not the answer: {args:?}"
        );
        assert!(!loud.err.contains('\u{1b}'), "no colour outside of a terminal: {args:?}");
    }
}
