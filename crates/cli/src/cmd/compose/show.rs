//! `devproof compose show`: what is in it, and how far it leads back to source code.

use super::source::{Loaded, Origin, load, read};
use crate::{
    Failure, Outcome,
    opts::ShowArgs,
    shell::Shell,
    text::{count, shown, table},
};
use devproof_compose::{
    AppCompose, ComposeHash, Fields, KeyProvider,
    provenance::{self, MAX_PROVENANCE},
    services::Services,
    trace::{Link, Standing, trace},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::PathBuf;

/// The answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<'a> {
    compose_hash: ComposeHash,
    #[serde(flatten)]
    origin: Origin,
    fields: &'a Fields,
    /// Entries that dstack ignores.
    unknown: Vec<&'a str>,
    /// `null` where there is no compose file, or none that can be read.
    services: Option<Vec<ServiceShown>>,
    /// Why the compose file could not be read.
    unreadable: Option<String>,
    trace: Vec<Link>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ServiceShown {
    name: String,
    image: Option<String>,
    built_where_it_runs: bool,
    privileged: bool,
    mounts: Vec<String>,
    ports: Vec<String>,
    environment: Vec<String>,
}

pub(super) async fn run(args: ShowArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let statements = statements(&args.provenance)?;
    let Loaded { document, origin, .. } = load(&args.source).await?;
    let services = document.fields().docker_compose_file.as_deref().map(Services::parse);
    let unreadable = services.as_ref().and_then(|it| it.as_ref().err()).map(ToString::to_string);
    let answer = Shown {
        compose_hash: document.hash(),
        trace: trace(&document, origin.claimed_hash, &statements),
        origin,
        fields: document.fields(),
        unknown: document.unknown().map(|entry| entry.key.as_str()).collect(),
        services: services.and_then(Result::ok).map(|it| summary(&it)),
        unreadable,
    };
    shell.answer(&answer, || render(&answer, &document))?;
    Ok(Outcome::Yes)
}

fn statements(files: &[PathBuf]) -> Result<Vec<provenance::Statement>, Failure> {
    let mut statements = Vec::new();
    for file in files {
        let name = shown(&file.display().to_string());
        let bytes = read(&file.to_string_lossy(), MAX_PROVENANCE)
            .map_err(|why| Failure::CouldNotTell(format!("{name} cannot be read ({why})")))?;
        let found = provenance::read(&bytes)
            .map_err(|why| Failure::CouldNotTell(format!("{name}: {why}")))?;
        statements.extend(found);
    }
    Ok(statements)
}

fn summary(services: &Services) -> Vec<ServiceShown> {
    let service = |it: &devproof_compose::services::Service| ServiceShown {
        name: it.name.clone(),
        image: it.image().map(|(text, _)| text.to_owned()),
        built_where_it_runs: it.build().is_some(),
        privileged: it.texts("privileged").iter().any(|(text, _)| text == "true"),
        mounts: it.mounts().into_iter().map(|mount| mount.text).collect(),
        ports: it.texts("ports").into_iter().map(|(text, _)| text).collect(),
        environment: it.environment().into_iter().map(|entry| entry.name).collect(),
    };
    services.services().iter().map(service).collect()
}

fn render(answer: &Shown<'_>, document: &AppCompose) -> String {
    let fields = answer.fields;
    let name = fields.name.as_deref().map_or_else(|| "An app without a name".to_owned(), shown);
    let mut text = format!("{name}, version {}\n", answer.compose_hash);
    text.push_str(&answer.origin.words(answer.compose_hash));
    let yes = |it: bool| if it { "yes" } else { "no" };
    let keys = match fields.key_provider {
        KeyProvider::None => "drawn anew at each boot",
        KeyProvider::Kms if fields.key_provider_id.is_some() => {
            "from the key service that is pinned"
        }
        KeyProvider::Kms => "from a key service, none is pinned",
        KeyProvider::Local => "from an enclave on the same machine",
        KeyProvider::Tpm => "from the TPM of the machine",
    };
    let scripts: Vec<_> = fields
        .scripts()
        .map(|(name, text)| format!("{name} ({})", count(text.lines().count(), "line")))
        .collect();
    let envs: Vec<_> = fields.allowed_envs.iter().map(|name| shown(name)).collect();
    let or_none =
        |list: Vec<String>| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    let unknown = answer.unknown.iter().map(|name| shown(name)).collect();
    text.push_str(&format!(
        "\n  runner               {}\n  keys                 {keys}\n  set by the operator  {}\n  values authenticated {}\n  \
         scripts as root      {}\n  public               logs {}, figures {}, measurements {}\n  unknown entries      {}\n",
        fields.runner.as_deref().map_or_else(|| "none".to_owned(), shown),
        or_none(envs),
        match (fields.allowed_envs.is_empty(), fields.authenticates_values()) {
            (true, _) => "there are none",
            (false, true) => "by a launch token",
            (false, false) => "no",
        },
        or_none(scripts),
        yes(fields.public_logs),
        yes(fields.public_sysinfo),
        yes(fields.public_tcbinfo),
        or_none(unknown),
    ));
    services(&mut text, answer);
    links(&mut text, &answer.trace);
    if !document.problems().is_empty() {
        text.push_str(
            "\nSome fields are not as dstack expects them; `devproof compose lint` says which.\n",
        );
    }
    text
}

fn services(text: &mut String, answer: &Shown<'_>) {
    if let Some(why) = &answer.unreadable {
        text.push_str(&format!(
            "\nThe compose file could not be read: {}. What would run is unknown.\n",
            shown(why)
        ));
    }
    let Some(services) = answer.services.as_ref().filter(|it| !it.is_empty()) else { return };
    text.push_str("\nServices\n");
    let row = |it: &ServiceShown| {
        let image = match (&it.image, it.built_where_it_runs) {
            (_, true) => "built where it runs".to_owned(),
            (Some(image), _) => shown(image),
            (None, _) => "none".to_owned(),
        };
        let list =
            |items: &[String]| items.iter().map(|it| shown(it)).collect::<Vec<_>>().join(" ");
        [shown(&it.name), image, list(&it.ports), list(&it.mounts)]
    };
    let rows: Vec<_> = services.iter().map(row).collect();
    text.push_str(&table(["service", "image", "ports", "volumes"], &rows));
}

fn links(text: &mut String, links: &[Link]) {
    text.push_str("\nFrom compose hash to source\n");
    for Link { from, to, service, standing, why } in links {
        let standing = match standing {
            Standing::Proved => "proved ",
            Standing::Claimed => "claimed",
            Standing::Missing => "missing",
        };
        let service = service.as_deref().map(|it| format!("{}: ", shown(it))).unwrap_or_default();
        let to = to.as_deref().map_or_else(|| "?".to_owned(), shown);
        text.push_str(&format!(
            "  {standing}  {service}{} -> {to}\n           {why}\n",
            shown(from)
        ));
    }
}
