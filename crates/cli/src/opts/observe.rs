//! The arguments of the verbs that look at instances while they are alive.

use super::{JudgeArgs, values::seconds};
use alloy_primitives::{Address, B256};
use clap::Args;
use devproof_api::{Finality, SeenPlace, parse};
use std::{num::NonZeroUsize, path::PathBuf};

/// Arguments of `devproof observe`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof observe 0x52908400098527886e0f7030069857d2e4169ee7 --from 'https://app.example/quote?report_data={report_data}' --pccs phala
  devproof observe 0x52908400098527886e0f7030069857d2e4169ee7 --from unix:/var/run/dstack.sock --pccs intel --every 10min
  devproof observe 0x52908400098527886e0f7030069857d2e4169ee7 --from unix:/var/run/tappd.sock --pccs intel \\
      --rpc-url http://127.0.0.1:8545 --kms 0x2f83172a49584c017f2b256f0fb2dca14126ba9c
  devproof observe 0x3763bc34552cf3a27ff71ad5f7a90471562a1a2d --pccs phala \\
      --from https://cloud-api.phala.com/api/v1/apps/3763bc34552cf3a27ff71ad5f7a90471562a1a2d/attestations

Only a quote whose hardware verifies, with a log that is its own, of this very app, is taken down: with its evidence, its
collateral and its verdict. It is called proved only if the operating system is known as well (--policy); otherwise the machine
only claims to be this app. A quote has no time of its own: it is known to be new only if it was made for what we ask for, as
the agent behind unix: is, and whatever answers at a URL with {report_data} in it. With a node (--rpc-url) that is a challenge
which commits to a recent block, so that the quote is known to be made behind it; without one it is random bytes.

What is found out is told once, here and to subscribers: a version that was never announced, hardware that is out of date
now and was not before, instances that differ.

Exit codes: 0 everything passes and nothing is to be told, 1 something fails or is to be told, 2 could not tell.")]
pub struct ObserveArgs {
    /// Name the app by its id.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Look here, as for `devproof verify`; may be repeated, and all instances of each are looked at.
    #[arg(long, value_name = "EVIDENCE", required = true, verbatim_doc_comment)]
    pub from: Vec<PathBuf>,
    /// Look again this often, as in 10min or 6h, until Ctrl-C; at least every 10 s [default: once].
    #[arg(long, value_name = "TIME", value_parser = interval, verbatim_doc_comment)]
    pub every: Option<u32>,
    /// Ask this KMS contract, through the node of --rpc-url, for its keys and whether it allows these boots [default: what
    /// the index knows].
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub kms: Option<Address>,
    /// How each is judged.
    #[command(flatten)]
    pub judge: JudgeArgs,
}

/// Arguments of `devproof observed`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof observed 0x52908400098527886e0f7030069857d2e4169ee7
  devproof observed 0x52908400098527886e0f7030069857d2e4169ee7 --limit 20 --json
  devproof observed 0x52908400098527886e0f7030069857d2e4169ee7 --kept 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 > evidence.json

Exit codes: 0 something was taken down, 1 nothing was.")]
pub struct ObservedArgs {
    /// Name the app by its id.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Tell what was authorised by what has this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
    /// List at most so many.
    #[arg(long, value_name = "NUMBER", verbatim_doc_comment)]
    pub limit: Option<NonZeroUsize>,
    /// List what is behind this place, the next of the list before.
    #[arg(long, value_name = "PLACE", verbatim_doc_comment)]
    pub after: Option<SeenPlace>,
    /// Print what is kept under this SHA-256 instead: evidence, collateral, a policy or a verdict.
    #[arg(long, value_name = "HASH", value_parser = parse::compose_hash, conflicts_with_all = ["limit", "after", "finality"], verbatim_doc_comment)]
    pub kept: Option<B256>,
}

/// Arguments of `devproof stage`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof stage 0x52908400098527886e0f7030069857d2e4169ee7
  devproof stage 0x52908400098527886e0f7030069857d2e4169ee7 --json

docs/stage.md has the points, and what each is told from. What is not known never passes, and some points nobody can tell from
here, so that the answer is never better than could not tell.

Exit codes: 1 a point does not hold (Stage 0), 2 none fails, and some could not be told.")]
pub struct StageArgs {
    /// Name the app by its id.
    #[arg(value_name = "APP", value_parser = parse::app, verbatim_doc_comment)]
    pub app: Address,
    /// Look at what has this finality: unsafe, safe or finalized [default: finalized; unsafe on local chains].
    #[arg(long, env = "DEVPROOF_FINALITY", value_name = "FINALITY", verbatim_doc_comment)]
    pub finality: Option<Finality>,
}

/// Seconds between two looks.
fn interval(text: &str) -> Result<u32, String> {
    match seconds(text) {
        Ok(seconds) if seconds >= 10 => Ok(seconds),
        _ => Err(format!(
            "a time looks like 30s, 10min or 6h, and is 10 s at least, not {}",
            parse::quote(text)
        )),
    }
}
