//! The arguments of what is done to a whole database.

use super::values::seconds;
use clap::Args;
use devproof_api::parse;

/// Arguments of `devproof db prune-evidence`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof db prune-evidence devproof.db --older-than 365d --dry-run
  devproof db prune-evidence postgres://devproof@127.0.0.1/devproof --older-than 730d

Evidence, collateral and policies by which no quote was judged that was seen since then are dropped. Every observation stays, and
so do its verdict and all hashes: whoever has the bytes elsewhere can still show that they are the ones. What was dropped cannot
be had again, and a verdict that rests on it cannot be repeated from here.

Exit codes: 0 done, 2 could not.")]
pub struct PruneEvidenceArgs {
    /// Drop it from this database, an SQLite path or postgres:// URL.
    #[arg(value_name = "DATABASE", verbatim_doc_comment)]
    pub database: String,
    /// Keep what was seen within this time, as in 365d; at least a day.
    #[arg(long, value_name = "TIME", value_parser = age, verbatim_doc_comment)]
    pub older_than: u32,
    /// Only say how much it would be.
    #[arg(long, verbatim_doc_comment)]
    pub dry_run: bool,
}

/// Seconds. A slip of the finger must not take everything.
fn age(text: &str) -> Result<u32, String> {
    match seconds(text) {
        Ok(seconds) if seconds >= 86_400 => Ok(seconds),
        _ => Err(format!(
            "an age looks like 365d, and is a day at least, not {}",
            parse::quote(text)
        )),
    }
}
