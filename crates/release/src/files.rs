//! The files of a release: written whole or not at all, and read from a folder or from where they are published.

use crate::ReleaseError;
use devproof_evidence::{Http, HttpError, Limits};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// The document for machines.
pub const PROOF_FILE: &str = "attestation-proof.json";
/// The same, where others look for it on a host.
pub const WELL_KNOWN_FILE: &str = ".well-known/attestation";
/// The report for people.
pub const REPORT_FILE: &str = "VERIFICATION-REPORT.md";
/// The history of the app's versions, from the chain alone.
pub const DEPLOYMENTS_FILE: &str = "DEPLOYMENTS.md";
/// What changed, from the messages of commits.
pub const NOTES_FILE: &str = "RELEASE-NOTES.md";
/// The version itself, to the byte.
pub const COMPOSE_FILE: &str = "app-compose.json";
/// Evidence of an instance, where there is some.
pub const EVIDENCE_FILE: &str = "evidence.json";
/// What Intel said of its platform, to judge it with.
pub const COLLATERAL_FILE: &str = "collateral.json";

/// Which files there may be, in the order in which they are written: the document that names the others comes last.
pub const FILES: [&str; 8] = [
    COMPOSE_FILE,
    EVIDENCE_FILE,
    COLLATERAL_FILE,
    NOTES_FILE,
    DEPLOYMENTS_FILE,
    REPORT_FILE,
    WELL_KNOWN_FILE,
    PROOF_FILE,
];
/// How long a file may be, in bytes: as long as the longest evidence.
const MAX_FILE: usize = devproof_attestation::limits::DOCUMENT;
/// What files are called that are not yet in their place.
const UNFINISHED: &str = ".devproof-unfinished-";

/// Files of a release, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<&'static str, Vec<u8>>);

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It has been as it should be.
    Unchanged,
    /// It is as it should be now.
    Written,
    /// It was of an earlier release, and is not part of this one.
    Removed,
}

impl Files {
    /// Puts a file in.
    pub fn put(&mut self, name: &'static str, content: impl Into<Vec<u8>>) {
        self.0.insert(name, content.into());
    }

    /// The content of a file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }

    /// Writes them into a folder. Each file is moved to its place when it is whole, and only if it differs from what is
    /// there. Whoever is interrupted between two of them leaves documents that do not fit each other, which `verify`
    /// finds; the next run makes them fit.
    ///
    /// # Errors
    /// [`ReleaseError::File`].
    pub fn write(&self, folder: &Path) -> Result<Vec<(&'static str, Written)>, ReleaseError> {
        let mut written = Vec::new();
        for name in FILES {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            let Some(content) = self.get(name) else {
                match fs::remove_file(&path) {
                    Ok(()) => written.push((name, Written::Removed)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed(name, "cannot be removed", error)),
                }
                continue;
            };
            // It is read no further than it takes to see a difference.
            let there = File::open(&path).and_then(|file| {
                let mut bytes = Vec::new();
                file.take(content.len() as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
            });
            if there.is_ok_and(|bytes| bytes == content) {
                written.push((name, Written::Unchanged));
                continue;
            }
            fs::create_dir_all(parent).map_err(|e| failed(name, "cannot be written", e))?;
            sweep(parent);
            put(&path, parent, content).map_err(|e| failed(name, "cannot be written", e))?;
            written.push((name, Written::Written));
        }
        Ok(written)
    }
}

fn failed(name: &str, what: &'static str, error: io::Error) -> ReleaseError {
    ReleaseError::File { name: name.to_owned(), what, error }
}

/// Writes a file beside its place and moves it there.
pub(crate) fn put(path: &Path, parent: &Path, content: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Published files are there to be read; the process's mask still applies.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(parent)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Takes away what a run left that was killed.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // Whatever cannot be removed is no part of the release either.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Where a release is published.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// Below a URL.
    Url(String, Http),
}

impl Place {
    /// The place that a text names.
    ///
    /// # Errors
    /// [`ReleaseError::CouldNotTell`] if no request can be made on this machine.
    pub fn new(text: &str) -> Result<Self, ReleaseError> {
        if text.starts_with("https://") || text.starts_with("http://") {
            let http = Http::new(Limits::of_machines()).map_err(|e| {
                ReleaseError::CouldNotTell(format!("nobody can be asked from here: {e}"))
            })?;
            Ok(Self::Url(text.trim_end_matches('/').to_owned(), http))
        } else {
            Ok(Self::Folder(text.into()))
        }
    }

    /// A file there; `None` if it is not.
    ///
    /// # Errors
    /// Why it cannot be told, as a sentence without a full stop.
    pub(crate) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Folder(folder) => read(&folder.join(name)),
            Self::Url(base, http) => {
                let answer =
                    http.get(&format!("{base}/{name}")).await.map_err(|e| e.to_string())?;
                match answer.status {
                    404 | 410 => Ok(None),
                    200 => Ok(Some(answer.body)),
                    status => Err(HttpError::Status(status).to_string()),
                }
            }
        }
    }
}

/// A file of this machine, if it is no longer than a file of a release may be.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let open = || {
        // Nothing but a file: a pipe would never end.
        if fs::metadata(path)?.is_file() { File::open(path).map(Some) } else { Ok(None) }
    };
    let file = match open() {
        Ok(Some(file)) => file,
        Ok(None) => return Err("it is no file".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() > MAX_FILE {
        return Err(format!("it has more than {MAX_FILE} bytes"));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_time_nothing_is_written_and_what_was_left_is_swept() {
        let dir = tempfile::TempDir::new().unwrap();
        let mut files = Files::default();
        files.put(NOTES_FILE, "a");
        files.put(WELL_KNOWN_FILE, "b");
        files.put(EVIDENCE_FILE, "c");
        let left = dir.path().join(format!("{UNFINISHED}x"));
        fs::write(&left, "half").unwrap();
        let all = |what| vec![(EVIDENCE_FILE, what), (NOTES_FILE, what), (WELL_KNOWN_FILE, what)];
        assert_eq!(files.write(dir.path()).unwrap(), all(Written::Written));
        assert!(!left.exists());
        let time = || fs::metadata(dir.path().join(NOTES_FILE)).unwrap().modified().unwrap();
        let before = time();
        assert_eq!(files.write(dir.path()).unwrap(), all(Written::Unchanged));
        assert_eq!(time(), before);
        files.0.remove(EVIDENCE_FILE);
        // What begins alike is not the same.
        fs::write(dir.path().join(NOTES_FILE), "ab").unwrap();
        let again = files.write(dir.path()).unwrap();
        assert_eq!(again[0], (EVIDENCE_FILE, Written::Removed));
        assert_eq!(again[1], (NOTES_FILE, Written::Written));
        assert_eq!(fs::read(dir.path().join(NOTES_FILE)).unwrap(), b"a");
    }
}
