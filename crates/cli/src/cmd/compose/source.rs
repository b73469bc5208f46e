//! Where an `app-compose.json` comes from: a file, standard input, or what a running app says.

use super::fetch::{self, is_url};
use crate::{Failure, text::shown};
use devproof_compose::{AppCompose, ComposeHash, MAX_REPORT, SelfReport};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    fs::File,
    io::{self, Read},
};

/// A document and where it comes from.
pub(super) struct Loaded {
    /// The document.
    pub(super) document: AppCompose,
    /// Where it comes from.
    pub(super) origin: Origin,
    /// The name of the OS image, where the app says one.
    pub(super) os_image: Option<String>,
}

/// Where a document comes from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Origin {
    /// The file or URL.
    pub(super) source: String,
    /// Whether it is what an app says of itself, or part of evidence: `false` for the file itself.
    pub(super) self_report: bool,
    /// The id that the app says it has.
    pub(super) app_id: Option<String>,
    /// The name that the app says it has.
    pub(super) app_name: Option<String>,
    /// The compose hash that the app says it has; `null` where it says none.
    pub(super) claimed_hash: Option<ComposeHash>,
}

impl Origin {
    /// What is to be made of it, as lines.
    pub(super) fn words(&self, hash: ComposeHash) -> String {
        let source = shown(&self.source);
        if !self.self_report {
            return format!("From {source}.\n");
        }
        let who = match (&self.app_name, &self.app_id) {
            (Some(name), Some(id)) => format!("{} ({})", shown(name), shown(id)),
            (Some(one), None) | (None, Some(one)) => shown(one),
            (None, None) => "the app".to_owned(),
        };
        let claim = match self.claimed_hash {
            None => "It names no compose hash.".to_owned(),
            Some(claimed) if claimed == hash => {
                "The compose hash it names is that of the file it shows.".to_owned()
            }
            Some(claimed) => {
                format!("The compose hash it names, {claimed}, is NOT that of the file it shows.")
            }
        };
        format!(
            "A self-report of {who}, from {source}: nothing in it is signed, and only a verified quote tells what runs. \
             {claim}\n"
        )
    }
}

/// Reads a document.
pub(super) async fn load(source: &str) -> Result<Loaded, Failure> {
    if is_url(source) {
        let (report, source) = fetch::self_report(source).await?;
        return reported(report, source);
    }
    let name = if source == "-" { "standard input" } else { source };
    let bytes = read(source, MAX_REPORT)
        .map_err(|why| Failure::CouldNotTell(format!("{} cannot be read ({why})", shown(name))))?;
    match AppCompose::parse(&bytes) {
        Ok(document) if ours(&document) => {
            let origin = Origin {
                source: name.to_owned(),
                self_report: false,
                app_id: None,
                app_name: None,
                claimed_hash: None,
            };
            Ok(Loaded { document, origin, os_image: None })
        }
        // Evidence, or an answer that was saved.
        parsed => match (SelfReport::read(&bytes), parsed) {
            (Ok(report), _) => reported(report, name.to_owned()),
            (Err(_), Ok(_)) => Err(Failure::CouldNotTell(format!(
                "{} is JSON, but neither an app-compose.json nor evidence with one in it",
                shown(name)
            ))),
            (Err(_), Err(why)) => Err(Failure::CouldNotTell(format!("{}: {why}", shown(name)))),
        },
    }
}

/// Whether an object is an `app-compose.json` itself, and nothing that holds one.
fn ours(document: &AppCompose) -> bool {
    let known = ["manifest_version", "docker_compose_file", "runner", "bash_script"];
    let holds = ["app_compose", "tcb_info"];
    let has = |names: &[&str]| document.entries().iter().any(|it| names.contains(&it.key.as_str()));
    has(&known)
        || !has(&holds)
            && document.entries().iter().any(|it| devproof_compose::Fields::knows(&it.key))
}

fn reported(report: SelfReport, source: String) -> Result<Loaded, Failure> {
    let document = AppCompose::parse(report.app_compose.as_bytes()).map_err(|why| {
        Failure::CouldNotTell(format!("the app_compose that {} shows: {why}", shown(&source)))
    })?;
    let origin = Origin {
        source,
        self_report: true,
        app_id: report.app_id,
        app_name: report.app_name,
        claimed_hash: report.compose_hash.and_then(|hash| hash.parse().ok()),
    };
    Ok(Loaded { document, origin, os_image: report.os_image })
}

/// Reads a file or standard input, up to so many bytes and one.
pub(super) fn read(source: &str, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    if source == "-" {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        File::open(source)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
