//! `devproof schema`: what `--json` prints, as JSON Schema.

use crate::{
    Failure, Outcome,
    opts::SchemaArgs,
    schemas::{has_no_document, schema},
    shell::Shell,
};

/// Runs the command.
///
/// # Errors
/// If there is no such verb, or it prints no document.
pub fn run(args: &SchemaArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let verb = args.verb.join(" ");
    let asked = (!verb.is_empty()).then_some(verb.as_str());
    let document = schema(asked).ok_or_else(|| {
        let why =
            if has_no_document(&verb) { "prints no document" } else { "is no verb by itself" };
        let verb = devproof_api::parse::quote(&verb);
        Failure::Usage(format!(
            "{verb} {why}; docs/cli.md has every verb, for example: devproof schema app show"
        ))
    })?;
    shell.document(&document)?;
    Ok(Outcome::Yes)
}
