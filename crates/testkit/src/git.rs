//! The git of the system, on a repository that nobody's configuration reaches.

use eyre::{Result, ensure};
use std::{path::Path, process::Command};

/// Runs git in a folder, as the same person at the same time each time, and gives what it printed.
///
/// # Errors
/// If there is no git, or it fails, with what it says.
pub fn git(folder: &Path, args: &[&str]) -> Result<String> {
    let person = ["user.name=a", "user.email=a@acme.example", "commit.gpgsign=false"];
    let output = Command::new("git")
        .current_dir(folder)
        .args(person.iter().flat_map(|setting| ["-c", setting]))
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", "2027-01-15T08:00:00Z")
        .env("GIT_COMMITTER_DATE", "2027-01-15T08:00:00Z")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {args:?}: {said}");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
