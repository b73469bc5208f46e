//! What git says of a repository. The git of the system is asked, with no shell between, and no longer than it may take.

use crate::{ReleaseError, text::clip};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

/// How much git may say, in bytes: more than any list here has.
const MAX_OUTPUT: u64 = 8 << 20;
/// How long a question takes that nobody else has to be asked for.
const HERE: Duration = Duration::from_secs(60);
/// And one for which a remote is asked.
const REMOTE: Duration = Duration::from_secs(60);
/// How many commits are told of.
pub(crate) const MAX_COMMITS: usize = 500;

/// A repository.
#[derive(Clone, Debug)]
pub struct Git {
    root: PathBuf,
}

/// A commit, as release notes tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// The first line of its message: anybody's text.
    pub subject: String,
    /// Whether its message says that something breaks.
    pub breaking: bool,
}

/// What git said, and whether it was content.
struct Said {
    success: bool,
    out: Vec<u8>,
    err: String,
}

impl Said {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

impl Git {
    /// The repository that a folder is the root of.
    ///
    /// # Errors
    /// [`ReleaseError::Git`] if it is none.
    pub async fn open(root: &Path) -> Result<Self, ReleaseError> {
        let git = Self { root: root.to_owned() };
        // `--show-cdup` is empty at the root.
        let up = git.text(&["rev-parse", "--show-cdup"]).await?;
        if !up.trim().is_empty() {
            return Err(ReleaseError::Git(
                "the folder is not the root of its repository: name that with --dir".into(),
            ));
        }
        Ok(git)
    }

    /// Paths that differ from the last commit, or are in none and not ignored; what is under `out` does not count.
    ///
    /// # Errors
    /// [`ReleaseError::Git`].
    pub async fn changed(&self, out: &str) -> Result<Vec<String>, ReleaseError> {
        let args = [
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            "--ignore-submodules=none",
        ];
        let text = self.text(&args).await?;
        let within = format!("{out}/");
        let paths = text.split('\0').filter_map(|entry| entry.get(3..));
        Ok(paths.filter(|path| !path.starts_with(&within)).map(str::to_owned).collect())
    }

    /// The newest commit, and the newest one that changed something outside of `out`: what is published must not
    /// depend on whether it was committed.
    ///
    /// # Errors
    /// [`ReleaseError::Git`]; also where there is no commit.
    pub async fn commits(&self, out: &str) -> Result<(String, String), ReleaseError> {
        let head = self.id(&["rev-parse", "--verify", "HEAD^{commit}"]).await?;
        let besides = format!(":(exclude,top){out}");
        let of_source = self.id(&["log", "-1", "--format=%H", "HEAD", "--", ".", &besides]).await?;
        // They have the same content but for that folder, or else the newer one is meant.
        let same = [
            "diff",
            "--quiet",
            "--no-ext-diff",
            of_source.as_str(),
            head.as_str(),
            "--",
            ".",
            &besides,
        ];
        let same = self.ask(&same, HERE).await?.success;
        Ok((head.clone(), if same { of_source } else { head }))
    }

