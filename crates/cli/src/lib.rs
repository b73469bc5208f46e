//! The devproof command.
//!
//! [`opts`] is the tree of arguments, [`cmd`] holds one file per verb, and [`shell`] is the only place
//! that prints. What a verb does is a library function as well, so that other programs need not run
//! the binary.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking"))]

pub mod cmd;
pub mod config;
mod failure;
mod help;
pub mod opts;
pub mod origins;
mod schemas;
pub mod shell;
pub mod text;

pub use failure::{Failure, Outcome};
pub use schemas::{has_no_document, schema};

use crate::{
    opts::{Command, Opts},
    origins::Origins,
    shell::Shell,
};
use clap::{CommandFactory as _, FromArgMatches as _};
use std::process::ExitCode;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let parsed = help::laid_out(Opts::command())
        .try_get_matches()
        .and_then(|matches| Ok((Opts::from_arg_matches(&matches)?, Origins::of(&matches))));
    let (opts, origins) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version are no errors; neither is a reader that had enough of them.
            let usage = error.use_stderr();
            let _ = error.print();
            return if usage { failure::USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    let mut shell = Shell::new(&opts.global);
    shell.start_log();
    match run(opts, &origins, &mut shell) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            shell.failure(&failure);
            failure.code().into()
        }
    }
}

/// After so many steps of tasks it is looked who else has come. An answer is one step, of a tenth of a millisecond or two; after
/// sixty of them, which is what is usual where steps are short, those who came first would wait for those who came at once.
const EVENT_INTERVAL: u32 = 8;

fn run(opts: Opts, origins: &Origins, shell: &mut Shell) -> Result<Outcome, Failure> {
    let Opts { global, command } = opts;
    let settings = match &command {
        // Those that tell of a configuration that makes no sense, or do not care.
        Command::Doctor(_) | Command::Completions(_) | Command::Man(_) => {
            config::without_file(global.clone())
        }
        _ => config::load(global.clone())?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .event_interval(EVENT_INTERVAL)
        .enable_all()
        .build()
        .map_err(|e| Failure::CouldNotTell(format!("no thread could be started ({e})")))?;
    runtime.block_on(async {
        match command {
            Command::Index(args) => cmd::index::run(args, settings, shell).await,
            Command::At(args) => cmd::at::run(args, settings, shell).await,
            Command::History(args) => cmd::history::run(args, settings, shell).await,
            Command::Allowed(args) => cmd::allowed::run(args, settings, shell).await,
            Command::Diff(args) => cmd::diff::run(args, settings, shell).await,
            Command::Family(args) => cmd::family::run(args, settings, shell).await,
            Command::Compose(args) => cmd::compose::run(args, shell).await,
            Command::Deletions(args) => cmd::deletions::run(args, settings, shell).await,
            Command::Verify(args) => cmd::verify::run(args, settings, shell).await,
            Command::Compare(args) => cmd::compare::run(args, settings, shell).await,
            Command::Observe(args) => cmd::observe::run(args, settings, shell).await,
            Command::Observed(args) => cmd::observe::list(args, settings, shell).await,
            Command::Stage(args) => cmd::stage::run(args, settings, shell).await,
            Command::Challenge(args) => cmd::challenge::run(args, settings, shell).await,
            Command::Sigchain(args) => cmd::sigchain::run(args, shell),
            Command::Fsck(args) => cmd::fsck::run(args, settings, shell).await,
            Command::Db(args) => cmd::db::run(args, shell).await,
            Command::Notices(args) => cmd::notices::run(args, settings, shell).await,
            Command::Watch(args) => cmd::watch::run(args, settings, shell).await,
            Command::Notify(args) => cmd::notify::run(args, settings, shell).await,
            Command::App(args) => cmd::operator::app(args, settings, shell).await,
            Command::Key(args) => cmd::key::run(args, &settings, shell),
            Command::Contract(args) => cmd::operator::contract(args, settings, shell).await,
            Command::Propose(args) => cmd::operator::propose(*args, settings, shell).await,
            Command::Activate(args) => cmd::operator::activate(*args, settings, shell).await,
            Command::Cancel(args) => cmd::operator::cancel(*args, settings, shell).await,
            Command::Remove(args) => cmd::operator::remove(*args, settings, shell).await,
            Command::Status(args) => cmd::operator::status(args, settings, shell).await,
            Command::Doctor(args) => cmd::doctor::run(*args, global, origins, shell).await,
            Command::Completions(args) => cmd::completions::run(&args, shell),
            Command::Man(args) => cmd::man::run(args, shell),
            Command::Release(args) => cmd::release::run(*args, settings, shell).await,
            Command::Openapi => cmd::openapi::run(shell),
            Command::Schema(args) => cmd::schema::run(&args, shell),
            Command::Serve(args) => cmd::serve::run(args, settings, shell).await,
        }
    })
}
