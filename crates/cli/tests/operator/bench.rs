//! A chain with an app on it, and the binary as its operator runs it.

use alloy_primitives::{Address, B256, Bytes};
use devproof_chain::Node;
use devproof_contracts::bindings::IAppAuth::Settings;
use devproof_testkit::Bench;
use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// 2027-01-15 08:00:00 UTC.
pub(crate) const GENESIS: u64 = 1_800_000_000;
pub(crate) const DAY: u64 = 24 * 3_600;
/// The accounts of the bench.
pub(crate) const OWNER: usize = 1;
pub(crate) const GUARDIAN: usize = 2;
pub(crate) const STRANGER: usize = 3;
pub(crate) const RIVAL: usize = 4;

/// What the binary said, and its exit code.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The document that it printed.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A chain, an AppAuth with two days of notice that allows one version, and a folder.
pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) app: Address,
    pub(crate) dir: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on_chain(31_337).await
    }

    pub(crate) async fn on_chain(chain_id: u64) -> Self {
        let bench = Bench::start_as(chain_id, GENESIS).await.unwrap();
        let owner = bench.owner.address();
        Self::owned_by(bench, owner).await
    }

    pub(crate) async fn owned_by(bench: Bench, owner: Address) -> Self {
        let settings = Settings {
            owner,
            guardian: bench.guardian.address(),
            noticePeriod: u32::try_from(2 * DAY).unwrap(),
            allowAnyDevice: false,
            requireTcbUpToDate: false,
            composeHashes: vec![B256::repeat_byte(1)],
            devices: vec![B256::repeat_byte(0xd1)],
            osImages: Vec::new(),
        };
        let app = bench.deploy_app(&settings, B256::ZERO).await.unwrap();
        let dir = TempDir::new().unwrap();
        Self { bench, app, dir }
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn node(&self) -> &Node {
        &self.bench.node
    }

    /// The binary in the folder, with the node and the chain, and no key.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devproof"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DEVPROOF_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .env("DEVPROOF_RPC_URL", self.bench.anvil.url())
            .env("DEVPROOF_CHAIN", self.node().chain_id().to_string());
        command
    }

    /// The binary with the key of one of the accounts.
    pub(crate) fn as_(&self, account: usize) -> Command {
        let mut command = self.command();
        let key = self.bench.anvil.key(account).unwrap().to_bytes();
        command.env("DEVPROOF_PRIVATE_KEY", key.to_string());
        command
    }

    /// Runs a verb on the app as one of the accounts. `APP` is the app.
    pub(crate) fn run(&self, account: usize, args: &[&str]) -> Said {
        let mut command = self.as_(account);
        said(command.args(self.arguments(args)))
    }

    pub(crate) fn arguments(&self, args: &[&str]) -> Vec<String> {
        args.iter().map(|arg| arg.replace("APP", &self.app.to_string())).collect()
    }

    /// How many transactions an account has sent.
    pub(crate) async fn sent(&self, account: usize) -> u64 {
        let address = self.bench.anvil.key(account).unwrap().address();
        self.node().nonces(address).await.unwrap().waiting
    }

    /// Lets time go by, and a block come.
    pub(crate) async fn go_on(&self, seconds: u64) {
        let now = self.node().heads().await.unwrap().latest.timestamp;
        self.bench.anvil.set_next_time(now + seconds).await.unwrap();
        self.bench.anvil.mine(1).await.unwrap();
    }

    /// The code of the app.
    pub(crate) async fn code(&self) -> Bytes {
        let head = self.node().heads().await.unwrap().latest.number;
        self.node().code(self.app, head).await.unwrap()
    }
}

/// Runs a command to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    crate::held::hold(command.get_args(), &out);
    Said {
        code: output.status.code().unwrap_or(-1),
        out,
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Starts a command, to go on with later.
pub(crate) fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Puts `<..>` where hashes and costs stand that are others each time.
pub(crate) fn without_hashes(text: &str, keep: &[&str]) -> String {
    let word = |word: &str| -> String {
        let core: String = word.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        let is_hash = core.len() == 66 && core.starts_with("0x");
        if is_hash && !keep.contains(&core.as_str()) && !core.starts_with("0x00000000") {
            word.replace(&core, "<hash>")
        } else {
            word.to_owned()
        }
    };
    let line = |line: &str| -> String {
        let start = line.trim_start();
        let indent = &line[..line.len() - start.len()];
        if start.starts_with("Cost: ") || start.starts_with("cost ") {
            return format!("{indent}<cost>");
        }
        let words: Vec<_> = start.split(' ').map(word).collect();
        format!("{indent}{}", words.join(" "))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// And where times stand, of a chain whose clock runs with the machine's.
pub(crate) fn redacted(text: &str, keep: &[&str]) -> String {
    let mut text = without_hashes(text, keep);
    // 2027-01-17 08:00:05 UTC
    while let Some(end) = text.find(" UTC") {
        text.replace_range(end - 19..end + 4, "<time>");
    }
    text
}

/// Compares with a file in `words/`, which `UPDATE_WORDS=1` writes anew for a person to read.
#[track_caller]
pub(crate) fn same(name: &str, text: &str) {
    let path = format!("{}/tests/operator/words/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_WORDS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap());
}
