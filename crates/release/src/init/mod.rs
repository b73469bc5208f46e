//! What `devproof release init` puts into a repository: a workflow, a checklist, a configuration.

mod checklist;
mod workflow;

pub use workflow::MARKS;

use crate::{CONFIG_FILE, Config, ReleaseError, files::put, proof::sha256};
use alloy_primitives::hex;
use std::path::Path;

/// The workflow.
pub const WORKFLOW_FILE: &str = ".github/workflows/release.yml";
/// The checklist.
pub const CHECKLIST_FILE: &str = "RELEASE-CHECKLIST.md";
/// How the first line of a written file goes on before the hash of what follows it.
const WRITTEN: &str = "Written by devproof release init, SHA-256 of what follows: ";
const CHANGED: &str = ". Changed by hand, it is not written again.";

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Laid {
    /// It was not there.
    Written,
    /// It is as it should be.
    Unchanged,
    /// Nobody had changed what an earlier version wrote.
    Updated,
    /// Somebody changed it, and it was written all the same.
    Forced,
    /// Somebody changed it, or it is theirs: it stays.
    Kept,
}

impl Laid {
    /// The name of it in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Unchanged => "unchanged",
            Self::Updated => "updated",
            Self::Forced => "forced",
            Self::Kept => "kept",
        }
    }
}

/// Writes the files. The configuration is written where there is none, and is the user's from then on; what is made of it is
/// written anew unless somebody changed it. Each is written whole or not at all; run again, nothing changes.
///
/// # Errors
/// [`ReleaseError`] if the configuration makes no sense or names no workflow, or a file cannot be written.
pub fn init(
    root: &Path,
    config: &Config,
    force: bool,
) -> Result<Vec<(&'static str, Laid)>, ReleaseError> {
    let config = config.clone().checked()?;
    let workflow = config.workflow.as_ref().ok_or_else(|| {
        ReleaseError::Config(format!(
            "{CONFIG_FILE} has no [workflow]: whatever a runner fetches has to be named with its hash, by somebody who looked"
        ))
    })?;
    let files = [
        (WORKFLOW_FILE, sealed("# ", "", &workflow::workflow(&config, workflow))),
        (CHECKLIST_FILE, sealed("<!-- ", " -->", &checklist::checklist(&config, workflow))),
    ];
    let mut laid = Vec::new();
    // All of it is read before anything is written.
    let mut plan = Vec::new();
    for (name, text) in &files {
        let there = there(root, name)?;
        plan.push((
            *name,
            text,
            match there.as_deref() {
                None => Laid::Written,
                Some(found) if found == text.as_bytes() => Laid::Unchanged,
                Some(found) if is_sealed(found) => Laid::Updated,
                Some(_) if force => Laid::Forced,
                Some(_) => Laid::Kept,
            },
        ));
    }
    match there(root, CONFIG_FILE)? {
        Some(_) => laid.push((CONFIG_FILE, Laid::Unchanged)),
        None => {
            lay(root, CONFIG_FILE, &config.text()?)?;
            laid.push((CONFIG_FILE, Laid::Written));
        }
    }
    for (name, text, what) in plan {
        if !matches!(what, Laid::Unchanged | Laid::Kept) {
            lay(root, name, text)?;
        }
        laid.push((name, what));
    }
    Ok(laid)
}

fn there(root: &Path, name: &str) -> Result<Option<Vec<u8>>, ReleaseError> {
    crate::files::read(&root.join(name)).map_err(|why| {
        ReleaseError::Config(format!("{name} cannot be read ({why}): move it out of the way"))
    })
}

fn lay(root: &Path, name: &str, text: &str) -> Result<(), ReleaseError> {
    let path = root.join(name);
    let parent = path.parent().unwrap_or(root);
    let written =
        std::fs::create_dir_all(parent).and_then(|()| put(&path, parent, text.as_bytes()));
    written.map_err(|error| ReleaseError::File {
        name: name.to_owned(),
        what: "cannot be written",
        error,
    })
}

/// A text with a first line that tells later whether anybody changed it.
fn sealed(open: &str, close: &str, text: &str) -> String {
    format!("{open}{WRITTEN}{}{CHANGED}{close}\n{text}", hex::encode(sha256(text.as_bytes())))
}

fn is_sealed(bytes: &[u8]) -> bool {
    let Some(text) = std::str::from_utf8(bytes).ok() else { return false };
    let Some((first, rest)) = text.split_once('\n') else { return false };
    let named = first.split_once(WRITTEN).and_then(|(_, behind)| behind.split_once(CHANGED));
    named.is_some_and(|(hash, _)| hash == hex::encode(sha256(rest.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_breaks_with_a_byte() {
        let text = sealed("# ", "", "a\nb\n");
        assert!(is_sealed(text.as_bytes()));
        for other in
            [text.replace("b\n", "c\n"), format!("{text}\n"), "a\nb\n".to_owned(), String::new()]
        {
            assert!(!is_sealed(other.as_bytes()), "{other:?}");
        }
    }
}
