//! Everything that can be asked about half a year of a product's life: whole outputs, with what differs from run to run
//! put aside, and the same question quietly, loudly and as a document.

use crate::{
    bench::{Said, redacted, said, same},
    changing::fields,
    other_verbs,
};
use devproof_testkit::{Story, Versions};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// 2026-11-20 00:00:00 UTC.
pub(crate) const NOW: u64 = 1_795_132_800;

/// What a verb says as a document; that it has its schema is seen wherever the binary is run.
enum Form {
    /// What REST gives: the schema with this name, in the OpenAPI document and here.
    Rest(&'static str),
    /// One of the command line alone, with these fields.
    Ours(&'static [&'static str]),
}
use Form::{Ours, Rest};

const STATUS: [&str; 19] = [
    "chainId",
    "app",
    "block",
    "blockHash",
    "timestamp",
    "code",
    "owner",
    "pendingOwner",
    "guardian",
    "noticeSeconds",
    "allowAnyDevice",
    "requireTcbUpToDate",
    "versions",
    "devices",
    "osImages",
    "announced",
    "pending",
    "notKnown",
    "value",
];
const CONTRACT: [&str; 11] = [
    "chainId",
    "address",
    "block",
    "blockHash",
    "code",
    "codeHash",
    "notice",
    "comparedWith",
    "compiler",
    "birth",
    "birthNotKnown",
];
const FSCK: [&str; 9] = [
    "chainId",
    "clean",
    "blocks",
    "logs",
    "contracts",
    "comparedTo",
    "differences",
    "unknown",
    "notes",
];

/// The life, played and indexed.
pub(crate) struct Played {
    pub(crate) story: Story,
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

    /// The binary in the folder that has the database.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devproof"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DEVPROOF_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(self.command().args(args))
    }

    /// Without what differs from run to run: hashes of blocks and transactions, where the node is, how long ago it all was.
    pub(crate) fn redacted(&self, text: &str) -> String {
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
    let questions: [(&str, i32, Form, &[&str]); 17] = [
        ("story_at.txt", 0, Rest("AtBlock"), &["at", &app, "--block", "unsafe"]),
        ("story_at_birth.txt", 0, Rest("AtBlock"), &["at", &app, "--block", &birth]),
        ("story_at_of_stock.txt", 0, Rest("AtBlock"), &["at", &stock, "--block", "unsafe"]),
        (
            "story_at_one_version.txt",
            1,
            Rest("AtBlock"),
            &["at", &app, "--block", &removed, "--compose-hash", &fourth],
        ),
        ("story_history.txt", 0, Rest("History"), &["history", &app]),
        ("story_history_of_stock.txt", 0, Rest("History"), &["history", &stock]),
        ("story_allowed.txt", 0, Rest("AllowedApps"), &["allowed", &fourth]),
        ("story_diff.txt", 0, Rest("Diff"), &["diff", &app, "--from", &birth, "--to", "unsafe"]),
        ("story_family.txt", 1, Rest("Family"), &["family", "gateway"]),
        ("story_deletions.txt", 0, Rest("Deletions"), &["deletions", "--app", &app]),
        ("story_notices.txt", 0, Rest("Notices"), &["notices"]),
        ("story_show.txt", 0, Ours(&STATUS), &["app", "show", &app]),
        ("story_status.txt", 0, Ours(&STATUS), &["status", &app, "--compose-hash", &fourth]),
        (
            "story_status_of_stock.txt",
            1,
            Ours(&STATUS),
            &["status", &stock, "--compose-hash", &fourth],
        ),
        ("story_contract.txt", 0, Ours(&CONTRACT), &["contract", "verify", &app]),
        ("story_contract_of_stock.txt", 1, Ours(&CONTRACT), &["contract", "verify", &stock]),
        ("story_fsck.txt", 0, Ours(&FSCK), &["fsck"]),
    ];
    for (name, code, form, args) in questions {
        let told = played.run(args);
        assert_eq!((told.code, told.err.as_str()), (code, ""), "{args:?}: {told:?}");
        same(name, &played.redacted(&told.out));
        let document = played.run(&[args, &["--json"]].concat());
        assert_eq!(document.code, code, "{document:?}");
        let document = document.json();
        match form {
            Rest(name) => assert!(
                devproof_cli::schema(Some(args[0])).unwrap()["$defs"]
                    .get(format!("rest.{name}"))
                    .is_some(),
                "{args:?}"
            ),
            Ours(all) => assert_eq!(fields(&document), all, "{args:?}: {document:#}"),
        }
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
    // Last, since they go on with the chain.
    other_verbs::are_told(&played).await;
}
