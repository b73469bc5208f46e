//! The gate: whether a release may go on. Every line has to pass; what cannot be told does not.

mod chain;
mod file;
mod source;

use crate::{Config, Git, Line, Lines, Registry, ReleaseError};
use devproof_chain::Node;
use devproof_compose::{AppCompose, MAX_BYTES};
use devproof_operator::Finality;
use std::path::Path;

/// What is looked at, and who may be asked.
#[derive(Debug)]
pub struct Gate<'a> {
    /// The root of the repository.
    pub root: &'a Path,
    /// What is to be released.
    pub config: &'a Config,
    /// The node; why there is none, as a clause without a full stop, where there is none.
    pub node: Result<Node, String>,
    /// How final a notice has to be to count as given.
    pub finality: Finality,
    /// Whether nobody else is asked: no remote, no registry.
    pub offline: bool,
}

/// Looks at everything. The ids of the lines are stable, and so is their order:
/// `commit_clean`, `commit_pushed`, `compose_committed`, `compose_file`, `images_pinned`, `images_exist`, `lint`, `no_secrets`, `chain`,
/// `contract`, `history`, `compose_hash`, `notice`.
///
/// # Errors
/// [`ReleaseError`] if there is nothing to look at: no repository, no compose file.
pub async fn check(gate: Gate<'_>) -> Result<Lines, ReleaseError> {
    let git = Git::open(gate.root).await?;
    let bytes = compose(gate.root, gate.config)?;
    let mut lines = source::lines(&gate, &git, &bytes).await?;
    let parsed = AppCompose::parse(&bytes);
    match &parsed {
        Ok(document) => {
            lines.push(
                Line::pass(
                    "compose_file",
                    "here",
                    "It can be read, and its hash is that of its exact bytes.",
                )
                .value(format!("{:#x}", document.hash().0)),
            );
            let registry = Registry::new();
            lines.extend(file::lines(&gate, &git, document, registry.ok().as_ref()).await?);
        }
        Err(error) => {
            let name = &gate.config.compose;
            lines.push(Line::fail(
                "compose_file",
                "here",
                format!("{name} is no app-compose.json: {error}."),
                "Name the file that the platform deploys, to the byte.",
            ));
            let ids = ["images_pinned", "images_exist", "lint", "no_secrets"];
            let why = "The file cannot be read.";
            lines.extend(ids.map(|id| Line::unknown(id, "here", why, "Mend the file first.")));
        }
    }
    let hash = parsed.as_ref().ok().map(|document| document.hash().0);
    lines.extend(chain::lines(&gate, hash).await);
    Ok(lines.into())
}

/// The bytes of the compose file as it stands in the folder.
pub(crate) fn compose(root: &Path, config: &Config) -> Result<Vec<u8>, ReleaseError> {
    let name = &config.compose;
    let could_not = |why: String| {
        ReleaseError::Usage(format!(
            "{name} cannot be read ({why}): name the compose file in {}",
            crate::CONFIG_FILE
        ))
    };
    let bytes = crate::files::read(&root.join(name)).map_err(could_not)?;
    let bytes = bytes.ok_or_else(|| could_not("it is not there".to_owned()))?;
    if bytes.len() > MAX_BYTES {
        return Err(could_not(format!("it has more than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}
