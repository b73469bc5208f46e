//! A chain with an app on it, and a repository of git with a remote.

use alloy_primitives::{Address, B256};
use devproof_chain::{Account, Node};
use devproof_contracts::bindings::{AppAuth, IAppAuth::Settings};
use devproof_operator::Finality;
use devproof_primitives::ComposeHash;
use devproof_release::{
    Config, Demands, Files, Given, Judge, Lines, Place, Published, Publishing, ReleaseError,
    Verdict, Verified, check, publish, verify,
};
use devproof_testkit::Bench;
use std::path::Path;
use tempfile::TempDir;

/// 2027-01-15 08:00:00 UTC.
pub(crate) const GENESIS: u64 = 1_800_000_000;
pub(crate) const DAY: u64 = 24 * 3_600;

/// Pinned, and nothing grave in it.
pub(crate) const COMPOSE: &str = r#"{"manifest_version":2,"name":"acme","runner":"docker-compose","docker_compose_file":"services:\n  app:\n    image: acme/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n","kms_enabled":true,"gateway_enabled":true,"public_logs":false,"public_sysinfo":false,"public_tcbinfo":true,"allowed_envs":[],"no_instance_id":false,"secure_time":true,"pre_launch_script":"true\n"}"#;

pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) app: Address,
    pub(crate) repo: TempDir,
    pub(crate) remote: TempDir,
    pub(crate) config: Config,
}

impl World {
    /// An AppAuth with two days of notice that was born with one version, and a repository that is pushed.
    pub(crate) async fn new() -> Self {
        let bench = Bench::start(GENESIS).await.unwrap();
        let settings = Settings {
            owner: bench.owner.address(),
            guardian: bench.guardian.address(),
            noticePeriod: u32::try_from(2 * DAY).unwrap(),
            allowAnyDevice: true,
            requireTcbUpToDate: false,
            composeHashes: vec![B256::repeat_byte(1)],
            devices: Vec::new(),
            osImages: Vec::new(),
        };
        let app = bench.deploy_app(&settings, B256::ZERO).await.unwrap();
        Self::of(bench, app)
    }

    pub(crate) fn of(bench: Bench, app: Address) -> Self {
        let (repo, remote) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let text = format!(
            "chain = 31337\napp = \"{app:#x}\"\nrepository = \"https://code.example/acme/app\"\n"
        );
        let config = Config::parse(&text).unwrap();
        let world = Self { bench, app, repo, remote, config };
        git(world.remote.path(), &["init", "--quiet", "--bare"]);
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world.git(&["remote", "add", "origin", world.remote.path().to_str().unwrap()]);
        world.file("devproof-release.toml", &text);
        world.file("app-compose.json", COMPOSE);
        world.commit("feat: the first one");
        world.push();
        world
    }

    pub(crate) fn node(&self) -> Node {
        self.bench.node.clone()
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(self.repo.path(), args)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.repo.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn push(&self) {
        self.git(&["push", "--quiet", "origin", "HEAD", "--tags"]);
    }

    pub(crate) fn version(&self) -> B256 {
        ComposeHash::of(&std::fs::read(self.repo.path().join("app-compose.json")).unwrap()).0
    }

    /// Announces the version that is in the repository.
    pub(crate) async fn propose(&self) {
        let call = AppAuth::proposeComposeHash_1Call { composeHash: self.version() };
        self.bench.owner.send(self.app, &call).await.unwrap();
    }

    /// Announces it with a source.
    pub(crate) async fn propose_with_source(&self, commit: &str, uri: &str) {
        let call = AppAuth::proposeComposeHash_0Call {
            composeHash: self.version(),
            sourceDigest: format!("{commit:0>64}").parse().unwrap(),
            uri: uri.to_owned(),
        };
        self.bench.owner.send(self.app, &call).await.unwrap();
    }

    /// Lets the notice go by, and has a stranger put the version into force.
    pub(crate) async fn activate(&self) {
        self.go_on(2 * DAY).await;
        let call = AppAuth::activateComposeHashCall { composeHash: self.version() };
        self.bench.stranger.send(self.app, &call).await.unwrap();
    }

    pub(crate) async fn remove(&self, by: &Account, version: B256) {
        let call = AppAuth::removeComposeHashCall { composeHash: version };
        by.send(self.app, &call).await.unwrap();
    }

    pub(crate) async fn go_on(&self, seconds: u64) {
        let now = self.bench.node.heads().await.unwrap().latest.timestamp;
        self.bench.anvil.set_next_time(now + seconds).await.unwrap();
        self.bench.anvil.mine(1).await.unwrap();
    }

    pub(crate) async fn check(&self) -> Lines {
        self.check_as(Ok(self.node()), Finality::Unsafe, false).await
    }

    pub(crate) async fn check_as(
        &self,
        node: Result<Node, String>,
        finality: Finality,
        offline: bool,
    ) -> Lines {
        let (root, config) = (self.repo.path(), &self.config);
        check::check(check::Gate { root, config, node, finality, offline }).await.unwrap()
    }

    pub(crate) async fn publish(&self) -> Result<Published, ReleaseError> {
        self.publish_with(None, Judge::default()).await
    }

    pub(crate) async fn publish_with(
        &self,
        evidence: Option<Given>,
        judge: Judge,
    ) -> Result<Published, ReleaseError> {
        let (root, config, node) = (self.repo.path(), &self.config, &self.bench.node);
        publish(Publishing { root, config, node, finality: Finality::Unsafe, evidence, judge })
            .await
    }

    /// As somebody who has nothing but these files and a node.
    pub(crate) async fn verify(&self, files: &Files) -> Verified {
        self.verify_with(files, &demands()).await
    }

    pub(crate) async fn verify_with(&self, files: &Files, demands: &Demands) -> Verified {
        let elsewhere = TempDir::new().unwrap();
        files.write(elsewhere.path()).unwrap();
        let place = Place::new(elsewhere.path().to_str().unwrap()).unwrap();
        verify(&place, Ok(self.node()), demands).await
    }

    /// The files that were published.
    pub(crate) fn files(&self) -> Files {
        let mut files = Files::default();
        for name in devproof_release::FILES {
            if let Ok(content) = std::fs::read(self.repo.path().join("release").join(name)) {
                files.put(name, content);
            }
        }
        files
    }
}

pub(crate) fn demands() -> Demands {
    Demands { app: None, version: None, judge: Judge::default(), finality: Finality::Unsafe }
}

/// The lines that have a result.
pub(crate) fn with(lines: &Lines, result: Verdict) -> Vec<&'static str> {
    lines.lines.iter().filter(|line| line.result == result).map(|line| line.id).collect()
}

/// Git with nobody's configuration, and dates that do not change.
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    devproof_testkit::git(folder, args).unwrap()
}
