//! `devproof completions`: what a shell completes.

use crate::{
    Failure, Outcome,
    opts::{CompletionsArgs, Opts},
    shell::Shell,
};
use clap::CommandFactory;

/// Runs the command.
///
/// # Errors
/// Only what writing says.
pub fn run(args: &CompletionsArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Opts::command(), "devproof", &mut script);
    shell.print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Yes)
}
