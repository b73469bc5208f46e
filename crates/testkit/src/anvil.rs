//! A chain of our own.

use alloy::{
    primitives::{B256, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::client::{BatchRequest, NoParams},
    signers::local::PrivateKeySigner,
};
use eyre::{OptionExt, Result, WrapErr, bail, eyre};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

/// The chain id of local chains.
pub(crate) const CHAIN_ID: u64 = 31_337;
/// How long anvil may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// An anvil on a port that the kernel chose. It ends with this value.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    url: String,
    provider: DynProvider,
    /// Where it keeps states that do not fit into its memory; gone with this value.
    _states: tempfile::TempDir,
}

impl Anvil {
    /// Starts a chain whose first block has this time, Unix seconds. Blocks come with transactions;
    /// `safe` is one block behind `latest`, `finalized` two.
    ///
    /// # Errors
    /// If anvil is not installed (`bin/setup` does that) or does not come up.
    pub fn start(genesis_time: u64) -> Result<Self> {
        Self::start_as(CHAIN_ID, genesis_time)
    }

    /// As [`Anvil::start`], with the chain id of another chain: tools look up by it what they know of
    /// a chain.
    ///
    /// # Errors
    /// As [`Anvil::start`].
    pub fn start_as(chain_id: u64, genesis_time: u64) -> Result<Self> {
        Self::start_with(chain_id, genesis_time, 1)
    }

    /// As [`Anvil::start_as`], with epochs of so many blocks: `safe` is one epoch behind `latest`,
    /// `finalized` two.
    ///
    /// # Errors
    /// As [`Anvil::start`].
    pub fn start_with(chain_id: u64, genesis_time: u64, epoch: u64) -> Result<Self> {
        let program = program()?;
        let states = tempfile::tempdir()?;
        let mut child = Command::new(&program)
            .args(["--port", "0", "--host", "127.0.0.1"])
            .args(["--slots-in-an-epoch", &epoch.to_string()])
            .args(["--timestamp", &genesis_time.to_string()])
            .args(["--chain-id", &chain_id.to_string()])
            // Else it puts old states into the home of whoever runs the tests, and a killed anvil leaves them there.
            .arg("--cache-path")
            .arg(states.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .wrap_err_with(|| format!("{} does not start", program.display()))?;
        let stdout = child.stdout.take().ok_or_eyre("anvil has no standard output")?;
        let (found, address) = mpsc::channel();
        // The thread also drains what anvil prints later: a full pipe would stop it.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("Listening on ") {
                    let _ = found.send(address.trim().to_owned());
                }
            }
        });
        let Ok(address) = address.recv_timeout(START_TIMEOUT) else {
            let _ = child.kill();
            let _ = child.wait();
            bail!("anvil did not come up");
        };
        let url = format!("http://{address}");
        let provider = ProviderBuilder::new().connect_http(url.parse()?).erased();
        Ok(Self { child, url, provider, _states: states })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// One of its ten funded accounts.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn key(&self, index: usize) -> Result<PrivateKeySigner> {
        KEYS.get(index)
            .ok_or_else(|| eyre!("anvil has {} accounts", KEYS.len()))?
            .parse()
            .map_err(Into::into)
    }

    /// Sets the time of the next block, Unix seconds.
    ///
    /// # Errors
    /// If that is in the chain's past.
    pub async fn set_next_time(&self, timestamp: u64) -> Result<()> {
        let _: Value =
            self.provider.raw_request("evm_setNextBlockTimestamp".into(), [timestamp]).await?;
        Ok(())
    }

    /// From now on each block comes so many seconds after the one before it, however long the machine takes, unless
    /// [`Anvil::set_next_time`] says otherwise. Without it the chain's clock runs with the machine's.
    ///
    /// # Errors
    /// What anvil says.
    pub async fn set_block_interval(&self, seconds: u64) -> Result<()> {
        self.request("anvil_setBlockTimestampInterval", json!([seconds])).await?;
        Ok(())
    }

    /// Mines blocks, one second apart.
    ///
    /// # Errors
    /// What anvil says.
    pub async fn mine(&self, blocks: u64) -> Result<()> {
        let params = (U256::from(blocks), U256::from(1));
        let _: Value = self.provider.raw_request("anvil_mine".into(), params).await?;
        Ok(())
    }

    /// Replaces the newest blocks by empty ones.
    ///
    /// # Errors
    /// What anvil says.
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        let none: [(); 0] = [];
        let _: Value = self.provider.raw_request("anvil_reorg".into(), (depth, none)).await?;
        Ok(())
    }

    /// Remembers the state, for [`Anvil::revert`].
    ///
    /// # Errors
    /// What anvil says.
    pub async fn snapshot(&self) -> Result<U256> {
        Ok(self.provider.raw_request("evm_snapshot".into(), NoParams::default()).await?)
    }

    /// Goes back to a remembered state: the chain is shorter then.
    ///
    /// # Errors
    /// What anvil says.
    pub async fn revert(&self, snapshot: U256) -> Result<()> {
        let _: bool = self.provider.raw_request("evm_revert".into(), [snapshot]).await?;
        Ok(())
    }

    /// Takes the newest blocks away: the chain is shorter then.
    ///
    /// # Errors
    /// What anvil says.
    pub async fn rollback(&self, depth: u64) -> Result<()> {
        self.request("anvil_rollback", json!([depth])).await?;
        Ok(())
    }

    /// Any question, as it is.
    ///
    /// # Errors
    /// What anvil says.
    pub async fn request(&self, method: &'static str, params: Value) -> Result<Value> {
        Ok(self.provider.raw_request(method.into(), params).await?)
    }

    /// Many questions in one request, each a pair of method and parameters. Anvil may take them in any order.
    ///
    /// # Errors
    /// The first that anvil refuses.
    pub async fn batch(&self, calls: Vec<Value>) -> Result<()> {
        let mut batch = BatchRequest::new(self.provider.client());
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            let (method, params): (String, Value) = serde_json::from_value(call)?;
            answers.push(batch.add_call::<Value, Value>(method, &params)?);
        }
        if answers.is_empty() {
            return Ok(());
        }
        batch.send().await?;
        for answer in answers {
            answer.await?;
        }
        Ok(())
    }

    /// The hash of the newest block.
    ///
    /// # Errors
    /// What anvil says.
    pub async fn head(&self) -> Result<B256> {
        let block = self.provider.get_block(alloy::eips::BlockId::latest()).await?;
        Ok(block.ok_or_eyre("anvil has no block")?.header.hash)
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The private keys of anvil's first accounts, from its well-known test mnemonic
/// ("test test test test test test test test test test test junk"); anvil prints them at start.
const KEYS: [&str; 5] = [
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
];

/// The anvil that `bin/setup` installs, or the one on the PATH.
fn program() -> Result<PathBuf> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../node_modules/@foundry-rs");
    let installed =
        std::fs::read_dir(packages).into_iter().flatten().flatten().map(|entry| entry.path());
    for package in installed {
        // One package per platform: anvil-linux-amd64 and the like. The one without is a script.
        let is_native = package
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("anvil-"));
        let program = package.join("bin").join(if cfg!(windows) { "anvil.exe" } else { "anvil" });
        if is_native && program.is_file() {
            return Ok(program);
        }
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&on_path)
        .map(|folder| folder.join("anvil"))
        .find(|program| program.is_file())
        .ok_or_eyre("anvil is missing; run `bin/setup` first")
}
