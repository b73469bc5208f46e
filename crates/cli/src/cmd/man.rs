//! `devproof man`: manual pages, one for each verb.

use crate::{
    Failure, Outcome,
    opts::{ManArgs, Opts},
    shell::Shell,
    text::{count, plain},
};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use schemars::JsonSchema;
use serde::Serialize;
use std::{fs, io, path::PathBuf};

/// What was written, as a document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// The folder.
    pub folder: PathBuf,
    /// The files in it, sorted.
    pub pages: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// What keeps the pages from being written.
pub fn run(args: ManArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let shown = plain(&args.out.display().to_string());
    let pages = write(&args.out).map_err(|error| {
        Failure::CouldNotTell(format!(
            "the pages cannot be written to {shown} ({error}); name another --out"
        ))
    })?;
    let words = format!("Wrote {} to {shown}.", count(pages.len(), "page"));
    let written = Written { folder: args.out, pages };
    shell.answer(&written, || words)?;
    Ok(Outcome::Yes)
}

fn write(folder: &PathBuf) -> io::Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let mut tree = Opts::command().disable_help_subcommand(true);
    tree.build();
    let (mut pages, mut commands) = (Vec::new(), vec![&tree]);
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands());
        pages.push(page(command, folder)?);
    }
    pages.sort();
    Ok(pages)
}

/// Writes the page of one verb, and gives its name.
fn page(command: &Command, folder: &PathBuf) -> io::Result<String> {
    let man = Man::new(command.clone()).manual("devproof");
    man.generate_to(folder)?;
    Ok(man.get_filename())
}