    /// The bytes of a file in a commit; `None` if it is not in it.
    ///
    /// # Errors
    /// [`ReleaseError::Git`].
    pub async fn file(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, ReleaseError> {
        let said = self.ask(&["cat-file", "blob", &format!("{commit}:{path}")], HERE).await?;
        Ok(said.success.then_some(said.out))
    }

    /// Whether a remote has a commit: on a branch or tag that it names now.
    ///
    /// # Errors
    /// [`ReleaseError::Git`] if the remote cannot be asked.
    pub async fn pushed(&self, remote: &str, commit: &str) -> Result<bool, ReleaseError> {
        let said = self.ask(&["ls-remote", "--heads", "--tags", "--", remote], REMOTE).await?;
        if !said.success {
            return Err(ReleaseError::Git(format!(
                "the remote {remote} does not answer ({})",
                said.err
            )));
        }
        let text = said.text();
        let tips: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
        if tips.contains(&commit) {
            return Ok(true);
        }
        for tip in tips.into_iter().filter(|tip| is_id(tip)).take(MAX_COMMITS) {
            // A tip that is not here is newer than what was fetched, and says nothing.
            if self.ask(&["merge-base", "--is-ancestor", commit, tip], HERE).await?.success {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a remote had a commit when it was asked last.
    ///
    /// # Errors
    /// [`ReleaseError::Git`].
    pub async fn was_pushed(&self, remote: &str, commit: &str) -> Result<bool, ReleaseError> {
        let pattern = format!("refs/remotes/{remote}");
        let args = ["for-each-ref", "--contains", commit, "--format=%(refname)", &pattern];
        let said = self.ask(&args, HERE).await?;
        Ok(said.success && !said.text().trim().is_empty())
    }

    /// The commits since the last tag before a commit, the newest first, at most 500; and the tag. What is
    /// under `out` does not count. Tags of the commit itself do not count either, since they may come later.
    ///
    /// # Errors
    /// [`ReleaseError::Git`].
    pub async fn since_tag(
        &self,
        commit: &str,
        out: &str,
    ) -> Result<(Option<String>, Vec<Commit>), ReleaseError> {
        let parent = format!("{commit}^");
        let tag = self.ask(&["describe", "--tags", "--abbrev=0", &parent], HERE).await?;
        let tag = tag.success.then(|| tag.text().trim().to_owned()).filter(|tag| !tag.is_empty());
        let range = match &tag {
            Some(tag) => format!("refs/tags/{tag}..{commit}"),
            None => commit.to_owned(),
        };
        let (most, besides) =
            (format!("--max-count={MAX_COMMITS}"), format!(":(exclude,top){out}"));
        // No character that git gives can be a zero byte.
        let args = [
            "log",
            "-z",
            "--no-show-signature",
            "--format=%H%n%s%n%b",
            &most,
            &range,
            "--",
            ".",
            &besides,
        ];
        let text = self.text(&args).await?;
        let commit = |entry: &str| {
            let (id, rest) = entry.split_once('\n')?;
            let (subject, body) = rest.split_once('\n').unwrap_or((rest, ""));
            let marked = |line: &str| {
                line.starts_with("BREAKING CHANGE: ") || line.starts_with("BREAKING-CHANGE: ")
            };
            let breaking = body.lines().any(marked);
            Some(Commit { id: id.to_owned(), subject: clip(subject, 300), breaking })
        };
        Ok((tag, text.split('\0').filter_map(commit).collect()))
    }

    async fn id(&self, args: &[&str]) -> Result<String, ReleaseError> {
        let id = self.text(args).await?.trim().to_owned();
        if is_id(&id) {
            Ok(id)
        } else {
            Err(ReleaseError::Git(
                "the repository has no commit: commit what is to be released".into(),
            ))
        }
    }

    async fn text(&self, args: &[&str]) -> Result<String, ReleaseError> {
        let said = self.ask(args, HERE).await?;
        if said.success {
            return Ok(said.text());
        }
        let what = args.first().copied().unwrap_or_default();
        Err(ReleaseError::Git(format!(
            "`git {what}` fails ({}): see what it says in {}",
            said.err,
            self.root.display()
        )))
    }

    async fn ask(&self, args: &[&str], patience: Duration) -> Result<Said, ReleaseError> {
        let broken = |error: std::io::Error| {
            ReleaseError::Git(format!("git cannot be run ({error}): install it"))
        };
        let mut child = Command::new("git")
            // A helper of the repository's configuration is nothing that a question needs.
            .args(["--no-pager", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-C"])
            .arg(&self.root)
            .args(args)
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(broken)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let run = async {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let read = async {
                if let Some(stdout) = stdout {
                    stdout.take(MAX_OUTPUT + 1).read_to_end(&mut out).await?;
                }
                Ok::<_, std::io::Error>(())
            };
            let hear = async {
                if let Some(mut stderr) = stderr {
                    // Only the beginning is told; the rest is read so that nobody waits for us.
                    (&mut stderr).take(4_096).read_to_end(&mut err).await?;
                    tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
                }
                Ok::<_, std::io::Error>(())
            };
            tokio::try_join!(read, hear)?;
            Ok::<_, std::io::Error>((child.wait().await?, out, err))
        };
        let what = args.first().copied().unwrap_or_default();
        let ended = timeout(patience, run).await.map_err(|_| {
            ReleaseError::Git(format!("`git {what}` does not end within {} s", patience.as_secs()))
        })?;
        let (status, out, err) = ended.map_err(broken)?;
        if out.len() as u64 > MAX_OUTPUT {
            return Err(ReleaseError::Git(format!(
                "`git {what}` says more than {MAX_OUTPUT} bytes"
            )));
        }
        let err = String::from_utf8_lossy(&err);
        let err = clip(err.trim().lines().next().unwrap_or_default(), 200);
        Ok(Said { success: status.success(), out, err })
    }
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
