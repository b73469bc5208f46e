//! `devproof compose`: what is in an `app-compose.json`.

mod diff;
mod fetch;
mod hash;
mod lint;
mod predict;
mod sarif;
mod show;
mod source;

use crate::{
    Failure, Outcome,
    opts::{ComposeArgs, ComposeCommand},
    shell::Shell,
};

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer.
pub async fn run(args: ComposeArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    match args.command {
        ComposeCommand::Hash(args) => hash::run(args, shell).await,
        ComposeCommand::Show(args) => show::run(args, shell).await,
        ComposeCommand::Lint(args) => lint::run(args, shell).await,
        ComposeCommand::Diff(args) => diff::run(args, shell).await,
        ComposeCommand::Predict(args) => predict::run(args, shell).await,
    }
}
