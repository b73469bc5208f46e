//! What is looked at before something is announced or activated.

use crate::{Failure, cmd::input, text::plain};
use alloy_primitives::B256;
use devproof_chain::Node;
use devproof_compose::{AppCompose, ComposeHash, MAX_BYTES};
use devproof_operator::{
    self as operator, Effect, Plan, Setting, Standing,
    preflight::{self, Check, MAX_RESPONSE, Platform, Verdict},
    proved_history,
};
use std::path::{Path, PathBuf};

/// What is to be looked at.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// The local file.
    pub(super) document: Option<AppCompose>,
    /// What the platform says, of each replica.
    pub(super) platforms: Vec<Platform>,
    /// When it is to be activated, Unix seconds.
    pub(super) planned: Option<u64>,
    /// Failures that are no obstacle.
    pub(super) accept: Vec<String>,
    /// Whether the whole preflight is wanted, and not only a comparison with the platform.
    pub(super) whole: bool,
}

/// Reads an `app-compose.json`, as it is.
pub(super) fn document(path: &Path) -> Result<AppCompose, Failure> {
    let bytes = input::bytes(path, MAX_BYTES)?;
    let name = plain(&path.display().to_string());
    AppCompose::parse(&bytes).map_err(|why| Failure::Usage(format!("{name}: {why}")))
}

/// Reads what the platform said.
pub(super) fn platforms(paths: &[PathBuf]) -> Result<Vec<Platform>, Failure> {
    let read = |path: &PathBuf| {
        let bytes = input::bytes(path, MAX_RESPONSE)?;
        Platform::read(&plain(&path.display().to_string()), &bytes).map_err(Failure::Usage)
    };
    paths.iter().map(read).collect()
}

impl Checks {
    /// Looks at what may have changed since a step was done: what the platform says.
    pub(super) async fn again(&self, node: &Node, plan: &Plan) -> Result<Vec<Check>, Failure> {
        match plan.action.subject() {
            Some((Setting::ComposeHash, value)) if !self.platforms.is_empty() => {
                let mut checks = self.of_the_platform(node, plan, value).await?;
                preflight::accept(&mut checks, &self.accept);
                Ok(checks)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Looks at all of it.
    pub(super) async fn run(&self, node: &Node, plan: &Plan) -> Result<Vec<Check>, Failure> {
        let mut checks = Vec::new();
        let Some((setting, value)) = plan.action.subject() else { return Ok(checks) };
        if setting == Setting::ComposeHash {
            checks.extend(self.of_a_version(node, plan, value).await?);
        }
        if let (true, Standing::Go(Effect::Announces { ripe_at, expires_at, .. }), Some(view)) =
            (self.whole, &plan.standing, &plan.view)
        {
            let pending = proved_history(node, view).await.map(|(_, pending)| pending);
            let window = (*ripe_at, *expires_at);
            checks.extend(preflight::notices(view, setting, &pending, window, self.planned));
        }
        let unused = preflight::accept(&mut checks, &self.accept);
        if let Some(name) = unused.first() {
            let message = format!("--accept {} is not needed: no such check fails.", plain(name));
            checks.push(Check { id: "accept", result: Verdict::Warn, message });
        }
        Ok(checks)
    }

    async fn of_a_version(
        &self,
        node: &Node,
        plan: &Plan,
        value: B256,
    ) -> Result<Vec<Check>, Failure> {
        let mut checks = Vec::new();
        let document = self.document.as_ref();
        if self.whole {
            match document {
                Some(document) => checks.extend(preflight::file(document)),
                None => checks.push(Check {
                    id: "compose_file",
                    result: Verdict::Fail,
                    message: "A hash alone says nothing of what it is the hash of: name the file with --compose.".into(),
                }),
            }
        }
        if self.whole || !self.platforms.is_empty() {
            checks.extend(self.of_the_platform(node, plan, value).await?);
        }
        Ok(checks)
    }

    async fn of_the_platform(
        &self,
        node: &Node,
        plan: &Plan,
        value: B256,
    ) -> Result<Vec<Check>, Failure> {
        let (hash, document) = (ComposeHash(value), self.document.as_ref());
        let mut checks = preflight::platforms(&self.platforms, plan.app, hash, document);
        for platform in &self.platforms {
            checks.extend(self.machine(node, plan, platform).await?);
        }
        Ok(checks)
    }

    /// Whether the app accepts the machine and the system that the platform names.
    async fn machine(
        &self,
        node: &Node,
        plan: &Plan,
        platform: &Platform,
    ) -> Result<Vec<Check>, Failure> {
        let mut checks = Vec::new();
        let Some(view) = &plan.view else { return Ok(checks) };
        let name = &platform.name;
        if let (false, Some(device)) = (view.allow_any_device, platform.device_id) {
            let known = operator::value(node, view, Setting::Device, device).await?.in_force;
            checks.push(if known {
                let message = format!("The app accepts the device that {name} names.");
                Check { id: "device", result: Verdict::Pass, message }
            } else {
                let message = format!(
                    "The app does not accept the device {device:#x} that {name} names, so that nothing boots there: announce it \
                     too, with `devproof app devices --add`."
                );
                Check { id: "device", result: Verdict::Fail, message }
            });
        }
        if let (true, Some(image)) = (view.os_images_pinned, platform.os_image) {
            let known = operator::value(node, view, Setting::OsImage, image).await?.in_force;
            if !known {
                let message = format!(
                    "The app does not accept the OS image {image:#x} that {name} names: announce it too, with `devproof propose \
                     --setting os-image={image:#x}`."
                );
                checks.push(Check { id: "os_image", result: Verdict::Fail, message });
            }
        }
        Ok(checks)
    }
}
