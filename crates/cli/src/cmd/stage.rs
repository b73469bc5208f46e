//! `devproof stage`: an app against the points of ERC-733's Stage 1.

use crate::{
    Failure, Outcome, cmd,
    config::Settings,
    opts::StageArgs,
    shell::Shell,
    text::{plain, table, time},
};
use devproof_api::{
    Headers,
    documents::{Stage, StageResult},
    stage,
};
use devproof_store::Store;
use jiff::Timestamp;

/// Runs the command.
///
/// # Errors
/// What keeps it from an answer.
pub async fn run(
    args: StageArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&settings.database).await?;
    let chain_id = cmd::chain(&settings, &store).await?;
    let finality = settings.finality(args.finality, chain_id);
    let node = settings.nodes.connect().await?;
    let node = node.as_ref().map(|node| node as &dyn Headers);
    let answer = stage(&store, node, chain_id, args.app, finality, Timestamp::now()).await?;
    shell.answer(&answer, || render(&answer))?;
    Ok(match answer.result {
        StageResult::Pass => Outcome::Yes,
        StageResult::Fail => Outcome::No,
        StageResult::CouldNotTell => Outcome::CouldNotTell,
    })
}

/// The answer in words.
#[must_use]
pub fn render(answer: &Stage) -> String {
    let rows: Vec<_> = answer
        .points
        .iter()
        .map(|it| {
            let result = match it.result {
                StageResult::Fail => "DOES NOT HOLD",
                other => other.words(),
            };
            [it.title.clone(), result.to_owned()]
        })
        .collect();
    let mut text = format!(
        "{}\n\n{}",
        answer.sentence,
        table(["what Stage 1 of ERC-733 demands", "result"], &rows)
    );
    for it in &answer.points {
        text.push_str(&format!("\n{} ({})\n  {}\n", it.title, it.result.words(), it.why));
        for line in &it.evidence {
            text.push_str(&format!("  - {}\n", plain(line)));
        }
    }
    text.push_str(&format!(
        "\nAfter block {} ({}).\n",
        answer.block.number,
        time(answer.block.timestamp)
    ));
    text
}
