//! Recorded evidence, where the folder with it is present. Nothing of it is in the repository.

use std::{env, fs, path::PathBuf};

/// The folder: `DEVPROOF_SHARED_DATA`, or `../shared/data` beside the repository.
///
/// `None` where there is none, said aloud; with `DEVPROOF_REQUIRE_SHARED_DATA=1` that is a failure.
pub fn folder() -> Option<PathBuf> {
    let named = ["DEVPROOF_SHARED_DATA", "DEVPROOF_REAL_DATA"];
    let named = named.into_iter().find_map(env::var_os).map(PathBuf::from);
    let folder = named
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    if folder.is_dir() {
        return Some(folder);
    }
    let why =
        format!("no recorded evidence at {}; name it with DEVPROOF_SHARED_DATA", folder.display());
    let required = env::var_os("DEVPROOF_REQUIRE_SHARED_DATA").is_some_and(|v| v == "1");
    assert!(!required, "{why}");
    eprintln!("SKIPPED: {why}");
    None
}

/// A file of the folder as text.
pub fn text(name: &str) -> Option<String> {
    let path = folder()?.join(name);
    Some(fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

/// A file of the folder as JSON.
pub fn json(name: &str) -> Option<serde_json::Value> {
    text(name).map(|text| serde_json::from_str(&text).unwrap())
}
