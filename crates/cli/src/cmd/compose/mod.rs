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
    schemas::{Row, own},
    shell::Shell,
};

/// What each prints.
pub(crate) const PRINTED: &[Row] = &[
    ("compose hash", &[own::<hash::Hash>()]),
    ("compose show", &[own::<show::Shown<'static>>()]),
    ("compose lint", &[own::<devproof_compose::lint::Report>()]),
    ("compose diff", &[own::<devproof_compose::diff::Difference>()]),
    ("compose predict", &[own::<predict::Predictions>()]),
];

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
