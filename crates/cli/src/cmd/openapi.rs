//! `devproof openapi`: the document that describes REST.

use crate::{Failure, Outcome, shell::Shell};

/// Runs the command.
///
/// # Errors
/// If nobody reads it.
pub fn run(shell: &mut Shell) -> Result<Outcome, Failure> {
    let document = devproof_api::openapi();
    let text =
        document.to_pretty_json().map_err(|error| Failure::CouldNotTell(error.to_string()))?;
    shell.answer(&document, || text)?;
    Ok(Outcome::Yes)
}
