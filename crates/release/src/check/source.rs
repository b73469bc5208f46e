//! The repository: what is released can be read by everybody, and is what is here.

use super::Gate;
use crate::{Git, Line, ReleaseError, text::clip};

/// Looks at the repository.
pub(super) async fn lines(
    gate: &Gate<'_>,
    git: &Git,
    compose: &[u8],
) -> Result<Vec<Line>, ReleaseError> {
    let config = gate.config;
    let (head, commit) = git.commits(&config.out).await?;
    let changed = git.changed(&config.out).await?;
    let clean = match changed.first() {
        None => {
            Line::pass("commit_clean", "here", "Nothing differs from the commit.").value(&commit)
        }
        Some(first) => Line::fail(
            "commit_clean",
            "here",
            format!(
                "{} files differ from the commit or are in none, {} among them.",
                changed.len(),
                clip(first, 100)
            ),
            "Commit them, or have git ignore what is not part of the app.",
        )
        .value(&commit),
    };
    Ok(vec![clean, pushed(gate, git, &head).await?, committed(gate, git, &head, compose).await?])
}

async fn pushed(gate: &Gate<'_>, git: &Git, head: &str) -> Result<Line, ReleaseError> {
    let (id, remote) = ("commit_pushed", &gate.config.remote);
    let push = format!("Push it: `git push {remote}`.");
    let asked = if gate.offline {
        Err(ReleaseError::Git("nobody is asked with --offline".into()))
    } else {
        git.pushed(remote, head).await
    };
    Ok(match asked {
        Ok(true) => Line::pass(id, "remote", format!("The remote {remote} has it.")).value(head),
        Ok(false) => Line::fail(
            id,
            "remote",
            format!("No branch and no tag of the remote {remote} has it."),
            push,
        )
        .value(head),
        Err(error) => {
            let had = git.was_pushed(remote, head).await?;
            let before = if had {
                "When it was asked last, it had it"
            } else {
                "When it was asked last, it did not have it"
            };
            let todo = format!("Run this where `git ls-remote {remote}` works.");
            Line::unknown(id, "remote", format!("{before}; now {error}."), todo).value(head)
        }
    })
}

async fn committed(
    gate: &Gate<'_>,
    git: &Git,
    head: &str,
    compose: &[u8],
) -> Result<Line, ReleaseError> {
    let (id, name) = ("compose_committed", &gate.config.compose);
    Ok(match git.file(head, name).await? {
        Some(bytes) if bytes == compose => {
            Line::pass(id, "here", format!("{name} stands in the commit, to the byte."))
        }
        Some(_) => Line::fail(
            id,
            "here",
            format!("{name} in the folder has other bytes than in the commit."),
            "Commit it; where git changes line ends, forbid it with `app-compose.json -text` in .gitattributes.",
        ),
        None => Line::fail(
            id,
            "here",
            format!("{name} is not in the commit, so that nobody can read what the hash is of."),
            "Commit it.",
        ),
    })
}
