//! A repository of the operator's, its remote, a registry of images, and a folder of somebody else's.

use crate::{
    bench::{Said, World, said},
    server::Server,
};
use axum::{Router, routing::get};
use std::{path::Path, process::Command};
use tempfile::TempDir;

const MANIFEST: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#;

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) remote: TempDir,
    pub(crate) registry: Server,
    pub(crate) elsewhere: TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        // What is told of times is compared to the second.
        world.bench.anvil.set_block_interval(1).await.unwrap();
        let manifest = || async { MANIFEST.to_vec() };
        let registry =
            Server::new(Router::new().route("/v2/acme/app/manifests/{digest}", get(manifest)))
                .await;
        let (remote, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let stage = Self { world, remote, registry, elsewhere };
        git(stage.remote.path(), &["init", "--quiet", "--bare"]);
        stage.git(&["init", "--quiet", "--initial-branch=main"]);
        stage.git(&["remote", "add", "origin", stage.remote.path().to_str().unwrap()]);
        stage.world.file("app-compose.json", &stage.compose());
        stage
    }

    /// A compose file with an image that the registry has.
    pub(crate) fn compose(&self) -> String {
        let digest = format!("{:x}", devproof_release::sha256(MANIFEST));
        let host = self.registry.url.trim_start_matches("http://");
        format!(
            r#"{{"manifest_version":2,"name":"acme","runner":"docker-compose","docker_compose_file":"services:\n  app:\n    image: {host}/acme/app@sha256:{digest}\n","kms_enabled":true,"gateway_enabled":true,"public_logs":false,"public_sysinfo":false,"public_tcbinfo":true,"allowed_envs":[],"no_instance_id":false,"secure_time":true,"pre_launch_script":"true\n"}}"#
        )
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(self.world.dir.path(), args)
    }

    pub(crate) fn commit_and_push(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["push", "--quiet", "origin", "HEAD"]);
    }

    /// `devproof release ..` in the repository, with the node.
    pub(crate) fn release(&self, args: &[&str]) -> Said {
        said(self.world.command().arg("release").args(self.world.arguments(args)))
    }

    /// The same, somewhere else, with a folder that has what was published and nothing else.
    pub(crate) fn elsewhere(&self, args: &[&str]) -> Said {
        let mut command = self.world.command();
        let args = self.world.arguments(args);
        said(
            command
                .current_dir(self.elsewhere.path())
                .env_remove("DEVPROOF_CHAIN")
                .arg("release")
                .args(args),
        )
    }

    /// Takes what was published to somebody else.
    pub(crate) fn carry_over(&self) {
        let (from, to) =
            (self.world.dir.path().join("release"), self.elsewhere.path().join("files"));
        let copied = Command::new("cp").arg("-rT").args([from, to]).status().unwrap();
        assert!(copied.success());
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    devproof_testkit::git(folder, args).unwrap()
}
