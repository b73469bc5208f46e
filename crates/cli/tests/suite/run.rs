//! Runs the binary in a directory of its own.

use crate::held as schemas;
use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// What the binary said, and its exit code.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devproof"));
    let ours = std::env::vars_os().filter(|(k, _)| k.to_string_lossy().starts_with("DEVPROOF_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the binary in `dir`, which holds no configuration unless the test wrote one.
pub(crate) fn devproof_in(dir: &TempDir, args: &[&str]) -> Said {
    let output = command().current_dir(dir.path()).args(args).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    schemas::hold(args.iter().map(OsStr::new), &out);
    Said {
        code: output.status.code().unwrap(),
        out,
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Likewise, in an empty directory.
pub(crate) fn devproof(args: &[&str]) -> Said {
    devproof_in(&TempDir::new().unwrap(), args)
}
