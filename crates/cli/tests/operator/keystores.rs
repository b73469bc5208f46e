//! Keystores that `devproof key` makes: Foundry opens them, only their password opens them, and nothing is ever put in their place.

use crate::{
    bench::{OWNER, Said, World, said, same},
    changing::{fields, transcript},
    keys::{PHRASE, cast, imported},
    terminal::Terminal,
};
use std::{fs, path::Path, process::Command};

const PASSWORD: &str = "pass word";
/// The first two accounts of the phrase; the second is the owner.
const ACCOUNTS: [&str; 2] =
    ["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"];

/// A folder with a password in a file.
struct Folder(World);

impl Folder {
    async fn new() -> Self {
        let world = World::new().await;
        world.file("password", &format!("{PASSWORD}\n"));
        world.file("phrase", &format!("{PHRASE}\n"));
        Self(world)
    }

    fn path(&self) -> &Path {
        self.0.dir.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.0.command();
        command.env("HOME", self.path()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        said(&mut self.command(args))
    }

    /// Whose key cast finds in a keystore.
    fn in_cast(&self, keystore: &str, password: &str) -> Said {
        let path = self.path().join(keystore);
        said(cast().args(["wallet", "address", "--password", password, "--keystore"]).arg(path))
    }

    /// What the folder of keystores holds.
    fn keystores(&self) -> Vec<String> {
        let names = fs::read_dir(self.path().join("keys")).into_iter().flatten().flatten();
        let mut names: Vec<_> = names.map(|it| it.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keystore_of_ours_opens_in_cast_and_signs_here() {
    let folder = Folder::new().await;
    let new = ["key", "new", "--keystore", "keys/new", "--password-file", "password", "--json"];
    let made = folder.run(&new);
    assert_eq!(made.code, 0, "{made:?}");
    let document = made.json();
    assert_eq!(fields(&document), ["address", "keystore", "alreadyThere"]);
    let seen = folder.in_cast("keys/new", PASSWORD);
    assert_eq!(seen.out.trim().to_lowercase(), document["address"], "{seen:?}");
    assert_ne!(folder.in_cast("keys/new", "another").code, 0);

    // By name, where Foundry looks for it, and each way in which a key can be given.
    let key = folder.0.bench.anvil.key(OWNER).unwrap().to_bytes().to_string();
    let import = ["key", "import", "--account", "mine", "--password-file", "password"];
    let mut ways = [folder.command(&import), folder.command(&import), folder.command(&import)];
    ways[0].args(["--mnemonic-file", "phrase", "--mnemonic-index", "1"]);
    ways[1].env("DEVPROOF_PRIVATE_KEY", &key);
    ways[2].env("DEVPROOF_MNEMONIC", PHRASE).args(["--mnemonic-index", "1"]);
    for (n, way) in ways.iter_mut().enumerate() {
        let kept = said(way);
        assert_eq!(kept.code, 0, "{kept:?}");
        assert!(kept.out.contains(ACCOUNTS[1]), "{kept:?}");
        let is_old = kept.out.contains("already. Nothing was written.");
        assert_eq!(is_old, n > 0, "{kept:?}");
        let all = format!("{}{}", kept.out, kept.err);
        assert!(!all.contains(key.trim_start_matches("0x")) && !all.contains("junk"), "{all}");
    }
    let seen = folder.in_cast(".foundry/keystores/mine", PASSWORD);
    assert_eq!(seen.out.trim(), ACCOUNTS[1], "{seen:?}");

    let before = folder.0.sent(OWNER).await;
    let propose = ["propose", "APP", "--setting=device=0xd2", "--yes", "--account", "mine"];
    let mut command = folder.command(&[]);
    command.args(folder.0.arguments(&propose)).args(["--password-file", "password"]);
    let sent = said(&mut command);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert_eq!(folder.0.sent(OWNER).await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_never_replaced() {
    let folder = Folder::new().await;
    let theirs = imported(&folder.0, PASSWORD);
    let bytes = fs::read(&theirs).unwrap();
    let theirs_name = theirs.to_str().unwrap();
    let to = ["--keystore", theirs_name, "--password-file", "password"];
    let other = ["--mnemonic-file", "phrase"];
    let same_key = ["--mnemonic-file", "phrase", "--mnemonic-index", "1"];
    for (args, code, says) in [
        ([&["key", "new"][..], &to].concat(), 64, "is there already and is never replaced"),
        ([&["key", "import"][..], &to, &other].concat(), 64, "holds the key of 0x7099"),
        ([&["key", "import"][..], &to, &same_key].concat(), 0, ""),
    ] {
        let said = folder.run(&args);
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.err.contains(says), "{said:?}");
        assert_eq!(fs::read(&theirs).unwrap(), bytes, "{args:?}");
    }
    folder.0.file("wrong", "another");
    let wrong =
        [&["key", "import", "--keystore", theirs_name, "--password-file", "wrong"][..], &same_key]
            .concat();
    let said = folder.run(&wrong);
    assert_eq!(said.code, 64, "{said:?}");
    assert!(said.err.contains("the password does not open"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn making_one_is_told_in_words() {
    let folder = Folder::new().await;
    let tell = |name: &str, steps: &[(&[&str], i32)]| {
        let mut told = String::new();
        for (args, code) in steps {
            let said = folder.run(args);
            assert_eq!(said.code, *code, "{said:?}");
            told.push_str(&transcript(args, &said));
        }
        let word = |word: &str| match word.len() {
            42 if word.starts_with("0x") && !ACCOUNTS.contains(&word) => "<address>".to_owned(),
            _ => word.to_owned(),
        };
        let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
        same(name, &told.lines().map(line).collect::<Vec<_>>().join("\n"));
    };
    folder.0.file("empty", "\n");
    let new = ["key", "new", "--keystore", "keys/new", "--password-file"];
    tell(
        "key_new.txt",
        &[
            (&["key", "new"], 64),
            (&["key", "new", "--account", "../new"], 64),
            (&["key", "new", "--keystore", "keys/new"], 64),
            (&[&new[..], &["empty"]].concat(), 64),
            (&[&new[..], &["password"]].concat(), 0),
            (&[&new[..], &["password"]].concat(), 64),
        ],
    );
    let import = ["key", "import", "--keystore", "keys/owner", "--password-file", "password"];
    let phrase = ["--mnemonic-file", "phrase"];
    tell(
        "key_import.txt",
        &[
            (&import, 64),
            (&[&import[..], &phrase].concat(), 0),
            (&[&import[..], &phrase].concat(), 0),
            (&[&import[..], &phrase, &["--mnemonic-index", "1"]].concat(), 64),
        ],
    );
}

/// Whether what is typed at the terminal is shown, once the command has ended.
fn shows(text: &str) -> bool {
    let (_, modes) = text.rsplit_once("speed ").unwrap();
    modes.split_whitespace().any(|it| it == "echo")
}

/// What is typed at each question, the exit code, and whether a keystore is there afterwards.
const TYPED: [(&[&str], i32, bool); 6] = [
    (&["one two\n", "one two\n"], 0, true),
    (&["one two\n", "one tow\n"], 64, false),
    (&["\n"], 64, false),
    (&["\u{3}"], 130, false),
    (&["one two\n", "\u{3}"], 130, false),
    (&["one two\n", "\u{4}"], 2, false),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_typed_twice_and_an_interruption_leaves_nothing() {
    let folder = Folder::new().await;
    for (n, (typed, code, is_kept)) in TYPED.into_iter().enumerate() {
        let keystore = format!("keys/{n}");
        let command = folder.command(&["key", "new", "--keystore", &keystore]);
        let mut terminal = Terminal::start(&command, &format!("run-{n}"));
        for (keys, question) in typed.iter().zip(["Password of ", "The same again"]) {
            terminal.until_hidden(question);
            terminal.types(keys);
        }
        let (ended, text) = terminal.end();
        assert_eq!(ended, code, "{typed:?}: {text}");
        assert!(!text.contains("one t"), "what is typed is shown: {text}");
        assert!(shows(&text), "nothing is shown any more: {text}");
        // Only the first one comes to an end; nothing is left of the others.
        assert_eq!(folder.keystores(), ["0"], "{typed:?}: {text}");
        if is_kept {
            assert_eq!(folder.in_cast(&keystore, "one two").code, 0);
        }
    }
    // A signal from elsewhere waits until the terminal shows again what is typed.
    let command = folder.command(&["key", "new", "--keystore", "keys/signal"]);
    let mut terminal = Terminal::start(&command, "run-signal");
    terminal.until_hidden("Password of ");
    terminal.types("one two\n");
    terminal.until_hidden("The same again");
    terminal.signal("INT");
    // Long enough for whoever does not wait.
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.types("one two\n");
    let (ended, text) = terminal.end();
    assert_eq!(ended, 130, "{text}");
    assert!(shows(&text), "nothing is shown any more: {text}");
    // The key itself, which is not shown either.
    let key = folder.0.bench.anvil.key(OWNER).unwrap().to_bytes().to_string();
    let command = folder.command(&[
        "key",
        "import",
        "--keystore",
        "keys/typed",
        "--password-file",
        "password",
    ]);
    let mut terminal = Terminal::start(&command, "run-typed");
    terminal.until_hidden("Private key");
    terminal.types(&format!("{key}\n"));
    let (ended, text) = terminal.end();
    assert_eq!(ended, 0, "{text}");
    assert!(!text.contains(key.trim_start_matches("0x")), "{text}");
    assert_eq!(folder.in_cast("keys/typed", PASSWORD).out.trim(), ACCOUNTS[1]);
}
