//! `devproof compose predict`: which hash each tool would give.

use super::source::{Loaded, load};
use crate::{
    Failure, Outcome,
    opts::PredictArgs,
    shell::Shell,
    text::{shown, table},
};
use devproof_compose::{
    ComposeHash,
    predict::{Prediction, Tool, matching, predict},
};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Predictions {
    /// The hash of the bytes.
    compose_hash: ComposeHash,
    /// The hash that was asked for.
    wanted: ComposeHash,
    /// The tools that give it.
    matching: Vec<Tool>,
    predictions: Vec<Prediction>,
}

pub(super) async fn run(args: PredictArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let Loaded { document, .. } = load(&args.source).await?;
    let predictions = predict(&document);
    let wanted = args.hash.map_or(document.hash(), ComposeHash);
    let answer = Predictions {
        compose_hash: document.hash(),
        wanted,
        matching: matching(&predictions, wanted),
        predictions,
    };
    shell.answer(&answer, || render(&answer))?;
    Ok(if answer.matching.is_empty() { Outcome::No } else { Outcome::Yes })
}

fn render(answer: &Predictions) -> String {
    let names: Vec<_> = answer.matching.iter().map(|tool| tool.name()).collect();
    let mut text = if names.is_empty() {
        format!("No tool we know gives {} for this object.\n", answer.wanted)
    } else {
        format!("{} is what these give: {}.\n", answer.wanted, names.join("; "))
    };
    text.push_str("A hash counts only of the bytes on the machine; the rest are guesses at what a tool would write.\n\n");
    let row = |it: &Prediction| {
        let hash = it.compose_hash.map_or_else(|| "none".to_owned(), |hash| hash.to_string());
        let mark = if it.compose_hash == Some(answer.wanted) { "yes" } else { "" };
        [
            it.tool.name().to_owned(),
            hash,
            mark.to_owned(),
            it.note.as_deref().map(shown).unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = answer.predictions.iter().map(row).collect();
    text.push_str(&table(["tool", "hash", "matches", "note"], &rows));
    text
}
