//! `devproof compose hash`: the compose hash, and signs that it is not the one on the chain.

use super::source::{Loaded, Origin, load};
use crate::{Failure, Outcome, opts::HashArgs, shell::Shell, text::count};
use devproof_compose::{ComposeHash, Sign, signs};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hash {
    compose_hash: ComposeHash,
    bytes: usize,
    #[serde(flatten)]
    origin: Origin,
    warnings: Vec<Warning>,
    /// Whether it is the expected one; `null` if none was expected.
    as_expected: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
struct Warning {
    sign: Sign,
    message: &'static str,
}

pub(super) async fn run(args: HashArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let Loaded { document, origin, .. } = load(&args.source).await?;
    let hash = document.hash();
    let warning = |sign: Sign| Warning { sign, message: sign.sentence() };
    let answer = Hash {
        compose_hash: hash,
        bytes: document.text().len(),
        origin,
        warnings: signs(&document).into_iter().map(warning).collect(),
        as_expected: args.expect.map(|expected| ComposeHash(expected) == hash),
    };
    shell.answer(&answer, || render(&answer))?;
    Ok(if answer.as_expected == Some(false) { Outcome::No } else { Outcome::Yes })
}

fn render(answer: &Hash) -> String {
    let mut text = format!("{}\n{}. ", answer.compose_hash, count(answer.bytes, "byte"));
    text.push_str(&answer.origin.words(answer.compose_hash));
    match answer.as_expected {
        Some(true) => text.push_str("That is the expected hash.\n"),
        Some(false) => text.push_str("That is NOT the expected hash.\n"),
        None => {}
    }
    for warning in &answer.warnings {
        text.push_str(&format!("Warning: {}\n", warning.message));
    }
    text
}
