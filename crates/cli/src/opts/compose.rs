//! The arguments of `devproof compose`.

use alloy_primitives::B256;
use clap::{Args, Subcommand, ValueEnum};
use devproof_api::parse;
use devproof_compose::lint::Severity;
use std::path::PathBuf;

/// Arguments of `devproof compose`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof compose hash app-compose.json
  devproof compose show https://52908400098527886e0f7030069857d2e4169ee7-8090.app.example/
  devproof compose lint app-compose.json --format github
  devproof compose diff old.json new.json
  devproof compose predict app-compose.json --hash 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

SOURCE is a file, - for standard input, or the URL of a running app's metadata endpoint (port 8090, its page or
/prpc/Info). What an app says of itself there is a self-report: nothing in it is signed.")]
pub struct ComposeArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ComposeCommand,
}

/// What is done with an app-compose.json.
#[derive(Clone, Debug, Subcommand)]
pub enum ComposeCommand {
    /// Print the compose hash, the SHA-256 of the exact bytes, and warn of signs that they are not the deployed ones.
    #[command(verbatim_doc_comment)]
    Hash(HashArgs),
    /// Show what is in it, and how far it leads back to source code.
    #[command(verbatim_doc_comment)]
    Show(ShowArgs),
    /// Look for what an operator could do with it.
    #[command(verbatim_doc_comment)]
    Lint(LintArgs),
    /// Tell in words what changed between two of them.
    #[command(verbatim_doc_comment)]
    Diff(ComposeDiffArgs),
    /// Tell which hash each tool would give for the same object, and which of them matches.
    #[command(verbatim_doc_comment)]
    Predict(PredictArgs),
}

/// Arguments of `devproof compose hash`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof compose hash app-compose.json
  devproof compose hash app-compose.json --expect 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

With --expect the exit code is 0 if that is the hash, and 1 if not.")]
pub struct HashArgs {
    /// Read this file, - for standard input, or the URL of a metadata endpoint.
    #[arg(value_name = "SOURCE", verbatim_doc_comment)]
    pub source: String,
    /// Ask whether this is the hash.
    #[arg(long, value_name = "HASH", value_parser = parse::compose_hash, verbatim_doc_comment)]
    pub expect: Option<B256>,
}

/// Arguments of `devproof compose show`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof compose show app-compose.json
  devproof compose show app-compose.json --provenance provenance.json
  devproof compose show https://52908400098527886e0f7030069857d2e4169ee7-8090.app.example/ --json")]
pub struct ShowArgs {
    /// Read this file, - for standard input, or the URL of a metadata endpoint.
    #[arg(value_name = "SOURCE", verbatim_doc_comment)]
    pub source: String,
    /// Read from this file which commit images were built from (in-toto with SLSA provenance); may be repeated.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub provenance: Vec<PathBuf>,
}

/// Arguments of `devproof compose lint`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof compose lint app-compose.json
  devproof compose lint app-compose.json --deny medium --format sarif > lint.sarif
  devproof compose lint https://52908400098527886e0f7030069857d2e4169ee7-8090.app.example/ --json

Exit codes: 0 nothing as grave as --deny, 1 something is, 2 could not tell: also where nothing is as grave, and part
of the file could not be read. docs/compose.md has all rules.")]
pub struct LintArgs {
    /// Read this file, - for standard input, or the URL of a metadata endpoint.
    #[arg(value_name = "SOURCE", verbatim_doc_comment)]
    pub source: String,
    /// Print findings in this form; --json is the same as json.
    #[arg(long, value_enum, value_name = "FORMAT", verbatim_doc_comment)]
    pub format: Option<Format>,
    /// End with exit code 1 if a finding is as grave as this.
    #[arg(
        long,
        env = "DEVPROOF_DENY",
        value_enum,
        default_value = "high",
        value_name = "SEVERITY",
        verbatim_doc_comment
    )]
    pub deny: Deny,
    /// Check that the file has this hash, which the chain or somebody else claims.
    #[arg(long, value_name = "HASH", value_parser = parse::compose_hash, verbatim_doc_comment)]
    pub compose_hash: Option<B256>,
    /// Take into account that it runs on this OS image, by its name.
    #[arg(long, value_name = "NAME", verbatim_doc_comment)]
    pub os_image: Option<String>,
}

/// Arguments of `devproof compose diff`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof compose diff old.json new.json
  devproof compose diff app-compose.json https://52908400098527886e0f7030069857d2e4169ee7-8090.app.example/ --json

The exit code is 0 whether or not something changed.")]
pub struct ComposeDiffArgs {
    /// Read the one before from this file or URL; - for standard input.
    #[arg(value_name = "BEFORE", verbatim_doc_comment)]
    pub before: String,
    /// Read the one after likewise.
    #[arg(value_name = "AFTER", verbatim_doc_comment)]
    pub after: String,
}

/// Arguments of `devproof compose predict`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof compose predict app-compose.json
  devproof compose predict app-compose.json --hash 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

With --hash the exit code is 0 if some tool would give that hash, and 1 if none would.")]
pub struct PredictArgs {
    /// Read this file, - for standard input, or the URL of a metadata endpoint.
    #[arg(value_name = "SOURCE", verbatim_doc_comment)]
    pub source: String,
    /// Ask which tool gives this hash instead of that of the file.
    #[arg(long, value_name = "HASH", value_parser = parse::compose_hash, verbatim_doc_comment)]
    pub hash: Option<B256>,
}

/// The form of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Words for people.
    Text,
    /// The document.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of a GitHub workflow.
    Github,
}

/// From which severity on lint says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Never.
    None,
    /// From critical on.
    Critical,
    /// From high on.
    High,
    /// From medium on.
    Medium,
    /// From low on.
    Low,
    /// At anything.
    Note,
}

impl Deny {
    /// The severity, if there is one.
    #[must_use]
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::None => None,
            Self::Critical => Some(Severity::Critical),
            Self::High => Some(Severity::High),
            Self::Medium => Some(Severity::Medium),
            Self::Low => Some(Severity::Low),
            Self::Note => Some(Severity::Note),
        }
    }
}
