//! Where keys come from, and that they stay there.

use crate::bench::{OWNER, Said, World, said};
use std::{path::PathBuf, process::Command};

const PROPOSE: [&str; 4] = ["propose", "APP", "--setting=device=0xd2", "--yes"];
pub(crate) const PHRASE: &str = "test test test test test test test test test test test junk";

/// Foundry's own tool, as npm brings it.
pub(crate) fn cast() -> Command {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../node_modules/@foundry-rs");
    let found = std::fs::read_dir(&folder).unwrap().flatten().map(|it| it.path().join("bin/cast"));
    let Some(cast) = found.filter(|path| path.is_file()).last() else {
        panic!("cast is missing; run `bin/setup` first")
    };
    Command::new(cast)
}

/// A keystore of the owner, as `cast wallet import` makes it.
pub(crate) fn imported(world: &World, password: &str) -> PathBuf {
    imported_as(world, OWNER, "owner", password)
}

/// A keystore of one of the accounts, likewise.
pub(crate) fn imported_as(world: &World, account: usize, name: &str, password: &str) -> PathBuf {
    let key = world.bench.anvil.key(account).unwrap().to_bytes().to_string();
    let folder = world.dir.path().join(".foundry/keystores");
    std::fs::create_dir_all(&folder).unwrap();
    let made = said(cast().args(["wallet", "import", name, "--keystore-dir"]).arg(&folder).args([
        "--private-key",
        &key,
        "--unsafe-password",
        password,
    ]));
    assert_eq!(made.code, 0, "{made:?}");
    folder.join(name)
}

fn run(world: &World, command: &mut Command, args: &[&str]) -> Said {
    said(command.args(world.arguments(&[&PROPOSE[..], args].concat())))
}

/// The key is nowhere in what was said.
fn keeps(world: &World, said: &Said) {
    let key = world.bench.anvil.key(OWNER).unwrap().to_bytes().to_string();
    let all = format!("{}{}", said.out, said.err).to_lowercase();
    for secret in [key.trim_start_matches("0x"), "pass word", "junk"] {
        assert!(!all.contains(secret), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keystore_of_cast_opens_by_file_and_by_name() {
    let world = World::new().await;
    let keystore = imported(&world, "pass word");
    let keystore = keystore.to_str().unwrap();
    world.file("password", "pass word\n");
    let before = world.sent(OWNER).await;
    world.file("wrong", "another");
    let wrong =
        run(&world, &mut world.command(), &["--keystore", keystore, "--password-file", "wrong"]);
    assert_eq!(wrong.code, 64, "{wrong:?}");
    assert!(wrong.err.contains("the password does not open the keystore"), "{wrong:?}");
    let none = run(&world, &mut world.command(), &["--keystore", keystore]);
    assert_eq!(none.code, 64, "{none:?}");
    assert!(none.err.contains("use --password-file or DEVPROOF_PASSWORD"), "{none:?}");
    assert_eq!(world.sent(OWNER).await, before);

    let by_file = ["--keystore", keystore, "--password-file", "password", "-vv"];
    let opened = run(&world, &mut world.command(), &by_file);
    assert_eq!(opened.code, 0, "{opened:?}");
    keeps(&world, &opened);
    assert_eq!(world.sent(OWNER).await, before + 1);

    let mut command = world.command();
    command.env("HOME", world.dir.path()).env("DEVPROOF_PASSWORD", "pass word");
    let cancel = ["cancel", "APP", "--setting=device=0xd2", "--yes", "--account", "owner"];
    let opened = said(command.args(world.arguments(&cancel)));
    assert_eq!(opened.code, 0, "{opened:?}");
    assert_eq!(world.sent(OWNER).await, before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_may_name_the_keystore() {
    let world = World::new().await;
    let keystore = imported(&world, "pass word");
    world.file("password", "pass word");
    let file = format!("keystore = {keystore:?}\npassword-file = \"password\"\n");
    world.file("devproof.toml", &file);
    let opened = run(&world, &mut world.command(), &[]);
    assert_eq!(opened.code, 0, "{opened:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phrase_comes_from_a_file_or_the_environment() {
    let world = World::new().await;
    world.file("phrase", &format!("{PHRASE}\n"));
    let said_ = run(
        &world,
        &mut world.command(),
        &["--mnemonic-file", "phrase", "--mnemonic-index", "1", "-vv"],
    );
    assert_eq!(said_.code, 0, "{said_:?}");
    keeps(&world, &said_);
    let cancel = ["cancel", "APP", "--setting=device=0xd2", "--yes", "--mnemonic-index", "1"];
    let mut command = world.command();
    command.env("DEVPROOF_MNEMONIC", PHRASE);
    let said_ = said(command.args(world.arguments(&cancel)));
    assert_eq!(said_.code, 0, "{said_:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_on_the_command_line_is_warned_about() {
    let world = World::new().await;
    let key = world.bench.anvil.key(OWNER).unwrap().to_bytes().to_string();
    let said_ = run(&world, &mut world.command(), &["--private-key", &key, "-vv"]);
    assert_eq!(said_.code, 0, "{said_:?}");
    assert!(said_.err.contains("warning: a private key on the command line"), "{said_:?}");
    keeps(&world, &said_);
    let from_environment = world.run(OWNER, &["cancel", "APP", "--setting=device=0xd2", "--yes"]);
    assert_eq!(from_environment.code, 0);
    assert!(!from_environment.err.contains("warning"), "{from_environment:?}");
}
