//! `devproof release init`: the way of a release, laid into a repository.

use crate::{Failure, Outcome, config::Settings, opts::ReleaseInitArgs, shell::Shell};
use devproof_release::{
    Build, CONFIG_FILE, Config, Workflow,
    init::{Laid, init},
};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct File {
    name: &'static str,
    /// `written`, `unchanged`, `updated`, `forced` or `kept`.
    result: &'static str,
}

#[derive(Debug, Serialize)]
struct Files {
    files: Vec<File>,
}

pub(super) fn run(
    args: ReleaseInitArgs,
    settings: &Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let (force, dir) = (args.force, args.dir.clone());
    let config = if dir.join(CONFIG_FILE).exists() {
        super::config(&dir, settings)?
    } else {
        named(args, settings)?
    };
    let laid = init(&dir, &config, force)?;
    let file = |(name, laid): &(&'static str, Laid)| File { name, result: laid.name() };
    let answer = Files { files: laid.iter().map(file).collect() };
    let kept = laid.iter().any(|(_, laid)| *laid == Laid::Kept);
    shell.answer(&answer, || {
        let mut text: String =
            answer.files.iter().map(|it| format!("{:<9} {}\n", it.result, it.name)).collect();
        if kept {
            text.push_str(
                "\nWhat somebody changed was kept: compare it, or write over it with --force.\n",
            );
        }
        text
    })?;
    Ok(if kept { Outcome::No } else { Outcome::Yes })
}

/// The configuration that the arguments name.
fn named(args: ReleaseInitArgs, settings: &Settings) -> Result<Config, Failure> {
    fn need<T>(value: Option<T>, flag: &str) -> Result<T, Failure> {
        value.ok_or_else(|| {
            Failure::Usage(format!("there is no {CONFIG_FILE} yet, so that {flag} has to be given"))
        })
    }
    let build =
        |name: String| Build { name, context: ".".to_owned(), dockerfile: "Dockerfile".to_owned() };
    let workflow = Workflow {
        tool_url: need(args.tool_url, "--tool-url")?,
        tool_sha256: need(args.tool_sha256, "--tool-sha256")?,
        buildkit: need(args.buildkit, "--buildkit")?,
        deploy: args.deploy,
        policy: "evidence-policy.toml".to_owned(),
        images: args.image.into_iter().map(build).collect(),
    };
    Ok(Config {
        chain: need(settings.chain, "--chain")?,
        app: need(args.app, "--app")?,
        compose: args.compose,
        repository: args.repository,
        remote: "origin".to_owned(),
        out: "release".to_owned(),
        env_files: Vec::new(),
        workflow: Some(workflow),
    }
    .checked()?)
}
