//! `devproof release init`: the way of a release, laid into a repository.

use crate::{Failure, Outcome, config::Settings, opts::ReleaseInitArgs, shell::Shell};
use devproof_release::{
    Build, CONFIG_FILE, Config, Workflow,
    init::{Laid, init},
};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Debug, Serialize, JsonSchema)]
struct File {
    name: &'static str,
    /// `written`, `unchanged`, `updated`, `forced` or `kept`.
    result: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Files {
    files: Vec<File>,
}

pub(super) fn run(
    args: ReleaseInitArgs,
    settings: &Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let (force, dir) = (args.force, args.dir.clone());
    let config = if dir.join(CONFIG_FILE).exists() {
        same(super::config(&dir, settings)?, &args)?
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
        deploy: args.deploy.unwrap_or_else(|| "deploy.sh".to_owned()),
        policy: "evidence-policy.toml".to_owned(),
        images: args.image.into_iter().map(build).collect(),
    };
    Ok(Config {
        chain: need(settings.chain, "--chain")?,
        app: need(args.app, "--app")?,
        compose: args.compose.unwrap_or_else(|| "app-compose.json".to_owned()),
        repository: args.repository,
        remote: "origin".to_owned(),
        out: "release".to_owned(),
        env_files: Vec::new(),
        workflow: Some(workflow),
    }
    .checked()?)
}

/// The configuration that is there, if the arguments say nothing else: it is the user's, and is not written again.
fn same(config: Config, args: &ReleaseInitArgs) -> Result<Config, Failure> {
    let workflow = config.workflow.as_ref();
    let of = |value: fn(&Workflow) -> &String| workflow.map(value);
    let images: Vec<_> = workflow.iter().flat_map(|it| &it.images).map(|it| &it.name).collect();
    let app = args.app.is_none_or(|app| app == config.app);
    let images = args.image.is_empty() || args.image.iter().collect::<Vec<_>>() == images;
    let texts = [
        ("--compose", &args.compose, Some(&config.compose)),
        ("--repository", &args.repository, config.repository.as_ref()),
        ("--tool-url", &args.tool_url, of(|it| &it.tool_url)),
        ("--tool-sha256", &args.tool_sha256, of(|it| &it.tool_sha256)),
        ("--buildkit", &args.buildkit, of(|it| &it.buildkit)),
        ("--deploy", &args.deploy, of(|it| &it.deploy)),
    ];
    let text = texts.iter().find(|(_, given, there)| given.is_some() && given.as_ref() != *there);
    let other = match text {
        Some((flag, ..)) => Some(*flag),
        None if !app => Some("--app"),
        None if !images => Some("--image"),
        None => None,
    };
    match other {
        Some(flag) => Err(Failure::Usage(format!(
            "{CONFIG_FILE} is there and says something else than {flag}: change it there, and leave out the argument"
        ))),
        None => Ok(config),
    }
}
